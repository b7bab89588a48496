/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What Go keeps where, and whose scope a goroutine is. */
#ifndef OBI_GO_H
#define OBI_GO_H

#include <obi/trace.bpf.h>

/* Go 1.18 … 1.27 (src/plan/layouts.ts has what differs): runtime.g, m, gobuf, sudog, hchan, _type. */
#define GO_G_M 48
#define GO_G_SCHED 56
#define GO_M_G0 0
#define GO_GOBUF_G 16
#define GO_SUDOG_G 0
#define GO_HCHAN_DATAQSIZ 8 /* slots of the buffer */
#define GO_HCHAN_BUF 16
#define GO_HCHAN_ELEMSIZE 24
#define GO_HCHAN_RECVX 16 /* behind elemtype: index of the slot that is taken next */
#define GO_TYPE_PTRDATA 8
/* … of internal/abi.ITab, net.netFD and internal/poll.FD, crypto/tls.Conn */
#define GO_ITAB_FUN 24 /* addresses of the type's methods, in the order of their names */
#define GO_FD_SYSFD 16 /* net.netFD begins with it, too */
#define GO_TLS_CONN 0 /* the connection below, an interface: its itab, then what it is */
#define GO_TLS_IS_CLIENT 16 /* a byte */
/* … of HTTP/2 in net/http and golang.org/x/net/http2: serverConn, ClientConn, MetaHeadersFrame, responseWriter, responseWriterState, writeResHeaders; hpack.HeaderField */
#define GO_SERVER_CONN 16 /* the connection below, an interface */
#define GO_SERVER_CONN_1_27 24 /* … in net/http/internal/http2 */
#define GO_CLIENT_CONN 8 /* of ClientConn: the connection below, an interface */
#define GO_META_FIELDS 8 /* a slice */
#define GO_HEADER_FIELD_BYTES 40 /* name, value (strings), and whether it is sensitive */
#define GO_RESPONSE_STATE 0
#define GO_RESPONSE_STREAM 0
#define GO_HEADERS_STATUS 8
/* … and of google.golang.org/grpc/internal/transport: http2Server, http2Client, headerFrame (serverHeaders, clientHeaders) */
#define GO_GRPC_CONN 16 /* an interface */
#define GO_GRPC_CONN_OLD 32 /* … before 1.62, where a context stands in front */
#define GO_GRPC_CLIENT_CONN 128 /* an interface */
#define GO_GRPC_CLIENT_CONN_LONG 136 /* … where the address in front of it still has a type */
#define GO_GRPC_CLIENT_CONN_OLD 64 /* … where no address stands in front */
#define GO_GRPC_HEADERS_FIELDS 8 /* a slice */
#define GO_GRPC_HEADERS_INIT 32 /* a function of the transport's, and of more */
#define GO_GRPC_HEADERS_ORPHANED 56 /* a function of the stream's alone */
#define GO_GRPC_HEADERS_FRAME 32 /* as long as servers have the same type: a byte that no client sets … */
#define GO_GRPC_FRAME_INIT 40 /* … and the same two functions behind it */
#define GO_GRPC_FRAME_ORPHANED 72
/* … of a function value: the first variable that it has from outside, in the order in which it names them */
#define GO_FUNCTION_FIRST 8
/* … of internal/status.Status (it is a pointer) and google.rpc.Status, which is generated code */
#define GO_GRPC_STATUS_CODE 40 /* behind what the library keeps of a message … */
#define GO_GRPC_STATUS_CODE_FRONT 8 /* … or in front of it, where protoc-gen-go 1.36 puts it */
/* … of bufio.Writer, and where http2.Framer keeps the one it writes to */
#define GO_BUFFER 16 /* a slice */
#define GO_BUFFER_USED 40 /* how much of it */
#define GO_BUFFER_BELOW 48 /* what it writes to, an interface */
/* … of net/http.persistConn: its net.Conn, an interface, and its bufio.Writer, which writes to a type that is a pointer to it */
#define GO_PERSIST_CONN 80
#define GO_PERSIST_WRITER 112
#define GO_FRAMER_WRITER 112 /* an interface; or, with each member that newer ones have more, a word later */
#define GO_FRAMER_WRITERS 4
/* … of google.golang.org/grpc/internal/transport: bufWriter: its buffer (a slice, or since 1.84 a pointer to one), and how much of it is used, behind which stands how large it is; loopyWriter */
#define GO_BATCH 8
#define GO_BATCH_USED 32
#define GO_BATCH_OLD 0 /* … before 1.58, where no pool stands in front */
#define GO_BATCH_USED_OLD 24
#define GO_BATCH_USED_POINTER 16
#define GO_LOOPY_SIDE 0 /* a word: 0 is the client's */
/* … and of go.opentelemetry.io/auto/sdk 1.1 to 1.2: span; internal/telemetry.Traces; context.Context's implementations begin with the one that they were made from */
#define GO_AUTO_SPAN_SAMPLED 144 /* a word of 32 bits */
#define GO_AUTO_SPAN_TRACES 160
#define GO_AUTO_TRACES_COUNT 8
#define GO_SPAN_CONTEXT_WORDS 8 /* trace.SpanContext: as struct obi_traceparent begins, then a slice, and whether it is remote */
/* … of net/http.Request and net/url.URL */
#define GO_REQUEST_URL 16
#define GO_REQUEST_TARGET 192 /* RequestURI */
#define GO_URL_PATH 56
/* … of net/http's pattern (since 1.22): three strings, as written, method, host */
#define GO_PATTERN_BYTES 48
/* … of github.com/gorilla/mux.Route: regexp.path, which begins with its template; github.com/go-chi/chi/v5.Context: RoutePatterns, a slice */
#define GO_MUX_PATH 80
#define GO_CHI_PATTERNS 176
/* Where net/http.(*ServeMux).ServeHTTP, and before Go 1.22 its Handler, keep the request: above the frame pointer, in the room of its argument */
#define GO_SERVE_REQUEST 40
#define GO_HANDLER_REQUEST 24
/* … and in what getValue of github.com/gin-gonic/gin returns: the route, behind the handlers, of which there are none where nothing matches */
#define GO_GIN_PATH 40

/* A slice, as Go keeps it. */
struct go_slice {
	__u64 at;
	__u64 len; /* elements */
	__u64 cap;
};

/* A string. */
struct go_string {
	__u64 at;
	__u64 len; /* bytes */
};

/* The beginning of an hpack.HeaderField. */
struct go_field {
	struct go_string name;
	struct go_string value;
};

/* What differs between versions, and configuration. As user space writes it: src/plan/layouts.ts. */
struct go_settings {
	__u32 m_curg; /* in runtime.m: the goroutine for which it runs on its own stack */
	__u32 hchan_elemtype; /* in runtime.hchan */
	__u32 pools; /* configuration: goroutines without a request work for the one whose item they took */
	__u32 tls; /* what goes through crypto/tls is told */
	__u64 tcp_close; /* net.(*TCPConn).Close in this process: by it the itab of a TCP connection is known; 0: it has none */
	__u64 buffer_write; /* bufio.(*Writer).Write, by which that of its io.Writer is; 0: no traceparent is written */
	__u64 batch_write; /* … of gRPC's own writer, bufWriter, likewise */
	__u32 request_context; /* in net/http.Request: its context, an interface */
	__u32 old_pattern; /* where ServeMux, as before Go 1.22, keeps the pattern: below the frame pointer */
	__u32 gin_value; /* … gin's handleHTTPRequest what getValue has returned: from the stack pointer */
	__u32 chi_context; /* … chi's routeHTTP its Context */
};

/* tgid → settings. Inserted: user space, before the programs are attached, and once more with `tls`. Deleted: user space, soon after the process's end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct go_settings);
} go_settings SEC(".maps");

/* Go's internal calling convention (ABIInternal): arguments in these registers, the current goroutine in its own. */
#if defined(__TARGET_ARCH_x86)
#define GO_ARGUMENT_1(ctx) ((ctx)->ax)
#define GO_ARGUMENT_2(ctx) ((ctx)->bx)
#define GO_ARGUMENT_3(ctx) ((ctx)->cx)
#define GO_ARGUMENT_4(ctx) ((ctx)->di)
#define GO_ARGUMENT_5(ctx) ((ctx)->si)
#define GO_ARGUMENT_7(ctx) ((ctx)->r9)
#define GO_FRAME(ctx) ((ctx)->bp) /* the saved frame pointer of the caller, the return address, then room for the function's own arguments */
#define GO_GOROUTINE(ctx) ((ctx)->r14)
#define GO_STACK(ctx) ((ctx)->sp)
#else
#define GO_ARGUMENT_1(ctx) (((struct user_pt_regs *)(ctx))->regs[0])
#define GO_ARGUMENT_2(ctx) (((struct user_pt_regs *)(ctx))->regs[1])
#define GO_ARGUMENT_3(ctx) (((struct user_pt_regs *)(ctx))->regs[2])
#define GO_ARGUMENT_4(ctx) (((struct user_pt_regs *)(ctx))->regs[3])
#define GO_ARGUMENT_5(ctx) (((struct user_pt_regs *)(ctx))->regs[4])
#define GO_ARGUMENT_7(ctx) (((struct user_pt_regs *)(ctx))->regs[6])
#define GO_FRAME(ctx) (((struct user_pt_regs *)(ctx))->regs[29])
#define GO_GOROUTINE(ctx) (((struct user_pt_regs *)(ctx))->regs[28])
#define GO_STACK(ctx) (((struct user_pt_regs *)(ctx))->sp)
#endif
#define GO_STACK_ARGUMENTS(ctx) (GO_STACK(ctx) + 8) /* at a function's entry: behind the return address */

/* The scope of the goroutine at this address. The address is used again, by the next one. */
static __always_inline __u64 goroutine_scope(__u32 tgid, __u64 g)
{
	return obi_scope_id(tgid, g);
}

/* Counters of this probe. */
enum go_counter {
	GO_COUNTER_TLS_UNKNOWN, /* reads and writes of crypto/tls without a known socket: TLS over something else than a TCP connection, one that is closed, or another frame than expected */
	GO_COUNTER_HTTP2_UNKNOWN, /* requests over HTTP/2, gRPC's too, without a known socket: they have no span */
	GO_COUNTER_STREAMS_FULL, /* no room for another request over HTTP/2 in flight: it has no span */
	GO_COUNTER_WRITTEN, /* requests that got their traceparent inside the process */
	GO_COUNTER_NO_ROOM, /* … that got none there: no room in the buffer, a header block in parts, or one of more fields than are looked at */
	GO_COUNTER_WRITE_FAILED, /* … whose memory could not be written */
	GO_COUNTER_AUTO_SPAN_UNKNOWN, /* spans of the Auto SDK that ended and whose start was not seen, or forgotten: lost */
	GO_COUNTER_AUTO_SPAN_TOO_LONG, /* … of more than AUTO_SPAN_TEXT bytes: lost */
	GO_COUNTER_AUTO_SPAN_UNREADABLE, /* … that the SDK could not encode (an attribute is not a number), or whose bytes could not be read: lost */
	GO_COUNTER_AUTO_SPAN_MISSED, /* … that the API's global tracer was asked for and did not make: its flag could not be written, or was false again */
	GO_COUNTER_AUTO_SPAN_UNNAMED, /* … whose ids could not be written into the process */
};

enum go_role_kind {
	GO_ROLE_WORKER = 1, /* takes work from channels and has none of its own */
	GO_ROLE_WRITER, /* of a connection of net/http's client */
	GO_ROLE_HELPER, /* dials or reads for that client */
};

struct go_role {
	__u64 of; /* worker: type of its items; writer: key of its connection */
	__u32 kind;
	__u32 tgid;
};

/*
 * Scopes of goroutines that are more than somebody's callees. Inserted: start of a writer or helper, first item of a worker.
 * Deleted: end of the goroutine, start of the next one at its address; user space, soon after the process's end. LRU: a worker that was forgotten keeps its last
 * request until that is answered.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct go_role);
} go_roles SEC(".maps");

static __always_inline void go_role_give(__u64 scope, __u32 kind, __u64 of)
{
	struct go_role role = { .of = of, .kind = kind, .tgid = bpf_get_current_pid_tgid() >> 32 };

	bpf_map_update_elem(&go_roles, &scope, &role, BPF_ANY);
}

#endif
