package backfill

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
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

// run is one Survey or Backfill.
type run struct {
	options Options
	plan    *plan.Backfill
	in      engine.Inputs
	tiles   *tiletable.Table
	report  *engine.BackfillReport
	sources []*source
	pool    *exchange.Pool
	nulls   sift.Nulls
	total   int64 // rows to read, guessed
	done    int64
}

func newRun(o Options, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*run, error) {
	for _, bound := range []*int64{p.From, p.To} {
		if bound != nil && value.Floor(*bound, value.DayMS) != *bound {
			return nil, fmt.Errorf("%s is no midnight of UTC: tiles are made by whole UTC days", value.FormatTimestamp(*bound))
		}
	}
	set := func(x *int, otherwise int) {
		if *x <= 0 {
			*x = otherwise
		}
	}
	set(&o.Threads, runtime.GOMAXPROCS(0))
	set(&o.Slots, 512)
	set(&o.CommitDays, 64)
	if o.BucketRows <= 0 {
		o.BucketRows = 1 << 17
	}
	r := &run{options: o, plan: p, in: in, tiles: tiles, report: &engine.BackfillReport{Raw: p.Raw}, pool: exchange.NewPool(o.Memory/2, o.TempDir)}
	for _, t := range p.Sets {
		r.add(t)
	}
	return r, nil
}

func (r *run) add(t *plan.TileSet) {
	i := slices.IndexFunc(r.sources, func(s *source) bool { return s.source == t.Source })
	if i < 0 {
		i = len(r.sources)
		s := &source{source: t.Source, report: &engine.TileSourceReport{Source: t.Source.Name}, used: map[int]bool{}}
		r.sources = append(r.sources, s)
		r.report.Sources = append(r.report.Sources, s.report)
	}
	x := &set{plan: t, id: tiletable.ID{Source: t.Source.Name}, report: &engine.TileSetReport{Source: t.Source.Name, Groups: t.Groups, Cells: map[tiletable.Verdict]int64{}}}
	for _, k := range t.Keys {
		x.id.Keys = append(x.id.Keys, value.Field{Name: k.Name, Type: k.Type})
		x.report.Keys = append(x.report.Keys, k.Name)
	}
	for i := range t.Folds {
		f := &t.Folds[i]
		x.columns = append(x.columns, tiletable.Column{Fingerprint: f.ID, Fold: f.Fold.Fold.ID()})
		x.report.Folds = append(x.report.Folds, engine.TileFoldReport{Fold: f.Fold.Fold.ID(), Features: f.Features, Cells: map[tiletable.Verdict]int64{}})
	}
	r.sources[i].sets = append(r.sources[i].sets, x)
	r.report.Sets = append(r.report.Sets, x.report)
}

// Backfill makes the tiles that are missing or whose source files changed.
func Backfill(ctx context.Context, o Options, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	r, err := newRun(o, p, in, tiles)
	if err != nil {
		return nil, err
	}
	defer r.pool.Close()
	lock, err := tiles.Lock()
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	for _, s := range r.sources {
		if err := r.source(ctx, s, lock); err != nil {
			return nil, err
		}
	}
	r.report.ExpressionNulls = r.nulls.All()
	r.report.Spilled = r.pool.Spilled()
	return r.report, nil
}

func (r *run) source(ctx context.Context, s *source, lock *tiletable.Lock) error {
	if err := r.open(ctx, s, lock); err != nil {
		return err
	}
	if err := r.learnTimes(ctx, s); err != nil {
		return fmt.Errorf("source %q: %w", s.source.Name, err)
	}
	jobs := r.jobs(ctx, s, s.parts)
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, j := range jobs {
		r.total += j.rows()
	}
	for _, j := range jobs {
		again, err := j.do(ctx)
		if err == nil && again != nil { // days with copies that only whole rows tell apart
			_, err = again.do(ctx)
		}
		if err != nil {
			return fmt.Errorf("source %q: %w", s.source.Name, err)
		}
	}
	s.countFiles()
	if len(jobs) > 0 || s.report.Unknown == 0 {
		return nil
	}
	for _, t := range s.sets { // what was learnt is kept, though nothing is to be made
		if err := t.edit.Commit(s.parts, nil); err != nil {
			return fmt.Errorf("source %q: %w", s.source.Name, err)
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
