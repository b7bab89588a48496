/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the bytes of a call to commands and replies. */
#ifndef REDIS_HANDLE_BPF_H
#define REDIS_HANDLE_BPF_H

#include <obi/carrier.bpf.h>
#include "connection.bpf.h"
#include "names.bpf.h"

/* Spans of servers too? Set at load from the configuration. */
const volatile __u8 cfg_server_spans = 1;

struct redis_walk {
	struct redis_connection *h;
	struct obi_connection *c;
	struct redis_caller by;
	__u8 direction;
	__u8 request; /* this direction carries commands */
	__u8 begun; /* commands began in this call: they are one batch */
	__u8 ended; /* why the connection is not ours any more: enum redis_end */
	__u32 _pad;
};

enum redis_end { REDIS_GOES_ON, REDIS_LOST, REDIS_STREAMS };

static __always_inline void redis_leave(struct redis_walk *w, struct obi_bytes *b, __u32 counter, __u8 end)
{
	obi_count(OBI_COUNTER_OWN + counter);
	obi_connection_release(w->c);
	w->ended = end;
	b->stop = 1;
}

static __always_inline struct redis_batch *redis_command_begin(struct redis_walk *w)
{
	struct redis_connection *h = w->h;
	struct redis_batch *batch = w->begun ? redis_batch_get(w->by.connection, h->next - 1) : NULL;

	if (!batch)
		batch = redis_batch_new(h, &w->by);
	if (!batch)
		return NULL;
	w->begun = 1;
	h->commands++;
	batch->last = h->commands;
	batch->event.commands++;
	return batch;
}

static __noinline void redis_reply_end(struct redis_walk *w, struct redis_parser *p)
{
	struct redis_connection *h = w->h;
	struct redis_batch *batch = redis_batch_get(w->by.connection, h->oldest);

	if (p->flags & REDIS_PARSER_PUSH)
		return;
	if (!batch && h->midway)
		return; /* its command went before we looked */
	h->replies++; /* without a batch: faster than our view of the command's write */
	if (!batch)
		return;
	if (p->flags & REDIS_PARSER_ERROR && batch->event.errors++ == 0) {
		__builtin_memcpy(batch->event.error, p->word, sizeof(batch->event.error));
		batch->event.error_len = p->word_len;
	}
	redis_batch_settle(h, w->by.connection, w->by.now_ns);
}

struct redis_chunk {
	struct redis_parser *p;
	__u8 *bytes;
	__u32 len;
	__u32 used;
};

static long redis_byte(__u32 i, struct redis_chunk *k)
{
	if (i >= k->len || i >= OBI_BYTES_CHUNK)
		return 1;
	k->used = i + 1;
	return redis_feed(k->p, k->bytes[i]);
}

static void obi_bytes_take(struct obi_bytes *b)
{
	struct redis_walk *w = b->state;
	struct redis_connection *h = w->h;
	struct redis_parser *p = &h->parser[w->direction & 1];
	struct redis_chunk k = { .p = p, .bytes = h->chunk[w->direction & 1] };
	struct redis_batch *batch;
	__u32 n = b->left;

	if (p->state == REDIS_BODY && p->left > REDIS_HOP && !(p->flags & REDIS_PARSER_CAPTURE)) {
		/* The last byte is read, so that the end is where it always is. */
		if (n > p->left - 1)
			n = p->left - 1;
		p->left -= n;
		obi_bytes_took(b, n);
		return;
	}
	if (n > OBI_BYTES_CHUNK)
		n = OBI_BYTES_CHUNK;
	if (!obi_bytes_read(b, k.bytes, n)) {
		redis_leave(w, b, REDIS_COUNTER_UNREADABLE, REDIS_LOST);
		return;
	}
	if (p->state == REDIS_IDLE) {
		redis_message_start(p, w->request);
		if (w->request && !redis_command_begin(w)) {
			redis_leave(w, b, REDIS_COUNTER_DESYNC, REDIS_LOST);
			return;
		}
	}
	k.len = n;
	bpf_loop(OBI_BYTES_CHUNK, redis_byte, &k, 0);
	obi_bytes_took(b, k.used);
	if (p->flags & REDIS_PARSER_BAD) {
		redis_leave(w, b, REDIS_COUNTER_DESYNC, REDIS_LOST);
		return;
	}
	if (w->request && p->flags & REDIS_PARSER_WORD && !p->named) {
		p->named = 1;
		batch = redis_batch_get(w->by.connection, h->next - 1);
		if (batch && redis_named(&batch->event, p)) {
			redis_leave(w, b, REDIS_COUNTER_STREAM, REDIS_STREAMS);
			return;
		}
	}
	if (p->state == REDIS_IDLE && !w->request)
		redis_reply_end(w, p);
}

/* A reply proves little: only commands are recognised. */
static __always_inline struct redis_connection *redis_detect(struct obi_call *call, struct obi_connection *c)
{
	__u8 role = call->direction == OBI_INGRESS ? REDIS_ROLE_SERVER : REDIS_ROLE_CLIENT;
	__u8 start[8] = {};

	if (role == REDIS_ROLE_SERVER && !cfg_server_spans)
		return NULL;
	if (!redis_is_command(start, obi_bytes_peek(call, start, sizeof(start))))
		return NULL;
	return redis_claim(c, role, call->from_start);
}

/* Bytes that nobody shows us: no matter inside of a string that is hopped over, the end of our view elsewhere. */
static __always_inline void redis_unseen(struct redis_walk *w, struct obi_bytes *b, __u32 n)
{
	struct redis_parser *p = &w->h->parser[w->direction & 1];

	if (p->state == REDIS_BODY && p->left > n && !(p->flags & REDIS_PARSER_CAPTURE))
		p->left -= n;
	else
		redis_leave(w, b, REDIS_COUNTER_UNREADABLE, REDIS_LOST);
}

/* After all bytes of a call. */
static __always_inline void redis_walked(struct redis_walk *w, struct obi_bytes *b)
{
	if (b->total && !b->stop)
		redis_leave(w, b, REDIS_COUNTER_DESYNC, REDIS_LOST);
	if (w->ended)
		redis_closed(w->h, w->by.connection, w->by.now_ns, w->ended == REDIS_LOST ? REDIS_BATCH_INCOMPLETE : 0);
	else if (w->begun)
		redis_batch_settle(w->h, w->by.connection, w->by.now_ns);
}

/* @return false when these bytes are nobody's yet and not ours. */
static __always_inline bool redis_handle(struct obi_call *call)
{
	struct obi_connection *c = call ? obi_connection_find(call->sk) : NULL;
	struct redis_walk w = {};
	struct obi_bytes b = { .state = &w };

	if (!c || c->id != call->connection)
		return true;
	w.h = c->protocol == OBI_PROTOCOL_UNDECIDED ? redis_detect(call, c) : redis_connection_get(call->connection);
	if (!w.h)
		return c->protocol != OBI_PROTOCOL_UNDECIDED;
	if (call->event == OBI_CLOSED)
		redis_closed(w.h, call->connection, call->now_ns, REDIS_BATCH_INCOMPLETE);
	if (call->event != OBI_BYTES)
		return true;
	w.c = c;
	w.by.sk = call->sk;
	w.by.connection = call->connection;
	w.by.pid_tgid = call->pid_tgid;
	w.by.now_ns = call->now_ns;
	w.direction = call->direction;
	w.request = (call->direction == OBI_INGRESS) == (w.h->role == REDIS_ROLE_SERVER);
	w.begun = w.ended = w.h->zero;
	obi_bytes_of_call(&b, call, w.h->zero);
	if (call->source == OBI_SOURCE_UNSEEN) {
		redis_unseen(&w, &b, call->len - call->skip);
		b.total = 0;
	} else {
		obi_bytes_walk(&b);
	}
	redis_walked(&w, &b);
	if (obi_call_outlived(call))
		redis_closed(w.h, call->connection, call->now_ns, REDIS_BATCH_INCOMPLETE);
	return true;
}

/*
 * While a socket is in the sockhash, a tap does not see what it sends; this does. @return false when it is not ours.
 */
static __always_inline bool redis_outgoing(struct sk_msg_md *msg, struct obi_connection *c, struct tcp_sock *tp)
{
	bool first = obi_sock_bytes_written((struct sock *)tp) <= 1;
	struct redis_walk w = {};
	struct obi_bytes b = { .state = &w };
	__u8 start[8] = {};
	__s32 again;

	if (c->protocol != OBI_PROTOCOL_UNDECIDED) {
		w.h = redis_connection_get(c->id);
	} else if (msg->size >= sizeof(start) && !bpf_msg_pull_data(msg, 0, sizeof(start), 0) &&
		   !bpf_probe_read_kernel(start, sizeof(start), msg->data) && redis_is_command(start, sizeof(start))) {
		w.h = redis_claim(c, REDIS_ROLE_CLIENT, first);
		/* Nothing is written here: the taps will do, as soon as the socket has left. */
		c->flags |= OBI_CONNECTION_LEAVE;
	}
	if (!w.h)
		return c->protocol != OBI_PROTOCOL_UNDECIDED;
	w.c = c;
	w.by.sk = (__u64)tp;
	w.by.connection = c->id;
	w.by.pid_tgid = bpf_get_current_pid_tgid();
	w.by.now_ns = bpf_ktime_get_ns();
	w.direction = OBI_EGRESS;
	w.request = w.h->role == REDIS_ROLE_CLIENT;
	w.begun = w.ended = w.h->zero;
	/* What the kernel could not take it shows again; after that it takes one message unshown. */
	again = c->egress_seen ? c->egress_seq - tp->write_seq : 0;
	obi_bytes_of_msg(&b, msg, again > 0 ? again : 0, w.h->zero);
	if (again < 0)
		redis_unseen(&w, &b, -again);
	obi_bytes_walk(&b);
	redis_walked(&w, &b);
	c->egress_seq = tp->write_seq + msg->size;
	c->egress_seen = 1;
	return true;
}

#endif
