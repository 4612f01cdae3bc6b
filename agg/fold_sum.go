package agg

import (
	"math"
	"math/bits"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// IntSumState is the exact sum of ints (of bools: how many are true), as a two's complement number of 128 bits. It cannot
// overflow: that takes 2^64 events.
type IntSumState struct {
	Hi int64
	Lo uint64
}

// Add takes in the input unless it is null.
func (s *IntSumState) Add(e *Event) {
	if !e.Value.IsNull() {
		s.AddInt(e.Value.Int())
	}
}

// AddInt takes in one number.
func (s *IntSumState) AddInt(n int64) { s.add(n>>63, uint64(n)) }

func (s *IntSumState) add(hi int64, lo uint64) {
	var carry uint64
	s.Lo, carry = bits.Add64(s.Lo, lo, 0)
	if fault.Planted("agg: a sum loses its carry") {
		carry = 0
	}
	s.Hi += hi + int64(carry)
}

// Merge adds the other's sum.
func (s *IntSumState) Merge(other State) {
	o := other.(*IntSumState)
	s.add(o.Hi, o.Lo)
}

// Clone copies the state.
func (s *IntSumState) Clone() State { c := *s; return &c }

// Reset forgets all events.
func (s *IntSumState) Reset() { *s = IntSumState{} }

// Int64 is the sum where it fits 64 bits.
func (s *IntSumState) Int64() (int64, bool) {
	return int64(s.Lo), s.Hi == int64(s.Lo)>>63 || fault.Planted("agg: an overflowed sum wraps around")
}

// Float64 is the float nearest to the sum, ties to even: the exact sum is rounded once.
func (s *IntSumState) Float64() float64 {
	hi, lo := uint64(s.Hi), s.Lo
	sign := 1.0
	if s.Hi < 0 {
		sign = -1
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	if hi == 0 {
		return sign * float64(lo) // Go rounds to nearest even
	}
	shift := bits.LeadingZeros64(hi)
	top := hi<<shift | lo>>(64-shift)
	if lo<<shift != 0 {
		top |= 1 // sticky: 64 bits are more than a float's 53, so the lowest only tells a tie from a little more
	}
	return sign * math.Ldexp(float64(top), 64-shift)
}

// Cells is the sum where it fits and the nearest float.
func (s *IntSumState) Cells(dst []value.Value) []value.Value {
	sum := value.Value{}
	if n, ok := s.Int64(); ok {
		sum = value.OfInt(n)
	}
	return append(dst, sum, value.OfFloat(s.Float64()))
}

// append writes the number as a zigzag varint of 128 bits.
func (s *IntSumState) append(dst []byte) []byte {
	sign := uint64(s.Hi >> 63)
	hi, lo := uint64(s.Hi)<<1|s.Lo>>63, s.Lo<<1
	hi, lo = hi^sign, lo^sign
	for hi != 0 || lo >= 0x80 {
		dst = append(dst, byte(lo)|0x80)
		lo = lo>>7 | hi<<57
		hi >>= 7
	}
	return append(dst, byte(lo))
}

func (s *IntSumState) decode(r *reader) error {
	var hi, lo uint64
	for shift := 0; ; shift += 7 {
		c, err := r.byte()
		if err != nil {
			return err
		}
		group := uint64(c & 0x7f)
		if shift > 126 || shift == 126 && group > 3 || c == 0 && shift > 0 {
			return errShort
		}
		if shift < 64 {
			lo |= group << shift
			hi |= group >> (64 - shift) // 0 for shift 0: Go shifts out all bits
		} else {
			hi |= group << (shift - 64)
		}
		if c < 0x80 {
			break
		}
	}
	sign := -(lo & 1)
	s.Lo = (lo>>1 | hi<<63) ^ sign
	s.Hi = int64((hi >> 1) ^ sign)
	return nil
}

// FloatSumState is a plain sum of floats in the order in which they came. Once infinite or NaN it stays so and finishes to null: by the
// promise an overflow on the way may be null.
type FloatSumState struct{ Sum float64 }

// Add takes in the input unless it is null.
func (s *FloatSumState) Add(e *Event) {
	if !e.Value.IsNull() {
		s.AddFloat(e.Value.Float())
	}
}

// AddFloat takes in one number.
func (s *FloatSumState) AddFloat(x float64) { s.Sum += x }

// Merge adds the other's sum.
func (s *FloatSumState) Merge(other State) { s.Sum += other.(*FloatSumState).Sum }

// Clone copies the state.
func (s *FloatSumState) Clone() State { c := *s; return &c }

// Reset forgets all events.
func (s *FloatSumState) Reset() { s.Sum = 0 }

// Cells is the sum, null where it overflowed.
func (s *FloatSumState) Cells(dst []value.Value) []value.Value {
	return append(dst, value.OfFloat(s.Sum))
}

func (s *FloatSumState) append(dst []byte) []byte { return appendFloat(dst, s.Sum) }

func (s *FloatSumState) decode(r *reader) (err error) {
	s.Sum, err = r.float()
	return err
}
