package local

import (
	"context"
	"runtime"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Options say how an Engine works. The zero value is right for most.
type Options struct {
	Threads int    // goroutines that work at once; 0: GOMAXPROCS
	Memory  int64  // bytes that a run's rows may take before they go to disk; 0: no limit
	TempDir string // where they go; "": the system's folder for temporary files

	// What follows is chosen by the engine where it is 0. Tests set it: no value may depend on it.
	Buckets   int // a power of two
	BatchRows int
	Texts     int  // distinct strings of a column, above which they are not numbered
	AnyTiles  bool // tiles are used also where they save little
}

// Engine is the local engine. It may be used by many at once.
type Engine struct{ options Options }

var _ engine.Engine = (*Engine)(nil)

// New makes an engine.
func New(o Options) *Engine {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	return &Engine{o}
}

// Name is "local".
func (e *Engine) Name() string { return "local" }

// Run computes the plan. Rows come out in batches of about 32,768.
func (e *Engine) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	r := newRun(e.options, p, in)
	defer r.pool.Close()
	if err := r.run(ctx, out); err != nil {
		return nil, err
	}
	return r.report, nil
}
