// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The handler of HTTP/1 as the taps call it, on bytes out of a map: one made-up connection, any sequence of reads and writes. */
#include <obi/abi.bpf.h>
#include <obi/test.bpf.h>
/* The "application's memory" is t_input: everything else is what the probe runs. */
#define bpf_probe_read_user bpf_probe_read_kernel
#include "handle.bpf.h"

OBI_LICENSE;

OBI_EVENT(http_exchange_event, HTTP_EXCHANGE_EVENT);
OBI_COUNTERS(http_counter);

/* Where nothing can be read: the made-up socket has no addresses. */
#define SOCKET 1
#define CONNECTION 7
#define EXCHANGES 8

/* What a run is asked to do, t_input.option. */
#define OPTION_SPLIT 0xffff /* bits 0-15: where the bytes are cut in two */
#define OPTION_EGRESS (1 << 16)
#define OPTION_IOV (1 << 17) /* the two parts come in one call, as vectors */
#define OPTION_END (1 << 18) /* the direction ends; no bytes */
#define OPTION_CLOSED (1 << 19)
#define OPTION_UNSEEN (1 << 20) /* the bytes cannot be read */
#define OPTION_MIDWAY (1 << 21) /* there were bytes before, which nobody looked at */

struct t_exchange {
	__u64 request_bytes;
	__u64 response_bytes;
	__u32 present;
	__u16 status;
	__u16 line_len;
	__u8 flags;
	__u8 version;
	__u8 host_len;
	__u8 _pad[5];
	__u8 host[96];
	__u8 line[64];
};

struct t_result {
	struct {
		__u64 length;
		__u64 body_left;
		__u32 ordinal;
		__u16 status;
		__u16 flags;
		__u8 state;
		__u8 traceparent_state;
		__u8 minor;
		__u8 _pad;
		__u32 behind;
		struct obi_traceparent traceparent;
	} parser[2];
	__u32 present; /* the connection is HTTP's */
	__u32 protocol; /* obi_connection.protocol */
	struct t_exchange exchange[EXCHANGES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct t_result);
} t_result SEC(".maps");

struct vector {
	__u64 base;
	__u64 len;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vector[2]);
} t_vectors SEC(".maps");

static long forget_one(__u32 i, void *unused)
{
	http_exchange_delete(CONNECTION, i);
	return 0;
}

/* A fresh connection. */
static __noinline int do_open(void)
{
	struct obi_connection fresh = { .id = CONNECTION };
	__u64 sk = SOCKET, id = CONNECTION;

	bpf_map_delete_elem(&http_conns, &id);
	bpf_loop(4 * EXCHANGES, forget_one, NULL, 0);
	return bpf_map_update_elem(&obi_connections, &sk, &fresh, BPF_ANY);
}

/* One read or write of the traced process. Inlined: each frame counts on kernels that round it up to 32 bytes. */
static __always_inline int pass(struct t_input *in, __u32 from, __u32 to, __u32 cut)
{
	struct obi_connection *c = obi_connection_find(SOCKET);
	struct obi_call *call = obi_call_get(OBI_CALL_SYSCALL);
	__u32 zero = 0, option;
	struct vector *vectors = bpf_map_lookup_elem(&t_vectors, &zero);
	bool first;

	if (!call || !vectors || !c || c->protocol == OBI_PROTOCOL_NONE)
		return 0;
	option = in->option;
	first = !from && c->protocol == OBI_PROTOCOL_UNDECIDED;
	__builtin_memset(call, 0, sizeof(*call));
	call->sk = SOCKET;
	call->connection = CONNECTION;
	call->now_ns = bpf_ktime_get_ns();
	call->pid_tgid = 1;
	call->direction = option & OPTION_EGRESS ? OBI_EGRESS : OBI_INGRESS;
	call->event = option & OPTION_END ? OBI_END : OBI_BYTES;
	call->source = option & OPTION_UNSEEN ? OBI_SOURCE_UNSEEN : OBI_SOURCE_USER;
	call->from_start = first && !(option & OPTION_MIDWAY);
	call->base = (__u64)in->bytes + from;
	call->len = to - from;
	if (option & OPTION_IOV) {
		vectors[0].base = (__u64)in->bytes + from;
		vectors[0].len = cut - from;
		vectors[1].base = (__u64)in->bytes + cut;
		vectors[1].len = to - cut;
		call->source = OBI_SOURCE_USER_IOV;
		call->base = (__u64)vectors;
		call->iovs = 2;
	}
	if (!http_handle(call))
		obi_call_declined(call);
	return 0;
}

/* All of the input, in one call or cut in two. */
static __always_inline int do_pass(void)
{
	struct t_input *in = t_input_get();
	struct http_connection *h;
	__u32 cut, from = 0, to;

	if (!in)
		return 1;
	cut = in->option & OPTION_SPLIT;
	if (in->option & OPTION_CLOSED) {
		h = http_connection_get(CONNECTION);
		if (h)
			http_closed(http_open_exchanges(h), CONNECTION, bpf_ktime_get_ns());
		return 0;
	}
	to = cut && !(in->option & OPTION_IOV) ? cut : in->len;
#pragma clang loop unroll(disable)
	for (int part = 0; part < 2; part++) {
		pass(in, from, to, cut);
		if (to >= in->len)
			break;
		from = to;
		to = in->len;
	}
	return 0;
}

struct capturing {
	struct t_result *result;
};

static long capture_exchange(__u32 i, struct capturing *to)
{
	struct http_exchange_event *ex = http_exchange_get(CONNECTION, i);
	struct t_exchange *out;

	if (i >= EXCHANGES)
		return 1;
	out = &to->result->exchange[i];
	__builtin_memset(out, 0, sizeof(*out));
	if (!ex)
		return 0;
	out->present = 1;
	out->request_bytes = ex->request_bytes;
	out->response_bytes = ex->response_bytes;
	out->status = ex->status;
	out->line_len = ex->line_len;
	out->flags = ex->flags;
	out->version = ex->version;
	out->host_len = ex->host_len;
	__builtin_memcpy(out->host, ex->host, sizeof(out->host));
	__builtin_memcpy(out->line, ex->line, sizeof(out->line));
	return 0;
}

/* Puts what the probe knows of the connection into t_result. */
static __noinline int do_capture(void)
{
	__u32 zero = 0;
	struct t_result *result = bpf_map_lookup_elem(&t_result, &zero);
	struct obi_connection *c = obi_connection_find(SOCKET);
	struct http_connection *h = http_connection_get(CONNECTION);
	struct capturing to;

	if (!result || !c)
		return 1;
	__builtin_memset(result->parser, 0, sizeof(result->parser));
	result->present = h != NULL;
	result->protocol = c->protocol;
	to.result = result;
	bpf_loop(EXCHANGES, capture_exchange, &to, 0);
	if (!h)
		return 0;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		result->parser[i].length = h->parser[i].length;
		result->parser[i].body_left = h->parser[i].body_left;
		result->parser[i].ordinal = h->parser[i].ordinal;
		result->parser[i].status = h->parser[i].status;
		result->parser[i].flags = h->parser[i].flags;
		result->parser[i].state = h->parser[i].state;
		result->parser[i].traceparent_state = h->parser[i].traceparent_state;
		result->parser[i].minor = h->parser[i].minor;
		result->parser[i].behind = h->parser[i].behind;
		result->parser[i].traceparent = h->parser[i].traceparent;
	}
	return 0;
}

SEC("raw_tp/t_open")
int t_open(void *ctx)
{
	return do_open();
}

SEC("raw_tp/t_pass")
int t_pass(void *ctx)
{
	return do_pass();
}

SEC("raw_tp/t_capture")
int t_capture(void *ctx)
{
	return do_capture();
}

SEC("raw_tp/t_once")
int t_once(void *ctx)
{
	do_open();
	do_pass();
	return do_capture();
}
