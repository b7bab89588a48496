/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Carrier inside the process: writes traceparent where a header block lies ready, before it is framed, encrypted or sent. Only into
 * memory that is free by Go's own account, by the goroutine that owns it; what is in use changes last, and all or nothing.
 */
#ifndef OBI_GO_WRITE_BPF_H
#define OBI_GO_WRITE_BPF_H

#include "go.h"

/* A bufio.Writer's room behind what it holds. */
struct go_room {
	__u64 at;
	__u64 bytes;
	__u64 used; /* in front of it */
};

static __always_inline struct go_room buffer_room(__u64 writer)
{
	struct go_room room = {};
	struct go_slice buffer;

	if (bpf_probe_read_user(&buffer, sizeof(buffer), (void *)(writer + GO_BUFFER)))
		return room;
	room.used = obi_user_word(writer + GO_BUFFER_USED);
	if (room.used > buffer.len)
		room.used = buffer.len;
	room.at = buffer.at + room.used;
	room.bytes = buffer.len - room.used;
	return room;
}

static __always_inline bool go_write(__u64 to, const void *from, __u32 len)
{
	if (bpf_probe_write_user((void *)to, from, len) == 0)
		return true;
	obi_count(OBI_COUNTER_OWN + GO_COUNTER_WRITE_FAILED);
	return false;
}

#endif
