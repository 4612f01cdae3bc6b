package cells

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/value"
)

// open opens a source, and reads what there is of its sets: to change them where there is a lock.
func (w *work) open(ctx context.Context, s *Source, lock *tiletable.Lock) error {
	var err error
	if s.Table, err = w.in.Rows(ctx, s.Source); err != nil {
		return engine.OfSource(s.Source, err)
	}
	if lock != nil && w.options.Look != nil {
		if s.Table, err = w.options.Look(ctx, s.Source, s.Table); err != nil {
			return engine.OfSource(s.Source, err)
		}
	}
	var known []*tiletable.Set
	for _, t := range s.sets {
		if lock == nil {
			t.tiles, err = w.tiles.Set(t.id)
		} else if t.Edit, err = lock.Edit(t.id); err == nil {
			t.tiles = t.Edit.Set
		}
		if err != nil {
			return engine.OfSource(s.Source, fmt.Errorf("its tiles: %w", err))
		}
		known = append(known, t.tiles)
	}
	s.Parts = w.tiles.Parts(s.Table, s.Source, known...)
	s.Report.AllFiles = len(s.Parts)
	return nil
}

// needs looks at every cell of a set: what has to be made, by days.
func (w *work) needs(t *Set, parts []tiletable.Part) []Stretch {
	from, to := w.days(t, parts)
	t.Report.Days = engine.DayRange{From: from, To: to}
	var out []Stretch
	counts := make([][len(verdicts)]int64, len(t.Columns)) // days of each fold
	for _, span := range t.tiles.Spans(parts, from, to) {
		var folds []int
		for i, f := range t.Columns {
			cell, verdict := t.tiles.Look(&span, f, t.Plan.Folds[i].Step)
			if verdict != tiletable.Good {
				folds = append(folds, i)
			} else if cell == nil || cell.File == "" {
				continue // no events
			}
			counts[i][slices.Index(verdicts[:], verdict)] += span.To - span.From
		}
		if folds != nil {
			out = append(out, Stretch{span.From, span.To, span.Parts, []need{{t, folds}}})
		}
	}
	for i := range counts {
		for v, days := range counts[i] {
			if days > 0 {
				t.Report.Cells[verdicts[v]] += days
				t.Report.Folds[i].Cells[verdicts[v]] += days
			}
		}
	}
	return out
}

var verdicts = [...]tiletable.Verdict{tiletable.Good, tiletable.Missing, tiletable.Changed, tiletable.Coarse}

// days is the days that are asked for: without bounds all that have events, or had.
func (w *work) days(t *Set, parts []tiletable.Part) (from, to int64) {
	from, to = tiletable.Days(parts)
	for _, c := range t.tiles.Cells() {
		if from == to {
			from, to = c.From, c.To
		}
		from, to = min(from, c.From), max(to, c.To)
	}
	if w.plan.From != nil {
		from = max(from, value.FloorDiv(*w.plan.From, value.DayMS))
	}
	if w.plan.To != nil {
		to = min(to, value.FloorDiv(*w.plan.To, value.DayMS))
	}
	return from, max(from, to)
}

// jobs are the scans that make what is missing: days in which the same folds are to be made are read together. A context that has ended
// leaves sets out.
func (w *work) jobs(ctx context.Context, s *Source, parts []tiletable.Part) []*Job {
	var all []Stretch
	for _, t := range s.sets {
		if ctx.Err() != nil {
			return nil
		}
		all = append(all, w.needs(t, parts)...)
	}
	var jobs []*Job
	open := map[string]*Job{} // by what is made
	for _, st := range together(all) {
		what := s.textOf(st.needs)
		j := open[what]
		if j == nil || !j.goesOn(st) {
			j = w.newJob(s, st.needs)
			open[what] = j
			jobs = append(jobs, j)
		}
		j.Days = append(j.Days, st)
	}
	return jobs
}

// textOf is needs as a text that only the same needs have.
func (s *Source) textOf(needs []need) string {
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

// together cuts the stretches of several sets into days in which all of them need the same.
func together(all []Stretch) []Stretch {
	var edges []int64
	for _, st := range all {
		edges = append(edges, st.From, st.To)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	sort.SliceStable(all, func(a, b int) bool { return all[a].From < all[b].From })
	var out []Stretch
	var active []Stretch
	for i := range max(len(edges)-1, 0) {
		from, to := edges[i], edges[i+1]
		active = slices.DeleteFunc(active, func(st Stretch) bool { return st.To <= from })
		for len(all) > 0 && all[0].From <= from {
			active, all = append(active, all[0]), all[1:]
		}
		if len(active) == 0 {
			continue
		}
		st := Stretch{From: from, To: to, Parts: active[0].Parts}
		for _, a := range active {
			st.needs = append(st.needs, a.needs...)
		}
		out = append(out, st)
	}
	return out
}
