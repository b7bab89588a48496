/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel half and the decoder share: one record per batch, the commands that one call wrote (usually a single one). */
#ifndef REDIS_H
#define REDIS_H

#define REDIS_BATCH_EVENT 1

#define REDIS_NAME_BYTES 24
#define REDIS_ERROR_BYTES 24

enum redis_role {
	REDIS_ROLE_SERVER, /* the traced process answers */
	REDIS_ROLE_CLIENT, /* … asks */
};

enum redis_batch_flag {
	REDIS_BATCH_INCOMPLETE = 1, /* the connection ended before the last reply */
	REDIS_BATCH_MIXED = 2, /* not all commands have the name of the first */
	REDIS_BATCH_TRANSACTION = 4, /* MULTI and more: it is not counted, nor is its EXEC, and the name is that of what came next */
};

struct redis_batch_event {
	struct obi_event_hdr hdr;
	struct obi_trace trace;
	struct obi_tuple tuple;
	struct obi_cause cause;
	__u64 start_ns; /* first command, CLOCK_MONOTONIC */
	__u64 end_ns; /* last reply */
	__u32 tgid;
	__u32 commands;
	__u32 errors; /* error replies */
	__u8 role; /* enum redis_role */
	__u8 flags; /* enum redis_batch_flag */
	__u8 name_len;
	__u8 error_len;
	__u8 name[REDIS_NAME_BYTES]; /* of the first command, as it was sent; cut */
	__u8 error[REDIS_ERROR_BYTES]; /* first word of the first error reply */
};

enum redis_counter {
	REDIS_COUNTER_BATCHES_FULL, /* no room for another batch in flight: the connection is left alone */
	REDIS_COUNTER_CONNECTIONS_FULL,
	REDIS_COUNTER_DESYNC, /* bytes that are no RESP, or more than we walk over in one call: connection left alone */
	REDIS_COUNTER_UNREADABLE, /* bytes that could not be read (sendfile, paged out): connection left alone */
	REDIS_COUNTER_STREAM, /* SUBSCRIBE, MONITOR, PSYNC …: replies no longer pair with commands, connection left alone */
};

#endif
