/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Clients of google.golang.org/grpc: the goroutine that makes a call queues its header block, all fields of which are known then, and
 * another one encodes it. A stream of the transport is one attempt: a call that is tried again has several.
 */
#ifndef OBI_GO_GRPC_CLIENT_BPF_H
#define OBI_GO_GRPC_CLIENT_BPF_H

#include "http2_client.bpf.h"

/* Goroutine `g` is about to queue the header block of a new stream: the request gets its place in a trace. */
static __always_inline void grpc_asks(__u64 headers, __u64 g)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), scope = goroutine_scope(pid_tgid >> 32, g);
	bool frame = !obi_user_word(headers + GO_GRPC_HEADERS_FRAME);
	/* Of what is queued only its functions know the stream and its transport. */
	__u64 init = obi_user_word(headers + (frame ? GO_GRPC_FRAME_INIT : GO_GRPC_HEADERS_INIT));
	__u64 orphaned = obi_user_word(headers + (frame ? GO_GRPC_FRAME_ORPHANED : GO_GRPC_HEADERS_ORPHANED));
	__u64 key = obi_scope_id(pid_tgid >> 32, obi_user_word(orphaned + GO_FUNCTION_FIRST));
	struct go_sending sending = { .stream = key, .tgid = pid_tgid >> 32 };
	struct go_stream *s;
	struct sock *sk;

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
	stream_fields_read(&s->fields, headers + GO_GRPC_HEADERS_FIELDS);
	stream_fill(s, sk, &s->fields, HTTP_ROLE_CLIENT);
	s->exchange.rpc = HTTP_RPC_GRPC;
	s->exchange.status = GRPC_UNKNOWN;
	obi_outgoing_begin(&s->exchange.trace, stream_context_of(s), obi_connection_get(sk), pid_tgid, &s->exchange.cause);
	bpf_map_update_elem(&go_sending, &scope, &sending, BPF_ANY);
}

/* … has done so; if not, the stream does not come into being, or this is tried again when there is room for it. */
static __always_inline void grpc_asked(bool queued, __u64 g)
{
	__u64 scope = goroutine_scope(bpf_get_current_pid_tgid() >> 32, g), key;
	struct go_sending *sending = bpf_map_lookup_elem(&go_sending, &scope);

	if (!sending)
		return;
	key = sending->stream;
	if (!queued)
		bpf_map_delete_elem(&go_streams, &key);
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
