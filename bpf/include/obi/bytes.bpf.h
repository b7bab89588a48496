/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Walks over the bytes of one read or write, wherever they lie: one buffer or several of the application, or an sk_msg. Knows
 * no protocol. Who includes it defines obi_bytes_take, which is called with what is at hand until nothing is left or it stops.
 */
#ifndef OBI_BYTES_BPF_H
#define OBI_BYTES_BPF_H

#include <obi/abi.bpf.h>
#include <obi/stream.bpf.h>

/* Most that obi_bytes_read reads at once. */
#define OBI_BYTES_CHUNK 64
/* Steps of one call; a step is a call of obi_bytes_take, or the next vector. */
#define OBI_BYTES_STEPS 65536

struct obi_bytes {
	struct sk_msg_md *msg; /* the bytes are in this message, else NULL */
	void *state; /* the probe's own, for obi_bytes_take */
	__u64 base; /* user address of the bytes at hand */
	__u64 iov; /* user or kernel address of the next struct iovec */
	__u32 iovs; /* vectors still to come */
	__u32 left; /* bytes at hand */
	__u32 total; /* bytes of the call still to come, those at hand included */
	__u32 offset; /* in the message */
	__u32 skip; /* bytes at the front that were shown before */
	__u8 source; /* enum obi_source */
	__u8 stop; /* set by obi_bytes_take: enough */
	__u8 _pad[2];
};

/* To be defined by the probe: looks at some of the `b->left` bytes at hand and says how many are done with obi_bytes_took. */
static void obi_bytes_take(struct obi_bytes *b);

static __always_inline void obi_bytes_took(struct obi_bytes *b, __u32 n)
{
	b->base += n;
	b->left -= n;
	b->total -= n;
	b->offset += n;
}

/* Copies `n` (at most OBI_BYTES_CHUNK) of the bytes at hand. */
static __always_inline bool obi_bytes_read(struct obi_bytes *b, __u8 *chunk, __u32 n)
{
	obi_barrier(n); /* the verifier must see the bound on the register that the helper gets */
	if (n > OBI_BYTES_CHUNK)
		return false;
	if (b->msg) {
		if (bpf_msg_pull_data(b->msg, b->offset, b->offset + n, 0))
			return false;
		return bpf_probe_read_kernel(chunk, n, b->msg->data) == 0;
	}
	return bpf_probe_read_user(chunk, n, (void *)b->base) == 0;
}

static __always_inline long obi_bytes_iov(__u64 iov[2], __u8 source, __u64 at)
{
	if (source == OBI_SOURCE_KERNEL_IOV)
		return bpf_probe_read_kernel(iov, 16, (void *)at);
	return bpf_probe_read_user(iov, 16, (void *)at);
}

static long obi_bytes_step(__u32 i, struct obi_bytes *b)
{
	__u64 iov[2] = {};

	if (b->stop || !b->total)
		return 1;
	if (!b->left) {
		if (!b->iovs || obi_bytes_iov(iov, b->source, b->iov))
			return 1;
		b->iov += sizeof(iov);
		b->iovs--;
		b->base = iov[0];
		b->left = iov[1] < b->total ? iov[1] : b->total;
		return 0;
	}
	if (b->skip) {
		__u32 n = b->skip < b->left ? b->skip : b->left;

		b->skip -= n;
		obi_bytes_took(b, n);
		return 0;
	}
	obi_bytes_take(b);
	return 0;
}

/* Calls obi_bytes_take for all bytes. `b->total` is then what could not be walked over. */
static __always_inline void obi_bytes_walk(struct obi_bytes *b)
{
	bpf_loop(OBI_BYTES_STEPS, obi_bytes_step, b, 0);
}

/*
 * `zero` is 0, but read from a map, so that the verifier does not know: before Linux 6.7 it takes the callback of bpf_loop to run
 * once, and would remove branches on what is a constant at the beginning.
 */
static __always_inline void obi_bytes_of_call(struct obi_bytes *b, const struct obi_call *call, __u32 zero)
{
	b->source = call->source;
	b->total = call->len;
	b->skip = call->skip;
	b->offset = zero;
	b->stop = zero;
	b->left = zero;
	b->iovs = zero;
	if (call->source == OBI_SOURCE_USER) {
		b->base = call->base;
		b->left = call->len;
	} else {
		b->iov = call->base;
		b->iovs = call->iovs;
	}
}

/* `seen` bytes at the front were shown in an earlier run. */
static __always_inline void obi_bytes_of_msg(struct obi_bytes *b, struct sk_msg_md *msg, __u32 seen, __u32 zero)
{
	b->msg = msg;
	b->total = msg->size;
	b->left = b->total;
	b->skip = seen;
	b->offset = zero;
	b->stop = zero;
	b->iovs = zero;
}

/* The first bytes of a call, as far as they lie in its first vector: at most `room`, a constant. @return how many */
static __always_inline __u32 obi_bytes_peek(const struct obi_call *call, __u8 *chunk, const __u32 room)
{
	__u64 iov[2] = { call->base, call->len };
	__u32 n = room;

	if (call->source != OBI_SOURCE_USER && obi_bytes_iov(iov, call->source, call->base))
		return 0;
	if (n > call->len)
		n = call->len;
	if (n > iov[1])
		n = iov[1];
	obi_barrier(n); /* the verifier must see the bound on the register that the helper gets */
	if (n > room || bpf_probe_read_user(chunk, n, (void *)iov[0]))
		return 0;
	return n;
}

#endif
