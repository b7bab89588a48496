/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* crypto/tls: what goes through a connection before it is encrypted, or after it was decrypted. */
#ifndef OBI_GO_TLS_BPF_H
#define OBI_GO_TLS_BPF_H

#include <obi/plaintext.bpf.h>
#include <obi/socket.bpf.h>
#include "go.h"

#define TLS_APPLICATION_DATA 23 /* RFC 8446, 5.1: ContentType */

/* Bytes on their way through a server's (*Conn).Write. */
struct go_write {
	__u64 sk;
	__u64 connection; /* obi_connection.id */
	__u64 from;
	__u64 len;
	__u32 tgid;
	__u32 _pad;
};

/*
 * By the goroutine's scope. Inserted: before it encrypts and sends. Deleted: after that; user space, soon after the process's
 * end. LRU: a write that panics.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct go_write);
} go_writes SEC(".maps");

/* The socket of a net.Conn (an interface, which lies at this address); NULL: it is no TCP connection of net, or one that is closed. */
static __always_inline struct sock *tcp_socket(const struct go_settings *settings, __u64 connection)
{
	__u64 itab = obi_user_word(connection), below = obi_user_word(connection + 8);

	if (!settings->tcp_close || obi_user_word(itab + GO_ITAB_FUN) != settings->tcp_close)
		return NULL;
	return obi_fd_tcp_sock(obi_user_word(obi_user_word(below) + GO_FD_SYSFD));
}

/* The socket below a tls.Conn; NULL: nothing is told yet, or (counted) it does not lie right above a TCP connection that is open. */
static __always_inline struct sock *tls_socket(__u64 tls)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	struct sock *sk;

	/* Both directions are told from the same moment on: half an exchange would shift all that follow. */
	if (!settings || !settings->tls)
		return NULL;
	sk = tcp_socket(settings, tls + GO_TLS_CONN);
	if (!sk)
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_TLS_UNKNOWN);
	return sk;
}

/*
 * Read(b) of a connection copies `len` decrypted bytes from `from`, where they are readable already, to `to`, the beginning of
 * b. Which connection, only the function's frame says, in which its arguments are kept: that b is there proves it.
 */
static __always_inline void tls_read(void *ctx, __u64 frame, __u64 to, __u64 from, __u64 len)
{
	struct sock *sk = tls_socket(obi_user_word(frame + 24) == to ? obi_user_word(frame + 16) : 0);

	if (sk)
		obi_plaintext(ctx, sk, OBI_INGRESS, from, len);
}

/*
 * Goroutine `g` is about to encrypt and send these bytes. A client's count now: a request begins here, and its answer may be
 * read, and the connection closed, before this goroutine runs again.
 */
static __always_inline void tls_write_begins(void *ctx, __u64 g, __u64 tls, __u64 from, __u64 len)
{
	struct go_write write = { .from = from, .len = len, .tgid = bpf_get_current_pid_tgid() >> 32 };
	__u64 key = goroutine_scope(write.tgid, g);
	struct sock *sk = tls_socket(tls);
	struct obi_connection *c;

	if (sk && obi_user_word(tls + GO_TLS_IS_CLIENT) & 0xff) {
		obi_plaintext(ctx, sk, OBI_EGRESS, from, len);
		return;
	}
	c = sk ? obi_connection_get(sk) : NULL;
	if (!c)
		return;
	write.sk = (__u64)sk;
	write.connection = c->id;
	bpf_map_update_elem(&go_writes, &key, &write, BPF_ANY);
}

/*
 * It has done so, or could not (an `error` of Go). A server's bytes count when they were sent: how long an answer lasts, and
 * whether it comes to anything, nobody knows before. What was sent of a write that failed is left out, and what was sent to a
 * peer that has reset the connection since.
 */
static __always_inline void tls_write_ended(void *ctx, __u64 g, __u64 error)
{
	__u64 key = goroutine_scope(bpf_get_current_pid_tgid() >> 32, g);
	struct go_write *pending = bpf_map_lookup_elem(&go_writes, &key), write;
	struct obi_connection *c;

	if (!pending)
		return;
	write = *pending;
	bpf_map_delete_elem(&go_writes, &key);
	c = error ? NULL : obi_connection_find(write.sk);
	if (c && c->id == write.connection)
		obi_plaintext(ctx, (struct sock *)write.sk, OBI_EGRESS, write.from, write.len);
}

#endif
