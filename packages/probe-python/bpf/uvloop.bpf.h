/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * uvloop: all connections of a server share one context, so a context says nothing there until the protocol makes a task. And
 * what a task writes may leave later, from the loop. Both are told by the stream object that its functions get.
 */
#ifndef OBI_PYTHON_UVLOOP_BPF_H
#define OBI_PYTHON_UVLOOP_BPF_H

#include <obi/socket.bpf.h>

#include "python.h"

/* The TCP socket of a libuv stream, whose `data` must name its uvloop object (0: any); NULL where the memory looks different. */
static __always_inline struct sock *uv_sock(__u64 stream, __u64 object)
{
	__u64 data = 0;
	__u32 type = 0;
	__s32 fd = -1;

	bpf_probe_read_user(&data, sizeof(data), (void *)(stream + UV_DATA));
	bpf_probe_read_user(&type, sizeof(type), (void *)(stream + UV_TYPE));
	bpf_probe_read_user(&fd, sizeof(fd), (void *)(stream + UV_FD));
	if (!data || (object && data != object) || type != UV_TCP || fd < 0)
		return NULL;
	return obi_fd_tcp_sock(fd);
}

static __always_inline struct sock *uvloop_sock(__u64 object)
{
	__u64 stream = 0;

	bpf_probe_read_user(&stream, sizeof(stream), (void *)(object + UVLOOP_HANDLE));
	return stream ? uv_sock(stream, object) : NULL;
}

/* Until turn_end: what the loop calls now is for this connection. */
static __always_inline void turn_begin(struct sock *sk)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), scope = obi_scope_id(pid_tgid, PY_SCOPE_TURN);
	struct py_thread *t = sk ? py_thread_get_or_new(pid_tgid) : py_thread_get(pid_tgid);

	if (!t)
		return;
	t->turn = 0;
	if (!sk || !obi_process_get(pid_tgid >> 32) || !obi_connection_get(sk))
		return;
	t->turn = (__u64)sk;
	obi_scope_follow(scope, (__u64)sk);
}

static __always_inline void turn_end(void)
{
	struct py_thread *t = py_thread_get(bpf_get_current_pid_tgid());

	if (t)
		t->turn = 0;
}

/*
 * Streams that wait in the loop's set: what a task has written on them leaves later, in a context of the loop's. By socket.
 * Inserted: PySet_Add. Deleted: when the loop sends. LRU: closed meanwhile.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} py_queued SEC(".maps");

static __always_inline void announce(struct obi_connection *c, __u64 pid_tgid)
{
	obi_connection_announce(c, obi_scope_request(py_scope(pid_tgid, py_context(pid_tgid >> 32)), pid_tgid >> 32));
}

/* The connection of a stream that sends requests; NULL: of one that answers them, or no stream. */
static __always_inline struct obi_connection *uvloop_client(__u64 object, __u64 pid_tgid, __u64 *socket)
{
	struct sock *sk = obi_process_get(pid_tgid >> 32) ? uvloop_sock(object) : NULL;
	struct obi_connection *c = sk ? obi_connection_get(sk) : NULL;

	*socket = (__u64)sk;
	return c && !c->open ? c : NULL;
}

/* Who writes now is who caused the request, also when the bytes leave later. */
static __always_inline void stream_queued(__u64 object)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), socket;
	struct obi_connection *c = uvloop_client(object, pid_tgid, &socket);
	__u8 yes = 1;

	if (!c)
		return;
	bpf_map_update_elem(&py_queued, &socket, &yes, BPF_ANY);
	announce(c, pid_tgid);
}

/* Bytes leave: those that were queued were announced then, others are written by who runs now. */
static __always_inline void stream_written(__u64 object)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), socket;
	struct obi_connection *c = uvloop_client(object, pid_tgid, &socket);

	if (c && bpf_map_delete_elem(&py_queued, &socket))
		announce(c, pid_tgid);
}

#endif
