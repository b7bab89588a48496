/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls: the registers at their exit, and the numbers of those that the syscall tap follows, by architecture (asm/unistd_64.h, asm-generic/unistd.h). */
#ifndef OBI_SYSCALL_BPF_H
#define OBI_SYSCALL_BPF_H

#include "abi.bpf.h"

#if defined(__TARGET_ARCH_x86)
enum {
	OBI_NR_read = 0,
	OBI_NR_write = 1,
	OBI_NR_poll = 7,
	OBI_NR_ioctl = 16,
	OBI_NR_readv = 19,
	OBI_NR_writev = 20,
	OBI_NR_sendfile = 40,
	OBI_NR_accept = 43,
	OBI_NR_sendto = 44,
	OBI_NR_recvfrom = 45,
	OBI_NR_sendmsg = 46,
	OBI_NR_recvmsg = 47,
	OBI_NR_kill = 62,
	OBI_NR_epoll_wait = 232,
	OBI_NR_ppoll = 271,
	OBI_NR_splice = 275,
	OBI_NR_epoll_pwait = 281,
	OBI_NR_accept4 = 288,
	OBI_NR_sendmmsg = 307,
	OBI_NR_io_uring_enter = 426,
	OBI_NR_epoll_pwait2 = 441,
};
#define OBI_SYSCALL_NR(regs) ((regs)->orig_ax)
#elif defined(__TARGET_ARCH_arm64)
enum {
	OBI_NR_epoll_pwait = 22,
	OBI_NR_ioctl = 29,
	OBI_NR_read = 63,
	OBI_NR_write = 64,
	OBI_NR_readv = 65,
	OBI_NR_writev = 66,
	OBI_NR_sendfile = 71,
	OBI_NR_ppoll = 73,
	OBI_NR_splice = 76,
	OBI_NR_kill = 129,
	OBI_NR_accept = 202,
	OBI_NR_sendto = 206,
	OBI_NR_recvfrom = 207,
	OBI_NR_sendmsg = 211,
	OBI_NR_recvmsg = 212,
	OBI_NR_accept4 = 242,
	OBI_NR_sendmmsg = 269,
	OBI_NR_io_uring_enter = 426,
	OBI_NR_epoll_pwait2 = 441,
	/* not on this architecture */
	OBI_NR_poll = 1001,
	OBI_NR_epoll_wait = 1002,
};
#define OBI_SYSCALL_NR(regs) ((regs)->syscallno)
#else
#error "unknown __TARGET_ARCH"
#endif

/*
 * At sys_exit: the registers with which the task called, the same that the tracepoint passes. Read through the task, each is a plain load;
 * what the tracepoint passes is a number to the verifier, and a helper call per register.
 */
static __always_inline struct pt_regs *obi_syscall_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

/* Signal numbers of markers: from here on 2^24. Their meaning is the runtime probe's own. */
#define OBI_MARKER_SIGNALS 0x0b000000

#endif
