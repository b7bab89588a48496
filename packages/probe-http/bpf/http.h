/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel half and the decoder share: one record per exchange (a request and its response). */
#ifndef OBI_HTTP_H
#define OBI_HTTP_H

#define HTTP_EXCHANGE_EVENT 1

#define HTTP_HOST_BYTES 96
#define HTTP_LINE_BYTES 512

enum http_role {
	HTTP_ROLE_UNKNOWN,
	HTTP_ROLE_SERVER, /* the traced process answers */
	HTTP_ROLE_CLIENT, /* … asks */
};

enum http_version {
	HTTP_VERSION_1_0,
	HTTP_VERSION_1_1,
	HTTP_VERSION_2,
};

/* A call in an exchange. */
enum http_rpc {
	HTTP_RPC_NONE,
	HTTP_RPC_GRPC, /* `status` is the code that the field grpc-status says, GRPC_UNKNOWN: none came */
};

#define GRPC_UNKNOWN 0xffff
#define GRPC_OTHER 0xfffe /* a number of more than two digits */

enum http_exchange_flag {
	HTTP_EXCHANGE_INCOMPLETE = 1, /* the connection ended before the response did */
	HTTP_EXCHANGE_INJECTED = 2, /* we wrote the traceparent field */
	HTTP_EXCHANGE_REQUEST_SEEN = 4, /* header block of the request was complete */
	HTTP_EXCHANGE_RESPONSE_SEEN = 8, /* … of the response */
	HTTP_EXCHANGE_REQUEST_DONE = 16, /* request_bytes is the whole body */
	HTTP_EXCHANGE_RESPONSE_DONE = 32,
	HTTP_EXCHANGE_REWRITTEN = 64, /* the application handed its caller's field on, and we put our span id into it */
	HTTP_EXCHANGE_ENCRYPTED = 128, /* https: seen inside the process */
};

struct http_exchange_event {
	struct obi_event_hdr hdr;
	struct obi_trace trace;
	struct obi_tuple tuple;
	__u64 start_ns; /* first byte of the request, CLOCK_MONOTONIC */
	__u64 end_ns; /* last byte of the response */
	__u64 request_bytes; /* body, without chunk framing */
	__u64 response_bytes;
	struct obi_cause cause; /* of a server's exchange: scope only, which read the request */
	__u32 tgid;
	__u16 status; /* 0: no response */
	__u8 role; /* enum http_role */
	__u8 flags; /* enum http_exchange_flag */
	__u8 version; /* enum http_version, of the request */
	__u8 host_len; /* bytes of the Host field, HTTP_HOST_BYTES kept */
	__u16 line_len; /* bytes of the request line without CRLF, HTTP_LINE_BYTES kept */
	__u32 finished; /* in the kernel: somebody is reporting it */
	__u8 rpc; /* enum http_rpc; 0 but where a library in the process says so */
	__u8 route_len; /* bytes of the route behind the line; 0: none is known */
	__u8 _pad[6];
	__u8 host[HTTP_HOST_BYTES];
	__u8 line[HTTP_LINE_BYTES]; /* cut to line_len in the record, then the route by the program's own router (route.bpf.h) */
};

enum http_counter {
	HTTP_COUNTER_EXCHANGES_FULL, /* no room for another exchange in flight: its span is lost */
	HTTP_COUNTER_CONNECTIONS_FULL,
	HTTP_COUNTER_DESYNC, /* bytes that are not HTTP/1 where a message had to start or go on: connection left alone */
	HTTP_COUNTER_UNREADABLE, /* bytes of a header block that could not be read (sendfile, paged out) */
	HTTP_COUNTER_INJECTED, /* traceparent written */
	HTTP_COUNTER_KEPT, /* a field of the application went out as it was */
	HTTP_COUNTER_NO_ROOM, /* not written: send buffer too full to be sure */
	HTTP_COUNTER_SPLIT_BLANK, /* not written: the blank line was cut by a write */
	HTTP_COUNTER_ZEROCOPY, /* not written: MSG_ZEROCOPY socket; not rewritten: or one of kernel TLS */
	HTTP_COUNTER_PUSH_FAILED, /* not written: the kernel refused room in the message */
	HTTP_COUNTER_FRAMING, /* not written: readers could differ about this connection's messages, or another protocol may follow */
	HTTP_COUNTER_REPLAYED, /* a message that failed was sent again */
	HTTP_COUNTER_REWRITTEN, /* traceparent that was handed on unchanged: its span id is ours now */
	HTTP_COUNTER_SPLIT_FIELD, /* not rewritten: a write cut the span id, or came after it */
};

#endif
