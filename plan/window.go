package plan

import (
	"math"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// steps is the list of W2, ascending, in ms.
var steps = feature.Steps

// Bounds without end.
const (
	MinTime = math.MinInt64
	MaxTime = math.MaxInt64
)

// Window computes every edge of one feature's window: the table of docs/semantics.md §4, for one source delay. It is plain data;
// its methods are pure.
type Window struct {
	feature.Window
	Delay int64 // of the source, ms
	// Forward is the span after t of a label (I2): the window is [t, t + Forward) and nothing else applies. 0: a feature.
	Forward int64
}

// NewWindow is the window of a feature over a source with that delay.
func NewWindow(w feature.Window, delay int64) Window { return Window{Window: w, Delay: delay} }

// NewForward is the window [t, t + within) of a label.
func NewForward(within int64) Window {
	if fault.Planted("plan: a label's span holds its end") {
		within++
	}
	return Window{Window: feature.Window{Size: within}, Forward: within}
}

// Arithmetic is what times are computed with: numbers, or the text of an engine that computes them over a column.
type Arithmetic[T any] interface {
	Add(x T, ms int64) T
	Floor(x T, ms int64) T // to a multiple, toward −∞ (W4)
}

// numbers computes with times themselves.
type numbers struct{}

func (numbers) Add(x, ms int64) int64 { return x + ms }

// Floor is value.Floor.
func (numbers) Floor(x, ms int64) int64 {
	if fault.Planted("plan: floors go toward zero") {
		return x / ms * ms
	}
	return value.Floor(x, ms)
}

// AsOf is u and a of §4: the time the window ends about, and the time that time_since_* counts from.
func (w Window) AsOf(t int64) (u, a int64) { return AsOfIn(w, t, numbers{}) }

// AsOfIn is AsOf in any arithmetic.
func AsOfIn[T any](w Window, t T, m Arithmetic[T]) (u, a T) {
	if w.Forward > 0 {
		u = m.Add(t, w.Forward)
		return u, u
	}
	v := m.Add(t, -w.Delay)
	if w.Daily {
		v = m.Floor(v, value.DayMS)
		if fault.Planted("plan: the delay is taken off the midnight") {
			v = m.Add(m.Floor(t, value.DayMS), -w.Delay)
		}
	}
	if fault.Planted("plan: time_since counts without the delay") {
		return m.Add(v, -w.Offset), v
	}
	if fault.Planted("plan: the offset is ignored") {
		return v, m.Add(v, w.Delay)
	}
	return m.Add(v, -w.Offset), m.Add(v, w.Delay)
}

// Bounds is [start, end) of the events that a row at t sees; start is MinTime where the window is unbounded. Both never decrease
// as t grows.
func (w Window) Bounds(t int64) (start, end int64) {
	start, end = BoundsIn(w, t, numbers{})
	if w.Unbounded {
		start = MinTime
	}
	return start, end
}

// BoundsIn is Bounds in any arithmetic. Where the window is unbounded there is no start, and what is given for it has no meaning.
func BoundsIn[T any](w Window, t T, m Arithmetic[T]) (start, end T) {
	start, end = boundsIn(w, t, m)
	switch {
	case fault.Planted("plan: the start is exclusive") && !w.Unbounded:
		return m.Add(start, 1), end
	case fault.Planted("plan: the end is inclusive"):
		return start, m.Add(end, 1)
	}
	return start, end
}

func boundsIn[T any](w Window, t T, m Arithmetic[T]) (start, end T) {
	u, _ := AsOfIn(w, t, m)
	if w.Tumbling {
		return tumblingIn(w, u, m)
	}
	end = u
	if w.cut() {
		end = m.Floor(u, w.endStep())
	}
	switch {
	case w.Unbounded:
		return start, end
	case w.exact(), fault.Planted("plan: the start is not floored"):
		return m.Add(u, -w.Size), end
	}
	return m.Floor(m.Add(u, -w.Size), w.Resolution), end
}

// cut tells whether the end falls to a step (W3).
func (w Window) cut() bool {
	switch {
	case fault.Planted("plan: an end in the past is not cut"):
		return false
	case fault.Planted("plan: an end at t is cut") && !w.exact():
		return true
	case fault.Planted("plan: an exact end in the past is cut") && w.Forward == 0:
		return w.Delay+w.Offset > 0
	}
	return !w.exact() && w.Delay+w.Offset > 0
}

// tumblingIn is the last whole window of the grid before u.
func tumblingIn[T any](w Window, u T, m Arithmetic[T]) (start, end T) {
	origin := w.Origin
	if fault.Planted("plan: the origin is ignored") {
		origin = 0
	}
	end = m.Add(m.Floor(m.Add(u, -origin), w.Size), origin)
	if fault.Planted("plan: a tumbling window is the one that runs") {
		return end, m.Add(end, w.Size)
	}
	return m.Add(end, -w.Size), end
}

// EachBounds writes the Bounds of each t.
func (w Window) EachBounds(ts, starts, ends []int64) {
	if w.exact() && !w.Tumbling && !w.Daily && w.Forward == 0 { // the way of most: nothing but one subtraction differs from row to row
		back := w.Delay + w.Offset
		for i, t := range ts {
			u := t - back
			starts[i], ends[i] = u-w.Size, u
		}
		return
	}
	for i, t := range ts {
		starts[i], ends[i] = w.Bounds(t)
	}
}

func (w Window) exact() bool { return !w.Unbounded && w.Resolution == 0 }

// endStep is g of W3: the largest step that divides r and is at most (d + o)/60, else 1 s.
func (w Window) endStep() int64 {
	r := w.Resolution
	if w.Unbounded {
		r = value.DayMS
	}
	g := steps[0]
	back := w.Delay + w.Offset
	switch {
	case fault.Planted("plan: an end's step may be a thirtieth"):
		back *= 2
	case fault.Planted("plan: an end's step goes by the delay alone"):
		back = w.Delay
	case fault.Planted("plan: an end's step goes by the offset alone"):
		back = w.Offset
	case fault.Planted("plan: an end's step need not divide the tile"):
		r = 0
	}
	for _, s := range steps {
		if r%s == 0 && 60*s <= back {
			g = s
		}
	}
	return g
}

// Grid tells on which multiples, in ms, the window's edges lie: its start (0: it has none), and its end (0: it ends at u, wherever that
// is). ok is false where tiles cannot cover the window: its edges lie anywhere (exact windows, labels) or are finer than a second.
func (w Window) Grid() (start, end int64, ok bool) {
	switch {
	case w.Tumbling:
		g := gcd(w.Size, w.Origin)
		return g, g, gcd(g, value.DayMS) >= steps[0]
	case w.Forward > 0 || w.exact():
		return 0, 0, false
	}
	if !w.Unbounded {
		start = w.Resolution
	}
	switch {
	case w.Delay+w.Offset > 0:
		end = w.endStep()
	case w.Daily:
		end = value.DayMS
	}
	return start, end, true
}

// Open reports whether the window ends at t itself, so that every event applied by then is in it.
func (w Window) Open() bool {
	return w.Forward == 0 && w.Delay+w.Offset == 0 && !w.Daily && !w.Tumbling
}

// Lag is how far before t the end can lie, in ms.
func (w Window) Lag() int64 {
	lag := w.Delay + w.Offset
	if w.Daily {
		lag += value.DayMS
	}
	switch {
	case w.Tumbling:
		lag += w.Size
	case !w.exact() && w.Delay+w.Offset > 0:
		lag += w.endStep()
	}
	return lag
}

// Reach is how far from a row's t the window's events can lie.
func (w Window) Reach() Reach {
	if w.Forward > 0 {
		return Reach{Back: 0, Ahead: w.Forward}
	}
	if w.Unbounded {
		return Reach{Back: -1, Ahead: 0}
	}
	back := w.Delay + w.Offset + w.Size
	if w.Daily {
		back += value.DayMS
	}
	switch {
	case w.Tumbling:
		back += w.Size
	case !w.exact():
		back += w.Resolution
	}
	return Reach{Back: back, Ahead: 0}
}

// Union is the reach that covers both.
func (r Reach) Union(s Reach) Reach {
	u := Reach{Back: max(r.Back, s.Back), Ahead: max(r.Ahead, s.Ahead)}
	if r.Back < 0 || s.Back < 0 {
		u.Back = -1
	}
	return u
}
