/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Streams of HTTP/2, of whatever library: one exchange each, read from what the library itself has decoded, or is about to encode.
 * Of a connection that carries many at a time, the bytes would not say which goroutine has which.
 */
#ifndef OBI_GO_STREAMS_BPF_H
#define OBI_GO_STREAMS_BPF_H

#include <@obi/probe-http/bpf/send.bpf.h>
#include "tls.bpf.h"

#define STREAM_FIELDS 256 /* of a header block that are looked at */
#define STREAM_FIELD_NAME 11 /* "traceparent", "grpc-status": the longest that are looked for */
#define STREAM_METHOD 32
#define STREAM_TARGET 448 /* of what comes behind it */
_Static_assert(STREAM_METHOD + STREAM_TARGET <= HTTP_LINE_BYTES, "a request line holds both");

/* Fields of a header block that are looked for, where they lie in the process. */
struct stream_fields {
	__u64 next;
	struct go_string method;
	struct go_string target; /* :path */
	struct go_string authority;
	struct go_string traceparent;
	struct go_string grpc_status;
	struct go_string status;
	__u32 traceparents;
	__u32 encrypted; /* :scheme is https */
};

struct go_stream {
	struct http_exchange_event exchange;
	struct obi_traceparent context; /* what its header block says */
	struct stream_fields fields; /* of the block that is looked at */
	__u64 block; /* where the request's fields lie */
	__u64 socket;
	__u32 has_context;
	__u32 _pad;
};

/*
 * Process and address of the stream → exchange. Inserted: the request's header block was read and accepted, or is sent. Deleted: the
 * stream is closed, its goroutine ends; user space, soon after the process's end.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct go_stream);
} go_streams SEC(".maps");

/* Initial value, too large for the stack: never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct go_stream);
} go_blank_stream SEC(".maps");

/* A blank entry for a stream that has none; NULL: no room (counted). */
static __always_inline struct go_stream *stream_new(__u64 key)
{
	__u32 zero = 0;
	struct go_stream *blank = bpf_map_lookup_elem(&go_blank_stream, &zero);

	if (!blank || bpf_map_update_elem(&go_streams, &key, blank, BPF_NOEXIST)) {
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_STREAMS_FULL);
		return NULL;
	}
	return bpf_map_lookup_elem(&go_streams, &key);
}

static __always_inline struct go_stream *stream_get(__u64 stream)
{
	__u64 key = obi_scope_id(bpf_get_current_pid_tgid() >> 32, stream);

	return bpf_map_lookup_elem(&go_streams, &key);
}

/*
 * The TCP connection below a net.Conn (an interface, which lies at this address): it itself, or the first member of what it is, or
 * that one's (tls.Conn; bufConn of x/net's h2c; syscallConn of gRPC around a tls.Conn). 0: none.
 */
static __always_inline __u64 tcp_below(const struct go_settings *settings, __u64 connection)
{
	for (int i = 0; i < 3 && connection; i++) {
		__u64 is = obi_user_word(connection + 8);

		if (obi_user_word(obi_user_word(connection) + GO_ITAB_FUN) == settings->tcp_close)
			return is;
		connection = is;
	}
	return 0;
}

/* The socket of a library's connection, which has its net.Conn in one of three places: the TCP connection proves which. NULL: none (counted). */
static __always_inline struct sock *library_socket(__u64 library, __u32 place, __u32 other, __u32 third)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	struct sock *sk = NULL;
	__u64 tcp;

	if (settings && settings->tcp_close) {
		tcp = tcp_below(settings, library + place);
		if (!tcp)
			tcp = tcp_below(settings, library + other);
		if (!tcp)
			tcp = tcp_below(settings, library + third);
		sk = tcp ? obi_fd_tcp_sock(obi_user_word(obi_user_word(tcp) + GO_FD_SYSFD)) : NULL;
	}
	if (!sk)
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_HTTP2_UNKNOWN);
	return sk;
}

/* A name of at most two words, filled up with zeroes, against a constant. */
#define stream_name_is(name, text)                                                                                     \
	({                                                                                                             \
		__u64 is[2] = {};                                                                                      \
		__builtin_memcpy(is, (text), sizeof(text) - 1);                                                        \
		(name)[0] == is[0] && (name)[1] == is[1];                                                              \
	})

/* Notes the field if it is one of those. */
static __always_inline void stream_field_note(struct stream_fields *fields, struct go_field *field)
{
	__u64 name[2] = {};

	if (field->name.len > STREAM_FIELD_NAME || bpf_probe_read_user(name, field->name.len & 15, (void *)field->name.at))
		return;
	if (stream_name_is(name, ":method")) {
		fields->method = field->value;
	} else if (stream_name_is(name, ":path")) {
		fields->target = field->value;
	} else if (stream_name_is(name, ":authority")) {
		fields->authority = field->value;
	} else if (stream_name_is(name, ":scheme")) {
		fields->encrypted = field->value.len == sizeof("https") - 1;
	} else if (stream_name_is(name, "traceparent")) {
		fields->traceparent = field->value;
		fields->traceparents++;
	} else if (stream_name_is(name, "grpc-status")) {
		fields->grpc_status = field->value;
	} else if (stream_name_is(name, ":status")) {
		fields->status = field->value;
	}
}

/* bpf_loop: one golang.org/x/net/http2/hpack.HeaderField. */
static long stream_field(__u32 index, void *context)
{
	struct stream_fields *fields = *(struct stream_fields **)context;
	struct go_field field;

	if (bpf_probe_read_user(&field, sizeof(field), (void *)fields->next))
		return 1;
	fields->next += GO_HEADER_FIELD_BYTES;
	stream_field_note(fields, &field);
	return 0;
}

/*
 * Reads a []hpack.HeaderField, which lies at this address. `fields` lies in a map: what is in a stack's slots, or not yet, the
 * verifier would go through in all combinations.
 */
static __always_inline void stream_fields_read(struct stream_fields *fields, __u64 slice)
{
	__u64 count = obi_user_word(slice + 8);

	fields->next = obi_user_word(slice);
	bpf_loop(count < STREAM_FIELDS ? count : STREAM_FIELDS, stream_field, &fields, 0);
}

/* The traceparent, if it is valid: with two fields the receiver starts anew, says the specification. */
static __always_inline bool stream_context(const struct stream_fields *fields, struct obi_traceparent *tp)
{
	__u8 text[OBI_TRACEPARENT_LEN + 1] = {}, state = OBI_TRACEPARENT_READING;
	__u32 len = fields->traceparent.len;

	if (fields->traceparents != 1 || len < OBI_TRACEPARENT_LEN)
		return false;
	if (bpf_probe_read_user(text, OBI_TRACEPARENT_LEN, (void *)fields->traceparent.at))
		return false;
	if (len > OBI_TRACEPARENT_LEN &&
	    bpf_probe_read_user(text + OBI_TRACEPARENT_LEN, 1, (void *)(fields->traceparent.at + OBI_TRACEPARENT_LEN)))
		return false;
	/* Or clang, which knows how it is aligned, makes an address in it with `|`: the verifier takes no such pointer. */
	obi_barrier(tp);
	for (__u32 i = 0; i < OBI_TRACEPARENT_LEN; i++)
		obi_traceparent_feed(tp, &state, i, text[i]);
	if (len > OBI_TRACEPARENT_LEN)
		obi_traceparent_feed(tp, &state, OBI_TRACEPARENT_LEN, text[OBI_TRACEPARENT_LEN]);
	return obi_traceparent_valid(tp, state, len);
}

/* `method target`, as in a request line that was cut in front of its version. */
static __always_inline void stream_line(struct http_exchange_event *ex, const struct stream_fields *fields)
{
	/* CONNECT has no path: its target is the authority. */
	__u64 target = fields->target.len ? fields->target.at : fields->authority.at;
	__u32 method = fields->method.len, rest = fields->target.len ? fields->target.len : fields->authority.len;

	if (method > STREAM_METHOD - 1)
		method = STREAM_METHOD - 1;
	obi_barrier(method);
	method &= STREAM_METHOD - 1;
	if (rest > STREAM_TARGET)
		rest = STREAM_TARGET;
	obi_barrier(rest);
	if (rest > STREAM_TARGET || bpf_probe_read_user(ex->line, method, (void *)fields->method.at))
		return;
	ex->line[method] = ' ';
	if (bpf_probe_read_user(ex->line + method + 1, rest, (void *)target))
		rest = 0;
	ex->line_len = method + 1 + rest;
}

static __always_inline void stream_host(struct http_exchange_event *ex, const struct stream_fields *fields)
{
	__u32 len = fields->authority.len;

	if (len > HTTP_HOST_BYTES)
		len = HTTP_HOST_BYTES;
	obi_barrier(len);
	if (len <= HTTP_HOST_BYTES && bpf_probe_read_user(ex->host, len, (void *)fields->authority.at) == 0)
		ex->host_len = len;
}

/* The request that these fields make, on a connection of this socket. */
static __always_inline void stream_fill(struct go_stream *s, struct sock *sk, const struct stream_fields *fields, __u8 role)
{
	struct http_exchange_event *ex = &s->exchange;

	ex->start_ns = bpf_ktime_get_ns();
	ex->tgid = bpf_get_current_pid_tgid() >> 32;
	ex->role = role;
	ex->version = HTTP_VERSION_2;
	/* Until the library says otherwise. */
	ex->flags = HTTP_EXCHANGE_REQUEST_SEEN | HTTP_EXCHANGE_INCOMPLETE | (fields->encrypted ? HTTP_EXCHANGE_ENCRYPTED : 0);
	obi_sock_tuple(sk, &ex->tuple);
	stream_line(ex, fields);
	stream_host(ex, fields);
	s->socket = (__u64)sk;
	s->has_context = stream_context(fields, &s->context);
}

/* What a header block (http2.MetaHeadersFrame) says of the request that it opens. */
static __always_inline void stream_read(struct go_stream *s, struct sock *sk, __u64 frame)
{
	s->block = obi_user_word(frame + GO_META_FIELDS);
	stream_fields_read(&s->fields, frame + GO_META_FIELDS);
	stream_fill(s, sk, &s->fields, HTTP_ROLE_SERVER);
}

static __always_inline struct obi_traceparent *stream_context_of(struct go_stream *s)
{
	struct obi_traceparent *context = s->has_context ? &s->context : NULL;

	/* Or clang asks has_context once more instead: before 6.7 the verifier does not know that this is the same. */
	obi_barrier(context);
	return context;
}

/* The request was accepted: it gets its place in a trace. */
static __always_inline void stream_begin(struct go_stream *s)
{
	struct http_exchange_event *ex = &s->exchange;

	obi_request_begin(&ex->trace, stream_context_of(s), obi_connection_get((struct sock *)s->socket), s->socket, 0, ex->tgid,
			  ex->start_ns);
	obi_request_is_inside(obi_request_id(&ex->trace));
}

/* Goroutine `g` is the one that serves this stream. */
static __always_inline void stream_served(__u64 stream, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_stream *s = stream_get(stream);
	struct obi_request *request = s ? obi_request_get(obi_request_id(&s->exchange.trace)) : NULL;

	if (!request)
		return;
	s->exchange.cause.scope = request->scope = goroutine_scope(tgid, g);
	obi_scope_set_request(request->scope, obi_request_id(&s->exchange.trace));
}

static __always_inline void stream_end(struct go_stream *s, __u64 key, __u64 end_ns)
{
	struct http_exchange_event *ex = &s->exchange;

	/* Its library may close it at this moment, on another CPU. */
	if (__sync_lock_test_and_set(&ex->finished, 1))
		return;
	ex->end_ns = end_ns;
	obi_request_end(obi_request_id(&ex->trace), 0);
	http_exchange_send(ex);
	bpf_map_delete_elem(&go_streams, &key);
}

/* Nothing goes in or out any more, for whatever reason. */
static __always_inline void stream_closed(__u64 stream)
{
	__u64 key = obi_scope_id(bpf_get_current_pid_tgid() >> 32, stream);
	struct go_stream *s = bpf_map_lookup_elem(&go_streams, &key);

	if (s)
		stream_end(s, key, bpf_ktime_get_ns());
}

#endif
