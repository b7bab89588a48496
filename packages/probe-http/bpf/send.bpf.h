/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An exchange becomes a record: of this probe, or of one that reads exchanges inside a process. */
#ifndef OBI_HTTP_SEND_BPF_H
#define OBI_HTTP_SEND_BPF_H

#include <obi/event.bpf.h>
#include <obi/route.bpf.h>
#include <obi/trace.bpf.h>
#include "http.h"

#define HTTP_LINE_WITH_ROUTE (HTTP_LINE_BYTES - OBI_ROUTE_BYTES)

/* Puts the route behind the request line, of which `line` bytes are kept. @return bytes of both */
static __always_inline __u32 http_exchange_route(struct http_exchange_event *ex, __u32 line)
{
	__u32 at = line < HTTP_LINE_WITH_ROUTE ? line : HTTP_LINE_WITH_ROUTE, route;

	if (ex->role != HTTP_ROLE_SERVER)
		return line;
	obi_barrier(at);
	if (at > HTTP_LINE_WITH_ROUTE)
		return line;
	route = obi_route_take(obi_request_id(&ex->trace), ex->line + at, at == line);
	ex->route_len = route;
	return line + route;
}

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
	line = http_exchange_route(ex, line);
	obi_event_send(ex, HTTP_EXCHANGE_EVENT, __builtin_offsetof(struct http_exchange_event, line) + line, sizeof(*ex));
}

#endif
