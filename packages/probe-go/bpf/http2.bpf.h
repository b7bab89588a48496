/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Servers of net/http and golang.org/x/net/http2: a stream has an address from its beginning to its end. */
#ifndef OBI_GO_HTTP2_BPF_H
#define OBI_GO_HTTP2_BPF_H

#include "streams.bpf.h"

/*
 * Connection `server` has read a request's header block for `stream`. Its handler does not run yet. The same call may be told twice
 * (its goroutine's stack had to grow).
 */
static __always_inline void http2_opened(__u64 server, __u64 stream, __u64 frame)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 key = obi_scope_id(tgid, stream);
	struct go_stream *s;
	struct sock *sk;

	if (!obi_process_get(tgid))
		return;
	s = bpf_map_lookup_elem(&go_streams, &key);
	if (s && s->block == obi_user_word(frame + GO_META_FIELDS))
		return;
	/* The end of the one before at this address was not told. */
	if (s)
		stream_end(s, key, bpf_ktime_get_ns());
	sk = library_socket(server, GO_SERVER_CONN, GO_SERVER_CONN_1_27, GO_SERVER_CONN);
	if (!sk)
		return;
	s = stream_new(key);
	if (!s)
		return;
	stream_read(s, sk, frame);
	stream_begin(s);
}

/* A header block of the response is about to be sent; without status: trailers. */
static __always_inline void http2_answered(__u64 stream, __u64 status)
{
	struct go_stream *s = stream_get(stream);

	/* 1xx are not the answer. */
	if (s && status >= 200 && status < 1000)
		s->exchange.status = status;
}

/* The handler has returned: what it wrote last is on its way. */
static __always_inline void http2_handled(__u64 stream)
{
	struct go_stream *s = stream_get(stream);

	if (s)
		s->exchange.flags &= ~HTTP_EXCHANGE_INCOMPLETE;
}

#endif
