package online

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// step is one thing that is done to the world.
type step interface {
	take(ctx context.Context, w *world) error
}

type (
	// push sends events of one source.
	push struct{ events []*event }
	// tick sets the clock.
	tick struct{ now int64 }
	// load has batch load a group up to a midnight.
	load struct {
		group     int
		watermark int64
		earliest  int64 // that is asked for from now on
	}
	// kill ends the process, and begins another.
	kill struct{}
	// ask asks for rows.
	ask struct {
		at   int64
		rows []int
		say  bool // the time, and not now
	}
)

// writer makes the steps of a run.
type writer struct {
	Settings
	*rand.Rand
	q     *question
	steps []step
	sent  []*event
	b     []int64 // up to when batch has loaded each group
}

// newScript draws the steps of a run, and sets how late the sources' events may be.
func newScript(q *question, f *feed, s Settings) []step {
	w := &writer{Settings: s, Rand: rand.New(rand.NewPCG(s.Seed, 0x6f6e6c696e65)), q: q}
	for range q.groups {
		w.b = append(w.b, plan.MinTime)
	}
	moments := q.moments()
	parts := w.part(f.events, moments)
	w.start(moments)
	for i, at := range moments {
		w.tables(at)
		w.moment(at, parts[i])
	}
	w.lateness()
	return w.steps
}

func (w *writer) add(s step) {
	w.steps = append(w.steps, s)
	if w.Kills && w.IntN(6) == 0 {
		w.steps = append(w.steps, kill{})
	}
}

// part gives each event to the time that is asked for after it, or an earlier one where it may wait. Events after the last are left out.
func (w *writer) part(events []*event, moments []int64) [][]*event {
	out := make([][]*event, len(moments)+1)
	sent := map[string]int{} // when the last copy is
	for _, e := range events {
		i, _ := slices.BinarySearchFunc(moments, e.due, func(m, due int64) int {
			if m > due {
				return 1
			}
			return -1
		})
		if w.Wall && w.Shuffled && w.IntN(3) == 0 {
			i = max(w.IntN(i+1), sent[e.copy])
		}
		if e.copy != "" {
			sent[e.copy] = i
		}
		out[i] = append(out[i], e)
	}
	return out
}

// start sets the clock before anything happens.
func (w *writer) start(moments []int64) {
	if len(moments) == 0 {
		return
	}
	back := int64(0)
	if w.Wall {
		back = []int64{0, 1, 1000, value.DayMS, 3 * value.DayMS}[w.IntN(5)]
	}
	w.add(tick{max(moments[0]-back, value.MinTimestamp)})
}

// tables loads what is batch's whole: at first, and now and then again.
func (w *writer) tables(at int64) {
	for i, g := range w.q.groups {
		if g.Source.Time == nil && (w.b[i] == plan.MinTime || w.Batch && w.IntN(4) == 0) {
			w.add(load{group: i, earliest: at})
			w.b[i] = 0
		}
	}
}

// moment is what happens until a time, and what is asked then.
func (w *writer) moment(at int64, events []*event) {
	if !w.Wall || w.IntN(2) == 0 {
		w.add(tick{at})
	}
	pieces := w.pieces(events)
	loads := w.loads(at)
	for len(pieces)+len(loads) > 0 {
		if n := w.IntN(len(pieces) + len(loads)); n < len(pieces) {
			w.add(push{pieces[0]})
			w.sent = append(w.sent, pieces[0]...)
			pieces = pieces[1:]
		} else {
			w.add(loads[0])
			loads = loads[1:]
		}
		if w.Again && len(w.sent) > 0 && w.IntN(2) == 0 {
			w.again()
		}
	}
	w.add(tick{at})
	a := ask{at: at, say: w.IntN(2) == 0}
	for i, t := range w.q.times {
		if t == at {
			a.rows = append(a.rows, i)
		}
	}
	w.add(a)
}

// pieces are what is pushed at once: rows of one source.
func (w *writer) pieces(events []*event) [][]*event {
	if w.Shuffled {
		events = w.shuffled(events)
	} else {
		events = slices.Clone(events)
		slices.SortStableFunc(events, func(a, b *event) int {
			return slices.Index(w.q.sources, a.source) - slices.Index(w.q.sources, b.source)
		})
	}
	var out [][]*event
	for i, e := range events {
		if i == 0 || e.source != events[i-1].source || w.Shuffled && w.IntN(4) == 0 {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], e)
	}
	return out
}

// shuffled is events in another order, in which copies keep theirs: of those that differ the first counts.
func (w *writer) shuffled(events []*event) []*event {
	out := make([]*event, len(events))
	copies := map[string][]*event{}
	for i, n := range w.Perm(len(events)) {
		out[i] = events[n]
	}
	for _, e := range events {
		if e.copy != "" {
			copies[e.copy] = append(copies[e.copy], e)
		}
	}
	for i, e := range out {
		if e.copy != "" {
			out[i], copies[e.copy] = copies[e.copy][0], copies[e.copy][1:]
		}
	}
	return out
}

// again sends some of what was sent again, where that changes nothing.
func (w *writer) again() {
	e := w.sent[w.IntN(len(w.sent))]
	if e.copy == "" && e.source.Kind != feature.Entities {
		return
	}
	w.add(push{[]*event{e}})
}

// loads are what batch loads before a time is asked for: groups in no order, each up to a midnight.
func (w *writer) loads(at int64) []step {
	if !w.Batch {
		return nil
	}
	var out []step
	for i, g := range w.q.groups {
		if g.Source.Time == nil || g.Source.KnownAt != nil || w.IntN(2) == 0 {
			continue
		}
		b := w.midnight(at)
		if w.Tight && w.b[i] == plan.MinTime {
			b = value.Floor(at, value.DayMS) // days before it may be in the stream's base tile already, and would be nobody's
		}
		if b > w.b[i] {
			out = append(out, load{group: i, watermark: b, earliest: at})
			w.b[i] = b
		}
	}
	w.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// midnight draws one that is not after a time: often one that lies beside an event.
func (w *writer) midnight(at int64) int64 {
	last := value.Floor(at, value.DayMS)
	switch n := w.IntN(6); {
	case n == 0:
		return last
	case n == 1:
		return last - w.Int64N(40)*value.DayMS
	case len(w.sent) > 0:
		e := w.sent[w.IntN(len(w.sent))]
		if e.ts > plan.MinTime {
			return min(value.Floor(e.ts, value.DayMS)+w.Int64N(2)*value.DayMS, last)
		}
	}
	return last
}

// endless is longer than any event is late, ms.
const endless = 1 << 50

// lateness sets that of the sources: as long as events are late, or endless.
func (w *writer) lateness() {
	need, newest := map[*feature.Source]int64{}, map[*feature.Source]int64{}
	for _, s := range w.q.sources {
		newest[s] = plan.MinTime
	}
	now := int64(0)
	for _, st := range w.steps {
		switch st := st.(type) {
		case tick:
			now = st.now
		case push:
			for _, e := range st.events {
				by := newest[e.source] + 1
				if w.Wall {
					by = now
				}
				if e.ts != plan.MinTime && by > plan.MinTime+1 {
					need[e.source] = max(need[e.source], by-e.ts)
				}
				newest[e.source] = max(newest[e.source], e.last)
			}
		}
	}
	for _, s := range w.q.sources {
		s.Lateness = endless
		if w.Tight {
			s.Lateness = need[s] + []int64{0, 0, 1, 3_600_000}[w.IntN(4)]
		}
	}
}
