// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Go programs: whose request a goroutine works for (channels, connections of net/http's client), and what goes through crypto/tls. Every program hangs on a function's entry, or on a call or jump in it. */
#include <obi/event.bpf.h>
#include "channel.bpf.h"
#include "client.bpf.h"
#include "goroutine.bpf.h"
#include "tls.bpf.h"

OBI_LICENSE;

OBI_COUNTERS(go_counter);

/* newproc1's call of gostartcallfn(gobuf *gobuf, fv *funcval), on the runtime's own stack */
SEC("uprobe.multi")
int go_started(struct pt_regs *ctx)
{
	goroutine_started(GO_ARGUMENT_1(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* runtime.goexit1(): the end of a goroutine; coroutines have another */
SEC("uprobe.multi")
int go_exited(struct pt_regs *ctx)
{
	__u64 scope = goroutine_scope(bpf_get_current_pid_tgid() >> 32, GO_GOROUTINE(ctx));

	goroutine_role_end(scope);
	obi_scope_end(scope);
	return 0;
}

/* net/http.(*persistConn).roundTrip(req *transportRequest), in the goroutine that makes the request */
SEC("uprobe.multi")
int go_client_used(struct pt_regs *ctx)
{
	client_used(GO_ARGUMENT_1(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* net/http.(*persistConn).writeLoop() */
SEC("uprobe.multi")
int go_writer(struct pt_regs *ctx)
{
	client_writer_started(GO_ARGUMENT_1(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* net/http.(*Transport).dialConnFor(w *wantConn), net/http.(*persistConn).readLoop() */
SEC("uprobe.multi")
int go_helper(struct pt_regs *ctx)
{
	client_helper_started(GO_GOROUTINE(ctx));
	return 0;
}

/* The calls of send(c *hchan, sg *sudog, …) in chansend and selectgo: the current goroutine gives to one that waits */
SEC("uprobe.multi")
int go_sent(struct pt_regs *ctx)
{
	item_moved(GO_ARGUMENT_1(ctx), GO_GOROUTINE(ctx), obi_user_word(GO_ARGUMENT_2(ctx) + GO_SUDOG_G), false);
	return 0;
}

/* The calls of recv(c *hchan, sg *sudog, …) in chanrecv and selectgo: the current goroutine takes, while one waits that gives */
SEC("uprobe.multi")
int go_received(struct pt_regs *ctx)
{
	item_moved(GO_ARGUMENT_1(ctx), obi_user_word(GO_ARGUMENT_2(ctx) + GO_SUDOG_G), GO_GOROUTINE(ctx), true);
	return 0;
}

/* The call of typedmemmove(type, slot, item) with which chansend and selectgo fill a slot of a channel's buffer */
SEC("uprobe.multi")
int go_put(struct pt_regs *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	slot_filled(tgid, GO_ARGUMENT_2(ctx), request_given(tgid, GO_GOROUTINE(ctx), GO_ARGUMENT_1(ctx)));
	return 0;
}

/* The call of typedmemclr(type, slot) with which chanrecv and selectgo empty it */
SEC("uprobe.multi")
int go_taken(struct pt_regs *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	item_taken(GO_ARGUMENT_1(ctx), slot_emptied(tgid, GO_ARGUMENT_2(ctx)), GO_GOROUTINE(ctx));
	return 0;
}

/* The call of memmove(to, from, n) with which crypto/tls.(*Conn).Read hands out what was decrypted */
SEC("uprobe.multi")
int go_tls_read(struct pt_regs *ctx)
{
	tls_read(ctx, GO_FRAME(ctx), GO_ARGUMENT_1(ctx), GO_ARGUMENT_2(ctx), GO_ARGUMENT_3(ctx));
	return 0;
}

/* The calls of writeRecordLocked(c *Conn, type recordType, data []byte) in crypto/tls.(*Conn).Write */
SEC("uprobe.multi")
int go_tls_writing(struct pt_regs *ctx)
{
	if ((__u8)GO_ARGUMENT_2(ctx) == TLS_APPLICATION_DATA)
		tls_write_begins(ctx, GO_GOROUTINE(ctx), GO_ARGUMENT_1(ctx), GO_ARGUMENT_3(ctx), GO_ARGUMENT_4(ctx));
	return 0;
}

/* Where Write looks at the error that such a call returned, whose type is still in the register of the second result */
SEC("uprobe.multi")
int go_tls_written(struct pt_regs *ctx)
{
	tls_write_ended(ctx, GO_GOROUTINE(ctx), GO_ARGUMENT_2(ctx));
	return 0;
}
