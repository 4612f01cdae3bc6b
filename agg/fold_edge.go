package agg

import (
	"encoding/binary"
	"fmt"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// TimeState is the least or greatest time of the rows, or of those with a non-null input.
type TimeState struct {
	Any  bool // there is such a row
	TS   int64
	rows bool
	last bool
}

// Add takes in the event's time.
func (s *TimeState) Add(e *Event) {
	if s.rows || !e.Value.IsNull() {
		s.AddTime(e.TS)
	}
}

// AddTime takes in one time.
func (s *TimeState) AddTime(ts int64) {
	if !s.Any || (ts > s.TS) == s.last {
		s.Any, s.TS = true, ts
	}
}

// Merge takes in the other's bound.
func (s *TimeState) Merge(other State) {
	if o := other.(*TimeState); o.Any {
		s.AddTime(o.TS)
	}
}

// Clone copies the state.
func (s *TimeState) Clone() State { c := *s; return &c }

// Reset forgets all events.
func (s *TimeState) Reset() { s.Any, s.TS = false, 0 }

// Cells is the time in ms since the epoch.
func (s *TimeState) Cells(dst []value.Value) []value.Value {
	if !s.Any {
		return append(dst, value.Value{})
	}
	return append(dst, value.OfInt(s.TS))
}

func (s *TimeState) append(dst []byte) []byte {
	if !s.Any {
		return append(dst, 0)
	}
	return binary.AppendVarint(append(dst, 1), s.TS)
}

func (s *TimeState) decode(r *reader) (err error) {
	if s.Any, err = r.flag(); err != nil || !s.Any {
		return err
	}
	s.TS, err = r.varint()
	return err
}

// EdgeState is the first or the last event by E2, of all rows or of those with a non-null input. Event.By is not kept.
type EdgeState struct {
	Any   bool // there is such an event
	Event Event
	in    value.Type
	rows  bool
	last  bool
}

// Add takes in the event, copying its tie.
func (s *EdgeState) Add(e *Event) {
	if !s.rows && e.Value.IsNull() {
		return
	}
	if s.Any && (CompareEvents(e, &s.Event) > 0) != s.last {
		return
	}
	s.Any = true
	s.Event.TS, s.Event.Value = e.TS, e.Value
	if s.Event.Tie = s.Event.Tie[:0]; !fault.Planted("agg: an edge forgets its tie") {
		s.Event.Tie = append(s.Event.Tie, e.Tie...)
	}
}

// Merge takes in the other's event.
func (s *EdgeState) Merge(other State) {
	if o := other.(*EdgeState); o.Any {
		s.Add(&o.Event)
	}
}

// Clone copies the state.
func (s *EdgeState) Clone() State {
	c := *s
	c.Event.Tie = append([]value.Value(nil), s.Event.Tie...)
	return &c
}

// Reset forgets all events; the room for a tie is kept.
func (s *EdgeState) Reset() { s.Any, s.Event = false, Event{Tie: s.Event.Tie[:0]} }

// Cells is the event's value.
func (s *EdgeState) Cells(dst []value.Value) []value.Value { return append(dst, s.Event.Value) }

func (s *EdgeState) append(dst []byte) []byte {
	if !s.Any {
		return append(dst, 0)
	}
	return appendEvent(append(dst, 1), &s.Event)
}

func (s *EdgeState) decode(r *reader) (err error) {
	if s.Any, err = r.flag(); err != nil || !s.Any {
		return err
	}
	return r.event(&s.Event, s.in, s.rows)
}

func appendEvent(dst []byte, e *Event) []byte {
	dst = binary.AppendVarint(dst, e.TS)
	dst = binary.AppendUvarint(dst, uint64(len(e.Tie)))
	return value.Append(value.AppendKey(dst, e.Tie), e.Value)
}

// event reads an event whose value has the type, null only where nulls are kept.
func (r *reader) event(e *Event, in value.Type, nulls bool) (err error) {
	if e.TS, err = r.varint(); err != nil {
		return err
	}
	ties, err := r.length(maxTie)
	if err != nil {
		return err
	}
	e.Tie = e.Tie[:0]
	for range ties {
		v, err := r.anyValue()
		if err != nil {
			return err
		}
		e.Tie = append(e.Tie, v)
	}
	e.Value, err = r.value(in)
	if err == nil && !nulls && e.Value.IsNull() {
		err = fmt.Errorf("a null where none is kept")
	}
	return err
}

// maxTie bounds the parts of order_by in stored bytes, far above what a definition can say.
const maxTie = 1 << 12
