/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An exchange becomes a record: of this probe, or of one that reads exchanges inside a process. */
#ifndef OBI_HTTP_SEND_BPF_H
#define OBI_HTTP_SEND_BPF_H

#include <obi/event.bpf.h>
#include <obi/trace.bpf.h>
#include "http.h"

static __always_inline void http_exchange_send(struct http_exchange_event *ex)
{
	__u32 line = ex->line_len;

	if (!(ex->flags & HTTP_EXCHANGE_REQUEST_SEEN))
		return;
	if (!(ex->trace.flags & OBI_TRACE_SAMPLED)) {
		obi_count(OBI_COUNTER_UNSAMPLED);
		return;
	}
	if (line > HTTP_LINE_BYTES)
		line = HTTP_LINE_BYTES;
	obi_event_send(ex, HTTP_EXCHANGE_EVENT, __builtin_offsetof(struct http_exchange_event, line) + line, sizeof(*ex));
}

#endif
