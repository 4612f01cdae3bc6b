package agg

import (
	"encoding/binary"
	"fmt"
	"maps"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// byVersion is that of the wrapper's meaning and encoding.
const byVersion = 1

// ByState is a state for each string of by, at most so many, the least by key (A3). A row with a null by is in none; a row with a null
// input makes its entry all the same. Cutting to the least keys on the way is exact: a key that was cut has as many lesser ones beside
// it, and they stay.
type ByState struct {
	Groups   map[string]State
	fold     Fold // of one entry
	max      int
	greatest string // of a full map: later keys from it on are not kept
}

// Add takes in the event under its by.
func (s *ByState) Add(e *Event) {
	if e.By.IsNull() && !fault.Planted("agg: a null by has an entry") {
		return
	}
	if inner := s.Group(e.By.Str()); inner != nil {
		inner.Add(e)
	}
}

// Group is the state of a key, made where there is none yet; nil for a key that is not kept.
func (s *ByState) Group(key string) State {
	if inner, ok := s.Groups[key]; ok {
		return inner
	}
	full := len(s.Groups) == s.max
	if full && (key > s.greatest || fault.Planted("agg: a full map keeps the keys that came first")) {
		return nil
	}
	if s.Groups == nil {
		s.Groups = map[string]State{}
	}
	inner := s.fold.New()
	s.Groups[key] = inner
	if full {
		delete(s.Groups, s.greatest)
	}
	if len(s.Groups) == s.max {
		s.findGreatest()
	}
	return inner
}

func (s *ByState) findGreatest() {
	s.greatest = ""
	for key := range s.Groups {
		s.greatest = max(s.greatest, key)
	}
}

// Merge takes in the other's entries.
func (s *ByState) Merge(other State) {
	for key, o := range other.(*ByState).Groups {
		if inner := s.Group(key); inner != nil {
			inner.Merge(o)
		}
	}
}

// Clone copies the state.
func (s *ByState) Clone() State {
	c := *s
	c.Groups = maps.Clone(s.Groups)
	for key, inner := range c.Groups {
		c.Groups[key] = inner.Clone()
	}
	return &c
}

// Reset forgets all events.
func (s *ByState) Reset() { clear(s.Groups) }

// Cells is nothing: a finish's Text is evaluated over the cells of each entry.
func (s *ByState) Cells(dst []value.Value) []value.Value { return dst }

func (s *ByState) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s.Groups)))
	for _, key := range sortedKeys(s.Groups) {
		dst = s.Groups[key].append(appendText(dst, key))
	}
	return dst
}

func (s *ByState) decode(r *reader) error {
	n, err := r.length(s.max)
	if err != nil {
		return err
	}
	before := ""
	for i := range n {
		key, err := r.text()
		if err == nil && i > 0 && key <= before {
			err = fmt.Errorf("keys out of order")
		}
		if err != nil {
			return err
		}
		if err := s.Group(key).decode(r); err != nil {
			return err
		}
		before = key
	}
	return nil
}
