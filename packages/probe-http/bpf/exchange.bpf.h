/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Exchanges: a request and its response, paired by their number on the connection, whichever of the two we see first. */
#ifndef OBI_HTTP_EXCHANGE_BPF_H
#define OBI_HTTP_EXCHANGE_BPF_H

#include <obi/event.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/trace.bpf.h>
#include "http.h"
#include "parse.bpf.h"
#include "send.bpf.h"

struct http_connection {
	struct http_parser parser[2]; /* by enum obi_direction */
	struct http_parser before; /* carrier: outgoing parser before the last message, which may be shown again */
	__u32 before_seq; /* write_seq at that time */
	__u8 before_valid;
	__u8 role; /* enum http_role of the traced process */
	__u8 midway; /* we did not see its first byte: a response may belong to an unseen request */
	__u8 untrusted; /* carrier: readers may disagree on where messages begin here: nothing is written any more */
	__u32 switching; /* carrier: a request that asked for another protocol, by its number + 1, while unanswered */
	/*
	 * Always 0, which the verifier does not know. Before 6.7 it takes a bpf_loop callback to run once, so that a constant in the
	 * loop's context would count as constant for all iterations, and branches on it be removed.
	 */
	__u32 zero;
	struct http_chunk chunk[2]; /* bytes being walked over, by direction */
};

/* obi_connection.id → state. Inserted: http_claim. Deleted: the connection closes or turns out not to be HTTP. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct http_connection);
} http_conns SEC(".maps");

struct http_exchange_key {
	__u64 connection;
	__u32 ordinal;
	__u32 _pad;
};

/* Inserted: first byte of a request. Deleted: last byte of its response, or the connection's end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct http_exchange_key);
	__type(value, struct http_exchange_event);
} http_exchanges SEC(".maps");

/* Initial values that are too large for the stack: never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct http_exchange_event);
} http_blank SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct http_connection);
} http_blank_conn SEC(".maps");

static __always_inline struct http_connection *http_connection_get(__u64 connection)
{
	return bpf_map_lookup_elem(&http_conns, &connection);
}

static __always_inline struct http_exchange_event *http_exchange_get(__u64 connection, __u32 ordinal)
{
	struct http_exchange_key key = { .connection = connection, .ordinal = ordinal };

	return bpf_map_lookup_elem(&http_exchanges, &key);
}

static __always_inline void http_exchange_delete(__u64 connection, __u32 ordinal)
{
	struct http_exchange_key key = { .connection = connection, .ordinal = ordinal };

	bpf_map_delete_elem(&http_exchanges, &key);
}

/* Whose call it is, and when: in memory, since the verifier takes no socket as a number. */
struct http_actor {
	__u64 sk;
	__u64 now_ns;
	__u64 pid_tgid;
	__u64 role;
};

__noinline int http_exchange_new(__u64 connection, __u32 ordinal, struct http_actor *by)
{
	struct http_exchange_key key = { .connection = connection, .ordinal = ordinal };
	struct http_exchange_event *blank, *ex;
	__u32 zero = 0;

	blank = bpf_map_lookup_elem(&http_blank, &zero);
	if (!blank || !by)
		return 0;
	if (bpf_map_update_elem(&http_exchanges, &key, blank, BPF_ANY)) {
		obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_EXCHANGES_FULL);
		return 0;
	}
	ex = bpf_map_lookup_elem(&http_exchanges, &key);
	if (!ex)
		return 0;
	ex->start_ns = by->now_ns;
	ex->tgid = by->pid_tgid >> 32;
	ex->role = by->role;
	obi_sock_tuple((struct sock *)by->sk, &ex->tuple);
	return 0;
}

/* The two halves of http_request_seen: functions of their own, because the stacks of all that are called add up. */
static __noinline int http_request_sent(struct http_exchange_event *ex, struct obi_traceparent *tp, struct obi_connection *c,
					struct http_actor *by)
{
	obi_proxy_cause(c, by->sk, by->pid_tgid);
	obi_outgoing_begin(&ex->trace, tp, c, by->pid_tgid, &ex->cause);
	return 0;
}

static __noinline int http_request_received(struct http_exchange_event *ex, struct obi_traceparent *tp,
					    struct obi_connection *c, struct http_actor *by)
{
	ex->cause.scope = obi_scope_current(by->pid_tgid);
	obi_request_begin(&ex->trace, tp, c, by->sk, ex->cause.scope, ex->tgid, ex->start_ns);
	if (c)
		obi_scope_take(ex->cause.scope, c->id, obi_request_id(&ex->trace));
	return 0;
}

/* The request's header block is complete: the exchange gets its place in a trace. */
__noinline int http_request_seen(struct http_exchange_event *ex, struct http_parser *p, __u64 connection, struct http_actor *by)
{
	struct obi_traceparent *tp = NULL;
	struct obi_connection *c;

	if (!ex || !p || !by)
		return 0;
	if (ex->flags & HTTP_EXCHANGE_REQUEST_SEEN)
		return 0; /* a message that failed is being sent again */
	ex->flags |= HTTP_EXCHANGE_REQUEST_SEEN;
	ex->version = p->minor ? HTTP_VERSION_1_1 : HTTP_VERSION_1_0;
	ex->tgid = by->pid_tgid >> 32;
	c = obi_connection_find(by->sk);
	if (c && c->id != connection)
		c = NULL;
	if (c && c->flags & OBI_CONNECTION_DECRYPTED)
		ex->flags |= HTTP_EXCHANGE_ENCRYPTED;
	/* The specification: with two fields the receiver starts anew. */
	if (p->flags & HTTP_PARSER_HAS_TRACEPARENT && !(p->flags & HTTP_PARSER_TWO_TRACEPARENTS) &&
	    p->traceparent_state == OBI_TRACEPARENT_READING)
		tp = &p->traceparent;
	return ex->role == HTTP_ROLE_CLIENT ? http_request_sent(ex, tp, c, by) : http_request_received(ex, tp, c, by);
}

/* A server's exchange is answered: its request stops being the cause of anything; a pipelined one is next. */
static __always_inline void http_request_answered(struct http_exchange_event *ex, __u64 connection, __u32 ordinal)
{
	struct http_exchange_event *next;
	__u64 next_id = 0;

	if (ex->role != HTTP_ROLE_SERVER || !(ex->flags & HTTP_EXCHANGE_REQUEST_SEEN))
		return;
	next = http_exchange_get(connection, ordinal + 1);
	if (next && next->flags & HTTP_EXCHANGE_REQUEST_SEEN)
		next_id = obi_request_id(&next->trace);
	obi_request_end(obi_request_id(&ex->trace), next_id);
	if (next && next_id)
		obi_scope_go_on(next->cause.scope, connection, next_id);
}

/* Both halves are through, or will never be. */
__noinline int http_exchange_finish(struct http_exchange_event *ex, __u64 connection, __u32 ordinal)
{
	/* Its connection may end on another CPU at this moment. */
	if (!ex || __sync_lock_test_and_set(&ex->finished, 1))
		return 0;
	http_request_answered(ex, connection, ordinal);
	http_exchange_send(ex);
	http_exchange_delete(connection, ordinal);
	return 0;
}

#endif
