package agg

import (
	"math/big"

	"github.com/bighead-ml/bighead/value"
)

var summable = []value.Kind{value.KindInt, value.KindFloat, value.KindBool}

var sum = &Aggregation{
	Name: "sum",
	Doc: "The sum. Of ints it is exact, and null where it does not fit 64 bits, whatever the order in which it was added up; of bools it is how " +
		"many are true; of floats it is null where it is too large for a float.",
	Input:   InputRule{Kinds: summable},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"1", "null", "2"}, Want: "3"},
		{Input: value.Bool, Cells: []string{"true", "false", "true"}, Want: "2"},
		{Input: value.Float, Cells: []string{"0.5", "0.25"}, Want: "0.75"},
		{Input: value.Int, Cells: []string{"9223372036854775807", "1", "-1"}, Want: "9223372036854775807", Remark: "only the total must fit"},
		{Input: value.Int, Cells: []string{"9223372036854775807", "1"}, Want: "null"},
		{Input: value.Int, Cells: []string{"null"}, Want: "null"},
	},
	output: func(in value.Type, _ Params) value.Type {
		if in.Kind == value.KindFloat {
			return value.Float
		}
		return value.Int
	},
	plain: func(in value.Type, _ Params, events []Event, _ int64) value.Value {
		events = present(events)
		if len(events) == 0 {
			return value.Value{}
		}
		if in.Kind == value.KindFloat {
			return round(exactSum(numbersOf(events)))
		}
		if total := bigSum(events); total.IsInt64() {
			return value.OfInt(total.Int64())
		}
		return value.Value{}
	},
	folds: sumFolds,
	finish: func(in value.Type, _ Params, s []State, _ int64) value.Value {
		if s[1].(*CountState).N == 0 {
			return value.Value{}
		}
		if in.Kind == value.KindFloat {
			return value.OfFloat(s[0].(*FloatSumState).Sum)
		}
		if n, ok := s[0].(*IntSumState).Int64(); ok {
			return value.OfInt(n)
		}
		return value.Value{}
	},
	text: func(in value.Type, _ Params) string {
		if in.Kind == value.KindFloat {
			return "case when n > 0 then total end"
		}
		return "case when n > 0 then sum end"
	},
	rule: func(in value.Type) Rule {
		if in.Kind == value.KindFloat {
			return SumRule
		}
		return Exact
	},
}

// sumFolds are the sum and how many inputs it has, for sum and avg.
func sumFolds(in value.Type, _ Params) []Fold {
	if in.Kind == value.KindFloat {
		return []Fold{{Kind: KindFloatSum, In: in}, inputs}
	}
	return []Fold{{Kind: KindIntSum, In: in}, inputs}
}

// bigSum is the sum of ints or bools of any size.
func bigSum(events []Event) *big.Int {
	total := new(big.Int)
	for _, e := range events {
		total.Add(total, big.NewInt(e.Value.Int()))
	}
	return total
}
