/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Contexts (contextvars): each callback and each task of an event loop runs in a copy of the context that was current when it
 * was made. So the copy works for what its creator worked for, and whoever is in a context works for what the context does.
 */
#ifndef OBI_PYTHON_CONTEXT_BPF_H
#define OBI_PYTHON_CONTEXT_BPF_H

#include "python.h"

/*
 * The creator knows nothing of a request: the first task that is made for a connection. asyncio makes it right after accept,
 * in the same context; uvloop while it delivers to the connection.
 */
static __always_inline void first_of_connection(__u64 id, __u64 context, __u64 pid_tgid)
{
	struct py_thread *t = py_thread_get(pid_tgid);
	struct obi_connection *c;

	if (!t)
		return;
	if (t->turn) {
		obi_scope_start(id, obi_scope_id(pid_tgid, PY_SCOPE_TURN), pid_tgid >> 32);
		return;
	}
	if (!context || t->accepted_context != context)
		return;
	t->accepted_context = 0;
	c = obi_connection_find(t->accepted_socket);
	if (c && c->id == t->accepted)
		obi_scope_follow(id, t->accepted_socket);
}

static __always_inline void context_copied(__u64 copy)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), context, id, creator;
	struct obi_scope *by;
	bool knows, exactly;

	if (!copy)
		return;
	context = py_context(pid_tgid >> 32);
	id = obi_scope_id(pid_tgid >> 32, copy);
	creator = py_scope(pid_tgid, context);
	by = obi_scope_get(creator);
	exactly = by && by->inherited;
	knows = exactly || py_knows(by);
	obi_scope_start(id, creator, pid_tgid >> 32);
	if (exactly)
		return;
	if (!knows)
		first_of_connection(id, context, pid_tgid);
	/* Several requests wait on the connection: which of them the new task is for, only the protocol knows. */
	if (py_pipelined(id))
		obi_scope_set_request(id, 0);
}

/* Its address is used again for the next one. */
static __always_inline void context_freed(__u64 context)
{
	obi_scope_end(obi_scope_id(bpf_get_current_pid_tgid() >> 32, context));
}

/* `ok`: it returned a connection, which core's tap has noted for the thread. */
static __always_inline void accepted(bool ok)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), context = ok ? py_context(pid_tgid >> 32) : 0;
	struct py_thread *t = context ? py_thread_get_or_new(pid_tgid) : py_thread_get(pid_tgid);
	struct obi_connection *c;

	if (!t)
		return;
	t->accepted_context = 0;
	t->accepted_socket = obi_thread_socket(pid_tgid);
	c = context ? obi_connection_find(t->accepted_socket) : NULL;
	if (!c)
		return;
	t->accepted = c->id;
	t->accepted_context = context;
}

#endif
