package local

import (
	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// kernel answers a fold for the questions of a window. It is built over one view of one bucket, and asked for many windows.
type kernel interface {
	// columns are the fold's Columns, a cell for each query.
	columns(a *asked) []*value.Column
	// states calls f with the fold's state for each query, in order; f must not keep it.
	states(a *asked, f func(q int, s agg.State))
}

// viewOf is the view that a fold is over: its input's nulls are left out unless it counts rows.
func viewOf(f *plan.Fold) viewKey {
	k := viewKey{f.Where, f.By, -1}
	if !f.Rows {
		k.input = f.Input
	}
	return k
}

// inner is the fold of one entry under by: groups are segments here, not states.
func inner(f *plan.Fold) agg.Fold {
	in := f.Fold
	in.By, in.ByMax = false, 0
	return in
}

// kernel builds the kernel of a fold.
func (b *bucket) kernel(f *plan.Fold) kernel {
	return newLoop(b, f, b.view(viewOf(f)))
}

// loop folds the events of each range one by one: the plain meaning of a fold.
type loop struct {
	fold   agg.Fold
	events []agg.Event
}

func newLoop(b *bucket, f *plan.Fold, v *view) *loop {
	k := &loop{fold: inner(f), events: make([]agg.Event, v.n)}
	l := &b.job.layout
	for p := range k.events {
		e := &k.events[p]
		i := int(v.at(int32(p)))
		e.TS = b.times[i]
		for _, part := range b.job.tieParts() {
			e.Tie = append(e.Tie, b.columns[part].At(i))
		}
		if f.Input >= 0 {
			e.Value = b.columns[l.inputs[f.Input]].At(i)
		}
	}
	return k
}

func (k *loop) states(a *asked, f func(q int, s agg.State)) {
	s := k.fold.New()
	for q := range a.lo {
		s.Reset()
		for p := a.lo[q]; p < a.hi[q]; p++ {
			if a.sees(p, a.at[q]) {
				s.Add(&k.events[p])
			}
		}
		f(q, s)
	}
}

func (k *loop) columns(a *asked) []*value.Column {
	fields := k.fold.Columns()
	out := make([]*value.Column, len(fields))
	for i, f := range fields {
		out[i] = value.NewColumn(f.Type, a.len())
	}
	var cells []value.Value
	k.states(a, func(q int, s agg.State) {
		cells = s.Cells(cells[:0])
		for i, c := range cells {
			out[i].Set(q, c)
		}
	})
	return out
}
