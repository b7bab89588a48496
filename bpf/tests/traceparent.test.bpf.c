// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* obi/traceparent.bpf.h alone: reads the input as a field's value, and writes one. */
#include <obi/abi.bpf.h>
#include <obi/traceparent.bpf.h>
#include <obi/test.bpf.h>

OBI_LICENSE;

struct t_output {
	struct obi_traceparent read;
	struct obi_trace trace; /* given by user space, for t_format */
	__u8 text[64];
	__u8 state; /* here and not on the stack: before 6.7 the verifier takes what a loop finds there at first for all it ever finds */
	__u8 _pad[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct t_output);
} t_output SEC(".maps");

static __always_inline struct t_output *output_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&t_output, &zero);
}

struct feeding {
	struct t_input *in;
	struct t_output *out;
};

static long feed_one(__u32 i, struct feeding *f)
{
	if (i >= f->in->len || i >= T_INPUT_BYTES)
		return 1;
	obi_traceparent_feed(&f->out->read, &f->out->state, i, f->in->bytes[i]);
	return 0;
}

/* @return 1 when the input is a valid traceparent, which is in t_output then. */
SEC("raw_tp/t_parse")
int t_parse(void *ctx)
{
	struct feeding f = { .in = t_input_get(), .out = output_get() };

	if (!f.in || !f.out)
		return 2;
	f.out->state = OBI_TRACEPARENT_INVALID;
	bpf_loop(T_INPUT_BYTES, feed_one, &f, 0);
	return obi_traceparent_valid(&f.out->read, f.out->state, f.in->len);
}

/* The same, with what can be taken at once taken so. @return as t_parse; 3: there was less, or it was not as it should be */
SEC("raw_tp/t_take")
int t_take(void *ctx)
{
	struct t_input *in = t_input_get();
	struct t_output *out = output_get();
	__u32 len;

	if (!in || !out)
		return 2;
	len = in->len;
	if (len < OBI_TRACEPARENT_LEN || !obi_traceparent_take(&out->read, &out->state, in->bytes))
		return 3;
	if (len > OBI_TRACEPARENT_LEN)
		obi_traceparent_feed(&out->read, &out->state, OBI_TRACEPARENT_LEN, in->bytes[OBI_TRACEPARENT_LEN]);
	return obi_traceparent_valid(&out->read, out->state, len);
}

SEC("raw_tp/t_format")
int t_format(void *ctx)
{
	struct t_output *out = output_get();

	if (!out)
		return 2;
	obi_traceparent_format(out->text, &out->trace);
	return OBI_TRACEPARENT_LEN;
}
