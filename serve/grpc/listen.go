package grpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
)

// Listen is where and how the calls are reached.
type Listen struct {
	Address string
	// Drain is how long a server that is not healthy any more goes on accepting before it stops; Finish how long calls that run then may
	// take; 0: 5 s.
	Drain, Finish time.Duration
	// Hurry ends the drain early when it is closed. nil: nobody can.
	Hurry <-chan struct{}
	TLS   *tls.Config // nil: none
	// Insecure lets everybody who reaches an address beyond loopback do everything.
	Insecure bool
	// Ready hears the address once it is listened to; nil: nobody does.
	Ready func(net.Addr)
}

const healthService = "grpc.health.v1.Health"

// The patience with slow or silent callers.
const (
	handshakeTimeout = 5 * time.Second
	idleTimeout      = 5 * time.Minute
	pingEvery        = time.Minute
	maxStreams       = 1024 // of one connection
	maxHeader        = 64 << 10
)

// readyEvery is how often a server that is catching up looks whether it has.
const readyEvery = 100 * time.Millisecond

// Run listens and answers until the context ends. Then health says NOT_SERVING, it waits Drain so that balancers see it, stops accepting,
// and finishes what runs.
func (s *Server) Run(ctx context.Context, l Listen) error {
	ln, err := s.o.Gate.Listen(ctx, l.Address, l.Insecure, nil, s.log)
	if err != nil {
		return err
	}
	alive := health.NewServer()
	setServing(alive, grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	server := s.server(l.TLS, alive)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	if l.Ready != nil {
		l.Ready(ln.Addr())
	}
	if err := s.untilReady(ctx, alive, ended); err != nil {
		server.Stop()
		return err
	}
	select {
	case err = <-ended:
		err = fmt.Errorf("serve gRPC: %w", err)
	case <-ctx.Done():
	}
	if alive.Shutdown(); err == nil && l.Drain > 0 {
		select {
		case <-time.After(l.Drain):
		case <-l.Hurry:
		}
	}
	return errors.Join(err, finish(server, l.Finish))
}

// untilReady says SERVING as soon as the first catch-up is over.
func (s *Server) untilReady(ctx context.Context, alive *health.Server, ended <-chan error) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for s.o.CaughtUp != nil && !s.o.CaughtUp() {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return fmt.Errorf("serve gRPC: %w", err)
		case <-tick.C:
		}
	}
	setServing(alive, grpc_health_v1.HealthCheckResponse_SERVING)
	return nil
}

// setServing says it of the whole, and of each service.
func setServing(alive *health.Server, is grpc_health_v1.HealthCheckResponse_ServingStatus) {
	for _, service := range append([]string{""}, services...) {
		alive.SetServingStatus(service, is)
	}
}

// finish stops accepting and waits for what runs.
func finish(server *grpc.Server, limit time.Duration) error {
	if limit == 0 {
		limit = 5 * time.Second
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.GracefulStop()
	}()
	select {
	case <-done:
		return nil
	case <-time.After(limit):
		server.Stop()
		<-done
		return fmt.Errorf("finish calls: some were not done within %s", limit)
	}
}

// server has all services. gRPC itself refuses a message that is more than twice too long, in its own words; one that is too long and not
// so long is refused in ours.
func (s *Server) server(t *tls.Config, alive *health.Server) *grpc.Server {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()), grpc.MaxRecvMsgSize(2 * s.o.MaxMessage), grpc.MaxConcurrentStreams(maxStreams), grpc.MaxHeaderListSize(maxHeader),
		grpc.ConnectionTimeout(handshakeTimeout), grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleTimeout, Time: pingEvery}),
		grpc.InTapHandle(s.admit), grpc.UnknownServiceHandler(s.unknown), grpc.WaitForHandlers(true),
	}
	if t != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(t)))
	}
	server := grpc.NewServer(options...)
	for _, service := range services {
		server.RegisterService(description(service), s)
	}
	if s.o.Inference != nil {
		s.o.Inference.Register(server)
	}
	grpc_health_v1.RegisterHealthServer(server, alive)
	reflection.Register(server)
	return server
}
