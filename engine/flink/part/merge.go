package part

import (
	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// Fate is what became of a record that came after another of the same part.
type Fate uint8

// The fates.
const (
	Taken     Fate = iota // the record stands
	Merged                // what stands is of both: a list
	Regressed             // what was there stands: the record has fewer rows. So it is for a while after Flink has recovered, and for good where its state had expired
)

// Merge says what stands of a part of which old stood and next came: States and N of the result may be shared with both, and neither is
// changed. Counted parts hold more rows the later they are, so that the one with more is right; lists are merged, which is idempotent
// and forgets nothing. A tombstone is Flink taking a part back before it writes it anew, and changes nothing.
func (l *Layout) Merge(old, next Record) (Record, Fate) {
	p := &l.Parts[next.Part]
	switch {
	case next.Gone:
		return old, Regressed
	case old.Gone:
		return next, Taken
	case !p.List && next.N < old.N:
		return old, Regressed
	case !p.List:
		return next, Taken
	}
	out := next
	out.States = []agg.State{l.union(p.Folds[0], old.States[0], next.States[0])}
	return out, Merged
}

// union is the first k of two lists of a fold, each element as often as in the list that has it more often.
func (l *Layout) union(fold int, a, b agg.State) agg.State {
	f := inner(l.Space.Folds[fold])
	out := f.New()
	switch a := a.(type) {
	case *agg.EventListState:
		compare := agg.CompareEvents
		if f.Last {
			compare = func(a, b *agg.Event) int { return agg.CompareEvents(b, a) }
		}
		united(a.Events(), b.(*agg.EventListState).Events(), func(a, b agg.Event) int { return compare(&a, &b) }, func(e agg.Event) { out.Add(&e) })
	case *agg.ValueListState:
		compare := value.Compare
		if f.Last {
			compare = func(a, b value.Value) int { return value.Compare(b, a) }
		}
		united(a.Values(), b.(*agg.ValueListState).Values(), compare, func(v value.Value) { out.Add(&agg.Event{Value: v}) })
	}
	return out
}

// united goes through two lists in order; what both have it meets once.
func united[T any](a, b []T, compare func(a, b T) int, each func(T)) {
	for len(a) > 0 || len(b) > 0 {
		c := 0
		switch {
		case len(b) == 0:
			c = -1
		case len(a) == 0:
			c = 1
		default:
			c = compare(a[0], b[0])
		}
		if c <= 0 {
			each(a[0])
			a = a[1:]
			if c == 0 {
				b = b[1:]
			}
			continue
		}
		each(b[0])
		b = b[1:]
	}
}

// Put puts a record into the states of a tile, by fold of the space: it replaces what the tile had of the part. Strings beyond the by_max
// least are left out (A3).
func (l *Layout) Put(states func(fold int) agg.State, r *Record) {
	if r.Gone {
		return
	}
	p := &l.Parts[r.Part]
	for k, i := range p.Folds {
		s := states(i)
		if p.By >= 0 {
			if r.States[k] == nil {
				continue
			}
			if s = s.(*agg.ByState).Group(r.Sub); s == nil {
				continue
			}
		}
		s.Reset()
		s.Merge(r.States[k])
	}
	for k, i := range p.Lists {
		if r.Present[k] {
			states(i).(*agg.ByState).Group(r.Sub)
		}
	}
}
