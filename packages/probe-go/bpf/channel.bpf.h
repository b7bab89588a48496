/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Work that goes from one goroutine to another through a channel: who takes an item works for the request that it was put for.
 * An item goes hand to hand when one of the two waits (runtime.send, runtime.recv know both), else through a slot of the
 * channel's buffer, whose address it is known by meanwhile.
 */
#ifndef OBI_GO_CHANNEL_BPF_H
#define OBI_GO_CHANNEL_BPF_H

#include "go.h"

struct go_item {
	__u64 request; /* that it was put for */
	__u32 tgid;
	__u32 _pad;
};

/*
 * Items in buffers, by process and address of the slot. Inserted: put, by a goroutine that works for a request. Deleted: taken,
 * or put by another; user space, soon after the process's end. LRU: a channel that nobody empties; a lost item is for no request.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, struct go_item);
} go_items SEC(".maps");

/*
 * The request that `goroutine` gives an item of this type for; 0: for none that is known. The client's own goroutines give
 * answers only, and a worker that passes on what it takes (a queue without bounds) may give an earlier item.
 */
static __always_inline __u64 request_given(__u32 tgid, __u64 goroutine, __u64 type)
{
	__u64 id = goroutine_scope(tgid, goroutine);
	struct go_role *role = bpf_map_lookup_elem(&go_roles, &id);

	return !goroutine || (role && (role->kind != GO_ROLE_WORKER || role->of == type)) ? 0 : obi_scope_request(id, tgid);
}

static __always_inline void slot_filled(__u32 tgid, __u64 slot, __u64 request)
{
	struct go_item item = { .request = request, .tgid = tgid };
	__u64 key = obi_scope_id(tgid, slot);

	if (request)
		bpf_map_update_elem(&go_items, &key, &item, BPF_ANY);
	else
		bpf_map_delete_elem(&go_items, &key);
}

/* @return the request that the item was put for, or 0 */
static __always_inline __u64 slot_emptied(__u32 tgid, __u64 slot)
{
	__u64 key = obi_scope_id(tgid, slot);
	struct go_item *item = bpf_map_lookup_elem(&go_items, &key);
	__u64 request = item ? item->request : 0;

	if (item)
		bpf_map_delete_elem(&go_items, &key);
	return request;
}

/* Items without a pointer (struct{}, bool, numbers) are signals: the work itself lies elsewhere. */
static __always_inline bool carries_work(__u64 type)
{
	return type && obi_user_word(type + GO_TYPE_PTRDATA);
}

/*
 * A worker goes from one piece of work to the next by items of one type. One of another type that comes from another request is
 * an answer, a resource or other work: nobody can tell.
 */
static __always_inline void worker_took(struct go_role *role, struct obi_scope *s, __u64 id, __u64 type, __u64 request)
{
	if (role->of != type) {
		if (s && request && request != s->request)
			s->flags |= OBI_SCOPE_AMBIGUOUS;
		return;
	}
	if (s)
		s->flags &= ~OBI_SCOPE_AMBIGUOUS;
	obi_scope_set_request(id, request);
}

/* Goroutine `taker` got an item of this type that was put for `request`; 0: for none that is known. */
static __noinline int item_taken(__u64 type, __u64 request, __u64 taker)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 id = goroutine_scope(tgid, taker);
	struct go_role *role = bpf_map_lookup_elem(&go_roles, &id);
	struct go_settings *settings;
	struct obi_scope *s;

	/* Most items. */
	if (!taker || !(request || role) || (role && role->kind != GO_ROLE_WORKER))
		return 0;
	settings = bpf_map_lookup_elem(&go_settings, &tgid);
	if (!settings || !carries_work(type))
		return 0;
	s = obi_scope_get(id);
	/* It reads requests itself: what it gets is an answer. */
	if (s && s->connection)
		return 0;
	if (role) {
		worker_took(role, s, id, type, request);
		return 0;
	}
	if (s && obi_request_get(s->inherited)) {
		/* An answer, a resource, or work from somebody else: nobody can tell. */
		if (request != s->inherited)
			s->flags |= OBI_SCOPE_AMBIGUOUS;
		return 0;
	}
	if (!settings->pools)
		return 0;
	go_role_give(id, GO_ROLE_WORKER, type);
	if (s)
		s->flags &= ~OBI_SCOPE_AMBIGUOUS;
	obi_scope_set_request(id, request);
	return 0;
}

/* The slot of a channel's buffer that is emptied next. */
static __always_inline __u64 first_slot(__u64 channel, const struct go_settings *settings)
{
	__u64 index = obi_user_word(channel + settings->hchan_elemtype + GO_HCHAN_RECVX);

	return obi_user_word(channel + GO_HCHAN_BUF) + index * (__u16)obi_user_word(channel + GO_HCHAN_ELEMSIZE);
}

/*
 * From hand to hand. A channel with a buffer gets there `from_buffer` when that is full: then the first in it is taken, and the
 * giver's comes last, into the same slot.
 */
static __always_inline void item_moved(__u64 channel, __u64 giver, __u64 taker, bool from_buffer)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	__u64 type, request, slot, first;

	if (!settings)
		return;
	type = obi_user_word(channel + settings->hchan_elemtype);
	request = request_given(tgid, giver, type);
	if (from_buffer && obi_user_word(channel + GO_HCHAN_DATAQSIZ)) {
		slot = first_slot(channel, settings);
		first = slot_emptied(tgid, slot);
		slot_filled(tgid, slot, request);
		request = first;
	}
	item_taken(type, request, taker);
}

#endif
