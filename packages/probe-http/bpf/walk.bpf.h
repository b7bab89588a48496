/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walks the parser of one direction over the bytes of one read or write, wherever they lie. */
#ifndef OBI_HTTP_WALK_BPF_H
#define OBI_HTTP_WALK_BPF_H

#include <obi/stream.bpf.h>
#include "exchange.bpf.h"
#include "run.bpf.h"

/* Steps of one call: each is a body skipped or up to HTTP_CHUNK_BYTES of header or framing. */
#define HTTP_STEPS 4096
/* Vectors of one readv, writev, sendmsg or recvmsg that are followed. */
#define HTTP_IOVS 1024

struct http_walk {
	struct http_connection *h;
	struct obi_connection *c;
	struct http_actor by;
	struct sk_msg_md *msg; /* carrier: the bytes are in this message, else NULL */
	__u64 connection;
	__u64 base; /* user address: of the bytes at hand, see `left` */
	__u64 iov; /* user or kernel address of the next struct iovec */
	__u32 iovs; /* vectors still to come */
	__u32 left; /* bytes at hand */
	__u32 total; /* bytes of the call still to come, those at hand included */
	__u32 offset; /* bytes done */
	__u32 skip; /* bytes that the parser knows already */
	__u8 direction;
	__u8 response; /* this direction carries responses */
	__u8 source; /* enum obi_source */
	__u8 stop; /* the connection is not ours any more, or (carrier) a header block just ended */
};

struct http_bytes {
	struct http_parser *p;
	struct http_chunk *chunk;
	struct http_exchange_event *ex;
	__u32 len;
	__u32 used;
	__u8 ended;
	__u8 _pad[7];
};

/* The next of the bytes that are at hand. */
static long http_bytes_step(__u32 i, struct http_bytes *b)
{
	struct http_parser *p = b->p;
	__u32 at = b->used;

	obi_barrier(at);
	if (at >= b->len || at >= HTTP_CHUNK_BYTES)
		return 1;
	if (p->state <= HTTP_FIELD_VALUE) {
		b->used = at + http_header_bytes(p, b->ex, b->chunk, at, b->len);
		return b->used == at || p->flags & (HTTP_PARSER_HEADER_DONE | HTTP_PARSER_NOT_HTTP) ? 1 : 0;
	}
	b->used = at + 1;
	if (http_chunk_byte(p, b->chunk->bytes[at])) {
		b->ended = 1;
		return 1;
	}
	return p->state == HTTP_BODY_CHUNK || p->flags & HTTP_PARSER_NOT_HTTP ? 1 : 0;
}

static __always_inline void http_desync(struct http_walk *w, __u32 counter)
{
	obi_count(OBI_COUNTER_OWN + counter);
	obi_connection_release(w->c);
	w->stop = 1;
}

/* A message begins: a request makes its exchange, a response looks for it. */
static __noinline void http_message_begin(struct http_walk *w, struct http_parser *p)
{
	struct http_exchange_event *ex;

	http_parser_next(p, w->response);
	if (!w->response) {
		ex = http_exchange_get(w->connection, p->ordinal);
		if (ex) /* its response was faster than our view of the write */
			ex->start_ns = ex->start_ns < w->by.now_ns ? ex->start_ns : w->by.now_ns;
		else
			http_exchange_new(w->connection, p->ordinal, &w->by);
		return;
	}
	ex = http_exchange_get(w->connection, p->ordinal);
	if (w->h->role == HTTP_ROLE_SERVER) {
		struct http_parser *requests = &w->h->parser[(w->direction ^ 1) & 1];

		if (ex && ex->flags & HTTP_EXCHANGE_REQUEST_SEEN)
			obi_scope_check(ex->cause.scope, obi_scope_current(w->by.pid_tgid));
		else if (!ex && requests->state == HTTP_IDLE && (__s32)(requests->ordinal - p->ordinal) <= 0)
			p->flags |= HTTP_PARSER_UNMATCHED; /* its request was read before we looked */
		return;
	}
	if (ex)
		return;
	if (w->h->midway)
		p->flags |= HTTP_PARSER_UNMATCHED;
	else
		http_exchange_new(w->connection, p->ordinal, &w->by);
}

static __noinline void http_message_end(struct http_walk *w, struct http_parser *p, struct http_exchange_event *ex)
{
	__u32 ordinal = p->ordinal;

	p->state = HTTP_IDLE;
	if (p->flags & HTTP_PARSER_UNMATCHED)
		return;
	p->ordinal = ordinal + 1;
	if (!ex)
		return;
	if (!w->response) {
		ex->request_bytes = p->body_bytes;
		ex->flags |= HTTP_EXCHANGE_REQUEST_DONE;
		return;
	}
	ex->end_ns = w->by.now_ns;
	ex->response_bytes = p->body_bytes;
	ex->flags |= HTTP_EXCHANGE_RESPONSE_DONE;
	if (ex->flags & HTTP_EXCHANGE_REQUEST_SEEN) {
		if (!(ex->flags & HTTP_EXCHANGE_REQUEST_DONE))
			ex->request_bytes = w->h->parser[!w->direction].body_bytes;
		http_exchange_finish(ex, w->connection, ordinal);
	}
}

/* RFC 9112 §6.3 for requests. */
static __always_inline void http_request_framing(struct http_walk *w, struct http_parser *p, struct http_exchange_event *ex)
{
	if (p->flags & HTTP_PARSER_HAS_CODING) {
		if (!(p->flags & HTTP_PARSER_CHUNKED))
			p->flags |= HTTP_PARSER_CONFLICT;
		p->state = HTTP_BODY_CHUNK_SIZE;
		p->line_len = 0;
	} else if (p->length) {
		p->state = HTTP_BODY_LENGTH;
		p->body_left = p->length;
	} else {
		http_message_end(w, p, ex);
	}
}

#define HTTP_METHOD_HEAD 0x44414548 /* "HEAD" as a little-endian word */
#define HTTP_METHOD_CONNECT 0x4e4e4f43 /* "CONN" */

static __always_inline void http_response_framing(struct http_walk *w, struct http_parser *p, struct http_exchange_event *ex)
{
	__u32 method = 0;

	if (ex)
		__builtin_memcpy(&method, ex->line, sizeof(method));
	if (p->status == 101 || (method == HTTP_METHOD_CONNECT && p->status / 100 == 2)) {
		/* What follows is another protocol. */
		http_message_end(w, p, ex);
		obi_connection_release(w->c);
		w->stop = 1;
		return;
	}
	if (p->status < 200) {
		p->state = HTTP_IDLE; /* interim: the answer is still to come */
		return;
	}
	if (w->h->switching == p->ordinal + 1)
		w->h->switching = 0; /* the protocol stays */
	if (method == HTTP_METHOD_HEAD || p->status == 204 || p->status == 304) {
		http_message_end(w, p, ex);
	} else if (p->flags & HTTP_PARSER_CHUNKED) {
		p->state = HTTP_BODY_CHUNK_SIZE;
		p->line_len = 0;
	} else if (p->flags & HTTP_PARSER_HAS_LENGTH && !(p->flags & HTTP_PARSER_HAS_CODING)) {
		p->state = HTTP_BODY_LENGTH;
		p->body_left = p->length;
		if (!p->length)
			http_message_end(w, p, ex);
	} else {
		p->state = HTTP_BODY_UNTIL_END;
	}
}

static __noinline void http_header_end(struct http_walk *w, struct http_parser *p, struct http_exchange_event *ex)
{
	p->flags &= ~HTTP_PARSER_HEADER_DONE;
	p->body_left = 0;
	p->body_bytes = 0;
	if (w->response) {
		if (ex && p->status >= 200) {
			ex->status = p->status;
			ex->flags |= HTTP_EXCHANGE_RESPONSE_SEEN;
		} else if (ex && p->status == 101) {
			ex->status = p->status;
		}
		http_response_framing(w, p, ex);
		return;
	}
	if (ex) {
		http_request_seen(ex, p, w->connection, &w->by);
		if (ex->flags & HTTP_EXCHANGE_RESPONSE_DONE) {
			http_exchange_finish(ex, w->connection, p->ordinal);
			ex = NULL;
		}
	}
	http_request_framing(w, p, ex);
}

/* Copies `len` (at most HTTP_CHUNK_BYTES) of the bytes at hand to the parser's buffer. */
static __always_inline bool http_read(struct http_walk *w, __u8 *chunk, __u32 len)
{
	obi_barrier(len);
	if (len > HTTP_CHUNK_BYTES)
		return false;
	if (w->msg) {
		if (bpf_msg_pull_data(w->msg, w->offset, w->offset + len, 0))
			return false;
		return bpf_probe_read_kernel(chunk, len, w->msg->data) == 0;
	}
	return bpf_probe_read_user(chunk, len, (void *)w->base) == 0;
}

static __always_inline void http_took(struct http_walk *w, __u32 n)
{
	w->base += n;
	w->left -= n;
	w->total -= n;
	w->offset += n;
}

/* One step over the `w->left` bytes at hand. */
static __always_inline void http_step(struct http_walk *w)
{
	struct http_parser *p = &w->h->parser[w->direction & 1];
	struct http_chunk *chunk = &w->h->chunk[w->direction & 1];
	struct http_bytes b = { .p = p, .chunk = chunk };
	__u32 n = w->left;

	if (p->state == HTTP_BODY_LENGTH || p->state == HTTP_BODY_CHUNK) {
		if (n > p->body_left)
			n = p->body_left;
		p->body_left -= n;
		p->body_bytes += n;
		http_took(w, n);
		if (p->body_left)
			return;
		if (p->state == HTTP_BODY_CHUNK)
			p->state = HTTP_BODY_CHUNK_END;
		else
			http_message_end(w, p, http_exchange_get(w->connection, p->ordinal));
		return;
	}
	if (p->state == HTTP_BODY_UNTIL_END) {
		p->body_bytes += n;
		http_took(w, n);
		return;
	}
	/* Framing of a chunk is some five bytes: read little. */
	if (p->state > HTTP_FIELD_VALUE && n > 16)
		n = 16;
	if (n > HTTP_CHUNK_BYTES)
		n = HTTP_CHUNK_BYTES;
	if (!http_read(w, chunk->bytes, n)) {
		http_desync(w, HTTP_COUNTER_UNREADABLE);
		return;
	}
	if (p->state == HTTP_IDLE) {
		if (chunk->bytes[0] == '\r' || chunk->bytes[0] == '\n') {
			http_took(w, 1); /* RFC 9112 §2.2: an empty line before a request is to be ignored */
			return;
		}
		http_message_begin(w, p);
	}
	b.ex = http_exchange_get(w->connection, p->ordinal);
	b.len = n;
	bpf_loop(HTTP_CHUNK_BYTES, http_bytes_step, &b, 0);
	http_took(w, b.used);
	if (p->flags & HTTP_PARSER_NOT_HTTP) {
		http_desync(w, HTTP_COUNTER_DESYNC);
		return;
	}
	if (p->flags & HTTP_PARSER_HEADER_DONE) {
		if (w->msg)
			w->stop = 1; /* the carrier looks first */
		else
			http_header_end(w, p, b.ex);
	} else if (b.ended) {
		http_message_end(w, p, b.ex);
	}
}

/* Brings the next vector's bytes to hand. False: no more. */
static __always_inline bool http_next_iov(struct http_walk *w)
{
	__u64 iov[2] = {};
	long rc;

	if (!w->iovs)
		return false;
	rc = w->source == OBI_SOURCE_KERNEL_IOV ? bpf_probe_read_kernel(iov, sizeof(iov), (void *)w->iov) :
						  bpf_probe_read_user(iov, sizeof(iov), (void *)w->iov);
	if (rc)
		return false;
	w->iov += sizeof(iov);
	w->iovs--;
	w->base = iov[0];
	w->left = iov[1] < w->total ? iov[1] : w->total;
	return true;
}

static long http_user_step(__u32 i, struct http_walk *w)
{
	if (w->stop || !w->total)
		return 1;
	if (!w->left)
		return http_next_iov(w) ? 0 : 1;
	if (w->skip) {
		__u32 n = w->skip < w->left ? w->skip : w->left;

		w->skip -= n;
		http_took(w, n);
		return 0;
	}
	http_step(w);
	return 0;
}

/* Bytes that went by unseen: fine inside a body whose length is known, the end of our view otherwise. */
static __always_inline void http_walk_unseen(struct http_walk *w)
{
	struct http_parser *p = &w->h->parser[w->direction & 1];

	if (p->state == HTTP_BODY_UNTIL_END) {
		p->body_bytes += w->total;
	} else if (p->state == HTTP_BODY_LENGTH && p->body_left >= w->total) {
		p->body_bytes += w->total;
		p->body_left -= w->total;
		if (!p->body_left)
			http_message_end(w, p, http_exchange_get(w->connection, p->ordinal));
	} else if (p->state == HTTP_BODY_CHUNK && p->body_left >= w->total) {
		p->body_bytes += w->total;
		p->body_left -= w->total;
		if (!p->body_left)
			p->state = HTTP_BODY_CHUNK_END;
	} else {
		http_desync(w, HTTP_COUNTER_UNREADABLE);
	}
}

#endif
