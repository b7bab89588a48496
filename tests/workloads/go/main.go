// SPDX-License-Identifier: Apache-2.0

// HTTP service on net/http; a leaf unless DOWNSTREAM is set. See ../README.md for its settings.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	name            = env("NAME", "go")
	downstream      = strings.FieldsFunc(os.Getenv("DOWNSTREAM"), func(r rune) bool { return r == ',' })
	delay           = time.Duration(number("DELAY_MS")) * time.Millisecond
	pad             = strings.Repeat("x", number("PAD_BYTES"))
	sendTraceparent = os.Getenv("SEND_TRACEPARENT") == "1"
	served          atomic.Int64
	client          = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: os.Getenv("KEEPALIVE") != "1", MaxIdleConnsPerHost: 64}}
)

func env(key, fallback string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return fallback
}

func number(key string) int {
	n, _ := strconv.Atoi(os.Getenv(key))
	return n
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func call(base, path, requestID string) (map[string]any, error) {
	request, err := http.NewRequest(http.MethodGet, base+path, nil)
	if err != nil {
		return nil, err
	}
	if requestID != "" {
		request.Header.Set("x-request-id", requestID)
	}
	sent := ""
	if sendTraceparent {
		sent = "00-" + randomHex(16) + "-" + randomHex(8) + "-01"
		request.Header.Set("traceparent", sent)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", base, response.StatusCode)
	}
	result := map[string]any{}
	if err := json.Unmarshal(body, &result); err != nil {
		return nil, err
	}
	if sent != "" {
		result["sent"] = sent
	}
	return result, nil
}

func callAll(path, requestID string) ([]map[string]any, error) {
	results := make([]map[string]any, len(downstream))
	errs := make([]error, len(downstream))
	var wait sync.WaitGroup
	for i, base := range downstream {
		wait.Add(1)
		go func(i int, base string) {
			defer wait.Done()
			results[i], errs[i] = call(base, path, requestID)
		}(i, base)
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

func answer(w http.ResponseWriter, status int, value any) {
	body, _ := json.Marshal(value)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		answer(w, http.StatusOK, map[string]any{"ok": true})
		return
	case "/stats":
		answer(w, http.StatusOK, map[string]any{"served": served.Load()})
		return
	}
	served.Add(1)
	_, _ = io.Copy(io.Discard, r.Body)
	time.Sleep(delay)
	requestID := r.Header.Get("x-request-id")
	results, err := callAll(r.URL.RequestURI(), requestID)
	if err != nil {
		answer(w, http.StatusBadGateway, map[string]any{"service": name, "error": err.Error()})
		return
	}
	seen := r.Header.Values("traceparent")
	value := map[string]any{"service": name, "traceparent": nil, "traceparents": len(seen), "request": nil, "downstream": results}
	if len(seen) > 0 {
		value["traceparent"] = seen[0]
	}
	if requestID != "" {
		value["request"] = requestID
	}
	if pad != "" {
		value["pad"] = pad
	}
	answer(w, http.StatusOK, value)
}

func main() {
	listener, err := net.Listen("tcp", net.JoinHostPort(env("HOST", "127.0.0.1"), env("PORT", "0")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	if err := http.Serve(listener, http.HandlerFunc(handle)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
