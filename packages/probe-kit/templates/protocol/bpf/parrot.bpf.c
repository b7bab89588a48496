// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Entry points, one per tap, and no more: the same handler serves all. */
#include <obi/abi.bpf.h>
#include <obi/event.bpf.h>
#include <obi/stream.bpf.h>
#include "handle.bpf.h"
#include "parrot.h"

OBI_LICENSE;

OBI_EVENT(parrot_exchange_event, PARROT_EXCHANGE_EVENT);
OBI_ENUM(parrot_role);
OBI_ENUM(parrot_exchange_flag);
OBI_COUNTERS(parrot_counter);

OBI_PROGRAM_ARRAY(obi_proto_rtp);
OBI_PROGRAM_ARRAY(obi_proto_send);
OBI_PROGRAM_ARRAY(obi_proto_recv);
OBI_PROGRAM_ARRAY(obi_carriers);

SEC("raw_tp/obi_proto_rtp")
int parrot_rtp(struct bpf_raw_tracepoint_args *ctx)
{
	if (parrot_handle(obi_call_get(OBI_CALL_SYSCALL)))
		return 0;
	obi_offer(ctx, &obi_proto_rtp, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_SYSCALL));
	return 0;
}

SEC("fexit/tcp_sendmsg")
int parrot_send(unsigned long long *ctx)
{
	if (parrot_handle(obi_call_get(OBI_CALL_SEND)))
		return 0;
	obi_offer(ctx, &obi_proto_send, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_SEND));
	return 0;
}

SEC("fexit/tcp_recvmsg")
int parrot_recv(unsigned long long *ctx)
{
	if (parrot_handle(obi_call_get(OBI_CALL_RECV)))
		return 0;
	obi_offer(ctx, &obi_proto_recv, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_RECV));
	return 0;
}

SEC("raw_tp/obi_proto_end")
int parrot_end(struct bpf_raw_tracepoint_args *ctx)
{
	struct obi_call *call = obi_call_ended(ctx);

	if (call && call->event == OBI_CLOSED)
		parrot_closed(call);
	return 0;
}

SEC("sk_msg")
int parrot_msg(struct sk_msg_md *msg)
{
	struct tcp_sock *tp = obi_msg_tcp_sock(msg);
	struct obi_connection *c = tp ? obi_connection_find((__u64)tp) : NULL;

	if (!c || parrot_outgoing(msg, c, tp))
		return SK_PASS;
	obi_offer(msg, &obi_carriers, obi_slot + 1);
	if (c->protocol == OBI_PROTOCOL_UNDECIDED)
		obi_carrier_declined(c, tp);
	return SK_PASS;
}
