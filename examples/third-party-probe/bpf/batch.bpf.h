/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Batches: the commands that one call wrote. Replies come in the order of the commands, so that counting both is enough to know
 * which batch a reply belongs to.
 */
#ifndef REDIS_BATCH_BPF_H
#define REDIS_BATCH_BPF_H

#include <obi/bytes.bpf.h>
#include <obi/event.bpf.h>
#include <obi/scope.bpf.h>
#include <obi/stream.bpf.h>
#include <obi/trace.bpf.h>
#include "parse.bpf.h"
#include "redis.h"

struct redis_connection {
	struct redis_parser parser[2]; /* by enum obi_direction */
	__u32 commands; /* begun so far */
	__u32 replies; /* ended so far */
	__u32 oldest; /* batch that waits for replies; `next`: none does */
	__u32 next; /* number of the next batch */
	__u8 role; /* enum redis_role of the traced process */
	__u8 midway; /* we did not see its first byte: a reply may belong to an unseen command */
	__u8 _pad[2];
	__u32 zero; /* always 0, see obi/bytes.bpf.h */
	__u8 chunk[2][OBI_BYTES_CHUNK]; /* bytes being looked at, by direction */
};

/* obi_connection.id → state. Inserted: redis_claim. Deleted: the connection closes or turns out not to be ours. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct redis_connection);
} redis_conns SEC(".maps");

struct redis_batch_key {
	__u64 connection;
	__u32 number;
	__u32 _pad;
};

struct redis_batch {
	struct redis_batch_event event;
	__u32 last; /* redis_connection.replies when all its commands are answered */
	__u32 _pad;
};

/* Inserted: first byte of a command. Deleted: last reply, or the connection's end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct redis_batch_key);
	__type(value, struct redis_batch);
} redis_batches SEC(".maps");

/* Initial values, in read-only data: too large for the stack. `volatile` keeps clang from making them there all the same. */
const volatile struct redis_batch redis_blank_batch = {};
const volatile struct redis_connection redis_blank_connection = {};

static __always_inline struct redis_connection *redis_connection_get(__u64 id)
{
	return bpf_map_lookup_elem(&redis_conns, &id);
}

static __always_inline struct redis_batch *redis_batch_get(__u64 connection, __u32 number)
{
	struct redis_batch_key key = { .connection = connection, .number = number };

	return bpf_map_lookup_elem(&redis_batches, &key);
}

/* Who writes or reads a batch. */
struct redis_caller {
	__u64 sk;
	__u64 connection;
	__u64 pid_tgid;
	__u64 now_ns;
};

/* Gives a batch its place in a trace, and a server's thread its request. */
static __noinline int redis_batch_place(struct redis_batch_event *e, struct redis_caller *by)
{
	struct obi_connection *c;

	if (!e || !by)
		return 0;
	c = obi_connection_find(by->sk);
	if (c && c->id != by->connection)
		c = NULL;
	if (e->role == REDIS_ROLE_CLIENT) {
		obi_outgoing_begin(&e->trace, NULL, c, by->pid_tgid, &e->cause);
		return 0;
	}
	e->cause.scope = obi_scope_current(by->pid_tgid);
	obi_request_begin(&e->trace, NULL, c, by->sk, e->cause.scope, e->tgid, e->start_ns);
	obi_scope_take(e->cause.scope, by->connection, obi_request_id(&e->trace));
	return 0;
}

/* @return NULL when the table is full (counted) */
static __always_inline struct redis_batch *redis_batch_new(struct redis_connection *h, struct redis_caller *by)
{
	struct redis_batch_key key = { .connection = by->connection, .number = h->next };
	struct redis_batch *batch;

	if (bpf_map_update_elem(&redis_batches, &key, (const void *)&redis_blank_batch, BPF_ANY)) {
		obi_count(OBI_COUNTER_OWN + REDIS_COUNTER_BATCHES_FULL);
		return NULL;
	}
	batch = bpf_map_lookup_elem(&redis_batches, &key);
	if (!batch)
		return NULL;
	h->next++;
	batch->event.start_ns = by->now_ns;
	batch->event.tgid = by->pid_tgid >> 32;
	batch->event.role = h->role;
	obi_sock_tuple((struct sock *)by->sk, &batch->event.tuple);
	redis_batch_place(&batch->event, by);
	return batch;
}

/* A server's batch is answered: it causes nothing any more; the next one on the connection does. */
static __always_inline void redis_batch_answered(struct redis_batch_event *e, __u64 connection, __u32 number)
{
	struct redis_batch *next;
	__u64 next_id = 0;

	if (e->role != REDIS_ROLE_SERVER)
		return;
	next = redis_batch_get(connection, number + 1);
	if (next)
		next_id = obi_request_id(&next->event.trace);
	obi_request_end(obi_request_id(&e->trace), next_id);
	if (next)
		obi_scope_go_on(next->event.cause.scope, connection, next_id);
}

static __noinline int redis_batch_finish(struct redis_batch *batch, __u64 connection, __u32 number, __u64 now_ns)
{
	struct redis_batch_key key = { .connection = connection, .number = number };

	if (!batch)
		return 0;
	batch->event.end_ns = now_ns;
	redis_batch_answered(&batch->event, connection, number);
	if (batch->event.trace.flags & OBI_TRACE_SAMPLED)
		obi_event_send(&batch->event, REDIS_BATCH_EVENT, sizeof(batch->event), sizeof(batch->event));
	else
		obi_count(OBI_COUNTER_UNSAMPLED);
	bpf_map_delete_elem(&redis_batches, &key);
	return 0;
}

/* Finishes the oldest batch when all its replies are there. */
static __always_inline void redis_batch_settle(struct redis_connection *h, __u64 connection, __u64 now_ns)
{
	struct redis_batch *batch = redis_batch_get(connection, h->oldest);

	if (!batch || (__s32)(h->replies - batch->last) < 0)
		return;
	redis_batch_finish(batch, connection, h->oldest, now_ns);
	h->oldest++;
}

#endif
