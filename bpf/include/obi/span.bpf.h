/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Spans that a program makes itself, seen by its runtime probe. While a scope is in one, what goes out for it is that span's child,
 * not its request's. Whether it is in one is for the runtime probe to know: what is not certain is not said.
 */
#ifndef OBI_SPAN_BPF_H
#define OBI_SPAN_BPF_H

#include "abi.bpf.h"
#include "counter.bpf.h"
#include "traceparent.bpf.h"

struct obi_span {
	struct obi_trace trace;
	__u64 start_ns;
	__u64 scope; /* that began it */
	__u32 tgid;
	__u32 _pad;
};

/*
 * Scope → span that it is in. Inserted: obi_scope_enter. Deleted: the same, and by the runtime probe's part in user space soon after
 * the process's end. LRU: a scope whose span was forgotten has its request as parent.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct obi_span);
} obi_spans SEC(".maps");

/* Runtime probe: scope `id` is in this span from now on; NULL: in none. */
static __always_inline void obi_scope_enter(__u64 id, const struct obi_span *span)
{
	if (span)
		bpf_map_update_elem(&obi_spans, &id, span, BPF_ANY);
	else
		bpf_map_delete_elem(&obi_spans, &id);
}

static __always_inline struct obi_span *obi_scope_span(__u64 id)
{
	return bpf_map_lookup_elem(&obi_spans, &id);
}

/*
 * Span id, read as a number → span whose ids the program knows, and may send by itself. Inserted: obi_span_named. Deleted: by the runtime
 * probe's part in user space soon after the process's end. LRU: the program may keep the ids, also of a span that is over.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct obi_span);
} obi_named SEC(".maps");

/* Runtime probe: it is about to tell the program this span's ids. */
static __always_inline void obi_span_named(const struct obi_span *span)
{
	__u64 id;

	__builtin_memcpy(&id, span->trace.span_id, sizeof(id));
	bpf_map_update_elem(&obi_named, &id, span, BPF_ANY);
}

/* The span that a traceparent names, of whichever process, or NULL. */
static __always_inline struct obi_span *obi_span_of(const struct obi_traceparent *own)
{
	struct obi_span *span;
	__u64 id;

	__builtin_memcpy(&id, own->span_id, sizeof(id));
	span = bpf_map_lookup_elem(&obi_named, &id);
	return span && obi_same_id(span->trace.trace_id, own->trace_id, 16) ? span : NULL;
}

#endif
