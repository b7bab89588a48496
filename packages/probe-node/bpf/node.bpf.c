// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Scopes of Node.js: one per request that a server hands to the application, numbered by the script inside the process, per
 * thread. What a thread executes is never asked: each outgoing request is announced on its connection before it is written.
 */
#include <obi/abi.bpf.h>
#include <obi/counter.bpf.h>
#include <obi/event.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/socket.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/syscall.bpf.h>
#include <obi/trace.bpf.h>
#include "node.h"

OBI_LICENSE;

OBI_COUNTERS(node_counter);

static __always_inline void claim(__u64 id, struct obi_connection *c)
{
	__u64 request = c ? obi_connection_claimable(c) : 0;

	/* A number that is used again must not keep what it stood for, so 0 is noted as well. */
	obi_scope_claim(id, request);
	obi_count(OBI_COUNTER_OWN + (request ? NODE_COUNTER_REQUESTS : NODE_COUNTER_NO_REQUEST));
}

static __always_inline void announce(__u64 scope, __u64 id, struct obi_connection *c)
{
	struct obi_scope *s = scope ? obi_scope_get(id) : NULL;

	if (!c)
		return;
	/* A scope ends with its request, so one that is not there had one. */
	obi_connection_announce(c, s ? s->request : scope ? OBI_REQUEST_OVER : 0);
	if (s && s->request)
		obi_count(OBI_COUNTER_OWN + NODE_COUNTER_CAUSES);
}

/* Called by core's tap at the exit of kill(2), for a process that our script runs in. */
SEC("raw_tp/obi_marker")
int node_marker(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = obi_syscall_regs();
	__u32 scope = NODE_SCOPE(PT_REGS_PARM1_SYSCALL(regs)), signal = PT_REGS_PARM2_SYSCALL(regs);
	struct sock *sk = obi_fd_tcp_sock(NODE_DESCRIPTOR(signal));
	__u64 id = obi_scope_id(bpf_get_current_pid_tgid(), scope);

	if (!sk) {
		obi_count(OBI_COUNTER_OWN + NODE_COUNTER_NO_SOCKET);
		return 0;
	}
	if (NODE_OPERATION(signal) == NODE_REQUEST)
		claim(id, obi_connection_find((__u64)sk));
	else if (NODE_OPERATION(signal) == NODE_CAUSED)
		announce(scope, id, obi_connection_get(sk));
	return 0;
}
