package agg

import (
	"math"
	"math/big"

	"github.com/bighead-ml/bighead/value"
)

var skewness = &Aggregation{
	Name:    "skewness",
	Doc:     "How far the inputs lean to one side: the mean cubed distance from the mean, over the cube of the standard deviation (biased). Null when all inputs are equal.",
	Input:   InputRule{Kinds: numeric},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"1", "2", "3"}, Want: "0.0"},
		{Input: value.Int, Cells: []string{"0", "0", "0", "0", "5"}, Want: "1.5", Remark: "a long tail to the right"},
		{Input: value.Float, Cells: []string{"0.1", "0.1"}, Want: "null"},
	},
	output: func(value.Type, Params) value.Type { return value.Float },
	plain: func(_ value.Type, _ Params, events []Event, _ int64) value.Value {
		xs := numbersOf(events)
		if allEqual(xs) {
			return value.Value{}
		}
		square := exactMoment(xs, 2)
		cube := new(big.Float).Mul(square, new(big.Float).Sqrt(square))
		return round(cube.Quo(exactMoment(xs, 3), cube))
	},
	folds: func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindMoments, In: in, Order: 3}} },
	finish: func(_ value.Type, _ Params, s []State, _ int64) value.Value {
		m := s[0].(*MomentsState)
		square := m.M2 / float64(m.N)
		if !(m.M2 > 0) || math.IsInf(m.M2, 0) {
			return value.Value{}
		}
		return value.OfFloat(m.M3 / float64(m.N) / square / math.Sqrt(square)) // no cube, which may over- or underflow
	},
	text: func(value.Type, Params) string { return "case when m2 > 0 then m3 / n / (m2 / n) / sqrt(m2 / n) end" },
	rule: func(value.Type) Rule { return SkewnessRule },
}

// allEqual is true of no numbers too.
func allEqual(xs []float64) bool {
	for _, x := range xs {
		if x != xs[0] {
			return false
		}
	}
	return true
}
