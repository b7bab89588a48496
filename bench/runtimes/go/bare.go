// SPDX-License-Identifier: Apache-2.0

//go:build !otel

package main

import "net/http"

func instrumentedClient(transport http.RoundTripper) http.RoundTripper { return transport }
func instrumentedServer(handler http.Handler) http.Handler             { return handler }
