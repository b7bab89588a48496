// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Life of processes, threads and sockets: who was started for what, what has ended, and news for process discovery. */
#include <obi/abi.bpf.h>
#include <obi/event.bpf.h>
#include <obi/plaintext.bpf.h> /* its maps: the taps that fill them come with probes, in any order */
#include <obi/process.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/socket.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/trace.bpf.h>
#include "tasks.h"

OBI_LICENSE;

OBI_EVENT(core_process_event, CORE_PROCESS_EVENT);
OBI_ENUM(core_process_news);
OBI_ENUM(obi_counter);

OBI_PROGRAM_ARRAY(obi_proto_end);

/* Watched cgroup (its id and depth in the cgroup2 tree); 0: the whole machine. */
const volatile __u64 obi_cfg_cgroup = 0;
const volatile __u32 obi_cfg_cgroup_level = 0;

/* Everything in the watched cgroup is traced: a process is from its exec on, before user space has looked at it. */
const volatile __u8 obi_cfg_select_cgroup = 0;

static __always_inline bool in_scope(void)
{
	return !obi_cfg_cgroup || bpf_get_current_ancestor_cgroup_id(obi_cfg_cgroup_level) == obi_cfg_cgroup;
}

static __always_inline void tell(__u32 news, __u32 tgid, __u32 other, __u16 port)
{
	struct core_process_event event = { .news = news, .tgid = tgid, .other = other, .port = port };

	obi_event_send(&event, CORE_PROCESS_EVENT, __builtin_offsetof(struct core_process_event, exe), sizeof(event));
}

static __always_inline void tell_exec(__u32 tgid, struct linux_binprm *program)
{
	struct core_process_event event = { .news = CORE_PROCESS_EXEC, .tgid = tgid };
	/* Of a script, the interpreter: what /proc calls its executable. */
	long size = bpf_probe_read_kernel_str(event.exe, sizeof(event.exe), BPF_CORE_READ(program, interp));

	if (size > 0 && size <= CORE_EXE_BYTES)
		event.exe_len = size - 1;
	obi_event_send(&event, CORE_PROCESS_EVENT, __builtin_offsetof(struct core_process_event, exe) + event.exe_len,
		       sizeof(event));
}

SEC("raw_tp/sched_process_exec")
int obi_exec(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct obi_scope *scope = obi_scope_get(pid_tgid);
	struct obi_process *known, fresh = { .flags = OBI_PROCESS_UNJUDGED };
	__u32 tgid = pid_tgid >> 32;
	bool mine = in_scope();

	if (scope && scope->inherited)
		scope->flags = OBI_SCOPE_EXECUTED;
	known = obi_process_get(tgid);
	if (!mine && !known)
		return 0;
	/* What was known of the old program's habits does not hold for the new one. */
	if (known) {
		known->flags = (known->flags & ~(OBI_PROCESS_FIONREAD_SAFE | OBI_PROCESS_PROXY)) | OBI_PROCESS_UNJUDGED;
		known->runtime = 0;
		bpf_map_delete_elem(&obi_chains, &tgid);
	}
	if (mine && obi_cfg_select_cgroup && bpf_map_update_elem(&obi_processes, &tgid, &fresh, BPF_ANY))
		obi_count(OBI_COUNTER_PROCESSES_FULL);
	tell_exec(tgid, (struct linux_binprm *)ctx->args[2]);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int obi_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (struct task_struct *)ctx->args[1];
	__u64 creator_id = bpf_get_current_pid_tgid(), child_id;
	__u32 tgid = creator_id >> 32, child_tgid = BPF_CORE_READ(child, tgid);
	struct obi_process *process = obi_process_get(tgid);
	struct obi_scope *creator, fresh = {};
	struct obi_request *request;
	__u32 rule, used;

	if (!process)
		return 0;
	if (child_tgid != tgid) {
		struct obi_process copy = *process;

		struct obi_chain *chain = bpf_map_lookup_elem(&obi_chains, &tgid);

		if (bpf_map_update_elem(&obi_processes, &child_tgid, &copy, BPF_ANY))
			obi_count(OBI_COUNTER_PROCESSES_FULL);
		/* The child's memory is a copy, laid out in the same way. */
		if (chain && bpf_map_update_elem(&obi_chains, &child_tgid, chain, BPF_ANY))
			obi_count(OBI_COUNTER_PROCESSES_FULL);
		tell(CORE_PROCESS_FORK, child_tgid, tgid, 0);
	}
	creator = obi_scope_get(obi_scope_current(creator_id));
	used = creator ? creator->flags & OBI_SCOPE_USED : 0;
	request = obi_scope_cause(creator, tgid, &rule);
	if (!request)
		return 0;
	/* A thread (that resolves a name, say) is not what the program was executed for; a process may be. */
	if (child_tgid == tgid && creator->flags & OBI_SCOPE_EXECUTED && !used)
		creator->flags &= ~OBI_SCOPE_USED;
	fresh.creator = tgid;
	fresh.inherited = obi_request_id(&request->trace);
	if (fresh.inherited == creator->inherited && creator->flags & OBI_SCOPE_EXECUTED)
		fresh.creator = creator->creator;
	fresh.created_ns = bpf_ktime_get_ns();
	fresh.flags = OBI_SCOPE_FORKED;
	/* The first call of the program is that of the thread which it began with: others may be a pool's. */
	if (child_tgid == tgid)
		fresh.flags = creator->flags & OBI_SCOPE_EXECUTED ? OBI_SCOPE_EXECUTED | OBI_SCOPE_USED : 0;
	child_id = ((__u64)child_tgid << 32) | (__u32)BPF_CORE_READ(child, pid);
	if (bpf_map_update_elem(&obi_scopes, &child_id, &fresh, BPF_ANY))
		obi_count(OBI_COUNTER_SCOPES_FULL);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int obi_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tgid = pid_tgid >> 32;

	bpf_map_delete_elem(&obi_scopes, &pid_tgid);
	/* signal->live was lowered already: 0 in the group's last thread, whichever that is. */
	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	/* Also of a process that was traced once and is not any more. */
	bpf_map_delete_elem(&obi_loads, &tgid);
	bpf_map_delete_elem(&obi_chains, &tgid);
	if (bpf_map_delete_elem(&obi_processes, &tgid) == 0)
		tell(CORE_PROCESS_EXIT, tgid, 0, 0);
	return 0;
}

/*
 * Taken at once, since a hook can interrupt another one, or (before Linux 6.1) itself: the other slot is free then. One that a
 * program has left full is used again.
 */
static __always_inline struct obi_call *take_call(__u32 slot)
{
	struct obi_call *call = obi_call_get(slot);

	if (call && call->ended)
		call = obi_call_get(slot ^ OBI_CALL_STATE ^ OBI_CALL_DESTROY);
	if (call)
		call->ended = 1;
	/* The fields come after that. */
	asm volatile("" ::: "memory");
	return call;
}

/*
 * One end of the connection, or all of it (OBI_CLOSED), is over: its protocol is told. The connection is deleted before its
 * protocol is looked up for good, so that who claims it and then still finds it knows that the protocol will be told later.
 */
static __always_inline void ended(struct bpf_raw_tracepoint_args *ctx, __u32 slot, __u8 event)
{
	__u64 key = ctx->args[0];
	struct obi_connection *c = obi_connection_find(key);
	struct obi_call *call = c ? take_call(slot) : NULL;
	__u32 protocol;

	if (!c || !call)
		return;
	call->sk = key;
	call->connection = c->id;
	call->now_ns = bpf_ktime_get_ns();
	call->event = event;
	call->direction = OBI_EGRESS;
	protocol = c->protocol;
	if (event == OBI_CLOSED) {
		bpf_map_delete_elem(&obi_connections, &key);
		/* Unless its place is another one's already. */
		if (c->id == call->connection)
			protocol = c->protocol;
	}
	if (protocol != OBI_PROTOCOL_UNDECIDED && protocol != OBI_PROTOCOL_NONE)
		bpf_tail_call(ctx, &obi_proto_end, protocol);
	call->ended = 0;
}

SEC("raw_tp/inet_sock_set_state")
int obi_sock_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (struct sock *)ctx->args[0];
	int state = ctx->args[2];

	if (state == TCP_LISTEN) {
		if (in_scope() && BPF_CORE_READ(sk, sk_protocol) == OBI_IPPROTO_TCP)
			tell(CORE_PROCESS_LISTEN, obi_current_tgid(), 0, BPF_CORE_READ(sk, __sk_common.skc_num));
	} else if (state == TCP_CLOSE) {
		ended(ctx, OBI_CALL_STATE, OBI_CLOSED);
	} else if (state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK) {
		ended(ctx, OBI_CALL_STATE, OBI_END);
	}
	return 0;
}

/*
 * What was left: this hook comes last. The one above is called before the socket is in its new state, so that a thread which
 * reads from it at that moment makes a connection anew; and from Linux 6.1 on it is left out where it would interrupt itself.
 */
SEC("raw_tp/tcp_destroy_sock")
int obi_sock_gone(struct bpf_raw_tracepoint_args *ctx)
{
	ended(ctx, OBI_CALL_DESTROY, OBI_CLOSED);
	return 0;
}
