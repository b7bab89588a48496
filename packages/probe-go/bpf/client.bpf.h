/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * net/http's client: a connection (persistConn) has a goroutine of its own that writes, for one request after the other, whoever
 * makes them. So the writer works for what the goroutine works for that has the connection now.
 */
#ifndef OBI_GO_CLIENT_BPF_H
#define OBI_GO_CLIENT_BPF_H

#include "context.bpf.h"

struct go_client {
	__u64 request; /* that the latest user of the connection works for, answered or not; 0: none */
	__u64 writer; /* scope of its writing goroutine; 0: not running yet */
	__u32 tgid;
	__u32 flags; /* of the user's scope: OBI_SCOPE_AMBIGUOUS */
	__u64 span; /* that the request's context carries: key in go_spans; 0: none */
};

/*
 * Connections by process and address. Inserted: first use, start of the writer. Deleted: end of the writer; user space, soon
 * after the process's end.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct go_client);
} go_clients SEC(".maps");

static __always_inline struct go_client *go_client_get_or_new(__u64 key, __u32 tgid)
{
	struct go_client *client = bpf_map_lookup_elem(&go_clients, &key), fresh = { .tgid = tgid };

	if (client)
		return client;
	bpf_map_update_elem(&go_clients, &key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&go_clients, &key);
}

/* The writer works for what the user works for, and where that is not known, for the same reason. */
static __always_inline void client_tell_writer(struct go_client *client, __u64 writer)
{
	__u64 request = client->request, key = client->span;
	struct go_span *span = key ? bpf_map_lookup_elem(&go_spans, &key) : NULL;
	struct obi_scope *s;

	obi_scope_set_request(writer, request);
	obi_scope_enter(writer, span ? &span->span : NULL);
	s = obi_scope_get(writer);
	if (s)
		s->flags = (s->flags & ~OBI_SCOPE_AMBIGUOUS) | client->flags;
}

/*
 * Goroutine `g` has got the connection for `sent` (a transportRequest, which begins with its http.Request). The writer may start at this moment on another CPU: each tells its part
 * before it reads the other's (the exchange is a barrier), so that one of them knows both.
 */
static __always_inline void client_used(__u64 connection, __u64 sent, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 user = goroutine_scope(tgid, g), key = obi_scope_id(tgid, connection), request = obi_scope_request(user, tgid), writer;
	struct go_client *client = go_client_get_or_new(key, tgid);
	struct obi_scope *s = obi_scope_get(user);
	struct go_role *role;

	if (!client)
		return;
	if (!request && s)
		request = s->inherited ? s->inherited : s->request;
	client->flags = s ? s->flags & OBI_SCOPE_AMBIGUOUS : 0;
	client->span = request_span(tgid, obi_user_word(sent));
	__sync_lock_test_and_set(&client->request, request);
	writer = client->writer;
	/* The connection may break at this moment, and its entry be another one's: the writer has to know it, too. */
	role = writer ? bpf_map_lookup_elem(&go_roles, &writer) : NULL;
	if (role && role->kind == GO_ROLE_WRITER && role->of == key)
		client_tell_writer(client, writer);
}

/* Goroutine `g` is the connection's writer from now on. What it was started for is not what it works for. */
static __always_inline void client_writer_started(__u64 connection, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 key = obi_scope_id(tgid, connection), writer = goroutine_scope(tgid, g);
	struct go_client *client = go_client_get_or_new(key, tgid);

	if (!client) {
		obi_scope_end(writer);
		return;
	}
	go_role_give(writer, GO_ROLE_WRITER, key);
	__sync_lock_test_and_set(&client->writer, writer);
	client_tell_writer(client, writer);
}

/*
 * Goroutine `g` dials or reads for the transport: started by one request, at work for whoever needs a connection. What it gives
 * through channels is a connection or an answer, never work (channel.bpf.h).
 */
static __always_inline void client_helper_started(__u64 g)
{
	__u64 scope = goroutine_scope(bpf_get_current_pid_tgid() >> 32, g);

	go_role_give(scope, GO_ROLE_HELPER, 0);
	obi_scope_end(scope);
}

#endif
