package agg

import (
	"math"
	"math/big"

	"github.com/bighead-ml/bighead/value"
)

var kurtosis = &Aggregation{
	Name:    "kurtosis",
	Doc:     "How heavy the tails are: the mean fourth power of the distance from the mean, over the squared variance, less the 3 of a normal distribution (excess, biased). Null when all inputs are equal.",
	Input:   InputRule{Kinds: numeric},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"1", "3"}, Want: "-2.0", Remark: "no tails at all"},
		{Input: value.Int, Cells: []string{"0", "0", "0", "0", "5"}, Want: "0.25"},
		{Input: value.Int, Cells: []string{"4"}, Want: "null"},
	},
	output: func(value.Type, Params) value.Type { return value.Float },
	plain: func(_ value.Type, _ Params, events []Event, _ int64) value.Value {
		xs := numbersOf(events)
		if allEqual(xs) {
			return value.Value{}
		}
		square := exactMoment(xs, 2)
		ratio := new(big.Float).Quo(exactMoment(xs, 4), square.Mul(square, square))
		return round(ratio.Sub(ratio, exactly(3)))
	},
	folds: func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindMoments, In: in, Order: 4}} },
	finish: func(_ value.Type, _ Params, s []State, _ int64) value.Value {
		m := s[0].(*MomentsState)
		square := m.M2 / float64(m.N)
		if !(m.M2 > 0) || math.IsInf(m.M2, 0) {
			return value.Value{}
		}
		return value.OfFloat(m.M4/float64(m.N)/square/square - 3)
	},
	text: func(value.Type, Params) string { return "case when m2 > 0 then m4 / n / (m2 / n) / (m2 / n) - 3 end" },
	rule: func(value.Type) Rule { return KurtosisRule },
}
