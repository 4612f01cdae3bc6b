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
		return &coded{extremesOf(m, c.Type, c.Ints, ints, m.bucket.scratch.i64.make), m}
	}
	switch c.Type.Kind {
	case value.KindFloat:
		k := extremesOf(m, c.Type, c.Floats, func(c *value.Column) []float64 { return c.Floats }, m.bucket.scratch.f64.make)
		return &k
	case value.KindString, value.KindBytes:
		k := extremesOf(m, c.Type, c.Strs, func(c *value.Column) []string { return c.Strs }, func(n int) []string { return make([]string, n) })
		return &k
	case value.KindBool:
		return &bools{extremesOf(m, value.Int, numbers(c), ints, m.bucket.scratch.i64.make)}
	}
	k := extremesOf(m, c.Type, c.Ints, ints, m.bucket.scratch.i64.make)
	return &k
}

func ints(c *value.Column) []int64 { return c.Ints }

func extremesOf[T cmp.Ordered](m *material, t value.Type, x []T, out func(*value.Column) []T, alloc func(int) []T) extremes[T] {
	return extremes[T]{scratch: m.bucket.scratch, typ: t, x: x, last: m.fold.Last, out: out, alloc: alloc}
}

type extremes[T cmp.Ordered] struct {
	noStates
	scratch *scratch
	typ     value.Type
	x       []T
	last    bool
	out     func(*value.Column) []T
	alloc   func(int) []T
	static  *ranges.Extremes[T]
}

func (k *extremes[T]) columns(a *asked) []*value.Column {
	out := k.scratch.column(k.typ, a.len())
	cells := k.out(out)
	if a.known == nil {
		if k.static == nil {
			k.static = ranges.NewExtremes(k.x, k.last, k.alloc)
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
