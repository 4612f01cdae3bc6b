package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// marksVersion leads the encoding of marks. A reader takes this one.
const marksVersion = 1

// MarksPrefix leads the names of all spaces' marks in a store's meta.
const MarksPrefix = "marks/"

// MarksAge is how long a reader may go by marks that it has read. Who removes what marks named waits longer, so that nobody takes what was
// removed for what never was.
const MarksAge = 5 * time.Second

// MarksName is the name in a store's meta of the space's marks. Nothing there: neither batch nor the stream has begun to fill the space, and
// it answers nothing. Who moves the marks writes them together with what they say is there.
func (s *Space) MarksName() string { return MarksPrefix + s.ID }

// Append adds the encoding of marks: a version, then Batch, Complete and Generation as signed varints.
func (m Marks) Append(dst []byte) []byte {
	dst = append(dst, marksVersion)
	for _, x := range []int64{m.Batch, m.Complete, m.Generation} {
		dst = binary.AppendVarint(dst, x)
	}
	return dst
}

// DecodeMarks reads marks. Whatever Append does not write is an error.
func DecodeMarks(b []byte) (Marks, error) {
	var m Marks
	if len(b) == 0 || b[0] != marksVersion {
		return m, fmt.Errorf("marks of a space: %w", errMarksVersion)
	}
	b = b[1:]
	for _, x := range []*int64{&m.Batch, &m.Complete, &m.Generation} {
		v, n := binary.Varint(b)
		if n <= 0 {
			return Marks{}, errors.New("marks of a space: cut short")
		}
		*x, b = v, b[n:]
	}
	if len(b) > 0 {
		return Marks{}, errors.New("marks of a space: bytes left over")
	}
	return m, nil
}

var errMarksVersion = errors.New("written by another version of bighead")
