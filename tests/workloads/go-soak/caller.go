// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"
)

const (
	depth      = 5   // goroutines that start one another before a call
	rubbish    = 64  // pieces that each of them leaves behind
	longestPad = 600 // of a header and of a body
)

// A way in which a call is made.
type way struct {
	name   string
	client *http.Client
	url    string
	post   bool
}

func newWays(plain, encrypted string) []way {
	client := func(kept, http2 bool) *http.Client {
		transport := &http.Transport{
			DisableKeepAlives:   !kept,
			MaxIdleConnsPerHost: 16,
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
			ForceAttemptHTTP2:   http2,
		}
		if !http2 {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		return &http.Client{Timeout: 2 * time.Minute, Transport: transport}
	}
	var ways []way
	for _, post := range []bool{false, true} {
		method := map[bool]string{false: "get", true: "post"}[post]
		for _, connection := range []string{"kept", "new"} {
			kept := connection == "kept"
			ways = append(ways,
				way{"plaintext " + connection + " " + method, client(kept, false), plain, post},
				way{"tls " + connection + " " + method, client(kept, false), encrypted, post},
				way{"http2 " + connection + " " + method, client(kept, true), encrypted, post})
		}
	}
	return ways
}

type caller struct {
	ways  []way
	calls int
	mutex sync.Mutex
	next  int
}

func newCaller(plain, encrypted string, calls int) http.Handler {
	return &caller{ways: newWays(plain, encrypted), calls: calls}
}

func (c *caller) turn() way {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.next++
	return c.ways[c.next%len(c.ways)]
}

// Keeps what it makes alive a little, so that the collector has something to walk through.
func nested(levels int, work func() error) error {
	kept := make([][]byte, rubbish)
	for n := range kept {
		kept[n] = make([]byte, 16+rand.Intn(256))
	}
	defer runtime.KeepAlive(kept)
	if levels == 0 {
		return work()
	}
	inner := make(chan error)
	go func() { inner <- nested(levels-1, work) }()
	return <-inner
}

func (w way) call(trace string) error {
	pad, body := strings.Repeat("p", rand.Intn(longestPad)), ""
	method := "GET"
	if w.post {
		method, body = "POST", strings.Repeat("b", 1+rand.Intn(longestPad))
	}
	request, err := http.NewRequest(method, w.url+"/leaf?pad="+pad[:len(pad)/8], strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("X-Way", w.name)
	request.Header.Set("X-Trace", trace)
	request.Header.Set("X-Pad", pad)
	request.Header.Set("X-Check", check(request.URL.RawQuery, pad, body))
	response, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func check(parts ...string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(strings.Join(parts, "\n"))))
}

func (c *caller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/collections" {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		fmt.Fprint(w, stats.NumGC)
		return
	}
	if r.URL.Path == "/rest" {
		for _, one := range c.ways {
			one.client.CloseIdleConnections()
		}
		return
	}
	trace := strings.Split(r.Header.Get("Traceparent")+"--", "-")[1]
	results := make(chan error, c.calls)
	for n := 0; n < c.calls; n++ {
		one := c.turn()
		go func() { results <- nested(depth, func() error { return one.call(trace) }) }()
	}
	for n := 0; n < c.calls; n++ {
		if err := <-results; err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
}
