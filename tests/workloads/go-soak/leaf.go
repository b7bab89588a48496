// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

var valid = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// What was received in one way.
type verdicts struct {
	Right     int `json:"right"`
	Missing   int `json:"missing"`
	Doubled   int `json:"doubled"`
	Malformed int `json:"malformed"`
	Wrong     int `json:"wrong"` // another request's trace
	Corrupted int `json:"corrupted"`
}

type leaf struct {
	mutex sync.Mutex
	ways  map[string]*verdicts
}

func newLeaf() http.Handler {
	return &leaf{ways: map[string]*verdicts{}}
}

func (l *leaf) judge(r *http.Request, body []byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	name := r.Header.Get("X-Way")
	way := l.ways[name]
	if way == nil {
		way = &verdicts{}
		l.ways[name] = way
	}
	found := r.Header.Values("Traceparent")
	switch {
	case r.Header.Get("X-Check") != check(r.URL.RawQuery, r.Header.Get("X-Pad"), string(body)):
		way.Corrupted++
	case len(found) == 0:
		way.Missing++
	case len(found) > 1:
		way.Doubled++
	case !valid.MatchString(found[0]):
		way.Malformed++
	case strings.Split(found[0], "-")[1] != r.Header.Get("X-Trace"):
		way.Wrong++
	default:
		way.Right++
	}
}

func (l *leaf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/verdicts" {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		_ = json.NewEncoder(w).Encode(l.ways)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.judge(r, body)
}
