package ranges

import (
	"cmp"

	"github.com/bighead-ml/bighead/value/fault"
)

// Extremes answers the least or the greatest value in a range, by the blocks of Floats.
type Extremes[T cmp.Ordered] struct {
	last   bool
	levels []extremeLevel[T]
}

type extremeLevel[T cmp.Ordered] struct{ raw, head, tail []T }

// NewExtremes builds the structure over x, which it keeps and which must not change: for the greatest value with last, else the least.
// Floats must not be NaN. Memory comes
// from alloc, as in NewFloats.
func NewExtremes[T cmp.Ordered](x []T, last bool, alloc func(n int) []T) *Extremes[T] {
	s := &Extremes[T]{last: last}
	for {
		l := extremeLevel[T]{raw: x}
		if len(x) <= blockSize {
			s.levels = append(s.levels, l)
			return s
		}
		l.head, l.tail = alloc(len(x)), alloc(len(x))
		best := alloc((len(x) + blockSize - 1) / blockSize)
		for b := range best {
			from, to := b<<blockBits, min((b+1)<<blockBits, len(x))
			best[b] = extremeBlock(x[from:to], l.head[from:to], l.tail[from:to], last)
		}
		s.levels = append(s.levels, l)
		x = best
	}
}

func extremeBlock[T cmp.Ordered](x, head, tail []T, last bool) T {
	m := x[0]
	for i, v := range x {
		if (v > m) == last { // an equal value in its place changes nothing
			m = v
		}
		head[i] = m
	}
	back := x[len(x)-1]
	for i := len(x) - 1; i >= 0; i-- {
		if v := x[i]; (v > back) == last {
			back = v
		}
		tail[i] = back
	}
	return m
}

// Of is the extreme over [lo, hi), which must not be empty.
func (s *Extremes[T]) Of(lo, hi int) T {
	m := s.levels[0].raw[lo]
	for i := 0; lo < hi; i++ {
		l := &s.levels[i]
		if lo>>blockBits == (hi-1)>>blockBits {
			for _, v := range l.raw[lo:hi] {
				if (v > m) == s.last {
					m = v
				}
			}
			break
		}
		if v := l.tail[lo]; (v > m) == s.last {
			m = v
		}
		if v := l.head[hi-1]; (v > m) == s.last && !fault.Planted("local: an extreme misses its last block") {
			m = v
		}
		lo, hi = lo>>blockBits+1, (hi-1)>>blockBits
	}
	return m
}
