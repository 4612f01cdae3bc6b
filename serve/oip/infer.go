package oip

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
)

// Options are what the surface needs. Models must be there.
type Options struct {
	Models Models
	Gate   *gate.Gate // nil: everybody may do everything, 1024 requests at a time
	// MaxBody bounds a request in bytes, also once it is unpacked; 0: 8 MiB. MaxRows bounds its rows; 0: 10,000.
	MaxBody int64
	MaxRows int
	// Deadline is the longest that a request may take; 0: 1 s.
	Deadline time.Duration
	// Ready reports whether the server as a whole is; nil: always.
	Ready    func() bool
	Version  string
	Registry prometheus.Registerer // nil: nothing is counted
	Log      *slog.Logger          // nil: slog.Default
}

// Server answers the protocol's calls on both surfaces. It is safe for concurrent use.
type Server struct {
	o        Options
	log      *slog.Logger
	requests *prometheus.CounterVec // by model, call and code
}

// New makes the surface.
func New(o Options) *Server {
	if o.Gate == nil {
		o.Gate = gate.New(nil, 0)
	}
	if o.MaxBody == 0 {
		o.MaxBody = 8 << 20
	}
	if o.MaxRows == 0 {
		o.MaxRows = 10_000
	}
	if o.Deadline == 0 {
		o.Deadline = time.Second
	}
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Server{o: o, log: o.Log, requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "bighead_inference_requests_total", Help: "Requests of the Open Inference Protocol, by model, call and code.",
	}, []string{"model", "call", "code"})}
	if o.Registry != nil {
		o.Registry.MustRegister(s.requests)
	}
	return s
}

// extensions are what of the protocol's is offered beside its core. The repository is not among them, though its index is answered: whether a model can
// be loaded and unloaded is for the models to say, and those of endpoints say no.
var extensions = []string{tensor.BinaryExtension}

// inference is one request to infer, on whichever surface it came.
type inference struct {
	model, version, id string
	inputs             []*tensor.Tensor
	wanted             []string      // names of outputs; none: all but leaves
	timeout            time.Duration // that the caller waits at most; 0: it does not say
}

// setTimeout takes over the request's parameter timeout, µs. Of none, and of 0, it is the server's deadline, which is never passed.
func (q *inference) setTimeout(p tensor.Parameters) error {
	text, ok := p["timeout"]
	if !ok {
		return nil
	}
	n, ok := p.Int("timeout")
	if !ok || n < 0 {
		return wrong("timeout", fmt.Sprintf("timeout is %.40s", text), "give microseconds, or leave it out")
	}
	q.timeout = time.Duration(min(n, math.MaxInt64/1000)) * time.Microsecond
	return nil
}

// answer is what an inference came to.
type answer struct {
	model, version, id string
	outputs            []*tensor.Tensor
}

// infer answers one request.
func (s *Server) infer(ctx context.Context, q *inference) (*answer, error) {
	m, err := s.o.Models.Model(q.model, q.version)
	if err != nil {
		return nil, err
	}
	defer m.Release()
	rows, err := rowsOf(m.Columns(), q.inputs, s.o.MaxRows)
	if err != nil {
		return nil, err
	}
	out, err := wantedOf(m, q.wanted, rows.N)
	if err != nil {
		return nil, err
	}
	within := s.o.Deadline
	if q.timeout > 0 {
		within = min(within, q.timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := m.Infer(ctx, rows, out); err != nil {
		return nil, err
	}
	a := &answer{model: m.Name(), version: m.Version(), id: q.id}
	offered := m.Outputs()
	add := func(i int) { a.outputs = append(a.outputs, answerOf(offered[i], rows.N, out[i])) }
	if len(q.wanted) == 0 {
		for i := range out {
			if out[i] != nil {
				add(i)
			}
		}
		return a, nil
	}
	for _, name := range q.wanted { // in the order of the request
		add(outputNamed(m, name))
	}
	return a, nil
}

func outputNamed(m Model, name string) int {
	for i, o := range m.Outputs() {
		if o.Name == name {
			return i
		}
	}
	return -1
}

// wantedOf makes room for the outputs that are wanted: where none is named, for all but the leaves, which are many.
func wantedOf(m Model, names []string, rows int) ([][]float64, error) {
	offered := m.Outputs()
	out := make([][]float64, len(offered))
	for _, name := range names {
		i := outputNamed(m, name)
		if i < 0 {
			known := make([]string, len(offered))
			for i, o := range offered {
				known[i] = o.Name
			}
			return nil, &serve.Problem{Code: feature.CodeBadBody, Detail: fmt.Sprintf("the model has no output %.60q", name), Field: name, Near: expr.Nearest(name, known),
				Cure: "its outputs are: " + listed(known)}
		}
		if out[i] != nil {
			return nil, wrong(name, "the output is asked for twice", "name it once")
		}
		out[i] = make([]float64, rows*offered[i].Width)
	}
	if len(names) == 0 {
		for i, o := range offered {
			if outputDatatype(o) != "INT64" || o.Width == 1 {
				out[i] = make([]float64, rows*o.Width)
			}
		}
	}
	return out, nil
}

// notOffered are what clients may ask for that Triton has beside the protocol, with what to do instead.
var notOffered = map[string]string{
	"systemsharedmemory": "send tensors in the request: no memory is shared with clients",
	"cudasharedmemory":   "send tensors in the request: models run on the processor, and no memory is shared with clients",
	"trace":              "[trace] endpoint in bighead.toml sends OpenTelemetry traces",
	"logging":            "[log] level in bighead.toml sets what is logged",
	"stats":              "GET /metrics has counts and times",
	"config":             "the metadata has the inputs and outputs; batching is the endpoint's max_batch and max_delay",
	"stream":             "send requests one by one: no model here answers in parts",
}

func refused(what string) *serve.Problem {
	return &serve.Problem{Code: feature.CodeUnknownCall, Detail: what + " is not offered", Cure: notOffered[what]}
}
