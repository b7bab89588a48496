// SPDX-License-Identifier: Apache-2.0

// One service of the benchmark's chain for Go. NEXT=URL: waits t1 ms, asks the next one, and answers as a middle of tests/workloads/parents/README.md does.
// Without NEXT: the last one, a leaf. With the build tag `otel` it is instrumented by hand, as OpenTelemetry's documentation says (otel.go).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

var (
	next   = os.Getenv("NEXT")
	client = &http.Client{Timeout: time.Minute, Transport: instrumentedClient(&http.Transport{MaxIdleConnsPerHost: 64})}
)

func ask(r *http.Request, url string) (json.RawMessage, error) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

func answer(r *http.Request) (any, error) {
	query := r.URL.Query()
	id := query.Get("id")
	if next == "" {
		seen := r.Header.Values("traceparent")
		first := any(nil)
		if len(seen) > 0 {
			first = seen[0]
		}
		call, _ := strconv.Atoi(query.Get("call"))
		return map[string]any{"id": id, "call": call, "traceparent": first, "traceparents": len(seen)}, nil
	}
	wait, _ := strconv.Atoi(query.Get("t1"))
	time.Sleep(time.Duration(wait) * time.Millisecond)
	leaf, err := ask(r, fmt.Sprintf("%s/leaf?id=%s&call=1", next, id))
	return map[string]any{"id": id, "leaves": []json.RawMessage{leaf}}, err
}

func handle(w http.ResponseWriter, r *http.Request) {
	value, err := answer(r)
	body, encoding := json.Marshal(value)
	if err != nil || encoding != nil {
		http.Error(w, fmt.Sprint(err, encoding), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	fmt.Fprintln(os.Stderr, http.Serve(listener, instrumentedServer(http.HandlerFunc(handle))))
}
