// SPDX-License-Identifier: Apache-2.0

// One service of the benchmark's chain for Go. NEXT=URL: waits t1 ms, asks the next one, and answers as a middle of tests/workloads/parents/README.md does.
// Without NEXT: the last one, a leaf. RPC=1: the leaf is asked over gRPC (rpc.go). With the build tag `otel` it is instrumented by hand, as OpenTelemetry's documentation says (otel.go).
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

	"google.golang.org/grpc"
)

var (
	next   = os.Getenv("NEXT")
	rpc    *grpc.ClientConn
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
		call, _ := strconv.Atoi(query.Get("call"))
		return leaf(id, call, r.Header.Values("traceparent")), nil
	}
	wait, _ := strconv.Atoi(query.Get("t1"))
	time.Sleep(time.Duration(wait) * time.Millisecond)
	said, err := askNext(r, id)
	return map[string]any{"id": id, "leaves": []json.RawMessage{said}}, err
}

func askNext(r *http.Request, id string) (json.RawMessage, error) {
	if rpc != nil {
		return askRPC(r.Context(), id)
	}
	return ask(r, fmt.Sprintf("%s/leaf?id=%s&call=1", next, id))
}

func leaf(id string, call int, traceparents []string) map[string]any {
	first := any(nil)
	if len(traceparents) > 0 {
		first = traceparents[0]
	}
	return map[string]any{"id": id, "call": call, "traceparent": first, "traceparents": len(traceparents)}
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

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		exit(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	if os.Getenv("RPC") == "1" {
		if next == "" {
			exit(serveRPC(listener))
		}
		if rpc, err = newRPC(next); err != nil {
			exit(err)
		}
	}
	exit(http.Serve(listener, instrumentedServer(http.HandlerFunc(handle))))
}
