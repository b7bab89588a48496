/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * RESP2 and RESP3, one byte at a time: https://redis.io/docs/latest/develop/reference/protocol-spec/
 * A message is one value; values nest, but only their number matters: `pending` counts those that are still to come.
 */
#ifndef REDIS_PARSE_BPF_H
#define REDIS_PARSE_BPF_H

#include <obi/abi.bpf.h>
#include "redis.h"

/* Longer strings and larger collections than any server allows by default (512 MB): not RESP. */
#define REDIS_LIMIT (1LL << 32)

/* From this length on, a string's body is hopped over, unread. */
#define REDIS_HOP 64

enum redis_state {
	REDIS_IDLE, /* between messages */
	REDIS_TYPE, /* a value begins */
	REDIS_NUMBER, /* length of a string or a collection */
	REDIS_LINE, /* up to the line's end */
	REDIS_BODY, /* of a string */
};

enum redis_parser_flag {
	REDIS_PARSER_REQUEST = 1, /* this message is a command: an array of strings */
	REDIS_PARSER_NEGATIVE = 2, /* the number at hand */
	REDIS_PARSER_CAPTURE = 4, /* the text at hand goes to `word` */
	REDIS_PARSER_WORD = 8, /* `word` is complete */
	REDIS_PARSER_ERROR = 16, /* this message is an error reply; `word` is its code */
	REDIS_PARSER_PUSH = 32, /* this message answers no command (RESP3) */
	REDIS_PARSER_BAD = 64, /* not RESP */
};

struct redis_parser {
	__u64 pending;
	__u64 left; /* of the string at hand, with its CRLF */
	__u64 number;
	__u8 state; /* enum redis_state */
	__u8 flags; /* enum redis_parser_flag */
	__u8 type; /* first byte of the value at hand */
	__u8 word_len;
	__u8 word[REDIS_NAME_BYTES];
	__u8 named; /* somebody has looked at `word` */
	__u8 _pad[3];
};

static __always_inline void redis_message_start(struct redis_parser *p, bool request)
{
	p->pending = 1;
	p->type = 0;
	p->word_len = 0;
	p->named = 0;
	__builtin_memset(p->word, 0, sizeof(p->word));
	p->flags = request ? REDIS_PARSER_REQUEST : 0;
	p->state = REDIS_TYPE;
}

static __always_inline void redis_value_end(struct redis_parser *p)
{
	if (p->flags & REDIS_PARSER_CAPTURE) {
		p->flags &= ~REDIS_PARSER_CAPTURE;
		p->flags |= REDIS_PARSER_WORD;
	}
	p->pending--;
	p->state = p->pending ? REDIS_TYPE : REDIS_IDLE;
}

static __always_inline bool redis_is_line(__u8 type)
{
	return type == '+' || type == '-' || type == ':' || type == '_' || type == ',' || type == '#' || type == '(';
}

static __always_inline bool redis_is_string(__u8 type)
{
	return type == '$' || type == '!' || type == '=';
}

static __always_inline bool redis_is_collection(__u8 type)
{
	return type == '*' || type == '~' || type == '%' || type == '>' || type == '|';
}

static __always_inline void redis_value_begin(struct redis_parser *p, __u8 type)
{
	bool outermost = !p->type;

	p->type = type;
	p->number = 0;
	p->flags &= ~REDIS_PARSER_NEGATIVE;
	if (redis_is_line(type))
		p->state = REDIS_LINE;
	else if (redis_is_string(type) || redis_is_collection(type))
		p->state = REDIS_NUMBER;
	else
		p->flags |= REDIS_PARSER_BAD;
	if (p->flags & REDIS_PARSER_REQUEST) {
		if (type != (outermost ? '*' : '$'))
			p->flags |= REDIS_PARSER_BAD;
		return;
	}
	if (!outermost)
		return;
	if (type == '>')
		p->flags |= REDIS_PARSER_PUSH;
	if (type == '-' || type == '!')
		p->flags |= REDIS_PARSER_ERROR | REDIS_PARSER_CAPTURE;
}

static __always_inline void redis_number_end(struct redis_parser *p)
{
	__u64 n = p->number;

	if (n > REDIS_LIMIT) {
		p->flags |= REDIS_PARSER_BAD;
		return;
	}
	if (p->flags & REDIS_PARSER_REQUEST && (p->flags & REDIS_PARSER_NEGATIVE || (p->type == '*' && !n))) {
		p->flags |= REDIS_PARSER_BAD; /* an empty command is not answered */
		return;
	}
	if (p->flags & REDIS_PARSER_NEGATIVE) {
		redis_value_end(p); /* RESP2's null */
		return;
	}
	if (redis_is_string(p->type)) {
		p->left = n + 2;
		p->state = REDIS_BODY;
		/* the first string of a command is its name */
		if (p->flags & REDIS_PARSER_REQUEST && !(p->flags & REDIS_PARSER_WORD))
			p->flags |= REDIS_PARSER_CAPTURE;
		return;
	}
	if (p->type == '%' || p->type == '|')
		n *= 2;
	/* Attributes come before the value that they belong to, all else is a value itself. */
	if (p->type == '|') {
		p->pending += n;
		p->state = REDIS_TYPE;
		return;
	}
	p->pending += n;
	redis_value_end(p);
}

static __always_inline void redis_capture(struct redis_parser *p, __u8 c)
{
	__u32 at = p->word_len;

	if (!(p->flags & REDIS_PARSER_CAPTURE))
		return;
	if (c == ' ' || c == '\r' || c == '\n' || at >= REDIS_NAME_BYTES) {
		/* the rest of an error's text may quote the application's data */
		p->flags &= ~REDIS_PARSER_CAPTURE;
		p->flags |= REDIS_PARSER_WORD;
		return;
	}
	p->word[at] = c;
	p->word_len = at + 1;
}

/* @return 1 when somebody has to look: a name or a message is complete, a body can be hopped over, or it is no RESP. */
static __always_inline long redis_feed(struct redis_parser *p, __u8 c)
{
	__u8 before = p->flags;

	switch (p->state) {
	case REDIS_TYPE:
		redis_value_begin(p, c);
		break;
	case REDIS_NUMBER:
		if (c >= '0' && c <= '9' && p->number <= REDIS_LIMIT)
			p->number = p->number * 10 + (c - '0');
		else if (c == '-')
			p->flags |= REDIS_PARSER_NEGATIVE;
		else if (c == '\n')
			redis_number_end(p);
		else if (c != '\r')
			p->flags |= REDIS_PARSER_BAD;
		break;
	case REDIS_LINE:
		redis_capture(p, c);
		if (c == '\n')
			redis_value_end(p);
		break;
	case REDIS_BODY:
		redis_capture(p, c);
		if (--p->left == 0)
			redis_value_end(p);
		break;
	}
	if (p->flags & REDIS_PARSER_BAD || p->state == REDIS_IDLE)
		return 1;
	if (p->flags & ~before & REDIS_PARSER_WORD)
		return 1;
	return p->state == REDIS_BODY && p->left > REDIS_HOP && !(p->flags & REDIS_PARSER_CAPTURE);
}

#endif
