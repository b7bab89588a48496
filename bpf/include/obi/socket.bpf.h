/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a file descriptor to its TCP socket, and what the kernel knows of it. The task's own fields are plain loads, the rest are reads by helper: any tracing program may call these. */
#ifndef OBI_SOCKET_BPF_H
#define OBI_SOCKET_BPF_H

#include "abi.bpf.h"

#define OBI_AF_INET 2
#define OBI_AF_INET6 10
#define OBI_S_IFMT 0170000
#define OBI_S_IFSOCK 0140000
#define OBI_IPPROTO_TCP 6

/* The TCP socket behind `fd` of the current task, or NULL. */
static __always_inline struct sock *obi_fd_tcp_sock(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct *files = task->files;
	struct fdtable *table;
	struct file **slots, *file = NULL;
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if (!files)
		return NULL;
	table = files->fdt;
	if (fd >= table->max_fds)
		return NULL;
	slots = table->fd;
	bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & OBI_S_IFMT) != OBI_S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return NULL;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != OBI_AF_INET && family != OBI_AF_INET6)
		return NULL;
	/* SOCK_STREAM of these families is TCP, MPTCP or SCTP; sk_protocol became a full u16 in 5.6. */
	if (BPF_CORE_READ(sk, sk_protocol) != OBI_IPPROTO_TCP)
		return NULL;
	return sk;
}

/* Both ends of a connection. IPv4 addresses are written v4-mapped (::ffff:a.b.c.d); ports in host byte order. */
struct obi_tuple {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 _pad;
};

static __always_inline void obi_v4_mapped(__u8 *out, __be32 address)
{
	__builtin_memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	__builtin_memcpy(out + 12, &address, 4);
}

static __always_inline void obi_sock_tuple(struct sock *sk, struct obi_tuple *tuple)
{
	tuple->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	tuple->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == OBI_AF_INET6) {
		BPF_CORE_READ_INTO(&tuple->local, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&tuple->remote, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	} else {
		obi_v4_mapped(tuple->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		obi_v4_mapped(tuple->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
}

/* Bytes that the application has read from this connection so far. */
static __always_inline __u64 obi_sock_bytes_read(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 unread = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);

	return BPF_CORE_READ(tp, bytes_received) - unread;
}

/* Bytes that the application has written so far; one too many on the connecting side (bytes_acked counts its SYN). */
static __always_inline __u64 obi_sock_bytes_written(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 unacked = BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_una);

	return BPF_CORE_READ(tp, bytes_acked) + unacked;
}

#endif
