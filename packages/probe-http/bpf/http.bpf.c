// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HTTP/1.0 and 1.1: entry points. The same handler serves every tap; the carrier sees outgoing bytes before they are sent. */
#include <obi/abi.bpf.h>
#include <obi/event.bpf.h>
#include <obi/plaintext.bpf.h>
#include <obi/stream.bpf.h>
#include "connection.bpf.h"
#include "handle.bpf.h"
#include "http.h"
#include "inject.bpf.h"

OBI_LICENSE;

OBI_EVENT(http_exchange_event, HTTP_EXCHANGE_EVENT);
OBI_ENUM(http_role);
OBI_ENUM(http_version);
OBI_ENUM(http_rpc);
OBI_ENUM(http_exchange_flag);
OBI_COUNTERS(http_counter);

OBI_PROGRAM_ARRAY(obi_proto_rtp);
OBI_PROGRAM_ARRAY(obi_proto_send);
OBI_PROGRAM_ARRAY(obi_proto_recv);
OBI_PROGRAM_ARRAY(obi_carriers);

SEC("raw_tp/obi_proto_rtp")
int http_rtp(struct bpf_raw_tracepoint_args *ctx)
{
	if (http_handle(obi_call_get(OBI_CALL_SYSCALL)))
		return 0;
	obi_offer(ctx, &obi_proto_rtp, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_SYSCALL));
	return 0;
}

SEC("fexit/tcp_sendmsg")
int http_send(unsigned long long *ctx)
{
	if (http_handle(obi_call_get(OBI_CALL_SEND)))
		return 0;
	obi_offer(ctx, &obi_proto_send, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_SEND));
	return 0;
}

SEC("fexit/tcp_recvmsg")
int http_recv(unsigned long long *ctx)
{
	if (http_handle(obi_call_get(OBI_CALL_RECV)))
		return 0;
	obi_offer(ctx, &obi_proto_recv, obi_slot + 1);
	obi_call_declined(obi_call_get(OBI_CALL_RECV));
	return 0;
}

SEC("uprobe.multi")
int http_plaintext(struct pt_regs *ctx)
{
	if (!http_handle(obi_plaintext_call())) {
		obi_offer(ctx, &obi_proto_plain, obi_slot + 1);
		obi_call_declined(obi_plaintext_call());
	}
	obi_plaintext_done();
	return 0;
}

SEC("raw_tp/obi_proto_end")
int http_end(struct bpf_raw_tracepoint_args *ctx)
{
	struct obi_call *call = obi_call_ended(ctx);
	struct http_connection *h = call ? http_connection_get(call->connection) : NULL;

	if (!h)
		return 0;
	if (call->event == OBI_CLOSED)
		http_closed(http_open_exchanges(h), call->connection, call->now_ns);
	else
		http_direction_ended(h, call->connection, call->now_ns, OBI_EGRESS);
	return 0;
}

SEC("sk_msg")
int http_msg(struct sk_msg_md *msg)
{
	int verdict = http_carry(msg);

	if (verdict != HTTP_NOT_OURS)
		return verdict;
	obi_offer(msg, &obi_carriers, obi_slot + 1);
	http_carrier_declined(msg);
	return SK_PASS;
}
