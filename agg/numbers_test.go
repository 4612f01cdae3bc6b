package agg_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

// E2: time, then each part of the tie, then the aggregated value, null first.
func TestOrderOfEvents(t *testing.T) {
	event := func(ts int64, v value.Value, tie ...value.Value) agg.Event {
		return agg.Event{TS: ts, Tie: tie, Value: v}
	}
	i, s, null := value.OfInt, value.OfString, value.Value{}
	ascending := []agg.Event{
		event(-1, i(9), i(9), s("z")),
		event(0, i(9), null, s("z")),
		event(0, i(9), i(-1), s("z")),
		event(0, i(9), i(0), null),
		event(0, i(9), i(0), s("a")),
		event(0, null, i(0), s("b")),
		event(0, i(-5), i(0), s("b")),
		event(0, i(5), i(0), s("b")),
		event(1, null, null, null),
	}
	for x := range ascending {
		for y := range ascending {
			got := agg.CompareEvents(&ascending[x], &ascending[y])
			if (got < 0) != (x < y) || (got > 0) != (x > y) {
				t.Errorf("events %d and %d compare %d", x, y, got)
			}
		}
	}
}

// The 128-bit sum is the sum of big integers, also as the nearest float.
func TestIntSumIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, want := &agg.IntSumState{}, new(big.Int)
		for range rapid.IntRange(0, 20).Draw(t, "numbers") {
			n := valuetest.Present(t, value.Int).Int()
			s.AddInt(n)
			want.Add(want, big.NewInt(n))
		}
		checkSum(t, s, want)
	})
	// Halfway between two floats, and a little beside it: where a second rounding would show.
	for _, shift := range []uint{11, 12, 40, 62} {
		for _, beside := range []int64{-1, 0, 1} {
			for _, odd := range []int64{0, 1} {
				want := big.NewInt(1<<53 + odd*2 + 1) // between 2^53 + 2·odd and the next float
				want.Lsh(want, shift).Add(want, big.NewInt(beside))
				hi := new(big.Int).Rsh(want, 64)
				lo := new(big.Int).And(want, new(big.Int).SetUint64(math.MaxUint64))
				checkSum(t, &agg.IntSumState{Hi: hi.Int64(), Lo: lo.Uint64()}, want)
			}
		}
	}
}

type failer interface {
	Fatalf(format string, args ...any)
}

func checkSum(t failer, s *agg.IntSumState, want *big.Int) {
	n, ok := s.Int64()
	if ok != want.IsInt64() || ok && n != want.Int64() {
		t.Fatalf("%s is %d, %v", want, n, ok)
	}
	if nearest, _ := want.Float64(); s.Float64() != nearest {
		t.Fatalf("%s is nearest to %v, not %v", want, nearest, s.Float64())
	}
	code := agg.AppendState(nil, s)
	back, _, err := agg.Fold{Kind: agg.KindIntSum, In: value.Int}.DecodeState(code)
	if err != nil || *back.(*agg.IntSumState) != *s {
		t.Fatalf("%s is % x, which reads as %+v, %v", want, code, back, err)
	}
}

// A2: buckets ascend as values do, hold values within the accuracy of their midpoint, and are cut at exact floats.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(0, 52).Draw(t, "m")
		a, b := valuetest.Present(t, value.Float).Float(), valuetest.Present(t, value.Float).Float()
		if a > b {
			a, b = b, a
		}
		if agg.Bucket(a, m) > agg.Bucket(b, m) {
			t.Fatalf("m=%d: %v is in bucket %d, %v in %d", m, a, agg.Bucket(a, m), b, agg.Bucket(b, m))
		}
		if agg.Bucket(-a, m) != -agg.Bucket(a, m) {
			t.Fatalf("m=%d: %v and its negative are in %d and %d", m, a, agg.Bucket(a, m), agg.Bucket(-a, m))
		}
		mid := agg.BucketMidpoint(agg.Bucket(b, m), m)
		if bound := math.Ldexp(math.Abs(b), -m-1); math.Abs(b) >= 0x1p-1022 && !(math.Abs(mid-b) <= bound) {
			t.Fatalf("m=%d: %v is reported as %v", m, b, mid)
		}
	})
	for _, c := range []struct {
		x      float64
		bucket int64
		mid    float64
	}{
		{0, 0, 0}, {math.SmallestNonzeroFloat64, 0, 0}, {0x1p-1022 - 0x1p-1074, 0, 0}, {-1e-310, 0, 0}, // zero and subnormals share one
		{0x1p-1022, 1 << 6, 0x1.02p-1022},
		{1, 1023 << 6, 1 + 1./128}, {math.Nextafter(1, 0), 1023<<6 - 1, 1 - 1./256}, // cut exactly at the power of two
		{1 + 1./64, 1023<<6 + 1, 1 + 3./128}, {math.Nextafter(1+1./64, 0), 1023 << 6, 1 + 1./128},
		{-1, -1023 << 6, -1 - 1./128},
		{math.MaxFloat64, 2047<<6 - 1, 0x1.fep1023},
	} {
		if b := agg.Bucket(c.x, 6); b != c.bucket || agg.BucketMidpoint(b, 6) != c.mid {
			t.Errorf("%v is in bucket %d (%v), want %d (%v)", c.x, b, agg.BucketMidpoint(b, 6), c.bucket, c.mid)
		}
	}
	if b := agg.Bucket(0.1, 52); agg.BucketMidpoint(b, 52) != 0.1 {
		t.Error("with all bits of the mantissa a bucket is one number")
	}
}

// The reported quantile is within accuracy of the element of its rank, and m is the least that A2 allows.
func TestQuantileIsWithinAccuracy(t *testing.T) {
	a := lookup(t, "approx_quantile")
	for accuracy, m := range map[float64]int{0.01: 6, 0.5: 0, 0.99: 0, 0.25: 1, 0.2499: 2, 1. / 128: 6, 1e-300: 52, 0x1p-53: 52, 0x1p-52: 51} {
		_, p, err := a.Check(value.Float, true, agg.Args{Q: new(0.5), Accuracy: new(accuracy)})
		if err != nil || a.Folds(value.Float, p)[0].Bits != m {
			t.Errorf("accuracy %g keeps %d bits, want %d (%v)", accuracy, a.Folds(value.Float, p)[0].Bits, m, err)
		}
	}
	var events []agg.Event
	for i := range 1001 {
		events = append(events, agg.Event{TS: int64(i), Value: value.OfFloat(float64(i*i) - 1000)}) // ascending
	}
	for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.9, 0.999, 1} {
		for _, accuracy := range []float64{0.2, 0.01, 1e-6} {
			_, p, _ := a.Check(value.Float, true, agg.Args{Q: &q, Accuracy: &accuracy})
			want := events[int(q*1000)].Value.Float()
			if got := a.Plain(value.Float, p, events, 0).Float(); math.Abs(got-want) > accuracy*math.Abs(want) {
				t.Errorf("q=%g to %g is %g, the element is %g", q, accuracy, got, want)
			}
		}
	}
}

// A1: registers and ranks of known values, worked out by another program (Python's hashlib) from the words of the contract.
func TestRegistersOfKnownValues(t *testing.T) {
	for _, c := range []struct {
		v    value.Value
		want [3][2]int // register and rank for lg_k 8, 12, 16
	}{
		{value.OfInt(0), [3][2]int{{207, 1}, {3324, 1}, {53197, 3}}},
		{value.OfInt(-1), [3][2]int{{107, 1}, {1723, 2}, {27574, 4}}},
		{value.OfInt(math.MaxInt64), [3][2]int{{21, 2}, {343, 2}, {5494, 2}}},
		{value.OfBool(true), [3][2]int{{179, 3}, {2866, 2}, {45862, 1}}},
		{value.OfBool(false), [3][2]int{{104, 1}, {1673, 3}, {26771, 2}}},
		{value.OfString(""), [3][2]int{{212, 4}, {3393, 1}, {54301, 1}}},
		{value.OfString("é"), [3][2]int{{102, 1}, {1645, 1}, {26333, 1}}},
		{value.OfString("LGA"), [3][2]int{{126, 1}, {2028, 8}, {32448, 4}}},
		{value.OfTimestamp(-1), [3][2]int{{107, 1}, {1723, 2}, {27574, 4}}},
		{value.OfDate(19723), [3][2]int{{218, 1}, {3500, 1}, {56011, 5}}},
	} {
		for i, lgK := range []int{8, 12, 16} {
			s := agg.Fold{Kind: agg.KindRegisters, Bits: lgK}.New()
			s.Add(&agg.Event{Value: c.v})
			// The encoding of one register: version, sparse, one entry, register, rank.
			want := append([]byte{1, 0, 1}, uvarint(c.want[i][0])...)
			want = append(want, byte(c.want[i][1]))
			if got := agg.AppendState(nil, s); string(got) != string(want) {
				t.Errorf("lg_k=%d: %s is % x, want % x", lgK, c.v, got, want)
			}
		}
	}
}

func uvarint(n int) []byte {
	if n < 0x80 {
		return []byte{byte(n)}
	}
	return append([]byte{byte(n) | 0x80}, uvarint(n>>7)...)
}

// The same program's estimates of 0, 1, … n−1 as ints; they cover both formulas of A1 and both forms of the state.
func TestEstimatesOfKnownSets(t *testing.T) {
	a := lookup(t, "approx_count_distinct")
	for _, c := range []struct {
		n    int
		want [3]int64
	}{{1, [3]int64{1, 1, 1}}, {10, [3]int64{10, 10, 10}}, {300, [3]int64{285, 298, 300}}, {1000, [3]int64{999, 1011, 996}}, {20000, [3]int64{21930, 20271, 20082}}} {
		events := make([]agg.Event, c.n)
		for i := range events {
			events[i] = agg.Event{TS: int64(i), Value: value.OfInt(int64(i))}
		}
		for i, lgK := range []int{8, 12, 16} {
			_, p, err := a.Check(value.Int, true, agg.Args{LgK: &lgK})
			if err != nil {
				t.Fatal(err)
			}
			one := call{a: a, in: value.Int, p: p, events: events}
			if plain, folded := one.plain(), one.finish(one.states(events)); plain.Int() != c.want[i] || folded.Int() != c.want[i] {
				t.Errorf("lg_k=%d: %d are %s by the definition, %s by the fold, want %d", lgK, c.n, plain, folded, c.want[i])
			}
		}
	}
}

// Folds that differ in anything have different IDs: states of different IDs never merge.
func TestFoldIDsTellFoldsApart(t *testing.T) {
	seen := map[string]string{}
	for _, a := range agg.All() {
		for _, in := range inputsOf(a) {
			for _, args := range variations(a) {
				_, p, err := a.Check(in, in.Kind != value.KindNull, args)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range a.Folds(in, p) {
					plain := fmt.Sprintf("%d %s %v %v %v %d %d %d %v %d", f.Kind, f.In, f.Rows, f.Last, f.Distinct, f.K, f.Order, f.Bits, f.By, f.ByMax)
					if before, ok := seen[f.ID()]; ok && before != plain {
						t.Errorf("%q is both {%s} and {%s}", f.ID(), before, plain)
					}
					seen[f.ID()] = plain
				}
			}
		}
	}
	for _, id := range []string{"count/1 rows", "count/1", "intsum/1 int", "floatsum/1 float", "moments/1 float order=4", "extreme/1 string last",
		"timebound/1 rows last", "edge/1 list<int> rows", "eventlist/1 int last k=2", "valuelist/1 date distinct k=1000", "textcounts/1 string",
		"bucketcounts/1 int bits=0", "registers/1 bool bits=12", "count/1 rows by/1 max=3"} {
		if _, ok := seen[id]; !ok {
			t.Errorf("no fold has the ID %q: a changed ID orphans every stored tile", id)
		}
	}
}

// variations are argument lists that change what folds an aggregation has.
func variations(a *agg.Aggregation) []agg.Args {
	var args agg.Args
	more := []agg.Args{{}}
	for _, p := range a.Params {
		switch p.Name {
		case "k":
			args.K, more = new(1), append(more, agg.Args{K: new(2)})
		case "q":
			args.Q, more = new(0.5), append(more, agg.Args{Q: new(0.9)}, agg.Args{Q: new(0.9), Accuracy: new(0.9)})
		case "max":
			more = append(more, agg.Args{Max: new(3)})
		case "lg_k":
			more = append(more, agg.Args{LgK: new(8)}, agg.Args{LgK: new(16)})
		case "sample":
			more = append(more, agg.Args{Sample: true})
		}
	}
	more[0] = args
	if !a.Entity {
		for _, m := range more[:len(more):len(more)] {
			m.By = &value.String
			more = append(more, m)
			m.ByMax = new(3)
			more = append(more, m)
		}
	}
	return more
}

func TestDefault(t *testing.T) {
	d := value.OfInt(7)
	null := value.OfMap([]value.Entry{{Key: "a"}})
	for _, v := range []value.Value{value.OfInt(0), value.OfList(nil), value.OfMap(nil), null} {
		if !value.Equal(agg.Default(v, d), v) {
			t.Errorf("A4: %s was replaced", v)
		}
	}
	if !value.Equal(agg.Default(value.Value{}, d), d) {
		t.Error("A4: null was not replaced")
	}
}
