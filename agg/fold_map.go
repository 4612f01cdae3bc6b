package agg

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// sortedKeys lists a map's keys ascending.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// counts is a map of sums.
type counts[K cmp.Ordered] map[K]int64

func (c *counts[K]) add(key K, n int64) {
	if *c == nil {
		*c = counts[K]{}
	}
	(*c)[key] += n
}

func (c *counts[K]) merge(o counts[K]) {
	for key, n := range o {
		c.add(key, n)
	}
}

func (c counts[K]) append(dst []byte, one func([]byte, K) []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c)))
	for _, key := range sortedKeys(c) {
		dst = binary.AppendUvarint(one(dst, key), uint64(c[key]))
	}
	return dst
}

func (c *counts[K]) decode(r *reader, one func() (K, error)) error {
	size, err := r.length(math.MaxInt)
	if err != nil {
		return err
	}
	var before K
	total := int64(0)
	for i := range size {
		key, err := one()
		if err == nil && i > 0 && key <= before {
			err = fmt.Errorf("keys out of order")
		}
		if err != nil {
			return err
		}
		n, err := r.count(1)
		if total += n; err == nil && total > mostEvents {
			err = fmt.Errorf("%d events", total)
		}
		if err != nil {
			return err
		}
		c.add(key, n)
		before = key
	}
	return nil
}

// TextCountsState counts each string.
type TextCountsState struct{ Counts counts[string] }

// Add counts the input unless it is null.
func (s *TextCountsState) Add(e *Event) {
	if !e.Value.IsNull() {
		s.Counts.add(e.Value.Str(), 1)
	}
}

// Merge adds the other's counts.
func (s *TextCountsState) Merge(other State) { s.Counts.merge(other.(*TextCountsState).Counts) }

// Clone copies the state.
func (s *TextCountsState) Clone() State { return &TextCountsState{Counts: maps.Clone(s.Counts)} }

// Reset forgets all events.
func (s *TextCountsState) Reset() { clear(s.Counts) }

// Cells is nothing: the finish is a function of ours.
func (s *TextCountsState) Cells(dst []value.Value) []value.Value { return dst }

func (s *TextCountsState) append(dst []byte) []byte { return s.Counts.append(dst, appendText) }

func (s *TextCountsState) decode(r *reader) error { return s.Counts.decode(r, r.text) }

// BucketCountsState counts the inputs in each bucket of A2. Buckets are numbered so that their numbers ascend as their values do.
type BucketCountsState struct {
	Counts counts[int64]
	bits   int
}

// Add counts the input unless it is null; ints become floats.
func (s *BucketCountsState) Add(e *Event) {
	if !e.Value.IsNull() {
		s.AddFloat(e.Value.Number())
	}
}

// AddFloat counts one number.
func (s *BucketCountsState) AddFloat(x float64) { s.Counts.add(Bucket(x, s.bits), 1) }

// Merge adds the other's counts.
func (s *BucketCountsState) Merge(other State) { s.Counts.merge(other.(*BucketCountsState).Counts) }

// Clone copies the state.
func (s *BucketCountsState) Clone() State {
	return &BucketCountsState{Counts: maps.Clone(s.Counts), bits: s.bits}
}

// Reset forgets all events.
func (s *BucketCountsState) Reset() { clear(s.Counts) }

// Cells is nothing: the finish is a function of ours.
func (s *BucketCountsState) Cells(dst []value.Value) []value.Value { return dst }

func (s *BucketCountsState) append(dst []byte) []byte {
	return s.Counts.append(dst, binary.AppendVarint)
}

func (s *BucketCountsState) decode(r *reader) error {
	return s.Counts.decode(r, func() (int64, error) {
		b, err := r.varint()
		if err == nil && Bucket(BucketMidpoint(b, s.bits), s.bits) != b {
			err = fmt.Errorf("no bucket %d", b)
		}
		return b, err
	})
}

// mantissaBits is the m of A2: the least with 2^−m ≤ 2·accuracy, at most the 52 that a float has.
func mantissaBits(accuracy float64) int {
	m := 0
	for m < 52 && math.Ldexp(1, -m) > 2*accuracy {
		m++
	}
	return m
}

// Bucket is the number of the bucket that holds x: its exponent and top m mantissa bits as one number, with the sign of x; 0 for zero
// and subnormal numbers (A2).
func Bucket(x float64, m int) int64 {
	bits := math.Float64bits(x) &^ (1 << 63)
	if bits>>52 == 0 {
		return 0
	}
	b := int64(bits >> (52 - m))
	if x < 0 {
		return -b
	}
	return b
}

// BucketMidpoint is the number halfway between a bucket's edges; a bucket of one number (m = 52) is that number.
func BucketMidpoint(b int64, m int) float64 {
	if b == 0 {
		return 0
	}
	bits := uint64(max(b, -b)) << (52 - m)
	if m < 52 {
		bits |= 1 << (51 - m)
	}
	return math.Copysign(math.Float64frombits(bits), float64(b))
}
