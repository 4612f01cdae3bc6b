package tiletable

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// ID names a set: a source and a key.
type ID struct {
	Source string
	Keys   value.Schema
}

// folder is the set's folder: the source's name for people, a hash of all for certainty.
func (id ID) folder() string {
	text := fmt.Sprintf("%q", id.Source)
	for _, k := range id.Keys {
		text += fmt.Sprintf(" %q %s", k.Name, k.Type)
	}
	name := []rune(id.Source)
	for i, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_') {
			name[i] = '_'
		}
	}
	return string(name[:min(len(name), 64)]) + "-" + checksum([]byte(text))[:8]
}

// Set is the tiles of one source under one key, as one manifest has them. It does not change; who edits makes another.
type Set struct {
	id    ID
	dir   string
	folds []Column
	parts []Part
	cells []*Cell // by day
	index map[Column][]*Cell
}

// Cell is folds on one day with events, or on days without any.
type Cell struct {
	From, To          int64 // days since the epoch, [From, To)
	Step              int64 // of its tiles, ms
	File              string
	Bytes             int64
	Rows, Keys, Tiles int64 // events folded, distinct keys, tiles
	Made              time.Time

	folds []int32
	parts []int32
}

// Cells are all cells, by day. They must not be changed.
func (s *Set) Cells() []*Cell { return s.cells }

// Folds are the folds of a cell. A file may hold more than its cell: those were made anew elsewhere.
func (s *Set) Folds(c *Cell) []Column {
	out := make([]Column, len(c.folds))
	for i, f := range c.folds {
		out[i] = s.folds[f]
	}
	return out
}

// Open opens a cell's file.
func (s *Set) Open(c *Cell) (*File, error) {
	path := filepath.Join(s.dir, c.File)
	f, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	if f.Day != c.From || f.Step != c.Step || !slices.EqualFunc(f.Keys, s.id.Keys, func(t value.Type, k value.Field) bool { return t.Equal(k.Type) }) {
		f.Close()
		return nil, f.damaged("footer", fmt.Errorf("it is of another day, step or key than the manifest says"))
	}
	return f, nil
}

// Span is days in which nothing changes: neither which files can hold their events, nor which cells they have.
type Span struct {
	From, To int64
	Parts    []int // indexes into the parts
	ids      []int32
	known    bool // all of these parts have made cells before
}

// Spans cuts the days [from, to) where parts or cells begin and end.
func (s *Set) Spans(parts []Part, from, to int64) []Span {
	if from >= to {
		return nil
	}
	starts, edges := make([]int64, len(parts)), []int64{from, to}
	ends := make([]int64, len(parts))
	for i := range parts {
		starts[i], ends[i] = parts[i].Times.days()
		edges = append(edges, starts[i], ends[i])
	}
	changes := map[int64]bool{from: true} // where the parts change
	for _, e := range edges[2:] {
		changes[e] = true
	}
	for _, c := range s.cells {
		edges = append(edges, c.From, c.To)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	ids := s.partIDs()
	var out []Span
	var last Span
	for i, edge := range edges {
		if edge < from || edge >= to {
			continue
		}
		if changes[edge] {
			last = spanOf(parts, starts, ends, edge, ids)
		}
		last.From, last.To = edge, edges[i+1]
		out = append(out, last)
	}
	return out
}

// partIDs is where each part that the set knows stands in its list, also for who has not seen the files that it was made of: but not where it
// was seen with others before, which cells may still be made of.
func (s *Set) partIDs() map[string]int32 {
	ids, twice := make(map[string]int32, len(s.parts)), map[string]bool{}
	for i := range s.parts {
		p := &s.parts[i]
		ids[p.identity()] = int32(i)
		if p.Files == "" {
			continue
		}
		if _, ok := ids[p.unseen()]; ok {
			twice[p.unseen()] = true
		}
		ids[p.unseen()] = int32(i)
	}
	for unseen := range twice {
		delete(ids, unseen)
	}
	return ids
}

func spanOf(parts []Part, starts, ends []int64, day int64, ids map[string]int32) Span {
	span := Span{Parts: []int{}, ids: []int32{}, known: true}
	for i := range parts {
		if starts[i] <= day && day < ends[i] {
			span.Parts = append(span.Parts, i)
			id, ok := ids[parts[i].identity()]
			span.known = span.known && ok
			span.ids = append(span.ids, id)
		}
	}
	slices.Sort(span.ids)
	return span
}

// Verdict says whether tiles can be used.
type Verdict string

// The verdicts: Good, or why a cell has to be made.
const (
	Good    Verdict = "up to date"
	Missing Verdict = "new"
	Changed Verdict = "source files changed"
	Coarse  Verdict = "finer tiles are needed"
)

// Look finds the cell of a fold on the days of a span. A cell is good where it is of that step or one that divides it, and was made from the
// parts that can hold events of these days now. Without a cell, days that no part can hold events of are good: there is nothing there.
func (s *Set) Look(span *Span, fold Column, step int64) (*Cell, Verdict) {
	c := s.cell(span.From, fold)
	switch {
	case c == nil && len(span.Parts) == 0:
		return nil, Good
	case c == nil:
		return nil, Missing
	case !span.known || !slices.Equal(c.parts, span.ids):
		return c, Changed
	case c.File != "" && step%c.Step != 0:
		return c, Coarse
	}
	return c, Good
}

func (s *Set) cell(day int64, fold Column) *Cell {
	if s.index == nil {
		s.index = s.makeIndex()
	}
	cells := s.index[fold]
	i, found := slices.BinarySearchFunc(cells, day, func(c *Cell, day int64) int { return cmp.Compare(c.From, day) })
	if !found {
		i--
	}
	if i < 0 || day >= cells[i].To {
		return nil
	}
	return cells[i]
}

// makeIndex lists the cells of each fold by day.
func (s *Set) makeIndex() map[Column][]*Cell {
	index := map[Column][]*Cell{}
	for _, c := range s.cells {
		for _, f := range c.folds {
			index[s.folds[f]] = append(index[s.folds[f]], c)
		}
	}
	return index
}
