// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* obi/route.bpf.h alone: what a runtime probe tells of a request, and what the sender of its record gets. */
#include <obi/abi.bpf.h>
#include <obi/test.bpf.h>
/* The "application's memory" is t_input. */
#define bpf_probe_read_user bpf_probe_read_kernel
#include <obi/route.bpf.h>

OBI_LICENSE;

#define REQUEST 7

/* What a run is asked to do, t_input.option. */
#define OPTION_UNSAMPLED 1
#define OPTION_UNREADABLE 1
#define OPTION_NO_ROOM 1

struct t_output {
	__u8 text[OBI_ROUTE_BYTES];
	__u64 lost; /* counted by this run */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct t_output);
} t_output SEC(".maps");

static __always_inline __u64 lost(void)
{
	__u32 key = obi_slot * OBI_COUNTERS_PER_SLOT + OBI_COUNTER_ROUTES_LOST;
	__u64 *value = bpf_map_lookup_elem(&obi_counters, &key);

	return value ? *value : 0;
}

/* The request is read. */
SEC("raw_tp/t_open")
int t_open(void *ctx)
{
	struct t_input *in = t_input_get();
	struct obi_request *request;
	__u64 id = REQUEST;

	obi_route_forget(id);
	bpf_map_update_elem(&obi_requests, &id, (const void *)&obi_blank_request, BPF_ANY);
	request = obi_request_get(id);
	if (!in || !request)
		return 1;
	request->trace.flags = in->option & OPTION_UNSAMPLED ? 0 : OBI_TRACE_SAMPLED;
	return 0;
}

SEC("raw_tp/t_close")
int t_close(void *ctx)
{
	__u64 id = REQUEST;

	bpf_map_delete_elem(&obi_requests, &id);
	return 0;
}

/* @return 1: nobody will ask for it */
SEC("raw_tp/t_append")
int t_append(void *ctx)
{
	struct t_input *in = t_input_get();
	struct obi_route *route = obi_route_begin(REQUEST);

	if (!in || !route)
		return 1;
	obi_route_append(route, in->option & OPTION_UNREADABLE ? 1 : (__u64)in->bytes, in->len);
	return 0;
}

SEC("raw_tp/t_forget")
int t_forget(void *ctx)
{
	obi_route_forget(REQUEST);
	return 0;
}

/* @return bytes in t_output.text */
SEC("raw_tp/t_take")
int t_take(void *ctx)
{
	struct t_input *in = t_input_get();
	__u32 zero = 0, n;
	struct t_output *out = bpf_map_lookup_elem(&t_output, &zero);
	__u64 before = lost();

	if (!in || !out)
		return 0;
	n = obi_route_take(REQUEST, out->text, !(in->option & OPTION_NO_ROOM));
	out->lost = lost() - before;
	return n;
}
