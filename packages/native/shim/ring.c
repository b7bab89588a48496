// SPDX-License-Identifier: Apache-2.0
/* Consumer of a BPF ring buffer (layout: kernel/bpf/ringbuf.c): one consumer page, one producer page, the data mapped twice in a row. */
#include "obi_shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUSY_BIT (1u << 31)
#define DISCARD_BIT (1u << 30)
#define HEADER 8u
#define ROUND_UP_8(n) (((size_t)(n) + 7u) & ~(size_t)7u)

struct obi_ring {
	unsigned long *consumer_pos;
	const unsigned long *producer_pos;
	const uint8_t *data;
	unsigned long mask;
	size_t page;
	size_t size;
};

int obi_ring_open(int map_fd, uint32_t size, struct obi_ring **out)
{
	struct obi_ring *ring = calloc(1, sizeof(*ring));
	void *mem;

	if (!ring)
		return -ENOMEM;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	ring->size = size;
	ring->mask = size - 1ul;
	mem = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (mem == MAP_FAILED)
		goto fail;
	ring->consumer_pos = mem;
	mem = mmap(NULL, ring->page + 2 * ring->size, PROT_READ, MAP_SHARED, map_fd, (off_t)ring->page);
	if (mem == MAP_FAILED)
		goto fail_consumer;
	ring->producer_pos = mem;
	ring->data = (const uint8_t *)mem + ring->page;
	*out = ring;
	return 0;

fail_consumer: {
	int saved = errno;

	munmap(ring->consumer_pos, ring->page);
	errno = saved;
}
fail: {
	int result = -errno;

	free(ring);
	return result;
}
}

void obi_ring_drain(struct obi_ring *ring, uint8_t *out, size_t cap, struct obi_drained *result)
{
	/* Only this side writes consumer_pos. */
	unsigned long consumer = *ring->consumer_pos;
	const unsigned long start = consumer;
	const unsigned long producer = __atomic_load_n(ring->producer_pos, __ATOMIC_ACQUIRE);

	memset(result, 0, sizeof(*result));
	while (consumer != producer) {
		const uint8_t *at = ring->data + (consumer & ring->mask);
		/* Acquire: the record's bytes were written before its busy bit was cleared. */
		const uint32_t header = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
		const uint32_t len = header & ~(BUSY_BIT | DISCARD_BIT);
		const size_t padded = ROUND_UP_8(len);

		if (header & BUSY_BIT)
			break;
		if (!(header & DISCARD_BIT)) {
			uint8_t *to = out + result->used;
			const uint32_t prefix[2] = { len, 0 };

			if (HEADER + padded > cap - result->used) {
				result->more = 1;
				if (result->count == 0)
					result->wanted = HEADER + padded;
				break;
			}
			memcpy(to, prefix, sizeof(prefix));
			/* The second mapping of the data makes a record that wraps contiguous. */
			memcpy(to + HEADER, at + HEADER, len);
			memset(to + HEADER + len, 0, padded - len);
			result->used += HEADER + padded;
			result->count++;
		}
		consumer += HEADER + padded;
	}
	/* Release: the space is free only after its bytes were copied. */
	if (consumer != start)
		__atomic_store_n(ring->consumer_pos, consumer, __ATOMIC_RELEASE);
}

void obi_ring_close(struct obi_ring *ring)
{
	if (!ring)
		return;
	munmap(ring->consumer_pos, ring->page);
	munmap((void *)ring->producer_pos, ring->page + 2 * ring->size);
	free(ring);
}
