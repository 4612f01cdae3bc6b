package local

import (
	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/local/ranges"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// counts answers a count: how many positions a range has.
type counts struct {
	noStates
	scratch *scratch
}

func newCounts(m *material) kernel { return counts{scratch: m.bucket.scratch} }

func (k counts) columns(a *asked) []*value.Column {
	out := k.scratch.ints(value.Int, a.len())
	if a.known == nil {
		for q := range a.lo {
			out.Ints[q] = int64(a.hi[q] - a.lo[q])
		}
		return []*value.Column{out}
	}
	tally := ranges.NewTally(a.view.n, false)
	a.unfold(func(p int32) { tally.Put(int(p), 0) }, func(q int) {
		out.Ints[q] = int64(tally.Count(int(a.lo[q]), int(a.hi[q])))
	})
	return []*value.Column{out}
}

// intSums answers an exact sum.
type intSums struct {
	noStates
	scratch *scratch
	x       []int64
	sums    *ranges.Ints // made when asked where all is known at once
}

func newIntSums(m *material) kernel {
	return &intSums{scratch: m.bucket.scratch, x: numbers(m.cells())}
}

// numbers are the cells of a column that is held in integers; a bool is 0 or 1.
func numbers(c *value.Column) []int64 {
	if c.Bools == nil {
		return c.Ints
	}
	out := make([]int64, c.N)
	for i, b := range c.Bools {
		if b {
			out[i] = 1
		}
	}
	return out
}

func (k *intSums) columns(a *asked) []*value.Column {
	sum, total := k.scratch.ints(value.Int, a.len()), k.scratch.floats(a.len())
	set := func(q int, high int64, low uint64) {
		s := agg.IntSumState{Hi: high, Lo: low}
		n, ok := s.Int64()
		if sum.Ints[q] = n; !ok && !fault.Planted("local: an overflowed sum wraps around") {
			sum.SetNull(q)
		}
		total.Floats[q] = s.Float64()
	}
	if a.known == nil {
		if k.sums == nil {
			k.sums = ranges.NewInts(k.x, k.scratch.i64.make)
		}
		for q := range a.lo {
			high, low := k.sums.Sum(int(a.lo[q]), int(a.hi[q]))
			set(q, high, low)
		}
		return []*value.Column{sum, total}
	}
	tally := ranges.NewTally(len(k.x), true)
	a.unfold(func(p int32) { tally.Put(int(p), k.x[p]) }, func(q int) {
		high, low := tally.Sum(int(a.lo[q]), int(a.hi[q]))
		set(q, high, low)
	})
	return []*value.Column{sum, total}
}

// floatSums answers a sum of floats.
type floatSums struct {
	noStates
	scratch *scratch
	x       []float64
	sums    *ranges.Floats
}

func newFloatSums(m *material) kernel {
	return &floatSums{scratch: m.bucket.scratch, x: m.cells().Floats}
}

func (k *floatSums) columns(a *asked) []*value.Column {
	out := k.scratch.floats(a.len())
	if a.known == nil {
		if k.sums == nil {
			k.sums = ranges.NewFloats(k.x, k.scratch.f64.make)
		}
		for q := range a.lo {
			out.Floats[q] = k.sums.Sum(int(a.lo[q]), int(a.hi[q]))
		}
	} else {
		tree := ranges.NewTree(len(k.x), func(into, from *float64) { *into += *from })
		a.unfold(func(p int32) { tree.Put(int(p), k.x[p]) }, func(q int) {
			out.Floats[q], _ = tree.Of(int(a.lo[q]), int(a.hi[q]))
		})
	}
	onlyFinite(out)
	return []*value.Column{out}
}

// onlyFinite makes what overflowed null (V2).
func onlyFinite(c *value.Column) {
	for i, x := range c.Floats {
		if x-x != 0 {
			c.SetNull(i)
			continue
		}
		c.Floats[i] = x + 0
	}
}

// moments answers n, the mean and the central power sums.
type moments struct {
	noStates
	fold agg.Fold
	x    []float64
	tree *ranges.Tree[agg.MomentsState]
}

func newMoments(m *material) kernel {
	c := m.cells()
	k := &moments{fold: m.fold, x: c.Floats}
	if c.Type.Kind != value.KindFloat {
		k.x = make([]float64, c.N)
		for i, n := range c.Ints {
			k.x[i] = float64(n)
		}
	}
	return k
}

// one is the state of one input.
func (k *moments) one(p int) agg.MomentsState {
	s := *k.fold.New().(*agg.MomentsState)
	s.AddFloat(k.x[p])
	return s
}

func (k *moments) columns(a *asked) []*value.Column {
	merge := func(into, from *agg.MomentsState) { into.Merge(from) }
	fields := k.fold.Columns()
	out := make([]*value.Column, len(fields))
	for i, f := range fields {
		out[i] = value.NewColumn(f.Type, a.len())
	}
	set := func(q int, s *agg.MomentsState) {
		out[0].Ints[q] = s.N
		for i, x := range []float64{s.Mean, s.M2, s.M3, s.M4}[:len(out)-1] {
			out[i+1].Floats[q] = x
		}
	}
	ask := func(tree *ranges.Tree[agg.MomentsState], q int) {
		s, _ := tree.Of(int(a.lo[q]), int(a.hi[q]))
		set(q, &s)
	}
	if a.known == nil {
		if k.tree == nil {
			k.tree = ranges.NewTree(len(k.x), merge)
			k.tree.Fill(k.one)
		}
		for q := range a.lo {
			ask(k.tree, q)
		}
	} else {
		tree := ranges.NewTree(len(k.x), merge)
		a.unfold(func(p int32) { tree.Put(int(p), k.one(int(p))) }, func(q int) { ask(tree, q) })
	}
	for _, c := range out[1:] {
		onlyFinite(c)
	}
	return out
}
