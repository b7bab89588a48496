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

#endif
