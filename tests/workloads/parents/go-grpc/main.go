// SPDX-License-Identifier: Apache-2.0

// A middle on gRPC, for the parents measurement (../README.md): /parents.Middle/Ask takes and gives a google.protobuf.StringValue: the query of a request to the
// other middles, and the body of its answer. /parents.Middle/Fail (and Flaky) answers with the status code that the string names, /parents.Middle/Vanish does not answer, and
// its goroutine ends; /parents.Middle/Wait answers when the call is given up. client.go: what it calls over gRPC itself.
// WORKERS: goroutines that serve the calls, instead of one for each call (0: none). STREAMS: calls at a time on a connection (0: any number).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type message = wrapperspb.StringValue

var leaves = strings.Split(os.Getenv("LEAVES"), ",")

func get(url string) (json.RawMessage, error) {
	if os.Getenv("CALL") == "grpc" {
		return askLeaf(url)
	}
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// The leaves named by the order: in sequence, or, behind a `p`, side by side.
func ask(_ context.Context, in *message) (*message, error) {
	query, err := url.ParseQuery(in.Value)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	order := query.Get("order")
	digits := strings.TrimPrefix(order, "p")
	answers := make([]json.RawMessage, len(digits))
	failed := make(chan error, len(digits))
	for n := range digits {
		one := func(n int) {
			wait, _ := strconv.Atoi(query.Get("t" + strconv.Itoa(n+1)))
			time.Sleep(time.Duration(wait) * time.Millisecond)
			body, err := get(fmt.Sprintf("%s/leaf?id=%s&call=%c", leaves[digits[n]-'1'], query.Get("id"), digits[n]))
			answers[n] = body
			failed <- err
		}
		if order == digits {
			one(n)
		} else {
			go one(n)
		}
	}
	for range digits {
		if err := <-failed; err != nil {
			return nil, status.Error(codes.Unavailable, err.Error())
		}
	}
	body, err := json.Marshal(map[string]any{"id": query.Get("id"), "leaves": answers})
	return wrapperspb.String(string(body)), err
}

func fail(_ context.Context, in *message) (*message, error) {
	code, err := strconv.Atoi(in.Value)
	if err != nil {
		return nil, err
	}
	return nil, status.Error(codes.Code(code), "as asked for")
}

// The goroutine ends, and nobody answers.
func vanish(context.Context, *message) (*message, error) {
	runtime.Goexit()
	return nil, nil
}

func wait(ctx context.Context, _ *message) (*message, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func method(name string, serve func(context.Context, *message) (*message, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(message)
		if err := decode(in); err != nil {
			return nil, err
		}
		return serve(ctx, in)
	}}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	exit(err)
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	var options []grpc.ServerOption
	if certificate := os.Getenv("CERT"); certificate != "" {
		tls, err := credentials.NewServerTLSFromFile(certificate, os.Getenv("KEY"))
		exit(err)
		options = append(options, grpc.Creds(tls))
	}
	if n, _ := strconv.Atoi(os.Getenv("WORKERS")); n > 0 {
		options = append(options, grpc.NumStreamWorkers(uint32(n)))
	}
	if n, _ := strconv.Atoi(os.Getenv("STREAMS")); n > 0 {
		options = append(options, grpc.MaxConcurrentStreams(uint32(n)))
	}
	server := grpc.NewServer(options...)
	methods := []grpc.MethodDesc{method("Ask", ask), method("Fail", fail), method("Flaky", fail), method("Vanish", vanish), method("Wait", wait), method("Call", call)}
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "parents.Middle", HandlerType: (*any)(nil), Methods: methods, Streams: streams}, nil)
	exit(server.Serve(listener))
}

func exit(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
