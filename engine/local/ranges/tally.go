package ranges

import "math/bits"

// Tally counts and adds up positions that come one by one: a Fenwick tree (Fenwick, 1994) of counts and exact sums of 128 bits.
type Tally struct {
	count []int32
	hi    []int64
	lo    []uint64
}

// NewTally makes one for n positions, with sums if asked.
func NewTally(n int, sums bool) *Tally {
	t := &Tally{count: make([]int32, n+1)}
	if sums {
		t.hi, t.lo = make([]int64, n+1), make([]uint64, n+1)
	}
	return t
}

// Put counts position i, with its number.
func (t *Tally) Put(i int, x int64) {
	for i++; i < len(t.count); i += i & -i {
		t.count[i]++
		if t.lo != nil {
			var carry uint64
			t.lo[i], carry = bits.Add64(t.lo[i], uint64(x), 0)
			t.hi[i] += x>>63 + int64(carry)
		}
	}
}

// Count is how many positions in [lo, hi) have been put.
func (t *Tally) Count(lo, hi int) int {
	n := int32(0)
	for i := hi; i > 0; i &= i - 1 {
		n += t.count[i]
	}
	for i := lo; i > 0; i &= i - 1 {
		n -= t.count[i]
	}
	return int(n)
}

// Sum is the exact sum of the numbers of the positions in [lo, hi) that have been put.
func (t *Tally) Sum(lo, hi int) (high int64, low uint64) {
	for i := hi; i > 0; i &= i - 1 {
		var carry uint64
		low, carry = bits.Add64(low, t.lo[i], 0)
		high += t.hi[i] + int64(carry)
	}
	for i := lo; i > 0; i &= i - 1 {
		var borrow uint64
		low, borrow = bits.Sub64(low, t.lo[i], 0)
		high -= t.hi[i] + int64(borrow)
	}
	return high, low
}
