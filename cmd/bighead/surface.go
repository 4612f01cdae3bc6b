package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
	servehttp "github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/serve/mlflow"
	"github.com/bighead-ml/bighead/serve/oip"
	"github.com/bighead-ml/bighead/serve/otlp"
	"github.com/bighead-ml/bighead/serve/predict"
)

// surface is how an online project is reached: everybody's calls by HTTP, and those of its own commands through the project's socket.
type surface struct {
	registry *prometheus.Registry
	metrics  *serve.Metrics
	audits   *audit.Metrics
	handler  *servehttp.Handler
	// inference answers the Open Inference Protocol, on both surfaces.
	inference *oip.Server
	gate      *gate.Gate
	traces    *otlp.Traces // nil: requests are not traced
	online    *online
}

func newSurface() *surface {
	s := &surface{registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.metrics, s.audits = serve.NewMetrics(s.registry), audit.NewMetrics(s.registry)
	return s
}

// start makes the handler of an online project.
func (s *surface) start(ctx context.Context, o *online) error {
	s.online = o
	if err := o.openEndpoints(ctx, predict.NewMetrics(s.registry)); err != nil {
		return err
	}
	p := o.project
	var err error
	if s.gate, err = openGate(p); err != nil {
		return err
	}
	s.registry.MustRegister(&streamCollector{o})
	s.inference = oip.New(oip.Options{
		Models: predict.Inference{Server: o.endpoints}, Gate: s.gate, MaxBody: p.Config.Bytes("serve.max_body"), Deadline: p.Config.Duration("serve.deadline"), Ready: o.ready,
		Version: version, Registry: s.registry, Log: o.log,
	})
	s.handler = servehttp.New(servehttp.Options{
		Server: o.server, Registry: s.registry, Metrics: s.metrics, Pusher: pushes{o}, Gate: s.gate, Version: version, Log: o.log, Tracer: s.traces.Tracer(),
		Predictions: o.endpoints, Labels: o.labels, Inference: s.inference.Handler(),
		Models:   mlflow.New(mlflow.Options{Models: o.withRegistry, Location: o.artifacts.location, Gate: s.gate, Metrics: s.metrics, Log: o.log}).Handler(),
		Degraded: func() []string { return append(o.degraded(), s.gate.Degraded()...) },
		MaxBody:  p.Config.Bytes("serve.max_body"), CaughtUp: o.ready, Role: o.role,
	})
	return nil
}

// listen is where the handler listens, by the settings.
func (s *surface) listen(p *project.Project, insecure bool, ready func(api, admin net.Addr)) (servehttp.Listen, error) {
	l := servehttp.Listen{
		Address: p.Config.String("serve.listen"), Admin: p.Config.String("serve.admin"), Insecure: insecure, Ready: ready,
		Drain: p.Config.Duration("serve.drain"), Finish: p.Config.Duration("serve.deadline") + 5*time.Second + outside.patience, Patience: outside.patience,
	}
	if at, err := net.ResolveTCPAddr("tcp", l.Address); err == nil && at.IP.IsLoopback() {
		l.Drain = 0 // nobody balances load to one's own machine
	}
	cert, key := p.Config.String("serve.tls.cert"), p.Config.String("serve.tls.key")
	if (cert == "") != (key == "") {
		return l, mistakef("[serve.tls] needs both cert and key")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(inProject(p, cert), inProject(p, key))
		if err != nil {
			return l, mistakef("[serve.tls] %v", err)
		}
		l.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	return l, nil
}

// own is the handler of the project's socket: everybody's calls, and those of the project's own commands.
func (s *surface) own() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { answerJSON(w, s.online.status(r.Context()), nil) })
	m.HandleFunc("POST /v1/backfill", func(w http.ResponseWriter, r *http.Request) {
		var ask uploadRequest
		err := json.NewDecoder(r.Body).Decode(&ask)
		if err == nil {
			var loads []loadReport
			loads, err = s.online.upload(r.Context(), ask)
			answerJSON(w, uploadAnswer{loads}, err)
			return
		}
		answerJSON(w, nil, mistakef("no request of ours: %v", err))
	})
	m.HandleFunc("POST /v1/served/flush", func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, struct{}{}, s.online.flushServed(r.Context()))
	})
	m.HandleFunc("POST /v1/deployed/{endpoint}", func(w http.ResponseWriter, r *http.Request) {
		a, err := s.online.deployed(r.Context(), r.PathValue("endpoint"))
		answerJSON(w, a, err)
	})
	m.HandleFunc("POST /v1/audits", s.audited)
	m.HandleFunc("POST /v1/why", func(w http.ResponseWriter, r *http.Request) {
		var ask whyRequest
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			answerJSON(w, nil, mistakef("no request of ours: %v", err))
			return
		}
		made, err := s.online.whyMade(r.Context(), ask)
		answerJSON(w, made, err)
	})
	m.HandleFunc("POST "+forwardCalls+"{name}", func(w http.ResponseWriter, r *http.Request) { s.online.takeForwarded(w, r) })
	m.HandleFunc("POST "+countsCall, func(w http.ResponseWriter, r *http.Request) { s.online.takeCounts(w, r) })
	m.HandleFunc("GET /v1/upgrade", func(w http.ResponseWriter, r *http.Request) { answerJSON(w, s.online.format(), nil) })
	m.HandleFunc("POST /v1/upgrade", func(w http.ResponseWriter, r *http.Request) {
		a, err := s.online.finish(r.Context())
		answerJSON(w, a, err)
	})
	m.Handle("/", s.handler)
	return m
}

func answerJSON(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status := http.StatusInternalServerError
		var m *mistake
		switch {
		case errors.As(err, &m):
			status = http.StatusBadRequest
		case errors.Is(err, errOutdated):
			status = http.StatusConflict
		}
		w.WriteHeader(status)
		answer = problemDocument{Title: "not done", Detail: err.Error()}
	}
	_ = json.NewEncoder(w).Encode(answer) // a caller that is gone hears nothing
}

// inProcess asks a handler without a network.
type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	t.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// reach finds whom to ask: the server named, the one that runs in the project, or the online store itself, opened for the command alone.
// done must be called.
func (c *cli) reach(ctx context.Context, p *project.Project, server string) (k *caller, done func(), err error) {
	k, err = newCaller(p, server)
	if !errors.Is(err, errNoServer) {
		return k, func() {}, err
	}
	s := newSurface()
	o, err := c.openOnline(ctx, p, logger(c.stderr, p), s.metrics, s.audits, true)
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		if err := o.close(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintln(c.stderr, "bighead:", err)
		}
	}
	if err := s.start(ctx, o); err != nil {
		done()
		return nil, nil, err
	}
	return &caller{base: "http://here", client: &http.Client{Transport: inProcess{s.own()}}, where: "the online store of this project"}, done, nil
}

// pushes hands what callers send to the stream.
type pushes struct{ *online }

func (p pushes) Push(ctx context.Context, e serve.Events) ([]serve.Pushed, error) {
	if p.active() == nil {
		return p.forward(ctx, e)
	}
	return p.push(ctx, e)
}

// push hands events to the stream of this process.
func (o *online) push(ctx context.Context, e serve.Events) ([]serve.Pushed, error) {
	t := o.active()
	if t == nil {
		return nil, o.noActive(o.errStandby())
	}
	if err := t.flink.pushRefusal(e.Name, o.current); err != nil {
		return nil, err
	}
	results, err := t.stream.Push(ctx, e.Name, e.Body, e.Key)
	if err != nil {
		return nil, pushProblem(o, e.Name, err)
	}
	out := make([]serve.Pushed, len(results))
	for i, r := range results {
		out[i] = serve.Pushed{Source: r.Source, Accepted: r.Accepted, Duplicated: r.Duplicated, NotYet: r.NotYet}
		for _, x := range r.Rejected {
			out[i].Rejected = append(out[i].Rejected, serve.Rejected{Line: x.Line, Reason: x.Reason})
		}
	}
	return out, nil
}

// status is how the online side stands, for `bighead status`.
type onlineStatus struct {
	Role     string           `json:"role"`             // active or standby
	Active   string           `json:"active,omitempty"` // who is active, where this process stands by
	Version  int64            `json:"version"`
	Views    []string         `json:"views"`
	Store    string           `json:"store"`
	Degraded []string         `json:"degraded"`
	Sizes    map[string]int64 `json:"store_bytes"`
	Stored   []storedGroup    `json:"stored,omitempty"` // what the store says of the groups, where this process stands by
	Typical  []typicalStatus  `json:"typical"`
	Stream   streamStatus     `json:"stream"`
	// Endpoints are how predictions are answered.
	Endpoints []predict.Status `json:"endpoints,omitempty"`
	Flink     []flinkStatus    `json:"flink,omitempty"`
}

func (o *online) status(ctx context.Context) *onlineStatus {
	s := &onlineStatus{Role: o.role(), Version: o.current().version.ID, Views: o.server.Names(), Store: o.store.Traits().Name, Degraded: append([]string{}, o.degraded()...),
		Typical: o.usually.status(o.current().typed.Views)}
	if o.endpoints != nil {
		s.Endpoints = o.endpoints.Statuses()
	}
	if t := o.active(); t != nil {
		s.Stream = newStreamStatus(t.stream.Status())
		topics, keep := t.topics.statuses(), o.project.Config.Duration("events.keep").Milliseconds()
		for i := range s.Stream.Sources {
			src := &s.Stream.Sources[i]
			src.Topic, src.KeepMS = topics[src.Source], keep
		}
		t.flink.addTo(s.Stream.Sources)
		s.Flink = t.flink.statuses()
	} else {
		s.Active, s.Stream = o.lease.who(), newStreamStatus(streamState{Now: o.clock()})
		var err error
		if s.Stored, err = o.stored(ctx); err != nil {
			s.Degraded = append(s.Degraded, "what the store has of the groups cannot be read: "+err.Error())
		}
	}
	if sizes, err := o.store.Sizes(ctx); err == nil {
		s.Sizes = sizes
	} else {
		s.Degraded = append(s.Degraded, "the sizes of the store cannot be read: "+err.Error())
	}
	return s
}

// degraded is what goes worse than it should though requests are answered.
func (o *online) degraded() []string {
	out := o.server.Degraded()
	if o.endpoints != nil {
		out = append(out, o.endpoints.Degraded()...)
	}
	if why := o.why.Load(); why != nil && *why != "" {
		out = append(out, "this process cannot take the project's stream: "+*why)
	}
	t := o.active()
	if t == nil {
		return out
	}
	for _, s := range t.stream.Status().Sources {
		if s.Stopped != "" {
			out = append(out, "source "+s.Source+" is not read any more: "+s.Stopped)
		} else if s.Held != "" {
			out = append(out, "source "+s.Source+" waits: "+s.Held)
		}
		if s.Unsealed != "" {
			out = append(out, "source "+s.Source+": its log only grows: "+s.Unsealed)
		}
	}
	return append(append(append(out, t.topics.degraded()...), t.flink.degraded()...), t.left.degraded()...)
}

// role is active or standby.
func (o *online) role() string {
	if o.active() != nil {
		return "active"
	}
	return "standby"
}

// exampleOf is how a view is asked on a command line.
func (o *online) exampleOf(name string) string {
	views := o.current().typed.Views
	i := slices.IndexFunc(views, func(v *feature.View) bool { return v.Name == name })
	if i < 0 {
		return ""
	}
	return exampleKeys(views[i])
}
