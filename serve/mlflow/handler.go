package mlflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
)

// Prefix is the path that all calls are below.
const Prefix = "/api/2.0/mlflow/"

// maxBody bounds the body of a call, which names a model.
const maxBody = 64 << 10

// Options are what the surface needs. Models and Metrics must be there.
type Options struct {
	// Models lends the registry for one call.
	Models func(ctx context.Context, do func(catalog.Models) error) error
	// Location is the URI of an artifact by its name.
	Location func(artifact string) string
	Gate     *gate.Gate // nil: everybody may do everything, 1024 requests at a time
	Metrics  *serve.Metrics
	Log      *slog.Logger // nil: slog.Default
}

// Server answers the calls. It is safe for concurrent use.
type Server struct {
	o   Options
	log *slog.Logger
}

// New makes the surface.
func New(o Options) *Server {
	if o.Gate == nil {
		o.Gate = gate.New(nil, 0)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{o: o, log: o.Log}
}

// call is one call that is answered.
type call struct {
	pattern string
	answer  func(*registry, context.Context, url.Values) (any, error)
}

var calls = []call{
	{"GET registered-models/search", (*registry).searchModels},
	{"GET registered-models/get", (*registry).getModel},
	{"GET registered-models/get-latest-versions", (*registry).latestVersions},
	{"POST registered-models/get-latest-versions", (*registry).latestVersions},
	{"GET registered-models/alias", (*registry).versionByAlias},
	{"GET model-versions/search", (*registry).searchVersions},
	{"GET model-versions/get", (*registry).getVersion},
	{"GET model-versions/get-download-uri", (*registry).downloadURI},
	{"GET runs/get", (*registry).getRun},
}

// writing are MLflow's calls that change a registry, with the command that does it here.
var writing = map[string]string{
	"registered-models/create": "bighead train MODEL makes the first version of a model", "registered-models/rename": "a model is called as it is defined",
	"registered-models/update": "a model is what is defined", "registered-models/delete": "nothing is taken out of the registry",
	"registered-models/alias": "bighead models alias MODEL ALIAS VERSION", "registered-models/set-tag": noTags, "registered-models/delete-tag": noTags,
	"model-versions/create": "bighead train MODEL makes a version", "model-versions/update": "a version never changes", "model-versions/delete": "nothing is taken out of the registry",
	"model-versions/set-tag": noTags, "model-versions/delete-tag": noTags, "model-versions/transition-stage": "bighead models alias MODEL ALIAS VERSION takes the place of stages",
}

const noTags = "what a tag would say is in the definition, or the --reason of a command"

// Handler answers the calls below Prefix.
func (s *Server) Handler() http.Handler {
	m := http.NewServeMux()
	for _, c := range calls {
		method, path, _ := strings.Cut(c.pattern, " ")
		m.Handle(method+" "+Prefix+path, s.wrapped(c.answer))
	}
	m.Handle("/", s.wrapped(nil))
	return m
}

// failure is an error as MLflow's client knows it.
type failure struct {
	status  int
	code    string
	message string
}

func (f *failure) Error() string { return f.message }

func invalid(format string, args ...any) *failure {
	return &failure{http.StatusBadRequest, "INVALID_PARAMETER_VALUE", fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) *failure {
	return &failure{http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", fmt.Sprintf(format, args...)}
}

// wrapped is what every call goes through; answer nil: there is no such call.
func (s *Server) wrapped(answer func(*registry, context.Context, url.Values) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := s.answer(w, r, answer)
		if err == nil {
			s.write(w, http.StatusOK, out)
			return
		}
		if r.Context().Err() != nil { // the caller is gone
			s.o.Metrics.Requests.WithLabelValues("", "499").Inc()
			panic(http.ErrAbortHandler)
		}
		f := s.failure(w, r, err)
		s.write(w, f.status, map[string]string{"error_code": f.code, "message": f.message})
	})
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, answer func(*registry, context.Context, url.Values) (any, error)) (out any, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("panic: %v\n%s", x, debug.Stack())
		}
	}()
	if p := s.o.Gate.Admit(gate.Read, r.Header.Get("Authorization")); p != nil {
		return nil, p
	}
	if answer == nil {
		return nil, unknown(r)
	}
	if p := s.o.Gate.Enter(); p != nil {
		return nil, p
	}
	defer s.o.Gate.Leave()
	q, err := asked(w, r)
	if err != nil {
		return nil, err
	}
	err = s.o.Models(r.Context(), func(m catalog.Models) error {
		out, err = answer(&registry{models: m, location: s.o.Location}, r.Context(), q)
		return err
	})
	return out, err
}

// asked are the fields of a call: the query's, or where it has a body, of the JSON in it.
func asked(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method == http.MethodGet {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, invalid("the query cannot be read: %v", err)
		}
		return q, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, invalid("the body cannot be read: %v", err)
	}
	var fields struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, invalid("the body cannot be read: %v", err)
	}
	return url.Values{"name": {fields.Name}}, nil
}

// unknown refuses what is no call of a registry that is only read.
func unknown(r *http.Request) error {
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	if how, ok := writing[path]; ok {
		return &failure{http.StatusNotImplemented, "NOT_IMPLEMENTED", fmt.Sprintf("%s: this registry is read-only for MLflow's clients; %s", path, how)}
	}
	return &failure{http.StatusNotFound, "ENDPOINT_NOT_FOUND", fmt.Sprintf("there is no %s %.80q here: of MLflow's calls, those are answered that read the registry of models", r.Method, r.URL.Path)}
}

// codes are the gate's problems as MLflow says them, with their status.
var codes = map[feature.Code]failure{
	feature.CodeNoToken:  {http.StatusUnauthorized, "UNAUTHENTICATED", ""},
	feature.CodeNoScope:  {http.StatusForbidden, "PERMISSION_DENIED", ""},
	feature.CodeTooOften: {http.StatusTooManyRequests, "REQUEST_LIMIT_EXCEEDED", ""},
	feature.CodeBusy:     {http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE", ""},
}

// failure is an error as the caller is told; what is wrong with the server goes into the log, under a number.
func (s *Server) failure(w http.ResponseWriter, r *http.Request, err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var p *serve.Problem
	if errors.As(err, &p) {
		if p.After > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(p.After.Seconds())))))
		}
		if p.Code == feature.CodeNoToken {
			w.Header().Set("WWW-Authenticate", `Bearer realm="bighead"`)
		}
		if f, ok := codes[p.Code]; ok {
			f.message = p.Error()
			return &f
		}
	}
	id := strconv.FormatUint(rand.Uint64(), 16)
	s.log.ErrorContext(r.Context(), "a call of MLflow's failed", "request", id, "path", r.URL.Path, "error", err)
	return &failure{http.StatusInternalServerError, "INTERNAL_ERROR", "something is wrong in the server: its log has it as request " + id}
}

func (s *Server) write(w http.ResponseWriter, status int, x any) {
	b, err := json.Marshal(x)
	if err != nil { // no number of ours is without a form in JSON
		panic(err)
	}
	s.o.Metrics.Requests.WithLabelValues("", strconv.Itoa(status)).Inc()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that is gone hears nothing
}
