package agg

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// bounded keeps the first k elements of a multiset (of a set, where distinct) by an order. Elements wait unsorted in tail until it has
// grown with head, so that adding n elements costs O(n log k) in whatever order they come. Reading never settles: states that are read
// may be shared.
type bounded[T any] struct {
	compare  func(a, b T) int
	k        int
	distinct bool
	head     []T // sorted, at most k, distinct if asked; never written to in place
	tail     []T
}

// minTail is how much waits before it is worth a merge.
const minTail = 32

func (b *bounded[T]) add(x T) {
	if n := len(b.head); n == b.k && b.compare(x, b.head[n-1]) >= 0 {
		return
	}
	b.tail = append(b.tail, x)
	if len(b.tail) >= max(minTail, len(b.head)) {
		b.head, b.tail = b.sorted(), b.tail[:0]
	}
}

// sorted is the elements that are kept, in order, not to be written to.
func (b *bounded[T]) sorted() []T {
	if len(b.tail) == 0 {
		return b.head
	}
	tail := slices.Clone(b.tail)
	slices.SortFunc(tail, b.compare)
	return b.union(b.head, tail)
}

// union is what is kept of two lists, each sorted and, where asked, distinct as kept lists are; xs itself where ys is empty.
func (b *bounded[T]) union(xs, ys []T) []T {
	if len(ys) == 0 {
		return xs
	}
	out := make([]T, 0, min(b.k, len(xs)+len(ys)))
	for i, j := 0, 0; len(out) < b.k && (i < len(xs) || j < len(ys)); {
		var x T
		if j == len(ys) || i < len(xs) && b.compare(xs[i], ys[j]) <= 0 {
			x = xs[i]
			i++
		} else {
			x = ys[j]
			j++
		}
		if b.distinct && !fault.Planted("agg: distinct values are kept twice") && len(out) > 0 && b.compare(out[len(out)-1], x) == 0 {
			continue
		}
		out = append(out, x)
	}
	return out
}

func (b *bounded[T]) merge(o *bounded[T]) {
	head, other := b.sorted(), o.sorted()
	if len(head) == 0 {
		head, other = other, nil // shared: no head is ever written to
	}
	b.head, b.tail = b.union(head, other), b.tail[:0]
}

func (b *bounded[T]) clone() bounded[T] {
	c := *b
	c.tail = slices.Clone(b.tail)
	return c
}

func (b *bounded[T]) reset() { b.head, b.tail = nil, b.tail[:0] }

func (b *bounded[T]) append(dst []byte, one func([]byte, T) []byte) []byte {
	xs := b.sorted()
	dst = binary.AppendUvarint(dst, uint64(len(xs)))
	for _, x := range xs {
		dst = one(dst, x)
	}
	return dst
}

func (b *bounded[T]) decode(r *reader, one func() (T, error)) error {
	n, err := r.length(b.k)
	if err != nil {
		return err
	}
	b.head = make([]T, 0, min(n, minTail)) // a long list must prove itself before it gets its memory
	for range n {
		x, err := one()
		if err != nil {
			return err
		}
		if i := len(b.head); i > 0 {
			if c := b.compare(b.head[i-1], x); c > 0 || c == 0 && b.distinct {
				return fmt.Errorf("elements out of order")
			}
		}
		b.head = append(b.head, x)
	}
	return nil
}

// EventListState is the K first or last non-null inputs by E2, with what decides their order.
type EventListState struct {
	list bounded[Event]
	in   value.Type
}

func newEventList(f Fold) State {
	compare := func(a, b Event) int { return CompareEvents(&a, &b) }
	if f.Last {
		compare = func(a, b Event) int { return CompareEvents(&b, &a) }
	}
	return &EventListState{list: bounded[Event]{compare: compare, k: f.K}, in: f.In}
}

// Add takes in the event unless its input is null, copying its tie if it is kept.
func (s *EventListState) Add(e *Event) {
	if e.Value.IsNull() {
		return
	}
	if n := len(s.list.head); n == s.list.k && s.list.compare(*e, s.list.head[n-1]) >= 0 {
		return // most events that will not stay are not copied
	}
	s.list.add(Event{TS: e.TS, Tie: slices.Clone(e.Tie), Value: e.Value})
}

// Merge takes in the other's events.
func (s *EventListState) Merge(other State) { s.list.merge(&other.(*EventListState).list) }

// Clone copies the state.
func (s *EventListState) Clone() State { return &EventListState{list: s.list.clone(), in: s.in} }

// Reset forgets all events.
func (s *EventListState) Reset() { s.list.reset() }

// Events lists the events kept, in the fold's order: oldest first, newest first with Last. They are not to be changed.
func (s *EventListState) Events() []Event { return s.list.sorted() }

// List is the events' values as a list.
func (s *EventListState) List() value.Value {
	events := s.Events()
	out := make([]value.Value, len(events))
	for i := range events {
		out[i] = events[i].Value
	}
	return value.OfList(out)
}

// Cells is the list of values.
func (s *EventListState) Cells(dst []value.Value) []value.Value { return append(dst, s.List()) }

func (s *EventListState) append(dst []byte) []byte {
	return s.list.append(dst, func(dst []byte, e Event) []byte { return appendEvent(dst, &e) })
}

func (s *EventListState) decode(r *reader) error {
	return s.list.decode(r, func() (e Event, err error) {
		err = r.event(&e, s.in, false)
		return e, err
	})
}

// ValueListState is the K least or greatest non-null inputs, all or distinct ones.
type ValueListState struct {
	list bounded[value.Value]
	in   value.Type
}

func newValueList(f Fold) State {
	compare := value.Compare
	if f.Last {
		compare = func(a, b value.Value) int { return value.Compare(b, a) }
	}
	return &ValueListState{list: bounded[value.Value]{compare: compare, k: f.K, distinct: f.Distinct}, in: f.In}
}

// Add takes in the input unless it is null.
func (s *ValueListState) Add(e *Event) { s.AddValue(e.Value) }

// AddValue takes in one value unless it is null.
func (s *ValueListState) AddValue(v value.Value) {
	if !v.IsNull() {
		s.list.add(v)
	}
}

// Merge takes in the other's values.
func (s *ValueListState) Merge(other State) { s.list.merge(&other.(*ValueListState).list) }

// Clone copies the state.
func (s *ValueListState) Clone() State { return &ValueListState{list: s.list.clone(), in: s.in} }

// Reset forgets all events.
func (s *ValueListState) Reset() { s.list.reset() }

// Values lists the values kept, in the fold's order: ascending, descending with Last. They are not to be changed.
func (s *ValueListState) Values() []value.Value { return s.list.sorted() }

// Cells is the list of values.
func (s *ValueListState) Cells(dst []value.Value) []value.Value {
	return append(dst, value.OfList(s.Values()))
}

func (s *ValueListState) append(dst []byte) []byte { return s.list.append(dst, value.Append) }

func (s *ValueListState) decode(r *reader) error {
	return s.list.decode(r, func() (value.Value, error) {
		v, err := r.value(s.in)
		if err == nil && v.IsNull() {
			err = fmt.Errorf("a null where none is kept")
		}
		return v, err
	})
}
