/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests over HTTP/1 of net/http's client, TLS or not: the header block lies in the connection's bufio.Writer, complete, when the
 * body is about to follow. Whoever sees the bytes go out later finds a traceparent in them, and whose it is (obi_written).
 */
#ifndef OBI_GO_WRITE_HTTP1_BPF_H
#define OBI_GO_WRITE_HTTP1_BPF_H

#include "write.bpf.h"

#define HEAD_BYTES 4096 /* of a block that are looked at: bufio's default size */
#define HEAD_CHUNK 32
#define HEAD_FIELD_LEN (13 + OBI_TRACEPARENT_LEN + 2) /* "traceparent: " value CRLF */
#define CRLF_LEN 2

/*
 * Where a field of that name begins, what makes its letters lower case, and where the block ends. Not `static const`: clang puts such
 * into a section for strings, and older kernels then refuse the object's types (6.1: "missing btf func_info").
 */
const volatile __u8 head_name[16] = "\r\ntraceparent:";
const volatile __u8 head_fold[16] = "\0\0           ";
const volatile __u8 head_end[8] = "\r\n\r\n";
#define HEAD_NAME_LEN 14
#define HEAD_END_LEN 4

struct head_walk {
	__u64 at;
	__u32 left; /* bytes */
	__u32 name; /* how much of head_name the latest bytes are */
	__u32 end; /* … of head_end */
	__u32 names; /* how often there was all of it */
	__u32 ends;
};

/* 1 where two bytes are the same, else 0; by arithmetic, or the verifier would go through all ways that a block's bytes can be. */
static __always_inline __u32 same(__u32 a, __u32 b)
{
	return ((a ^ b) - 1) >> 31;
}

/* In both, CR stands only where they begin, or begin anew. */
static __always_inline void head_feed(struct head_walk *w, __u32 c)
{
	__u32 name = same(c | head_fold[w->name & 15], head_name[w->name & 15]), end = same(c, head_end[w->end & 7]), begins = same(c, '\r');

	w->name = (w->name & 15) * name + (name | begins);
	w->end = (w->end & 7) * end + (end | begins);
	w->names += same(w->name, HEAD_NAME_LEN);
	w->ends += same(w->end, HEAD_END_LEN);
}

/* bpf_loop: the next bytes. */
static long head_step(__u32 index, void *context)
{
	struct head_walk *w = context;
	__u8 bytes[HEAD_CHUNK] = {};
	__u32 count = w->left < HEAD_CHUNK ? w->left : HEAD_CHUNK;

	if (bpf_probe_read_user(bytes, count & (2 * HEAD_CHUNK - 1), (void *)w->at))
		return 1;
	for (__u32 i = 0; i < HEAD_CHUNK && i < count; i++)
		head_feed(w, bytes[i]);
	w->at += HEAD_CHUNK;
	w->left -= count;
	return w->left == 0;
}

/* Is there, in these bytes, a whole header block of a request without traceparent, and nothing else? */
static __always_inline bool head_wants_field(__u64 at, __u64 len)
{
	struct head_walk w = { .at = at, .left = len };
	__u8 first[5];

	if (len > HEAD_BYTES || bpf_probe_read_user(first, sizeof(first), (void *)at))
		return false;
	/* Also responses are written so: http.Response.Write. */
	if (first[0] == 'H' && first[1] == 'T' && first[2] == 'T' && first[3] == 'P' && first[4] == '/')
		return false;
	bpf_loop(HEAD_BYTES / HEAD_CHUNK, head_step, &w, 0);
	return w.left == 0 && w.names == 0 && w.ends == 1 && w.end == HEAD_END_LEN;
}

/*
 * The field comes in front of the empty line: its end and a new empty line behind what there is, then its first bytes in place of
 * the old one; it counts with the last step.
 */
static __always_inline void head_insert(__u64 writer, const struct go_room *room, const struct obi_trace *trace)
{
	__u8 text[HEAD_FIELD_LEN + CRLF_LEN] = "traceparent: ";
	__u64 used = room->used + HEAD_FIELD_LEN;

	obi_traceparent_format(text + 13, trace);
	text[HEAD_FIELD_LEN - 2] = text[HEAD_FIELD_LEN] = '\r';
	text[HEAD_FIELD_LEN - 1] = text[HEAD_FIELD_LEN + 1] = '\n';
	if (!go_write(room->at, text + CRLF_LEN, HEAD_FIELD_LEN) || !go_write(room->at - CRLF_LEN, text, CRLF_LEN))
		return;
	if (go_write(writer + GO_BUFFER_USED, &used, sizeof(used)))
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_WRITTEN);
	else
		bpf_probe_write_user((void *)(room->at - CRLF_LEN), text + HEAD_FIELD_LEN, CRLF_LEN);
}

/* The head of a request stands in `writer`, an io.Writer with this itab. The same call may be told twice: the field is there, then. */
static __always_inline void head_written(__u64 itab, __u64 writer)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tgid = pid_tgid >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	struct obi_written written = {};
	struct go_room room;

	if (!settings || !obi_process_get(tgid) || !is_buffer(settings, itab))
		return;
	room = buffer_room(writer);
	if (!head_wants_field(room.at - room.used, room.used))
		return;
	if (room.bytes < HEAD_FIELD_LEN) {
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_NO_ROOM);
		return;
	}
	obi_outgoing_begin(&written.trace, NULL, NULL, pid_tgid, &written.cause);
	obi_written_note(&written);
	head_insert(writer, &room, &written.trace);
}

#endif
