/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the names of commands mean: one batch or several, a transaction, the end of pairing. */
#ifndef REDIS_NAMES_BPF_H
#define REDIS_NAMES_BPF_H

#include "parse.bpf.h"
#include "redis.h"

/* Lower case by one bit: names are letters. Bytes that are not there count as spaces. */
#define REDIS_WORD(a, b, c, d, e, f, g, h)                                                                             \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | (__u64)(f) << 40 |      \
	 (__u64)(g) << 48 | (__u64)(h) << 56)

/* The first eight letters of a name. */
static __always_inline __u64 redis_word(const __u8 *name)
{
	__u64 word;

	__builtin_memcpy(&word, name, sizeof(word));
	return word | 0x2020202020202020ULL;
}

/* After these commands the server sends what it wants, when it wants. */
static __always_inline bool redis_streams(__u64 word)
{
	return word == REDIS_WORD('s', 'u', 'b', 's', 'c', 'r', 'i', 'b') || word == REDIS_WORD('p', 's', 'u', 'b', 's', 'c', 'r', 'i') ||
	       word == REDIS_WORD('s', 's', 'u', 'b', 's', 'c', 'r', 'i') || word == REDIS_WORD('m', 'o', 'n', 'i', 't', 'o', 'r', ' ') ||
	       word == REDIS_WORD('p', 's', 'y', 'n', 'c', ' ', ' ', ' ') || word == REDIS_WORD('s', 'y', 'n', 'c', ' ', ' ', ' ', ' ');
}

static __always_inline bool redis_same_name(const __u8 *a, const __u8 *b)
{
	__u64 differs = 0;

	for (int i = 0; i < REDIS_NAME_BYTES; i += 8) {
		__u64 x, y;

		__builtin_memcpy(&x, a + i, 8);
		__builtin_memcpy(&y, b + i, 8);
		differs |= x ^ y;
	}
	return !differs;
}

/* The name of the command that is being read is known. */
static __noinline int redis_named(struct redis_batch_event *e, struct redis_parser *p)
{
	__u64 word;
	bool starts_transaction;

	if (!e || !p)
		return 0;
	word = redis_word(p->word);
	starts_transaction = e->commands == 2 && !(e->flags & REDIS_BATCH_TRANSACTION) &&
			     redis_word(e->name) == REDIS_WORD('m', 'u', 'l', 't', 'i', ' ', ' ', ' ');
	if (starts_transaction) {
		e->flags |= REDIS_BATCH_TRANSACTION;
		e->commands--;
	}
	if (starts_transaction || e->commands == 1) {
		__builtin_memcpy(e->name, p->word, sizeof(e->name));
		e->name_len = p->word_len;
	} else if (e->flags & REDIS_BATCH_TRANSACTION && word == REDIS_WORD('e', 'x', 'e', 'c', ' ', ' ', ' ', ' ')) {
		e->commands--;
	} else if (!redis_same_name(e->name, p->word)) {
		e->flags |= REDIS_BATCH_MIXED;
	}
	return redis_streams(word);
}

#endif
