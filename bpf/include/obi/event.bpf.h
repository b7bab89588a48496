/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events: records that leave the kernel through one ring buffer. The struct in C is the only definition; readers are generated from its BTF. */
#ifndef OBI_EVENT_BPF_H
#define OBI_EVENT_BPF_H

#include "abi.bpf.h"
#include "counter.bpf.h"

/* First member of every event struct. */
struct obi_event_hdr {
	__u16 probe; /* slot of the probe that wrote it */
	__u16 kind; /* which struct of that probe, see OBI_EVENT */
	__u32 len; /* bytes used, this header included */
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 21);
} obi_events SEC(".maps");

/* Below this many pending bytes a record wakes nobody, unless the ring was empty: the reader coalesces. */
#define OBI_WAKE_BYTES (64 * 1024)

/* Flags for a record that is written now. */
static __always_inline __u64 obi_event_wake(void)
{
	__u64 pending = bpf_ringbuf_query(&obi_events, BPF_RB_AVAIL_DATA);

	return pending == 0 || pending >= OBI_WAKE_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/*
 * Sends the first `len` bytes of `event`, which must lie in a map value or on the stack and start with the header.
 * `max` is the struct's size, a constant: it bounds `len` for the verifier.
 */
#define obi_event_send(event, kind_, used, max)                                                                        \
	({                                                                                                             \
		__u32 obi_len = (used);                                                                                \
		long obi_rc = -1;                                                                                      \
		(event)->hdr.probe = obi_slot;                                                                         \
		(event)->hdr.kind = (kind_);                                                                           \
		obi_barrier(obi_len);                                                                                  \
		if (obi_len > (max))                                                                                   \
			obi_len = (max);                                                                               \
		(event)->hdr.len = obi_len;                                                                            \
		obi_rc = bpf_ringbuf_output(&obi_events, (event), obi_len, obi_event_wake());                                 \
		if (obi_rc)                                                                                            \
			obi_count(OBI_COUNTER_EVENTS_LOST);                                                            \
		obi_rc;                                                                                                \
	})

/*
 * The object describes itself: these leave named variables whose BTF `obi-gen` reads. The kind travels as an array length
 * (clang drops an enum that nothing refers to).
 */
#define OBI_EVENT(type, kind_)                                                                                         \
	const struct type *obi_event__##type SEC(".obi.events") = 0;                                                   \
	int(*obi_event_kind__##type)[kind_] SEC(".obi.events") = 0
/* The probe's own counters: an enum with values 0..n-1, counted with obi_count(OBI_COUNTER_OWN + value). */
#define OBI_COUNTERS(enum_) const enum enum_ *obi_counters__##enum_ SEC(".obi.events") = 0
/* An enum that event members hold as a plain integer. */
#define OBI_ENUM(enum_) const enum enum_ *obi_enum__##enum_ SEC(".obi.events") = 0

#endif
