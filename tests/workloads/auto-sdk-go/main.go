// SPDX-License-Identifier: Apache-2.0

// Service on net/http that makes spans of its own: by OpenTelemetry's Auto SDK, or (TRACER=global) by the API alone. Each says in an
// attribute what the program reads as its ids.
//
//	/spans?n=N      nested, with attributes of every type, events, links and an error; N stands in all of them
//	/children?n=N   one in a goroutine of its own, beside another
//	/call?n=N       asks NEXT inside a span, with its context, and without it; then both with a traceparent that names it, and when it is over
//	/open?n=N       one that is never ended, and one below it
//	/large?bytes=B  one with so many bytes in it, then a small one
//	/nan            one with an attribute that JSON has no number for
//	/background?n=N one outside of all requests, with a call to NEXT
//	/recording      204 where a span does not record, else 200
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/auto/sdk"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

func provider() trace.TracerProvider {
	if os.Getenv("TRACER") == "global" {
		return otel.GetTracerProvider()
	}
	return sdk.TracerProvider()
}

var tracer = provider().Tracer("shop", trace.WithInstrumentationVersion("1.2.3"))

func start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	ctx, span := tracer.Start(ctx, name, options...)
	ids := span.SpanContext()
	span.SetAttributes(attribute.String("ids", fmt.Sprintf("%s-%s-%s", ids.TraceID(), ids.SpanID(), ids.TraceFlags())))
	return ctx, span
}

// Another trace, as a message of a queue may name it.
var other = trace.NewSpanContext(trace.SpanContextConfig{
	TraceID:    trace.TraceID{0xc0, 0xff, 0xee, 15: 1},
	SpanID:     trace.SpanID{0xbe, 0xef, 7: 2},
	TraceFlags: trace.FlagsSampled,
	Remote:     true,
})

type unrelated struct{}

func pause(n int) { time.Sleep(time.Duration(n%7) * time.Millisecond) }

func attributes(n int) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.Int("n", n),
		attribute.String("text", "Größe \"1\"\n<&>"),
		attribute.Bool("flag", true),
		attribute.Int64("integer", math.MaxInt64),
		attribute.Float64("double", 2),
		attribute.StringSlice("texts", []string{"a", ""}),
		attribute.BoolSlice("flags", []bool{true, false}),
		attribute.Int64Slice("integers", []int64{math.MinInt64, 7}),
		attribute.Float64Slice("doubles", []float64{1, 0.5}),
	}
}

func spans(ctx context.Context, n int) {
	ctx, outer := start(ctx, "outer "+strconv.Itoa(n), trace.WithAttributes(attributes(n)...), trace.WithLinks(trace.Link{
		SpanContext: other,
		Attributes:  []attribute.KeyValue{attribute.String("why", "message")},
	}))
	defer outer.End()
	outer.AddEvent("begun", trace.WithAttributes(attribute.Int("n", n)))
	pause(n)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ctx, inner := start(context.WithValue(ctx, unrelated{}, "value"), "inner", trace.WithSpanKind(trace.SpanKindConsumer))
	inner.SetName("inner " + strconv.Itoa(n))
	inner.SetAttributes(attribute.Int("n", n))
	inner.RecordError(errors.New("out of stock"))
	inner.SetStatus(codes.Error, "failed")
	_, innermost := start(ctx, "innermost "+strconv.Itoa(n), trace.WithTimestamp(time.Unix(1700000000, 123456789)))
	// To a span of this SDK: where the process does not know its ids it names nothing.
	innermost.AddLink(trace.Link{SpanContext: outer.SpanContext()})
	innermost.SetStatus(codes.Ok, "")
	innermost.End(trace.WithTimestamp(time.Unix(1700000001, 987654321)))
	inner.End()
	_, sibling := start(ctx, "late "+strconv.Itoa(n))
	sibling.End()
}

func children(ctx context.Context, n int) {
	ctx, outer := start(ctx, "outer "+strconv.Itoa(n))
	defer outer.End()
	var wait sync.WaitGroup
	for _, name := range []string{"left", "right"} {
		wait.Add(1)
		go func() {
			defer wait.Done()
			ctx, span := start(ctx, name+" "+strconv.Itoa(n))
			defer span.End()
			pause(n)
			_, below := start(ctx, "below "+name+" "+strconv.Itoa(n))
			below.End()
		}()
	}
	wait.Wait()
}

// HTTP/2 where NEXT is https.
var client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}

func ask(ctx context.Context, what string) { askFor(ctx, context.Background(), what) }

// With a traceparent of the program's own for the span that `named` carries, if it has ids there.
func askFor(ctx, named context.Context, what string) {
	request, err := http.NewRequestWithContext(ctx, "GET", os.Getenv("NEXT")+"/"+what, nil)
	if err != nil {
		panic(err)
	}
	propagation.TraceContext{}.Inject(named, propagation.HeaderCarrier(request.Header))
	response, err := client.Do(request)
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

func call(ctx context.Context, n int) {
	inside, span := start(ctx, "outer "+strconv.Itoa(n))
	pause(n)
	ask(inside, "inside-"+strconv.Itoa(n))
	ask(ctx, "beside-"+strconv.Itoa(n))
	askFor(inside, inside, "named-inside-"+strconv.Itoa(n))
	askFor(ctx, inside, "named-beside-"+strconv.Itoa(n))
	span.End()
	askFor(inside, inside, "named-after-"+strconv.Itoa(n))
}

func handle(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	switch r.URL.Path {
	case "/spans":
		spans(r.Context(), n)
	case "/children":
		children(r.Context(), n)
	case "/call":
		call(r.Context(), n)
	case "/recording":
		_, span := start(r.Context(), "recording")
		if !span.IsRecording() {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		span.End()
	case "/open":
		ctx, _ := start(r.Context(), "never ended")
		_, below := start(ctx, "below "+strconv.Itoa(n))
		below.End()
	case "/large":
		bytes, _ := strconv.Atoi(r.URL.Query().Get("bytes"))
		_, large := start(r.Context(), "large", trace.WithAttributes(attribute.String("text", strings.Repeat("x", bytes))))
		large.End()
		_, small := start(r.Context(), "small")
		small.End()
	case "/nan":
		_, span := start(r.Context(), "nan", trace.WithAttributes(attribute.Float64("nan", math.NaN())))
		span.End()
	case "/background":
		background <- n
		<-background
	}
	fmt.Fprintln(w, "ok")
}

var background = make(chan int)

// Started before any request: nothing is known of what it works for but what its spans say.
func work() {
	for n := range background {
		ctx, span := start(context.Background(), "job "+strconv.Itoa(n))
		ask(ctx, "job-"+strconv.Itoa(n))
		span.End()
		background <- n
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go work()
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(handle)))
}
