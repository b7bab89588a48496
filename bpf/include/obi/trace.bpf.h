/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traces: the open requests of every traced process, and the decision which of them caused an outgoing one.
 * The sampling decision is made here, once, so that the flag on the wire is true.
 */
#ifndef OBI_TRACE_BPF_H
#define OBI_TRACE_BPF_H

#include "abi.bpf.h"
#include "counter.bpf.h"
#include "process.bpf.h"
#include "scope.bpf.h"
#include "traceparent.bpf.h"

/* Set by core at load from OTEL_TRACES_SAMPLER, max_transaction_time. */
const volatile __u8 obi_cfg_parent_based = 1;
/* A root is sampled when the upper 63 bits of the trace id's last 8 bytes are below this; ~0: always. */
const volatile __u64 obi_cfg_sample_below = ~0ULL;
const volatile __u64 obi_cfg_max_age_ns = 300ULL * 1000 * 1000 * 1000;

/* An incoming request that is not answered yet. Its id is its span id, read as a number. */
struct obi_request {
	struct obi_trace trace;
	__u64 start_ns;
	__u64 scope; /* that read it */
	__u32 tgid;
	__u32 _pad;
};

/* Inserted: obi_request_begin. Deleted: obi_request_end, called by the protocol at the response's end or the connection's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct obi_request);
} obi_requests SEC(".maps");

/* How many requests a process works on at a time. */
struct obi_load {
	__u64 overlap_ns; /* last time at which there was more than one */
	__u32 open;
	__u32 _pad;
};

/* tgid → load. Inserted: first request of a process. Deleted: exit of the process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct obi_load);
} obi_loads SEC(".maps");

static __always_inline void obi_load_change(__u32 tgid, int by)
{
	struct obi_load *load = bpf_map_lookup_elem(&obi_loads, &tgid), fresh = {};

	if (!load) {
		/* The process is gone: its sockets are closed after it has left the table. */
		if (by < 0)
			return;
		if (bpf_map_update_elem(&obi_loads, &tgid, &fresh, BPF_NOEXIST))
			obi_count(OBI_COUNTER_REQUESTS_FULL);
		load = bpf_map_lookup_elem(&obi_loads, &tgid);
		if (!load)
			return;
	}
	/* before a decrease, after an increase: whenever there was more than one, that time is noted */
	if (by < 0 && load->open > 1)
		load->overlap_ns = bpf_ktime_get_ns();
	__sync_fetch_and_add(&load->open, by);
	if (by > 0 && load->open > 1)
		load->overlap_ns = bpf_ktime_get_ns();
}

/*
 * May a thread that was started for a request be working for another one? A pool that its creator shares with other requests
 * can give it any work; only while there was no other request is it certain.
 */
static __always_inline bool obi_load_overlapped(__u32 tgid, __u64 since_ns)
{
	struct obi_load *load = bpf_map_lookup_elem(&obi_loads, &tgid);

	return !load || load->open > 1 || load->overlap_ns >= since_ns;
}

static __always_inline __u64 obi_request_id(const struct obi_trace *trace)
{
	__u64 id;

	__builtin_memcpy(&id, trace->span_id, sizeof(id));
	return id;
}

static __always_inline __u8 obi_sample_root(const struct obi_trace *trace)
{
	__u64 low;

	if (obi_cfg_sample_below == ~0ULL)
		return OBI_TRACE_SAMPLED;
	__builtin_memcpy(&low, trace->trace_id + 8, sizeof(low));
	return bpf_be64_to_cpu(low) >> 1 < obi_cfg_sample_below ? OBI_TRACE_SAMPLED : 0;
}

static __always_inline void obi_trace_root(struct obi_trace *trace)
{
	obi_random(trace->trace_id, 4);
	obi_random(trace->span_id, 2);
	__builtin_memset(trace->parent_id, 0, sizeof(trace->parent_id));
	trace->flags = obi_sample_root(trace);
}

static __always_inline void obi_trace_child(struct obi_trace *trace, const __u8 *trace_id, const __u8 *parent_id,
					    __u8 flags)
{
	__builtin_memcpy(trace->trace_id, trace_id, 16);
	__builtin_memcpy(trace->parent_id, parent_id, 8);
	obi_random(trace->span_id, 2);
	trace->flags = obi_cfg_parent_based ? flags & OBI_TRACE_SAMPLED : obi_sample_root(trace);
}

/* Is the request with this id still open? */
static __always_inline struct obi_request *obi_request_get(__u64 id)
{
	return id ? bpf_map_lookup_elem(&obi_requests, &id) : NULL;
}

/*
 * An incoming request was read by `scope` on connection `connection`: gives it its place in a trace (`incoming` is what the
 * caller of this service sent, or NULL) and makes it the scope's request.
 */
static __always_inline void obi_request_begin(struct obi_trace *trace, const struct obi_traceparent *incoming, __u64 scope,
					      __u32 tgid, __u64 start_ns)
{
	struct obi_request request = {};
	__u64 id;

	if (incoming)
		obi_trace_child(trace, incoming->trace_id, incoming->span_id, incoming->flags);
	else
		obi_trace_root(trace);
	request.trace = *trace;
	request.start_ns = start_ns;
	request.scope = scope;
	request.tgid = tgid;
	id = obi_request_id(trace);
	if (bpf_map_update_elem(&obi_requests, &id, &request, BPF_ANY))
		obi_count(OBI_COUNTER_REQUESTS_FULL);
	else
		obi_load_change(tgid, 1);
}

static __always_inline void obi_request_end(__u64 id)
{
	struct obi_request *request = obi_request_get(id);
	__u32 tgid;

	if (!request)
		return;
	tgid = request->tgid;
	if (bpf_map_delete_elem(&obi_requests, &id) == 0)
		obi_load_change(tgid, -1);
}

/*
 * Makes request `id`, read on `connection`, the one that this scope works for. A scope that already has an open request of
 * another connection serves several at a time: from then on it says nothing about causes.
 */
static __always_inline void obi_scope_take(__u64 scope, __u64 connection, __u64 id)
{
	struct obi_scope *s = obi_scope_get_or_new(scope);

	if (!s) {
		obi_count(OBI_COUNTER_SCOPES_FULL);
		return;
	}
	if (s->request && s->request != id && obi_request_get(s->request)) {
		if (s->connection == connection)
			return; /* pipelined: the protocol hands it over when the one before is answered */
		s->flags |= OBI_SCOPE_AMBIGUOUS;
	}
	s->request = id;
	s->connection = connection;
}

/*
 * The request before it on the same connection was answered: the scope goes on with this one. Not for a scope that has ended:
 * sockets of a killed process are closed after its threads are gone.
 */
static __always_inline void obi_scope_go_on(__u64 scope, __u64 connection, __u64 id)
{
	struct obi_scope *s = obi_scope_get(scope);

	if (s && s->connection == connection)
		s->request = id;
}

/*
 * `reader` read a request, `writer` answers it. When they differ, requests move between these threads (virtual threads,
 * asynchronous handlers): from then on neither says anything about causes.
 */
static __always_inline void obi_scope_check(__u64 reader, __u64 writer)
{
	struct obi_scope *s;

	if (reader == writer)
		return;
	s = obi_scope_get(reader);
	if (s && !(s->flags & OBI_SCOPE_DECLARED))
		s->flags |= OBI_SCOPE_AMBIGUOUS;
	s = obi_scope_get(writer);
	if (s && !(s->flags & OBI_SCOPE_DECLARED))
		s->flags |= OBI_SCOPE_AMBIGUOUS;
}

/*
 * Does this scope still work for the request that it was started for? A program that was executed for a request sends its
 * first call for it; a helper that is kept can get any work after that.
 */
static __always_inline bool obi_inherits(struct obi_scope *s, __u32 tgid)
{
	if (s->flags & OBI_SCOPE_FORKED)
		return false;
	if (s->flags & OBI_SCOPE_EXECUTED && !(s->flags & OBI_SCOPE_USED)) {
		s->flags |= OBI_SCOPE_USED;
		return true;
	}
	return !obi_load_overlapped(s->flags & OBI_SCOPE_EXECUTED ? s->creator : tgid, s->created_ns);
}

/* The open request that caused what the current scope sends now, or NULL; the reason is counted. */
static __always_inline struct obi_request *obi_parent_find(__u64 pid_tgid)
{
	struct obi_process *process = obi_process_get(pid_tgid >> 32);
	struct obi_scope *s = obi_scope_running(pid_tgid);
	struct obi_request *request;
	__u32 why = OBI_COUNTER_PARENT_THREAD;

	if (!s || (!s->request && !s->inherited)) {
		obi_count(OBI_COUNTER_ORPHAN_NO_REQUEST);
		return NULL;
	}
	/* A scope that a runtime probe declared is trusted; a bare thread of a multiplexing runtime is not. */
	if (!(s->flags & OBI_SCOPE_DECLARED) && process && process->flags & OBI_PROCESS_MULTIPLEXED) {
		obi_count(OBI_COUNTER_ORPHAN_MULTIPLEXED);
		return NULL;
	}
	if (s->flags & OBI_SCOPE_AMBIGUOUS) {
		obi_count(OBI_COUNTER_ORPHAN_AMBIGUOUS);
		return NULL;
	}
	request = obi_request_get(s->request);
	if (!request && s->inherited) {
		if (!obi_inherits(s, pid_tgid >> 32)) {
			obi_count(OBI_COUNTER_ORPHAN_SHARED);
			return NULL;
		}
		request = obi_request_get(s->inherited);
		why = OBI_COUNTER_PARENT_INHERITED;
	}
	if (!request) {
		obi_count(OBI_COUNTER_ORPHAN_ENDED);
		return NULL;
	}
	if (bpf_ktime_get_ns() - request->start_ns > obi_cfg_max_age_ns) {
		obi_count(OBI_COUNTER_ORPHAN_TOO_OLD);
		return NULL;
	}
	obi_count(why);
	return request;
}

/*
 * Gives an outgoing request its place in a trace. `own` is the traceparent that the application wrote, or NULL: it is adopted,
 * so that our span is the one which the receiver names as its parent.
 */
static __always_inline void obi_outgoing_begin(struct obi_trace *trace, const struct obi_traceparent *own, __u64 pid_tgid)
{
	struct obi_request *parent = obi_parent_find(pid_tgid);

	if (!own) {
		if (parent)
			obi_trace_child(trace, parent->trace.trace_id, parent->trace.span_id, parent->trace.flags);
		else
			obi_trace_root(trace);
		return;
	}
	obi_count(OBI_COUNTER_PARENT_APPLICATION);
	__builtin_memcpy(trace->trace_id, own->trace_id, 16);
	__builtin_memcpy(trace->span_id, own->span_id, 8);
	__builtin_memset(trace->parent_id, 0, 8);
	trace->flags = own->flags & OBI_TRACE_SAMPLED;
	if (!parent || !obi_same_id(parent->trace.trace_id, own->trace_id, 16))
		return;
	__builtin_memcpy(trace->parent_id, parent->trace.span_id, 8);
	/* A proxy that forwards the incoming field unchanged names our caller's span: that id is taken, ours must differ. */
	if (obi_same_id(parent->trace.parent_id, own->span_id, 8))
		obi_random(trace->span_id, 2);
}

#endif
