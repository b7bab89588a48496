/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a thread waits tells how it works: an event loop serves many, a blocking call serves one. Core's taps call this. */
#ifndef OBI_WAIT_BPF_H
#define OBI_WAIT_BPF_H

#include "abi.bpf.h"
#include "scope.bpf.h"
#include "syscall.bpf.h"
#include "trace.bpf.h"

/* poll on one or two descriptors is how blocking libraries time out; on more it is an event loop. */
#define OBI_POLL_LOOP_FDS 2

/* Waited for events while a request was open: what it does next may be for another one, from now on. */
static __always_inline void obi_note_event_wait(__u64 pid_tgid)
{
	struct obi_scope *s = obi_scope_get(pid_tgid);

	if (s && s->request && !(s->flags & OBI_SCOPE_AMBIGUOUS) && obi_request_get(s->request))
		s->flags |= OBI_SCOPE_AMBIGUOUS;
}

/* @return true when the system call was one of waiting. */
static __always_inline bool obi_note_wait(long nr, struct pt_regs *regs, __u64 pid_tgid)
{
	switch (nr) {
	case OBI_NR_epoll_wait:
	case OBI_NR_epoll_pwait:
	case OBI_NR_epoll_pwait2:
	case OBI_NR_io_uring_enter:
		obi_note_event_wait(pid_tgid);
		return true;
	case OBI_NR_poll:
	case OBI_NR_ppoll:
		if (PT_REGS_PARM2_SYSCALL(regs) > OBI_POLL_LOOP_FDS)
			obi_note_event_wait(pid_tgid);
		return true;
	}
	return false;
}

#endif
