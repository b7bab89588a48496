// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// /chain.Next/Ask takes the id and gives the leaf's answer.
const rpcMethod = "/chain.Next/Ask"

func answerRPC(ctx context.Context, id string) (*wrapperspb.StringValue, error) {
	fields, _ := metadata.FromIncomingContext(ctx)
	body, err := json.Marshal(leaf(id, 1, fields.Get("traceparent")))
	return wrapperspb.String(string(body)), err
}

func serveRPC(listener net.Listener) error {
	ask := grpc.MethodDesc{MethodName: "Ask", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.StringValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		return answerRPC(ctx, in.Value)
	}}
	server := grpc.NewServer(serverOptions()...)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "chain.Next", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{ask}}, nil)
	return server.Serve(listener)
}

// One connection for all calls, as gRPC has it. url: http://HOST:PORT
func newRPC(url string) (*grpc.ClientConn, error) {
	options := append(dialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	return grpc.NewClient("passthrough:///"+strings.TrimPrefix(url, "http://"), options...)
}

func askRPC(ctx context.Context, id string) (json.RawMessage, error) {
	out := new(wrapperspb.StringValue)
	err := rpc.Invoke(ctx, rpcMethod, wrapperspb.String(id), out)
	return json.RawMessage(out.Value), err
}
