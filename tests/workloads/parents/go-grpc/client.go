// SPDX-License-Identifier: Apache-2.0

// The middle as a client of gRPC. With CALL=grpc it asks the leaves in that way, on connections that it keeps with KEEPALIVE=1.
// /parents.Middle/Call calls the service at the first leaf's address, in the way that its string (a query) says, and answers with the codes that it got, comma-separated;
// with way=show, with what the service said.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Flaky is tried three times where the answer is 14.
const again = `{"methodConfig": [{"name": [{"service": "parents.Middle", "method": "Flaky"}], "retryPolicy":
	{"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`

var connections sync.Map

func dial(to *url.URL) (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if to.Scheme == "https" {
		transport = credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	}
	return grpc.Dial(to.Host, grpc.WithTransportCredentials(transport), grpc.WithDefaultServiceConfig(again))
}

// The connection for a call, and what to do with it then.
func connect(to *url.URL) (*grpc.ClientConn, func(), error) {
	if os.Getenv("KEEPALIVE") != "1" {
		connection, err := dial(to)
		return connection, func() { connection.Close() }, err
	}
	kept, found := connections.Load(to.Host)
	if !found {
		fresh, err := dial(to)
		if err != nil {
			return nil, nil, err
		}
		if kept, found = connections.LoadOrStore(to.Host, fresh); found {
			fresh.Close()
		}
	}
	return kept.(*grpc.ClientConn), func() {}, nil
}

// A leaf takes its query behind the method's name, where spans show it.
func askLeaf(leaf string) (json.RawMessage, error) {
	to, err := url.Parse(leaf)
	if err != nil {
		return nil, err
	}
	connection, done, err := connect(to)
	if err != nil {
		return nil, err
	}
	defer done()
	out := new(message)
	err = connection.Invoke(context.Background(), "/parents.Leaf/Ask?"+to.RawQuery, wrapperspb.String(""), out)
	return json.RawMessage(out.Value), err
}

func call(_ context.Context, in *message) (*message, error) {
	query, err := url.ParseQuery(in.Value)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	to, err := url.Parse(leaves[0])
	if err != nil {
		return nil, err
	}
	connection, done, err := connect(to)
	if err != nil {
		return nil, err
	}
	defer done()
	if query.Get("way") == "show" {
		out := new(message)
		return out, connection.Invoke(withFields(context.Background(), query), "/parents.Leaf/Ask?"+query.Get("text"), wrapperspb.String(""), out)
	}
	var got []string
	for _, text := range query["text"] {
		got = append(got, fmt.Sprint(uint32(status.Code(callOnce(connection, query, text)))))
	}
	return wrapperspb.String(strings.Join(got, ",")), nil
}

const soon = 200 * time.Millisecond

// A traceparent of its own; `long`: bytes of a field; `many`: further fields.
func withFields(ctx context.Context, query url.Values) context.Context {
	if own := query.Get("traceparent"); own != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", own)
	}
	if long, _ := strconv.Atoi(query.Get("long")); long > 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-long", strings.Repeat("x", long))
	}
	many, _ := strconv.Atoi(query.Get("many"))
	for n := 0; n < many; n++ {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-many", strconv.Itoa(n))
	}
	return ctx
}

func callOnce(connection *grpc.ClientConn, query url.Values, text string) error {
	ctx, cancel := context.WithCancel(withFields(context.Background(), query))
	defer cancel()
	method, content := "/parents.Middle/"+query.Get("method"), wrapperspb.String(text)
	switch query.Get("way") {
	case "cancel":
		time.AfterFunc(soon, cancel)
	case "deadline":
		ctx, cancel = context.WithTimeout(ctx, soon)
		defer cancel()
	case "crowd":
		// One has the only stream, this one waits for it in vain.
		go connection.Invoke(ctx, method, content, new(message))
		time.Sleep(soon)
		ctx, cancel = context.WithTimeout(ctx, soon)
		defer cancel()
	case "leave":
		_, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
		return err
	case "stream":
		return stream(ctx, connection, method, content)
	}
	return connection.Invoke(ctx, method, content, new(message))
}

// Sends three messages (for a method that takes one: that), while another goroutine receives all that come.
func stream(ctx context.Context, connection *grpc.ClientConn, method string, content *message) error {
	desc := &grpc.StreamDesc{ServerStreams: !strings.HasSuffix(method, "Join"), ClientStreams: !strings.HasSuffix(method, "Count")}
	call, err := connection.NewStream(ctx, desc, method)
	if err != nil {
		return err
	}
	ended := make(chan error)
	go func() {
		for {
			err := call.RecvMsg(new(message))
			if err != nil || !desc.ServerStreams {
				ended <- err
				return
			}
		}
	}()
	for n := 0; n < 3 && (n == 0 || desc.ClientStreams); n++ {
		if err := call.SendMsg(content); err != nil {
			break
		}
	}
	if err := call.CloseSend(); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Every message comes back at once (Echo), three times (Count), or one for all of them (Join); `fail` ends the call.
var streams = []grpc.StreamDesc{
	{StreamName: "Echo", ServerStreams: true, ClientStreams: true, Handler: func(_ any, call grpc.ServerStream) error { return answer(call, 1, false) }},
	{StreamName: "Count", ServerStreams: true, Handler: func(_ any, call grpc.ServerStream) error { return answer(call, 3, false) }},
	{StreamName: "Join", ClientStreams: true, Handler: func(_ any, call grpc.ServerStream) error { return answer(call, 0, true) }},
}

func answer(call grpc.ServerStream, times int, last bool) error {
	for {
		in := new(message)
		if err := call.RecvMsg(in); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if in.Value == "fail" {
			return status.Error(codes.DataLoss, "as asked for")
		}
		for n := 0; n < times; n++ {
			if err := call.SendMsg(in); err != nil {
				return err
			}
		}
	}
	if last {
		return call.SendMsg(wrapperspb.String("joined"))
	}
	return nil
}
