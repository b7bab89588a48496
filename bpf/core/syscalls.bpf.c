// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tap: system calls, on every kernel. One raw tracepoint at the exit of every system call; what is not ours
 * leaves after one compare and one lookup. The arguments are still in the saved registers at exit, so the entry needs no hook.
 */
#include <obi/abi.bpf.h>
#include <obi/counter.bpf.h>
#include <obi/process.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/socket.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/syscall.bpf.h>
#include <obi/trace.bpf.h>
#include <obi/wait.bpf.h>

OBI_LICENSE;

OBI_PROGRAM_ARRAY(obi_proto_rtp);
OBI_PROGRAM_ARRAY(obi_markers);

#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define FIONREAD 0x541b

/* A 32-bit process uses other numbers and layouts: left alone. */
static __always_inline bool is_compat(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2; /* TS_COMPAT */
#else
	return task->thread_info.flags & (1 << 22); /* TIF_32BIT */
#endif
}

/* The call moves bytes through `fd`: where they are, and which way they go. False: not a call that concerns us. */
static __always_inline bool describe(struct obi_call *call, long nr, struct pt_regs *regs, __u32 *fd)
{
	__u64 flags = 0;

	*fd = PT_REGS_PARM1_SYSCALL(regs);
	call->base = PT_REGS_PARM2_SYSCALL(regs);
	call->source = OBI_SOURCE_USER;
	call->direction = OBI_INGRESS;
	call->iovs = 0;
	switch (nr) {
	case OBI_NR_write:
	case OBI_NR_sendto:
		call->direction = OBI_EGRESS;
		return true;
	case OBI_NR_read:
		return true;
	case OBI_NR_recvfrom:
		flags = PT_REGS_PARM4_SYSCALL(regs);
		break;
	case OBI_NR_writev:
		call->direction = OBI_EGRESS;
		/* fall through */
	case OBI_NR_readv:
		call->source = OBI_SOURCE_USER_IOV;
		call->iovs = PT_REGS_PARM3_SYSCALL(regs);
		return true;
	case OBI_NR_sendmsg:
		call->direction = OBI_EGRESS;
		/* fall through */
	case OBI_NR_recvmsg: {
		/* struct user_msghdr: msg_iov at 16, msg_iovlen at 24 on 64-bit machines */
		__u64 iov[2] = {};

		bpf_probe_read_user(iov, sizeof(iov), (void *)(call->base + 16));
		call->source = OBI_SOURCE_USER_IOV;
		call->base = iov[0];
		call->iovs = iov[1];
		if (nr == OBI_NR_sendmsg)
			return true;
		flags = PT_REGS_PARM3_SYSCALL(regs);
		break;
	}
	case OBI_NR_sendfile:
		call->direction = OBI_EGRESS;
		call->source = OBI_SOURCE_UNSEEN;
		return true;
	case OBI_NR_splice:
		call->source = OBI_SOURCE_UNSEEN;
		return true;
	default:
		return false;
	}
	if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return false;
	if (flags & MSG_TRUNC)
		call->source = OBI_SOURCE_UNSEEN;
	return true;
}

static __always_inline void note_ioctl(struct obi_process *process, struct pt_regs *regs)
{
	if (PT_REGS_PARM2_SYSCALL(regs) == FIONREAD && obi_fd_tcp_sock(PT_REGS_PARM1_SYSCALL(regs)))
		process->flags |= OBI_PROCESS_ASKED_FIONREAD;
}

/* How a runtime probe's script speaks to the kernel: a kill(2) with a signal number that does not exist, so that nothing can be delivered. */
static __always_inline bool is_marker(struct pt_regs *regs)
{
	return (__u32)PT_REGS_PARM2_SYSCALL(regs) >> 24 == OBI_MARKER_SIGNALS >> 24;
}

static __always_inline void note_accept(__u64 pid_tgid, __u32 fd)
{
	struct sock *sk = obi_fd_tcp_sock(fd);

	if (sk && obi_connection_get(sk))
		obi_thread_set_socket(pid_tgid, (__u64)sk);
}

static __always_inline bool wanted(__u64 nr)
{
	switch (nr) {
	case OBI_NR_read:
	case OBI_NR_write:
	case OBI_NR_poll:
	case OBI_NR_ioctl:
	case OBI_NR_readv:
	case OBI_NR_writev:
	case OBI_NR_sendfile:
	case OBI_NR_sendto:
	case OBI_NR_recvfrom:
	case OBI_NR_sendmsg:
	case OBI_NR_recvmsg:
	case OBI_NR_epoll_wait:
	case OBI_NR_ppoll:
	case OBI_NR_splice:
	case OBI_NR_epoll_pwait:
	case OBI_NR_sendmmsg:
	case OBI_NR_epoll_pwait2:
	case OBI_NR_io_uring_enter:
	case OBI_NR_accept:
	case OBI_NR_accept4:
	case OBI_NR_kill:
		return true;
	}
	return false;
}

/* With the TCP tap attached, most bytes come from there, and this program only sees the rest: sendfile and splice. */
enum { BYTES_FILES = 1, BYTES_ALL = 2 };
const volatile __u8 obi_cfg_bytes = BYTES_ALL;

SEC("raw_tp/sys_exit")
int obi_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = obi_syscall_regs();
	long ret = ctx->args[1];
	long nr = OBI_SYSCALL_NR(regs);
	struct obi_connection *c;
	struct obi_process *process;
	struct obi_call *call;
	struct sock *sk;
	__u64 pid_tgid;
	__u32 fd, slot;

	if (!wanted(nr))
		return 0;
	pid_tgid = bpf_get_current_pid_tgid();
	process = obi_process_get(pid_tgid >> 32);
	if (!process || is_compat())
		return 0;
	if (obi_note_wait(nr, regs, pid_tgid))
		return 0;
	if (nr == OBI_NR_ioctl) {
		note_ioctl(process, regs);
		return 0;
	}
	if (nr == OBI_NR_kill) {
		if (process->runtime && is_marker(regs))
			bpf_tail_call(ctx, &obi_markers, process->runtime);
		return 0;
	}
	if (nr == OBI_NR_accept || nr == OBI_NR_accept4) {
		if (process->runtime && ret >= 0)
			note_accept(pid_tgid, ret);
		return 0;
	}
	if (ret < 0 || (obi_cfg_bytes == BYTES_FILES && nr != OBI_NR_sendfile && nr != OBI_NR_splice))
		return 0;
	call = obi_call_get(OBI_CALL_SYSCALL);
	if (!call)
		return 0;
	if (nr == OBI_NR_sendmmsg) {
		/* Bytes that cannot be attributed to single messages: not for us, if it is TCP at all. */
		sk = obi_fd_tcp_sock(PT_REGS_PARM1_SYSCALL(regs));
		c = sk ? obi_connection_find((__u64)sk) : NULL;
		if (!c || c->flags & OBI_CONNECTION_DECRYPTED)
			return 0;
		slot = c->protocol;
		obi_connection_release(c);
		if (slot == OBI_PROTOCOL_UNDECIDED || slot == OBI_PROTOCOL_NONE)
			return 0;
		call->sk = (__u64)sk;
		call->connection = c->id;
		call->now_ns = bpf_ktime_get_ns();
		call->event = OBI_CLOSED;
		bpf_tail_call(ctx, &obi_proto_rtp, slot);
		return 0;
	}
	if (!describe(call, nr, regs, &fd))
		return 0;
	if (ret == 0 && call->direction == OBI_EGRESS)
		return 0;
	sk = obi_fd_tcp_sock(fd);
	if (!sk && nr == OBI_NR_splice) {
		call->direction = OBI_EGRESS;
		sk = obi_fd_tcp_sock(PT_REGS_PARM3_SYSCALL(regs));
	}
	if (!sk)
		return 0;
	/* A read of nothing: the end of the stream, unless nothing was asked for. */
	if (ret == 0 && nr != OBI_NR_recvmsg && nr != OBI_NR_readv && PT_REGS_PARM3_SYSCALL(regs) == 0)
		return 0;
	slot = obi_call_fill(call, sk, pid_tgid, ret);
	if (slot > 0 && slot < OBI_SLOTS) {
		bpf_tail_call(ctx, &obi_proto_rtp, slot);
	} else if (slot) {
		obi_offer(ctx, &obi_proto_rtp, 1);
		obi_call_declined(call);
	}
	return 0;
}
