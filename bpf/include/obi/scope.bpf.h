/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Scopes: units of execution that can own a request. Every thread is one (id: pid_tgid); a runtime probe declares others
 * (tasks, goroutines, async ids) and says which of them a thread runs. Nothing else knows about runtimes.
 *
 * What a scope was started for is decided when it starts, not by walking to the creator later: by then the creator may
 * serve another request.
 */
#ifndef OBI_SCOPE_BPF_H
#define OBI_SCOPE_BPF_H

#include "abi.bpf.h"

enum obi_scope_flag {
	OBI_SCOPE_AMBIGUOUS = 1, /* served several open requests at once, waited for events with one open, or answers what another reads */
	OBI_SCOPE_FORKED = 2, /* copy of a process that has executed no program yet: may be a pool's worker */
	OBI_SCOPE_EXECUTED = 4, /* program that was executed for a request */
	OBI_SCOPE_DECLARED = 8, /* by a runtime probe */
	OBI_SCOPE_USED = 16, /* … and has sent its first call */
};

struct obi_scope {
	__u64 request; /* read by this scope; 0: none yet. May be answered already: look it up */
	__u64 connection; /* on which that request came */
	__u64 inherited; /* request of the creator when it started this scope */
	__u64 created_ns; /* with `inherited`: when it was started */
	__u64 running; /* threads only: scope that it runs now, 0: itself */
	__u32 flags;
	__u32 creator; /* with `inherited`: process that started it */
};

/*
 * Inserted: when a thread reads a request, waits for events with one open, or starts a thread or process while it has one;
 * by runtime probes. Deleted: when the thread exits (core), when the runtime's scope ends (runtime probe).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct obi_scope);
} obi_scopes SEC(".maps");

static __always_inline struct obi_scope *obi_scope_get(__u64 id)
{
	return bpf_map_lookup_elem(&obi_scopes, &id);
}

static __always_inline struct obi_scope *obi_scope_get_or_new(__u64 id)
{
	struct obi_scope *s = obi_scope_get(id), fresh = {};

	if (s)
		return s;
	bpf_map_update_elem(&obi_scopes, &id, &fresh, BPF_NOEXIST);
	return obi_scope_get(id);
}

/* Id of the scope that this thread executes. */
static __always_inline __u64 obi_scope_current(__u64 pid_tgid)
{
	struct obi_scope *s = obi_scope_get(pid_tgid);

	return s && s->running ? s->running : pid_tgid;
}

/* The scope that this thread executes, or NULL when it never had to do with a request. */
static __always_inline struct obi_scope *obi_scope_running(__u64 pid_tgid)
{
	struct obi_scope *s = obi_scope_get(pid_tgid);

	return s && s->running ? obi_scope_get(s->running) : s;
}

#endif
