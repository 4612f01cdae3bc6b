package main

import (
	"context"
	"fmt"
	"net"

	servegrpc "github.com/bighead-ml/bighead/serve/grpc"
	servehttp "github.com/bighead-ml/bighead/serve/http"
)

// answer answers on every address of the settings until ctx ends, or one of them does.
func (u *server) answer(ctx context.Context, s *surface, l servehttp.Listen) error {
	p := u.project
	address := p.Config.String("serve.grpc")
	if address == "" {
		return s.handler.Run(ctx, l)
	}
	calls := servegrpc.New(servegrpc.Options{
		Server: u.online.server, Metrics: s.metrics, Pusher: pushes{u.online}, Predictions: u.online.endpoints, Inference: s.inference, Gate: s.gate, MaxMessage: int(p.Config.Bytes("serve.max_body")),
		CaughtUp: u.online.ready, Log: u.log, Tracer: s.traces.Tracer(),
	})
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- calls.Run(running, servegrpc.Listen{Address: address, Drain: l.Drain, Finish: l.Finish, Hurry: l.Hurry, TLS: l.TLS, Insecure: l.Insecure, Ready: func(at net.Addr) {
			fmt.Fprintf(u.cli.stderr, "bighead: gRPC on %s\n", at)
		}})
	}()
	err := s.handler.Run(running, l)
	stop()
	if other := <-ended; err == nil {
		err = other
	}
	return err
}
