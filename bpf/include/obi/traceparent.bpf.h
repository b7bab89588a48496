/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* W3C trace context: ids, and the `traceparent` field as text. https://www.w3.org/TR/trace-context/#traceparent-header */
#ifndef OBI_TRACEPARENT_BPF_H
#define OBI_TRACEPARENT_BPF_H

#include "abi.bpf.h"

/* "00-" 32 hex "-" 16 hex "-" 2 hex */
#define OBI_TRACEPARENT_LEN 55
#define OBI_TRACE_SAMPLED 1

/* Members of single bytes, copied by the word: clang goes byte by byte otherwise, over the stack. */
#define OBI_WORDS __attribute__((aligned(8)))

/* What a traceparent says. */
struct obi_traceparent {
	__u8 trace_id[16];
	__u8 span_id[8];
	__u8 flags;
	__u8 _pad[7];
} OBI_WORDS;

/* A span's place in its trace. All-zero parent_id: root. */
struct obi_trace {
	__u8 trace_id[16];
	__u8 span_id[8];
	__u8 parent_id[8];
	__u8 flags; /* W3C trace flags */
	__u8 _pad[7];
} OBI_WORDS;

static __always_inline void obi_random(void *out, int words)
{
	__u32 *word = out;

#pragma unroll
	for (int i = 0; i < words; i++)
		word[i] = bpf_get_prandom_u32();
}

/* Ids of all zeroes are invalid by the specification. */
static __always_inline bool obi_is_zero(const __u8 *id, int bytes)
{
	const __u32 *word = (const __u32 *)id;
	__u32 any = 0;

#pragma unroll
	for (int i = 0; i < bytes / 4; i++)
		any |= word[i];
	return any == 0;
}

static __always_inline bool obi_same_id(const __u8 *a, const __u8 *b, int bytes)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;
	__u32 differ = 0;

#pragma unroll
	for (int i = 0; i < bytes / 4; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}

static __always_inline __u8 obi_hex_digit(__u8 nibble)
{
	return nibble < 10 ? '0' + nibble : 'a' + nibble - 10;
}

/* 0..15, or 0xff: the specification allows lower case only. */
static __always_inline __u8 obi_hex_value(__u8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 0xff;
}

static __always_inline void obi_hex(__u8 *out, const __u8 *in, int bytes)
{
#pragma unroll
	for (int i = 0; i < bytes; i++) {
		out[2 * i] = obi_hex_digit(in[i] >> 4);
		out[2 * i + 1] = obi_hex_digit(in[i] & 15);
	}
}

/* Writes the OBI_TRACEPARENT_LEN bytes of the field's value. */
static __always_inline void obi_traceparent_format(__u8 *out, const struct obi_trace *trace)
{
	out[0] = '0';
	out[1] = '0';
	out[2] = '-';
	obi_hex(out + 3, trace->trace_id, 16);
	out[35] = '-';
	obi_hex(out + 36, trace->span_id, 8);
	out[52] = '-';
	obi_hex(out + 53, &trace->flags, 1);
}

/* A field of HTTP/1: "traceparent: " value CRLF */
#define OBI_TRACEPARENT_NAME_LEN 13
#define OBI_TRACEPARENT_FIELD_LEN (OBI_TRACEPARENT_NAME_LEN + OBI_TRACEPARENT_LEN + 2)

static __always_inline void obi_traceparent_field(__u8 *out, const struct obi_trace *trace)
{
	__builtin_memcpy(out, "traceparent: ", OBI_TRACEPARENT_NAME_LEN);
	obi_traceparent_format(out + OBI_TRACEPARENT_NAME_LEN, trace);
	out[OBI_TRACEPARENT_FIELD_LEN - 2] = '\r';
	out[OBI_TRACEPARENT_FIELD_LEN - 1] = '\n';
}

/*
 * Reads a traceparent byte by byte, as it comes, wherever a read or write cuts it.
 * `pos` is the byte's index in the value; call with 0 first. Optional white space around the value is the caller's.
 */
enum obi_traceparent_state {
	OBI_TRACEPARENT_READING,
	OBI_TRACEPARENT_INVALID,
};

static __always_inline void obi_traceparent_feed(struct obi_traceparent *tp, __u8 *state, __u32 pos, __u8 c)
{
	__u8 nibble;

	if (pos == 0)
		*state = OBI_TRACEPARENT_READING;
	if (*state == OBI_TRACEPARENT_INVALID)
		return;
	if (pos == 2 || pos == 35 || pos == 52) {
		if (c != '-')
			*state = OBI_TRACEPARENT_INVALID;
		return;
	}
	if (pos >= OBI_TRACEPARENT_LEN) {
		/* A later version may go on after another dash; version 00 may not (checked at the end through _pad). */
		if (pos == OBI_TRACEPARENT_LEN && (c != '-' || tp->_pad[0] == 0))
			*state = OBI_TRACEPARENT_INVALID;
		return;
	}
	nibble = obi_hex_value(c);
	if (nibble > 15) {
		*state = OBI_TRACEPARENT_INVALID;
		return;
	}
	if (pos < 2) {
		/* _pad[0] holds the version while reading; ff is forbidden. */
		tp->_pad[0] = pos ? (tp->_pad[0] << 4) | nibble : nibble;
		if (pos == 1 && tp->_pad[0] == 0xff)
			*state = OBI_TRACEPARENT_INVALID;
	} else if (pos < 35) {
		__u32 i = ((pos - 3) >> 1) & 15;
		tp->trace_id[i] = (tp->trace_id[i] << 4) | nibble;
	} else if (pos < 52) {
		__u32 i = ((pos - 36) >> 1) & 7;
		tp->span_id[i] = (tp->span_id[i] << 4) | nibble;
	} else {
		tp->flags = (tp->flags << 4) | nibble;
	}
}

/* Eight hex digits, the first one lowest in `text`, as four bytes in memory order. @return are all of them digits, in lower case? */
static __always_inline bool obi_hex_word(__u64 text, __u32 *bytes)
{
	const __u64 each = 0x0101010101010101ULL, marks = each << 7;
	__u64 low = text & ~marks;
	/* The highest bit of a byte tells: is it at least the first of them, and not beyond the last? */
	__u64 digit = (low + each * (0x80 - '0')) & ~(low + each * (0x7f - '9')) & marks;
	__u64 letter = (low + each * (0x80 - 'a')) & ~(low + each * (0x7f - 'f')) & marks;
	__u64 value = (low & each * 15) + (letter >> 7) * 9;

	value = (value << 4 | value >> 8) & 0x00ff00ff00ff00ffULL;
	value = (value | value >> 8) & 0x0000ffff0000ffffULL;
	*bytes = value | value >> 16;
	return ((digit | letter) & ~text) == marks;
}

/*
 * The first OBI_TRACEPARENT_LEN bytes of a value at once, not on the stack. True: all are as they should be, and the same was read as by
 * feeding each of them. False: feed them, which tells what is wrong.
 */
static __always_inline bool obi_traceparent_take(struct obi_traceparent *tp, __u8 *state, const __u8 *text)
{
	__u64 rest = '0' * 0x0101010100000000ULL | (__u64)text[54] << 24 | text[53] << 16 | text[1] << 8 | text[0];
	bool valid = ((text[2] ^ '-') | (text[35] ^ '-') | (text[52] ^ '-')) == 0;
	__u32 word, *ids = (__u32 *)tp; /* the trace's and the span's */

	valid &= obi_hex_word(rest, &word);
	tp->_pad[0] = word;
	tp->flags = word >> 8;
	*state = OBI_TRACEPARENT_READING;
	valid &= (__u8)word != 0xff;
	/* Unrolled, it needs 200 bytes of stack. */
#pragma clang loop unroll(disable)
	for (int i = 0; i < 6; i++) {
		valid &= obi_hex_word(obi_word_get(text + 3 + 8 * i + (i >> 2)), &word);
		ids[i] = word;
	}
	return valid;
}

static __always_inline bool obi_traceparent_valid(const struct obi_traceparent *tp, __u8 state, __u32 len)
{
	return state == OBI_TRACEPARENT_READING && len >= OBI_TRACEPARENT_LEN && !obi_is_zero(tp->trace_id, 16) &&
	       !obi_is_zero(tp->span_id, 8);
}

#endif
