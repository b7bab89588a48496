/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls of gRPC whose header block has no room behind it: the field goes behind the frame, in the buffer of the connection's writer.
 * (A writer that shares its buffer with others has none before.)
 */
#ifndef OBI_GO_WRITE_GRPC_BPF_H
#define OBI_GO_WRITE_GRPC_BPF_H

#include "write_http2.bpf.h"

/* RFC 9113, 6.2 */
#define FRAME_HEADERS 1
#define FRAME_END_HEADERS 4

/* RFC 9113, 4.1 */
struct frame_header {
	__u8 len[3];
	__u8 type;
	__u8 flags;
	__u8 stream[4];
};

/* A frame of a header block that wants the field. */
struct go_frame {
	struct obi_trace trace;
	__u64 writer;
	__u64 end; /* how much the buffer holds when it is in there */
	__u32 block; /* bytes */
	__u32 tgid;
};

/*
 * Scope of a goroutine → frame that it makes. Inserted: it begins to. Deleted: it has done so; user space, soon after the process's
 * end. LRU: it is one frame for each connection.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct go_frame);
} go_frames SEC(".maps");

/* The buffer of a writer of gRPC's, a bufWriter. */
struct go_batch {
	struct go_room room;
	__u64 used_at; /* where it says how much is used */
};

/* … if its slice and its counts lie at these addresses: they fit each other then. */
static __always_inline bool batch_at(struct go_batch *batch, __u64 slice, __u64 counts)
{
	__u64 used = obi_user_word(counts), size = obi_user_word(counts + 8);
	struct go_slice buffer;

	if (bpf_probe_read_user(&buffer, sizeof(buffer), (void *)slice))
		return false;
	/* Twice the size: until 1.57, and what is shared until 1.63. */
	if (!size || buffer.cap < buffer.len || used >= buffer.len || (buffer.len != size && buffer.len != 2 * size))
		return false;
	batch->room.at = buffer.at + used;
	batch->room.bytes = buffer.len - used;
	batch->room.used = used;
	batch->used_at = counts;
	return true;
}

static __always_inline struct go_batch batch_of(__u64 writer)
{
	struct go_batch batch = {};

	if (!batch_at(&batch, writer + GO_BATCH, writer + GO_BATCH_USED) && !batch_at(&batch, writer + GO_BATCH_OLD, writer + GO_BATCH_USED_OLD))
		batch_at(&batch, obi_user_word(writer + GO_BATCH), writer + GO_BATCH_USED_POINTER);
	return batch;
}

/* Does goroutine `scope` write the field when the frame is made, which `framer` is about to do? Its arguments lie at `param`. */
static __always_inline bool frame_waits(const struct go_settings *settings, __u64 framer, __u64 param, const struct obi_trace *trace, __u64 scope)
{
	struct go_frame frame = { .writer = framer_writer(framer, settings->batch_write), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct go_headers_param headers;

	if (!frame.writer || bpf_probe_read_user(&headers, sizeof(headers), (void *)param))
		return false;
	if (block_has_room(&headers.block) || !block_is_whole(&headers))
		return false;
	frame.trace = *trace;
	frame.block = headers.block.len;
	frame.end = batch_of(frame.writer).room.used + sizeof(struct frame_header) + frame.block;
	bpf_map_update_elem(&go_frames, &scope, &frame, BPF_ANY);
	return true;
}

static __always_inline __u32 frame_len(const struct frame_header *header)
{
	return (__u32)header->len[0] << 16 | header->len[1] << 8 | header->len[2];
}

/* The field behind the frame; it counts with the last step. */
static __always_inline bool frame_append(const struct go_batch *batch, const struct go_frame *frame)
{
	__u64 at = batch->room.at - sizeof(struct frame_header) - frame->block, used = batch->room.used + sizeof(struct block_field);
	__u32 len = frame->block + sizeof(struct block_field);
	struct frame_header header, longer;
	struct block_field field;

	if (bpf_probe_read_user(&header, sizeof(header), (void *)at))
		return false;
	if (header.type != FRAME_HEADERS || !(header.flags & FRAME_END_HEADERS) || frame_len(&header) != frame->block)
		return false;
	longer = header;
	longer.len[0] = len >> 16;
	longer.len[1] = len >> 8;
	longer.len[2] = len;
	block_field_make(&field, &frame->trace);
	if (!go_write(batch->room.at, &field, sizeof(field)) || !go_write(at, &longer, sizeof(longer)))
		return false;
	if (go_write(batch->used_at, &used, sizeof(used)))
		return true;
	go_write(at, &header, sizeof(header));
	return false;
}

/* Goroutine `g` has made the frame of a header block: it lies in the buffer, if that was not sent meanwhile. */
static __always_inline void frame_made(__u64 g)
{
	__u64 scope = goroutine_scope(bpf_get_current_pid_tgid() >> 32, g);
	struct go_frame *frame = bpf_map_lookup_elem(&go_frames, &scope);
	struct go_batch batch;

	if (!frame)
		return;
	batch = batch_of(frame->writer);
	if (batch.room.used != frame->end || batch.room.bytes <= sizeof(struct block_field))
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_NO_ROOM);
	else if (frame_append(&batch, frame))
		obi_count(OBI_COUNTER_OWN + GO_COUNTER_WRITTEN);
	bpf_map_delete_elem(&go_frames, &scope);
}

#endif
