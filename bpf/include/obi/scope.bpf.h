/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Scopes: units of execution that can own a request. Every thread is one (id: pid_tgid); a runtime probe declares others
 * (tasks, goroutines, async ids). Nothing else knows about runtimes. What a runtime probe may say:
 *
 *   what a thread executes   as data: a chain of pointers in the process (obi_chains), followed whenever bytes pass by;
 *                            or as an event: obi_scope_run
 *   what started a scope     obi_scope_start: from then on it works for what its creator worked for at that moment
 *   what a scope works for   obi_scope_claim (a request of its own, with which it ends), obi_scope_set_request (a request),
 *                            obi_scope_follow (a connection: whatever request is current there)
 *   that a scope has ended   obi_scope_end
 *   what caused bytes        obi_connection_announce (stream.bpf.h), for the next request written on a connection
 *
 * What a scope was started for is decided when it starts, not by walking to the creator later: by then the creator may
 * serve another request. A scope that got lost (table full) leaves its thread, and so an unknown parent: never a wrong one.
 */
#ifndef OBI_SCOPE_BPF_H
#define OBI_SCOPE_BPF_H

#include "abi.bpf.h"
#include "process.bpf.h"

enum obi_scope_flag {
	OBI_SCOPE_AMBIGUOUS = 1, /* served several open requests at once, waited for events with one open, or answers what another reads */
	OBI_SCOPE_FORKED = 2, /* copy of a process that has executed no program yet: may be a pool's worker */
	OBI_SCOPE_EXECUTED = 4, /* program that was executed for a request */
	OBI_SCOPE_DECLARED = 8, /* by a runtime probe */
	OBI_SCOPE_USED = 16, /* … and has sent its first call */
};

struct obi_scope {
	__u64 request; /* read by this scope, or given to it; 0: none yet. May be answered already: look it up */
	__u64 connection; /* on which that request came, or (with `socket`) which this scope follows */
	__u64 inherited; /* request of the creator when it started this scope */
	__u64 created_ns; /* with `inherited`: when it was started */
	__u64 running; /* threads only: scope that it runs now, 0: itself */
	__u64 socket; /* key in obi_connections. Declared scopes: the connection that it follows; threads: see obi_thread_socket */
	__u32 flags;
	__u32 creator; /* with `inherited`: process that started it. Declared scopes: their process */
};

/*
 * Threads. Inserted: when a thread reads a request, waits for events with one open, or starts a thread or process while it
 * has one. Deleted: when the thread exits (core).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct obi_scope);
} obi_scopes SEC(".maps");

/*
 * Scopes that runtime probes declared, by obi_scope_id. Inserted: obi_scope_start, _set_request, _claim, _follow. Deleted:
 * obi_scope_end, with the request that was claimed, and by user space soon after the process's end. LRU: not every runtime
 * tells the end of each; one that was forgotten has an unknown parent.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct obi_scope);
} obi_declared SEC(".maps");

#define OBI_CHAIN_STEPS 6

/*
 * Where a thread keeps the id of what it executes: start at `base` (from_thread_pointer: an offset from the thread's own
 * pointer, fs on x86), then for each step add the offset and read the pointer there. 0 on the way: it executes itself only.
 */
struct obi_chain {
	__u64 base;
	__s32 offset[OBI_CHAIN_STEPS];
	__u8 steps;
	__u8 from_thread_pointer;
	__u8 exhaustive; /* whatever it leads to is a scope, declared or not: the thread itself is none */
	__u8 _pad[5];
};

/* tgid → chain. Inserted: user space (runtime probe), fork. Deleted: exec, exit, user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct obi_chain);
} obi_chains SEC(".maps");

#define OBI_SCOPE_DECLARED_ID (1ULL << 63)
/* With what a chain leads to, where the chain is exhaustive: addresses have fewer bits. */
#define OBI_CHAIN_EXHAUSTIVE (1ULL << 63)

/*
 * Id of a declared scope: `owner` (a tgid, or a pid_tgid where numbers are per thread) and the runtime's own number for it,
 * mixed so that no two that exist at a time meet (splitmix64's finalizer).
 */
static __always_inline __u64 obi_scope_id(__u64 owner, __u64 raw)
{
	__u64 x = raw + owner * 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (x ^ (x >> 31)) | OBI_SCOPE_DECLARED_ID;
}

static __always_inline struct obi_scope *obi_scope_get(__u64 id)
{
	if (id & OBI_SCOPE_DECLARED_ID)
		return bpf_map_lookup_elem(&obi_declared, &id);
	return bpf_map_lookup_elem(&obi_scopes, &id);
}

/* Initial values, in read-only data: all functions of a program together have 512 bytes of stack. `volatile` keeps them from being made there. */
const volatile struct obi_scope obi_blank_thread = {};
const volatile struct obi_scope obi_blank_declared = { .flags = OBI_SCOPE_DECLARED };

static __always_inline struct obi_scope *obi_scope_get_or_new(__u64 id)
{
	struct obi_scope *s = obi_scope_get(id);

	if (s)
		return s;
	if (!(id & OBI_SCOPE_DECLARED_ID)) {
		bpf_map_update_elem(&obi_scopes, &id, (const void *)&obi_blank_thread, BPF_NOEXIST);
		return obi_scope_get(id);
	}
	bpf_map_update_elem(&obi_declared, &id, (const void *)&obi_blank_declared, BPF_NOEXIST);
	s = obi_scope_get(id);
	if (s)
		s->creator = bpf_get_current_pid_tgid() >> 32;
	return s;
}

static __always_inline void obi_scope_end(__u64 id)
{
	bpf_map_delete_elem(&obi_declared, &id);
}

static __always_inline __u64 obi_thread_pointer(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
#if defined(__TARGET_ARCH_x86)
	return task->thread.fsbase;
#else
	return task->thread.uw.tp_value;
#endif
}

/* What the process's chain leads to in the current thread (with OBI_CHAIN_EXHAUSTIVE), or 0. Not static: the verifier looks at it once, not at every call. */
__noinline __u64 obi_chain_follow(__u32 tgid)
{
	struct obi_chain *chain = bpf_map_lookup_elem(&obi_chains, &tgid);
	__u64 at;

	if (!chain)
		return 0;
	at = chain->base;
	if (chain->from_thread_pointer)
		at += obi_thread_pointer();
#pragma unroll
	for (int i = 0; i < OBI_CHAIN_STEPS; i++) {
		if (i < chain->steps && at) {
			__u64 next = 0;

			bpf_probe_read_user(&next, sizeof(next), (void *)(at + chain->offset[i]));
			at = next;
		}
	}
	return at && chain->exhaustive ? at | OBI_CHAIN_EXHAUSTIVE : at;
}

/* Id of the scope that this thread executes. One that nobody declared is the thread itself, unless its chain is exhaustive. */
static __always_inline __u64 obi_scope_current(__u64 pid_tgid)
{
	struct obi_process *process = obi_process_get(pid_tgid >> 32);
	struct obi_scope *s;

	if (process && process->runtime) {
		__u64 raw = obi_chain_follow(pid_tgid >> 32), id = obi_scope_id(pid_tgid >> 32, raw & ~OBI_CHAIN_EXHAUSTIVE);

		if (raw & OBI_CHAIN_EXHAUSTIVE || (raw && obi_scope_get(id)))
			return id;
	}
	s = obi_scope_get(pid_tgid);
	return s && s->running ? s->running : pid_tgid;
}

/* Runtime probe: this thread executes scope `id` from now on; 0: itself. */
static __always_inline void obi_scope_run(__u64 pid_tgid, __u64 id)
{
	struct obi_scope *s = id ? obi_scope_get_or_new(pid_tgid) : obi_scope_get(pid_tgid);

	if (s)
		s->running = id;
}

/*
 * The socket that this thread accepted last (processes with a runtime probe): key in obi_connections, 0: none.
 */
static __always_inline __u64 obi_thread_socket(__u64 pid_tgid)
{
	struct obi_scope *s = obi_scope_get(pid_tgid);

	return s ? s->socket : 0;
}

static __always_inline void obi_thread_set_socket(__u64 pid_tgid, __u64 socket)
{
	struct obi_scope *s = socket ? obi_scope_get_or_new(pid_tgid) : obi_scope_get(pid_tgid);

	if (s)
		s->socket = socket;
}

#endif
