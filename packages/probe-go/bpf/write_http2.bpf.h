/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests over HTTP/2: one field more for a header block that is encoded, before the library makes a frame of it. A literal that is
 * not to be remembered (RFC 7541, 6.2.2): the state of neither side's compression changes.
 */
#ifndef OBI_GO_WRITE_HTTP2_BPF_H
#define OBI_GO_WRITE_HTTP2_BPF_H

#include "streams.bpf.h"
#include "write.bpf.h"

#define BLOCK_BYTES 8192 /* of a block that are moved to where there is room */
#define BLOCK_CHUNK 64
#define BLOCK_FRAME 16384 /* RFC 9113, 4.2: what every receiver takes */

/* The beginning of http2.HeadersFrameParam. */
struct go_headers_param {
	__u64 stream_id;
	struct go_slice block;
	__u8 end_stream;
	__u8 end_headers;
	__u8 _pad[6];
};

/* Name and value, each behind its length. */
struct block_field {
	__u8 kind;
	__u8 name_len;
	char name[11];
	__u8 value_len;
	__u8 value[OBI_TRACEPARENT_LEN];
};

static __always_inline void block_field_make(struct block_field *field, const struct obi_trace *trace)
{
	*field = (struct block_field){ .name_len = sizeof(field->name), .name = "traceparent", .value_len = OBI_TRACEPARENT_LEN };
	obi_traceparent_format(field->value, trace);
}

static __always_inline bool block_has_room(const struct go_slice *block)
{
	return block->cap - block->len >= sizeof(struct block_field);
}

/* Is it all in this frame, and with the field, too? */
static __always_inline bool block_is_whole(const struct go_headers_param *headers)
{
	return headers->end_headers && headers->block.len > 0 && headers->block.len <= BLOCK_FRAME - sizeof(struct block_field);
}

struct block_copy {
	__u64 from;
	__u64 to;
	__u32 left; /* bytes */
	__u32 failed;
};

static long block_step(__u32 index, void *context)
{
	struct block_copy *copy = context;
	__u32 more = (copy->left < BLOCK_CHUNK ? copy->left : BLOCK_CHUNK) - 1, count;
	__u8 bytes[BLOCK_CHUNK];

	/* The helper that writes takes no zero: at least one byte is left. */
	obi_barrier(more);
	count = (more & (BLOCK_CHUNK - 1)) + 1;
	if (bpf_probe_read_user(bytes, count, (void *)copy->from) || !go_write(copy->to, bytes, count)) {
		copy->failed = 1;
		return 1;
	}
	copy->from += count;
	copy->to += count;
	copy->left -= count;
	return copy->left == 0;
}

/* What a framer writes to, if it is of the type with this method `Write`; 0: another one. */
static __always_inline __u64 framer_writer(__u64 framer, __u64 write)
{
	for (int i = 0; i < GO_FRAMER_WRITERS && write; i++) {
		__u64 writer = framer + GO_FRAMER_WRITER + 8 * i;

		if (obi_user_word(obi_user_word(writer) + GO_ITAB_FUN) == write)
			return obi_user_word(writer + 8);
	}
	return 0;
}

/* The field goes behind the block, where its slice has room; else both into the free room of the connection's buffer, from where they are copied before that is used. */
static __always_inline bool block_place(const struct go_settings *settings, __u64 framer, struct go_slice *block)
{
	struct block_copy copy = { .from = block->at, .left = block->len };
	struct go_room room;

	if (block_has_room(block))
		return true;
	room = buffer_room(framer_writer(framer, settings->buffer_write));
	if (block->len > BLOCK_BYTES || room.bytes < block->len + sizeof(struct block_field)) {
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_NO_ROOM);
		return false;
	}
	copy.to = room.at;
	bpf_loop(BLOCK_BYTES / BLOCK_CHUNK, block_step, &copy, 0);
	block->at = room.at;
	block->cap = room.bytes;
	return !copy.failed;
}

/* Framer `framer` is about to write a request's header block, its arguments lie at `param`. */
static __always_inline void block_write(const struct go_settings *settings, __u64 framer, __u64 param, const struct obi_trace *trace)
{
	struct go_headers_param headers;
	struct block_field field;

	if (bpf_probe_read_user(&headers, sizeof(headers), (void *)param))
		return;
	if (!block_is_whole(&headers)) {
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_NO_ROOM);
		return;
	}
	if (!block_place(settings, framer, &headers.block))
		return;
	block_field_make(&field, trace);
	if (!go_write(headers.block.at + headers.block.len, &field, sizeof(field)))
		return;
	headers.block.len += sizeof(field);
	if (go_write(param + __builtin_offsetof(struct go_headers_param, block), &headers.block, sizeof(headers.block)))
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_WRITTEN);
}

#endif
