/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Clients of net/http and golang.org/x/net/http2: a stream has a goroutine of its own, which the one that makes the request has
 * started. It encodes the header block field by field; that is where the application's own traceparent shows.
 */
#ifndef OBI_GO_HTTP2_CLIENT_BPF_H
#define OBI_GO_HTTP2_CLIENT_BPF_H

#include "write_grpc.bpf.h"

struct go_sending {
	struct stream_fields fields;
	__u64 stream; /* key in go_streams */
	__u32 tgid;
	__u32 encoded; /* its frame comes next, and wants a traceparent */
	__u64 span; /* that the request's context carries: key in go_spans; 0: none */
};

/*
 * Scope of a goroutine → header block that it is encoding (gRPC: queueing, encoding). Inserted: it begins to. Deleted: it is about to be sent, or framed;
 * user space, soon after the process's end. LRU: a request that is given up in between.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct go_sending);
} go_sending SEC(".maps");

/* Goroutine `g` begins to encode the header block of `stream`, for an http.Request; in net/http since Go 1.27, for a ClientRequest, which begins with its context. */
static __always_inline void http2_encodes(__u64 stream, __u64 request, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_sending sending = { .stream = obi_scope_id(tgid, stream), .tgid = tgid };
	__u64 scope = goroutine_scope(tgid, g);

	if (!obi_process_get(tgid))
		return;
	sending.span = request_span(tgid, request);
	if (!sending.span)
		sending.span = context_span_at(tgid, request);
	bpf_map_update_elem(&go_sending, &scope, &sending, BPF_ANY);
}

/* … encodes one of its fields. */
static __always_inline void http2_field(struct go_field *field, __u64 g)
{
	__u64 scope = goroutine_scope(bpf_get_current_pid_tgid() >> 32, g);
	struct go_sending *sending = bpf_map_lookup_elem(&go_sending, &scope);

	/* The same one can be told twice (its goroutine's stack had to grow): two fields of that name would be none. */
	if (sending && sending->fields.traceparent.at != field->value.at)
		stream_field_note(&sending->fields, field);
}

/* Is the traceparent written where the block is framed? */
static __always_inline bool http2_is_written(const struct stream_fields *fields)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);

	return settings && settings->buffer_write && fields->traceparents == 0;
}

/* … and sends it over `client`: the request gets its place in a trace. */
static __always_inline void http2_sent(__u64 client, __u64 g)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), scope = goroutine_scope(pid_tgid >> 32, g), key, span;
	struct go_sending *sending = bpf_map_lookup_elem(&go_sending, &scope);
	struct go_stream *blank, *s;
	struct go_span *context;
	struct sock *sk;
	__u32 zero = 0;

	/* None: these are trailers. Encoded already: told twice. */
	if (!sending || sending->encoded)
		return;
	key = sending->stream;
	blank = bpf_map_lookup_elem(&go_blank_stream, &zero);
	sk = library_socket(client, GO_CLIENT_CONN, GO_CLIENT_CONN, GO_CLIENT_CONN);
	if (blank && sk) {
		if (bpf_map_update_elem(&go_streams, &key, blank, BPF_ANY))
			obi_count(OBI_COUNTER_OWN + GO_COUNTER_STREAMS_FULL);
		s = bpf_map_lookup_elem(&go_streams, &key);
		if (s) {
			stream_fill(s, sk, &sending->fields, HTTP_ROLE_CLIENT);
			span = sending->span;
			context = span ? bpf_map_lookup_elem(&go_spans, &span) : NULL;
			if (context)
				obi_scope_enter(scope, &context->span);
			obi_outgoing_begin(&s->exchange.trace, stream_context_of(s), obi_connection_get(sk), pid_tgid, &s->exchange.cause);
			sending->encoded = http2_is_written(&sending->fields);
			if (context)
				obi_scope_enter(scope, NULL);
		}
	}
	if (!sending->encoded)
		bpf_map_delete_elem(&go_sending, &scope);
}

/* The goroutine's address is another one's from now on; its header block may never have been framed (a broken connection). */
static __always_inline void http2_sender_ended(__u64 scope)
{
	bpf_map_delete_elem(&go_sending, &scope);
}

/* … makes a frame of it: `framer`'s function has its arguments at `param`. */
static __always_inline void http2_framed(__u64 framer, __u64 param, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 scope = goroutine_scope(tgid, g);
	struct go_sending *sending = bpf_map_lookup_elem(&go_sending, &scope);
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	struct go_stream *s;

	/* None: a response, trailers. */
	if (!sending || !sending->encoded)
		return;
	s = bpf_map_lookup_elem(&go_streams, &sending->stream);
	if (s && settings && s->exchange.role == HTTP_ROLE_CLIENT && !frame_waits(settings, framer, param, &s->exchange.trace, scope))
		block_write(settings, framer, param, &s->exchange.trace);
	bpf_map_delete_elem(&go_sending, &scope);
}

/* The header block of a response has come. */
static __always_inline void http2_got(__u64 stream, __u64 frame)
{
	struct go_stream *s = stream_get(stream);
	__u8 digit[3] = {};
	__u16 status;

	if (!s)
		return;
	stream_fields_read(&s->fields, frame + GO_META_FIELDS);
	if (s->fields.status.len != sizeof(digit) || bpf_probe_read_user(digit, sizeof(digit), (void *)s->fields.status.at))
		return;
	status = (digit[0] - '0') * 100 + (digit[1] - '0') * 10 + digit[2] - '0';
	/* 1xx are not the answer. */
	if (status >= 200 && status < 1000)
		s->exchange.status = status;
}

/* The whole response has come. (What the library makes of the stream afterwards, an error too, says nothing about that.) */
static __always_inline void http2_got_all(__u64 stream)
{
	struct go_stream *s = stream_get(stream);

	if (s)
		s->exchange.flags &= ~HTTP_EXCHANGE_INCOMPLETE;
}

#endif
