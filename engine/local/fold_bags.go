package local

import (
	"cmp"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/local/ranges"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// bag answers folds that are made of which values a window holds, and how often: the values get ranks, and a bag of ranks follows the
// window. Integers are taken back exactly, so no state is merged.
type bag struct {
	ranks []int32 // of each position
	size  int     // how many ranks there are
}

// rankOf numbers the distinct values in their order.
func rankOf[T cmp.Ordered](x []T) (ranks []int32, values []T) {
	numbers := map[T]int32{}
	for _, v := range x {
		numbers[v] = 0
	}
	for v := range numbers {
		values = append(values, v)
	}
	slices.Sort(values)
	for i, v := range values {
		numbers[v] = int32(i)
	}
	ranks = make([]int32, len(x))
	for i, v := range x {
		ranks[i] = numbers[v]
	}
	return ranks, values
}

// rankInts is rankOf for integers: where they lie close together, without hashing.
func rankInts(x []int64) (ranks []int32, values []int64) {
	if len(x) == 0 {
		return nil, nil
	}
	least, great := slices.Min(x), slices.Max(x)
	if uint64(great)-uint64(least) > uint64(4*len(x)) {
		return rankOf(x)
	}
	numbers := make([]int32, great-least+1)
	for _, v := range x {
		numbers[v-least] = 1
	}
	for i, there := range numbers {
		if there == 1 {
			numbers[i] = int32(len(values))
			values = append(values, least+int64(i))
		}
	}
	ranks = make([]int32, len(x))
	for i, v := range x {
		ranks[i] = numbers[v-least]
	}
	return ranks, values
}

// rank makes the bag of a column without nulls, and the values by rank.
func rank(c *value.Column) (bag, *value.Column) {
	out := &value.Column{Type: c.Type}
	var b bag
	switch c.Type.Kind {
	case value.KindBool:
		var ints []int64
		b.ranks, ints = rankInts(numbers(c))
		for _, n := range ints {
			out.Bools = append(out.Bools, n == 1)
		}
		out.N = len(ints)
	case value.KindFloat:
		b.ranks, out.Floats = rankOf(c.Floats)
		out.N = len(out.Floats)
	case value.KindString, value.KindBytes:
		b.ranks, out.Strs = rankOf(c.Strs)
		out.N = len(out.Strs)
	default:
		b.ranks, out.Ints = rankInts(c.Ints)
		out.N = len(out.Ints)
	}
	b.size = out.N
	return b, out
}

// slide moves the bag through the queries, segment by segment, and calls ask when it holds what the query sees.
func (b *bag) slide(a *asked, ask func(q int, in *ranges.Bag)) {
	s := &slider{asked: a, ranks: b.ranks, in: ranges.NewBag(max(1, b.size))}
	if a.known == nil {
		for seg := range len(a.segs) - 1 {
			for q := a.segs[seg]; q < a.segs[seg+1]; q++ {
				s.move(a.lo[q], a.hi[q])
				ask(int(q), s.in)
			}
			s.move(s.hi, s.hi)
		}
		return
	}
	s.known = make([]bool, a.view.n)
	segment := 0
	a.unfold(s.know, func(q int) {
		for int32(q) >= a.segs[segment+1] {
			segment++
			s.move(s.hi, s.hi) // forget the segment before
		}
		s.move(a.lo[q], a.hi[q])
		ask(q, s.in)
	})
}

// slider holds the ranks of the positions in [lo, hi) that are known.
type slider struct {
	*asked
	ranks  []int32
	in     *ranges.Bag
	lo, hi int32
	known  []bool // nil: all are
}

func (s *slider) know(p int32) {
	s.known[p] = true
	if p >= s.lo && p < s.hi && !fault.Planted("local: what is known late is not counted") {
		s.in.Add(s.ranks[p])
	}
}

// move takes the window on to [lo, hi); neither goes back.
func (s *slider) move(lo, hi int32) {
	for p := s.lo; p < min(lo, s.hi); p++ {
		if (s.known == nil || s.known[p]) && !(p == lo-1 && fault.Planted("local: a window keeps the event it left")) {
			s.in.Remove(s.ranks[p])
		}
	}
	for p := max(lo, s.hi); p < hi; p++ {
		if s.known == nil || s.known[p] {
			s.in.Add(s.ranks[p])
		}
	}
	s.lo, s.hi = lo, max(lo, hi)
}

// valueLists answers the k least or greatest inputs, all or distinct ones.
type valueLists struct {
	noStates
	bag
	scratch *scratch
	values  *value.Column
	fold    agg.Fold
}

func newValueLists(m *material) kernel {
	k := &valueLists{fold: m.fold, scratch: m.bucket.scratch}
	k.bag, k.values = rank(m.cells())
	k.values = m.text(k.values)
	return k
}

func (k *valueLists) columns(a *asked) []*value.Column {
	out := value.NewColumn(value.ListOf(k.values.Type), a.len())
	k.slide(a, func(q int, in *ranges.Bag) {
		size := in.Len()
		if k.fold.Distinct {
			size = in.Distinct()
		}
		list := make([]value.Value, 0, min(size, k.fold.K))
		r := in.Next(0)
		if k.fold.Last {
			r = in.Prev(k.size - 1)
		}
		for r >= 0 && len(list) < cap(list) {
			v, n := k.values.At(r), in.Count(r)
			for i := 0; i < n && len(list) < cap(list) && (i == 0 || !k.fold.Distinct); i++ {
				list = append(list, v)
			}
			if k.fold.Last {
				r = in.Prev(r - 1)
			} else {
				r = in.Next(r + 1)
			}
		}
		out.Values[q] = value.OfList(list)
	})
	return []*value.Column{out}
}

// sizes are how long the lists are.
func (k *valueLists) sizes(a *asked) *value.Column {
	out := k.scratch.ints(value.Int, a.len())
	k.slide(a, func(q int, in *ranges.Bag) {
		size := in.Len()
		if k.fold.Distinct {
			size = in.Distinct()
		}
		out.Ints[q] = int64(min(size, k.fold.K))
	})
	return out
}

// noColumns is for folds that only a function of ours finishes.
type noColumns struct{}

func (noColumns) columns(*asked) []*value.Column { return nil }

// textCounts answers how often each string comes.
type textCounts struct {
	noColumns
	bag
	values *value.Column
}

func newTextCounts(m *material) kernel {
	k := &textCounts{}
	k.bag, k.values = rank(m.cells())
	k.values = m.text(k.values)
	return k
}

func (k *textCounts) states(a *asked, f func(q int, s agg.State)) {
	s := &agg.TextCountsState{Counts: map[string]int64{}}
	k.slide(a, func(q int, in *ranges.Bag) {
		clear(s.Counts)
		for r := in.Next(0); r >= 0; r = in.Next(r + 1) {
			s.Counts[k.values.Strs[r]] = int64(in.Count(r))
		}
		f(q, s)
	})
}

// bucketCounts answers how many inputs each bucket of A2 has.
type bucketCounts struct {
	noColumns
	bag
	fold    agg.Fold
	buckets []int64
}

func newBucketCounts(m *material) kernel {
	c := m.cells()
	buckets := make([]int64, c.N)
	for i := range buckets {
		if c.Floats != nil {
			buckets[i] = agg.Bucket(c.Floats[i], m.fold.Bits)
		} else {
			buckets[i] = agg.Bucket(float64(c.Ints[i]), m.fold.Bits)
		}
	}
	k := &bucketCounts{fold: m.fold}
	k.ranks, k.buckets = rankInts(buckets)
	k.size = len(k.buckets)
	return k
}

func (k *bucketCounts) states(a *asked, f func(q int, s agg.State)) {
	s := k.fold.New().(*agg.BucketCountsState)
	s.Counts = map[int64]int64{}
	k.slide(a, func(q int, in *ranges.Bag) {
		clear(s.Counts)
		for r := in.Next(0); r >= 0; r = in.Next(r + 1) {
			s.Counts[k.buckets[r]] = int64(in.Count(r))
		}
		f(q, s)
	})
}

// registers answers the registers of a HyperLogLog: the ranks of the bag are pairs of a register and a rank of A1.
type registers struct {
	noColumns
	bag
	fold  agg.Fold
	pairs []int64 // register<<8 | rank, ascending
}

func newRegisters(m *material) kernel {
	c := m.cells()
	k := &registers{fold: m.fold}
	distinct, values := rank(c) // each value is hashed once
	values = m.text(values)
	pairs := make([]int64, values.N)
	for i := range pairs {
		register, r := agg.Register(values.At(i), m.fold.Bits)
		pairs[i] = int64(register)<<8 | int64(r)
	}
	of, sorted := rankInts(pairs)
	k.pairs, k.size, k.ranks = sorted, len(sorted), distinct.ranks
	for i, r := range k.ranks {
		k.ranks[i] = of[r]
	}
	return k
}

func (k *registers) states(a *asked, f func(q int, s agg.State)) {
	s := k.fold.New().(*agg.RegistersState)
	k.slide(a, func(q int, in *ranges.Bag) {
		s.Reset()
		for r := in.Next(0); r >= 0; r = in.Next(r + 1) {
			s.Raise(uint32(k.pairs[r]>>8), uint8(k.pairs[r]))
		}
		f(q, s)
	})
}
