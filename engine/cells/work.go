package cells

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Options say how to read times and when to commit. Where they are 0 it is chosen here.
type Options struct {
	Threads    int // that decode times
	BatchRows  int
	CommitDays int  // files that are committed at once
	Whole      bool // jobs read all columns of a source with an id, which decide between copies (E3)
	// Look, where not nil, is asked by a backfill for a source's table as the engine sees it, where it may see more of its files than we do.
	Look func(ctx context.Context, s *feature.Source, t dataset.Table) (dataset.Table, error)
	// Times, where not nil, is asked for the times of parts whose files we do not read; false: they are read here.
	Times func(ctx context.Context, s *Source, parts []int) (bool, error)
}

// Make makes the cells of a source's jobs, one after the other.
type Make func(ctx context.Context, jobs []*Job) error

// work is one Survey or Backfill.
type work struct {
	options Options
	plan    *plan.Backfill
	in      engine.Inputs
	tiles   *tiletable.Table
	report  *engine.BackfillReport
	sources []*Source
}

// Source is a source on its way: its files as they are now, and the sets over it.
type Source struct {
	Source *feature.Source
	Table  dataset.Table
	Parts  []tiletable.Part // as Table has them
	Report *engine.TileSourceReport
	sets   []*Set
	used   map[int]bool // parts that are read
}

// Set is the folds of a source under one key.
type Set struct {
	Plan    *plan.TileSet
	Columns []tiletable.Column // by fold
	Edit    *tiletable.Edit    // nil: a survey
	Report  *engine.TileSetReport
	id      tiletable.ID
	tiles   *tiletable.Set
}

// KeyNames are the names of the set's key columns.
func (s *Set) KeyNames() []string {
	names := make([]string, len(s.Plan.Keys))
	for i, k := range s.Plan.Keys {
		names[i] = k.Name
	}
	return names
}

func newWork(o Options, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*work, error) {
	for _, bound := range []*int64{p.From, p.To} {
		if bound != nil && value.Floor(*bound, value.DayMS) != *bound {
			return nil, fmt.Errorf("%s is no midnight of UTC: tiles are made by whole UTC days", value.FormatTimestamp(*bound))
		}
	}
	if o.CommitDays <= 0 {
		o.CommitDays = 64
	}
	w := &work{options: o, plan: p, in: in, tiles: tiles, report: &engine.BackfillReport{Raw: p.Raw}}
	for _, t := range p.Sets {
		w.add(t)
	}
	return w, nil
}

func (w *work) add(t *plan.TileSet) {
	i := slices.IndexFunc(w.sources, func(s *Source) bool { return s.Source == t.Source })
	if i < 0 {
		i = len(w.sources)
		s := &Source{Source: t.Source, Report: &engine.TileSourceReport{Source: t.Source.Name}, used: map[int]bool{}}
		w.sources = append(w.sources, s)
		w.report.Sources = append(w.report.Sources, s.Report)
	}
	x := &Set{Plan: t, id: tiletable.ID{Source: t.Source.Name}, Report: &engine.TileSetReport{Source: t.Source.Name, Groups: t.Groups, Cells: map[tiletable.Verdict]int64{}}}
	for _, k := range t.Keys {
		x.id.Keys = append(x.id.Keys, value.Field{Name: k.Name, Type: k.Type})
		x.Report.Keys = append(x.Report.Keys, k.Name)
	}
	for i := range t.Folds {
		f := &t.Folds[i]
		x.Columns = append(x.Columns, tiletable.Column{Fingerprint: f.ID, Fold: f.Fold.Fold.ID()})
		x.Report.Folds = append(x.Report.Folds, engine.TileFoldReport{Fold: f.Fold.Fold.ID(), Features: f.Features, Cells: map[tiletable.Verdict]int64{}})
	}
	w.sources[i].sets = append(w.sources[i].sets, x)
	w.report.Sets = append(w.report.Sets, x.Report)
}

// Survey says what Backfill would do.
func Survey(ctx context.Context, o Options, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	w, err := newWork(o, p, in, tiles)
	if err != nil {
		return nil, err
	}
	for _, s := range w.sources {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := w.open(ctx, s, nil); err != nil {
			return nil, err
		}
		known := slices.Clone(s.Parts)
		for i := range known {
			if !known[i].Times.Known {
				known[i].Times = tiletable.NoTimes
				s.Report.Unknown++
			}
		}
		for _, j := range w.jobs(ctx, s, known) {
			j.guess()
		}
		s.countFiles()
	}
	return w.report, ctx.Err()
}

// Backfill has the tiles made that are missing or whose source files changed. Nulls that expressions make and what went to disk are for who
// makes them to report.
func Backfill(ctx context.Context, o Options, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table, with Make) (*engine.BackfillReport, error) {
	w, err := newWork(o, p, in, tiles)
	if err != nil {
		return nil, err
	}
	lock, err := tiles.Lock()
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	for _, s := range w.sources {
		if err := w.source(ctx, s, lock, with); err != nil {
			return nil, err
		}
	}
	return w.report, nil
}

func (w *work) source(ctx context.Context, s *Source, lock *tiletable.Lock, with Make) error {
	if err := w.open(ctx, s, lock); err != nil {
		return err
	}
	if err := w.learnTimes(ctx, s); err != nil {
		return engine.OfSource(s.Source, err)
	}
	jobs := w.jobs(ctx, s, s.Parts)
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(jobs) > 0 {
		if err := with(ctx, jobs); err != nil {
			return engine.OfSource(s.Source, err)
		}
	}
	s.countFiles()
	if len(jobs) > 0 || s.Report.Unknown == 0 {
		return nil
	}
	for _, t := range s.sets { // what was learnt is kept, though nothing is to be made
		if err := t.Edit.Commit(s.Parts, nil); err != nil {
			return engine.OfSource(s.Source, err)
		}
	}
	return nil
}
