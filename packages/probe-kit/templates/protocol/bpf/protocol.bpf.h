/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The protocol, and the place to begin: what it looks like and where its messages end. As it stands: lines of text, each answered by
 * a line; the first line of a client begins with PARROT.
 */
#ifndef PARROT_PROTOCOL_BPF_H
#define PARROT_PROTOCOL_BPF_H

#include <obi/abi.bpf.h>

/* How a client's first message begins; at most OBI_BYTES_CHUNK bytes. */
#define PARROT_MAGIC "PARROT"
#define PARROT_MAGIC_BYTES (sizeof(PARROT_MAGIC) - 1)

static __always_inline bool parrot_is_request(const __u8 *s)
{
	for (__u32 i = 0; i < PARROT_MAGIC_BYTES; i++)
		if (s[i] != PARROT_MAGIC[i])
			return false;
	return true;
}

/* What has to be remembered between two bytes; one for each direction, all zero at the beginning. */
struct parrot_parser {
	__u32 bytes; /* of the message at hand */
	__u8 _pad[4];
};

/* @return true for the last byte of a message */
static __always_inline bool parrot_feed(struct parrot_parser *p, __u8 c)
{
	p->bytes++;
	return c == '\n';
}

#endif
