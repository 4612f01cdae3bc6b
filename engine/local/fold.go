package local

import (
	"cmp"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// kernel answers a fold for the questions of a window. It is built over one view of one bucket, and asked for many windows.
type kernel interface {
	// columns are the fold's Columns, a cell for each query; nil where the fold has none.
	columns(a *asked) []*value.Column
	// states calls f with the fold's state for each query, in order; f must not keep it.
	states(a *asked, f func(q int, s agg.State))
}

// material is what a kernel is built of.
type material struct {
	bucket *bucket
	view   *view
	fold   agg.Fold // of one entry under by: groups are segments here, not states
	input  int      // column of the layout, −1: none
}

// kernels says for each kind of fold how its kernel is built.
var kernels = [...]func(m *material) kernel{
	agg.KindCount:        newCounts,
	agg.KindIntSum:       newIntSums,
	agg.KindFloatSum:     newFloatSums,
	agg.KindMoments:      newMoments,
	agg.KindExtreme:      newExtremes,
	agg.KindTimeBound:    newTimeBounds,
	agg.KindEdge:         newEdges,
	agg.KindEventList:    newEventLists,
	agg.KindValueList:    newValueLists,
	agg.KindTextCounts:   newTextCounts,
	agg.KindBucketCounts: newBucketCounts,
	agg.KindRegisters:    newRegisters,
}

// kernel builds the kernel of a fold.
func (b *bucket) kernel(f *plan.Fold) kernel {
	m := &material{bucket: b, view: b.view(viewOf(f)), fold: f.Fold, input: -1}
	m.fold.By, m.fold.ByMax = false, 0
	if f.Input >= 0 {
		m.input = b.job.layout.inputs[f.Input]
	}
	return kernels[f.Kind](m)
}

// viewOf is the view that a fold is over: its input's nulls are left out unless it counts rows.
func viewOf(f *plan.Fold) viewKey {
	k := viewKey{f.Where, f.By, -1}
	if !f.Rows || f.Kind == agg.KindEdge && fault.Planted("local: first_row and last_row skip nulls") {
		k.input = f.Input
	}
	return k
}

// cells are the input at the view's positions, coded strings as ranks.
func (m *material) cells() *value.Column { return m.bucket.column(m.view, m.input) }

// text makes what was coded into strings again.
func (m *material) text(c *value.Column) *value.Column { return m.bucket.cells(m.input, c) }

// times are the events' times at the view's positions.
func (m *material) times() []int64 {
	if m.view.pos == nil {
		return m.bucket.times
	}
	return taken(m.bucket.times, m.view.pos)
}

// inOrder are the input's cells in the order of E2: as the view has them, but those of events that nothing else tells apart by value.
func (m *material) inOrder() *value.Column {
	c := m.cells()
	if fault.Planted("local: the value does not decide a tie") {
		return c
	}
	copied := false
	m.eachTie(func(lo, hi int32) {
		cells := make([]value.Value, 0, hi-lo)
		for p := lo; p < hi; p++ {
			cells = append(cells, c.At(int(p)))
		}
		if slices.IsSortedFunc(cells, value.Compare) {
			return
		}
		if !copied {
			c, copied = concat(c.Type, []*value.Column{c, value.NewColumn(c.Type, 0)}), true
		}
		slices.SortFunc(cells, value.Compare)
		for i, v := range cells {
			if c.Nulls != nil {
				c.Nulls.Clear(int(lo) + i)
			}
			c.Set(int(lo)+i, v)
		}
	})
	return c
}

// eachTie calls f for the positions of events of one segment that share time and every part of the tie.
func (m *material) eachTie(f func(lo, hi int32)) {
	b, v := m.bucket, m.view
	parts := b.job.tieParts()
	same := func(p, q int32) bool {
		x, y := v.at(p), v.at(q)
		return b.times[x] == b.times[y] && !slices.ContainsFunc(parts, func(i int) bool {
			return !value.Equal(b.columns[i].At(int(x)), b.columns[i].At(int(y)))
		})
	}
	for s := range len(v.segs) - 1 {
		for lo := v.segs[s]; lo < v.segs[s+1]; {
			hi := lo + 1
			for hi < v.segs[s+1] && same(lo, hi) {
				hi++
			}
			if hi-lo > 1 {
				f(lo, hi)
			}
			lo = hi
		}
	}
}

// unfold makes the view's positions known in the order of known_at, segment by segment: put is called for each before the first query
// that sees it, ask for each query.
func (a *asked) unfold(put func(p int32), ask func(q int)) {
	for s := range len(a.segs) - 1 {
		order := make([]int32, 0, a.view.segs[s+1]-a.view.segs[s])
		for p := a.view.segs[s]; p < a.view.segs[s+1]; p++ {
			order = append(order, p)
		}
		slices.SortFunc(order, func(x, y int32) int { return cmp.Or(cmp.Compare(a.known[x], a.known[y]), cmp.Compare(x, y)) })
		for q := a.segs[s]; q < a.segs[s+1]; q++ {
			for len(order) > 0 && a.sees(order[0], a.at[q]) {
				put(order[0])
				order = order[1:]
			}
			ask(int(q))
		}
	}
}

// noStates is for kernels whose folds show all that they know in their columns.
type noStates struct{}

func (noStates) states(*asked, func(int, agg.State)) {
	panic("local: a finish without an expression over a fold that has columns")
}
