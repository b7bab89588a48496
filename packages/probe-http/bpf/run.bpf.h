/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs: bytes of a header block that need no look each, taken eight at a time. Most are such: names and values of fields that
 * are not ours, request targets. A byte on its own costs two calls, some 20 ns where returns go through a thunk.
 */
#ifndef OBI_HTTP_RUN_BPF_H
#define OBI_HTTP_RUN_BPF_H

#include "parse.bpf.h"

#define HTTP_EACH_BYTE 0x0101010101010101ULL
/* Words of one run. */
#define HTTP_RUN_WORDS 4

/* Marks (0x80) the bytes of `word` below `limit`, at most 128. The lowest mark is exact; above it there may be too many. */
static __always_inline __u64 http_below(__u64 word, __u8 limit)
{
	return (word - HTTP_EACH_BYTE * limit) & ~word & HTTP_EACH_BYTE << 7;
}

/* Bytes before the lowest mark: 0 to 8. */
static __always_inline __u32 http_before(__u64 marks)
{
	__u32 n = 0;

	if (!marks)
		return 8;
	if (!(marks & 0xffffffff)) {
		n = 4;
		marks >>= 32;
	}
	if (!(marks & 0xffff)) {
		n += 2;
		marks >>= 16;
	}
	return marks & 0xff ? n : n + 1;
}

/* Can a field whose name begins like this be one of ours? */
static __always_inline bool http_name_is_open(__u64 word, __u32 len)
{
	__u64 mask = len < 8 ? (1ULL << (len * 8)) - 1 : ~0ULL;

	return word == (HTTP_WORD('t', 'r', 'a', 'c', 'e', 'p', 'a', 'r') & mask) ||
	       word == (HTTP_WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-') & mask) ||
	       word == (HTTP_WORD('t', 'r', 'a', 'n', 's', 'f', 'e', 'r') & mask) ||
	       word == (HTTP_WORD('u', 'p', 'g', 'r', 'a', 'd', 'e', 0) & mask) ||
	       word == (HTTP_WORD('h', 'o', 's', 't', 0, 0, 0, 0) & mask);
}

/* What ends a run where the parser is: bytes below this; 0: each byte must be looked at. */
static __always_inline __u8 http_run_limit(const struct http_parser *p)
{
	if (p->flags & HTTP_PARSER_CR)
		return 0;
	switch (p->state) {
	case HTTP_START_LINE:
		if (p->response)
			return p->line_len >= 12 ? ' ' : 0;
		return p->line_len <= HTTP_LINE_BYTES - 8 || p->line_len >= HTTP_LINE_BYTES ? ' ' : 0;
	case HTTP_FIELD_NAME:
		return p->line_len && !http_name_is_open(p->name[0], p->line_len) ? ' ' + 1 : 0;
	case HTTP_FIELD_VALUE:
		return p->field == HTTP_FIELD_OTHER ? '\r' + 1 : 0;
	}
	return 0;
}

/* `n` bytes (1 to 8) of the request line, the first one lowest in `word`. */
static __always_inline void http_line_run(struct http_parser *p, struct http_exchange_event *ex, __u64 word, __u32 n)
{
	__u64 bytes = __builtin_bswap64(word);
	__u32 at = p->line_len;

	p->tail = n < 8 ? p->tail << (n * 8 & 63) | bytes >> (64 - n * 8 & 63) : bytes;
	obi_barrier(at);
	/* What comes after `n` is written over, or cut off in the record. */
	if (ex && at <= HTTP_LINE_BYTES - 8)
		obi_word_put(ex->line + at, word);
	if (at + n > 65536)
		p->flags |= HTTP_PARSER_NOT_HTTP;
}

/* Bytes from `at` on, below `len`, that change nothing but counts. @return how many */
static __always_inline __u32 http_run(struct http_parser *p, struct http_exchange_event *ex, struct http_chunk *chunk, __u32 at, __u32 len)
{
	__u32 begin = at;

	for (int i = 0; i < HTTP_RUN_WORDS; i++) {
		__u8 limit = http_run_limit(p);
		__u64 word, marks;
		__u32 n;

		obi_barrier(at);
		if (!limit || at >= len || at >= HTTP_CHUNK_BYTES)
			break;
		word = obi_word_get(chunk->bytes + at);
		marks = http_below(word, limit);
		if (p->state == HTTP_FIELD_NAME)
			marks |= http_below(word ^ HTTP_EACH_BYTE * ':', 1);
		n = http_before(marks);
		if (n > len - at)
			n = len - at;
		if (!n)
			break;
		if (p->state == HTTP_START_LINE && !p->response)
			http_line_run(p, ex, word, n);
		if (p->state != HTTP_FIELD_VALUE)
			p->line_len += n;
		at += n;
		if (n < 8)
			break;
	}
	p->behind += at - begin;
	return at - begin;
}

/* Does the value of a traceparent begin with this byte? */
static __always_inline bool http_at_traceparent(const struct http_parser *p, __u8 c)
{
	return p->state == HTTP_FIELD_VALUE && p->field == HTTP_FIELD_TRACEPARENT && p->line_len == 0 && c != ' ' && c != '\t' &&
	       !(p->flags & HTTP_PARSER_CR);
}

/* A traceparent whose value begins here, when its bytes are all there and right. @return how many; -1: it is cut by the chunk */
static __always_inline int http_traceparent_run(struct http_parser *p, struct http_chunk *chunk, __u32 at, __u32 len)
{
	obi_barrier(at);
	if (at > HTTP_CHUNK_BYTES - OBI_TRACEPARENT_LEN || at + OBI_TRACEPARENT_LEN > len)
		return at && len == HTTP_CHUNK_BYTES ? -1 : 0;
	if (!obi_traceparent_take(&p->traceparent, &p->traceparent_state, chunk->bytes + at))
		return 0;
	p->line_len = p->behind = OBI_TRACEPARENT_LEN;
	return OBI_TRACEPARENT_LEN;
}

/* A line end, and the first byte of the name behind it, which no run begins with. @return how many bytes */
static __always_inline __u32 http_line_turn(struct http_parser *p, struct http_exchange_event *ex, struct http_chunk *chunk, __u32 at, __u32 len)
{
	__u8 first;

	obi_barrier(at);
	if (p->state == HTTP_FIELD_NAME || p->flags & HTTP_PARSER_CR || at + 2 >= len || at >= HTTP_CHUNK_BYTES - 2)
		return 0;
	if (chunk->bytes[at] != '\r' || chunk->bytes[at + 1] != '\n')
		return 0;
	if (p->state == HTTP_START_LINE)
		http_line_end(p, ex, p->response);
	else
		http_value_end(p, ex, p->response);
	http_line_begin(p);
	first = chunk->bytes[at + 2];
	if (first <= ' ' || first == ':') {
		p->behind += 2;
		return 2;
	}
	http_name_byte(p, first);
	p->behind += 3;
	return 3;
}

/*
 * Some of the bytes of a header block; `ex` may be NULL. @return how many; 0: more of them are needed at once, behind the first `at`.
 * Like the other functions that are not static, it is verified on its own, once, not at each call: loading takes a tenth.
 */
__noinline int http_header_bytes(struct http_parser *p, struct http_exchange_event *ex, struct http_chunk *chunk, __u32 at, __u32 len)
{
	__u32 next, turned;
	int taken;

	if (!p || !chunk)
		return 0;
	next = at + http_run(p, ex, chunk, at, len);
	turned = http_line_turn(p, ex, chunk, next, len);
	if (turned)
		return next + turned - at;
	obi_barrier(next);
	if (next >= len || next >= HTTP_CHUNK_BYTES || p->flags & HTTP_PARSER_NOT_HTTP)
		return next - at;
	if (http_at_traceparent(p, chunk->bytes[next])) {
		taken = http_traceparent_run(p, chunk, next, len);
		if (taken)
			return taken < 0 ? next - at : next + taken - at;
	}
	obi_barrier(next);
	if (next < HTTP_CHUNK_BYTES)
		http_header_byte(p, ex, chunk->bytes[next++]);
	return next - at;
}

#endif
