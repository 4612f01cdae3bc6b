// Package sliding keeps the state of a fold over a window that slides along a list, of any fold: nothing is ever taken back from a state.
package sliding

import "github.com/bighead-ml/bighead/agg"

// Window is the state of the elements [lo, hi) of a list, neither end of which goes back: two stacks (Tangwongsan, Hirzel and Schneider,
// 2015). The elements before mid are in front, whose states reach from an element to mid; those from mid on are in back, one state. An
// element goes into back once, and into front once; a window is one state of front and back.
//
// Of front only each every-th state is kept, and what lies before it is added anew, so that a long window holds few states.
//
// It is used by one goroutine.
type Window struct {
	fold        agg.Fold
	add         func(s agg.State, i int)
	every       int
	lo, mid, hi int
	front       []agg.State // of the elements [mid − (j+1)·every, mid)
	back        agg.State
	both        agg.State
}

// New makes an empty window of a fold; add adds element i of the list to a state.
func New(f agg.Fold, add func(s agg.State, i int)) *Window {
	w := &Window{fold: f, add: add, every: 16, back: f.New(), both: f.New()}
	switch f.Kind {
	case agg.KindEventList, agg.KindValueList, agg.KindTextCounts, agg.KindBucketCounts, agg.KindRegisters:
		w.every = 64 // large states
	}
	if f.By {
		w.every = 64
	}
	return w
}

// Reset empties the window and puts it before the list's first element.
func (w *Window) Reset() { w.jump(0) }

func (w *Window) jump(to int) {
	w.lo, w.mid, w.hi = to, to, to
	w.front = w.front[:0]
	w.back.Reset()
}

// To moves the window to [lo, hi) and gives the state of its elements, which may be read until the next call.
func (w *Window) To(lo, hi int) agg.State {
	if lo >= w.hi {
		w.jump(lo)
	}
	w.lo = lo
	for ; w.hi < hi; w.hi++ {
		w.add(w.back, w.hi)
	}
	if w.lo > w.mid {
		w.turn()
	}
	if w.lo == w.mid {
		return w.back
	}
	n := w.mid - w.lo
	whole := n / w.every
	w.both.Reset()
	if whole > 0 {
		w.both.Merge(w.front[whole-1])
	}
	for i := w.lo; i < w.lo+n%w.every; i++ {
		w.add(w.both, i)
	}
	w.both.Merge(w.back)
	return w.both
}

// turn puts all elements into front.
func (w *Window) turn() {
	w.front, w.mid = w.front[:0], w.hi
	w.back.Reset()
	s := w.fold.New()
	for i := w.hi - 1; i >= w.lo; i-- {
		w.add(s, i)
		if (w.hi-i)%w.every == 0 {
			w.front = append(w.front, s.Clone())
		}
	}
}
