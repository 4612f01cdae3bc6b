package backfill

import (
	"context"
	"runtime"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/plan"
)

// Options say how to work. No value depends on them, but for the order in which floats are added.
type Options struct {
	Threads int    // goroutines that work at once; 0: GOMAXPROCS
	Memory  int64  // bytes that rows may take before they go to disk; 0: no limit
	TempDir string // where they go; "": the system's folder for temporary files

	// What follows is chosen here where it is 0. Tests set it.
	BatchRows  int
	BucketRows int64 // rows of a day from which on its keys are shared out
	Slots      int   // days that are told apart while rows wait
	CommitDays int   // files that are committed at once
}

// filled are the options with what is chosen here.
func (o Options) filled() Options {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Slots <= 0 {
		o.Slots = 512
	}
	if o.BucketRows <= 0 {
		o.BucketRows = 1 << 17
	}
	return o
}

// cells are those of them that all engines have.
func (o Options) cells() cells.Options {
	return cells.Options{Threads: o.Threads, BatchRows: o.BatchRows, CommitDays: o.CommitDays}
}

// run is one Backfill.
type run struct {
	options Options
	in      engine.Inputs
	pool    *exchange.Pool
	nulls   sift.Nulls
	total   int64 // rows to read, guessed
	done    int64
}

// Survey says what Backfill would do.
func Survey(ctx context.Context, o Options, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	return cells.Survey(ctx, o.filled().cells(), p, in, tiles)
}

// Backfill makes the tiles that are missing or whose source files changed.
func Backfill(ctx context.Context, o Options, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	o = o.filled()
	r := &run{options: o, in: in, pool: exchange.NewPool(o.Memory/2, o.TempDir)}
	defer r.pool.Close()
	report, err := cells.Backfill(ctx, o.cells(), p, in, tiles, r.make)
	if err != nil {
		return nil, err
	}
	report.ExpressionNulls = r.nulls.All()
	report.Spilled = r.pool.Spilled()
	return report, nil
}

// make makes the cells of a source's jobs.
func (r *run) make(ctx context.Context, jobs []*cells.Job) error {
	for _, j := range jobs {
		r.total += j.Rows()
	}
	for _, j := range jobs {
		again, err := newJob(r, j, false).do(ctx)
		if err == nil && again != nil { // days with copies that only whole rows tell apart
			_, err = again.do(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// progress tells how many rows are done, where somebody listens.
func (r *run) progress(rows int) {
	if r.in.Progress != nil {
		r.done += int64(rows)
		r.in.Progress(r.done, max(r.total, r.done))
	}
}
