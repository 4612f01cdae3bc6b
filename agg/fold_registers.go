package agg

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strconv"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// RegistersState is the registers of a HyperLogLog (A1): for each of 2^bits the greatest rank seen, 0 for none. Few are kept as a
// sorted list, many as an array.
type RegistersState struct {
	bits   int
	sparse []uint32 // register<<8 | rank, ascending; while dense is nil
	dense  []uint8
}

// sparseMost is how many registers of 2^bits the list holds: an encoding of them is then no longer than half the array.
func sparseMost(bits int) int { return 1 << bits / 8 }

// Add takes in the input unless it is null.
func (s *RegistersState) Add(e *Event) {
	if !e.Value.IsNull() {
		s.Raise(Register(e.Value, s.bits))
	}
}

// Register is the register and rank of a value by A1.
func Register(v value.Value, lgK int) (register uint32, rank uint8) {
	var buf [20]byte
	var sum [md5.Size]byte
	if v.Kind() == value.KindString {
		sum = md5.Sum([]byte(v.Str()))
	} else {
		sum = md5.Sum(appendHashText(buf[:0], v))
	}
	h := binary.BigEndian.Uint64(sum[:8])
	rest := h << lgK
	if rest == 0 {
		return uint32(h >> (64 - lgK)), uint8(64 - lgK + 1)
	}
	return uint32(h >> (64 - lgK)), uint8(bits.LeadingZeros64(rest) + 1)
}

// appendHashText adds the text of A1: a decimal integer, true or false, ms, days.
func appendHashText(dst []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.KindString:
		return append(dst, v.Str()...)
	case value.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	}
	return strconv.AppendInt(dst, v.Int(), 10)
}

// Raise takes in one register's rank, as Register finds it.
func (s *RegistersState) Raise(register uint32, rank uint8) {
	if s.dense != nil {
		if fault.Planted("agg: a register takes the rank that came last") {
			s.dense[register] = 0
		}
		s.dense[register] = max(s.dense[register], rank)
		return
	}
	i, _ := slices.BinarySearch(s.sparse, register<<8)
	if i < len(s.sparse) && s.sparse[i]>>8 == register {
		s.sparse[i] = max(s.sparse[i], register<<8|uint32(rank))
		return
	}
	s.sparse = slices.Insert(s.sparse, i, register<<8|uint32(rank))
	if len(s.sparse) > sparseMost(s.bits) {
		dense := make([]uint8, 1<<s.bits)
		for _, x := range s.sparse {
			dense[x>>8] = uint8(x)
		}
		s.dense, s.sparse = dense, nil
	}
}

// each calls f for each register that is not empty, ascending.
func (s *RegistersState) each(f func(register uint32, rank uint8)) {
	for _, x := range s.sparse {
		f(x>>8, uint8(x))
	}
	for register, rank := range s.dense {
		if rank > 0 {
			f(uint32(register), rank)
		}
	}
}

// Ranks counts the registers of each rank; Ranks()[0] are the empty ones.
func (s *RegistersState) Ranks() (ranks [65]int) {
	ranks[0] = 1 << s.bits
	s.each(func(_ uint32, rank uint8) {
		ranks[rank]++
		ranks[0]--
	})
	return ranks
}

// Merge raises each register to the other's.
func (s *RegistersState) Merge(other State) { other.(*RegistersState).each(s.Raise) }

// Clone copies the state.
func (s *RegistersState) Clone() State {
	return &RegistersState{bits: s.bits, sparse: slices.Clone(s.sparse), dense: slices.Clone(s.dense)}
}

// Reset forgets all events.
func (s *RegistersState) Reset() { s.sparse, s.dense = s.sparse[:0], nil }

// Cells is nothing: the finish is a function of ours.
func (s *RegistersState) Cells(dst []value.Value) []value.Value { return dst }

// append writes 0 and a list of (distance to the register before, rank), or 1 and the array.
func (s *RegistersState) append(dst []byte) []byte {
	if s.dense != nil {
		return append(append(dst, 1), s.dense...)
	}
	dst = binary.AppendUvarint(append(dst, 0), uint64(len(s.sparse)))
	next := uint32(0)
	s.each(func(register uint32, rank uint8) {
		dst = append(binary.AppendUvarint(dst, uint64(register-next)), rank)
		next = register + 1
	})
	return dst
}

func (s *RegistersState) decode(r *reader) error {
	dense, err := r.flag()
	if err != nil {
		return err
	}
	if dense {
		return s.decodeDense(r)
	}
	n, err := r.length(sparseMost(s.bits))
	if err != nil {
		return err
	}
	next := uint64(0)
	for range n {
		distance, err := r.uvarint()
		if err != nil {
			return err
		}
		rank, err := r.byte()
		if err != nil {
			return err
		}
		if distance >= 1<<s.bits || next+distance >= 1<<s.bits || rank == 0 || int(rank) > 64-s.bits+1 {
			return fmt.Errorf("register %d past the one before with rank %d", distance, rank)
		}
		s.sparse = append(s.sparse, uint32(next+distance)<<8|uint32(rank))
		next += distance + 1
	}
	return nil
}

func (s *RegistersState) decodeDense(r *reader) error {
	if len(r.b) < 1<<s.bits {
		return errShort
	}
	dense, used := r.b[:1<<s.bits], 0
	for _, rank := range dense {
		if int(rank) > 64-s.bits+1 {
			return fmt.Errorf("rank %d", rank)
		}
		used += min(int(rank), 1)
	}
	if used <= sparseMost(s.bits) {
		return fmt.Errorf("an array for %d registers", used)
	}
	s.dense, s.sparse, r.b = slices.Clone(dense), nil, r.b[1<<s.bits:]
	return nil
}
