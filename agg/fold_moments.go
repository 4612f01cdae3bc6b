package agg

import (
	"encoding/binary"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// MomentsState is the number of inputs, their mean and the sums of the second, third and fourth power of their distances from it, up to
// the fold's order. One input at a time by Welford (1962), two states by Chan, Golub and LeVeque (1979), higher powers by
// Pébay (Sandia report SAND2008-6212, 2008). Equal inputs have distance 0 from the first on, so their sums are exactly 0.
type MomentsState struct {
	N          int64
	Mean       float64
	M2, M3, M4 float64
	order      int
}

// Add takes in the input unless it is null; ints become floats.
func (s *MomentsState) Add(e *Event) {
	if !e.Value.IsNull() {
		s.AddFloat(e.Value.Number())
	}
}

// AddFloat takes in one number.
func (s *MomentsState) AddFloat(x float64) {
	s.N++
	if s.N == 1 {
		s.Mean = x // not by the formula below, whose 0 · x² is NaN where x² overflows
		return
	}
	n := float64(s.N)
	delta := x - s.Mean
	step := delta / n
	square := delta * (step * (n - 1))
	s.Mean += step
	if s.order > 3 {
		s.M4 += square*step*step*(n*n-3*n+3) + 6*step*step*s.M2 - 4*step*s.M3
	}
	if s.order > 2 {
		s.M3 += square*step*(n-2) - 3*step*s.M2
	}
	s.M2 += square
}

// Merge takes in the other's inputs.
func (s *MomentsState) Merge(other State) {
	o := other.(*MomentsState)
	if o.N == 0 {
		return
	}
	if s.N == 0 {
		*s = *o
		return
	}
	a, b := s, o
	if a.N < b.N { // from the heavier side, whose mean moves least
		a, b = b, a
	}
	na, nb := float64(a.N), float64(b.N)
	n := na + nb
	delta := b.Mean - a.Mean
	step := delta / n
	square := delta * (step * na * nb)
	if fault.Planted("agg: merged moments forget how far their means are apart") {
		square = 0
	}
	sum := MomentsState{N: a.N + b.N, Mean: a.Mean + step*nb, M2: a.M2 + b.M2 + square, order: s.order}
	if s.order > 2 {
		sum.M3 = a.M3 + b.M3 + square*step*(na-nb) + 3*step*(na*b.M2-nb*a.M2)
		if fault.Planted("agg: merged third moments lean the other way") {
			sum.M3 = a.M3 + b.M3 - square*step*(na-nb) - 3*step*(na*b.M2-nb*a.M2)
		}
	}
	if s.order > 3 {
		sum.M4 = a.M4 + b.M4 + square*step*step*(na*na-na*nb+nb*nb) +
			6*step*step*(na*na*b.M2+nb*nb*a.M2) + 4*step*(na*b.M3-nb*a.M3)
	}
	*s = sum
}

// Clone copies the state.
func (s *MomentsState) Clone() State { c := *s; return &c }

// Reset forgets all events.
func (s *MomentsState) Reset() { *s = MomentsState{order: s.order} }

// sums lists mean, m2, m3, m4 up to the order.
func (s *MomentsState) sums() []*float64 { return []*float64{&s.Mean, &s.M2, &s.M3, &s.M4}[:s.order] }

// Cells is n, then mean, m2 … up to the order; null where one overflowed.
func (s *MomentsState) Cells(dst []value.Value) []value.Value {
	dst = append(dst, value.OfInt(s.N))
	for _, x := range s.sums() {
		dst = append(dst, value.OfFloat(*x))
	}
	return dst
}

func (s *MomentsState) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.N))
	if s.N == 0 {
		return dst
	}
	for _, x := range s.sums() {
		dst = appendFloat(dst, *x)
	}
	return dst
}

func (s *MomentsState) decode(r *reader) (err error) {
	if s.N, err = r.count(0); err != nil || s.N == 0 {
		return err
	}
	for _, x := range s.sums() {
		if *x, err = r.float(); err != nil {
			return err
		}
	}
	return nil
}
