package local

import (
	"github.com/bighead-ml/bighead/engine/local/ranges"
	"github.com/bighead-ml/bighead/value"
)

// edgesOf is for each query the first or the last position that it sees, −1 where there is none. With k it calls more for the k−1
// positions after it, inwards.
func edgesOf(a *asked, last bool, k int, found func(q int, p int32)) {
	if a.known == nil {
		for q := range a.lo {
			lo, hi := a.lo[q], a.hi[q]
			for i := int32(0); i < int32(k) && i < hi-lo; i++ {
				if last {
					found(q, hi-1-i)
				} else {
					found(q, lo+i)
				}
			}
		}
		return
	}
	there := ranges.NewSet(max(1, a.view.n))
	a.unfold(func(p int32) { there.Add(int(p)) }, func(q int) {
		lo, hi := int(a.lo[q]), int(a.hi[q])
		if last {
			p := there.Prev(hi - 1)
			for i := 0; i < k && p >= lo; i++ {
				found(q, int32(p))
				p = there.Prev(p - 1)
			}
			return
		}
		p := there.Next(lo)
		for i := 0; i < k && p >= 0 && p < hi; i++ {
			found(q, int32(p))
			p = there.Next(p + 1)
		}
	})
}

// edges answers the input of the first or the last event.
type edges struct {
	noStates
	material *material
	cells    *value.Column
}

func newEdges(m *material) kernel { return &edges{material: m, cells: m.inOrder()} }

func (k *edges) columns(a *asked) []*value.Column {
	return []*value.Column{k.material.text(k.cells.Take(edgePositions(a, k.material.fold.Last)))}
}

func edgePositions(a *asked, last bool) []int32 {
	at := make([]int32, a.len())
	for q := range at {
		at[q] = -1
	}
	edgesOf(a, last, 1, func(q int, p int32) { at[q] = p })
	return at
}

// bounds answers the time of the first or the last event.
type bounds struct {
	noStates
	times []int64
	last  bool
}

func newTimeBounds(m *material) kernel { return &bounds{times: m.times(), last: m.fold.Last} }

func (k *bounds) columns(a *asked) []*value.Column {
	c := &value.Column{Type: value.Int, N: len(k.times), Ints: k.times}
	return []*value.Column{c.Take(edgePositions(a, k.last))}
}

// eventLists answers the inputs of the first or the last k events.
type eventLists struct {
	noStates
	cells *value.Column
	last  bool
	k     int
}

func newEventLists(m *material) kernel {
	return &eventLists{cells: m.text(m.inOrder()), last: m.fold.Last, k: m.fold.K}
}

func (k *eventLists) columns(a *asked) []*value.Column {
	out := value.NewColumn(value.ListOf(k.cells.Type), a.len())
	lists := make([][]value.Value, a.len())
	edgesOf(a, k.last, k.k, func(q int, p int32) { lists[q] = append(lists[q], k.cells.At(int(p))) })
	for q, list := range lists {
		out.Values[q] = value.OfList(list)
	}
	return []*value.Column{out}
}
