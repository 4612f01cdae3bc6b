package online

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local/stream"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// Parts are what the road is put together of, by the names that settings have for them.
type Parts struct {
	// Stores open an online store in a folder of its own, where it finds what was there before: after a kill it is opened again, unless it
	// is not lasting.
	Stores map[string]func(dir string) (store.Store, error)
	Wires  map[string]Wire
	// Crash, where not nil, takes the power from the store in a folder that is opened again, at this very moment: what it was not promised is gone. seed
	// says how much.
	Crash func(dir string, seed uint64)
	// Dir is where the folders of runs are made; "": where the machine has temporary ones.
	Dir string
}

// Wire is a way to ask a server: directly, or over a protocol. It starts one.
type Wire func(ctx context.Context, o *Served) (Asker, error)

// Served is what a server is started over.
type Served struct {
	Views  []*feature.View
	Store  store.Store
	Stream *stream.Stream // takes what is pushed
	Clock  func() int64   // says now
}

// Asker is a server as its callers see it.
type Asker interface {
	// Push sends rows to a source. Rows that are refused are an error.
	Push(ctx context.Context, source *feature.Source, rows *value.Batch) error
	// Ask asks for rows of keys and request fields, each in the order of plan.Serve.Asked; at nil: now. It returns as of when they are
	// answered.
	Ask(ctx context.Context, view *plan.Serve, rows [][]value.Value, at *int64) (int64, []Answered, error)
	// Refresh has the server look up to when batch has filled the store.
	Refresh(ctx context.Context) error
	Close() error
}

// Answered is one row: the view's columns, each with its status (Q4), or why it was refused.
type Answered struct {
	Values   []value.Value
	Statuses []string
	Refused  error
}

// Road is the road under some settings.
type Road struct {
	*Parts
	Settings
}

// Name is "online".
func (Road) Name() string { return "online" }

// Counts implements enginetest.ValuesOnly: rows, and nulls and defaults by column.
func (Road) Counts(name string) bool {
	return name == "rows" || name == "spine rows" || strings.HasSuffix(name, ": nulls") || strings.HasSuffix(name, ": defaults")
}

// Run answers a plan of a group or a view.
func (r Road) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (report *engine.Report, err error) {
	if p.Group == nil && p.View == nil {
		return nil, enginetest.Declined(TrainingSet)
	}
	q, err := newQuestion(ctx, p, in)
	if err != nil {
		return nil, err
	}
	f, err := newFeed(ctx, q, in)
	if err != nil {
		return nil, err
	}
	steps := newScript(q, f, r.Settings)
	dir, err := os.MkdirTemp(r.Dir, "online-")
	if err != nil {
		return nil, fmt.Errorf("a folder for the road online: %w", err)
	}
	w := &world{road: &r, q: q, in: in, dir: dir}
	defer func() { err = errors.Join(err, w.close(ctx), os.RemoveAll(dir)) }()
	if err := w.run(ctx, steps); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, r.Settings)
	}
	b, report := q.answer()
	return report, out(b)
}

// Why the road declines.
const (
	TrainingSet = "a training set is batch's: nobody asks a server for one"
	OtherCopies = "copies count for different groups, and a stream keeps the first that it saw for all of them (E3)"
)
