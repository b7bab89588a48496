// SPDX-License-Identifier: Apache-2.0

// HTTPS service on net/http, HTTP/1 alone, or with HTTP2=1 both. /status/N answers with that status after some ms, /bytes/N with so many bytes, in one write; /panic/N does not answer.
// /ask/N?url=URL&traceparent=T asks URL, with a traceparent of its own if T is given, and answers with N.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func handle(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	n, err := strconv.Atoi(parts[len(parts)-1])
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if parts[1] == "bytes" {
		w.Header().Set("Content-Length", strconv.Itoa(n))
		_, _ = w.Write(make([]byte, n))
		return
	}
	if parts[1] == "ask" {
		ask(r.URL.Query().Get("url"), r.URL.Query().Get("traceparent"))
	}
	if parts[1] == "panic" {
		panic(http.ErrAbortHandler)
	}
	time.Sleep(time.Duration(n%5) * time.Millisecond)
	w.WriteHeader(n)
}

var client = &http.Client{Transport: &http.Transport{
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	ForceAttemptHTTP2: os.Getenv("HTTP2") == "1",
}}

func ask(url, traceparent string) {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return
	}
	if traceparent != "" {
		request.Header.Set("traceparent", traceparent)
	}
	if response, err := client.Do(request); err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: http.HandlerFunc(handle)}
	if os.Getenv("HTTP2") != "1" {
		// An empty table of protocols.
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	fmt.Fprintln(os.Stderr, server.ServeTLS(listener, os.Getenv("CERT"), os.Getenv("KEY")))
}
