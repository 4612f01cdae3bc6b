package agg

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

var approxQuantile = &Aggregation{
	Name: "approx_quantile",
	Doc: "The `q`-quantile, the element of rank ⌊q·(n−1)⌋ among n, to a relative `accuracy`: a DDSketch (Masson, Rim and Lee, 2019) whose buckets " +
		"are cut at exact floats, a power of two into 2^m equal parts, so that every engine finds the same bucket. The value is the bucket's midpoint.",
	Input: InputRule{Kinds: numeric},
	Params: []Param{
		{Name: "q", Doc: "the quantile, from 0 (the least) to 1 (the greatest)"},
		{Name: "accuracy", Default: "0.01", Doc: "the relative error, between 0 and 1"},
	},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.Float, Cells: []string{"1.0", "2.0", "100.0"}, Args: Args{Q: new(0.5)}, Want: "2.015625", Remark: "2 within 1 %"},
		{Input: value.Int, Cells: []string{"0", "0", "7"}, Args: Args{Q: new(0.5)}, Want: "0.0"},
		{Input: value.Int, Cells: []string{"null"}, Args: Args{Q: new(0.5)}, Want: "null"},
	},
	output: func(value.Type, Params) value.Type { return value.Float },
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		xs := numbersOf(events)
		if len(xs) == 0 {
			return value.Value{}
		}
		slices.Sort(xs)
		m := mantissaBits(p.Accuracy)
		return value.OfFloat(BucketMidpoint(Bucket(xs[rankOf(p.Q, int64(len(xs)))], m), m))
	},
	folds: func(in value.Type, p Params) []Fold {
		return []Fold{{Kind: KindBucketCounts, In: in, Bits: mantissaBits(p.Accuracy)}}
	},
	finish: func(_ value.Type, p Params, s []State, _ int64) value.Value {
		state := s[0].(*BucketCountsState)
		n := int64(0)
		for _, c := range state.Counts {
			n += c
		}
		if n == 0 {
			return value.Value{}
		}
		rank := rankOf(p.Q, n)
		for _, b := range sortedKeys(state.Counts) {
			if rank -= state.Counts[b]; rank < 0 || rank == 0 && fault.Planted("agg: a quantile is one element early") {
				return value.OfFloat(BucketMidpoint(b, state.bits))
			}
		}
		panic("agg: a rank beyond the last bucket")
	},
	spark: sparkQuantile,
}

// rankOf is ⌊q·(n−1)⌋, counted from 0, with one float multiplication (A2).
func rankOf(q float64, n int64) int64 { return int64(math.Floor(q * float64(n-1))) }

// sparkQuantile goes along the buckets until the rank lies in one.
func sparkQuantile(_ value.Type, p Params) string {
	rank := fmt.Sprintf("cast(floor(%sd * (aggregate($list, 0L, (s, e) -> s + e.n) - 1L)) as bigint)", strconv.FormatFloat(p.Q, 'e', -1, 64))
	return "aggregate($list, struct(" + rank + " as rank, cast(null as double) as x), (s, e) -> if(s.rank < 0L, s, struct(s.rank - e.n as rank, e.v as x)), s -> s.x)"
}
