package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// run is one Run.
type run struct {
	options Options
	plan    *plan.Batch
	in      engine.Inputs
	report  *engine.Report
	pool    *exchange.Pool
	nulls   sift.Nulls
	spine   *spine
	askers  map[string]*askers
	jobs    []*job
	answers []*answers           // of every join, in the plan's order
	newest  map[*plan.Join]int64 // the greatest ts of its source
	adding  sync.Mutex
	plain   map[string]bool // columns whose strings are too many for a coder
	total   int64           // rows of all sources, for progress
	done    int64
}

func newRun(o Options, p *plan.Batch, in engine.Inputs) *run {
	// Half of the memory is for rows that wait; the other half for what is read, worked on and written.
	return &run{
		options: o, plan: p, in: in, askers: map[string]*askers{}, newest: map[*plan.Join]int64{}, plain: map[string]bool{},
		report: &engine.Report{Dropped: map[engine.DropReason]int64{}},
		pool:   exchange.NewPool(o.Memory/2, o.TempDir),
	}
}

func (r *run) run(ctx context.Context, out func(*value.Batch) error) (err error) {
	if r.spine, err = r.readSpine(ctx); err != nil {
		return err
	}
	r.pool.Hold(r.spine.bytes())
	if r.spine.n > 0 {
		r.report.EarliestAt = r.spine.first
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	for len(r.jobs) > 0 && r.spine.n > 0 {
		group := r.sameScan()
		if err := r.compute(ctx, group); err != nil {
			return err
		}
	}
	if err := r.emit(ctx, out); err != nil {
		return err
	}
	r.report.ExpressionNulls = r.nulls.All()
	r.report.Spilled = r.pool.Spilled()
	return nil
}

// open opens the source of every join and prepares its job.
func (r *run) open(ctx context.Context) error {
	tables := map[*feature.Source]dataset.Table{}
	for _, j := range r.plan.Joined() {
		s := j.Scan.Source
		table := tables[s]
		if table == nil {
			var err error
			if table, err = r.in.Rows(ctx, s); err != nil {
				return engine.OfSource(s, err)
			}
			tables[s] = table
		}
		jb, err := r.newJob(j, table)
		if err != nil {
			return err
		}
		r.jobs = append(r.jobs, jb)
		r.report.Sources = append(r.report.Sources, jb.report)
		for _, rows := range table.Parts() {
			r.total += max(0, rows.Rows)
		}
	}
	for _, j := range r.jobs {
		j.answers = r.newAnswers(j.plan.Values)
		r.answers = append(r.answers, j.answers)
	}
	return r.useTiles()
}

// sameScan takes the next jobs that read one source out of the list: it is decoded once for all of them.
func (r *run) sameScan() []*job {
	first := r.jobs[0]
	var group, rest []*job
	for _, j := range r.jobs {
		if j.plan.Scan.Source == first.plan.Scan.Source && !j.wide {
			group = append(group, j)
		} else {
			rest = append(rest, j)
		}
	}
	r.jobs = rest
	return group
}

// compute reads a source and answers for the jobs over it. A job that turns out to need whole rows to tell copies apart reads again,
// alone.
func (r *run) compute(ctx context.Context, group []*job) error {
	for _, j := range group {
		if err := j.loadTiles(ctx); err != nil {
			return err
		}
	}
	if err := r.read(ctx, group); err != nil {
		return err
	}
	for _, j := range group {
		again, err := j.answer(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", j.plan.Name, err)
		}
		if !again {
			continue
		}
		j.wide = true
		j.reset()
		if err := r.compute(ctx, []*job{j}); err != nil {
			return err
		}
	}
	return nil
}

// read scans the source for the jobs; anew where a column turned out to have more strings than it is worth to number.
func (r *run) read(ctx context.Context, group []*job) error {
	for {
		done := r.done
		err := r.scan(ctx, group)
		if err == nil {
			break
		}
		if !errors.Is(err, errTexts) {
			return err
		}
		r.withoutCoders(group)
		for _, j := range group {
			j.reset()
		}
		r.done = done
	}
	for _, j := range group {
		j.reportHistory()
	}
	return nil
}

// bucketRows is how many events a bucket should have: about as many as fit a core's cache with a few columns.
const bucketRows = 1 << 16

// bucketsFor is how many buckets the rows of a table are shared out to.
func (r *run) bucketsFor(rows int64) int {
	if r.options.Buckets > 0 {
		return r.options.Buckets
	}
	n := 1
	for int64(n)*bucketRows < rows && n < 1024 {
		n *= 2
	}
	return n
}

// rowsOf guesses how many rows a table has: by what its files say, else by their size.
func rowsOf(t dataset.Table) int64 {
	const textRow = 64 // bytes
	n := int64(0)
	for _, p := range t.Parts() {
		if p.Rows >= 0 {
			n += p.Rows
		} else {
			n += p.Size / textRow
		}
	}
	return n
}

// askersOf are the spine's rows by the join's keys.
func (r *run) askersOf(j *plan.Join, rows int64) (*askers, error) {
	if err := checkKeys(r.spine, j); err != nil {
		return nil, err
	}
	if a := r.askers[onText(j)]; a != nil {
		return a, nil
	}
	a := newAskers(r.spine, j.On, r.bucketsFor(rows))
	r.pool.Hold(a.bytes())
	r.askers[onText(j)] = a
	return a, nil
}

// progress tells how many rows are done, where somebody listens.
func (r *run) progress(rows int) {
	if r.in.Progress == nil {
		return
	}
	r.done += int64(rows)
	r.in.Progress(r.done, max(r.total, r.done))
}

// sortedNames are the columns of a schema in name order (E3, E5).
func sortedNames(s value.Schema) []string { return slices.Sorted(slices.Values(s.Names())) }
