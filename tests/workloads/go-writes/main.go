// SPDX-License-Identifier: Apache-2.0

// Service on net/http that writes requests in every way: /WAY?url=URL asks URL so and answers with what that says, or writes the request
// somewhere else and answers with what was written.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"time"
)

const own = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"

// Bytes of a header that does not fit into a connection's buffer, and of a body.
const longHeader, longBody = 6000, 100000

// A body whose length net/http does not know.
type unknown struct{ io.Reader }

// request as this way has it
func request(r *http.Request, way string) (*http.Request, error) {
	method, body := "GET", io.Reader(nil)
	switch way {
	case "post", "expect":
		method, body = "POST", strings.NewReader(strings.Repeat("x", longBody))
	case "chunked":
		method, body = "POST", unknown{strings.NewReader(strings.Repeat("x", longBody))}
	}
	out, err := http.NewRequestWithContext(r.Context(), method, r.URL.Query().Get("url"), body)
	if err != nil {
		return nil, err
	}
	if way == "expect" {
		out.Header.Set("Expect", "100-continue")
	}
	if strings.HasPrefix(way, "large") {
		out.Header.Set("X-Long", strings.Repeat("y", longHeader))
	}
	if strings.HasSuffix(way, "own") {
		out.Header.Set("Traceparent", own)
	}
	return out, nil
}

// What is written, and not sent.
var writers = map[string]func(*http.Request) ([]byte, error){
	"dump": func(r *http.Request) ([]byte, error) { return httputil.DumpRequestOut(r, true) },
	"file": func(r *http.Request) ([]byte, error) {
		file, err := os.CreateTemp("", "go-writes")
		if err != nil {
			return nil, err
		}
		defer os.Remove(file.Name())
		if err := r.Write(file); err != nil {
			return nil, err
		}
		return os.ReadFile(file.Name())
	},
	"buffer": func(r *http.Request) ([]byte, error) {
		var text bytes.Buffer
		writer := bufio.NewWriter(&text)
		if err := r.Write(writer); err != nil {
			return nil, err
		}
		err := writer.Flush()
		return text.Bytes(), err
	},
	"response": func(r *http.Request) ([]byte, error) {
		var text bytes.Buffer
		writer := bufio.NewWriter(&text)
		for _, header := range []string{"short", strings.Repeat("z", longHeader)} {
			answer := http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"X-Long": {header}}}
			if err := answer.Write(writer); err != nil {
				return nil, err
			}
		}
		err := writer.Flush()
		return text.Bytes(), err
	},
}

var client = &http.Client{Transport: &http.Transport{
	TLSClientConfig:       &tls.Config{InsecureSkipVerify: true},
	ForceAttemptHTTP2:     os.Getenv("HTTP2") == "1",
	ExpectContinueTimeout: 5 * time.Second,
}}

func answer(r *http.Request) ([]byte, error) {
	way := strings.TrimPrefix(r.URL.Path, "/")
	out, err := request(r, way)
	if err != nil {
		return nil, err
	}
	if write, ok := writers[way]; ok {
		return write(out)
	}
	response, err := client.Do(out)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := answer(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = w.Write(text)
	})))
}
