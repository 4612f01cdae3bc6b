package agg

import (
	"math"

	"github.com/bighead-ml/bighead/value"
)

// ExtremeState is the least or the greatest input that is no number, null while there is none.
type ExtremeState struct {
	Value value.Value
	in    value.Type
	last  bool
}

// Add takes in the input unless it is null.
func (s *ExtremeState) Add(e *Event) { s.AddValue(e.Value) }

// AddValue takes in one value unless it is null.
func (s *ExtremeState) AddValue(v value.Value) {
	if v.IsNull() {
		return
	}
	if s.Value.IsNull() || (value.Compare(v, s.Value) > 0) == s.last {
		s.Value = v
	}
}

// Merge takes in the other's extreme.
func (s *ExtremeState) Merge(other State) { s.AddValue(other.(*ExtremeState).Value) }

// Clone copies the state.
func (s *ExtremeState) Clone() State { c := *s; return &c }

// Reset forgets all events.
func (s *ExtremeState) Reset() { s.Value = value.Value{} }

// Cells is the extreme.
func (s *ExtremeState) Cells(dst []value.Value) []value.Value { return append(dst, s.Value) }

func (s *ExtremeState) append(dst []byte) []byte { return value.Append(dst, s.Value) }

func (s *ExtremeState) decode(r *reader) (err error) {
	s.Value, err = r.value(s.in)
	return err
}

func (s *ExtremeState) extreme() value.Value { return s.Value }

// NumberExtremeState is the least or the greatest of inputs that are one number each, null while there is none. It refers to nothing: where
// millions of states are kept, the collector passes it by.
type NumberExtremeState struct {
	bits int64 // an int, ms, days, a truth, or a float's bits
	kind value.Kind
	any  bool
	last bool
}

// Add takes in the input unless it is null.
func (s *NumberExtremeState) Add(e *Event) { s.AddValue(e.Value) }

// AddValue takes in one value unless it is null.
func (s *NumberExtremeState) AddValue(v value.Value) {
	if v.IsNull() {
		return
	}
	bits := v.Int()
	if s.kind == value.KindFloat {
		bits = int64(math.Float64bits(v.Float()))
	}
	if !s.any || s.above(bits) == s.last {
		s.bits, s.any = bits, true
	}
}

// above tells whether a number is greater than the state's.
func (s *NumberExtremeState) above(bits int64) bool {
	if s.kind == value.KindFloat {
		return math.Float64frombits(uint64(bits)) > math.Float64frombits(uint64(s.bits))
	}
	return bits > s.bits
}

// Merge takes in the other's extreme.
func (s *NumberExtremeState) Merge(other State) { s.AddValue(other.(*NumberExtremeState).extreme()) }

// Clone copies the state.
func (s *NumberExtremeState) Clone() State { c := *s; return &c }

// Reset forgets all events.
func (s *NumberExtremeState) Reset() { s.bits, s.any = 0, false }

// Cells is the extreme.
func (s *NumberExtremeState) Cells(dst []value.Value) []value.Value { return append(dst, s.extreme()) }

func (s *NumberExtremeState) append(dst []byte) []byte { return value.Append(dst, s.extreme()) }

func (s *NumberExtremeState) decode(r *reader) error {
	v, err := r.value(value.Type{Kind: s.kind})
	if err != nil {
		return err
	}
	s.AddValue(v)
	return nil
}

func (s *NumberExtremeState) extreme() value.Value {
	switch {
	case !s.any:
		return value.Value{}
	case s.kind == value.KindFloat:
		return value.OfFloat(math.Float64frombits(uint64(s.bits)))
	}
	return value.OfNumber(s.kind, s.bits)
}

// newExtreme is the state of an extreme: the small one where it will do.
func newExtreme(f Fold) State {
	switch f.In.Kind {
	case value.KindBool, value.KindInt, value.KindFloat, value.KindTimestamp, value.KindDate:
		return &NumberExtremeState{kind: f.In.Kind, last: f.Last}
	}
	return &ExtremeState{in: f.In, last: f.Last}
}

func finishExtreme(_ value.Type, _ Params, s []State, _ int64) value.Value {
	return s[0].(interface{ extreme() value.Value }).extreme()
}
