package agg

import (
	"math"

	"github.com/bighead-ml/bighead/value"
)

var stddev = &Aggregation{
	Name:    "stddev",
	Doc:     "The standard deviation: the square root of `variance`.",
	Input:   InputRule{Kinds: numeric},
	Params:  []Param{sampleParam},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"1", "5", "null"}, Want: "2.0"},
		{Input: value.Int, Cells: []string{"7"}, Want: "0.0"},
		{Input: value.Int, Cells: []string{"7"}, Args: Args{Sample: true}, Want: "null"},
	},
	output: func(value.Type, Params) value.Type { return value.Float },
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		return squareRoot(plainVariance(numbersOf(events), p.Sample))
	},
	folds: func(in value.Type, p Params) []Fold { return variance.folds(in, p) },
	finish: func(in value.Type, p Params, s []State, asOf int64) value.Value {
		return squareRoot(finishVariance(in, p, s, asOf))
	},
	text: func(in value.Type, p Params) string { return "sqrt(" + varianceText(in, p) + ")" },
	rule: func(value.Type) Rule { return DeviationRule },
}

func squareRoot(v value.Value) value.Value {
	if v.IsNull() {
		return v
	}
	return value.OfFloat(math.Sqrt(v.Float()))
}
