package http

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Listen is where and how a handler is reached.
type Listen struct {
	Address string
	Admin   string // of metrics, health and admin calls; "": they are at Address too
	// Drain is how long an unready server goes on accepting before it stops; Finish how long requests that run then may take; 0: 5 s.
	Drain, Finish time.Duration
	// Hurry ends the drain early when it is closed: somebody has told the server to stop a second time. nil: nobody can.
	Hurry <-chan struct{}
	TLS   *tls.Config // nil: plain HTTP
	// Insecure lets everybody who reaches an address beyond loopback do everything.
	Insecure bool
	// HeaderTimeout and ReadTimeout are how long a caller may take for the head of a request and for all of it; 0: 5 s and 15 s.
	HeaderTimeout, ReadTimeout time.Duration
	// Patience is how much longer than all that a caller may take to ask and to take its answer: for tests, on machines that stand still now and then.
	Patience time.Duration
	// Ready hears the addresses once both are listened to; nil: nobody does.
	Ready func(api, admin net.Addr)
}

// The patience with slow callers. Without them a few idle connections would hold a server.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// Run listens and answers until the context ends. Then it says that it is not ready, waits Drain so that balancers see it, stops
// accepting, and finishes what runs.
func (h *Handler) Run(ctx context.Context, l Listen) error {
	api, err := h.gate.Listen(ctx, l.Address, l.Insecure, l.TLS, h.log)
	if err != nil {
		return err
	}
	servers := []*http.Server{l.server(h, h)}
	listeners := []net.Listener{api}
	admin := api
	if l.Admin != "" {
		if admin, err = h.gate.Listen(ctx, l.Admin, l.Insecure, l.TLS, h.log); err != nil {
			_ = api.Close()
			return err
		}
		servers = []*http.Server{l.server(h, h.api), l.server(h, h.admin)}
		listeners = append(listeners, admin)
	}
	ended := make(chan error, len(servers))
	for i, s := range servers {
		go func() { ended <- s.Serve(listeners[i]) }()
	}
	if l.Ready != nil {
		l.Ready(api.Addr(), admin.Addr())
	}
	select {
	case err = <-ended:
		err = fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	if h.draining.Store(true); err == nil {
		h.drain(ctx, l)
	}
	return errors.Join(err, h.finish(ctx, l.Finish, servers))
}

// drain goes on accepting while balancers find out that the server is not ready.
func (h *Handler) drain(ctx context.Context, l Listen) {
	if l.Drain <= 0 {
		return
	}
	h.log.InfoContext(ctx, "not ready any more; accepting for a while yet", "drain", l.Drain.String())
	select {
	case <-time.After(l.Drain):
	case <-l.Hurry:
	}
}

// finish stops accepting and waits for what runs.
func (h *Handler) finish(ctx context.Context, limit time.Duration, servers []*http.Server) error {
	if limit == 0 {
		limit = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	var errs []error
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("finish requests: %w", err), s.Close())
		}
	}
	return errors.Join(errs...)
}

func (l *Listen) server(h *Handler, handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: cmp.Or(l.HeaderTimeout, headerTimeout) + l.Patience, ReadTimeout: cmp.Or(l.ReadTimeout, readTimeout) + l.Patience,
		WriteTimeout: writeTimeout + l.Patience,
		IdleTimeout:  idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug)}
}
