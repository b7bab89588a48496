/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Recognising RESP on a connection, and what is left to do when one ends. */
#ifndef REDIS_CONNECTION_BPF_H
#define REDIS_CONNECTION_BPF_H

#include "batch.bpf.h"

/* Batches that are reported when a connection ends. */
#define REDIS_PIPELINE 8192

struct redis_ending {
	struct redis_connection *h;
	__u64 connection;
	__u64 now_ns;
	__u32 flags;
	__u32 _pad;
};

static long redis_end_one(__u32 i, struct redis_ending *e)
{
	struct redis_batch *batch = redis_batch_get(e->connection, e->h->oldest);

	if (!batch)
		return 1;
	batch->event.flags |= e->flags;
	redis_batch_finish(batch, e->connection, e->h->oldest, e->now_ns);
	e->h->oldest++;
	return 0;
}

/* The connection is gone, or not ours any more: what was in flight is reported. */
static __noinline int redis_closed(struct redis_connection *h, __u64 connection, __u64 now_ns, __u8 flags)
{
	struct redis_ending e = { .h = h, .connection = connection, .now_ns = now_ns, .flags = flags };

	bpf_loop(REDIS_PIPELINE, redis_end_one, &e, 0);
	bpf_map_delete_elem(&redis_conns, &connection);
	return 0;
}

/* Does it begin as a command does: *<digits>CRLF$ ? `n` bytes are there. */
static __always_inline bool redis_is_command(const __u8 *s, __u32 n)
{
	if (n < 6 || s[0] != '*' || s[1] < '1' || s[1] > '9')
		return false;
	if (s[2] == '\r')
		return s[3] == '\n' && s[4] == '$';
	return s[2] >= '0' && s[2] <= '9' && (s[3] == '\r' || (s[3] >= '0' && s[3] <= '9'));
}

static __noinline struct redis_connection *redis_claim(struct obi_connection *c, __u8 role, bool from_start)
{
	struct redis_connection *h;
	__u64 id;

	if (!c)
		return NULL;
	id = c->id;
	if (bpf_map_update_elem(&redis_conns, &id, (const void *)&redis_blank_connection, BPF_ANY)) {
		obi_count(OBI_COUNTER_OWN + REDIS_COUNTER_CONNECTIONS_FULL);
		return NULL;
	}
	h = redis_connection_get(id);
	if (!h)
		return NULL;
	h->role = role;
	h->midway = !from_start;
	obi_connection_claim(c);
	return h;
}

#endif
