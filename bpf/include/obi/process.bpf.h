/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which processes are traced. User space decides; a child process of a traced one is added here at once, so none of its requests is missed. */
#ifndef OBI_PROCESS_BPF_H
#define OBI_PROCESS_BPF_H

#include "abi.bpf.h"

enum obi_process_flag {
	OBI_PROCESS_MULTIPLEXED = 1, /* requests move between threads: a thread says nothing about the request */
	OBI_PROCESS_FIONREAD_SAFE = 2, /* known never to ask FIONREAD: its sockets may stay in the sockhash on kernels that answer wrongly */
	OBI_PROCESS_ASKED_FIONREAD = 4, /* was seen to ask: overrides FIONREAD_SAFE */
	OBI_PROCESS_UNJUDGED = 16, /* executed a program that user space has not looked at yet: may multiplex */
	OBI_PROCESS_PROXY = 8, /* nginx: it notes itself for which request it sends on a connection (obi_proxy_request) */
};

struct obi_process {
	__u32 flags;
	__u32 runtime; /* slot of the runtime probe that declares its scopes, once it is ready; 0: none */
};

/*
 * tgid → process. Inserted: user space (selection), sched_process_fork (child of a traced process).
 * Deleted: user space (deselection), exit of the thread group.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct obi_process);
} obi_processes SEC(".maps");

static __always_inline struct obi_process *obi_process_get(__u32 tgid)
{
	return bpf_map_lookup_elem(&obi_processes, &tgid);
}

/* Does a runtime probe serve this process? */
static __always_inline bool obi_has_runtime(__u32 tgid)
{
	struct obi_process *process = obi_process_get(tgid);

	return process && process->runtime;
}

/* bpf_get_current_pid_tgid is not callable from sock_ops before 6.10 or so; the task is, everywhere. */
static __always_inline __u32 obi_current_tgid(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->tgid;
}

static __always_inline __u64 obi_current_pid_tgid(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return ((__u64)task->tgid << 32) | (__u32)task->pid;
}

#endif
