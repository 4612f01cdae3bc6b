package agg

import "github.com/bighead-ml/bighead/value"

var maximum = &Aggregation{
	Name:    "max",
	Doc:     "The greatest input: true after false, strings by code point, times by time.",
	Input:   InputRule{Kinds: ordered},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"3", "null", "-1"}, Want: "3"},
		{Input: value.Bool, Cells: []string{"false", "true"}, Want: "true", Remark: "whether it ever was"},
		{Input: value.Timestamp, Cells: []string{"null"}, Want: "null"},
	},
	output: sameType,
	plain: func(_ value.Type, _ Params, events []Event, _ int64) value.Value {
		var out value.Value
		for _, e := range present(events) {
			if out.IsNull() || value.Compare(e.Value, out) > 0 {
				out = e.Value
			}
		}
		return out
	},
	folds:  func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindExtreme, In: in, Last: true}} },
	finish: finishExtreme,
	text:   func(value.Type, Params) string { return "value" },
}
