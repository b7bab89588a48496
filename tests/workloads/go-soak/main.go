// SPDX-License-Identifier: Apache-2.0

// The three programs of go-soak.live.test.ts, by ROLE. driver: asks URL for REQUESTS, each in a trace of its own. caller: each of its requests makes CALLS calls, in
// every way in turn, and rubbish for the garbage collector. leaf: listens in plaintext, then over TLS, and compares what it receives with what was sent.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
)

func number(key string) int {
	n, err := strconv.Atoi(os.Getenv(key))
	if err != nil {
		fail(fmt.Errorf("%s: %w", key, err))
	}
	return n
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Says on which port, as the harness wants it.
func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	return listener
}

func serve(listener net.Listener, handler http.Handler) {
	fail(http.Serve(listener, handler))
}

func main() {
	switch role := os.Getenv("ROLE"); role {
	case "driver":
		drive(os.Getenv("URL"), number("REQUESTS"), number("CONCURRENCY"))
	case "caller":
		serve(listen(), newCaller(os.Getenv("PLAIN"), os.Getenv("TLS"), number("CALLS")))
	case "leaf":
		receiver, plain, encrypted := newLeaf(), listen(), listen()
		go func() { fail(http.ServeTLS(encrypted, receiver, os.Getenv("CERT"), os.Getenv("KEY"))) }()
		serve(plain, receiver)
	default:
		fail(fmt.Errorf("ROLE is driver, caller or leaf, not %q", role))
	}
}
