/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * go.opentelemetry.io/auto/sdk: spans that the program makes itself. The SDK has two functions that do nothing, to be hooked: one
 * asks for a span's ids, one hands over the span that is over. Where memory may be written, the process gets the ids, and the API's
 * global tracer (go.opentelemetry.io/otel/internal/global) is this SDK.
 */
#ifndef OBI_GO_AUTO_BPF_H
#define OBI_GO_AUTO_BPF_H

#include <obi/event.bpf.h>
#include <obi/trace.bpf.h>
#include "auto.h"
#include "context.bpf.h"

/* Most spans are small: what is reserved of the ring must be a constant. */
#define AUTO_SPAN_SMALL 1024
#define AUTO_SPAN_MIDDLE 4096

/* Goroutine `g` starts the span at this address, in this context (an interface). @returns it, or NULL */
static __always_inline struct go_span *auto_started(__u64 itab, __u64 context, __u64 address, __u64 g)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), key = obi_scope_id(pid_tgid >> 32, address), parent;
	struct go_span *within = NULL, *s;

	if (!obi_process_get(pid_tgid >> 32))
		return NULL;
	parent = context_span(pid_tgid >> 32, itab, context);
	/* One that was never ended may have had the address. */
	if (bpf_map_update_elem(&go_spans, &key, (const void *)&go_blank_span, BPF_ANY))
		return NULL;
	s = bpf_map_lookup_elem(&go_spans, &key);
	if (!s)
		return NULL;
	s->span.start_ns = bpf_ktime_get_ns();
	s->span.tgid = pid_tgid >> 32;
	s->span.scope = goroutine_scope(pid_tgid >> 32, g);
	if (parent)
		within = bpf_map_lookup_elem(&go_spans, &parent);
	obi_span_begin(&s->span, within ? &within->span : NULL, pid_tgid, &s->cause);
	return s;
}

/* `room`: a constant. */
static __always_inline void auto_send(const struct go_span *s, __u64 text, __u32 len, const __u32 room)
{
	struct auto_span_event *e = bpf_ringbuf_reserve(&obi_events, __builtin_offsetof(struct auto_span_event, text) + room, 0);

	if (!e) {
		obi_count(OBI_COUNTER_EVENTS_LOST);
		return;
	}
	e->hdr.probe = obi_slot;
	e->hdr.kind = AUTO_SPAN_EVENT;
	e->hdr.len = __builtin_offsetof(struct auto_span_event, text) + room;
	e->trace = s->span.trace;
	e->cause = s->cause;
	e->tgid = s->span.tgid;
	e->text_len = len;
	obi_barrier(len);
	if (len > room || bpf_probe_read_user(e->text, len, (void *)text)) {
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_UNREADABLE);
		bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		return;
	}
	bpf_ringbuf_submit(e, obi_event_wake());
}

/* The span at this address is over; `len` bytes of text say what it was. */
static __always_inline void auto_ended(__u64 address, __u64 text, __u64 len)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 key = obi_scope_id(tgid, address);
	struct go_span *s = bpf_map_lookup_elem(&go_spans, &key);

	if (!s) {
		if (obi_process_get(tgid))
			obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_UNKNOWN);
		return;
	}
	if (!(s->span.trace.flags & OBI_TRACE_SAMPLED))
		obi_count(OBI_COUNTER_UNSAMPLED);
	else if (len == 0)
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_UNREADABLE);
	else if (len <= AUTO_SPAN_SMALL)
		auto_send(s, text, len, AUTO_SPAN_SMALL);
	else if (len <= AUTO_SPAN_MIDDLE)
		auto_send(s, text, len, AUTO_SPAN_MIDDLE);
	else if (len <= AUTO_SPAN_TEXT)
		auto_send(s, text, len, AUTO_SPAN_TEXT);
	else
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_AUTO_SPAN_TOO_LONG);
	bpf_map_delete_elem(&go_spans, &key);
}

#endif
