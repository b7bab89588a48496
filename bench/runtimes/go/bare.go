// SPDX-License-Identifier: Apache-2.0

//go:build !otel

package main

import (
	"net/http"

	"google.golang.org/grpc"
)

func instrumentedClient(transport http.RoundTripper) http.RoundTripper { return transport }
func instrumentedServer(handler http.Handler) http.Handler             { return handler }
func serverOptions() []grpc.ServerOption                               { return nil }
func dialOptions() []grpc.DialOption                                   { return nil }
