/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is written for the Auto SDK, where its authors want it written: the ids of a span that starts, and the flag by which the API's
 * global tracer makes spans. That flag is true only while a call needs it: a process that obi has left is as it was before.
 */
#ifndef OBI_GO_WRITE_AUTO_BPF_H
#define OBI_GO_WRITE_AUTO_BPF_H

#include "auto.bpf.h"

/* A call of the global tracer that has no span yet. */
struct go_auto_call {
	__u64 flag; /* its address */
	__u32 tgid;
	__u32 _pad;
};

/* Scope → call. Inserted: it begins. Deleted: its span starts; user space, soon after the process's end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct go_auto_call);
} go_auto_calls SEC(".maps");

/* tgid → how many of them. Inserted: the first. Deleted: user space, soon after the process's end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} go_auto_open SEC(".maps");

static __always_inline bool auto_flag_write(__u64 flag, bool to)
{
	return bpf_probe_write_user((void *)flag, &to, sizeof(to)) == 0;
}

#define AUTO_FLAG_WRITES 4

/* Scope `scope` waits for no span any more. @returns does none wait any more? */
static __always_inline bool auto_call_end(__u32 tgid, __u64 scope)
{
	__u32 *open = bpf_map_lookup_elem(&go_auto_open, &tgid);

	return open && bpf_map_delete_elem(&go_auto_calls, &scope) == 0 && __sync_fetch_and_add(open, -1) == 1;
}

/* Goroutine `scope` ends, and a call of its that found the flag false with it. Nothing is written here: where that is forbidden, this must load. */
static __always_inline void auto_gave_up(__u64 scope)
{
	if (!bpf_map_lookup_elem(&go_auto_calls, &scope))
		return;
	obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_MISSED);
	auto_call_end(bpf_get_current_pid_tgid() >> 32, scope);
}

/* Scope `scope` has its span, or gets none. The last call takes the flag back, whoever made it true. */
static __always_inline void auto_answered(__u32 tgid, __u64 scope)
{
	struct go_auto_call *call = bpf_map_lookup_elem(&go_auto_calls, &scope);
	__u32 *open = bpf_map_lookup_elem(&go_auto_open, &tgid);
	__u64 flag;
	bool waits = false;

	if (!call || !open)
		return;
	flag = call->flag;
	if (!auto_call_end(tgid, scope))
		return;
	/* Others begin and end at this moment: what is written last must be what the count says then. */
	for (int i = 0; i < AUTO_FLAG_WRITES; i++) {
		auto_flag_write(flag, waits);
		if ((__sync_fetch_and_add(open, 0) != 0) == waits)
			return;
		waits = !waits;
	}
}

/* Goroutine `g` asks the global tracer for a span: it gets one if this flag is true when it goes on. */
static __always_inline void auto_asked(__u64 flag, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, none = 0, *open;
	struct go_auto_call call = { .flag = flag, .tgid = tgid };
	struct obi_process *process = obi_process_get(tgid);
	__u64 scope = goroutine_scope(tgid, g);
	__u8 before;

	/* Of a process that is being left nothing is asked any more: what would take the flag back may be gone. What is no bool is not the flag. */
	if (!process || !process->runtime || bpf_probe_read_user(&before, sizeof(before), (void *)flag) || before > 1)
		return;
	bpf_map_update_elem(&go_auto_open, &tgid, &none, BPF_NOEXIST);
	open = bpf_map_lookup_elem(&go_auto_open, &tgid);
	if (bpf_map_lookup_elem(&go_auto_calls, &scope)) {
		/* A call before, of this goroutine or of one that had its address, has got none: it found the flag false, or gave up. */
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_MISSED);
	} else if (!open || bpf_map_update_elem(&go_auto_calls, &scope, &call, BPF_NOEXIST)) {
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_MISSED);
		return;
	} else {
		__sync_fetch_and_add(open, 1);
	}
	if (auto_flag_write(flag, true))
		return;
	obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_MISSED);
	auto_answered(tgid, scope);
}

/* The process learns this span's ids through `at`, a trace.SpanContext that is all zeroes yet. */
static __always_inline void auto_name(const struct go_span *s, __u64 at)
{
	struct obi_traceparent ids = {};
	__u64 word[GO_SPAN_CONTEXT_WORDS], any = 0;

	if (bpf_probe_read_user(word, sizeof(word), (void *)at))
		any = 1;
	for (int i = 0; i < GO_SPAN_CONTEXT_WORDS; i++)
		any |= word[i];
	__builtin_memcpy(ids.trace_id, s->span.trace.trace_id, sizeof(ids.trace_id));
	__builtin_memcpy(ids.span_id, s->span.trace.span_id, sizeof(ids.span_id));
	ids.flags = s->span.trace.flags & OBI_TRACE_SAMPLED;
	obi_span_named(&s->span);
	if (any || bpf_probe_write_user((void *)at, &ids, __builtin_offsetof(struct obi_traceparent, _pad)))
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_UNNAMED);
}

#endif
