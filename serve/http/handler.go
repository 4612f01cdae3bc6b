package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/compat"
	"github.com/bighead-ml/bighead/serve/gate"
	"github.com/bighead-ml/bighead/serve/mlflow"
	"github.com/bighead-ml/bighead/serve/predict"
)

// Options are what the surface needs. Server, Registry and Metrics must be there.
type Options struct {
	Server *serve.Server
	// Registry has all metrics of the process; the handler adds its own.
	Registry *prometheus.Registry
	// Metrics are the server's.
	Metrics *serve.Metrics
	Pusher  serve.Pusher // nil: no stream runs here
	// Predictions answers endpoints; nil: there are none.
	Predictions *predict.Server
	// Labels keeps the truth of predictions; nil: nobody does.
	Labels predict.Labeller
	Gate   *gate.Gate // nil: everybody may do everything, 1024 requests at a time
	// MaxBody bounds a body in bytes; 0: 8 MiB. MaxRows bounds the rows of a request; 0: 10,000.
	MaxBody int64
	MaxRows int
	// CaughtUp reports whether the first catch-up is done or given up; nil: there is none.
	CaughtUp func() bool
	// Role says whether this process is the active one of those that share a store, or stands by; nil: nothing is said.
	Role func() string
	// Degraded adds lines to what goes worse than it should; nil: nothing.
	Degraded func() []string
	// Inference answers the calls of the Open Inference Protocol, below /v2; nil: they are not there.
	Inference http.Handler
	// Models answers the calls of MLflow's registry, below mlflow.Prefix; nil: they are not there.
	Models  http.Handler
	Version string
	Tracer  trace.Tracer // nil: requests are not traced
	Log     *slog.Logger // nil: slog.Default
}

// Handler answers all calls. It is safe for concurrent use.
type Handler struct {
	o        Options
	log      *slog.Logger
	all      *http.ServeMux // every call
	api      *http.ServeMux // those that are not for administrators
	admin    *http.ServeMux
	gate     *gate.Gate
	shapes   *compat.Shapes
	draining atomic.Bool
	requests *prometheus.CounterVec
}

// route is one call. OpenAPI documents the same table.
type route struct {
	method, pattern string
	scope           gate.Scope
	heavy           bool // it counts among the requests at work
	answer          func(*Handler, http.ResponseWriter, *http.Request) error
}

// routes are all calls.
func routes() []route {
	return []route{
		{"POST", "/v1/features/{view}", gate.Read, true, (*Handler).features},
		{"POST", "/v1/predict/{endpoint}", gate.Predict, true, (*Handler).predict},
		{"POST", "/v1/events/{name}", gate.Push, true, (*Handler).events},
		{"POST", "/v1/labels", gate.Push, true, (*Handler).labels},
		{"POST", "/v1/features/join/{view}", gate.Read, true, (*Handler).join},
		{"POST", "/v1/features/groupby/{group}", gate.Read, true, (*Handler).groupBy},
		{"POST", "/get-online-features", gate.Read, true, (*Handler).feast},
		{"POST", "/push", gate.Push, true, (*Handler).feastPush},
		{"POST", "/write-to-online-store", gate.Push, true, (*Handler).feastWrite},
		{"GET", "/openapi.json", gate.Read, false, (*Handler).openAPI},
		{"GET", "/healthz", gate.Open, false, (*Handler).healthz},
		{"GET", "/readyz", gate.Open, false, (*Handler).readyz},
		{"GET", "/metrics", gate.Administer, false, (*Handler).metrics},
	}
}

// forAdmins are the calls that have an address of their own where one is set.
func (r route) forAdmins() bool { return r.scope == gate.Open || r.scope == gate.Administer }

// New makes the handler.
func New(o Options) *Handler {
	if o.Gate == nil {
		o.Gate = gate.New(nil, 0)
	}
	if o.MaxBody == 0 {
		o.MaxBody = 8 << 20
	}
	if o.MaxRows == 0 {
		o.MaxRows = 10_000
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	h := &Handler{o: o, log: o.Log, all: http.NewServeMux(), api: http.NewServeMux(), admin: http.NewServeMux(), gate: o.Gate, requests: o.Metrics.Requests,
		shapes: &compat.Shapes{Server: o.Server, Read: readText, MaxRows: o.MaxRows}}
	o.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bighead_build_info", Help: "1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": o.Version}}, func() float64 { return 1 }))
	for _, r := range routes() {
		h.register(h.all, r)
		if r.forAdmins() {
			h.register(h.admin, r)
		} else {
			h.register(h.api, r)
		}
	}
	for _, m := range []*http.ServeMux{h.all, h.api} {
		if o.Inference != nil {
			m.Handle("/v2", o.Inference)
			m.Handle("/v2/", o.Inference)
		}
		if o.Models != nil {
			m.Handle(mlflow.Prefix, o.Models)
		}
	}
	for _, m := range []*http.ServeMux{h.all, h.api, h.admin} {
		m.Handle("/", h.wrapped(route{answer: (*Handler).unknown}))
	}
	return h
}

func (h *Handler) register(m *http.ServeMux, r route) {
	m.Handle(r.method+" "+r.pattern, h.wrapped(r))
	m.Handle(r.pattern, h.wrapped(route{answer: func(_ *Handler, w http.ResponseWriter, q *http.Request) error {
		w.Header().Set("Allow", r.method)
		writeProblem(w, &serve.Problem{Code: feature.CodeUnknownCall, Detail: q.Method + " is no method of " + q.URL.Path, Cure: "use " + r.method}, http.StatusMethodNotAllowed, "")
		return nil
	}}))
}

// ServeHTTP answers every call, on one address.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.all.ServeHTTP(w, r) }

// wrapped is what every call goes through: who asks, whether there is room, and what is said when something goes wrong.
func (h *Handler) wrapped(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.o.Tracer != nil && rt.heavy {
			var ended func()
			r, ended = h.traced(rt, r)
			defer ended()
		}
		defer func() {
			if x := recover(); x != nil && x != http.ErrAbortHandler {
				h.defect(w, r, fmt.Errorf("panic: %v\n%s", x, debug.Stack()))
			} else if x != nil {
				panic(x)
			}
		}()
		if p := h.gate.Admit(rt.scope, r.Header.Get("Authorization")); p != nil {
			h.refuse(w, r, p)
			return
		}
		if rt.heavy {
			if p := h.gate.Full(); p != nil {
				h.refuse(w, r, p)
				return
			}
		}
		if err := rt.answer(h, w, r); err != nil {
			h.failed(w, r, err)
		}
	})
}

// failed answers an error: a problem is the caller's to read, anything else is logged.
func (h *Handler) failed(w http.ResponseWriter, r *http.Request, err error) {
	var p *serve.Problem
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		h.refuse(w, r, p)
	case errors.As(err, &large):
		w.Header().Set("Connection", "close")
		h.refuse(w, r, &serve.Problem{Code: feature.CodeTooLarge, Detail: fmt.Sprintf("the body is longer than %d bytes", large.Limit), Cure: "send less at a time, or raise [serve] max_body"})
	case r.Context().Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, errBody):
		h.requests.WithLabelValues("", "499").Inc() // the caller is gone, or has sent half of a body
		h.log.DebugContext(r.Context(), "a caller went away", "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	default:
		h.defect(w, r, err)
	}
}

// defect answers 500. What is wrong goes into the log, under a number that the caller is told.
func (h *Handler) defect(w http.ResponseWriter, r *http.Request, err error) {
	id := strconv.FormatUint(rand.Uint64(), 16)
	h.log.ErrorContext(r.Context(), "a request failed", "request", id, "method", r.Method, "path", r.URL.Path, "error", err)
	h.requests.WithLabelValues("", "500").Inc()
	p := &serve.Problem{Code: feature.CodeDefect, Detail: "something is wrong in the server", Cure: "its log has it as request " + id}
	serve.Traced(r.Context(), "", p)
	writeProblem(w, p, http.StatusInternalServerError, "urn:bighead:request:"+id)
}

// refuse answers a problem.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, p *serve.Problem) {
	status := statusOf(p.Code)
	serve.Traced(r.Context(), "", p)
	h.requests.WithLabelValues("", strconv.Itoa(status)).Inc()
	h.log.DebugContext(r.Context(), "a request is refused", "path", r.URL.Path, "code", p.Code.String(), "status", status)
	writeProblem(w, p, status, "")
}

func (h *Handler) unknown(_ http.ResponseWriter, r *http.Request) error {
	var paths []string
	for _, rt := range routes() {
		paths = append(paths, rt.pattern)
	}
	return &serve.Problem{Code: feature.CodeUnknownCall, Detail: "there is no " + strconv.Quote(r.URL.Path), Near: expr.Nearest(r.URL.Path, paths), Cure: "/openapi.json lists the calls"}
}

var errBody = errors.New("the body did not come whole")

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept is how large a buffer may be to be used again.
const maxKept = 1 << 20

func giveBuffer(b *bytes.Buffer) {
	if b.Cap() <= maxKept {
		buffers.Put(b)
	}
}

// body reads a body into a buffer of the pool.
func (h *Handler) body(w http.ResponseWriter, r *http.Request) (*bytes.Buffer, error) {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	if r.ContentLength > h.o.MaxBody {
		giveBuffer(b)
		return nil, &http.MaxBytesError{Limit: h.o.MaxBody}
	}
	if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, h.o.MaxBody)); err != nil {
		giveBuffer(b)
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", errBody, err)
	}
	return b, nil
}

// metrics shows all that is counted.
func (h *Handler) metrics(w http.ResponseWriter, r *http.Request) error {
	promhttp.HandlerFor(h.o.Registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}
