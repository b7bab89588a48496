// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Go programs: whose request a goroutine works for (channels, connections of net/http's client), what goes through crypto/tls, requests over HTTP/2, also of gRPC, which route a request has, and spans that the program makes itself. Every program hangs on a function's entry, or on a call or jump in it. */
#include <obi/event.bpf.h>
#include "auto.bpf.h"
#include "channel.bpf.h"
#include "client.bpf.h"
#include "goroutine.bpf.h"
#include "grpc.bpf.h"
#include "grpc_client.bpf.h"
#include "http2.bpf.h"
#include "http2_client.bpf.h"
#include "router.bpf.h"
#include "tls.bpf.h"
#include "write_auto.bpf.h"
#include "write_http1.bpf.h"

OBI_LICENSE;

OBI_EVENT(http_exchange_event, HTTP_EXCHANGE_EVENT);
OBI_EVENT(auto_span_event, AUTO_SPAN_EVENT);
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
	grpc_reader_ended(scope);
	grpc_serves_no_more(scope);
	http2_sender_ended(scope);
	auto_gave_up(scope);
	obi_scope_end(scope);
	return 0;
}

/* net/http.(*persistConn).roundTrip(req *transportRequest), in the goroutine that makes the request */
SEC("uprobe.multi")
int go_client_used(struct pt_regs *ctx)
{
	client_used(GO_ARGUMENT_1(ctx), GO_ARGUMENT_2(ctx), GO_GOROUTINE(ctx));
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

/* (*serverConn).newWriterAndRequest(st *stream, f *MetaHeadersFrame), in the goroutine of the connection */
SEC("uprobe.multi")
int go_h2_opened(struct pt_regs *ctx)
{
	http2_opened(GO_ARGUMENT_1(ctx), GO_ARGUMENT_2(ctx), GO_ARGUMENT_3(ctx));
	return 0;
}

/* (*serverConn).runHandler(rw *responseWriter, …), in the request's own goroutine */
SEC("uprobe.multi")
int go_h2_served(struct pt_regs *ctx)
{
	__u64 response = obi_user_word(GO_ARGUMENT_2(ctx) + GO_RESPONSE_STATE);

	stream_served(obi_user_word(response + GO_RESPONSE_STREAM), GO_GOROUTINE(ctx));
	return 0;
}

/* (*serverConn).writeHeaders(st *stream, headerData *writeResHeaders) */
SEC("uprobe.multi")
int go_h2_answered(struct pt_regs *ctx)
{
	http2_answered(GO_ARGUMENT_2(ctx), obi_user_word(GO_ARGUMENT_3(ctx) + GO_HEADERS_STATUS));
	return 0;
}

/* (*responseWriter).handlerDone(): not called where the handler panics */
SEC("uprobe.multi")
int go_h2_handled(struct pt_regs *ctx)
{
	http2_handled(obi_user_word(obi_user_word(GO_ARGUMENT_1(ctx) + GO_RESPONSE_STATE) + GO_RESPONSE_STREAM));
	return 0;
}

/* (*serverConn).closeStream(st *stream, err error): of every stream, once */
SEC("uprobe.multi")
int go_h2_closed(struct pt_regs *ctx)
{
	stream_closed(GO_ARGUMENT_2(ctx));
	return 0;
}

/* google.golang.org/grpc/internal/transport.(*http2Server).operateHeaders([ctx context.Context,] frame *http2.MetaHeadersFrame, …) */
SEC("uprobe.multi")
int go_rpc_read(struct pt_regs *ctx)
{
	grpc_read(GO_ARGUMENT_1(ctx), grpc_frame(GO_ARGUMENT_2(ctx), GO_ARGUMENT_4(ctx)), GO_GOROUTINE(ctx));
	return 0;
}

/* What operateHeaders calls for a call that it accepts, in the same goroutine: a function in grpc.(*Server).serveStreams, of the stream */
SEC("uprobe.multi")
int go_rpc_opened(struct pt_regs *ctx)
{
	grpc_opened(GO_ARGUMENT_1(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* google.golang.org/grpc.(*Server).handleStream(t transport.ServerTransport, stream, …), in the goroutine that serves the call */
SEC("uprobe.multi")
int go_rpc_served(struct pt_regs *ctx)
{
	grpc_served(GO_ARGUMENT_4(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* (*http2Server).finishStream(s, rst bool, rstCode http2.ErrCode, hdr, …) */
SEC("uprobe.multi")
int go_rpc_answered(struct pt_regs *ctx)
{
	grpc_answered(GO_ARGUMENT_2(ctx), GO_ARGUMENT_5(ctx));
	return 0;
}

/* (*http2Server).deleteStream(s, …): of every stream; of some twice */
SEC("uprobe.multi")
int go_rpc_closed(struct pt_regs *ctx)
{
	stream_closed(GO_ARGUMENT_2(ctx));
	return 0;
}

/* (*clientStream).encodeAndWriteHeaders(req), in the stream's own goroutine, as are writeHeader and writeHeaders */
SEC("uprobe.multi")
int go_h2_encodes(struct pt_regs *ctx)
{
	http2_encodes(GO_ARGUMENT_1(ctx), GO_ARGUMENT_2(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* (*ClientConn).writeHeader(name, value string) */
SEC("uprobe.multi")
int go_h2_field(struct pt_regs *ctx)
{
	struct go_field field = { .name = { .at = GO_ARGUMENT_2(ctx), .len = GO_ARGUMENT_3(ctx) },
				  .value = { .at = GO_ARGUMENT_4(ctx), .len = GO_ARGUMENT_5(ctx) } };

	http2_field(&field, GO_GOROUTINE(ctx));
	return 0;
}

/* (*ClientConn).writeHeaders(streamID uint32, …) */
SEC("uprobe.multi")
int go_h2_sent(struct pt_regs *ctx)
{
	http2_sent(GO_ARGUMENT_1(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* (*Framer).WriteHeaders(p HeadersFrameParam): too large for registers */
SEC("uprobe.multi")
int go_h2_framed(struct pt_regs *ctx)
{
	http2_framed(GO_ARGUMENT_1(ctx), GO_STACK_ARGUMENTS(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* net/http.(*transferWriter).writeBody(w io.Writer), in (*Request).write: the header block is written */
SEC("uprobe.multi")
int go_head_written(struct pt_regs *ctx)
{
	head_written(GO_ARGUMENT_3(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* The calls of bufio.(*Writer).Flush() in (*Request).write: the header block is sent before the body is there */
SEC("uprobe.multi")
int go_head_flushed(struct pt_regs *ctx)
{
	head_written(GO_ARGUMENT_1(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* (*clientConnReadLoop).handleResponse(cs *clientStream, f *MetaHeadersFrame) */
SEC("uprobe.multi")
int go_h2_got(struct pt_regs *ctx)
{
	http2_got(GO_ARGUMENT_2(ctx), GO_ARGUMENT_3(ctx));
	return 0;
}

/* (*clientConnReadLoop).endStream(cs *clientStream) */
SEC("uprobe.multi")
int go_h2_got_all(struct pt_regs *ctx)
{
	http2_got_all(GO_ARGUMENT_2(ctx));
	return 0;
}

/* (*clientStream).cleanupWriteRequest(err error): of every stream, once */
SEC("uprobe.multi")
int go_h2_over(struct pt_regs *ctx)
{
	stream_closed(GO_ARGUMENT_1(ctx));
	return 0;
}

/* go.opentelemetry.io/auto/sdk.(*tracer).start(ctx context.Context, spanPtr *span, …), where its stack is large enough */
SEC("uprobe.multi")
int go_auto_started(struct pt_regs *ctx)
{
	auto_started(GO_ARGUMENT_2(ctx), GO_ARGUMENT_3(ctx), GO_ARGUMENT_4(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* The same, in its place where memory may be written: behind spanPtr stand psc *trace.SpanContext, sampled *bool, sc *trace.SpanContext */
SEC("uprobe.multi")
int go_auto_named(struct pt_regs *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct go_span *s;

	auto_answered(tgid, goroutine_scope(tgid, GO_GOROUTINE(ctx)));
	s = auto_started(GO_ARGUMENT_2(ctx), GO_ARGUMENT_3(ctx), GO_ARGUMENT_4(ctx), GO_GOROUTINE(ctx));
	if (s)
		auto_name(s, GO_ARGUMENT_7(ctx));
	return 0;
}

/* go.opentelemetry.io/otel/internal/global.(*tracer).newSpan(ctx context.Context, autoSpan *bool, …), likewise: only without an SDK */
SEC("uprobe.multi")
int go_auto_asked(struct pt_regs *ctx)
{
	auto_asked(GO_ARGUMENT_4(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* (*span).ended(buf []byte), likewise: once for a span */
SEC("uprobe.multi")
int go_auto_ended(struct pt_regs *ctx)
{
	auto_ended(GO_ARGUMENT_1(ctx), GO_ARGUMENT_2(ctx), GO_ARGUMENT_3(ctx));
	return 0;
}

/* Where net/http.(*ServeMux).ServeHTTP stores what findHandler has returned: the pattern is its fifth word */
SEC("uprobe.multi")
int go_route_std(struct pt_regs *ctx)
{
	serve_mux_found(GO_GOROUTINE(ctx), obi_user_word(GO_FRAME(ctx) + GO_SERVE_REQUEST), GO_ARGUMENT_5(ctx));
	return 0;
}

/* What net/http.(*ServeMux).handler, before Go 1.22, has deferred: the frame pointer is still handler's */
SEC("uprobe.multi")
int go_route_old(struct pt_regs *ctx)
{
	old_mux_found(GO_GOROUTINE(ctx), GO_FRAME(ctx));
	return 0;
}

/* github.com/gorilla/mux.requestWithRoute(r *http.Request, route *Route) */
SEC("uprobe.multi")
int go_route_mux(struct pt_regs *ctx)
{
	__u64 path = obi_user_word(GO_ARGUMENT_2(ctx) + GO_MUX_PATH);

	route_found(GO_GOROUTINE(ctx), GO_ARGUMENT_1(ctx), go_string_at(path));
	return 0;
}

/* Where github.com/gin-gonic/gin.(*Engine).handleHTTPRequest looks at what getValue has returned */
SEC("uprobe.multi")
int go_route_gin(struct pt_regs *ctx)
{
	gin_found(GO_GOROUTINE(ctx), GO_STACK(ctx));
	return 0;
}

/* Where github.com/go-chi/chi/v5.(*Mux).routeHTTP looks at what FindRoute has returned: the handler's type is its third word */
SEC("uprobe.multi")
int go_route_chi(struct pt_regs *ctx)
{
	chi_found(GO_GOROUTINE(ctx), GO_STACK(ctx), GO_ARGUMENT_3(ctx));
	return 0;
}

/* The call of executeAndPut(c *controlBuffer, f func, it cbItem) with which gRPC's (*http2Client).NewStream queues a header block; again where it has to wait */
SEC("uprobe.multi")
int go_rpc_asks(struct pt_regs *ctx)
{
	grpc_asks(GO_ARGUMENT_4(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* (*loopyWriter).writeHeader(streamID uint32, endStream bool, hf []hpack.HeaderField, onWrite func()): a second time where its stack grows, and then there is nothing queued */
SEC("uprobe.multi")
int go_rpc_encodes(struct pt_regs *ctx)
{
	grpc_encodes(GO_ARGUMENT_1(ctx), GO_ARGUMENT_4(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* Where writeHeader goes on behind its call of (*Framer).WriteHeaders */
SEC("uprobe.multi")
int go_rpc_framed(struct pt_regs *ctx)
{
	frame_made(GO_GOROUTINE(ctx));
	return 0;
}

/* Where NewStream looks at the error that the call returned: the first result, whether it was queued, is still in its register */
SEC("uprobe.multi")
int go_rpc_asked(struct pt_regs *ctx)
{
	grpc_asked((__u8)GO_ARGUMENT_1(ctx), GO_GOROUTINE(ctx));
	return 0;
}

/* (*http2Client).closeStream(s, err error, rst bool, rstCode http2.ErrCode, st *status.Status, …): of every stream, once by whoever ends it, and once by its caller */
SEC("uprobe.multi")
int go_rpc_over(struct pt_regs *ctx)
{
	grpc_over(GO_ARGUMENT_2(ctx), GO_ARGUMENT_7(ctx));
	return 0;
}
