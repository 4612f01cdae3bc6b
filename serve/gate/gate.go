package gate

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
)

// Gate lets callers in. It is safe for concurrent use.
type Gate struct {
	max      int64
	inflight atomic.Int64
	tokens   atomic.Pointer[Tokens] // nil: everybody may do everything
	broken   atomic.Pointer[string] // why the file of tokens, as it is now, is not in force
}

// New makes a gate: tokens nil lets everybody do everything, maxInflight 0 is 1024 requests at a time.
func New(tokens *Tokens, maxInflight int) *Gate {
	if maxInflight == 0 {
		maxInflight = 1024
	}
	g := &Gate{max: int64(maxInflight)}
	g.tokens.Store(tokens)
	return g
}

// Guarded reports whether callers need a token.
func (g *Gate) Guarded() bool { return g.tokens.Load() != nil }

// Replace puts other tokens in force, for calls from now on.
func (g *Gate) Replace(t *Tokens) {
	if old := g.tokens.Load(); old != nil {
		t.keep(old)
	}
	g.tokens.Store(t)
}

// Admit says why a call is not for who asks, by what the Authorization header or metadata says; nil: it is.
func (g *Gate) Admit(s Scope, authorization string) *serve.Problem {
	tokens := g.tokens.Load()
	if tokens == nil || s == Open {
		return nil
	}
	const cure = "send Authorization: Bearer with a token of [auth] tokens_file"
	if authorization == "" {
		return &serve.Problem{Code: feature.CodeNoToken, Detail: "the request has no token", Cure: cure}
	}
	kind, secret, _ := strings.Cut(authorization, " ")
	var t *token
	if strings.EqualFold(kind, "Bearer") {
		t = tokens.find(strings.TrimSpace(secret))
	}
	switch {
	case t == nil:
		return &serve.Problem{Code: feature.CodeNoToken, Detail: "the token is not known", Cure: cure}
	case !t.may(s):
		return &serve.Problem{Code: feature.CodeNoScope, Detail: fmt.Sprintf("token %q may not do this", t.name), Cure: "add " + s.String() + " to its line"}
	case t.limit == nil:
		return nil
	}
	if after := t.limit.take(); after > 0 {
		return &serve.Problem{Code: feature.CodeTooOften, Detail: fmt.Sprintf("token %q may make %g requests a second", t.name, t.limit.perSecond),
			Cure: "come again later, or raise limit= in its line", After: after}
	}
	return nil
}

// Full says that there is no room for another request; nil: there is.
func (g *Gate) Full() *serve.Problem {
	if g.inflight.Load() < g.max {
		return nil
	}
	return &serve.Problem{Code: feature.CodeBusy, Detail: "the server has as many requests as it takes at a time", Cure: "come again shortly; [serve] max_inflight sets how many", After: time.Second}
}

// Enter takes a place among the requests at work; whoever gets one leaves it with Leave.
func (g *Gate) Enter() *serve.Problem {
	if g.inflight.Add(1) <= g.max {
		return nil
	}
	p := g.Full() // while the place that is too many is held
	g.inflight.Add(-1)
	return p
}

// Leave gives a place back.
func (g *Gate) Leave() { g.inflight.Add(-1) }

// Listen opens an address. Beyond loopback it wants tokens, or to be told that everybody may do everything: insecure. t nil: no TLS.
func (g *Gate) Listen(ctx context.Context, address string, insecure bool, t *tls.Config, log *slog.Logger) (net.Listener, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	if at, ok := ln.Addr().(*net.TCPAddr); !g.Guarded() && !(ok && at.IP.IsLoopback()) {
		if !insecure {
			_ = ln.Close()
			return nil, fmt.Errorf("%s can be reached from other machines, and nobody is asked for a token: set [auth] tokens_file, listen on 127.0.0.1, or say --insecure", address)
		}
		log.WarnContext(ctx, "everybody who reaches this address may do everything", "address", ln.Addr().String())
	}
	if t != nil {
		ln = tls.NewListener(ln, t)
	}
	return ln, nil
}
