/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Servers of google.golang.org/grpc, which has an HTTP/2 of its own: a stream has an address only when its header block was accepted. */
#ifndef OBI_GO_GRPC_BPF_H
#define OBI_GO_GRPC_BPF_H

#include "streams.bpf.h"

/*
 * Scope of the goroutine that reads a connection → call whose header block it looks at. Inserted: then. Deleted: the call is
 * accepted; user space, soon after the process's end. LRU: a call that is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct go_stream);
} go_calls SEC(".maps");

struct go_served {
	__u64 stream; /* key in go_streams */
	__u64 request;
	__u32 tgid;
	__u32 _pad;
};

/*
 * Scope of a goroutine → call that it serves. Inserted: it begins to. Deleted: its end; user space, soon after the process's end.
 * LRU: it is not told of every goroutine that it has ended.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct go_served);
} go_served SEC(".maps");

/*
 * The goroutine serves no call any more. Of one that is still there nobody would tell the end if its connection breaks now: what
 * was answered lies in a queue, and goes with it.
 */
static __always_inline void grpc_serves_no_more(__u64 scope)
{
	struct go_served *served = bpf_map_lookup_elem(&go_served, &scope);
	struct go_stream *s;
	__u64 key;

	if (!served)
		return;
	key = served->stream;
	s = bpf_map_lookup_elem(&go_streams, &key);
	if (s && obi_request_id(&s->exchange.trace) == served->request)
		stream_end(s, key, s->exchange.end_ns ? s->exchange.end_ns : bpf_ktime_get_ns());
	bpf_map_delete_elem(&go_served, &scope);
}

/* Goroutine `g` is about to serve this stream: one that was started for it, or a worker, which has served others. */
static __always_inline void grpc_served(__u64 stream, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 scope = goroutine_scope(tgid, g);
	struct go_served served = { .stream = obi_scope_id(tgid, stream), .tgid = tgid }, *before = bpf_map_lookup_elem(&go_served, &scope);
	struct go_stream *s = stream_get(stream);

	/* Nothing is known of this call: it must not be taken for the one before. */
	if (!s) {
		grpc_serves_no_more(scope);
		obi_scope_set_request(scope, 0);
		return;
	}
	served.request = obi_request_id(&s->exchange.trace);
	/* Told twice: the goroutine's stack had to grow. */
	if (!before || before->request != served.request)
		grpc_serves_no_more(scope);
	bpf_map_update_elem(&go_served, &scope, &served, BPF_ANY);
	stream_served(stream, g);
}

/* The goroutine's address is another one's from now on. */
static __always_inline void grpc_reader_ended(__u64 scope)
{
	bpf_map_delete_elem(&go_calls, &scope);
}

/* The frame is the argument behind the transport, or, since a context.Context (two words) stands between them, behind that. */
static __always_inline __u64 grpc_frame(__u64 first, __u64 behind_context)
{
	__u64 header = obi_user_word(obi_user_word(first));

	/* http2.FrameHeader: not valid any more (its fragments are read), and of type HEADERS */
	return (__u16)header == 0x0100 ? first : behind_context;
}

/* Goroutine `g` has read a call's header block from the connection of `transport`. */
static __always_inline void grpc_read(__u64 transport, __u64 frame, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, zero = 0;
	struct go_stream *blank = bpf_map_lookup_elem(&go_blank_stream, &zero), *s;
	__u64 key = goroutine_scope(tgid, g);
	struct sock *sk;

	/* One that was refused. */
	bpf_map_delete_elem(&go_calls, &key);
	if (!blank || !obi_process_get(tgid))
		return;
	sk = library_socket(transport, GO_GRPC_CONN, GO_GRPC_CONN_OLD, GO_GRPC_CONN);
	if (!sk || bpf_map_update_elem(&go_calls, &key, blank, BPF_ANY))
		return;
	s = bpf_map_lookup_elem(&go_calls, &key);
	if (!s)
		return;
	stream_read(s, sk, frame);
	s->exchange.rpc = HTTP_RPC_GRPC;
	s->exchange.status = GRPC_UNKNOWN;
}

/* It accepts that call, as `stream`. */
static __always_inline void grpc_opened(__u64 stream, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 reader = goroutine_scope(tgid, g), key = obi_scope_id(tgid, stream);
	struct go_stream *call = bpf_map_lookup_elem(&go_calls, &reader), *s;

	if (!call)
		return;
	s = bpf_map_lookup_elem(&go_streams, &key);
	/* The end of the one before at this address was not told. */
	if (s)
		stream_end(s, key, bpf_ktime_get_ns());
	if (bpf_map_update_elem(&go_streams, &key, call, BPF_NOEXIST)) {
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_STREAMS_FULL);
		return;
	}
	bpf_map_delete_elem(&go_calls, &reader);
	s = bpf_map_lookup_elem(&go_streams, &key);
	if (s)
		stream_begin(s);
}

/* Its last header block, `headers`, is about to be sent. */
static __always_inline void grpc_answered(__u64 stream, __u64 headers)
{
	struct go_stream *s = stream_get(stream);
	struct go_string *text;
	__u8 code[2] = {};

	if (!s)
		return;
	s->exchange.end_ns = bpf_ktime_get_ns();
	stream_fields_read(&s->fields, headers + GO_GRPC_HEADERS_FIELDS);
	text = &s->fields.grpc_status;
	if (text->len == 0 || bpf_probe_read_user(code, text->len == 1 ? 1 : 2, (void *)text->at))
		return;
	/* No code that has a name has more than two digits. */
	if (text->len > 2)
		s->exchange.status = GRPC_OTHER;
	else
		s->exchange.status = text->len == 1 ? code[0] - '0' : (code[0] - '0') * 10 + code[1] - '0';
	s->exchange.flags &= ~HTTP_EXCHANGE_INCOMPLETE;
}

#endif
