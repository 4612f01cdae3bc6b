package agg

import "github.com/bighead-ml/bighead/value"

var avg = &Aggregation{
	Name: "avg",
	Doc: "The mean: the sum divided by the number of inputs. Of ints the sum is exact and made a float before the one division; of bools it is " +
		"the share of true.",
	Input:   InputRule{Kinds: summable},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"1", "null", "2"}, Want: "1.5"},
		{Input: value.Bool, Cells: []string{"true", "false", "false", "false"}, Want: "0.25", Remark: "a share"},
		{Input: value.Int, Cells: []string{"1", "2", "null", "9"}, By: []string{"a", "a", "b", "null"}, Want: `{"a":1.5,"b":null}`, Remark: "b has rows, though no input"},
		{Input: value.Float, Cells: []string{"null"}, Want: "null"},
	},
	output: func(value.Type, Params) value.Type { return value.Float },
	plain: func(in value.Type, _ Params, events []Event, _ int64) value.Value {
		events = present(events)
		if len(events) == 0 {
			return value.Value{}
		}
		var total float64
		if in.Kind == value.KindFloat {
			total, _ = exactSum(numbersOf(events)).Float64()
		} else {
			total, _ = bigSum(events).Float64()
		}
		return value.OfFloat(total / float64(len(events)))
	},
	folds: sumFolds,
	finish: func(in value.Type, _ Params, s []State, _ int64) value.Value {
		n := s[1].(*CountState).N
		if n == 0 {
			return value.Value{}
		}
		if in.Kind == value.KindFloat {
			return value.OfFloat(s[0].(*FloatSumState).Sum / float64(n))
		}
		return value.OfFloat(s[0].(*IntSumState).Float64() / float64(n))
	},
	text: func(value.Type, Params) string { return "case when n > 0 then total / n end" },
	rule: func(in value.Type) Rule {
		if in.Kind == value.KindFloat {
			return MeanRule
		}
		return Exact
	},
}
