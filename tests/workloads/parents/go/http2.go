// SPDX-License-Identifier: Apache-2.0

//go:build go1.24

package main

import "net/http"

func allowPlainHTTP2(server *http.Server) {
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
}
