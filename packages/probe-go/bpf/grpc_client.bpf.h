/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Clients of google.golang.org/grpc: the goroutine that makes a call queues its header block, all fields of which are known then, and
 * another one encodes it: that of the connection. A stream of the transport is one attempt: a call that is tried again has several.
 */
#ifndef OBI_GO_GRPC_CLIENT_BPF_H
#define OBI_GO_GRPC_CLIENT_BPF_H

#include "http2_client.bpf.h"

struct go_queued {
	__u64 stream; /* key in go_streams */
	__u32 tgid;
	__u32 _pad;
};

/*
 * Process and address of a header block's fields → stream whose traceparent it wants. Inserted: it is about to be queued. Deleted: it is
 * about to be encoded; user space, soon after the process's end. LRU: a block that is never encoded (a connection that ends).
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct go_queued);
} go_queued SEC(".maps");

/* The header block of stream `s`, of so many fields, wants a traceparent, where it has none and one can be written. */
static __always_inline void grpc_queues(const struct go_stream *s, __u64 key, __u64 block, __u64 count)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	struct go_queued queued = { .stream = key, .tgid = tgid };

	if (!settings || !settings->batch_write || s->fields.traceparents > 0)
		return;
	/* The application's own may be behind those that were looked at. */
	if (count > STREAM_FIELDS)
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_NO_ROOM);
	else
		bpf_map_update_elem(&go_queued, &block, &queued, BPF_ANY);
}

/* Goroutine `g` is about to queue the header block of a new stream: the request gets its place in a trace. */
static __always_inline void grpc_asks(__u64 headers, __u64 g)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), scope = goroutine_scope(pid_tgid >> 32, g);
	bool frame = !obi_user_word(headers + GO_GRPC_HEADERS_FRAME);
	/* Of what is queued only its functions know the stream and its transport. */
	__u64 init = obi_user_word(headers + (frame ? GO_GRPC_FRAME_INIT : GO_GRPC_HEADERS_INIT));
	__u64 orphaned = obi_user_word(headers + (frame ? GO_GRPC_FRAME_ORPHANED : GO_GRPC_HEADERS_ORPHANED));
	__u64 key = obi_scope_id(pid_tgid >> 32, obi_user_word(orphaned + GO_FUNCTION_FIRST));
	__u64 fields = obi_user_word(headers + GO_GRPC_HEADERS_FIELDS), block = obi_scope_id(pid_tgid >> 32, fields);
	struct go_sending sending = { .stream = key, .tgid = pid_tgid >> 32 };
	struct go_stream *s;
	struct sock *sk;

	/* One that lay there before, and was never encoded. */
	bpf_map_delete_elem(&go_queued, &block);
	if (!obi_process_get(pid_tgid >> 32))
		return;
	s = bpf_map_lookup_elem(&go_streams, &key);
	/* The end of the one before at this address was not told. */
	if (s)
		stream_end(s, key, bpf_ktime_get_ns());
	sk = library_socket(obi_user_word(init + GO_FUNCTION_FIRST), GO_GRPC_CLIENT_CONN, GO_GRPC_CLIENT_CONN_LONG, GO_GRPC_CLIENT_CONN_OLD);
	if (!sk)
		return;
	s = stream_new(key);
	if (!s)
		return;
	s->block = fields;
	stream_fields_read(&s->fields, headers + GO_GRPC_HEADERS_FIELDS);
	stream_fill(s, sk, &s->fields, HTTP_ROLE_CLIENT);
	s->exchange.rpc = HTTP_RPC_GRPC;
	s->exchange.status = GRPC_UNKNOWN;
	obi_outgoing_begin(&s->exchange.trace, stream_context_of(s), obi_connection_get(sk), pid_tgid, &s->exchange.cause);
	bpf_map_update_elem(&go_sending, &scope, &sending, BPF_ANY);
	grpc_queues(s, key, block, obi_user_word(headers + GO_GRPC_HEADERS_FIELDS + 8));
}

/* Goroutine `g`, that of the connection, is about to encode these fields, and makes a frame of them then. */
static __always_inline void grpc_encodes(__u64 loopy, __u64 fields, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 block = obi_scope_id(tgid, fields), scope = goroutine_scope(tgid, g);
	struct go_queued *queued = bpf_map_lookup_elem(&go_queued, &block);
	struct go_sending sending = { .tgid = tgid, .encoded = 1 };

	/* A server's fields may lie where a block was that was never encoded. */
	if (!queued || obi_user_word(loopy + GO_LOOPY_SIDE) != 0)
		return;
	sending.stream = queued->stream;
	bpf_map_update_elem(&go_sending, &scope, &sending, BPF_ANY);
	bpf_map_delete_elem(&go_queued, &block);
}

/* … has done so; if not, the stream does not come into being, or this is tried again when there is room for it. */
static __always_inline void grpc_asked(bool queued, __u64 g)
{
	__u64 scope = goroutine_scope(bpf_get_current_pid_tgid() >> 32, g), key, block;
	struct go_sending *sending = bpf_map_lookup_elem(&go_sending, &scope);
	struct go_stream *s;

	if (!sending)
		return;
	key = sending->stream;
	if (!queued) {
		s = bpf_map_lookup_elem(&go_streams, &key);
		block = obi_scope_id(sending->tgid, s ? s->block : 0);
		bpf_map_delete_elem(&go_queued, &block);
		bpf_map_delete_elem(&go_streams, &key);
	}
	bpf_map_delete_elem(&go_sending, &scope);
}

/* The stream has ended with `status`, of its trailers or of this side. NULL: OK. */
static __always_inline void grpc_over(__u64 stream, __u64 status)
{
	__u64 key = obi_scope_id(bpf_get_current_pid_tgid() >> 32, stream), message;
	struct go_stream *s = bpf_map_lookup_elem(&go_streams, &key);
	__u32 code;

	if (!s)
		return;
	message = obi_user_word(status);
	code = obi_user_word(message + GO_GRPC_STATUS_CODE);
	if (!code)
		code = obi_user_word(message + GO_GRPC_STATUS_CODE_FRONT);
	s->exchange.status = code < GRPC_OTHER ? code : GRPC_OTHER;
	s->exchange.flags &= ~HTTP_EXCHANGE_INCOMPLETE;
	stream_end(s, key, bpf_ktime_get_ns());
}

#endif
