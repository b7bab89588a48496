/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Spans that the program makes itself, by OpenTelemetry's Auto SDK, and how one is found in a context.Context: what is in which span,
 * Go says with contexts, not with goroutines.
 */
#ifndef OBI_GO_CONTEXT_BPF_H
#define OBI_GO_CONTEXT_BPF_H

#include "go.h"

#define CONTEXT_DEPTH 32

struct go_span {
	struct obi_span span;
	struct obi_cause cause;
};

/*
 * Process and address of the SDK's span → ids. Inserted: it is started. Deleted: it is ended; user space, soon after the process's
 * end. LRU: one that is never ended.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct go_span);
} go_spans SEC(".maps");

const volatile struct go_span go_blank_span = {};

/*
 * Does an open span of the SDK lie at this address? One that was never ended is collected, and its address is another object's: its
 * first member is an interface that is nil, it is recording, and has its encoder's only element.
 */
static __always_inline bool context_is_span(__u64 at)
{
	__u64 traces = obi_user_word(at + GO_AUTO_SPAN_TRACES);

	return !obi_user_word(at) && !obi_user_word(at + 8) && (__u32)obi_user_word(at + GO_AUTO_SPAN_SAMPLED) == 1 && traces &&
	       obi_user_word(traces + GO_AUTO_TRACES_COUNT) == 1;
}

struct context_walk {
	__u64 at; /* a context */
	__u64 type; /* the interface type context.Context: by it is known that what another context begins with is one */
	__u64 found;
	__u32 tgid;
	__u32 _pad;
};

/* bpf_loop: one context. valueCtx is { Context; key, val any }; all others begin with the Context that they were made from, too. */
static long context_step(__u32 index, struct context_walk *walk)
{
	__u64 word[6], key;

	if (bpf_probe_read_user(word, sizeof(word), (void *)walk->at))
		return 1;
	key = obi_scope_id(walk->tgid, word[5]);
	if (word[5] && bpf_map_lookup_elem(&go_spans, &key) && context_is_span(word[5])) {
		walk->found = key;
		return 1;
	}
	if (!word[0] || obi_user_word(word[0]) != walk->type)
		return 1;
	walk->at = word[1];
	return 0;
}

/* Key in go_spans of the innermost open span that this context carries, an interface of these two words; 0: none. */
static __always_inline __u64 context_span(__u32 tgid, __u64 itab, __u64 at)
{
	struct context_walk walk = { .at = at, .type = itab ? obi_user_word(itab) : 0, .tgid = tgid };

	if (walk.type)
		bpf_loop(CONTEXT_DEPTH, context_step, &walk, 0);
	return walk.found;
}

/* … that the interface at this address carries. */
static __always_inline __u64 context_span_at(__u32 tgid, __u64 at)
{
	return context_span(tgid, obi_user_word(at), obi_user_word(at + 8));
}

/* … that the context of an http.Request carries. */
static __always_inline __u64 request_span(__u32 tgid, __u64 request)
{
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);

	return settings ? context_span_at(tgid, request + settings->request_context) : 0;
}

#endif
