/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the bytes of a call to exchanges: a request and its answer. */
#ifndef PARROT_HANDLE_BPF_H
#define PARROT_HANDLE_BPF_H

#include <obi/bytes.bpf.h>
#include <obi/carrier.bpf.h>
#include <obi/event.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/trace.bpf.h>
#include "parrot.h"
#include "protocol.bpf.h"

struct parrot_connection {
	struct parrot_exchange_event event; /* the exchange at hand */
	struct parrot_parser parser[2]; /* by enum obi_direction */
	__u8 inside[2]; /* a message has begun in this direction */
	__u8 open; /* an exchange has */
	__u8 role; /* enum parrot_role of the traced process */
	__u32 zero; /* always 0, see obi/bytes.bpf.h */
	__u8 chunk[2][OBI_BYTES_CHUNK]; /* bytes being looked at, by direction */
};

/* obi_connection.id → state. Inserted: parrot_claim. Deleted: the connection closes, or cannot be followed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct parrot_connection);
} parrot_conns SEC(".maps");

/* Initial value, in read-only data: too large for the stack. `volatile` keeps clang from making it there all the same. */
const volatile struct parrot_connection parrot_blank = {};

static __always_inline struct parrot_connection *parrot_connection_get(__u64 id)
{
	return bpf_map_lookup_elem(&parrot_conns, &id);
}

struct parrot_walk {
	struct parrot_connection *h;
	struct obi_connection *c;
	__u64 sk;
	__u64 pid_tgid;
	__u64 now_ns;
	__u8 direction;
	__u8 request; /* this direction carries requests */
	__u8 lost; /* the connection cannot be followed any more */
	__u8 _pad[5];
};

/* The first byte of a request: the exchange gets its place in a trace, and a server's thread its request. */
static __noinline void parrot_begin(struct parrot_walk *w)
{
	struct parrot_exchange_event *e = &w->h->event;

	if (w->h->open) {
		obi_count(OBI_COUNTER_OWN + PARROT_COUNTER_PIPELINED);
		return;
	}
	w->h->open = 1;
	e->start_ns = w->now_ns;
	e->end_ns = 0;
	e->request_bytes = e->answer_bytes = 0;
	e->flags = 0;
	e->role = w->h->role;
	e->tgid = w->pid_tgid >> 32;
	obi_sock_tuple((struct sock *)w->sk, &e->tuple);
	if (e->role == PARROT_ROLE_CLIENT) {
		obi_outgoing_begin(&e->trace, NULL, w->c, w->pid_tgid, &e->cause);
		return;
	}
	e->cause.scope = obi_scope_current(w->pid_tgid);
	obi_request_begin(&e->trace, NULL, w->c, w->sk, e->cause.scope, e->tgid, e->start_ns);
	obi_scope_take(e->cause.scope, w->c->id, obi_request_id(&e->trace));
}

/* The last byte of the answer, or of the connection. */
static __noinline int parrot_finish(struct parrot_connection *h, __u64 now_ns)
{
	struct parrot_exchange_event *e;

	if (!h || !h->open)
		return 0;
	e = &h->event;
	h->open = 0;
	e->end_ns = now_ns;
	if (e->role == PARROT_ROLE_SERVER)
		obi_request_end(obi_request_id(&e->trace), 0);
	if (e->trace.flags & OBI_TRACE_SAMPLED)
		obi_event_send(e, PARROT_EXCHANGE_EVENT, sizeof(*e), sizeof(*e));
	else
		obi_count(OBI_COUNTER_UNSAMPLED);
	return 0;
}

static __always_inline void parrot_message_end(struct parrot_walk *w, struct parrot_parser *p)
{
	struct parrot_connection *h = w->h;

	if (w->request) {
		h->event.request_bytes = p->bytes;
	} else if (h->open) {
		h->event.answer_bytes = p->bytes;
		parrot_finish(h, w->now_ns);
	}
	__builtin_memset(p, 0, sizeof(*p));
}

struct parrot_chunk {
	struct parrot_parser *p;
	__u8 *bytes;
	__u32 len;
	__u32 used;
	__u64 ended;
};

static long parrot_byte(__u32 i, struct parrot_chunk *k)
{
	if (i >= k->len || i >= OBI_BYTES_CHUNK)
		return 1;
	k->used = i + 1;
	k->ended = parrot_feed(k->p, k->bytes[i]);
	return k->ended;
}

/* See obi/bytes.bpf.h: some of the bytes at hand, up to the end of a message. */
static void obi_bytes_take(struct obi_bytes *b)
{
	struct parrot_walk *w = b->state;
	__u32 way = w->direction & 1;
	struct parrot_chunk k = { .p = &w->h->parser[way], .bytes = w->h->chunk[way] };

	k.len = b->left < OBI_BYTES_CHUNK ? b->left : OBI_BYTES_CHUNK;
	if (!obi_bytes_read(b, k.bytes, k.len)) {
		w->lost = b->stop = 1;
		return;
	}
	if (!w->h->inside[way] && w->request)
		parrot_begin(w);
	w->h->inside[way] = 1;
	bpf_loop(OBI_BYTES_CHUNK, parrot_byte, &k, 0);
	obi_bytes_took(b, k.used);
	if (k.ended) {
		w->h->inside[way] = 0;
		parrot_message_end(w, k.p);
	}
}

/* After all bytes of a call. */
static __always_inline void parrot_walked(struct parrot_walk *w, struct obi_bytes *b)
{
	__u64 id = w->c->id;

	if (!b->total && !w->lost)
		return;
	obi_count(OBI_COUNTER_OWN + PARROT_COUNTER_UNREADABLE);
	obi_connection_release(w->c);
	w->h->event.flags |= PARROT_EXCHANGE_INCOMPLETE;
	parrot_finish(w->h, w->now_ns);
	bpf_map_delete_elem(&parrot_conns, &id);
}

static __noinline struct parrot_connection *parrot_claim(struct obi_connection *c, __u8 role)
{
	struct parrot_connection *h;
	__u64 id;

	if (!c)
		return NULL;
	id = c->id;
	if (bpf_map_update_elem(&parrot_conns, &id, (const void *)&parrot_blank, BPF_ANY)) {
		obi_count(OBI_COUNTER_OWN + PARROT_COUNTER_FULL);
		return NULL;
	}
	h = parrot_connection_get(id);
	if (!h)
		return NULL;
	h->role = role;
	obi_connection_claim(c);
	return h;
}

static __always_inline void parrot_closed(struct obi_call *call)
{
	struct parrot_connection *h = parrot_connection_get(call->connection);

	if (!h)
		return;
	h->event.flags |= PARROT_EXCHANGE_INCOMPLETE;
	parrot_finish(h, call->now_ns);
	bpf_map_delete_elem(&parrot_conns, &call->connection);
}

/* Bytes that a traced process has read or written. @return false when they are nobody's yet and not ours. */
static __always_inline bool parrot_handle(struct obi_call *call)
{
	struct obi_connection *c = call ? obi_connection_find(call->sk) : NULL;
	struct parrot_walk w = {};
	struct obi_bytes b = { .state = &w };
	__u8 magic[PARROT_MAGIC_BYTES] = {};

	if (!c || c->id != call->connection)
		return true;
	if (c->protocol != OBI_PROTOCOL_UNDECIDED)
		w.h = parrot_connection_get(call->connection);
	else if (call->from_start && obi_bytes_peek(call, magic, sizeof(magic)) == sizeof(magic) && parrot_is_request(magic))
		w.h = parrot_claim(c, call->direction == OBI_INGRESS ? PARROT_ROLE_SERVER : PARROT_ROLE_CLIENT);
	if (!w.h)
		return c->protocol != OBI_PROTOCOL_UNDECIDED;
	if (call->event == OBI_CLOSED)
		parrot_closed(call);
	if (call->event != OBI_BYTES)
		return true;
	w.c = c;
	w.sk = call->sk;
	w.pid_tgid = call->pid_tgid;
	w.now_ns = call->now_ns;
	w.direction = call->direction;
	w.request = (call->direction == OBI_INGRESS) == (w.h->role == PARROT_ROLE_SERVER);
	w.lost = w.h->zero;
	obi_bytes_of_call(&b, call, w.h->zero);
	obi_bytes_walk(&b);
	parrot_walked(&w, &b);
	if (obi_call_outlived(call))
		parrot_closed(call);
	return true;
}

/* With propagation on, a client's socket is in core's sockhash for a while, and no tap sees what it sends there: sk_msg does. */
static __always_inline bool parrot_outgoing(struct sk_msg_md *msg, struct obi_connection *c, struct tcp_sock *tp)
{
	bool first = obi_sock_bytes_written((struct sock *)tp) <= 1;
	struct parrot_walk w = {};
	struct obi_bytes b = { .state = &w };
	__u8 magic[PARROT_MAGIC_BYTES] = {};
	__s32 again;

	if (c->protocol != OBI_PROTOCOL_UNDECIDED) {
		w.h = parrot_connection_get(c->id);
	} else if (first && msg->size >= sizeof(magic) && !bpf_msg_pull_data(msg, 0, sizeof(magic), 0) &&
		   !bpf_probe_read_kernel(magic, sizeof(magic), msg->data) && parrot_is_request(magic)) {
		w.h = parrot_claim(c, PARROT_ROLE_CLIENT);
		/* Nothing is written here: the taps will do, as soon as the socket has left. */
		c->flags |= OBI_CONNECTION_LEAVE;
	}
	if (!w.h)
		return c->protocol != OBI_PROTOCOL_UNDECIDED;
	w.c = c;
	w.sk = (__u64)tp;
	w.pid_tgid = bpf_get_current_pid_tgid();
	w.now_ns = bpf_ktime_get_ns();
	w.direction = OBI_EGRESS;
	w.request = w.h->role == PARROT_ROLE_CLIENT;
	/* What the kernel could not take it shows again; after that it takes one message unshown. */
	again = c->egress_seen ? c->egress_seq - tp->write_seq : 0;
	w.lost = again < 0;
	obi_bytes_of_msg(&b, msg, again > 0 ? again : 0, w.h->zero);
	obi_bytes_walk(&b);
	parrot_walked(&w, &b);
	c->egress_seq = tp->write_seq + msg->size;
	c->egress_seen = 1;
	return true;
}

#endif
