package oip

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
)

// route is one call over HTTP.
type route struct {
	pattern string
	call    string
	scope   gate.Scope
	heavy   bool
	answer  func(*Server, http.ResponseWriter, *http.Request) error
}

func (s *Server) routes() []route {
	out := []route{
		{"GET /v2", "metadata", gate.Predict, false, (*Server).httpServer},
		{"GET /v2/{$}", "metadata", gate.Predict, false, (*Server).httpServer},
		{"GET /v2/health/live", "live", gate.Open, false, (*Server).httpLive},
		{"GET /v2/health/ready", "ready", gate.Open, false, (*Server).httpReady},
		{"POST /v2/repository/index", "index", gate.Predict, false, (*Server).httpIndex},
		{"POST /v2/repository/models/{model}/load", "load", gate.Administer, true, (*Server).httpLoad},
		{"POST /v2/repository/models/{model}/unload", "unload", gate.Administer, true, (*Server).httpUnload},
	}
	for _, model := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		out = append(out,
			route{"GET " + model, "metadata", gate.Predict, false, (*Server).httpModel},
			route{"GET " + model + "/ready", "ready", gate.Predict, false, (*Server).httpModelReady},
			route{"POST " + model + "/infer", "infer", gate.Predict, true, (*Server).httpInfer},
			route{"GET " + model + "/stats", "stats", gate.Predict, false, not("stats")},
			route{"GET " + model + "/config", "config", gate.Predict, false, not("config")},
		)
	}
	for _, p := range []struct{ pattern, what string }{
		{"/v2/systemsharedmemory/", "systemsharedmemory"}, {"/v2/cudasharedmemory/", "cudasharedmemory"}, {"/v2/trace/setting", "trace"},
		{"/v2/models/{model}/trace/setting", "trace"}, {"/v2/logging", "logging"}, {"GET /v2/models/stats", "stats"},
	} {
		out = append(out, route{p.pattern, p.what, gate.Predict, false, not(p.what)})
	}
	return out
}

func not(what string) func(*Server, http.ResponseWriter, *http.Request) error {
	return func(*Server, http.ResponseWriter, *http.Request) error { return refused(what) }
}

// Handler answers the calls below /v2.
func (s *Server) Handler() http.Handler {
	m := http.NewServeMux()
	for _, r := range s.routes() {
		m.Handle(r.pattern, s.wrapped(r))
	}
	m.Handle("/", s.wrapped(route{call: "unknown", answer: func(_ *Server, _ http.ResponseWriter, r *http.Request) error {
		return &serve.Problem{Code: feature.CodeUnknownCall, Detail: fmt.Sprintf("there is no %s %.80q in the Open Inference Protocol", r.Method, r.URL.Path), Cure: "GET /v2/models/MODEL, POST /v2/models/MODEL/infer"}
	}}))
	return m
}

// wrapped is what every call goes through. Errors are the protocol's: {"error": "…"}.
func (s *Server) wrapped(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if x := recover(); x != nil && x != http.ErrAbortHandler {
				s.fail(w, r, rt, s.defect(r.Context(), rt.call, fmt.Errorf("panic: %v\n%s", x, debug.Stack())))
			} else if x != nil {
				panic(x)
			}
		}()
		if p := s.o.Gate.Admit(rt.scope, r.Header.Get("Authorization")); p != nil {
			s.fail(w, r, rt, p)
			return
		}
		if rt.heavy {
			if p := s.o.Gate.Enter(); p != nil {
				s.fail(w, r, rt, p)
				return
			}
			defer s.o.Gate.Leave()
		}
		if err := rt.answer(s, w, r); err != nil {
			s.fail(w, r, rt, err)
			return
		}
		s.requests.WithLabelValues(s.known(r.PathValue("model")), rt.call, "200").Inc()
	})
}

// known is a model's name as a label: callers may ask for any name.
func (s *Server) known(name string) string {
	if s.o.Models.Has(name) {
		return name
	}
	return ""
}

// defect logs what is wrong with the server, under a number that the caller is told.
func (s *Server) defect(ctx context.Context, call string, err error) error {
	id := strconv.FormatUint(rand.Uint64(), 16)
	s.log.ErrorContext(ctx, "an inference request failed", "request", id, "call", call, "error", err)
	return &serve.Problem{Code: feature.CodeDefect, Detail: "something is wrong in the server", Cure: "its log has it as request " + id}
}

// statuses are the answers to problems; what is not here is 400, the caller's.
var statuses = map[feature.Code]int{
	feature.CodeUnknownCall: http.StatusNotFound, feature.CodeUnknownModel: http.StatusNotFound, feature.CodeNoVersion: http.StatusServiceUnavailable,
	feature.CodeTooLarge: http.StatusRequestEntityTooLarge, feature.CodeNoToken: http.StatusUnauthorized, feature.CodeNoScope: http.StatusForbidden,
	feature.CodeTooOften: http.StatusTooManyRequests, feature.CodeBusy: http.StatusServiceUnavailable, feature.CodeDefect: http.StatusInternalServerError,
	feature.CodeModelFailed: http.StatusServiceUnavailable,
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, rt route, err error) {
	p := s.problem(r.Context(), rt.call, err)
	if p == nil { // the caller is gone
		panic(http.ErrAbortHandler)
	}
	status, ok := statuses[p.Code]
	if !ok {
		status = http.StatusBadRequest
	}
	if p.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(p.After.Seconds())))))
	}
	s.requests.WithLabelValues(s.known(r.PathValue("model")), rt.call, strconv.Itoa(status)).Inc()
	write(w, status, map[string]string{"error": p.Error()})
}

// problem is an error as the caller is told; nil: there is no caller any more.
func (s *Server) problem(ctx context.Context, call string, err error) *serve.Problem {
	var p *serve.Problem
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &large):
		return tooLong("body", large.Limit)
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &serve.Problem{Code: feature.CodeModelFailed, Detail: "the model did not answer in time", Cure: "send fewer rows at a time, or raise [serve] deadline"}
	}
	errors.As(s.defect(ctx, call, err), &p)
	return p
}

// tooLong is the problem of a request of more bytes than are read.
func tooLong(what string, most int64) *serve.Problem {
	return &serve.Problem{Code: feature.CodeTooLarge, Detail: fmt.Sprintf("the %s is longer than %d bytes", what, most), Cure: "send less at a time, or raise [serve] max_body"}
}

func write(w http.ResponseWriter, status int, x any) {
	b, _ := json.Marshal(x) // of texts, numbers and lists
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that is gone hears nothing
}

func (s *Server) httpServer(w http.ResponseWriter, _ *http.Request) error {
	write(w, http.StatusOK, map[string]any{"name": "bighead", "version": s.o.Version, "extensions": extensions})
	return nil
}

func (s *Server) httpLive(w http.ResponseWriter, _ *http.Request) error {
	write(w, http.StatusOK, map[string]bool{"live": true})
	return nil
}

func (s *Server) httpReady(w http.ResponseWriter, _ *http.Request) error {
	if !s.o.Ready() {
		write(w, http.StatusServiceUnavailable, map[string]bool{"ready": false})
		return nil
	}
	write(w, http.StatusOK, map[string]bool{"ready": true})
	return nil
}

func inputsOf(m Model) []tensor.Metadata {
	out := []tensor.Metadata{}
	for _, c := range m.Columns() {
		out = append(out, tensor.Metadata{Name: c.Name, Datatype: datatypeFor(c.Type), Shape: []int64{-1}})
	}
	return out
}

func outputsOf(m Model) []tensor.Metadata {
	out := []tensor.Metadata{}
	for _, o := range m.Outputs() {
		t := tensor.Metadata{Name: o.Name, Datatype: outputDatatype(o), Shape: []int64{-1}}
		if o.Width != 1 {
			t.Shape = append(t.Shape, int64(o.Width))
		}
		out = append(out, t)
	}
	return out
}

func (s *Server) httpModel(w http.ResponseWriter, r *http.Request) error {
	m, err := s.o.Models.Model(r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	defer m.Release()
	write(w, http.StatusOK, map[string]any{"name": m.Name(), "versions": m.Versions(), "platform": m.Format(), "inputs": inputsOf(m), "outputs": outputsOf(m)})
	return nil
}

func (s *Server) httpModelReady(w http.ResponseWriter, r *http.Request) error {
	m, err := s.o.Models.Model(r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	defer m.Release()
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Deadline)
	defer cancel()
	if err := m.Ready(ctx); err != nil {
		return err
	}
	write(w, http.StatusOK, map[string]any{"name": m.Name(), "ready": true})
	return nil
}

// httpIndex lists models. The body is empty, or {"ready": true} for those alone that are.
func (s *Server) httpIndex(w http.ResponseWriter, r *http.Request) error {
	body, err := s.body(w, r)
	if err != nil {
		return err
	}
	var q struct {
		Ready bool `json:"ready"`
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, &q); err != nil {
			return wrong("", "the body is no JSON: "+err.Error(), `send nothing, or {"ready": true}`)
		}
	}
	type entry struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		State   string `json:"state"`
		Reason  string `json:"reason"`
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Deadline)
	defer cancel()
	out := []entry{}
	for _, m := range s.o.Models.Index(ctx) {
		if m.Ready || !q.Ready {
			out = append(out, entry{m.Name, m.Version, m.state(), m.Reason})
		}
	}
	write(w, http.StatusOK, out)
	return nil
}

func (m State) state() string {
	if m.Ready {
		return "READY"
	}
	return "UNAVAILABLE"
}

// refuseToLoad says that a model is not configured or handed over in a call to load it.
func refuseToLoad(parameter string) error {
	return wrong(parameter, fmt.Sprintf("load takes no %.60q: a version is loaded as it was trained and registered", parameter), "train a version and deploy it, or leave it out")
}

// httpLoad takes an empty body, or a JSON object without parameters.
func (s *Server) httpLoad(w http.ResponseWriter, r *http.Request) error {
	body, err := s.body(w, r)
	if err != nil {
		return err
	}
	var q struct {
		Parameters map[string]json.RawMessage `json:"parameters"`
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, &q); err != nil {
			return wrong("", "the body is no JSON of a load", `send nothing, or {}`)
		}
	}
	for name := range q.Parameters {
		return refuseToLoad(name)
	}
	if err := s.o.Models.Load(r.Context(), r.PathValue("model")); err != nil {
		return err
	}
	write(w, http.StatusOK, struct{}{})
	return nil
}

func (s *Server) httpUnload(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Models.Unload(r.Context(), r.PathValue("model")); err != nil {
		return err
	}
	write(w, http.StatusOK, struct{}{})
	return nil
}

// body is the whole of a request, unpacked.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	in := io.Reader(http.MaxBytesReader(w, r.Body, s.o.MaxBody))
	var err error
	switch how := r.Header.Get("Content-Encoding"); how {
	case "", "identity":
	case "gzip":
		in, err = gzip.NewReader(in)
	case "deflate": // which is zlib's form
		in, err = zlib.NewReader(in)
	default:
		return nil, wrong("", fmt.Sprintf("Content-Encoding %.40q", how), "send gzip, deflate or none")
	}
	if err == nil {
		var b []byte
		b, err = io.ReadAll(io.LimitReader(in, s.o.MaxBody+1))
		if err == nil && int64(len(b)) > s.o.MaxBody {
			return nil, &http.MaxBytesError{Limit: s.o.MaxBody}
		}
		if err == nil {
			return b, nil
		}
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) || r.Context().Err() != nil {
		return nil, err
	}
	return nil, wrong("", "the body cannot be read: "+err.Error(), "send it whole, packed as its Content-Encoding says")
}
