/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Recognising HTTP/1 on a connection, and what is left to do when one ends. */
#ifndef OBI_HTTP_CONNECTION_BPF_H
#define OBI_HTTP_CONNECTION_BPF_H

#include "walk.bpf.h"

/* Exchanges in flight that are reported when a connection ends: no more can be. */
#define HTTP_PIPELINE 8192

/* Numbers of the exchanges that a connection may have in flight. */
struct http_open {
	__u32 first;
	__u32 last;
};

#define HTTP_WORD4(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

/* Do the first `n` (at most 4) bytes begin like `word`? */
static __always_inline bool http_begins(__u32 bytes, __u32 n, __u32 word)
{
	__u32 mask = n >= 4 ? 0xffffffff : (1U << (n * 8)) - 1;

	return ((bytes ^ word) & mask) == 0;
}

static __always_inline bool http_is_request(__u32 bytes, __u32 n)
{
	return http_begins(bytes, n, HTTP_WORD4('G', 'E', 'T', ' ')) || http_begins(bytes, n, HTTP_WORD4('P', 'O', 'S', 'T')) ||
	       http_begins(bytes, n, HTTP_WORD4('P', 'U', 'T', ' ')) || http_begins(bytes, n, HTTP_WORD4('H', 'E', 'A', 'D')) ||
	       http_begins(bytes, n, HTTP_WORD4('D', 'E', 'L', 'E')) || http_begins(bytes, n, HTTP_WORD4('P', 'A', 'T', 'C')) ||
	       http_begins(bytes, n, HTTP_WORD4('O', 'P', 'T', 'I')) || http_begins(bytes, n, HTTP_WORD4('C', 'O', 'N', 'N')) ||
	       http_begins(bytes, n, HTTP_WORD4('T', 'R', 'A', 'C'));
}

static __always_inline bool http_is_response(__u32 bytes, __u32 n)
{
	return http_begins(bytes, n, HTTP_WORD4('H', 'T', 'T', 'P'));
}

/* Is this HTTP/1, judged by the first bytes of a read or write? Then the connection is ours. */
static __noinline struct http_connection *http_claim(struct obi_connection *c, __u32 bytes, __u32 n, __u8 direction,
							  bool from_start)
{
	struct http_connection *blank;
	__u64 id = c->id;
	bool request = http_is_request(bytes, n);
	__u32 zero = 0;

	if (!request && !http_is_response(bytes, n))
		return NULL;
	/* In the middle of something, a single letter proves nothing. */
	if (!from_start && n < 4)
		return NULL;
	blank = bpf_map_lookup_elem(&http_blank_conn, &zero);
	if (!blank)
		return NULL;
	if (bpf_map_update_elem(&http_conns, &id, blank, BPF_ANY)) {
		obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_CONNECTIONS_FULL);
		return NULL;
	}
	blank = http_connection_get(id);
	if (!blank)
		return NULL;
	blank->role = (direction == OBI_INGRESS) == request ? HTTP_ROLE_SERVER : HTTP_ROLE_CLIENT;
	/* A response that comes first belongs to a request that went before we looked. */
	blank->midway = !from_start || !request;
	obi_connection_claim(c);
	return blank;
}

struct http_ending {
	__u64 connection;
	__u64 now_ns;
	struct http_open open;
};

static long http_end_one(__u32 i, struct http_ending *e)
{
	struct http_exchange_event *ex;

	if ((__s32)(e->open.first - e->open.last) > 0)
		return 1;
	ex = http_exchange_get(e->connection, e->open.first);
	if (ex) {
		ex->end_ns = e->now_ns;
		ex->flags |= HTTP_EXCHANGE_INCOMPLETE;
		http_exchange_finish(ex, e->connection, e->open.first);
	}
	e->open.first++;
	return 0;
}

/* Either side may be ahead: a server answers half a header block too. */
static __always_inline struct http_open http_open_exchanges(const struct http_connection *h)
{
	__u32 in = h->parser[OBI_INGRESS].ordinal, out = h->parser[OBI_EGRESS].ordinal;
	bool ahead = (__s32)(in - out) > 0;
	struct http_open open = { .first = ahead ? out : in, .last = ahead ? in : out };

	return open;
}

static __noinline void http_end_all(__u32 first, __u32 last, __u64 connection, __u64 now_ns)
{
	struct http_ending e = { .connection = connection, .now_ns = now_ns, .open = { .first = first, .last = last } };

	bpf_loop(HTTP_PIPELINE, http_end_one, &e, 0);
	bpf_map_delete_elem(&http_conns, &connection);
}

/* The connection is gone: what was in flight is reported as far as it came. */
static __always_inline void http_closed(struct http_open open, __u64 connection, __u64 now_ns)
{
	http_end_all(open.first, open.last, connection, now_ns);
}

/* No more bytes in this direction: that is how a response without a length ends. */
static __noinline void http_direction_ended(struct http_connection *h, __u64 connection, __u64 now_ns, __u8 direction)
{
	struct http_parser *p = &h->parser[direction & 1];
	struct http_exchange_event *ex;

	if (p->state != HTTP_BODY_UNTIL_END)
		return;
	p->state = HTTP_IDLE;
	ex = http_exchange_get(connection, p->ordinal);
	if (ex) {
		ex->end_ns = now_ns;
		ex->response_bytes = p->body_bytes;
		ex->flags |= HTTP_EXCHANGE_RESPONSE_DONE;
		if (!(ex->flags & HTTP_EXCHANGE_REQUEST_DONE))
			ex->request_bytes = h->parser[!direction].body_bytes;
		http_exchange_finish(ex, connection, p->ordinal);
	}
	p->ordinal++;
}

#endif
