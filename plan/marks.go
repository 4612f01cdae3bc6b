package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/agg/tile"
)

// marksVersion leads the encoding of marks. A reader takes this one and the one before it, which has no Loaded.
const marksVersion = 2

// MarksPrefix leads the names of all spaces' marks in a store's meta.
const MarksPrefix = "marks/"

// MarksAge is how long a reader may go by marks that it has read. Who removes what marks named waits longer, so that nobody takes what was
// removed for what never was.
const MarksAge = 5 * time.Second

// MarksName is the name in a store's meta of the space's marks. Nothing there: neither batch nor the stream has begun to fill the space, and
// it answers nothing. Who moves the marks writes them together with what they say is there.
func (s *Space) MarksName() string { return MarksPrefix + s.ID }

// Append adds the encoding of marks: a version, then Batch, Complete, Generation and Loaded as signed varints. Rolled is not in it.
func (m Marks) Append(dst []byte) []byte {
	dst = append(dst, marksVersion)
	for _, x := range []int64{m.Batch, m.Complete, m.Generation, m.Loaded} {
		dst = binary.AppendVarint(dst, x)
	}
	return dst
}

// DecodeMarks reads marks. Whatever Append does not write is an error.
func DecodeMarks(b []byte) (Marks, error) {
	m := Marks{Rolled: MinTime}
	if len(b) == 0 || b[0] != marksVersion && b[0] != marksVersion-1 {
		return m, fmt.Errorf("marks of a space: %w", errMarksVersion)
	}
	fields := []*int64{&m.Batch, &m.Complete, &m.Generation, &m.Loaded}
	if b[0] == marksVersion-1 {
		fields = fields[:3]
	}
	b = b[1:]
	for _, x := range fields {
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

// StreamPrefix leads the names of what the stream keeps for itself in a store's meta.
const StreamPrefix = "stream/"

// stateVersion leads the encoding of a state.
const stateVersion = 1

// State is how far who folds is in a space; it is written with the tiles.
type State struct {
	Next   int64 // the sequence number of the log's record to come; of a space that Flink folds 1 once it was filled, 0 before
	Newest int64 // the latest ts or known_at of any event; MinTime before the first
	Number int64 // of the last event that had waited
	Target int64 // days before it are rolled into base tiles, or are being rolled
	Rolled int64 // days before it are rolled, for all keys
	Kept   int64 // the latest now by which anything was let go; a clock may be set back, and what is gone is gone
}

// NoState is that of a space in which nothing is.
var NoState = State{Newest: MinTime, Target: MinTime, Rolled: MinTime, Kept: MinTime}

func (s *State) fields() []*int64 {
	return []*int64{&s.Next, &s.Newest, &s.Number, &s.Target, &s.Rolled, &s.Kept}
}

// Append adds the encoding of a state: a version, then its fields as signed varints.
func (s *State) Append(dst []byte) []byte {
	dst = append(dst, stateVersion)
	for _, n := range s.fields() {
		dst = binary.AppendVarint(dst, *n)
	}
	return dst
}

// Decode reads a state. One that was written before there was Kept says nothing of it.
func (s *State) Decode(b []byte) error {
	if len(b) == 0 || b[0] != stateVersion {
		return fmt.Errorf("state of a space: %w", errMarksVersion)
	}
	b = b[1:]
	for _, n := range s.fields() {
		if n == &s.Kept && len(b) == 0 {
			continue
		}
		v, k := binary.Varint(b)
		if k <= 0 {
			return errors.New("state of a space: cut short")
		}
		*n, b = v, b[k:]
	}
	return nil
}

// StateName is the name in a store's meta of how far the stream is in the space of that ID. The stream writes it together with what it says is
// there. Readers take from it when days are rolled up to (DecodeRolled).
func StateName(id string) string { return StreamPrefix + id + "/state" }

// OfState is the ID of the space whose state has the name; false for the name of anything else.
func OfState(name string) (id string, ok bool) {
	id, ok = strings.CutPrefix(name, StreamPrefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(id, "/state")
}

// DecodeRolled reads from a state what Marks.Rolled is.
func DecodeRolled(state []byte) (int64, error) {
	s := NoState
	if err := s.Decode(state); err != nil {
		return MinTime, err
	}
	return s.Rolled, nil
}

// Folded is the partition that tiles and the place of a space note which Flink folds: which of the source's rows are in its tiles their positions
// don't say, only that those up to the place are.
const Folded = -3

// PartsSpace is the name in the store of how many rows are in which part of the tiles of the space of that ID, where Flink folds it: at the
// place of each tile.
func PartsSpace(id string) string { return id + "/parts" }

// PlacePrefix leads the names of all spaces' places in a store's meta.
const PlacePrefix = "place/"

// PlaceName is the name in a store's meta of how far the stream has put its source's rows into the space: the positions that are in, by
// partition. The stream writes it together with what it says is there, so that who reads it and then the space finds all rows up to
// there, but for those that are no events of the space, came too late, or wait for their time.
func (s *Space) PlaceName() string { return PlacePrefix + s.ID }

// AppendPlace adds the encoding of positions: for each a partition and an offset as signed varints.
func AppendPlace(dst []byte, place tile.Positions) []byte {
	for _, p := range place {
		dst = binary.AppendVarint(binary.AppendVarint(dst, int64(p.Partition)), p.Offset)
	}
	return dst
}

// DecodePlace reads positions. Whatever AppendPlace does not write is an error.
func DecodePlace(b []byte) (tile.Positions, error) {
	var out tile.Positions
	for len(b) > 0 {
		partition, n := binary.Varint(b)
		if n <= 0 || int64(int32(partition)) != partition || len(out) > 0 && int64(out[len(out)-1].Partition) >= partition {
			return nil, errors.New("place of a space: partitions")
		}
		offset, k := binary.Varint(b[n:])
		if k <= 0 {
			return nil, errors.New("place of a space: cut short")
		}
		out, b = append(out, tile.Position{Partition: int32(partition), Offset: offset}), b[n+k:]
	}
	return out, nil
}

var errMarksVersion = errors.New("written by another version of bighead")
