/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Routers: by which pattern a request was matched. Each hook is where the router has just looked; one that has found nothing takes
 * back what a router around it has told.
 */
#ifndef OBI_GO_ROUTER_BPF_H
#define OBI_GO_ROUTER_BPF_H

#include <obi/route.bpf.h>
#include "go.h"

#define CHI_LEVELS 8 /* of routers that are mounted in one another */

/* Method and host are written in front of the path: "GET example.com/users/{id}". */
struct go_pattern {
	struct go_string text;
	struct go_string method;
	struct go_string host;
};
_Static_assert(sizeof(struct go_pattern) == GO_PATTERN_BYTES, "as Go keeps it");

/* The request that goroutine `g` serves; 0: none that is known. */
static __always_inline __u64 routed_request(__u64 g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	return obi_scope_request(goroutine_scope(tgid, g), tgid);
}

/* A string that lies at this address. */
static __always_inline struct go_string go_string_at(__u64 address)
{
	struct go_string string = {};

	bpf_probe_read_user(&string, sizeof(string), (void *)address);
	return string;
}

/* What is told begins with the first `n` bytes of the request's target. The latter are put behind what may be told, to be compared. */
static __always_inline bool route_has_prefix(struct obi_route *route, __u64 target, __u32 n)
{
	obi_barrier(n);
	if (n > OBI_ROUTE_BYTES || n > route->len || route->len > OBI_ROUTE_BYTES ||
	    bpf_probe_read_user(route->text + OBI_ROUTE_BYTES, n, (void *)target))
		return false;
	for (__u32 i = 0; i < OBI_ROUTE_BYTES; i++) {
		if (i >= n)
			break;
		if (route->text[i] != route->text[OBI_ROUTE_BYTES + i])
			return false;
	}
	return true;
}

/*
 * A router may see a path whose beginning was taken off (http.StripPrefix): Go's strings share their memory, so the path lies in
 * the middle of the target then. What was taken off is kept of the route that the router around it has told, if that says the
 * same; false: it does not, nobody knows what the whole route is.
 */
static __always_inline bool route_enter(struct obi_route *route, __u64 request, const struct go_string *target)
{
	struct go_string path = go_string_at(obi_user_word(request + GO_REQUEST_URL) + GO_URL_PATH);
	__u64 taken = path.at - target->at;

	/* Not in it: the path had escapes, and was written anew. */
	if (taken >= target->len)
		taken = 0;
	if (taken && !route_has_prefix(route, target->at, taken))
		return false;
	route->len = taken;
	return true;
}

/* The router of goroutine `g` has matched this http.Request with this path of a pattern; an empty one: with none. */
static __always_inline void route_found(__u64 g, __u64 http_request, struct go_string path)
{
	struct go_string target = go_string_at(http_request + GO_REQUEST_TARGET);
	__u64 request = routed_request(g);
	struct obi_route *route;

	/* The program has made it up, to serve it inside. */
	if (!target.len)
		return;
	if (!path.len) {
		obi_route_forget(request);
		return;
	}
	route = obi_route_begin(request);
	if (route && route_enter(route, http_request, &target))
		obi_route_append(route, path.at, path.len);
}

/* net/http's ServeMux since Go 1.22. */
static __always_inline void serve_mux_found(__u64 g, __u64 http_request, __u64 pattern)
{
	struct go_pattern p = {};
	__u64 front;

	bpf_probe_read_user(&p, sizeof(p), (void *)pattern);
	front = p.method.len ? p.method.len + 1 + p.host.len : p.host.len;
	if (front > p.text.len)
		front = p.text.len;
	p.text.at += front;
	p.text.len -= front;
	route_found(g, http_request, p.text);
}

/* … and as it was before: the function that has the pattern was called by one that has the request. */
static __always_inline void old_mux_found(__u64 g, __u64 frame)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	__u64 pattern = settings ? frame - settings->old_pattern : 0;

	if (pattern)
		route_found(g, obi_user_word(obi_user_word(frame) + GO_HANDLER_REQUEST), go_string_at(pattern));
}

/* gin: the http.Request is in no register there. */
static __always_inline void gin_found(__u64 g, __u64 stack)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	struct obi_route *route;
	struct go_string path;
	__u64 request, value;

	if (!settings)
		return;
	request = routed_request(g);
	value = stack + settings->gin_value;
	if (!obi_user_word(value)) {
		obi_route_forget(request);
		return;
	}
	route = obi_route_begin(request);
	if (!route)
		return;
	path = go_string_at(value + GO_GIN_PATH);
	route->len = 0;
	obi_route_append(route, path.at, path.len);
}

/*
 * chi: the patterns of all routers that are mounted in one another. All but the last end in a wildcard, which is left out; so is a
 * slash at the end, as by its own RoutePattern.
 */
static __always_inline void chi_append(struct obi_route *route, struct go_string pattern, bool more)
{
	__u32 end;

	obi_route_append(route, pattern.at, pattern.len);
	end = route->len;
	obi_barrier(end);
	if (end < 2 || end > OBI_ROUTE_BYTES)
		return;
	if (more && route->text[end - 1] == '*')
		route->len = end - 2;
	else if (route->text[end - 1] == '/')
		route->len = end - 1;
}

static __always_inline void chi_found(__u64 g, __u64 stack, __u64 handler)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	struct go_string patterns;
	struct obi_route *route;
	__u64 request;

	if (!settings)
		return;
	request = routed_request(g);
	if (!handler) {
		obi_route_forget(request);
		return;
	}
	patterns = go_string_at(obi_user_word(stack + settings->chi_context) + GO_CHI_PATTERNS);
	route = patterns.len ? obi_route_begin(request) : NULL;
	if (!route)
		return;
	route->len = patterns.len <= CHI_LEVELS ? 0 : OBI_ROUTE_LOST;
	for (__u32 i = 0; i < CHI_LEVELS; i++) {
		if (i >= patterns.len)
			break;
		chi_append(route, go_string_at(patterns.at + i * sizeof(struct go_string)), i + 1 < patterns.len);
	}
}

#endif
