/* SPDX-License-Identifier: Apache-2.0 */
/* What libbpf-rs lacks: a ring buffer consumer that copies into one caller-owned buffer, and its wake-up on libuv's loop. */
#ifndef OBI_SHIM_H
#define OBI_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* ---- ring memory (ring.c) ---- */

struct obi_ring;

/* Result of one obi_ring_drain. */
struct obi_drained {
	size_t used;	/* bytes written */
	size_t count;	/* records written */
	size_t wanted;	/* not 0: the next record alone needs this many bytes, more than `cap` */
	int more;	/* 1: stopped because the buffer was full */
};

/* Maps the ring buffer map `map_fd` of `size` bytes. @returns 0 or -errno. */
int obi_ring_open(int map_fd, uint32_t size, struct obi_ring **out);
/*
 * Moves committed records into out[0, cap): u32 length, u32 zero, the record, zeroes up to 8 bytes.
 * Stops at the first record that is still being written. Never allocates; discarded records are passed over.
 */
void obi_ring_drain(struct obi_ring *ring, uint8_t *out, size_t cap, struct obi_drained *result);
void obi_ring_close(struct obi_ring *ring);

/* ---- wake-up (poll.c) ---- */

struct obi_poll;
struct uv_loop_s;

/* Delivers what is in the ring. @returns records delivered. May call any obi_poll_* function. */
typedef size_t (*obi_deliver_fn)(void *context);

/* Watches `fd` (must stay open until `released`). Not started. @returns 0 or -errno. */
int obi_poll_open(struct uv_loop_s *loop, int fd, uint64_t coalesce_ms, obi_deliver_fn deliver,
		  void (*released)(void *context), void *context, struct obi_poll **out);
/* Starts watching; the loop stays alive for it. @returns 0 or -errno. */
int obi_poll_start(struct obi_poll *poll);
void obi_poll_stop(struct obi_poll *poll);
/* Stops; `deliver` is never called again. Memory is freed and `released` called once libuv let go of its handles. */
void obi_poll_close(struct obi_poll *poll);

#endif
