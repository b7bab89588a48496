/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters: whatever is dropped, refused or undecided is counted here, by probe, and shown by `obi`. */
#ifndef OBI_COUNTER_BPF_H
#define OBI_COUNTER_BPF_H

#include "abi.bpf.h"

#define OBI_COUNTERS_PER_SLOT 64

/* Index: slot * OBI_COUNTERS_PER_SLOT + counter of that slot. Read by user space, never reset. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OBI_SLOTS *OBI_COUNTERS_PER_SLOT);
	__type(key, __u32);
	__type(value, __u64);
} obi_counters SEC(".maps");

/* Counters that the SDK itself keeps for every probe; a probe's own enum starts at OBI_COUNTER_OWN. */
enum obi_counter {
	OBI_COUNTER_EVENTS_LOST, /* the events ring was full */
	OBI_COUNTER_PARENT_THREAD, /* outgoing request joined to the request its thread had read */
	OBI_COUNTER_PARENT_INHERITED, /* … to the request its thread or process was started for */
	OBI_COUNTER_PARENT_DECLARED, /* … to the request of the scope that a runtime probe declared */
	OBI_COUNTER_PARENT_ANNOUNCED, /* … to the request that was announced for this connection (a runtime probe's marker, a proxy's connect) */
	OBI_COUNTER_PARENT_PROXY, /* … to the request that a proxy (nginx) has noted for this connection */
	OBI_COUNTER_PARENT_APPLICATION, /* the application wrote its own traceparent */
	OBI_COUNTER_ORPHAN_NO_REQUEST, /* no request was ever read by this scope */
	OBI_COUNTER_ORPHAN_ENDED, /* the request that this scope had is answered already */
	OBI_COUNTER_ORPHAN_AMBIGUOUS, /* the scope had more than one open request, or serves an event loop */
	OBI_COUNTER_ORPHAN_MULTIPLEXED, /* the process multiplexes requests over threads; its runtime probe is not installed */
	OBI_COUNTER_ORPHAN_SHARED, /* a started thread or process, while other requests could have given it work too */
	OBI_COUNTER_ORPHAN_TOO_OLD, /* the request is older than max_transaction_time */
	OBI_COUNTER_ORPHAN_UNDECLARED, /* the runtime probe announced that nothing which it knows caused this */
	OBI_COUNTER_ORPHAN_PIPELINED, /* several requests were open on one connection when the runtime probe claimed one */
	OBI_COUNTER_REQUESTS_FULL, /* table of open requests was full */
	OBI_COUNTER_SCOPES_FULL, /* table of scopes was full */
	OBI_COUNTER_CONNECTIONS_FULL, /* table of connections was full */
	OBI_COUNTER_SOCKHASH_FULL, /* a socket could not be watched for its outgoing bytes */
	OBI_COUNTER_UNSAMPLED, /* span not reported: its trace is not sampled */
	OBI_COUNTER_PROCESSES_FULL, /* table of processes was full: a child is not traced */
	OBI_COUNTER_ORPHAN_UNJUDGED, /* the process has just executed another program, and is not known yet */
	OBI_COUNTER_PARENT_SPAN, /* … to a span that the program made itself, counted besides the above */
	OBI_COUNTER_ROUTES_LOST, /* route of the program's own router left out: longer than 128 bytes, not readable, or no room */
	OBI_COUNTER_OWN = 32,
};

static __always_inline void obi_count_in(__u32 slot, __u32 counter)
{
	__u32 key = slot * OBI_COUNTERS_PER_SLOT + counter;
	__u64 *value = bpf_map_lookup_elem(&obi_counters, &key);

	if (value)
		*value += 1;
}

/* Counts in this probe's own range. */
static __always_inline void obi_count(__u32 counter)
{
	obi_count_in(obi_slot, counter);
}

#endif
