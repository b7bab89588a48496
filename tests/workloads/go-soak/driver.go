// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

func ask(client *http.Client, url string) error {
	var ids [24]byte
	if _, err := rand.Read(ids[:]); err != nil {
		return err
	}
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Traceparent", fmt.Sprintf("00-%x-%x-01", ids[:16], ids[16:]))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	return err
}

func drive(url string, requests, concurrency int) {
	client := &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}}
	var begun, done int64
	var all sync.WaitGroup
	for n := 0; n < concurrency; n++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for atomic.AddInt64(&begun, 1) <= int64(requests) {
				if err := ask(client, url); err != nil {
					fmt.Printf("failed: %v\n", err)
				}
				if n := atomic.AddInt64(&done, 1); n%1000 == 0 {
					fmt.Printf("asked %d\n", n)
				}
			}
		}()
	}
	all.Wait()
	fmt.Println("done")
}
