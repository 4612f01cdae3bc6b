package ranges

import (
	"math"
	"math/bits"

	"github.com/bighead-ml/bighead/value/fault"
)

// blockBits says that a block has 2^blockBits positions: small enough that the loop over a range within one block stays short, large enough
// that there are few levels.
const blockBits = 5

const blockSize = 1 << blockBits

// Floats answers sums of floats. Every level keeps, for each position, the sum from its block's start up to it and from it to its
// block's end, so that a range is one tail, the whole blocks between (a range of the next level) and one head: additions only.
type Floats struct{ levels []floatLevel }

type floatLevel struct{ raw, head, tail []float64 }

// NewFloats builds the structure over x, which it keeps and which must not change. Its memory comes from alloc, whose slices may hold
// anything.
func NewFloats(x []float64, alloc func(n int) []float64) *Floats {
	s := &Floats{}
	for {
		l := floatLevel{raw: x}
		if len(x) <= blockSize {
			s.levels = append(s.levels, l)
			return s
		}
		l.head, l.tail = alloc(len(x)), alloc(len(x))
		totals := alloc((len(x) + blockSize - 1) / blockSize)
		for b := range totals {
			from, to := b<<blockBits, min((b+1)<<blockBits, len(x))
			totals[b] = sumBlock(x[from:to], l.head[from:to], l.tail[from:to])
		}
		s.levels = append(s.levels, l)
		x = totals
	}
}

func sumBlock(x, head, tail []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += v
		head[i] = sum
	}
	back := 0.0
	for i := len(x) - 1; i >= 0; i-- {
		back += x[i]
		tail[i] = back
	}
	return sum
}

// Sum is the sum over [lo, hi), 0 where it is empty.
func (s *Floats) Sum(lo, hi int) float64 {
	sum := 0.0
	for i := 0; lo < hi; i++ {
		l := &s.levels[i]
		if lo>>blockBits == (hi-1)>>blockBits {
			for _, v := range l.raw[lo:hi] {
				sum += v
			}
			break
		}
		sum += l.tail[lo] + l.head[hi-1]
		lo, hi = lo>>blockBits+1, (hi-1)>>blockBits
		if fault.Planted("local: the first block counts twice") {
			lo--
		}
	}
	return sum
}

// Ints answers exact sums of integers as differences of prefix sums: in 64 bits where none of them can overflow, else in 128.
type Ints struct {
	narrow []int64
	hi     []int64
	lo     []uint64
}

// NewInts builds the prefix sums of x, which it does not keep. Memory comes from alloc, as in NewFloats.
func NewInts(x []int64, alloc func(n int) []int64) *Ints {
	most := uint64(0)
	for _, v := range x {
		most |= uint64(v ^ v>>63) // as many bits as the widest number has
	}
	if bits.Len64(most)+bits.Len(uint(len(x))) < 63 {
		return &Ints{narrow: prefix(x, alloc(len(x)+1))}
	}
	s := &Ints{hi: make([]int64, len(x)+1), lo: make([]uint64, len(x)+1)}
	var carry uint64
	for i, v := range x {
		s.lo[i+1], carry = bits.Add64(s.lo[i], uint64(v), 0)
		s.hi[i+1] = s.hi[i] + v>>63 + int64(carry)
		if fault.Planted("local: a sum loses its carry") {
			s.hi[i+1] = s.hi[i] + v>>63
		}
	}
	return s
}

func prefix(x, out []int64) []int64 {
	sum := int64(0)
	out[0] = 0
	for i, v := range x {
		sum += v
		out[i+1] = sum
	}
	return out
}

// Sum is the exact sum over [lo, hi) as a two's complement number of 128 bits.
func (s *Ints) Sum(lo, hi int) (high int64, low uint64) {
	if s.narrow != nil {
		n := s.narrow[hi] - s.narrow[lo]
		return n >> 63, uint64(n)
	}
	low, borrow := bits.Sub64(s.lo[hi], s.lo[lo], 0)
	return s.hi[hi] - s.hi[lo] - int64(borrow), low
}

// Narrow are the prefix sums, one more than there are numbers, where 64 bits hold them all; else nil.
func (s *Ints) Narrow() []int64 { return s.narrow }

// MaxLen is the most positions that an array may have: positions are kept in 32 bits.
const MaxLen = math.MaxInt32 - 1
