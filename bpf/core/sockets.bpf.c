// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sockhash and the two programs that the kernel allows only once: sock_ops puts outgoing connections of traced processes
 * into the sockhash and takes them out again; sk_msg hands their bytes to the carrier of the protocol that claimed them.
 */
#include <obi/abi.bpf.h>
#include <obi/carrier.bpf.h>
#include <obi/counter.bpf.h>
#include <obi/process.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/trace.bpf.h>

OBI_LICENSE;

OBI_PROGRAM_ARRAY(obi_carriers);

/* Socket cookie → socket. Inserted: obi_sockops, user space (connections that were open before). Deleted: obi_sockops, close. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} obi_sockhash SEC(".maps");

/* ebpf.blocking_sockets */
const volatile __u8 obi_cfg_blocking_sockets = 1;

static __always_inline void connecting(struct tcp_sock *tp)
{
	/* tcp_connect runs in the connecting thread */
	struct obi_process *process = obi_process_get(obi_current_tgid());
	struct obi_connection *c = process ? obi_connection_get((struct sock *)tp) : NULL;

	if (!c)
		return;
	if (obi_fionread_unsafe(process))
		c->flags |= OBI_CONNECTION_UNSAFE;
}

/* Callbacks of a watched socket; those for each segment only where they are needed. */
#define WATCH_UNSAFE (BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG)
#define WATCH_CALLBACKS(c) (BPF_SOCK_OPS_RTT_CB_FLAG | ((c)->flags & OBI_CONNECTION_UNSAFE ? WATCH_UNSAFE : 0))

static __always_inline void established(struct bpf_sock_ops *ops, struct tcp_sock *tp, struct obi_connection *c)
{
	__u64 cookie = bpf_get_socket_cookie(ops);

	if (obi_is_zerocopy(tp))
		return;
	if (obi_is_blocking(tp)) {
		if (!obi_cfg_blocking_sockets)
			return;
		c->flags |= OBI_CONNECTION_UNSAFE;
	}
	if (bpf_sock_hash_update(ops, &obi_sockhash, &cookie, BPF_ANY)) {
		obi_count(OBI_COUNTER_SOCKHASH_FULL);
		return;
	}
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | WATCH_CALLBACKS(c));
}

static __always_inline void leave(struct bpf_sock_ops *ops, struct obi_connection *c)
{
	__u64 cookie = bpf_get_socket_cookie(ops);

	bpf_map_delete_elem(&obi_sockhash, &cookie);
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags & ~WATCH_CALLBACKS(c));
}

/*
 * A segment came in, and is not readable yet. Where FIONREAD would lie about its bytes, the socket leaves now at the latest:
 * the server may speak first. The kernel tells of such segments only until one was acknowledged (its fast path tells nothing).
 */
static __always_inline void received(struct bpf_sock_ops *ops, struct obi_connection *c)
{
	struct tcphdr *header = ops->skb_data;

	if ((void *)(header + 1) > ops->skb_data_end)
		return;
	if (ops->skb_len > ((__u8 *)header)[12] >> 2) /* data offset, in words: more than the header is payload */
		leave(ops, c);
}

/*
 * A segment goes out; sk_msg has seen its bytes. Most often this is still inside the write, so that the program finds an
 * ordinary socket when it reads next: nothing can come back that FIONREAD would lie about, however the answer is timed.
 */
static __always_inline void sending(struct bpf_sock_ops *ops, struct obi_connection *c)
{
	if (ops->skb_len) /* more than an acknowledgement */
		leave(ops, c);
}

SEC("sockops")
int obi_sockops(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;
	struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	struct obi_connection *c;

	if (!tp)
		return 1;
	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
		connecting(tp);
		return 1;
	}
	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ops->op != BPF_SOCK_OPS_RTT_CB &&
	    ops->op != BPF_SOCK_OPS_PARSE_HDR_OPT_CB && ops->op != BPF_SOCK_OPS_HDR_OPT_LEN_CB)
		return 1;
	c = obi_connection_find((__u64)tp);
	if (!c)
		return 1;
	if (ops->op == BPF_SOCK_OPS_PARSE_HDR_OPT_CB)
		received(ops, c);
	else if (ops->op == BPF_SOCK_OPS_HDR_OPT_LEN_CB)
		sending(ops, c);
	else if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		established(ops, tp, c);
	else if (c->flags & (OBI_CONNECTION_LEAVE | OBI_CONNECTION_UNSAFE))
		leave(ops, c); /* something was acknowledged; the answer to it cannot have been read yet */
	return 1;
}

SEC("sk_msg")
int obi_msg(struct sk_msg_md *msg)
{
	struct tcp_sock *tp = obi_msg_tcp_sock(msg);
	struct obi_connection *c;

	/* A verdict for some bytes outlives this run otherwise and swallows the beginning of the next message. */
	if (!obi_test_no_apply_reset)
		bpf_msg_apply_bytes(msg, 0);
	if (!tp)
		return SK_PASS;
	c = obi_connection_get((struct sock *)tp);
	if (!c || c->protocol == OBI_PROTOCOL_NONE)
		return SK_PASS;
	/* Deselected since, or handed to a process that is not traced. */
	if (!obi_process_get(bpf_get_current_pid_tgid() >> 32)) {
		c->flags |= OBI_CONNECTION_LEAVE;
		return SK_PASS;
	}
	/* Nobody's bytes, whoever has claimed what they hide. */
	if (c->flags & OBI_CONNECTION_DECRYPTED)
		return SK_PASS;
	if (c->protocol != OBI_PROTOCOL_UNDECIDED) {
		bpf_tail_call(msg, &obi_carriers, c->protocol);
		return SK_PASS;
	}
	obi_offer(msg, &obi_carriers, 1);
	obi_carrier_declined(c, tp);
	return SK_PASS;
}
