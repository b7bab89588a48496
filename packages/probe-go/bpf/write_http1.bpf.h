/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests over HTTP/1 of net/http's client, TLS or not: the header block lies in the connection's bufio.Writer, complete, when the
 * body is about to follow, or when it is sent before that. Whoever sees the bytes go out later finds a traceparent in them, and whose it is (obi_written).
 */
#ifndef OBI_GO_WRITE_HTTP1_BPF_H
#define OBI_GO_WRITE_HTTP1_BPF_H

#include "streams.bpf.h"
#include "write.bpf.h"

#define HEAD_BYTES 4096 /* of a block that are looked at: bufio's default size */
#define HEAD_MIN_BYTES 18 /* "GET / HTTP/1.1", two line ends */
#define HEAD_CHUNK 32
#define CRLF_LEN 2

/*
 * Where a field of that name begins, what makes its letters lower case, where the block ends, and where a request line does. Not `static const`: clang puts such
 * into a section for strings, and older kernels then refuse the object's types (6.1: "missing btf func_info").
 */
const volatile __u8 head_name[16] = "\r\ntraceparent:";
const volatile __u8 head_fold[16] = "\0\0           ";
const volatile __u8 head_end[8] = "\r\n\r\n";
const volatile __u8 head_line[16] = " HTTP/1.1\r\n";
#define HEAD_NAME_LEN 14
#define HEAD_END_LEN 4
#define HEAD_LINE_LEN 11

struct go_head {
	__u64 at;
	__u32 left; /* bytes */
	__u32 name; /* how much of head_name the latest bytes are */
	__u32 end; /* … of head_end */
	__u32 line; /* … of head_line */
	__u32 names; /* how often there was all of it */
	__u32 ends;
	__u32 breaks; /* line ends */
	__u32 is_request; /* the first of them is that of a request line */
	__u32 tgid;
	__u32 _pad;
};

/*
 * Thread → header block that it goes through. In a map: of what lies on the stack the verifier would follow each value. Inserted and deleted
 * by head_wants_field; user space, soon after the process's end. LRU: never full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct go_head);
} go_heads SEC(".maps");

/* 1 where two bytes are the same, else 0; by arithmetic, or the verifier would go through all ways that a block's bytes can be. */
static __always_inline __u32 same(__u32 a, __u32 b)
{
	__u32 is = ((a ^ b) - 1) >> 31;

	/* Or clang, which knows that it is one of two values, makes branches of what follows. */
	obi_barrier(is);
	return is;
}

/* What they begin with stands nowhere else in them (CR: only where head_end begins anew). */
static __always_inline void head_feed(struct go_head *w, __u32 c)
{
	__u32 name = same(c | head_fold[w->name & 15], head_name[w->name & 15]), end = same(c, head_end[w->end & 7]), begins = same(c, '\r');
	__u32 line = same(c, head_line[w->line & 15]);

	w->name = (w->name & 15) * name + (name | begins);
	w->end = (w->end & 7) * end + (end | begins);
	w->line = (w->line & 15) * line + (line | same(c, ' '));
	w->names += same(w->name, HEAD_NAME_LEN);
	w->ends += same(w->end, HEAD_END_LEN);
	w->breaks += same(c, '\n');
	w->is_request |= same(w->line, HEAD_LINE_LEN) & same(w->breaks, 1);
}

/* bpf_loop: the next bytes. */
static long head_step(__u32 index, void *context)
{
	struct go_head *w = *(struct go_head **)context;
	__u8 bytes[HEAD_CHUNK] = {};
	__u32 count = w->left < HEAD_CHUNK ? w->left : HEAD_CHUNK;

	if (bpf_probe_read_user(bytes, count & (2 * HEAD_CHUNK - 1), (void *)w->at))
		return 1;
	/* Behind the block's end there are zeroes, which are part of nothing: a bound in each round would be another way to verify. */
	for (__u32 i = 0; i < HEAD_CHUNK; i++)
		head_feed(w, bytes[i]);
	w->at += HEAD_CHUNK;
	w->left -= count;
	return w->left == 0;
}

/* Is there, in these bytes, a whole header block of a request without traceparent, and nothing else? */
static __always_inline bool head_wants_field(__u64 at, __u64 len, __u64 pid_tgid)
{
	struct go_head fresh = { .at = at, .left = len, .tgid = pid_tgid >> 32 }, *w;
	__u8 last[HEAD_END_LEN];
	bool wants;

	if (len < HEAD_MIN_BYTES || len > HEAD_BYTES || bpf_probe_read_user(last, sizeof(last), (void *)(at + len - sizeof(last))))
		return false;
	bpf_map_update_elem(&go_heads, &pid_tgid, &fresh, BPF_ANY);
	w = bpf_map_lookup_elem(&go_heads, &pid_tgid);
	if (!w)
		return false;
	bpf_loop(HEAD_BYTES / HEAD_CHUNK, head_step, &w, 0);
	/* It begins here (what is larger than the buffer was sent in part already), ends here, and nowhere before. */
	wants = w->left == 0 && w->is_request && w->names == 0 && w->ends == 1 && last[0] == '\r' && last[1] == '\n' && last[2] == '\r' && last[3] == '\n';
	bpf_map_delete_elem(&go_heads, &pid_tgid);
	return wants;
}

/*
 * The field comes in front of the empty line: its end and a new empty line behind what there is, then its first bytes in place of
 * the old one; it counts with the last step.
 */
static __always_inline void head_insert(__u64 writer, const struct go_room *room, const struct obi_trace *trace)
{
	__u8 text[OBI_TRACEPARENT_FIELD_LEN + CRLF_LEN];
	__u64 used = room->used + OBI_TRACEPARENT_FIELD_LEN;

	obi_traceparent_field(text, trace);
	text[OBI_TRACEPARENT_FIELD_LEN] = '\r';
	text[OBI_TRACEPARENT_FIELD_LEN + 1] = '\n';
	if (!go_write(room->at, text + CRLF_LEN, OBI_TRACEPARENT_FIELD_LEN))
		return;
	if (go_write(room->at - CRLF_LEN, text, CRLF_LEN) && go_write(writer + GO_BUFFER_USED, &used, sizeof(used)))
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_WRITTEN);
	else
		go_write(room->at - CRLF_LEN, text + OBI_TRACEPARENT_FIELD_LEN, CRLF_LEN);
}

/*
 * Is `writer` that of the connection for which the current goroutine writes, and are its bytes seen when they go out? Programs use
 * the same functions to write requests to files and responses.
 */
static __always_inline bool head_goes_out(const struct go_settings *settings, __u64 writer, __u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 scope = goroutine_scope(tgid, g), connection = obi_user_word(writer + GO_BUFFER_BELOW + 8), conn = connection + GO_PERSIST_CONN;
	struct go_role *role = bpf_map_lookup_elem(&go_roles, &scope);

	if (!role || role->kind != GO_ROLE_WRITER || role->of != obi_scope_id(tgid, connection))
		return false;
	if (obi_user_word(connection + GO_PERSIST_WRITER) != writer)
		return false;
	return tcp_socket(settings, conn) || (settings->tls && tcp_below(settings, conn));
}

/* The head of a request stands in `writer`, a bufio.Writer. It may be told twice, and of other writers: the field is there, then, or no head. */
static __always_inline void head_written(__u64 writer, __u64 g)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tgid = pid_tgid >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	struct obi_written written = {};
	struct go_room room;

	if (!settings || !obi_process_get(tgid) || !head_goes_out(settings, writer, g))
		return;
	room = buffer_room(writer);
	if (!head_wants_field(room.at - room.used, room.used, pid_tgid))
		return;
	if (room.bytes < OBI_TRACEPARENT_FIELD_LEN) {
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_NO_ROOM);
		return;
	}
	written.tgid = tgid;
	obi_outgoing_begin(&written.trace, NULL, NULL, pid_tgid, &written.cause);
	obi_written_note(&written);
	head_insert(writer, &room, &written.trace);
}

#endif
