/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Routes: the pattern by which the program's own router chose what serves a request. A runtime probe tells it while the request is
 * open, obi_route_begin and obi_route_append for each piece; of routers in routers the last one counts. Who sends the request's
 * record takes it along (obi_route_take).
 */
#ifndef OBI_ROUTE_BPF_H
#define OBI_ROUTE_BPF_H

#include "abi.bpf.h"
#include "counter.bpf.h"
#include "trace.bpf.h"

/* A longer one is left out: half a route is none. */
#define OBI_ROUTE_BYTES 128

struct obi_route {
	__u32 len; /* bytes of text; more than OBI_ROUTE_BYTES: it cannot be told */
	__u32 _pad;
	__u8 text[2 * OBI_ROUTE_BYTES]; /* the second half is room for the verifier, which does not know what a sum is at most */
};

#define OBI_ROUTE_LOST (OBI_ROUTE_BYTES + 1)

/* Id of an open request → route. Inserted: obi_route_begin. Deleted: obi_route_take, obi_route_forget. LRU: not every protocol takes it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct obi_route);
} obi_routes SEC(".maps");

/* Initial value, in read-only data: `volatile` keeps clang from making it on the stack. */
const volatile struct obi_route obi_blank_route = {};

/* Runtime probe: the route of this request, to be set; as it was told last, or empty. NULL: nobody will ask for it, or there is no room (counted). */
static __always_inline struct obi_route *obi_route_begin(__u64 request)
{
	struct obi_request *open = obi_request_get(request);
	struct obi_route *route;

	if (!open || !(open->trace.flags & OBI_TRACE_SAMPLED))
		return NULL;
	route = bpf_map_lookup_elem(&obi_routes, &request);
	if (route)
		return route;
	if (bpf_map_update_elem(&obi_routes, &request, (const void *)&obi_blank_route, BPF_NOEXIST)) {
		obi_count(OBI_COUNTER_ROUTES_LOST);
		return NULL;
	}
	return bpf_map_lookup_elem(&obi_routes, &request);
}

/* Runtime probe: adds `len` bytes of the process's memory. */
static __always_inline void obi_route_append(struct obi_route *route, __u64 from, __u64 len)
{
	__u32 at = route->len, n = len;

	if (at > OBI_ROUTE_BYTES)
		return;
	obi_barrier(n);
	route->len = OBI_ROUTE_LOST;
	if (len > OBI_ROUTE_BYTES || n > OBI_ROUTE_BYTES || at + n > OBI_ROUTE_BYTES)
		return;
	if (bpf_probe_read_user(route->text + at, n, (void *)from) == 0)
		route->len = at + n;
}

/* Runtime probe: the request has no route after all. */
static __always_inline void obi_route_forget(__u64 request)
{
	bpf_map_delete_elem(&obi_routes, &request);
}

/*
 * Moves the route of this request to `to`, where OBI_ROUTE_BYTES have room, or else (`room` is false) nothing is written.
 * @return its bytes; 0: none, or (counted) one that cannot be told
 */
static __always_inline __u32 obi_route_take(__u64 request, __u8 *to, bool room)
{
	struct obi_route *route = bpf_map_lookup_elem(&obi_routes, &request);
	__u32 n;

	if (!route)
		return 0;
	n = route->len;
	obi_barrier(n);
	if (!room || n > OBI_ROUTE_BYTES || bpf_probe_read_kernel(to, n, route->text)) {
		obi_count(OBI_COUNTER_ROUTES_LOST);
		n = 0;
	}
	bpf_map_delete_elem(&obi_routes, &request);
	return n;
}

#endif
