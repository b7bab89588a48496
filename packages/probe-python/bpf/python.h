/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is known of each thread and work item of CPython processes. */
#ifndef OBI_PYTHON_H
#define OBI_PYTHON_H

#include <obi/trace.bpf.h>

/* CPython 3.9 … 3.13: `int ctx_entered` of a PyContext, and where libuv 1.x keeps what. User space checks the version. */
#define PY_CONTEXT_ENTERED 0x28
#define PY_OB_TYPE 0x8
#define PY_TP_BASICSIZE 0x20
#define PY_TP_FLAGS 0xa8
#define PY_OBJECT_SIZE 16
#define PY_TPFLAGS_MANAGED_DICT (1ULL << 4) /* since 3.11: attributes lie in front of the object, which is no larger for it */
#define PY_TPFLAGS_LONG (1ULL << 24)
#define PY_TPFLAGS_BYTES (1ULL << 27)
#define PY_TPFLAGS_UNICODE (1ULL << 28)
#define UVLOOP_HANDLE 0x18 /* UVHandle._handle, behind PyObject and vtable */
#define UV_DATA 0x0 /* uv_handle_t.data: uvloop's object */
#define UV_TYPE 0x10
#define UV_FD 0xb8 /* uv_stream_t.io_watcher.fd */
#define UV_TCP 12

struct py_thread {
	__u64 accepted_context; /* in which it called socket.accept last; 0: outside of any */
	__u64 accepted; /* … and that connection's id */
	__u64 accepted_socket;
	__u64 queue; /* SimpleQueue that this thread takes its work from */
	__u64 getting; /* SimpleQueue.get in progress: its queue */
	__u64 turn; /* uvloop delivers to this connection now: its socket */
};

/* pid_tgid → thread. Inserted: accept, SimpleQueue.get, uvloop's deliveries. Deleted: end of the thread's
 * PyThreadState; user space, soon after the process's end. LRU: a lost one means unknown parents. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct py_thread);
} py_threads SEC(".maps");

static const struct py_thread py_blank_thread = {};

struct py_item {
	__u64 request; /* that it was put for; 0: none that is known */
	__u32 waiting; /* how often it is in the queue */
	__u32 mixed; /* put for different requests at the same time */
	__u32 tgid;
	__u32 _pad;
};

/* Work items in a SimpleQueue, by process, queue and object. Inserted: put. Deleted: get; user space, soon after the process's end. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct py_item);
} py_items SEC(".maps");

/* Scopes of a thread's own, beside those of contexts: what it runs for a work item, and what uvloop delivers. */
enum py_scope { PY_SCOPE_WORK = 1, PY_SCOPE_TURN = 2 };

static __always_inline struct py_thread *py_thread_get(__u64 pid_tgid)
{
	return bpf_map_lookup_elem(&py_threads, &pid_tgid);
}

static __always_inline struct py_thread *py_thread_get_or_new(__u64 pid_tgid)
{
	struct py_thread *t = py_thread_get(pid_tgid);

	if (t)
		return t;
	bpf_map_update_elem(&py_threads, &pid_tgid, &py_blank_thread, BPF_NOEXIST);
	return py_thread_get(pid_tgid);
}

/* The context that this thread has entered (Context.run), or 0. What a thread has of its own is not entered: it is the thread. */
static __always_inline __u64 py_context(__u32 tgid)
{
	__u64 context = obi_chain_follow(tgid);
	__u32 entered = 0;

	if (context)
		bpf_probe_read_user(&entered, sizeof(entered), (void *)(context + PY_CONTEXT_ENTERED));
	return entered ? context : 0;
}

/* What this thread executes. Unlike obi_scope_current, a context that is older than obi stays one: unknown, not the thread. */
static __always_inline __u64 py_scope(__u64 pid_tgid, __u64 context)
{
	struct obi_scope *s;

	if (context)
		return obi_scope_id(pid_tgid >> 32, context);
	s = obi_scope_get(pid_tgid);
	return s && s->running ? s->running : pid_tgid;
}

/* Does this scope know for whom it works, or for which connection? */
static __always_inline bool py_knows(const struct obi_scope *s)
{
	return s && (s->request || s->inherited || (s->flags & OBI_SCOPE_DECLARED && s->socket));
}

/* Was this scope started for a connection that has several requests without an answer? */
static __always_inline bool py_pipelined(__u64 scope)
{
	struct obi_scope *s = obi_scope_get(scope);
	struct obi_request *request = s ? obi_request_get(s->inherited) : NULL;
	struct obi_connection *c = request ? obi_request_connection(request) : s ? obi_followed(s) : NULL;

	return c && c->open > 1;
}

#endif
