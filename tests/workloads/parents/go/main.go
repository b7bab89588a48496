// SPDX-License-Identifier: Apache-2.0

// A middle on net/http, for the parents measurement (../README.md). Builds with Go 1.18 and newer.
// DEPTH: how many goroutines start one another before the call is made (0: the handler's own goroutine where the calls are in sequence).
// POOL: calls are made by so many goroutines that take work from a channel (0: none), with room for BUFFER items. They are started at the beginning; LAZY=1: by
// the requests, one by each until there are enough.
// TOKENS: each call needs one of so many pointers that go round in a channel, as connections of a database do (0: none).
// CERT, KEY: files for TLS, without which it listens in plaintext; it calls leaves over TLS where their URLs say so, by HTTP/1 alone.
// HTTP2=1: it speaks HTTP/2, too: over TLS to both sides, and, built by Go 1.24 or newer, in plaintext to its callers.
// QUEUE=1: a goroutine between callers and pool keeps what the pool cannot take yet in a list of its own.
package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

type leaf = json.RawMessage

type job struct {
	url  string
	wait time.Duration
	done chan<- result
}

type result struct {
	body leaf
	err  error
}

var (
	leaves = strings.Split(os.Getenv("LEAVES"), ",")
	depth  = number("DEPTH")
	pool   = number("POOL")
	lazy   = os.Getenv("LAZY") == "1"
	jobs   chan job // what callers put into
	work   chan job // what workers take from
	begun  int64
	tokens chan *int
	client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives:   os.Getenv("KEEPALIVE") != "1",
		MaxIdleConnsPerHost: 16,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2:   os.Getenv("HTTP2") == "1",
	}}
)

func number(key string) int {
	n, _ := strconv.Atoi(os.Getenv(key))
	return n
}

func get(url string) (leaf, error) {
	if tokens != nil {
		token := <-tokens
		defer func() { tokens <- token }()
	}
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d", url, response.StatusCode)
	}
	return body, err
}

// Each level waits for the one that it has started.
func nested(levels int, work func() result) result {
	if levels == 0 {
		return work()
	}
	inner := make(chan result)
	go func() { inner <- nested(levels-1, work) }()
	return <-inner
}

func call(n int, id string, wait time.Duration) result {
	url := fmt.Sprintf("%s/leaf?id=%s&call=%d", leaves[n-1], id, n)
	if jobs != nil {
		if lazy && atomic.AddInt64(&begun, 1) <= int64(pool) {
			go worker(work)
		}
		done := make(chan result, 1)
		jobs <- job{url, wait, done}
		return <-done
	}
	return nested(depth, func() result {
		time.Sleep(wait)
		body, err := get(url)
		return result{body, err}
	})
}

func queue(in <-chan job, out chan<- job) {
	var waiting []job
	for {
		if len(waiting) == 0 {
			waiting = append(waiting, <-in)
		}
		select {
		case j := <-in:
			waiting = append(waiting, j)
		case out <- waiting[0]:
			waiting = waiting[1:]
		}
	}
}

func worker(jobs <-chan job) {
	for j := range jobs {
		time.Sleep(j.wait)
		body, err := get(j.url)
		j.done <- result{body, err}
	}
}

func handle(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	id, order := query.Get("id"), query.Get("order")
	digits := strings.TrimPrefix(order, "p")
	wait := func(n int) time.Duration {
		ms, _ := strconv.Atoi(query.Get("t" + strconv.Itoa(n+1)))
		return time.Duration(ms) * time.Millisecond
	}
	results := make([]chan result, len(digits))
	for n := range digits {
		results[n] = make(chan result, 1)
		one := func(n int) { results[n] <- call(int(digits[n]-'0'), id, wait(n)) }
		if order == digits {
			one(n)
		} else {
			go one(n)
		}
	}
	answers := []leaf{}
	for _, each := range results {
		answer := <-each
		if answer.err != nil {
			http.Error(w, answer.err.Error(), http.StatusBadGateway)
			return
		}
		answers = append(answers, answer.body)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "leaves": answers})
}

func main() {
	if pool > 0 {
		jobs = make(chan job, number("BUFFER"))
		work = jobs
		if os.Getenv("QUEUE") == "1" {
			work = make(chan job)
			go queue(jobs, work)
		}
	}
	for n := 0; n < pool && !lazy; n++ {
		go worker(work)
	}
	if n := number("TOKENS"); n > 0 {
		tokens = make(chan *int, n)
		for i := 0; i < n; i++ {
			tokens <- new(int)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: http.HandlerFunc(handle)}
	if os.Getenv("HTTP2") == "1" {
		allowPlainHTTP2(server)
	} else {
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	if certificate := os.Getenv("CERT"); certificate != "" {
		err = server.ServeTLS(listener, certificate, os.Getenv("KEY"))
	} else {
		err = server.Serve(listener)
	}
	fmt.Fprintln(os.Stderr, err)
}
