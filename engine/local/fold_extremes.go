package local

import (
	"cmp"

	"github.com/bighead-ml/bighead/engine/local/ranges"
	"github.com/bighead-ml/bighead/value"
)

// newExtremes answers the least or the greatest input.
func newExtremes(m *material) kernel {
	c := m.cells()
	if m.bucket.job.layout.coder(m.input) != nil {
		return &coded{extremes[int64]{typ: c.Type, x: c.Ints, last: m.fold.Last, out: func(c *value.Column) []int64 { return c.Ints }}, m}
	}
	switch c.Type.Kind {
	case value.KindFloat:
		return &extremes[float64]{typ: c.Type, x: c.Floats, last: m.fold.Last, out: func(c *value.Column) []float64 { return c.Floats }}
	case value.KindString, value.KindBytes:
		return &extremes[string]{typ: c.Type, x: c.Strs, last: m.fold.Last, out: func(c *value.Column) []string { return c.Strs }}
	case value.KindBool:
		return &bools{extremes[int64]{typ: value.Int, x: numbers(c), last: m.fold.Last, out: func(c *value.Column) []int64 { return c.Ints }}}
	}
	return &extremes[int64]{typ: c.Type, x: c.Ints, last: m.fold.Last, out: func(c *value.Column) []int64 { return c.Ints }}
}

type extremes[T cmp.Ordered] struct {
	noStates
	typ    value.Type
	x      []T
	last   bool
	out    func(*value.Column) []T
	static *ranges.Extremes[T]
}

func (k *extremes[T]) columns(a *asked) []*value.Column {
	out := value.NewColumn(k.typ, a.len())
	cells := k.out(out)
	if a.known == nil {
		if k.static == nil {
			k.static = ranges.NewExtremes(k.x, k.last)
		}
		for q := range a.lo {
			if a.lo[q] < a.hi[q] {
				cells[q] = k.static.Of(int(a.lo[q]), int(a.hi[q]))
			} else {
				out.SetNull(q)
			}
		}
		return []*value.Column{out}
	}
	tree := ranges.NewTree(len(k.x), func(into, from *T) {
		if (*from > *into) == k.last {
			*into = *from
		}
	})
	a.unfold(func(p int32) { tree.Put(int(p), k.x[p]) }, func(q int) {
		x, found := tree.Of(int(a.lo[q]), int(a.hi[q]))
		if cells[q] = x; !found {
			out.SetNull(q)
		}
	})
	return []*value.Column{out}
}

// coded are extremes over ranks of strings.
type coded struct {
	extremes[int64]
	material *material
}

func (k *coded) columns(a *asked) []*value.Column {
	return []*value.Column{k.material.text(k.extremes.columns(a)[0])}
}

// bools are extremes over 0 and 1.
type bools struct{ extremes[int64] }

func (k *bools) columns(a *asked) []*value.Column {
	ints := k.extremes.columns(a)[0]
	out := value.NewColumn(value.Bool, ints.N)
	out.Nulls = ints.Nulls
	for i, n := range ints.Ints {
		out.Bools[i] = n == 1
	}
	return []*value.Column{out}
}
