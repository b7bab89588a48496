// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Scopes of CPython: contexts of event loops, work items of thread pools, threads. Every program here hangs on a function of the interpreter. */
#include "context.bpf.h"
#include "queue.bpf.h"
#include "uvloop.bpf.h"

OBI_LICENSE;

/* PyContext *PyContext_CopyCurrent(void) */
SEC("uretprobe.multi")
int py_copied(struct pt_regs *ctx)
{
	context_copied(PT_REGS_RC(ctx));
	return 0;
}

/* PyContext_Type.tp_dealloc(PyContext *) */
SEC("uprobe.multi")
int py_freed(struct pt_regs *ctx)
{
	context_freed(PT_REGS_PARM1(ctx));
	return 0;
}

/* socket._accept() */
SEC("uretprobe.multi")
int py_accepted(struct pt_regs *ctx)
{
	accepted(PT_REGS_RC(ctx) != 0);
	return 0;
}

/* SimpleQueue.put(self, args, nargs, …) */
SEC("uprobe.multi")
int py_put(struct pt_regs *ctx)
{
	__u64 item = 0;

	bpf_probe_read_user(&item, sizeof(item), (void *)PT_REGS_PARM2(ctx));
	item_put(PT_REGS_PARM1(ctx), item);
	return 0;
}

/* SimpleQueue.get(self, …) */
SEC("uprobe.multi")
int py_get(struct pt_regs *ctx)
{
	queue_asked(PT_REGS_PARM1(ctx));
	return 0;
}

SEC("uretprobe.multi")
int py_got(struct pt_regs *ctx)
{
	queue_answered(PT_REGS_RC(ctx));
	return 0;
}

/* PyThreadState_Clear(PyThreadState *): the last thing that a thread of Python does */
SEC("uprobe.multi")
int py_ended(struct pt_regs *ctx)
{
	thread_ended();
	return 0;
}

/* Py_NewInterpreter(): from now on a thread can have several states, and the chain may lead to the wrong one. */
SEC("uprobe.multi")
int py_several(struct pt_regs *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	bpf_map_delete_elem(&obi_chains, &tgid);
	return 0;
}

/* uv__read(uv_stream_t *) */
SEC("uprobe.multi")
int py_uv_read(struct pt_regs *ctx)
{
	turn_begin(uv_sock(PT_REGS_PARM1(ctx), 0));
	return 0;
}

/* TCPTransport._call_connection_made(self) */
SEC("uprobe.multi")
int py_uv_made(struct pt_regs *ctx)
{
	turn_begin(uvloop_sock(PT_REGS_PARM1(ctx)));
	return 0;
}

SEC("uretprobe.multi")
int py_uv_done(struct pt_regs *ctx)
{
	turn_end();
	return 0;
}

/* UVStream._exec_write(self) */
SEC("uprobe.multi")
int py_uv_write(struct pt_regs *ctx)
{
	stream_written(PT_REGS_PARM1(ctx));
	return 0;
}

/* PySet_Add(PyObject *set, PyObject *object), with which Loop._queue_write puts a stream into its set */
SEC("uprobe.multi")
int py_uv_queue(struct pt_regs *ctx)
{
	stream_queued(PT_REGS_PARM2(ctx));
	return 0;
}
