package tiled

import (
	"math"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Cover says what of a join's source tiles stand for.
type Cover struct {
	Folds []int // of the join, those that tiles have; states of a tile are in this order
	Notes []string

	set        *tiletable.Set
	keys       value.Schema
	columns    []tiletable.Column // of Folds
	parts      []tiletable.Part
	from       int64 // the first day that a window can see and a file has
	raw        []bool
	stretches  []stretch
	rows       int64 // events that the tiles stand for
	tiles, got int64
	days       int64
}

// stretch is tiled days with the same cells: one day where they have files, else days without events.
type stretch struct {
	from, to int64
	cells    []*tiletable.Cell // by fold; nil: no events
}

// need is what the windows of a join ask of its folds.
type need struct {
	fold   int
	column tiletable.Column
	step   int64
}

// Choose finds the days that tiles can stand for when a join is asked at those times, or nil where there are none with events. from and to
// bound the times that any window sees.
func Choose(t *tiletable.Table, j *plan.Join, source dataset.Table, at []int64, from, to int64) (*Cover, error) {
	needs := needsOf(j)
	if needs == nil || len(at) == 0 {
		return nil, nil
	}
	c := &Cover{}
	id := tiletable.ID{Source: j.Scan.Source.Name}
	for _, k := range j.Keys {
		typ, _ := j.Scan.Source.Schema.Lookup(k)
		id.Keys = append(id.Keys, value.Field{Name: k, Type: typ})
	}
	c.keys = id.Keys
	var err error
	if c.set, err = t.Set(id); err != nil {
		return nil, err
	}
	c.parts = t.Parts(source, j.Scan.Source, c.set)
	first, last := tiletable.Days(c.parts)
	if len(c.set.Cells()) == 0 || first >= last || first == math.MinInt64 {
		return nil, nil
	}
	c.from = max(first, value.FloorDiv(max(from, value.MinTimestamp), value.DayMS))
	end := min(last, value.FloorDiv(min(to, value.MaxTimestamp)-1, value.DayMS)+1)
	if c.from >= end {
		return nil, nil
	}
	c.raw = rawDays(j, at, c.from, end)
	for _, n := range needs {
		c.Folds, c.columns = append(c.Folds, n.fold), append(c.columns, n.column)
	}
	c.choose(needs, end)
	if c.rows == 0 {
		return nil, nil
	}
	return c, nil
}

// needsOf lists the folds of a join that windows with tiles use; nil where the source has no tiles.
func needsOf(j *plan.Join) []need {
	s := j.Scan.Source
	if j.Forward || s.Kind != feature.Events || s.KnownAt != nil {
		return nil
	}
	var out []need
	at := map[int]int{}
	for i := range j.Values {
		v := &j.Values[i]
		step, ok := v.Window.TileStep()
		if !ok || v.Feature.Group == nil {
			continue
		}
		ids := v.Feature.FoldFingerprints()
		for k, f := range v.Folds {
			n, ok := at[f]
			if !ok {
				n = len(out)
				at[f] = n
				out = append(out, need{f, tiletable.Column{Fingerprint: ids[k], Fold: j.Folds[f].Fold.ID()}, step})
			}
			out[n].step = plan.CommonStep(out[n].step, step)
		}
	}
	return out
}

// rawDays marks the days [from, to) whose rows a window needs: all days of windows that tiles cannot cover, and the day of an end that lies
// within a tile.
func rawDays(j *plan.Join, at []int64, from, to int64) []bool {
	change := make([]int32, to-from+1) // how many more windows need a day than the day before
	mark := func(a, b int64) {
		if a, b = max(a, from), min(b, to); a < b {
			change[a-from]++
			change[b-from]--
		}
	}
	seen := map[plan.Window]bool{}
	for i := range j.Values {
		w := j.Values[i].Window
		if seen[w] {
			continue
		}
		seen[w] = true
		step, tiled := w.TileStep()
		tiled = tiled && j.Values[i].Feature.Group != nil
		for _, t := range at {
			start, end := w.Bounds(t)
			switch day := value.FloorDiv(end-1, value.DayMS); {
			case !tiled:
				mark(value.FloorDiv(max(start, value.MinTimestamp), value.DayMS), day+1)
			case value.Floor(end, step) != end:
				mark(day, day+1)
			}
		}
	}
	raw := make([]bool, to-from)
	n := int32(0)
	for i := range raw {
		n += change[i]
		raw[i] = n > 0
	}
	return raw
}

// choose takes the days that need no rows and whose cells are all there; the others are raw too.
func (c *Cover) choose(needs []need, end int64) {
	for _, span := range c.set.Spans(c.parts, c.from, end) {
		cells := make([]*tiletable.Cell, len(needs))
		good, events := true, int64(0)
		for i, n := range needs {
			cell, verdict := c.set.Look(&span, n.column, n.step)
			good = good && verdict == tiletable.Good
			if cell != nil && cell.File != "" {
				cells[i] = cell
				events = max(events, cell.Rows)
			}
		}
		for day := span.From; day < span.To; day++ {
			raw := &c.raw[day-c.from]
			if *raw = *raw || !good; *raw {
				continue
			}
			c.days++
			c.rows += events
			if n := len(c.stretches); events == 0 && n > 0 && c.stretches[n-1].to == day && c.stretches[n-1].cells == nil {
				c.stretches[n-1].to++
				continue
			}
			s := stretch{from: day, to: day + 1}
			if events > 0 {
				s.cells = cells
			}
			c.stretches = append(c.stretches, s)
		}
	}
}

// Has reports whether tiles stand for the events of that time.
func (c *Cover) Has(ms int64) bool {
	day := value.FloorDiv(ms, value.DayMS) - c.from
	return day >= 0 && day < int64(len(c.raw)) && !c.raw[day]
}

// Parts are the files whose rows are to be read. Files that lie in tiled days alone are not, nor those that no window sees.
func (c *Cover) Parts() []int {
	before := make([]int, len(c.raw)+1) // raw days before
	for i, raw := range c.raw {
		before[i+1] = before[i]
		if raw {
			before[i+1]++
		}
	}
	out := []int{}
	for i := range c.parts {
		from, to := tiletable.Days(c.parts[i : i+1])
		from, to = max(from, c.from), min(to, c.from+int64(len(c.raw)))
		if from < to && before[to-c.from] > before[from-c.from] {
			out = append(out, i)
		}
	}
	return out
}

// Bounds are the times whose rows are to be read: tiled days lie before, behind and between. from ≥ to: none.
func (c *Cover) Bounds() (from, to int64) {
	first, last := -1, -1
	for i, raw := range c.raw {
		if raw && first < 0 {
			first = i
		}
		if raw {
			last = i
		}
	}
	if first < 0 {
		return 0, 0
	}
	return (c.from + int64(first)) * value.DayMS, (c.from + int64(last) + 1) * value.DayMS
}

// Times is the first and the last time of the source's events.
func (c *Cover) Times() (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	for i := range c.parts {
		first, last = min(first, c.parts[i].Times.First), max(last, c.parts[i].Times.Last)
	}
	return first, last
}

// Used is how many days and events the tiles stand for, how many tiles were read for keys that are asked about, and how many bytes.
func (c *Cover) Used() (days, events, tiles, bytes int64) { return c.days, c.rows, c.tiles, c.got }

// Saved guesses how many rows are not read because of the tiles: those of whole files, but for files that are read anyway.
func (c *Cover) Saved(source dataset.Table, anyway func(from, to int64) bool) int64 {
	n, read := int64(0), c.Parts()
	for i, p := range source.Parts() {
		from, to := tiletable.Days(c.parts[i : i+1])
		seen := from < c.from+int64(len(c.raw)) && to > c.from
		if seen && !slices.Contains(read, i) && !anyway(from*value.DayMS, to*value.DayMS) {
			n += rowsOf(p)
		}
	}
	return n
}

// Stored is how many tiles the days' files hold, of all keys: what is gone through in place of the rows.
func (c *Cover) Stored() int64 {
	n := int64(0)
	for i := range c.stretches {
		seen := map[*tiletable.Cell]bool{}
		for _, cell := range c.stretches[i].cells {
			if cell != nil && !seen[cell] {
				seen[cell] = true
				n += cell.Tiles
			}
		}
	}
	return n
}

// rows is how many events a day with files has.
func (s *stretch) rows() int64 {
	n := int64(0)
	for _, c := range s.cells {
		if c != nil {
			n = max(n, c.Rows)
		}
	}
	return n
}

// RowsLeft guesses how many rows are still read.
func (c *Cover) RowsLeft(source dataset.Table) int64 {
	n := int64(0)
	for _, i := range c.Parts() {
		n += rowsOf(source.Parts()[i])
	}
	return n
}

// rowsOf is how many rows a file has, by what it says or else by its size.
func rowsOf(p dataset.Part) int64 {
	const textRow = 64 // bytes
	if p.Rows >= 0 {
		return p.Rows
	}
	return p.Size / textRow
}
