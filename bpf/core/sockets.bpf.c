// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sockhash and the two programs that the kernel allows only once: sock_ops puts outgoing connections of traced processes
 * into the sockhash and takes them out again; sk_msg hands their bytes to the carrier of the protocol that claimed them.
 */
#include <obi/abi.bpf.h>
#include <obi/carrier.bpf.h>
#include <obi/counter.bpf.h>
#include <obi/process.bpf.h>
#include <obi/stream.bpf.h>

OBI_LICENSE;

OBI_PROGRAM_ARRAY(obi_carriers);

/* Socket cookie → socket. Inserted: obi_sockops, user space (connections that were open before). Deleted: obi_sockops, close. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} obi_sockhash SEC(".maps");

static __always_inline void connecting(struct tcp_sock *tp)
{
	/* tcp_connect runs in the connecting thread */
	if (obi_process_get(obi_current_tgid()))
		obi_connection_get((struct sock *)tp);
}

static __always_inline void established(struct bpf_sock_ops *ops, struct tcp_sock *tp, struct obi_connection *c)
{
	__u64 cookie = bpf_get_socket_cookie(ops);

	if (obi_is_zerocopy(tp))
		return;
	if (bpf_sock_hash_update(ops, &obi_sockhash, &cookie, BPF_ANY)) {
		obi_count(OBI_COUNTER_SOCKHASH_FULL);
		return;
	}
	c->flags |= OBI_CONNECTION_WATCHED;
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_RTT_CB_FLAG);
}

/* Something was acknowledged; the answer to it cannot have been read yet. */
static __always_inline void acknowledged(struct bpf_sock_ops *ops, struct obi_connection *c)
{
	__u64 cookie;

	if (!(c->flags & OBI_CONNECTION_LEAVE))
		return;
	cookie = bpf_get_socket_cookie(ops);
	bpf_map_delete_elem(&obi_sockhash, &cookie);
	c->flags = (c->flags & ~OBI_CONNECTION_WATCHED) | OBI_CONNECTION_LEFT;
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags & ~BPF_SOCK_OPS_RTT_CB_FLAG);
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
	if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && ops->op != BPF_SOCK_OPS_RTT_CB)
		return 1;
	c = obi_connection_find((__u64)tp);
	if (!c)
		return 1;
	if (ops->op == BPF_SOCK_OPS_RTT_CB)
		acknowledged(ops, c);
	else
		established(ops, tp, c);
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
	if (c->protocol != OBI_PROTOCOL_UNDECIDED) {
		bpf_tail_call(msg, &obi_carriers, c->protocol);
		return SK_PASS;
	}
	obi_offer(msg, &obi_carriers, 1);
	obi_carrier_declined(c, tp);
	return SK_PASS;
}
