// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* RESP, the protocol of Redis and its relatives: entry points. The same handler serves every tap. */
#include <obi/abi.bpf.h>
#include <obi/event.bpf.h>
#include <obi/stream.bpf.h>
#include "handle.bpf.h"
#include "redis.h"

OBI_LICENSE;

OBI_EVENT(redis_batch_event, REDIS_BATCH_EVENT);
OBI_ENUM(redis_role);
OBI_ENUM(redis_batch_flag);
OBI_COUNTERS(redis_counter);

OBI_PROGRAM_ARRAY(obi_proto_rtp);
OBI_PROGRAM_ARRAY(obi_proto_send);
OBI_PROGRAM_ARRAY(obi_proto_recv);
OBI_PROGRAM_ARRAY(obi_carriers);

SEC("raw_tp/obi_proto_rtp")
int redis_rtp(struct bpf_raw_tracepoint_args *ctx)
{
	if (redis_handle(obi_call_get(OBI_CALL_SYSCALL)))
		return 0;
	obi_offer(ctx, &obi_proto_rtp, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_SYSCALL));
	return 0;
}

SEC("fexit/tcp_sendmsg")
int redis_send(unsigned long long *ctx)
{
	if (redis_handle(obi_call_get(OBI_CALL_SEND)))
		return 0;
	obi_offer(ctx, &obi_proto_send, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_SEND));
	return 0;
}

SEC("fexit/tcp_recvmsg")
int redis_recv(unsigned long long *ctx)
{
	if (redis_handle(obi_call_get(OBI_CALL_RECV)))
		return 0;
	obi_offer(ctx, &obi_proto_recv, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_RECV));
	return 0;
}

SEC("raw_tp/obi_proto_end")
int redis_end(struct bpf_raw_tracepoint_args *ctx)
{
	struct obi_call *call = obi_call_ended(ctx);
	struct redis_connection *h = call && call->event == OBI_CLOSED ? redis_connection_get(call->connection) : NULL;

	if (h)
		redis_closed(h, call->connection, call->now_ns, REDIS_BATCH_INCOMPLETE);
	return 0;
}

SEC("sk_msg")
int redis_msg(struct sk_msg_md *msg)
{
	struct tcp_sock *tp = obi_msg_tcp_sock(msg);
	struct obi_connection *c = tp ? obi_connection_find((__u64)tp) : NULL;

	if (!c || redis_outgoing(msg, c, tp))
		return SK_PASS;
	obi_offer(msg, &obi_carriers, obi_slot + 1);
	if (c->protocol == OBI_PROTOCOL_UNDECIDED)
		obi_carrier_declined(c, tp);
	return SK_PASS;
}
