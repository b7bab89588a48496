// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The scope contract alone: each function that a protocol, core or a runtime probe may call, one call per run. */
#include <obi/abi.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/trace.bpf.h>
#include <obi/wait.bpf.h>
#include <obi/test.bpf.h>

OBI_LICENSE;

/* In t_input.bytes. */
struct t_call {
	__u64 a;
	__u64 b;
	__u64 c;
};

struct t_output {
	__u64 result;
	struct obi_cause cause;
	struct obi_trace trace;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct t_output);
} t_output SEC(".maps");

static __always_inline struct t_output *output_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&t_output, &zero);
}

static __always_inline struct t_call *call_get(void)
{
	struct t_input *in = t_input_get();

	return in ? (struct t_call *)in->bytes : NULL;
}

#define CALL(name, body)                                                                                               \
	SEC("raw_tp/" #name)                                                                                           \
	int name(void *ctx)                                                                                            \
	{                                                                                                              \
		struct t_output *out = output_get();                                                                   \
		struct t_call *call = call_get();                                                                      \
		if (!out || !call)                                                                                     \
			return 1;                                                                                      \
		__u64 a = call->a, b = call->b, c = call->c;                                                           \
		(void)a, (void)b, (void)c;                                                                             \
		out->result = 0;                                                                                       \
		body;                                                                                                  \
		return 0;                                                                                              \
	}

/* a: key of the connection */
CALL(t_connect, {
	struct obi_connection fresh = {};
	obi_random_id(&fresh.id);
	out->result = fresh.id;
	bpf_map_update_elem(&obi_connections, &a, &fresh, BPF_ANY);
})
CALL(t_disconnect, bpf_map_delete_elem(&obi_connections, &a))

/* a: key of the connection, b: scope, c: tgid */
CALL(t_request_begin, {
	struct obi_connection *connection = obi_connection_find(a);
	struct obi_trace trace = {};
	obi_request_begin(&trace, NULL, connection, a, b, c, bpf_ktime_get_ns());
	out->result = obi_request_id(&trace);
	if (connection)
		obi_scope_take(b, connection->id, out->result);
})
CALL(t_request_end, obi_request_end(a, b))
CALL(t_claimable, {
	struct obi_connection *connection = obi_connection_find(a);
	if (connection)
		out->result = obi_connection_claimable(connection);
})
CALL(t_announce, {
	struct obi_connection *connection = obi_connection_find(a);
	if (connection)
		obi_connection_announce(connection, b);
})
CALL(t_scope_id, out->result = obi_scope_id(a, b))
CALL(t_scope_start, obi_scope_start(a, b, c))
CALL(t_scope_end, obi_scope_end(a))
CALL(t_scope_set_request, obi_scope_set_request(a, b))
CALL(t_scope_claim, obi_scope_claim(a, b))
CALL(t_scope_follow, obi_scope_follow(a, b))
CALL(t_scope_run, obi_scope_run(a, b))
CALL(t_scope_request, out->result = obi_scope_request(a, b))
/* a: pid_tgid. Chains are followed in the memory of the process that runs the test. */
CALL(t_current, out->result = obi_scope_current(a))
CALL(t_thread_set_socket, obi_thread_set_socket(a, b))
CALL(t_event_wait, {
	struct obi_process *process = obi_process_get(a >> 32);
	if (process)
		obi_note_event_wait(a);
})
/* a: key of the connection that is written to, b: pid_tgid */
CALL(t_parent, {
	struct obi_cause blank = {};
	struct obi_request *request;
	out->cause = blank;
	request = obi_parent_find(obi_connection_find(a), b, &out->cause);
	out->result = request ? obi_request_id(&request->trace) : 0;
})
/* b: pid_tgid. As a runtime probe that writes the traceparent inside the process. */
CALL(t_write, {
	struct obi_written written = { .tgid = b >> 32 };
	obi_outgoing_begin(&written.trace, NULL, NULL, b, &written.cause);
	obi_written_note(&written);
	out->trace = written.trace;
	out->cause = written.cause;
	out->result = obi_request_id(&written.trace);
})
/* a: key of the connection, b: pid_tgid, c: with another trace id. Bytes pass by with the traceparent of the latest trace. */
CALL(t_sent, {
	struct obi_traceparent own = {};
	struct obi_trace trace = {};
	struct obi_cause cause = {};
	__builtin_memcpy(own.trace_id, out->trace.trace_id, 16);
	__builtin_memcpy(own.span_id, out->trace.span_id, 8);
	own.flags = out->trace.flags;
	own.trace_id[0] ^= c;
	obi_outgoing_begin(&trace, &own, obi_connection_find(a), b, &cause);
	out->trace = trace;
	out->cause = cause;
	out->result = obi_request_id(&trace);
})
/* a: scope, b: id of the span that it is in, 0: of none. Its trace's id is that twice. */
CALL(t_enter, {
	struct obi_span span = { .start_ns = b };
	__builtin_memcpy(span.trace.trace_id, &b, 8);
	__builtin_memcpy(span.trace.trace_id + 8, &b, 8);
	__builtin_memcpy(span.trace.span_id, &b, 8);
	obi_scope_enter(a, b ? &span : NULL);
})
/* a: pid_tgid, b: id of a span as in t_enter, whose ids the program learns */
CALL(t_name, {
	struct obi_span span = { .tgid = a >> 32 };
	__builtin_memcpy(span.trace.trace_id, &b, 8);
	__builtin_memcpy(span.trace.trace_id + 8, &b, 8);
	__builtin_memcpy(span.trace.span_id, &b, 8);
	obi_span_named(&span);
})
/* a: pid_tgid, b: id of the span, as in t_enter, that the application's traceparent names */
CALL(t_naming, {
	struct obi_cause blank = {};
	struct obi_traceparent own = { .flags = OBI_TRACE_SAMPLED };
	struct obi_trace trace = {};
	__builtin_memcpy(own.trace_id, &b, 8);
	__builtin_memcpy(own.trace_id + 8, &b, 8);
	__builtin_memcpy(own.span_id, &b, 8);
	out->cause = blank;
	obi_outgoing_begin(&trace, &own, NULL, a, &out->cause);
	out->trace = trace;
})
/* a: key of the connection that is written to, b: pid_tgid, c: request whose caller's traceparent is handed on unchanged, 0: none is */
CALL(t_outgoing, {
	struct obi_cause blank = {};
	struct obi_traceparent own = {};
	struct obi_trace trace = {};
	struct obi_request *request = obi_request_get(c);
	if (request) {
		__builtin_memcpy(own.trace_id, request->trace.trace_id, 16);
		__builtin_memcpy(own.span_id, request->trace.parent_id, 8);
	}
	out->cause = blank;
	obi_outgoing_begin(&trace, request ? &own : NULL, obi_connection_find(a), b, &out->cause);
	out->trace = trace;
})
