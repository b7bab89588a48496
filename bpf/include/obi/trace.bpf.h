/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traces: the open requests of every traced process, and the decision which of them caused an outgoing one.
 * The sampling decision is made here, once, so that the flag on the wire is true.
 */
#ifndef OBI_TRACE_BPF_H
#define OBI_TRACE_BPF_H

#include "abi.bpf.h"
#include "counter.bpf.h"
#include "process.bpf.h"
#include "scope.bpf.h"
#include "span.bpf.h"
#include "stream.bpf.h"
#include "traceparent.bpf.h"

/* Set by core at load from OTEL_TRACES_SAMPLER, max_transaction_time. */
const volatile __u8 obi_cfg_parent_based = 1;
/* A root is sampled when the upper 63 bits of the trace id's last 8 bytes are below this; ~0: always. */
const volatile __u64 obi_cfg_sample_below = ~0ULL;
const volatile __u64 obi_cfg_max_age_ns = 300ULL * 1000 * 1000 * 1000;

/* An incoming request that is not answered yet. Its id is its span id, read as a number. */
struct obi_request {
	struct obi_trace trace;
	__u64 start_ns;
	__u64 scope; /* that read it */
	__u64 socket; /* on which it came: key in obi_connections */
	__u64 connection; /* … and that connection's id */
	__u32 tgid; /* 0: still being made */
	__u16 pipelined; /* read while another one was open on its connection */
	__u16 inside; /* begun inside the process, which alone tells its end (obi_request_is_inside) */
	__u64 claimed; /* declared scope that ends with it, or 0 */
};

/* Announced as cause: a request that is over. No request has this id. */
#define OBI_REQUEST_OVER 1

/* Why a span has the parent that it has, or none: sent with its record, for `obi explain`. */
struct obi_cause {
	__u64 scope; /* that was executing */
	__u64 scope_started_ns; /* when it was started for the request; 0: not known, or it read the request itself */
	__u64 request; /* the parent's span id, read as a number; 0: none. A request, or (rule PARENT_SPAN) a span that the program made */
	__u64 request_start_ns;
	__u64 request_scope; /* that read the parent's request, or began its span */
	__u8 rule; /* enum obi_counter, _PARENT_… or _ORPHAN_… */
	__u8 _pad[7];
};

/* Inserted: obi_request_begin. Deleted: obi_request_end, called by the protocol at the response's end or the connection's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct obi_request);
} obi_requests SEC(".maps");

/* Initial value, in read-only data: `volatile` keeps clang from making it on the stack. */
const volatile struct obi_request obi_blank_request = {};

/* How many requests a process works on at a time. */
struct obi_load {
	__u64 overlap_ns; /* last time at which there was more than one */
	__u32 open;
	__u32 _pad;
};

/* tgid → load. Inserted: first request of a process. Deleted: exit of the process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct obi_load);
} obi_loads SEC(".maps");

const volatile struct obi_load obi_blank_load = {};

static __always_inline void obi_load_change(__u32 tgid, int by)
{
	struct obi_load *load = bpf_map_lookup_elem(&obi_loads, &tgid);

	if (!load) {
		/* The process is gone: its sockets are closed after it has left the table. */
		if (by < 0)
			return;
		/* Another CPU may have done so at this moment. */
		bpf_map_update_elem(&obi_loads, &tgid, (const void *)&obi_blank_load, BPF_NOEXIST);
		load = bpf_map_lookup_elem(&obi_loads, &tgid);
		if (!load) {
			obi_count(OBI_COUNTER_REQUESTS_FULL);
			return;
		}
	}
	/* before a decrease, after an increase: whenever there was more than one, that time is noted */
	if (by < 0 && load->open > 1)
		load->overlap_ns = bpf_ktime_get_ns();
	__sync_fetch_and_add(&load->open, by);
	if (by > 0 && load->open > 1)
		load->overlap_ns = bpf_ktime_get_ns();
}

/*
 * May a thread that was started for a request be working for another one? A pool that its creator shares with other requests
 * can give it any work; only while there was no other request is it certain.
 */
static __always_inline bool obi_load_overlapped(__u32 tgid, __u64 since_ns)
{
	struct obi_load *load = bpf_map_lookup_elem(&obi_loads, &tgid);

	return !load || load->open > 1 || load->overlap_ns >= since_ns;
}

static __always_inline __u64 obi_request_id(const struct obi_trace *trace)
{
	__u64 id;

	__builtin_memcpy(&id, trace->span_id, sizeof(id));
	return id;
}

static __always_inline __u8 obi_sample_root(const struct obi_trace *trace)
{
	__u64 low;

	if (obi_cfg_sample_below == ~0ULL)
		return OBI_TRACE_SAMPLED;
	__builtin_memcpy(&low, trace->trace_id + 8, sizeof(low));
	return bpf_be64_to_cpu(low) >> 1 < obi_cfg_sample_below ? OBI_TRACE_SAMPLED : 0;
}

static __always_inline void obi_trace_root(struct obi_trace *trace)
{
	obi_random(trace->trace_id, 4);
	obi_random(trace->span_id, 2);
	__builtin_memset(trace->parent_id, 0, sizeof(trace->parent_id));
	trace->flags = obi_sample_root(trace);
}

static __always_inline void obi_trace_child(struct obi_trace *trace, const __u8 *trace_id, const __u8 *parent_id,
					    __u8 flags)
{
	__builtin_memcpy(trace->trace_id, trace_id, 16);
	__builtin_memcpy(trace->parent_id, parent_id, 8);
	obi_random(trace->span_id, 2);
	trace->flags = obi_cfg_parent_based ? flags & OBI_TRACE_SAMPLED : obi_sample_root(trace);
}

/* Is the request with this id still open? */
static __always_inline struct obi_request *obi_request_get(__u64 id)
{
	return id ? bpf_map_lookup_elem(&obi_requests, &id) : NULL;
}

/* The connection of an open request, or NULL when it is gone. */
static __always_inline struct obi_connection *obi_request_connection(struct obi_request *request)
{
	struct obi_connection *c = obi_connection_find(request->socket);

	return c && c->id == request->connection ? c : NULL;
}

/* Runtime probe: it has begun this request itself, and will end it. When the process does not come to that, user space does. */
static __always_inline void obi_request_is_inside(__u64 id)
{
	struct obi_request *request = obi_request_get(id);

	if (request)
		request->inside = 1;
}

/* It is answered. `next`: the request behind it on the same connection, or 0. */
static __always_inline void obi_request_end(__u64 id, __u64 next)
{
	struct obi_request *request = obi_request_get(id);
	struct obi_connection *c;
	__u32 tgid;

	if (!request)
		return;
	tgid = request->tgid;
	if (!tgid)
		return; /* its maker will see that its connection is gone */
	if (request->claimed)
		bpf_map_delete_elem(&obi_declared, &request->claimed);
	c = obi_request_connection(request);
	if (c) {
		if (c->request == id)
			c->request = next;
		if (c->open)
			c->open--;
	}
	if (bpf_map_delete_elem(&obi_requests, &id) == 0)
		obi_load_change(tgid, -1);
}

/*
 * An incoming request was read on connection `c` (NULL: gone already): gives it its place in a trace. `incoming` is what the
 * caller of this service sent, or NULL. It stays open until obi_request_end; nobody would call that if its connection is gone,
 * so that it causes nothing then.
 */
static __always_inline void obi_request_begin(struct obi_trace *trace, const struct obi_traceparent *incoming,
					      struct obi_connection *c, __u64 socket, __u64 scope, __u32 tgid, __u64 start_ns)
{
	struct obi_request *request = NULL;
	__u64 id;

	if (incoming)
		obi_trace_child(trace, incoming->trace_id, incoming->span_id, incoming->flags);
	else
		obi_trace_root(trace);
	if (!c)
		return;
	id = obi_request_id(trace);
	/* Before anybody can end it. */
	obi_load_change(tgid, 1);
	if (bpf_map_update_elem(&obi_requests, &id, (const void *)&obi_blank_request, BPF_NOEXIST) == 0)
		request = obi_request_get(id);
	if (!request) {
		obi_load_change(tgid, -1);
		obi_count(OBI_COUNTER_REQUESTS_FULL);
		return;
	}
	request->trace = *trace;
	request->start_ns = start_ns;
	request->scope = scope;
	request->socket = socket;
	request->connection = c->id;
	request->pipelined = c->open != 0;
	if (!c->open)
		c->request = id;
	c->open++;
	/* From here on it can be ended. Its connection, if that was on another CPU meanwhile: whoever was told saw no request yet. */
	__sync_lock_test_and_set(&request->tgid, tgid);
	if (!obi_request_connection(request))
		obi_request_end(id, 0);
}

/*
 * Makes request `id`, read on `connection`, the one that this scope works for. A scope that already has an open request of
 * another connection serves several at a time: from then on it says nothing about causes.
 */
static __always_inline void obi_scope_take(__u64 scope, __u64 connection, __u64 id)
{
	struct obi_scope *s = obi_scope_get_or_new(scope);

	if (!s) {
		obi_count(OBI_COUNTER_SCOPES_FULL);
		return;
	}
	if (s->request && s->request != id && obi_request_get(s->request)) {
		if (s->connection == connection)
			return; /* pipelined: the protocol hands it over when the one before is answered */
		s->flags |= OBI_SCOPE_AMBIGUOUS;
	}
	s->request = id;
	s->connection = connection;
}

/*
 * The request before it on the same connection was answered: the scope goes on with this one. Not for a scope that has ended:
 * sockets of a killed process are closed after its threads are gone.
 */
static __always_inline void obi_scope_go_on(__u64 scope, __u64 connection, __u64 id)
{
	struct obi_scope *s = obi_scope_get(scope);

	if (s && s->connection == connection)
		s->request = id;
}

/*
 * `reader` read a request, `writer` answers it. When they differ, requests move between these threads (virtual threads,
 * asynchronous handlers): from then on neither says anything about causes.
 */
static __always_inline void obi_scope_check(__u64 reader, __u64 writer)
{
	struct obi_scope *s;

	if (reader == writer)
		return;
	s = obi_scope_get(reader);
	if (s && !(s->flags & OBI_SCOPE_DECLARED))
		s->flags |= OBI_SCOPE_AMBIGUOUS;
	s = obi_scope_get(writer);
	if (s && !(s->flags & OBI_SCOPE_DECLARED))
		s->flags |= OBI_SCOPE_AMBIGUOUS;
}

/*
 * Does this scope still work for the request that it was started for? A program that was executed for a request sends its
 * first call for it; a helper that is kept can get any work after that.
 */
static __always_inline bool obi_inherits(struct obi_scope *s, __u32 tgid)
{
	if (s->flags & OBI_SCOPE_FORKED)
		return false;
	if (s->flags & OBI_SCOPE_EXECUTED && !(s->flags & OBI_SCOPE_USED)) {
		s->flags |= OBI_SCOPE_USED;
		return true;
	}
	return !obi_load_overlapped(s->flags & OBI_SCOPE_EXECUTED ? s->creator : tgid, s->created_ns);
}

/* The connection that a declared scope follows, while it is the same one. */
static __always_inline struct obi_connection *obi_followed(struct obi_scope *s)
{
	struct obi_connection *c = s->flags & OBI_SCOPE_DECLARED && s->socket ? obi_connection_find(s->socket) : NULL;

	return c && c->id == s->connection ? c : NULL;
}

/* The open request that this scope works for, or NULL; `rule` says why. */
static __always_inline struct obi_request *obi_scope_cause(struct obi_scope *s, __u32 tgid, __u32 *rule)
{
	struct obi_process *process = obi_process_get(tgid);
	struct obi_connection *c;
	struct obi_request *request;

	if (!s || (!s->request && !s->inherited && !s->socket)) {
		*rule = OBI_COUNTER_ORPHAN_NO_REQUEST;
		return NULL;
	}
	/* A scope that a runtime probe declared is trusted; a bare thread of a multiplexing runtime is not. */
	if (!(s->flags & OBI_SCOPE_DECLARED) && process && process->flags & OBI_PROCESS_MULTIPLEXED) {
		*rule = OBI_COUNTER_ORPHAN_MULTIPLEXED;
		return NULL;
	}
	/* What it was executed for stays; whether its threads stand for requests is not known yet. */
	if (!(s->flags & OBI_SCOPE_DECLARED) && process && process->flags & OBI_PROCESS_UNJUDGED && !s->inherited) {
		*rule = OBI_COUNTER_ORPHAN_UNJUDGED;
		return NULL;
	}
	if (s->flags & OBI_SCOPE_AMBIGUOUS) {
		*rule = OBI_COUNTER_ORPHAN_AMBIGUOUS;
		return NULL;
	}
	*rule = s->flags & OBI_SCOPE_DECLARED ? OBI_COUNTER_PARENT_DECLARED : OBI_COUNTER_PARENT_THREAD;
	request = obi_request_get(s->request);
	if (request)
		return request;
	if (s->inherited) {
		if (!(s->flags & OBI_SCOPE_DECLARED)) {
			*rule = OBI_COUNTER_PARENT_INHERITED;
			if (!obi_inherits(s, tgid)) {
				*rule = OBI_COUNTER_ORPHAN_SHARED;
				return NULL;
			}
		}
		request = obi_request_get(s->inherited);
	} else {
		c = obi_followed(s);
		request = c ? obi_request_get(c->request) : NULL;
	}
	if (!request)
		*rule = OBI_COUNTER_ORPHAN_ENDED;
	return request;
}

/* Runtime probe: id of the open request that scope `id` works for, or 0. */
static __always_inline __u64 obi_scope_request(__u64 id, __u32 tgid)
{
	__u32 rule;
	struct obi_request *request = obi_scope_cause(obi_scope_get(id), tgid, &rule);

	return request ? obi_request_id(&request->trace) : 0;
}

/*
 * Runtime probe: scope `id` was started by scope `creator`, and works for what that one works for now: its open request, or, while
 * it has none, the connection that it follows.
 */
static __always_inline void obi_scope_start(__u64 id, __u64 creator, __u32 tgid)
{
	struct obi_scope *by = obi_scope_get(creator), fresh = { .flags = OBI_SCOPE_DECLARED };
	struct obi_request *request;
	__u32 rule;

	fresh.created_ns = bpf_ktime_get_ns();
	fresh.creator = tgid;
	request = obi_scope_cause(by, tgid, &rule);
	if (request) {
		fresh.inherited = obi_request_id(&request->trace);
	} else if (by && by->flags & OBI_SCOPE_DECLARED && !(by->flags & OBI_SCOPE_AMBIGUOUS) && !by->inherited) {
		fresh.socket = by->socket;
		fresh.connection = by->connection;
	}
	if (bpf_map_update_elem(&obi_declared, &id, &fresh, BPF_ANY))
		obi_count(OBI_COUNTER_SCOPES_FULL);
}

/* Runtime probe: scope `id` works for this request from now on; 0: for none. */
static __always_inline void obi_scope_set_request(__u64 id, __u64 request)
{
	struct obi_scope *s = request ? obi_scope_get_or_new(id) : obi_scope_get(id);

	if (s) {
		s->request = request;
		s->inherited = 0;
		s->socket = id & OBI_SCOPE_DECLARED_ID ? 0 : s->socket;
	} else if (request) {
		obi_count(OBI_COUNTER_SCOPES_FULL);
	}
}

/* Runtime probe: scope `id` is this request's own and ends with it; 0: a scope of that number, if there is one, works for nothing. */
static __always_inline void obi_scope_claim(__u64 id, __u64 request)
{
	struct obi_request *r = obi_request_get(request);

	if (r)
		r->claimed = id;
	obi_scope_set_request(id, request);
}

/* Runtime probe: declared scope `id` works for whatever request is current on the connection of this socket. */
static __always_inline void obi_scope_follow(__u64 id, __u64 socket)
{
	struct obi_connection *c = obi_connection_find(socket);
	struct obi_scope *s = c ? obi_scope_get_or_new(id) : NULL;

	if (!s)
		return;
	s->request = 0;
	s->inherited = 0;
	s->socket = socket;
	s->connection = c->id;
}

/*
 * Runtime probe: the request that was just read from this socket, to be claimed for a scope; 0: none is open, or several are,
 * and then nobody can say which (counted).
 */
static __always_inline __u64 obi_connection_claimable(struct obi_connection *c)
{
	if (c->open > 1) {
		obi_count(OBI_COUNTER_ORPHAN_PIPELINED);
		return 0;
	}
	return c->open ? c->request : 0;
}

/*
 * nginx's structures, as far as they have been the same since its first versions.
 * ngx_connection_t: data (upstream: the request that it is used for), read, write, and the descriptor.
 * ngx_http_request_t: its signature, and the connection on which the request came, also of a subrequest.
 */
#define OBI_NGX_CONNECTION_DATA 0
#define OBI_NGX_CONNECTION_FD 24
#define OBI_NGX_REQUEST_CONNECTION 8
#define OBI_NGX_HTTP 0x50545448 /* "HTTP" as a little-endian word */

/* nginx gives epoll the address of its connection; the lowest bit tells two users of that memory apart. */
static __always_inline __u64 obi_epoll_data(struct sock *sk)
{
	struct hlist_node *node;

	if (!bpf_core_field_exists(struct file, f_ep) || !bpf_core_type_exists(struct epitem))
		return 0;
	node = BPF_CORE_READ(sk, sk_socket, file, f_ep, first);
	if (!node)
		return 0;
	return BPF_CORE_READ((struct epitem *)((__u64)node - bpf_core_field_offset(struct epitem, fllink)), event.data) & ~1ULL;
}

/* A word of the current process's memory; 0 where there is none. */
static __always_inline __u64 obi_user_word(__u64 address)
{
	__u64 word;

	return bpf_probe_read_user(&word, sizeof(word), (void *)address) ? 0 : word;
}

/* The socket of the ngx_connection_t at this address; NULL: it has none, so it is no such thing. */
static __always_inline struct sock *obi_ngx_socket(__u64 address)
{
	return address ? obi_fd_tcp_sock(obi_user_word(address + OBI_NGX_CONNECTION_FD)) : NULL;
}

/*
 * The request for which nginx is writing to `socket`, as nginx itself has noted it; 0: not known. Nothing else says it: in a
 * turn of its event loop, timers, posted events and failed connections follow what was read from others.
 * Each step proves itself (the connection's descriptor is this socket, the request has its signature), so that another
 * layout leads to no parent, never to a wrong one.
 */
static __always_inline __u64 obi_proxy_request(__u64 socket)
{
	__u64 connection = obi_epoll_data((struct sock *)socket), request;
	struct obi_connection *c;

	if ((__u64)obi_ngx_socket(connection) != socket)
		return 0;
	request = obi_user_word(connection + OBI_NGX_CONNECTION_DATA);
	if (!request || (__u32)obi_user_word(request) != OBI_NGX_HTTP)
		return 0;
	c = obi_connection_find((__u64)obi_ngx_socket(obi_user_word(request + OBI_NGX_REQUEST_CONNECTION)));
	return c ? c->request : 0;
}

/* Called by a protocol before obi_outgoing_begin: what a proxy notes for itself about the socket on which it is sending. */
static __always_inline void obi_proxy_cause(struct obi_connection *c, __u64 socket, __u64 pid_tgid)
{
	struct obi_process *process = obi_process_get(pid_tgid >> 32);

	if (c && process && process->flags & OBI_PROCESS_PROXY)
		c->cause = obi_proxy_request(socket);
}

/* A proxy answers the requests of a connection one by one; what still goes out for one that it has answered is not the next one's. */
static __always_inline struct obi_request *obi_proxy_parent(__u64 id, __u32 *rule)
{
	struct obi_request *request = obi_request_get(id);

	*rule = request ? OBI_COUNTER_PARENT_PROXY : id ? OBI_COUNTER_ORPHAN_ENDED : OBI_COUNTER_ORPHAN_NO_REQUEST;
	if (request && request->pipelined) {
		*rule = OBI_COUNTER_ORPHAN_PIPELINED;
		return NULL;
	}
	return request;
}

/* The open request that caused what the current thread writes now on `c`, or NULL; the reason is counted and noted. */
static __always_inline struct obi_request *obi_parent_find(struct obi_connection *c, __u64 pid_tgid, struct obi_cause *cause)
{
	struct obi_process *process = obi_process_get(pid_tgid >> 32);
	struct obi_request *request = NULL;
	__u32 rule = OBI_COUNTER_ORPHAN_NO_REQUEST;
	struct obi_scope *s;

	cause->scope = obi_scope_current(pid_tgid);
	if (process && process->flags & OBI_PROCESS_PROXY) {
		request = obi_proxy_parent(c ? c->cause : 0, &rule);
	} else if (c && c->flags & OBI_CONNECTION_ANNOUNCED) {
		c->flags &= ~OBI_CONNECTION_ANNOUNCED;
		request = obi_request_get(c->cause);
		rule = request ? OBI_COUNTER_PARENT_ANNOUNCED : c->cause ? OBI_COUNTER_ORPHAN_ENDED : OBI_COUNTER_ORPHAN_UNDECLARED;
	} else {
		s = obi_scope_get(cause->scope);
		request = obi_scope_cause(s, pid_tgid >> 32, &rule);
		if (s)
			cause->scope_started_ns = s->created_ns;
	}
	if (request && bpf_ktime_get_ns() - request->start_ns > obi_cfg_max_age_ns) {
		rule = OBI_COUNTER_ORPHAN_TOO_OLD;
		request = NULL;
	}
	obi_count(rule);
	cause->rule = rule;
	if (request) {
		cause->request = obi_request_id(&request->trace);
		cause->request_start_ns = request->start_ns;
		cause->request_scope = request->scope;
	}
	if (c)
		c->request = cause->request;
	return request;
}

/* An outgoing request that a runtime probe has given its place in a trace, and its traceparent, before its bytes pass by. */
struct obi_written {
	struct obi_trace trace;
	struct obi_cause cause;
	__u32 tgid;
	__u32 _pad;
};

/*
 * Span id, read as a number → request. Inserted: obi_written_note. Deleted: its bytes pass by (obi_outgoing_begin). LRU: they
 * may never do.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct obi_written);
} obi_written SEC(".maps");

/* Runtime probe: it is about to write this traceparent inside the process; to be called before, the bytes may be fast. */
static __always_inline void obi_written_note(const struct obi_written *written)
{
	__u64 id = obi_request_id(&written->trace);

	bpf_map_update_elem(&obi_written, &id, written, BPF_ANY);
}

/* Is `own` such a traceparent, of this process (others may hand it on)? Then the request has its place already. */
static __always_inline bool obi_written_take(struct obi_trace *trace, const struct obi_traceparent *own, __u32 tgid,
					     struct obi_connection *c, struct obi_cause *cause)
{
	struct obi_written *written;
	__u64 id;

	__builtin_memcpy(&id, own->span_id, sizeof(id));
	written = bpf_map_lookup_elem(&obi_written, &id);
	if (!written || written->tgid != tgid || !obi_same_id(written->trace.trace_id, own->trace_id, 16))
		return false;
	*trace = written->trace;
	*cause = written->cause;
	if (c)
		c->request = cause->request;
	bpf_map_delete_elem(&obi_written, &id);
	return true;
}

/* The parent is this span, which the program made itself: it is noted and counted. */
static __always_inline const struct obi_trace *obi_parent_span(const struct obi_span *span, struct obi_cause *cause)
{
	obi_count(OBI_COUNTER_PARENT_SPAN);
	cause->rule = OBI_COUNTER_PARENT_SPAN;
	cause->request = obi_request_id(&span->trace);
	cause->request_start_ns = span->start_ns;
	cause->request_scope = span->scope;
	return &span->trace;
}

/*
 * Gives an outgoing request its place in a trace. `own` is the traceparent that the application wrote, or NULL: it is adopted,
 * so that our span is the one which the receiver names as its parent; where it names a span that the program made itself, that is the
 * parent of both. `c` is written to, NULL when it is gone already.
 */
static __always_inline void obi_outgoing_begin(struct obi_trace *trace, const struct obi_traceparent *own,
					       struct obi_connection *c, __u64 pid_tgid, struct obi_cause *cause)
{
	const struct obi_trace *parent;
	struct obi_request *request;
	struct obi_span *span, *named;

	if (own && obi_written_take(trace, own, pid_tgid >> 32, c, cause))
		return;
	request = obi_parent_find(c, pid_tgid, cause);
	named = own ? obi_span_of(own) : NULL;
	span = named && named->tgid == pid_tgid >> 32 ? named : obi_scope_span(cause->scope);
	parent = request ? &request->trace : NULL;
	/* Of another trace than the one that the application writes the span says nothing. */
	if (span && (!own || obi_same_id(span->trace.trace_id, own->trace_id, 16)))
		parent = obi_parent_span(span, cause);
	/* Or clang asks for what it was made of once more: before 6.7 the verifier does not know that this is the same. */
	obi_barrier(parent);
	if (!own) {
		if (parent)
			obi_trace_child(trace, parent->trace_id, parent->span_id, parent->flags);
		else
			obi_trace_root(trace);
		return;
	}
	obi_count(OBI_COUNTER_PARENT_APPLICATION);
	__builtin_memcpy(trace->trace_id, own->trace_id, 16);
	__builtin_memcpy(trace->span_id, own->span_id, 8);
	__builtin_memset(trace->parent_id, 0, 8);
	trace->flags = own->flags & OBI_TRACE_SAMPLED;
	/* It names a span of a program's own: that is what ours is below, and needs an id of its own. */
	if (named) {
		__builtin_memcpy(trace->parent_id, own->span_id, 8);
		obi_random(trace->span_id, 2);
	}
	if (!parent || !obi_same_id(parent->trace_id, own->trace_id, 16))
		return;
	__builtin_memcpy(trace->parent_id, parent->span_id, 8);
	/* A proxy that forwards the incoming field unchanged names our caller's span: that id is taken, ours must differ. */
	if (request && obi_same_id(request->trace.parent_id, own->span_id, 8))
		obi_random(trace->span_id, 2);
}

/*
 * Runtime probe: the program begins a span of its own, in the scope that runs now. Its parent is `within`, the span that the program
 * itself names, or NULL: then it is found as that of an outgoing request.
 */
static __always_inline void obi_span_begin(struct obi_span *span, const struct obi_span *within, __u64 pid_tgid, struct obi_cause *cause)
{
	if (within) {
		cause->scope = span->scope;
		obi_trace_child(&span->trace, within->trace.trace_id, within->trace.span_id, within->trace.flags);
		obi_parent_span(within, cause);
	} else {
		obi_outgoing_begin(&span->trace, NULL, NULL, pid_tgid, cause);
	}
}

#endif
