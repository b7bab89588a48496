/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel half and the decoder share. Layout: header first, padding written out, counts 32 bits wide. */
#ifndef PARROT_H
#define PARROT_H

#define PARROT_EXCHANGE_EVENT 1

enum parrot_role {
	PARROT_ROLE_SERVER, /* the traced process answers */
	PARROT_ROLE_CLIENT, /* … asks */
};

enum parrot_exchange_flag {
	PARROT_EXCHANGE_INCOMPLETE = 1, /* the connection ended before the answer did */
};

struct parrot_exchange_event {
	struct obi_event_hdr hdr;
	struct obi_trace trace;
	struct obi_tuple tuple;
	struct obi_cause cause;
	__u64 start_ns; /* first byte of the request, CLOCK_MONOTONIC */
	__u64 end_ns; /* last byte of the answer */
	__u32 request_bytes;
	__u32 answer_bytes;
	__u32 tgid;
	__u8 role; /* enum parrot_role */
	__u8 flags; /* enum parrot_exchange_flag */
	__u8 _pad[2];
};

enum parrot_counter {
	PARROT_COUNTER_FULL, /* no room for another connection: its spans are lost */
	PARROT_COUNTER_UNREADABLE, /* bytes that could not be read: connection left alone */
	PARROT_COUNTER_PIPELINED, /* a request before the answer to the one before it: no span of its own */
};

#endif
