/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tap: what a library inside the process encrypts or has decrypted, told by a uprobe on that library (obi_plaintext). From then
 * on the connection's bytes come from there alone: what goes through its socket is no protocol's (OBI_CONNECTION_DECRYPTED).
 * Both directions must be told from one moment on: half an exchange shifts all that follow on a kept connection.
 *
 * A protocol has one more program for its handler, in the slot `protocol.plaintext`; the array is declared here:
 *
 *	SEC("uprobe.multi") int echo_plaintext(struct pt_regs *ctx)
 *	{
 *		if (!echo_handle(obi_plaintext_call())) {
 *			obi_offer(ctx, &obi_proto_plain, obi_slot + 1);
 *			obi_call_declined(obi_plaintext_call());
 *		}
 *		obi_plaintext_done();
 *		return 0;
 *	}
 *
 * Its calls have OBI_SOURCE_USER, nothing to skip, and `from_start` when the connection was met at its start, in the first of
 * them. They may be OBI_BYTES, or OBI_CLOSED when the rest cannot be told; other ends come through `end.raw_tracepoint`, and
 * OBI_END through the socket's slots, as ever. The call may be NULL. All programs are SEC("uprobe.multi"): newer kernels let a
 * program call only such as are attached alike.
 */
#ifndef OBI_PLAINTEXT_BPF_H
#define OBI_PLAINTEXT_BPF_H

#include "process.bpf.h"
#include "stream.bpf.h"

OBI_PROGRAM_ARRAY(obi_proto_plain);

/*
 * pid_tgid → call at hand. Not per CPU: a uprobe's program can be preempted, and another one then runs there. Inserted:
 * obi_plaintext. Deleted: obi_plaintext_done.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct obi_call);
} obi_plain_calls SEC(".maps");

/* Protocol: the call for which its program in `obi_proto_plain` was called. */
static __always_inline struct obi_call *obi_plaintext_call(void)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&obi_plain_calls, &pid_tgid);
}

/* Last thing that a protocol's program does, whether it took the bytes or nobody did: the thread's next call must not find this one. */
static __always_inline void obi_plaintext_done(void)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&obi_plain_calls, &pid_tgid);
}

/* Notes the call. @return slot of the protocol to call, OBI_SLOTS to offer the bytes to all, 0 for none */
static __always_inline __u32 obi_plaintext_begin(struct sock *sk, __u8 direction, __u64 base, __u64 len)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct obi_connection *c = len && obi_process_get(pid_tgid >> 32) ? obi_connection_get(sk) : NULL;
	struct obi_call call = { .sk = (__u64)sk, .pid_tgid = pid_tgid, .base = base, .len = len, .direction = direction, .plain = 1 };
	__u32 slot;

	if (!c)
		return 0;
	if (!(c->flags & OBI_CONNECTION_DECRYPTED)) {
		/* A protocol that goes on in the socket's own bytes keeps them. */
		if (c->protocol != OBI_PROTOCOL_UNDECIDED && c->protocol != OBI_PROTOCOL_NONE)
			return 0;
		call.from_start = !!(c->flags & OBI_CONNECTION_FROM_START);
		c->protocol = OBI_PROTOCOL_UNDECIDED;
		c->tries = 0;
		/* Last: another thread may look at it now. */
		asm volatile("" ::: "memory");
		c->flags |= OBI_CONNECTION_DECRYPTED | OBI_CONNECTION_LEAVE;
	} else if (c->protocol == OBI_PROTOCOL_NONE) {
		return 0;
	}
	slot = c->protocol == OBI_PROTOCOL_UNDECIDED ? OBI_SLOTS : c->protocol;
	call.connection = c->id;
	call.now_ns = bpf_ktime_get_ns();
	call.event = OBI_BYTES;
	call.source = OBI_SOURCE_USER;
	if (len >> 32) {
		/* No call can say so many: the connection cannot be followed any further. */
		obi_connection_release(c);
		if (slot == OBI_SLOTS)
			return 0;
		call.event = OBI_CLOSED;
	}
	if (bpf_map_update_elem(&obi_plain_calls, &pid_tgid, &call, BPF_ANY)) {
		/* What comes next would be taken for what follows. */
		obi_count_in(0, OBI_COUNTER_CONNECTIONS_FULL);
		obi_connection_release(c);
		return 0;
	}
	return slot;
}

/*
 * Tap: `len` bytes at user address `base` went through the connection over `sk`, in this direction. The last thing that a
 * program does: it does not return where a protocol took them. @param ctx of the calling program
 */
static __always_inline void obi_plaintext(void *ctx, struct sock *sk, __u8 direction, __u64 base, __u64 len)
{
	__u32 slot = obi_plaintext_begin(sk, direction, base, len);

	if (!slot)
		return;
	if (slot < OBI_SLOTS) {
		bpf_tail_call(ctx, &obi_proto_plain, slot);
	} else {
		obi_offer(ctx, &obi_proto_plain, 1);
		obi_call_declined(obi_plaintext_call());
	}
	obi_plaintext_done();
}

#endif
