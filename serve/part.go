package serve

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// kind is what values are made of.
type kind uint8

const (
	ofTiles    kind = iota
	ofChunks        // rows of exact windows
	ofVersions      // rows of an entity
)

func kindOf(s *plan.Space, v int) kind {
	switch {
	case s.FromTiles(v):
		return ofTiles
	case s.Rows.Step > 0:
		return ofChunks
	}
	return ofVersions
}

// part is the values of one fetch that are made of one kind of thing, read and made together: for one key they are one job.
type part struct {
	kind     kind
	fetch    int   // of the plan
	on       []int // columns of the row that make the key
	of       *plan.Space
	space    *space
	counts   *groupCounts
	deadline time.Duration

	values  []partValue
	timed   []int // values that depend on the as-of time itself
	windows []window
	covered []int // of each window: a value of the space that has it

	cover atomic.Pointer[cover] // the last one
	named sync.Once
	name  string    // in L2
	pool  sync.Pool // of *merger
}

// partValue is one feature of a part.
type partValue struct {
	feature *feature.Feature
	in      value.Type
	row     int   // column of the row
	window  int   // of the part
	states  []int // of the window's, in the order of Finish
	cell    int   // of a version's cells
}

// window is a window that values of a part share, so that they are made of the same tiles or rows.
type window struct {
	plan.Window
	folds  []int // of the space
	wanted []int // the same, ascending
	rows   []rowFold
}

// rowFold is where a fold finds its input among a row's cells; -1: it has none.
type rowFold struct{ input, where, by int }

func (p *part) add(x plan.FetchValue) {
	v := &p.of.Values[x.Value]
	w := slices.IndexFunc(p.windows, func(w window) bool { return w.Window == v.Window })
	if w < 0 {
		w = len(p.windows)
		p.windows, p.covered = append(p.windows, window{Window: v.Window}), append(p.covered, x.Value)
	}
	pv := partValue{feature: v.Feature, in: typeOf(v.Feature), row: x.Row, window: w, cell: -1}
	if p.kind == ofVersions {
		pv.cell = slices.Index(p.of.Rows.Inputs, v.Input)
		p.values = append(p.values, pv)
		return
	}
	for _, f := range v.Folds {
		pv.states = append(pv.states, p.fold(&p.windows[w], f))
	}
	p.values = append(p.values, pv)
}

// fold finds or adds a fold of a window.
func (p *part) fold(w *window, f int) int {
	i := slices.Index(w.folds, f)
	if i >= 0 {
		return i
	}
	w.folds = append(w.folds, f)
	if p.kind == ofTiles {
		w.wanted = union(w.wanted, []int{f})
		return len(w.folds) - 1
	}
	r, fold := p.of.Rows, &p.of.Folds[f]
	at := func(all []int, i, before int) int {
		if i < 0 {
			return -1
		}
		return before + slices.Index(all, i)
	}
	w.rows = append(w.rows, rowFold{at(r.Inputs, fold.Input, 0), at(r.Wheres, fold.Where, len(r.Inputs)), at(r.Bys, fold.By, len(r.Inputs)+len(r.Wheres))})
	return len(w.folds) - 1
}

// cover is what to read for a key of a part as of a time, and which windows each place is for.
type cover struct {
	*plan.Cover
	spaces []string // of each need: its name in the store
	owners []string // the same, each once
	uses   [][]use  // of each need
	reads  []read
	// from and until are of each window the stretch ahead of the cover that is read too, to see that nothing is there.
	from, until []int64
}

// read is places to be read for a need; or, of the stream, what lies ahead of them all.
type read struct {
	need           int32 // -1: none
	space          string
	step, from, to int64
}

// use is a stretch of a need that a window is made of.
type use struct {
	window   int
	from, to int64
}

// coverAt is the part's cover as of a time; the last one where it still holds.
func (p *part) coverAt(t int64, m plan.Marks) *cover {
	if c := p.cover.Load(); c != nil && c.Holds(p.of, t, m) {
		return c
	}
	c := &cover{Cover: p.of.Cover(t, m, p.covered)}
	c.uses = make([][]use, len(c.Needs))
	for w, uses := range c.Uses {
		for _, u := range uses {
			c.uses[u.Need] = append(c.uses[u.Need], use{w, u.From, u.To})
		}
	}
	for _, n := range c.Needs {
		c.spaces = append(c.spaces, p.of.StoreSpace(n.Batch, m))
	}
	c.owners = slices.Compact(slices.Clone(c.spaces)) // needs are sorted by owner
	for n, need := range c.Needs {
		c.reads = append(c.reads, read{int32(n), c.spaces[n], need.Step, need.From, need.To})
	}
	if p.kind == ofTiles {
		c.lookAhead(p, m)
	}
	p.cover.Store(c)
	return c
}

// lookAhead adds what lies ahead of the cover to what is read: behind a need of the same tiles it is one range with it.
func (c *cover) lookAhead(p *part, m plan.Marks) {
	var needs []plan.Need
	needs, c.from, c.until = p.of.Ahead(c.Cover)
next:
	for _, n := range needs {
		for i := range c.reads {
			if r := &c.reads[i]; r.step == n.Step && r.to == n.From && (r.need < 0 || !c.Needs[r.need].Batch) {
				r.to = n.To
				continue next
			}
		}
		c.reads = append(c.reads, read{-1, p.of.StoreSpace(false, m), n.Step, n.From, n.To})
	}
}
