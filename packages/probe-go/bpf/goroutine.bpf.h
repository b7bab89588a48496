/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Goroutines: each is a scope, and works for what the one that started it worked for then. Which one a thread runs, core reads
 * from the thread's own memory whenever bytes pass by (obi_chains): switches between goroutines cost nothing.
 */
#ifndef OBI_GO_GOROUTINE_BPF_H
#define OBI_GO_GOROUTINE_BPF_H

#include "client.bpf.h"

/*
 * The goroutine for which the runtime works on its own stack `g0`; 0: none, or the memory is laid out otherwise. What it says
 * is proven by the pointers that lead back.
 */
static __always_inline __u64 goroutine_served(__u64 g0, const struct go_settings *settings)
{
	__u64 m = obi_user_word(g0 + GO_G_M), g = obi_user_word(m + settings->m_curg);

	return g && obi_user_word(m + GO_M_G0) == g0 && obi_user_word(g + GO_G_M) == m ? g : 0;
}

/* The goroutine is gone, and with it the connection for which it wrote. What it worked for is for the caller to end, or to replace. */
static __always_inline void goroutine_role_end(__u64 scope)
{
	struct go_role *role = bpf_map_lookup_elem(&go_roles, &scope);
	__u64 connection = role && role->kind == GO_ROLE_WRITER ? role->of : 0;

	if (role)
		bpf_map_delete_elem(&go_roles, &scope);
	if (connection)
		bpf_map_delete_elem(&go_clients, &connection);
	/* Of a writer that was forgotten, too: the next one at this address is in no span. */
	obi_scope_enter(scope, NULL);
}

/* The runtime prepares the first run of a new goroutine, whose saved registers are `gobuf`. */
static __always_inline void goroutine_started(__u64 gobuf, __u64 g0)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_settings *settings = bpf_map_lookup_elem(&go_settings, &tgid);
	__u64 fresh = obi_user_word(gobuf + GO_GOBUF_G), by, id;
	struct obi_scope *creator;

	if (!settings || fresh + GO_G_SCHED != gobuf)
		return;
	id = goroutine_scope(tgid, fresh);
	by = goroutine_served(g0, settings);
	creator = by ? obi_scope_get(goroutine_scope(tgid, by)) : NULL;
	/* Whoever had the address before is gone, and not always by goexit1 (coroutines of iter.Pull). */
	goroutine_role_end(id);
	/* Most work for nothing: no entry says the same. */
	if (creator && (creator->request || creator->inherited || creator->socket))
		obi_scope_start(id, goroutine_scope(tgid, by), tgid);
	else
		obi_scope_end(id);
}

#endif
