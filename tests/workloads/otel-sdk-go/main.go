// SPDX-License-Identifier: Apache-2.0

// Service on net/http that makes spans by OpenTelemetry's API and has its SDK, registered after the tracer was asked for. Prints what the SDK gets
// of each: name, trace id, span id, parent's span id.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"
)

var tracer = otel.Tracer("shop")

type printer struct{}

func (printer) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	for _, span := range spans {
		ids := span.SpanContext()
		fmt.Println("span", span.Name(), ids.TraceID(), ids.SpanID(), span.Parent().SpanID())
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

func handle(_ http.ResponseWriter, r *http.Request) {
	ctx, outer := tracer.Start(r.Context(), "outer")
	_, inner := tracer.Start(ctx, "inner")
	inner.End()
	outer.End()
}

func main() {
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSyncer(printer{})))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(handle)))
}
