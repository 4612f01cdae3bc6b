package backfill

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// source is a source on its way: its files as they are now, and the sets over it.
type source struct {
	source *feature.Source
	table  dataset.Table
	parts  []tiletable.Part
	sets   []*set
	report *engine.TileSourceReport
	used   map[int]bool // parts that are read
}

// set is the folds of a source under one key.
type set struct {
	plan    *plan.TileSet
	id      tiletable.ID
	columns []tiletable.Column // by fold
	tiles   *tiletable.Set
	edit    *tiletable.Edit // nil: a survey
	report  *engine.TileSetReport
}

// Survey says what Backfill would do.
func Survey(ctx context.Context, o Options, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	r, err := newRun(o, p, in, tiles)
	if err != nil {
		return nil, err
	}
	for _, s := range r.sources {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.open(ctx, s, nil); err != nil {
			return nil, err
		}
		known := slices.Clone(s.parts)
		for i := range known {
			if !known[i].Times.Known {
				known[i].Times = tiletable.NoTimes
				s.report.Unknown++
			}
		}
		for _, j := range r.jobs(ctx, s, known) {
			j.guess()
		}
		s.countFiles()
	}
	return r.report, ctx.Err()
}

// open opens a source, and reads what there is of its sets: to change them where there is a lock.
func (r *run) open(ctx context.Context, s *source, lock *tiletable.Lock) error {
	var err error
	if s.table, err = r.in.Rows(ctx, s.source); err != nil {
		return fmt.Errorf("source %q: %w", s.source.Name, err)
	}
	var known []*tiletable.Set
	for _, t := range s.sets {
		if lock == nil {
			t.tiles, err = r.tiles.Set(t.id)
		} else if t.edit, err = lock.Edit(t.id); err == nil {
			t.tiles = t.edit.Set
		}
		if err != nil {
			return fmt.Errorf("tiles of %q: %w", s.source.Name, err)
		}
		known = append(known, t.tiles)
	}
	s.parts = r.tiles.Parts(s.table, s.source, known...)
	s.report.AllFiles = len(s.parts)
	return nil
}

// need is folds of a set that are to be made for some days.
type need struct {
	set   *set
	folds []int
}

// stretch is days in which the same is to be made of the same files.
type stretch struct {
	from, to int64
	parts    []int
	needs    []need
}

// needs looks at every cell of a set: what has to be made, by days.
func (r *run) needs(t *set, parts []tiletable.Part) []stretch {
	from, to := r.days(t, parts)
	t.report.Days = engine.DayRange{From: from, To: to}
	var out []stretch
	counts := make([][len(verdicts)]int64, len(t.columns)) // days of each fold
	for _, span := range t.tiles.Spans(parts, from, to) {
		var folds []int
		for i, f := range t.columns {
			cell, verdict := t.tiles.Look(&span, f, t.plan.Folds[i].Step)
			if verdict != tiletable.Good {
				folds = append(folds, i)
			} else if cell == nil || cell.File == "" {
				continue // no events
			}
			counts[i][slices.Index(verdicts[:], verdict)] += span.To - span.From
		}
		if folds != nil {
			out = append(out, stretch{span.From, span.To, span.Parts, []need{{t, folds}}})
		}
	}
	for i := range counts {
		for v, days := range counts[i] {
			if days > 0 {
				t.report.Cells[verdicts[v]] += days
				t.report.Folds[i].Cells[verdicts[v]] += days
			}
		}
	}
	return out
}

var verdicts = [...]tiletable.Verdict{tiletable.Good, tiletable.Missing, tiletable.Changed, tiletable.Coarse}

// days is the days that are asked for: without bounds all that have events, or had.
func (r *run) days(t *set, parts []tiletable.Part) (from, to int64) {
	from, to = tiletable.Days(parts)
	for _, c := range t.tiles.Cells() {
		if from == to {
			from, to = c.From, c.To
		}
		from, to = min(from, c.From), max(to, c.To)
	}
	if r.plan.From != nil {
		from = max(from, value.FloorDiv(*r.plan.From, value.DayMS))
	}
	if r.plan.To != nil {
		to = min(to, value.FloorDiv(*r.plan.To, value.DayMS))
	}
	return from, max(from, to)
}

// jobs are the scans that make what is missing: days in which the same folds are to be made are read together. A context that has ended
// leaves sets out.
func (r *run) jobs(ctx context.Context, s *source, parts []tiletable.Part) []*job {
	var all []stretch
	for _, t := range s.sets {
		if ctx.Err() != nil {
			return nil
		}
		all = append(all, r.needs(t, parts)...)
	}
	var jobs []*job
	open := map[string]*job{} // by what is made
	for _, st := range together(all) {
		what := s.textOf(st.needs)
		j := open[what]
		if j == nil || !j.goesOn(st) {
			j = r.newJob(s, st.needs)
			open[what] = j
			jobs = append(jobs, j)
		}
		j.days = append(j.days, st)
	}
	return jobs
}

// textOf is needs as a text that only the same needs have.
func (s *source) textOf(needs []need) string {
	var b []byte
	for _, n := range needs {
		b = binary.AppendUvarint(b, uint64(slices.Index(s.sets, n.set)))
		b = binary.AppendUvarint(b, uint64(len(n.folds)))
		for _, f := range n.folds {
			b = binary.AppendUvarint(b, uint64(f))
		}
	}
	return string(b)
}

// goesOn reports whether days belong into the scan of those before them: they follow, or are in the same files. Others are better read
// apart, without the rows that lie between.
func (j *job) goesOn(st stretch) bool {
	last := j.days[len(j.days)-1]
	return last.to == st.from || slices.ContainsFunc(st.parts, func(p int) bool { return slices.Contains(last.parts, p) })
}

// together cuts the stretches of several sets into days in which all of them need the same.
func together(all []stretch) []stretch {
	var edges []int64
	for _, st := range all {
		edges = append(edges, st.from, st.to)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	sort.SliceStable(all, func(a, b int) bool { return all[a].from < all[b].from })
	var out []stretch
	var active []stretch
	for i := range max(len(edges)-1, 0) {
		from, to := edges[i], edges[i+1]
		active = slices.DeleteFunc(active, func(st stretch) bool { return st.to <= from })
		for len(all) > 0 && all[0].from <= from {
			active, all = append(active, all[0]), all[1:]
		}
		if len(active) == 0 {
			continue
		}
		st := stretch{from: from, to: to, parts: active[0].parts}
		for _, a := range active {
			st.needs = append(st.needs, a.needs...)
		}
		out = append(out, st)
	}
	return out
}

// guess adds what a job reads at most to the report: all rows of its files, and of their bytes the columns' share.
func (j *job) guess() {
	columns, schema := float64(len(j.columns)), float64(max(1, len(j.src.source.Schema)))
	for _, i := range j.parts() {
		p := j.src.table.Parts()[i]
		rows := p.Rows
		if rows < 0 {
			rows = p.Size / textRow
		}
		j.src.used[i] = true
		j.src.report.Read.Rows += rows
		j.src.report.Read.Bytes += int64(math.Ceil(float64(p.Size) * columns / schema))
	}
	j.src.noteColumns(j.columns)
}

// textRow is a guess at the bytes of a row in a file that does not say how many it has.
const textRow = 64

// noteColumns adds columns to the report, in the source's order.
func (s *source) noteColumns(columns []string) {
	all := s.source.Schema.Names()
	s.report.Columns = slices.DeleteFunc(all, func(c string) bool {
		return !slices.Contains(columns, c) && !slices.Contains(s.report.Columns, c)
	})
}

func (s *source) countFiles() { s.report.Files = len(s.used) }
