// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tap: entry and exit of tcp_sendmsg and tcp_recvmsg, for kernels with BPF trampolines. io_uring is seen too.
 * Where the bytes lie must be noted at entry: the iterator has moved on at exit. Not kretprobes: they follow only some ten
 * calls at a time, and a server has more threads than that waiting in tcp_recvmsg.
 */
#include <obi/abi.bpf.h>
#include <obi/counter.bpf.h>
#include <obi/process.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/socket.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/iter.bpf.h>

OBI_LICENSE;

/* One array per function: the kernel lets a program call only programs that are attached to the same function. */
OBI_PROGRAM_ARRAY(obi_proto_send);
OBI_PROGRAM_ARRAY(obi_proto_recv);

/* A call in flight. */
struct tcp_call {
	__u64 sk;
	struct obi_iter iter;
};

/* pid_tgid → call. Inserted: at entry. Deleted: at exit. LRU: a thread can die in between. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct tcp_call);
} tcp_calls SEC(".maps");

#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000

static __always_inline void entered(struct sock *sk, struct msghdr *msg, __u32 flags, bool egress)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct tcp_call call = { .sk = (__u64)sk };
	struct obi_connection *c;

	if (!obi_process_get(pid_tgid >> 32))
		return;
	c = obi_connection_find((__u64)sk);
	if (c && c->protocol == OBI_PROTOCOL_NONE)
		return;
	if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return;
	obi_iter_read(&call.iter, msg);
	if (call.iter.source == OBI_SOURCE_UNSEEN && egress)
		return; /* pages of sendfile or splice: the system call tap counts them, on all kernels alike */
	if (flags & MSG_TRUNC)
		call.iter.source = OBI_SOURCE_UNSEEN;
	bpf_map_update_elem(&tcp_calls, &pid_tgid, &call, BPF_ANY);
}

/* @return slot to call, 0 for none, OBI_SLOTS to offer the bytes to all. */
static __always_inline __u32 returned(long ret, __u8 direction)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct tcp_call *in_flight = bpf_map_lookup_elem(&tcp_calls, &pid_tgid);
	struct obi_call *call = obi_call_get(direction == OBI_EGRESS ? OBI_CALL_SEND : OBI_CALL_RECV);
	struct sock *sk;
	__u32 slot;

	if (!in_flight || !call)
		return 0;
	sk = (struct sock *)in_flight->sk;
	call->base = in_flight->iter.base;
	call->iovs = in_flight->iter.iovs;
	call->source = in_flight->iter.source;
	bpf_map_delete_elem(&tcp_calls, &pid_tgid);
	if (ret < 0 || (ret == 0 && direction == OBI_EGRESS))
		return 0;
	call->direction = direction;
	slot = obi_call_fill(call, sk, pid_tgid, ret);
	return slot;
}

#define HAND_OVER(ctx, array, call_slot, slot_)                                                                                  \
	({                                                                                                             \
		__u32 slot = (slot_);                                                                                  \
		if (slot > 0 && slot < OBI_SLOTS) {                                                                    \
			bpf_tail_call(ctx, array, slot);                                                               \
		} else if (slot) {                                                                                     \
			obi_offer(ctx, array, 1);                                                                      \
			obi_call_declined(obi_call_get(call_slot));                                                            \
		}                                                                                                      \
	})

/* The number of arguments changed in 5.19; this finds the return value whatever it is. */
static __always_inline long return_value(void *ctx)
{
	__u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	return (int)ret;
}

SEC("fentry/tcp_sendmsg")
int BPF_PROG(obi_tcp_send, struct sock *sk, struct msghdr *msg)
{
	entered(sk, msg, 0, true);
	return 0;
}

SEC("fexit/tcp_sendmsg")
int obi_tcp_sent(unsigned long long *ctx)
{
	HAND_OVER(ctx, &obi_proto_send, OBI_CALL_SEND, returned(return_value(ctx), OBI_EGRESS));
	return 0;
}

SEC("fentry/tcp_recvmsg")
int obi_tcp_recv(unsigned long long *ctx)
{
	/* Asked for nothing: 0 is not the end of the stream then. */
	if (!ctx[2])
		return 0;
	/* 5.19 dropped the argument `nonblock` before `flags` (commit ec095263a965). */
	__u64 flags = 0;

	bpf_get_func_arg(ctx, bpf_get_func_arg_cnt(ctx) > 5 ? 4 : 3, &flags);
	entered((struct sock *)ctx[0], (struct msghdr *)ctx[1], flags, false);
	return 0;
}

SEC("fexit/tcp_recvmsg")
int obi_tcp_recvd(unsigned long long *ctx)
{
	HAND_OVER(ctx, &obi_proto_recv, OBI_CALL_RECV, returned(return_value(ctx), OBI_INGRESS));
	return 0;
}
