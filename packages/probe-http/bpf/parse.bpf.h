/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1 messages of one direction, byte by byte, so that a read or write may cut them anywhere (RFC 9112).
 * Bodies are not looked at: their end is counted (Content-Length), hopped to (chunks), or is the connection's.
 */
#ifndef OBI_HTTP_PARSE_BPF_H
#define OBI_HTTP_PARSE_BPF_H

#include <obi/event.bpf.h>
#include <obi/socket.bpf.h>
#include <obi/traceparent.bpf.h>
#include "http.h"

#define HTTP_CHUNK_BYTES 128
#define HTTP_NAME_BYTES 24

enum http_state {
	HTTP_IDLE, /* between messages */
	HTTP_START_LINE,
	HTTP_FIELD_NAME,
	HTTP_FIELD_VALUE,
	HTTP_BODY_LENGTH, /* body_left bytes to go */
	HTTP_BODY_CHUNK_SIZE,
	HTTP_BODY_CHUNK_EXTENSION,
	HTTP_BODY_CHUNK, /* body_left bytes to go in this chunk */
	HTTP_BODY_CHUNK_END, /* CRLF after a chunk */
	HTTP_BODY_TRAILER,
	HTTP_BODY_UNTIL_END, /* of this direction */
};

enum http_field {
	HTTP_FIELD_OTHER,
	HTTP_FIELD_TRACEPARENT,
	HTTP_FIELD_CONTENT_LENGTH,
	HTTP_FIELD_TRANSFER_ENCODING,
	HTTP_FIELD_HOST,
	HTTP_FIELD_UPGRADE,
};

enum http_parser_flag {
	HTTP_PARSER_HAS_LENGTH = 1,
	HTTP_PARSER_HAS_CODING = 2, /* Transfer-Encoding present */
	HTTP_PARSER_CHUNKED = 4, /* … and its last coding is chunked */
	HTTP_PARSER_CONFLICT = 8, /* framing that two readers could take differently */
	HTTP_PARSER_HAS_TRACEPARENT = 16,
	HTTP_PARSER_TWO_TRACEPARENTS = 32,
	HTTP_PARSER_NOT_HTTP = 64,
	HTTP_PARSER_HEADER_DONE = 128, /* the byte just read ended the header block */
	HTTP_PARSER_CR = 256, /* the blank line's CR was read */
	HTTP_PARSER_SPACE = 512, /* white space after the first byte of a value */
	HTTP_PARSER_UNMATCHED = 1024, /* response to a request that went before we looked */
	HTTP_PARSER_SWITCHES = 2048, /* CONNECT or Upgrade: its response says which protocol follows */
};

/* Bytes at hand; runs are read by the word, past the last byte. */
struct http_chunk {
	__u8 bytes[HTTP_CHUNK_BYTES + 8];
};

/* One direction of one connection. */
struct http_parser {
	__u64 body_left;
	__u64 body_bytes; /* of the current message so far */
	__u64 length; /* Content-Length */
	__u64 tail; /* last bytes of the line or value, lower case for values */
	__u64 name[HTTP_NAME_BYTES / 8]; /* field name so far, lower case, zero padded */
	struct obi_traceparent traceparent;
	__u32 ordinal; /* of the message being read, or to come */
	__u32 line_len; /* bytes of the current line or value without line end */
	__u16 status;
	__u16 flags; /* enum http_parser_flag */
	__u8 state; /* enum http_state */
	__u8 field; /* enum http_field */
	__u8 traceparent_state;
	__u8 minor;
	__u8 response; /* the message is one */
	__u8 _pad;
	__u32 behind; /* bytes of the block since the first of traceparent's value, that one included: where it stands, seen from the end */
};

/* Names as the parser keeps them. */
#define HTTP_WORD(a, b, c, d, e, f, g, h)                                                                              \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | (__u64)(f) << 40 |    \
	 (__u64)(g) << 48 | (__u64)(h) << 56)

static __always_inline __u8 http_field_of(const __u64 *name, __u32 len)
{
	if (len == 4 && name[0] == HTTP_WORD('h', 'o', 's', 't', 0, 0, 0, 0))
		return HTTP_FIELD_HOST;
	if (len == 11 && name[0] == HTTP_WORD('t', 'r', 'a', 'c', 'e', 'p', 'a', 'r') &&
	    name[1] == HTTP_WORD('e', 'n', 't', 0, 0, 0, 0, 0))
		return HTTP_FIELD_TRACEPARENT;
	if (len == 7 && name[0] == HTTP_WORD('u', 'p', 'g', 'r', 'a', 'd', 'e', 0))
		return HTTP_FIELD_UPGRADE;
	if (len == 14 && name[0] == HTTP_WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
	    name[1] == HTTP_WORD('l', 'e', 'n', 'g', 't', 'h', 0, 0))
		return HTTP_FIELD_CONTENT_LENGTH;
	if (len == 17 && name[0] == HTTP_WORD('t', 'r', 'a', 'n', 's', 'f', 'e', 'r') &&
	    name[1] == HTTP_WORD('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n') && name[2] == 'g')
		return HTTP_FIELD_TRANSFER_ENCODING;
	return HTTP_FIELD_OTHER;
}

static __always_inline void http_parser_next(struct http_parser *p, bool response)
{
	p->response = response;
	p->body_left = 0;
	p->body_bytes = 0;
	p->length = 0;
	p->tail = 0;
	p->line_len = 0;
	p->status = 0;
	p->flags = 0;
	p->field = HTTP_FIELD_OTHER;
	p->state = HTTP_START_LINE;
}

/* tail holds "HTTP/1.x", first byte highest. */
static __always_inline bool http_is_version(__u64 tail)
{
	return tail >> 8 == 0x485454502f312eULL;
}

static __always_inline bool http_is_digit(__u8 c)
{
	return c >= '0' && c <= '9';
}

/* The request or status line ended: is it one? */
static __always_inline void http_line_end(struct http_parser *p, struct http_exchange_event *ex, bool response)
{
	if (!response) {
		if (!http_is_version(p->tail))
			p->flags |= HTTP_PARSER_NOT_HTTP;
		p->minor = (__u8)p->tail - '0';
		if (ex)
			ex->line_len = p->line_len < 65535 ? p->line_len : 65535;
	} else if (p->line_len < 12 || p->status < 100) {
		p->flags |= HTTP_PARSER_NOT_HTTP;
	}
}

static __always_inline void http_start_line_byte(struct http_parser *p, struct http_exchange_event *ex, __u8 c, bool response)
{
	__u32 i = p->line_len++;

	if (!response) {
		p->tail = p->tail << 8 | c;
		if (ex && i < HTTP_LINE_BYTES)
			ex->line[i & (HTTP_LINE_BYTES - 1)] = c;
		if (i > 65535)
			p->flags |= HTTP_PARSER_NOT_HTTP;
		return;
	}
	/* HTTP/1.1 200 … */
	if (i < 8) {
		p->tail = p->tail << 8 | c;
		if (i == 7) {
			if (!http_is_version(p->tail))
				p->flags |= HTTP_PARSER_NOT_HTTP;
			p->minor = c - '0';
		}
	} else if (i >= 9 && i < 12) {
		if (!http_is_digit(c))
			p->flags |= HTTP_PARSER_NOT_HTTP;
		p->status = p->status * 10 + (c - '0');
	}
}

static __always_inline void http_value_byte(struct http_parser *p, struct http_exchange_event *ex, __u8 c, bool response)
{
	__u32 i;

	if (p->field == HTTP_FIELD_OTHER)
		return;
	if (c == ' ' || c == '\t') {
		/* White space around a value is not part of it; inside of one of ours it is no valid number or id. */
		if (p->line_len)
			p->flags |= HTTP_PARSER_SPACE;
		return;
	}
	i = p->line_len++;
	switch (p->field) {
	case HTTP_FIELD_HOST:
		if (ex && !response && i < HTTP_HOST_BYTES) {
			__u32 at = i;

			obi_barrier(at);
			if (at < HTTP_HOST_BYTES)
				ex->host[at] = c;
		}
		break;
	case HTTP_FIELD_TRACEPARENT:
		if (i == 0)
			p->behind = 1;
		obi_traceparent_feed(&p->traceparent, &p->traceparent_state, i, c);
		if (p->flags & HTTP_PARSER_SPACE)
			p->traceparent_state = OBI_TRACEPARENT_INVALID;
		break;
	case HTTP_FIELD_CONTENT_LENGTH:
		/* "1 2", "1,1", "-1" and numbers over 2^53 are read differently by different readers. */
		if (!http_is_digit(c) || i > 15 || p->flags & HTTP_PARSER_SPACE)
			p->flags |= HTTP_PARSER_CONFLICT;
		p->tail = p->tail * 10 + (c - '0');
		break;
	case HTTP_FIELD_TRANSFER_ENCODING:
		/* "chun ked": white space belongs between codings only, that is, after a comma */
		if (p->flags & HTTP_PARSER_SPACE && (p->tail & 0xff) != ',')
			p->flags |= HTTP_PARSER_CONFLICT;
		p->flags &= ~HTTP_PARSER_SPACE;
		p->tail = p->tail << 8 | (c | 0x20);
		break;
	}
}

static __always_inline void http_value_end(struct http_parser *p, struct http_exchange_event *ex, bool response)
{
	switch (p->field) {
	case HTTP_FIELD_HOST:
		if (ex && !response)
			ex->host_len = p->line_len < HTTP_HOST_BYTES ? p->line_len : HTTP_HOST_BYTES;
		break;
	case HTTP_FIELD_TRACEPARENT:
		if (!obi_traceparent_valid(&p->traceparent, p->traceparent_state, p->line_len))
			p->traceparent_state = OBI_TRACEPARENT_INVALID;
		break;
	case HTTP_FIELD_CONTENT_LENGTH:
		if (!p->line_len || (p->flags & HTTP_PARSER_HAS_LENGTH && p->length != p->tail))
			p->flags |= HTTP_PARSER_CONFLICT;
		p->length = p->tail;
		p->flags |= HTTP_PARSER_HAS_LENGTH;
		break;
	case HTTP_FIELD_TRANSFER_ENCODING:
		p->flags |= HTTP_PARSER_HAS_CODING;
		/* "chunked" in lower case is what the last seven bytes must be, alone or after a comma */
		if ((p->tail & 0xffffffffffffffULL) == 0x6368756e6b6564ULL && (p->tail >> 56 == 0 || p->tail >> 56 == ','))
			p->flags |= HTTP_PARSER_CHUNKED;
		else
			p->flags &= ~HTTP_PARSER_CHUNKED;
		break;
	}
}

static __always_inline void http_name_end(struct http_parser *p)
{
	__u8 field = http_field_of(p->name, p->line_len);

	p->field = field;
	p->line_len = 0;
	p->tail = 0;
	p->flags &= ~HTTP_PARSER_SPACE;
	p->state = HTTP_FIELD_VALUE;
	if (field == HTTP_FIELD_UPGRADE)
		p->flags |= HTTP_PARSER_SWITCHES;
	/* Coded twice: RFC 9112 §6.1 forbids it, readers differ. */
	if (field == HTTP_FIELD_TRANSFER_ENCODING && p->flags & HTTP_PARSER_HAS_CODING)
		p->flags |= HTTP_PARSER_CONFLICT;
	if (field == HTTP_FIELD_TRACEPARENT) {
		if (p->flags & HTTP_PARSER_HAS_TRACEPARENT)
			p->flags |= HTTP_PARSER_TWO_TRACEPARENTS;
		p->flags |= HTTP_PARSER_HAS_TRACEPARENT;
		p->traceparent_state = OBI_TRACEPARENT_INVALID; /* an empty value */
	}
}

static __always_inline void http_name_byte(struct http_parser *p, __u8 c)
{
	__u32 i = p->line_len++;

	if (c >= 'A' && c <= 'Z')
		c |= 0x20;
	/* "Name :" is refused by some readers, and is "Name:" to others. */
	if (c == ' ' || c == '\t')
		p->flags |= HTTP_PARSER_CONFLICT;
	if (i < HTTP_NAME_BYTES) {
		__u32 word = i >> 3;

		obi_barrier(word);
		if (word < HTTP_NAME_BYTES / 8)
			p->name[word] |= (__u64)c << ((i & 7) * 8);
	}
}

static __always_inline void http_line_begin(struct http_parser *p)
{
	p->state = HTTP_FIELD_NAME;
	p->line_len = 0;
	p->flags &= ~HTTP_PARSER_CR;
	p->name[0] = p->name[1] = p->name[2] = 0;
}

/* One byte of a header block. Sets HTTP_PARSER_HEADER_DONE at its end, HTTP_PARSER_NOT_HTTP where it cannot be one. */
static __always_inline void http_header_byte(struct http_parser *p, struct http_exchange_event *ex, __u8 c)
{
	bool response = p->response;

	p->behind++;
	/* A CR without its LF ends a line for some readers, and is a byte like others for the rest. */
	if (p->flags & HTTP_PARSER_CR && c != '\n')
		p->flags |= HTTP_PARSER_CONFLICT;
	if (c == '\r') {
		p->flags |= HTTP_PARSER_CR;
		return;
	}
	switch (p->state) {
	case HTTP_START_LINE:
		if (c == '\n') {
			http_line_end(p, ex, response);
			http_line_begin(p);
		} else {
			http_start_line_byte(p, ex, c, response);
		}
		break;
	case HTTP_FIELD_NAME:
		if (c == '\n') {
			if (p->line_len == 0)
				p->flags |= HTTP_PARSER_HEADER_DONE;
			else
				p->flags |= HTTP_PARSER_NOT_HTTP; /* a line without a colon */
		} else if (c == ':') {
			http_name_end(p);
		} else if (p->line_len == 0 && (c == ' ' || c == '\t')) {
			/* A folded line goes on with a value that was ours, perhaps: framing cannot be trusted then. */
			if (p->field == HTTP_FIELD_CONTENT_LENGTH || p->field == HTTP_FIELD_TRANSFER_ENCODING)
				p->flags |= HTTP_PARSER_CONFLICT;
			if (p->field == HTTP_FIELD_TRACEPARENT)
				p->traceparent_state = OBI_TRACEPARENT_INVALID;
			p->field = HTTP_FIELD_OTHER;
			p->state = HTTP_FIELD_VALUE;
		} else {
			http_name_byte(p, c);
		}
		break;
	case HTTP_FIELD_VALUE:
		if (c == '\n') {
			http_value_end(p, ex, response);
			http_line_begin(p);
		} else {
			http_value_byte(p, ex, c, response);
		}
		break;
	}
}

/* One byte of chunked framing (not of a chunk's data). 1: the message ended. */
__noinline int http_chunk_byte(struct http_parser *p, __u8 c)
{
	__u8 digit;

	if (!p)
		return 0;
	switch (p->state) {
	case HTTP_BODY_CHUNK_SIZE:
		if (c == '\n')
			goto size_end;
		if (c == '\r')
			return false;
		digit = obi_hex_value(c >= 'A' && c <= 'F' ? c | 0x20 : c);
		if (digit > 15) {
			/* ";name=value", or white space before it */
			if (c == ';' || c == ' ' || c == '\t')
				p->state = HTTP_BODY_CHUNK_EXTENSION;
			else
				p->flags |= HTTP_PARSER_NOT_HTTP;
			return false;
		}
		if (p->line_len++ > 15)
			p->flags |= HTTP_PARSER_NOT_HTTP;
		p->body_left = p->body_left << 4 | digit;
		return false;
	case HTTP_BODY_CHUNK_EXTENSION:
		if (c == '\n')
			goto size_end;
		return false;
	case HTTP_BODY_CHUNK_END:
		if (c == '\n') {
			p->state = HTTP_BODY_CHUNK_SIZE;
			p->line_len = 0;
			p->body_left = 0;
		} else if (c != '\r') {
			p->flags |= HTTP_PARSER_NOT_HTTP;
		}
		return false;
	case HTTP_BODY_TRAILER:
		if (c == '\n') {
			if (p->line_len == 0)
				return true;
			p->line_len = 0;
		} else if (c != '\r') {
			p->line_len++;
		}
		return false;
	}
	return false;

size_end:
	if (p->line_len == 0)
		p->flags |= HTTP_PARSER_NOT_HTTP;
	p->line_len = 0;
	p->state = p->body_left ? HTTP_BODY_CHUNK : HTTP_BODY_TRAILER;
	return false;
}

#endif
