package agg

import (
	"encoding/binary"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// CountState counts rows or non-null inputs.
type CountState struct {
	N    int64
	rows bool
}

// Add counts the event.
func (s *CountState) Add(e *Event) {
	if s.rows || !e.Value.IsNull() || fault.Planted("agg: nulls are counted") {
		s.N++
	}
}

// Merge adds the other's count.
func (s *CountState) Merge(other State) { s.N += other.(*CountState).N }

// Clone copies the state.
func (s *CountState) Clone() State { c := *s; return &c }

// Reset forgets all events.
func (s *CountState) Reset() { s.N = 0 }

// Cells is n.
func (s *CountState) Cells(dst []value.Value) []value.Value { return append(dst, value.OfInt(s.N)) }

func (s *CountState) append(dst []byte) []byte { return binary.AppendUvarint(dst, uint64(s.N)) }

func (s *CountState) decode(r *reader) (err error) {
	s.N, err = r.count(0)
	return err
}
