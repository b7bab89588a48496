/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Work that one thread hands to another through a SimpleQueue (concurrent.futures, multiprocessing.pool): who gets the object
 * works for the request that it was put for, until it asks the same queue for the next one.
 */
#ifndef OBI_PYTHON_QUEUE_BPF_H
#define OBI_PYTHON_QUEUE_BPF_H

#include "python.h"

static __always_inline __u64 item_key(__u32 tgid, __u64 queue, __u64 item)
{
	return obi_scope_id(obi_scope_id(tgid, queue), item);
}

/*
 * Numbers, strings, None and bare objects are signals: the work that they announce lies elsewhere, and who gets the signal may
 * take other work. Told by the type's flags and size.
 */
static __always_inline bool carries_work(__u64 item)
{
	__u64 type = 0, flags = 0, size = 0;

	if (!item || bpf_probe_read_user(&type, sizeof(type), (void *)(item + PY_OB_TYPE)))
		return false;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)(type + PY_TP_FLAGS));
	bpf_probe_read_user(&size, sizeof(size), (void *)(type + PY_TP_BASICSIZE));
	return (size > PY_OBJECT_SIZE || flags & PY_TPFLAGS_MANAGED_DICT) && !(flags & (PY_TPFLAGS_LONG | PY_TPFLAGS_BYTES | PY_TPFLAGS_UNICODE));
}

static __always_inline void item_put(__u64 queue, __u64 item)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), key = item_key(pid_tgid >> 32, queue, item);
	struct py_item fresh = { .waiting = 1, .tgid = pid_tgid >> 32 }, *there;

	if (!obi_process_get(pid_tgid >> 32) || !carries_work(item))
		return;
	fresh.request = obi_scope_request(py_scope(pid_tgid, py_context(pid_tgid >> 32)), pid_tgid >> 32);
	there = bpf_map_lookup_elem(&py_items, &key);
	/* Left by an object that nobody was seen to take (the thread waited before obi came), and whose address is used again. */
	if (!there || (there->request != fresh.request && !obi_request_get(there->request))) {
		bpf_map_update_elem(&py_items, &key, &fresh, BPF_ANY);
		return;
	}
	/* One object several times in one queue: who takes it cannot tell which time it was put, unless all were for one request. */
	there->waiting++;
	if (there->request != fresh.request)
		there->mixed = 1;
}

/* @return the request that the object was put for, 0: not known */
static __always_inline __u64 item_take(__u32 tgid, __u64 queue, __u64 item)
{
	__u64 key = item_key(tgid, queue, item), request;
	struct py_item *there = bpf_map_lookup_elem(&py_items, &key);

	if (!there)
		return 0;
	request = there->mixed ? 0 : there->request;
	if (there->waiting <= 1)
		bpf_map_delete_elem(&py_items, &key);
	else
		there->waiting--;
	return request;
}

/* Is this thread answering a request that it read itself? Then a queue is not where its work comes from. */
static __always_inline bool serves(__u64 scope)
{
	struct obi_scope *s = obi_scope_get(scope);

	return s && s->connection && obi_request_get(s->request);
}

/*
 * A thread asks a queue. If it serves no request of its own, the queue is where its work comes from: what it did until now is
 * done, also what it was started for.
 */
static __always_inline void queue_asked(__u64 queue)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct obi_scope *s;
	struct py_thread *t;

	if (!obi_process_get(pid_tgid >> 32))
		return;
	t = py_thread_get_or_new(pid_tgid);
	if (!t)
		return;
	t->getting = queue;
	if (py_context(pid_tgid >> 32))
		return; /* the context says for whom it works */
	if (!t->queue && !serves(py_scope(pid_tgid, 0)))
		t->queue = queue;
	if (t->queue != queue)
		return;
	obi_scope_run(pid_tgid, 0);
	s = obi_scope_get(pid_tgid);
	if (s)
		s->inherited = 0;
}

static __always_inline void queue_answered(__u64 item)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), work = obi_scope_id(pid_tgid, PY_SCOPE_WORK), request, own;
	struct py_thread *t = py_thread_get(pid_tgid);

	if (!t || !t->getting)
		return;
	request = item ? item_take(pid_tgid >> 32, t->getting, item) : 0;
	if (request && !py_context(pid_tgid >> 32)) {
		own = obi_scope_request(py_scope(pid_tgid, 0), pid_tgid >> 32);
		/* A second queue, or one that it asks while it serves a request: an answer, something shared, or other work? */
		if (t->queue != t->getting && own != request)
			request = 0;
		if (own != request) {
			obi_scope_start(work, 0, pid_tgid >> 32);
			obi_scope_set_request(work, request);
			obi_scope_run(pid_tgid, work);
		}
	}
	t->getting = 0;
}

static __always_inline void thread_ended(void)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&py_threads, &pid_tgid);
	obi_scope_run(pid_tgid, 0);
	obi_scope_end(obi_scope_id(pid_tgid, PY_SCOPE_WORK));
	obi_scope_end(obi_scope_id(pid_tgid, PY_SCOPE_TURN));
}

#endif
