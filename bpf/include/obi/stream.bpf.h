/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Streams: one direction of one TCP connection, whatever tap saw it. A tap describes the bytes in a `struct obi_call` and
 * tail-calls the protocol that owns the connection; an unclaimed connection is offered to each installed protocol in turn.
 *
 * A connection knows the request that it serves: of a server, the one that it has not answered; of a client, the one that
 * caused what it asked last.
 *
 * Life of a connection: the first bytes of a traced process create it → each protocol looks once (or a few times while it
 * has too few bytes) → claimed or left alone for good → deleted when the socket reaches TCP_CLOSE, or when it is destroyed,
 * for what was missed there.
 */
#ifndef OBI_STREAM_BPF_H
#define OBI_STREAM_BPF_H

#include "abi.bpf.h"
#include "counter.bpf.h"
#include "process.bpf.h"
#include "socket.bpf.h"

/* obi_connection.protocol: the slot that claimed it, or */
#define OBI_PROTOCOL_UNDECIDED 0
#define OBI_PROTOCOL_NONE 255

enum obi_connection_flag {
	OBI_CONNECTION_UNSAFE = 1, /* what its process reads next must not be read in the sockhash: it may ask FIONREAD where that is wrong, or blocks */
	OBI_CONNECTION_LEAVE = 2, /* to be taken out of the sockhash at the next chance */
	OBI_CONNECTION_ANNOUNCED = 4, /* `cause` is what the next outgoing request was caused by */
	OBI_CONNECTION_FROM_START = 8, /* its first byte came when the runtime probe of its process was at work already */
	OBI_CONNECTION_DECRYPTED = 16, /* its bytes come from a tap inside the process (plaintext.bpf.h), none from the socket */
};

struct obi_connection {
	__u64 id; /* random, never reused; protocols key their own state by it */
	__u64 address_pair; /* skc_addrpair and skc_portpair: tell a reused socket structure from the one we knew */
	__u64 request; /* that it serves: the oldest one without an answer, or (client) what caused the latest; 0: none that is known */
	__u64 cause; /* announced: request that causes what is written next; 0: none that is known */
	__u32 port_pair;
	__u32 egress_seq; /* write_seq up to which sk_msg has delivered the outgoing bytes */
	__u8 protocol;
	__u8 tries; /* offers of bytes that nobody claimed yet */
	__u8 flags;
	__u8 egress_seen; /* egress_seq is valid */
	__u32 open; /* requests without an answer */
};

/* Address of the struct sock → connection. Inserted: obi_connection_get. Deleted: inet_sock_set_state → TCP_CLOSE, tcp_destroy_sock. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct obi_connection);
} obi_connections SEC(".maps");

enum obi_direction {
	OBI_INGRESS, /* the traced process reads */
	OBI_EGRESS, /* … writes */
};

enum obi_call_event {
	OBI_BYTES, /* `len` bytes went through */
	OBI_END, /* this direction ended (FIN read, or FIN sent) */
	OBI_CLOSED, /* the connection is gone, or nothing more of it will be shown */
};

/* Where the bytes of a call can be read. */
enum obi_source {
	OBI_SOURCE_UNSEEN, /* nowhere (sendfile, splice): only their number is known */
	OBI_SOURCE_USER, /* user memory at `base` */
	OBI_SOURCE_USER_IOV, /* user memory, through `iovs` struct iovec in user memory at `base` */
	OBI_SOURCE_KERNEL_IOV, /* user memory, through `iovs` struct iovec in kernel memory at `base` */
};

/* From a tap to a protocol. */
struct obi_call {
	__u64 sk; /* key in obi_connections */
	__u64 connection; /* obi_connection.id */
	__u64 now_ns; /* CLOCK_MONOTONIC */
	__u64 pid_tgid;
	__u64 base;
	__u32 len;
	__u32 iovs;
	__u8 direction;
	__u8 event;
	__u8 source;
	__u8 from_start; /* no byte of this direction went before */
	__u8 ended; /* filled for obi_proto_end, and not taken yet */
	__u8 plain; /* from a tap inside the process */
	__u8 _pad[2];
	__u32 skip; /* bytes at the front that the protocol has seen already, through sk_msg */
};

/*
 * One per CPU and program that fills it: such a program, with those that it tail-calls, is entered once at a time on a CPU.
 * (Tracing programs can be preempted, and others then run there.)
 */
enum obi_call_slot { OBI_CALL_SYSCALL, OBI_CALL_STATE, OBI_CALL_DESTROY, OBI_CALL_SEND, OBI_CALL_RECV, OBI_CALL_SLOTS };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OBI_CALL_SLOTS);
	__type(key, __u32);
	__type(value, struct obi_call);
} obi_calls SEC(".maps");

/* Protocol programs by slot, one array per program type that a tap has; `obi_proto_end` gets OBI_END and OBI_CLOSED. */
#define OBI_PROGRAM_ARRAY(name_)                                                                                       \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                                                 \
		__uint(max_entries, OBI_SLOTS);                                                                        \
		__uint(key_size, sizeof(__u32));                                                                       \
		__uint(value_size, sizeof(__u32));                                                                     \
	} name_ SEC(".maps")

/*
 * Offers the bytes to the protocols from slot `first` on; returns only when nobody took them. Empty slots are skipped by the
 * kernel: a failed tail call falls through.
 */
#define obi_offer(ctx, array, first)                                                                                   \
	for (__u32 obi_next = (first); obi_next < OBI_SLOTS; obi_next++)                                               \
	bpf_tail_call(ctx, array, obi_next)

static __always_inline struct obi_call *obi_call_get(__u32 slot)
{
	return bpf_map_lookup_elem(&obi_calls, &slot);
}

/*
 * What a program in `obi_proto_end` was called for; NULL: nothing that is known. Two hooks call it, and one can interrupt the
 * other: which of them did tells the socket, the first argument of both.
 */
static __always_inline struct obi_call *obi_call_ended(struct bpf_raw_tracepoint_args *ctx)
{
	for (__u32 slot = OBI_CALL_STATE; slot <= OBI_CALL_DESTROY; slot++) {
		struct obi_call *call = obi_call_get(slot);

		if (call && call->ended && call->sk == ctx->args[0]) {
			call->ended = 0;
			return call;
		}
	}
	return NULL;
}

static __always_inline struct obi_connection *obi_connection_find(__u64 sk)
{
	return bpf_map_lookup_elem(&obi_connections, &sk);
}

/* The connection of this socket, made when it is new. NULL: the table is full (counted), or the socket is about to close. */
static __always_inline struct obi_connection *obi_connection_get(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct obi_connection *c = obi_connection_find(key), fresh = {};
	__u64 address_pair = BPF_CORE_READ(sk, __sk_common.skc_addrpair);
	__u32 port_pair = BPF_CORE_READ(sk, __sk_common.skc_portpair);
	/* A client's socket gives its port back before it is in its last state, and before that is told. */
	bool closing = port_pair >> 16 == 0;

	if (c && c->address_pair == address_pair && (c->port_pair == port_pair || closing))
		return c;
	if (closing)
		return NULL;
	fresh.address_pair = address_pair;
	fresh.port_pair = port_pair;
	obi_random_id(&fresh.id);
	if (bpf_map_update_elem(&obi_connections, &key, &fresh, BPF_ANY)) {
		obi_count_in(0, OBI_COUNTER_CONNECTIONS_FULL);
		return NULL;
	}
	/* What is left to read after a reset makes no new connection: nothing would end it. */
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE) {
		bpf_map_delete_elem(&obi_connections, &key);
		return NULL;
	}
	return obi_connection_find(key);
}

/*
 * `len` bytes were written: which of them has sk_msg not shown to the protocol? False: none. The kernel may have taken less
 * than sk_msg was shown, and a socket may leave the sockhash between two writes.
 */
static __always_inline bool obi_egress_unseen(struct obi_call *call, struct obi_connection *c, struct sock *sk, __u32 len)
{
	__s32 fresh;

	if (!c->egress_seen)
		return true;
	fresh = BPF_CORE_READ((struct tcp_sock *)sk, write_seq) - c->egress_seq;
	if (fresh <= 0)
		return false;
	if ((__u32)fresh < len)
		call->skip = len - fresh;
	c->egress_seq += fresh;
	return true;
}

/* Runtime probe: the next request written on this connection was caused by `request`; 0: by none that it knows. */
static __always_inline void obi_connection_announce(struct obi_connection *c, __u64 request)
{
	c->cause = request;
	c->flags |= OBI_CONNECTION_ANNOUNCED;
}

/* Called by the protocol that recognises the bytes. */
static __always_inline void obi_connection_claim(struct obi_connection *c)
{
	c->protocol = obi_slot;
}

/* Nobody will be offered bytes of this connection again, and the sockhash lets it go. */
static __always_inline void obi_connection_release(struct obi_connection *c)
{
	c->protocol = OBI_PROTOCOL_NONE;
	c->flags |= OBI_CONNECTION_LEAVE;
}

/* How often a connection that we met in the middle is offered before it is given up; one met at its first byte once. */
#define OBI_TRIES 32

/* After every protocol declined. */
static __always_inline void obi_connection_declined(struct obi_connection *c, bool from_start)
{
	c->tries++;
	if (from_start || c->tries >= OBI_TRIES)
		obi_connection_release(c);
}

/*
 * Fills in what is the same for every tap, after it has set where the bytes are and which way they go. `len` 0: that direction
 * has ended. @return slot of the protocol to call, OBI_SLOTS to offer the bytes to all, 0 for none.
 */
static __always_inline __u32 obi_call_fill(struct obi_call *call, struct sock *sk, __u64 pid_tgid, __u32 len)
{
	struct obi_connection *c = len ? obi_connection_get(sk) : obi_connection_find((__u64)sk);

	if (!c || c->protocol == OBI_PROTOCOL_NONE || (len && c->flags & OBI_CONNECTION_DECRYPTED))
		return 0;
	call->skip = 0;
	if (call->direction == OBI_EGRESS && !obi_egress_unseen(call, c, sk, len))
		return 0;
	call->event = len ? OBI_BYTES : OBI_END;
	call->sk = (__u64)sk;
	call->connection = c->id;
	call->now_ns = bpf_ktime_get_ns();
	call->pid_tgid = pid_tgid;
	call->len = len;
	call->from_start = 0;
	if (c->protocol != OBI_PROTOCOL_UNDECIDED)
		return c->protocol;
	if (!len)
		return 0;
	if (call->direction == OBI_INGRESS)
		call->from_start = obi_sock_bytes_read(sk) <= (__u64)len;
	else
		call->from_start = obi_sock_bytes_written(sk) <= (__u64)len + 1;
	if (call->from_start && obi_has_runtime(pid_tgid >> 32))
		c->flags |= OBI_CONNECTION_FROM_START;
	if (call->source == OBI_SOURCE_UNSEEN) {
		obi_connection_declined(c, call->from_start);
		return 0;
	}
	return OBI_SLOTS;
}

/*
 * Did the connection end on another CPU while its bytes were looked at? Asked by a protocol that has just made state for it:
 * OBI_CLOSED may have come before that, and does not come again.
 */
static __always_inline bool obi_call_outlived(struct obi_call *call)
{
	struct obi_connection *c = obi_connection_find(call->sk);
	struct sock *sk = (struct sock *)call->sk;

	if (!c || c->id != call->connection || c->protocol == OBI_PROTOCOL_NONE)
		return true;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE)
		return false;
	/* It was made after its end had been told. */
	bpf_map_delete_elem(&obi_connections, &call->sk);
	return true;
}

/* After every protocol declined what obi_call_fill said to offer. */
static __always_inline void obi_call_declined(struct obi_call *call)
{
	struct obi_connection *c = call ? obi_connection_find(call->sk) : NULL;

	if (!c || c->protocol != OBI_PROTOCOL_UNDECIDED)
		return;
	/* A tap inside the process has taken it over meanwhile. */
	if (c->flags & OBI_CONNECTION_DECRYPTED && !call->plain)
		return;
	obi_connection_declined(c, call->from_start);
}

#endif
