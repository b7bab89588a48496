/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Carriers: programs that may change outgoing bytes of a socket in core's sockhash. Core owns the sockhash and its one
 * sk_msg program, which tail-calls the carrier of the protocol that claimed the connection.
 */
#ifndef OBI_CARRIER_BPF_H
#define OBI_CARRIER_BPF_H

#include "abi.bpf.h"
#include "process.bpf.h"
#include "stream.bpf.h"

/* Kernels that answer FIONREAD with 0 for sockets in a sockhash (measured at start): sockets leave with their first bytes. */
const volatile __u8 obi_cfg_fionread_fault = 0;

static __always_inline struct tcp_sock *obi_msg_tcp_sock(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;

	return sk ? bpf_skc_to_tcp_sock(sk) : NULL;
}

/* SO_ZEROCOPY: completions of MSG_ZEROCOPY get lost or multiplied in a sockhash. */
static __always_inline bool obi_is_zerocopy(struct tcp_sock *tp)
{
	unsigned long flags = BPF_CORE_READ(tp, inet_conn.icsk_inet.sk.__sk_common.skc_flags);

	return flags & (1UL << bpf_core_enum_value(enum sock_flags, SOCK_ZEROCOPY));
}

#define OBI_O_NONBLOCK 04000
/* Only for the test that shows the harm. */
const volatile __u8 obi_test_no_blocking_guard = 0;

/*
 * A read that waits on a socket in a sockhash answers EAGAIN to a reset, on every kernel tried (6.1 to 6.18):
 * a program that uses blocking sockets expects no such answer.
 */
static __always_inline bool obi_is_blocking(struct tcp_sock *tp)
{
	return !obi_test_no_blocking_guard &&
	       !(BPF_CORE_READ(tp, inet_conn.icsk_inet.sk.sk_socket, file, f_flags) & OBI_O_NONBLOCK);
}

/* Only for the test that shows what the reset prevents. */
const volatile __u8 obi_test_no_apply_reset = 0;

/*
 * No carrier knows these outgoing bytes: the socket leaves the sockhash. Whose connection it is stays open for a protocol
 * without carrier: the system call tap shows it the same bytes, the TCP tap those after them (docs/reference/bpf-sdk.md).
 */
static __always_inline void obi_carrier_declined(struct obi_connection *c, struct tcp_sock *tp)
{
	c->tries++;
	if (c->tries >= OBI_TRIES || obi_sock_bytes_written((struct sock *)tp) <= 1)
		c->flags |= OBI_CONNECTION_LEAVE;
}

/* May this process ask FIONREAD on a kernel that answers wrongly? */
static __always_inline bool obi_fionread_unsafe(const struct obi_process *process)
{
	if (!obi_cfg_fionread_fault)
		return false;
	return !process || !(process->flags & OBI_PROCESS_FIONREAD_SAFE) || process->flags & OBI_PROCESS_ASKED_FIONREAD;
}

/* A carrier has done its work on one request. */
static __always_inline void obi_carrier_sent(struct obi_connection *c, __u64 pid_tgid)
{
	if (obi_cfg_fionread_fault && obi_fionread_unsafe(obi_process_get(pid_tgid >> 32)))
		c->flags |= OBI_CONNECTION_LEAVE;
}

#endif
