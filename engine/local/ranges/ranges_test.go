package ranges

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// sizes lie around the ends of blocks of one and two levels.
var sizes = []int{1, 2, 31, 32, 33, 63, 64, 65, 100, 1023, 1024, 1025, 1057, 2500}

func eachRange(check func(r *rand.Rand, n int) func(lo, hi int)) {
	for _, n := range sizes {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		ask := check(r, n)
		for range 400 {
			lo := r.IntN(n + 1)
			ask(lo, lo+r.IntN(n+1-lo))
		}
		for lo := 0; lo < n; lo += max(1, n/70) {
			ask(lo, min(n, lo+blockSize))
			ask(0, lo)
			ask(lo, n)
		}
	}
}

// dirty allocates slices that hold something already.
func dirty[T any](x T) func(n int) []T {
	return func(n int) []T { return slices.Repeat([]T{x}, n) }
}

func TestFloatsAddUp(t *testing.T) {
	eachRange(func(r *rand.Rand, n int) func(lo, hi int) {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(r.IntN(1 << 20)) // whole numbers: every order adds up to the same
		}
		s := NewFloats(x, dirty(7.5))
		return func(lo, hi int) {
			want := 0.0
			for _, v := range x[lo:hi] {
				want += v
			}
			if got := s.Sum(lo, hi); got != want {
				t.Fatalf("n=%d: sum of [%d, %d) is %v, want %v", n, lo, hi, got, want)
			}
		}
	})
}

func TestFloatsNeverSubtract(t *testing.T) {
	x := make([]float64, 200)
	for i := range x {
		x[i] = 1
	}
	x[0] = 1e300
	if got := NewFloats(x, dirty(7.5)).Sum(1, 200); got != 199 {
		t.Fatalf("a large neighbour outside the range changes its sum: %v", got)
	}
}

func TestIntsAreExact(t *testing.T) {
	for _, wide := range []bool{false, true} {
		eachRange(func(r *rand.Rand, n int) func(lo, hi int) {
			x := make([]int64, n)
			for i := range x {
				x[i] = r.Int64N(2000) - 1000
				if wide {
					x[i] = int64(r.Uint64())
				}
			}
			s := NewInts(x, dirty(int64(3)))
			if narrow := s.Narrow() != nil; wide == narrow && n > 3 {
				t.Fatalf("wide %v has narrow sums: %v", wide, narrow)
			}
			tally := NewTally(n, true)
			put := make([]bool, n)
			for range n / 2 {
				if i := r.IntN(n); !put[i] {
					put[i] = true
					tally.Put(i, x[i])
				}
			}
			return func(lo, hi int) {
				high, low := s.Sum(lo, hi)
				checkSum(t, x[lo:hi], func(int) bool { return true }, high, low)
				high, low = tally.Sum(lo, hi)
				n := checkSum(t, x[lo:hi], func(i int) bool { return put[lo+i] }, high, low)
				if got := tally.Count(lo, hi); got != n {
					t.Fatalf("count of [%d, %d) is %d, want %d", lo, hi, got, n)
				}
			}
		})
	}
}

func checkSum(t *testing.T, x []int64, in func(i int) bool, high int64, low uint64) (n int) {
	t.Helper()
	want := new(big.Int)
	for i, v := range x {
		if in(i) {
			want.Add(want, big.NewInt(v))
			n++
		}
	}
	got := new(big.Int).Lsh(big.NewInt(high), 64)
	got.Add(got, new(big.Int).SetUint64(low))
	if got.Cmp(want) != 0 {
		t.Fatalf("sum is %v, want %v", got, want)
	}
	return n
}

func TestExtremes(t *testing.T) {
	for _, last := range []bool{false, true} {
		eachRange(func(r *rand.Rand, n int) func(lo, hi int) {
			x := make([]int64, n)
			for i := range x {
				x[i] = r.Int64N(50) - 25
			}
			s := NewExtremes(x, last, dirty(int64(99)))
			return func(lo, hi int) {
				if lo == hi {
					return
				}
				want := slices.Min(x[lo:hi])
				if last {
					want = slices.Max(x[lo:hi])
				}
				if got := s.Of(lo, hi); got != want {
					t.Fatalf("n=%d last=%v: extreme of [%d, %d) is %d, want %d", n, last, lo, hi, got, want)
				}
			}
		})
	}
}

func TestTreeOfWhatIsThere(t *testing.T) {
	for _, all := range []bool{false, true} {
		eachRange(func(r *rand.Rand, n int) func(lo, hi int) {
			tree := NewTree(n, func(into, from *[]int) { *into = append(slices.Clone(*into), *from...) })
			there := make([]bool, n)
			if all {
				tree.Fill(func(i int) []int { there[i] = true; return []int{i} })
			}
			for range n / 3 {
				if i := r.IntN(n); !there[i] {
					there[i] = true
					tree.Put(i, []int{i})
				}
			}
			return func(lo, hi int) {
				var want []int
				for i := lo; i < hi; i++ {
					if there[i] {
						want = append(want, i)
					}
				}
				got, found := tree.Of(lo, hi)
				slices.Sort(got)
				if !slices.Equal(got, want) || found != (len(want) > 0) {
					t.Fatalf("n=%d: [%d, %d) holds %v, want %v", n, lo, hi, got, want)
				}
			}
		})
	}
}

func TestBagFollowsAWindow(t *testing.T) {
	for _, n := range []int{1, 5, 64, 65, 5000} {
		r := rand.New(rand.NewPCG(2, uint64(n)))
		bag, want := NewBag(n), map[int]int{}
		var in []int
		for range 3000 {
			if len(in) > 0 && r.IntN(2) == 0 {
				i := r.IntN(len(in))
				bag.Remove(int32(in[i]))
				if want[in[i]]--; want[in[i]] == 0 {
					delete(want, in[i])
				}
				in = slices.Delete(in, i, i+1)
			} else {
				x := r.IntN(n)
				bag.Add(int32(x))
				want[x]++
				in = append(in, x)
			}
			checkBag(t, bag, want, r.IntN(n), n)
			if bag.Len() != len(in) || bag.Distinct() != len(want) {
				t.Fatalf("the bag has %d, %d distinct; want %d, %d", bag.Len(), bag.Distinct(), len(in), len(want))
			}
		}
	}
}

func checkBag(t *testing.T, bag *Bag, want map[int]int, from, n int) {
	t.Helper()
	next, prev := -1, -1
	for x := from; x < n && next < 0; x++ {
		if want[x] > 0 {
			next = x
		}
	}
	for x := from; x >= 0 && prev < 0; x-- {
		if want[x] > 0 {
			prev = x
		}
	}
	if bag.Next(from) != next || bag.Prev(from) != prev || bag.Count(from) != want[from] {
		t.Fatalf("around %d: next %d prev %d count %d, want %d %d %d", from, bag.Next(from), bag.Prev(from), bag.Count(from), next, prev, want[from])
	}
}
