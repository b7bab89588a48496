// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who handles a signal in another process? /proc shows only that somebody does; Node's own inspector and an application's
 * process.on('SIGUSR1') look the same there. The kernel knows the handler's address. Run once per process, by BPF_PROG_TEST_RUN,
 * in obi's own context: nothing is attached.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct node_handler {
	__u64 address;
	__u64 flags;
	__u32 found;
	__u32 _pad;
};

/* The answer. Inserted: by the program. Read: user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct node_handler);
} node_handlers SEC(".maps");

#define MAX_PROCESSES (1 << 20)

struct search {
	struct task_struct *task;
	struct task_struct *first;
	__u32 tgid;
	__u32 found;
};

static long visit(__u32 index, struct search *search)
{
	struct task_struct *task = search->task;
	struct list_head *next;

	if (BPF_CORE_READ(task, tgid) == search->tgid) {
		search->found = 1;
		return 1;
	}
	next = BPF_CORE_READ(task, tasks.next);
	if (!next)
		return 1;
	search->task = (void *)next - bpf_core_field_offset(struct task_struct, tasks);
	return search->task == search->first;
}

/* ctx: pid (root namespace), signal number. The list of processes is protected by RCU, which this program holds. */
SEC("raw_tp/node_handler")
int node_handler(struct bpf_raw_tracepoint_args *ctx)
{
	struct search search = { .tgid = ctx->args[0] };
	__u32 signal = ctx->args[1], zero = 0;
	struct node_handler *out = bpf_map_lookup_elem(&node_handlers, &zero);
	struct task_struct *task = bpf_get_current_task_btf();
	struct k_sigaction action = {};
	struct sighand_struct *hand;

	if (!out)
		return 0;
	out->found = 0;
	search.first = task->group_leader;
	search.task = search.first;
	bpf_loop(MAX_PROCESSES, visit, &search, 0);
	task = search.task;
	hand = search.found ? BPF_CORE_READ(task, sighand) : NULL;
	if (!hand || signal < 1 || signal > 64)
		return 0;
	bpf_core_read(&action.sa.sa_handler, sizeof(action.sa.sa_handler), &hand->action[signal - 1].sa.sa_handler);
	bpf_core_read(&action.sa.sa_flags, sizeof(action.sa.sa_flags), &hand->action[signal - 1].sa.sa_flags);
	out->address = (__u64)action.sa.sa_handler;
	out->flags = action.sa.sa_flags;
	out->found = 1;
	return 0;
}
