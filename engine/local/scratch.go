package local

import "github.com/bighead-ml/bighead/value"

// scratch is memory for the work on one bucket, by one goroutine: it is handed out in pieces and taken back at once, so that the
// thousands of buckets of a run need no more than the largest, and nothing is cleared that will be written anyway.
type scratch struct {
	i32 slab[int32]
	i64 slab[int64]
	f64 slab[float64]
}

func (s *scratch) reset() {
	s.i32.reset()
	s.i64.reset()
	s.f64.reset()
}

// ints is a column of n integers, and floats one of n floats, that hold anything.
func (s *scratch) ints(t value.Type, n int) *value.Column {
	return &value.Column{Type: t, N: n, Ints: s.i64.make(n)}
}

func (s *scratch) floats(n int) *value.Column {
	return &value.Column{Type: value.Float, N: n, Floats: s.f64.make(n)}
}

// column is a column of n cells, none null; numbers hold anything.
func (s *scratch) column(t value.Type, n int) *value.Column {
	switch t.Kind {
	case value.KindInt, value.KindTimestamp, value.KindDate:
		return s.ints(t, n)
	case value.KindFloat:
		return s.floats(n)
	}
	return value.NewColumn(t, n)
}

// gather is the cells at the rows, as columns.go's, but that numbers are in scratch.
func (s *scratch) gather(c *value.Column, rows []int32) *value.Column {
	if c.Ints == nil && c.Floats == nil {
		return gather(c, rows)
	}
	out := &value.Column{Type: c.Type, N: len(rows)}
	if c.Ints != nil {
		out.Ints = s.i64.make(len(rows))
		for i, r := range rows {
			out.Ints[i] = c.Ints[r]
		}
	} else {
		out.Floats = s.f64.make(len(rows))
		for i, r := range rows {
			out.Floats[i] = c.Floats[r]
		}
	}
	if c.Nulls != nil {
		out.Nulls = gatherBits(c.Nulls, rows)
	}
	return out
}

// slab hands out pieces of a few blocks.
type slab[T any] struct {
	blocks [][]T
	next   int // block
	free   []T // what is left of the block before it
}

const (
	blockLen = 1 << 16
	// keepLen is how many elements a slab keeps from bucket to bucket: one that had a frequent key gives its memory back.
	keepLen = 1 << 22
)

// make is a slice of n elements that hold anything, good until reset.
func (s *slab[T]) make(n int) []T {
	for n > len(s.free) {
		if s.next == len(s.blocks) {
			s.blocks = append(s.blocks, make([]T, max(n, blockLen)))
		}
		s.free = s.blocks[s.next]
		s.next++
	}
	out := s.free[:n:n]
	s.free = s.free[n:]
	return out
}

func (s *slab[T]) reset() {
	total := 0
	for _, b := range s.blocks {
		total += len(b)
	}
	if total > keepLen {
		s.blocks = nil
	}
	s.next, s.free = 0, nil
}
