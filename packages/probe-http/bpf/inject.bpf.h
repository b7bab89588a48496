/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Carrier: writes `traceparent` at the end of a request's header block, before the bytes leave the socket. Either the whole
 * field goes in or nothing changes. The end of the block is the place: by then every field of the application was seen.
 * A field that the application only hands on (a proxy) gets our span id in place of its caller's: 16 digits, no byte more.
 */
#ifndef OBI_HTTP_INJECT_BPF_H
#define OBI_HTTP_INJECT_BPF_H

#include <obi/carrier.bpf.h>
#include "connection.bpf.h"

#define HTTP_NOT_OURS -1

/* Where the span id stands in a value, and how long it is. */
#define HTTP_SPAN_AT 36
#define HTTP_SPAN_LEN 16

/* Largest message that is made one segment again after the insertion; a larger one is several anyway. */
#define HTTP_LINEAR_BYTES 32768

/*
 * Why the guards exist: FACTS.md §3. Each can be lifted by a test that shows the harm it prevents, never by configuration.
 */
const volatile __u8 obi_test_no_room_guard = 0;
const volatile __u8 obi_test_no_linear = 0;
const volatile __u8 obi_test_no_replay = 0;

static long http_msg_step(__u32 i, struct http_walk *w)
{
	struct http_parser *p = &w->h->parser[OBI_EGRESS];

	if (w->stop || !w->total)
		return 1;
	/* The next request of the same message is a run of its own. */
	if (p->state == HTTP_IDLE && w->offset)
		return 1;
	w->left = w->total;
	http_step(w);
	return 0;
}

/* Room for the request and the field in the send buffer: a partial push would return a wrong length to the application. */
static __always_inline bool http_has_room(struct tcp_sock *tp, __u32 header)
{
	int room = tp->inet_conn.icsk_inet.sk.sk_sndbuf - tp->inet_conn.icsk_inet.sk.sk_wmem_queued;
	__u32 unsent = tp->write_seq - tp->snd_nxt, low_water = tp->notsent_lowat;

	if (obi_test_no_room_guard)
		return true;
	/* TCP_NOTSENT_LOWAT, or the namespace's default for it, is a send buffer of its own. */
	if (!low_water)
		low_water = BPF_CORE_READ(tp, inet_conn.icsk_inet.sk.__sk_common.skc_net.net, ipv4.sysctl_tcp_notsent_lowat);
	if (unsent + header + OBI_TRACEPARENT_FIELD_LEN >= low_water)
		return false;
	return room > (int)(header + OBI_TRACEPARENT_FIELD_LEN + 4096);
}

/* @return SK_PASS with *inserted set, or SK_DROP where a half-done insertion could not be undone. */
static __noinline int http_insert(struct sk_msg_md *msg, __u32 at, const struct obi_trace *trace, __u32 *inserted)
{
	__u8 *data, *end;

	if (bpf_msg_push_data(msg, at, OBI_TRACEPARENT_FIELD_LEN, 0)) {
		obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_PUSH_FAILED);
		return SK_PASS;
	}
	if (bpf_msg_pull_data(msg, at, at + OBI_TRACEPARENT_FIELD_LEN, 0) == 0) {
		data = msg->data;
		end = msg->data_end;
		if (data + OBI_TRACEPARENT_FIELD_LEN <= end) {
			obi_traceparent_field(data, trace);
			*inserted = OBI_TRACEPARENT_FIELD_LEN;
			obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_INJECTED);
			return SK_PASS;
		}
	}
	obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_PUSH_FAILED);
	return bpf_msg_pop_data(msg, at, OBI_TRACEPARENT_FIELD_LEN, 0) ? SK_DROP : SK_PASS;
}

/* Framing that two readers could take differently: where the next message begins, only the application's server knows. */
static __always_inline bool http_is_ambiguous(const struct http_parser *p)
{
	if (p->flags & HTTP_PARSER_CONFLICT)
		return true;
	/* HTTP/1.0 knows no codings: some readers ignore the field there. */
	return p->flags & HTTP_PARSER_HAS_CODING &&
	       (p->flags & HTTP_PARSER_HAS_LENGTH || !(p->flags & HTTP_PARSER_CHUNKED) || p->minor == 0);
}

/* What follows this request may be another protocol's, until it is answered. */
static __always_inline bool http_switches(const struct http_parser *p, const struct http_exchange_event *ex)
{
	__u32 method = 0;

	if (p->flags & HTTP_PARSER_SWITCHES || !ex)
		return true;
	__builtin_memcpy(&method, ex->line, sizeof(method));
	return method == HTTP_METHOD_CONNECT;
}

/*
 * Is the field an unchanged copy of the one that our request brought in? Only then is it rewritten: another span id is the
 * application's own word. A trace that is not sampled has no span to name, and of a later version we know but the beginning.
 */
static __always_inline bool http_is_handed_on(struct http_parser *p, struct http_exchange_event *ex)
{
	struct obi_request *request = obi_request_get(ex->cause.request);

	return request && !(p->flags & HTTP_PARSER_TWO_TRACEPARENTS) && p->traceparent_state == OBI_TRACEPARENT_READING &&
	       !p->traceparent._pad[0] && ex->trace.flags & OBI_TRACE_SAMPLED &&
	       obi_same_id(request->trace.trace_id, p->traceparent.trace_id, 16) &&
	       obi_same_id(request->trace.parent_id, p->traceparent.span_id, 8);
}

/*
 * Puts our span id where the caller's stands. bpf_msg_pull_data gives us memory of the message's own: what shares its page with
 * a file (sendfile before 6.5) is copied first, as a whole. @return whether it was done.
 */
static __noinline bool http_rewrite(struct sk_msg_md *msg, __u32 at, struct http_exchange_event *ex, struct http_parser *p)
{
	__u8 *data, *end, differs = 0;

	if (bpf_msg_pull_data(msg, at, at + HTTP_SPAN_LEN, 0))
		return false;
	data = msg->data;
	end = msg->data_end;
	if (data + HTTP_SPAN_LEN > end)
		return false;
#pragma unroll
	for (int i = 0; i < HTTP_SPAN_LEN; i++)
		differs |= obi_hex_value(data[i]) ^ (p->traceparent.span_id[i / 2] >> (i & 1 ? 0 : 4) & 15);
	if (differs)
		return false;
	obi_hex(data, ex->trace.span_id, HTTP_SPAN_LEN / 2);
	ex->flags |= HTTP_EXCHANGE_REWRITTEN;
	obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_REWRITTEN);
	return true;
}

/* The header block ended `w->offset` bytes into the message: may we write, and where? @return why not, 0: we may. */
static __always_inline __u32 http_refusal(struct http_walk *w, struct http_parser *p, struct tcp_sock *tp, __u32 *at)
{
	__u32 blank = p->flags & HTTP_PARSER_CR ? 2 : 1, behind = p->behind - HTTP_SPAN_AT;
	__u8 state = tp->inet_conn.icsk_inet.sk.__sk_common.skc_state;
	bool rewrite = p->flags & HTTP_PARSER_HAS_TRACEPARENT;

	if (w->h->untrusted || w->h->switching)
		return HTTP_COUNTER_FRAMING;
	if (w->offset < (rewrite ? behind : blank))
		return rewrite ? HTTP_COUNTER_SPLIT_FIELD : HTTP_COUNTER_SPLIT_BLANK;
	*at = w->offset - (rewrite ? behind : blank);
	/* Kernel TLS makes messages of the application's own pages. */
	if (obi_is_zerocopy(tp) || (rewrite && tp->inet_conn.icsk_ulp_ops))
		return HTTP_COUNTER_ZEROCOPY;
	/* A write that is going to fail: before 6.11 the kernel would subtract the inserted bytes from its error number. */
	if (tp->inet_conn.icsk_inet.sk.sk_err || (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT))
		return HTTP_COUNTER_NO_ROOM;
	/* Of a block that the kernel takes in part, the rest comes again unseen: half a span id would be ours. */
	return http_has_room(tp, w->offset) ? 0 : HTTP_COUNTER_NO_ROOM;
}

/* The header block is complete, and its request has its place in a trace. @return verdict; *inserted: bytes more than before. */
static __always_inline int http_write(struct http_walk *w, struct http_parser *p, struct http_exchange_event *ex, __u32 refusal,
				      __u32 at, __u32 *inserted)
{
	bool present = p->flags & HTTP_PARSER_HAS_TRACEPARENT;

	if (present && (!ex || !http_is_handed_on(p, ex))) {
		obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_KEPT);
		return SK_PASS;
	}
	if (refusal) {
		obi_count(OBI_COUNTER_OWN + refusal);
		if (refusal == HTTP_COUNTER_ZEROCOPY)
			w->c->flags |= OBI_CONNECTION_LEAVE; /* asked for after it was connected */
	} else if (ex && !present) {
		int verdict = http_insert(w->msg, at, &ex->trace, inserted);

		if (*inserted)
			ex->flags |= HTTP_EXCHANGE_INJECTED;
		return verdict;
	}
	if (present && (refusal || !http_rewrite(w->msg, at, ex, p)))
		obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_KEPT);
	return SK_PASS;
}

/*
 * Where are we in the stream? The kernel shows a message again when it could not take it, or took only a part of it.
 * False: bytes went by that we did not see.
 */
static __always_inline bool http_resume(struct http_walk *w, struct obi_connection *c, __u32 write_seq)
{
	struct http_connection *h = w->h;
	struct http_parser *p = &h->parser[OBI_EGRESS];
	__s32 refused = c->egress_seq - write_seq;

	if (!c->egress_seen || refused == 0)
		return true;
	if (refused < 0) {
		/* After a refusal the kernel takes one message without asking again. In a body, its length is all that matters. */
		w->total = -refused;
		http_walk_unseen(w);
		w->total = w->msg->size;
		return !w->stop;
	}
	obi_count(OBI_COUNTER_OWN + HTTP_COUNTER_REPLAYED);
	if (obi_test_no_replay)
		return true;
	if (h->before_valid && h->before_seq == write_seq) {
		*p = h->before;
		return true;
	}
	if (p->state == HTTP_BODY_LENGTH && p->body_bytes >= refused) {
		p->body_left += refused;
		p->body_bytes -= refused;
		return true;
	}
	if (p->state == HTTP_IDLE && p->ordinal && p->body_bytes >= refused) {
		p->ordinal--;
		p->state = HTTP_BODY_LENGTH;
		p->body_left = refused;
		p->body_bytes -= refused;
		return true;
	}
	return false;
}

static __always_inline struct http_connection *http_carrier_connection(struct sk_msg_md *msg, struct obi_connection *c,
								       struct tcp_sock *tp)
{
	__u32 n = msg->size < 4 ? msg->size : 4, bytes = 0;

	if (c->protocol != OBI_PROTOCOL_UNDECIDED)
		return http_connection_get(c->id);
	if (!n || bpf_msg_pull_data(msg, 0, n, 0))
		return NULL;
	obi_barrier(n);
	if (n > 4 || bpf_probe_read_kernel(&bytes, n, msg->data))
		return NULL;
	if (!http_is_request(bytes, n))
		return NULL;
	return http_claim(c, bytes, n, OBI_EGRESS, obi_sock_bytes_written((struct sock *)tp) <= 1);
}

/* @return the verdict, or HTTP_NOT_OURS. */
static __always_inline int http_carry(struct sk_msg_md *msg)
{
	struct tcp_sock *tp = obi_msg_tcp_sock(msg);
	struct obi_connection *c = tp ? obi_connection_find((__u64)tp) : NULL;
	struct http_exchange_event *ex;
	struct http_parser *p;
	struct http_walk w = {};
	__u32 at = 0, inserted = 0, write_seq, used;
	int verdict = SK_PASS;

	if (!c)
		return SK_PASS;
	w.h = http_carrier_connection(msg, c, tp);
	if (!w.h)
		return c->protocol == OBI_PROTOCOL_UNDECIDED ? HTTP_NOT_OURS : SK_PASS;
	if (w.h->role != HTTP_ROLE_CLIENT)
		return SK_PASS;
	write_seq = tp->write_seq;
	p = &w.h->parser[OBI_EGRESS];
	w.msg = msg;
	w.stop = w.h->zero;
	w.offset = w.h->zero;
	w.c = c;
	w.by.sk = (__u64)tp;
	w.connection = c->id;
	w.by.pid_tgid = bpf_get_current_pid_tgid();
	w.by.role = w.h->role;
	w.by.now_ns = bpf_ktime_get_ns();
	w.direction = OBI_EGRESS;
	w.total = msg->size;
	if (!http_resume(&w, c, write_seq)) {
		if (!w.stop)
			http_desync(&w, HTTP_COUNTER_DESYNC);
		http_closed(http_open_exchanges(w.h), w.connection, w.by.now_ns);
		return SK_PASS;
	}
	w.h->before = *p;
	w.h->before_seq = write_seq;
	w.h->before_valid = 1;

	bpf_loop(HTTP_STEPS, http_msg_step, &w, 0);
	if (p->flags & HTTP_PARSER_HEADER_DONE) {
		__u32 refusal;

		if (http_is_ambiguous(p))
			w.h->untrusted = 1;
		refusal = http_refusal(&w, p, tp, &at);
		ex = http_exchange_get(w.connection, p->ordinal);
		if (http_switches(p, ex))
			w.h->switching = p->ordinal + 1;
		http_header_end(&w, p, ex);
		verdict = http_write(&w, p, ex, refusal, at, &inserted);
		obi_carrier_sent(c, w.by.pid_tgid);
		w.offset += inserted;
		w.stop = w.h->zero;
		bpf_loop(HTTP_STEPS, http_msg_step, &w, 0);
	}
	used = w.offset;
	if (w.total && !w.stop) {
		/* Another request follows in this message: this verdict is for the one that we read. */
		if (p->state == HTTP_IDLE)
			bpf_msg_apply_bytes(msg, used);
		else
			http_desync(&w, HTTP_COUNTER_UNREADABLE);
	}
	if (w.stop) {
		http_closed(http_open_exchanges(w.h), w.connection, w.by.now_ns);
		return verdict;
	}
	/* The insertion left several pieces, each of which would be sent, and acknowledged late, on its own. */
	if (inserted && !obi_test_no_linear)
		bpf_msg_pull_data(msg, 0, used <= HTTP_LINEAR_BYTES ? used : at + OBI_TRACEPARENT_FIELD_LEN, 0);
	c->egress_seq = write_seq + used;
	c->egress_seen = 1;
	return verdict;
}

/* After the carriers behind this one declined too. */
static __always_inline void http_carrier_declined(struct sk_msg_md *msg)
{
	struct tcp_sock *tp = obi_msg_tcp_sock(msg);
	struct obi_connection *c = tp ? obi_connection_find((__u64)tp) : NULL;

	if (c && c->protocol == OBI_PROTOCOL_UNDECIDED)
		obi_carrier_declined(c, tp);
}

#endif
