/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One call of a tap: bytes that a traced process has read or written. */
#ifndef OBI_HTTP_HANDLE_BPF_H
#define OBI_HTTP_HANDLE_BPF_H

#include "connection.bpf.h"

static __always_inline struct http_connection *http_detect(struct obi_call *call, struct obi_connection *c)
{
	__u64 iov[2] = { call->base, call->len };
	__u32 bytes = 0, n;

	if (call->source == OBI_SOURCE_USER_IOV)
		bpf_probe_read_user(iov, sizeof(iov), (void *)call->base);
	else if (call->source == OBI_SOURCE_KERNEL_IOV)
		bpf_probe_read_kernel(iov, sizeof(iov), (void *)call->base);
	n = iov[1] < call->len ? iov[1] : call->len;
	if (n >= 4)
		n = 4;
	else if (n == 0)
		return NULL;
	obi_barrier(n);
	if (n > 4 || bpf_probe_read_user(&bytes, n, (void *)iov[0]))
		return NULL;
	return http_claim(c, bytes, n, call->direction, call->from_start);
}

/* @return false when these bytes are not HTTP/1: somebody else may look. */
static __always_inline bool http_handle(struct obi_call *call)
{
	struct obi_connection *c = call ? obi_connection_find(call->sk) : NULL;
	struct http_walk w = {};
	struct http_open open;
	bool fresh;

	if (!c || c->id != call->connection)
		return true;
	fresh = c->protocol == OBI_PROTOCOL_UNDECIDED;
	w.h = fresh ? http_detect(call, c) : http_connection_get(call->connection);
	if (!w.h)
		return c->protocol != OBI_PROTOCOL_UNDECIDED;
	open = http_open_exchanges(w.h);
	if (call->event == OBI_CLOSED) {
		http_closed(open, call->connection, call->now_ns);
		return true;
	}
	if (call->event == OBI_END) {
		http_direction_ended(w.h, call->connection, call->now_ns, call->direction);
		return true;
	}
	w.c = c;
	w.stop = w.h->zero;
	w.offset = w.h->zero;
	w.by.sk = call->sk;
	w.connection = call->connection;
	w.by.pid_tgid = call->pid_tgid;
	w.by.role = w.h->role;
	w.by.now_ns = call->now_ns;
	w.direction = call->direction;
	w.response = (call->direction == OBI_EGRESS) == (w.h->role == HTTP_ROLE_SERVER);
	w.source = call->source;
	w.total = call->len;
	w.skip = call->skip;
	if (call->source == OBI_SOURCE_UNSEEN) {
		w.total -= w.skip;
		http_walk_unseen(&w);
	} else if (call->source == OBI_SOURCE_USER) {
		w.base = call->base;
		w.left = call->len;
		bpf_loop(HTTP_STEPS, http_user_step, &w, 0);
	} else {
		w.iov = call->base;
		w.iovs = call->iovs;
		bpf_loop(HTTP_STEPS, http_user_step, &w, 0);
	}
	/* More vectors or steps than we follow: the rest went by unseen. */
	if (w.total && !w.stop && call->source != OBI_SOURCE_UNSEEN)
		http_walk_unseen(&w);
	if (w.stop) {
		http_closed(http_open_exchanges(w.h), call->connection, call->now_ns);
	} else if ((fresh || !w.response || w.by.role == HTTP_ROLE_CLIENT) && obi_call_outlived(call)) {
		/* Requests make exchanges, and responses that are faster than our view of their request. What *w.h says may be another connection's by now. */
		open.last = open.first + HTTP_STEPS;
		http_closed(open, call->connection, call->now_ns);
	}
	return true;
}

#endif
