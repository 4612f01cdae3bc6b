package agg

import "github.com/bighead-ml/bighead/value"

var minimum = &Aggregation{
	Name:    "min",
	Doc:     "The least input: false before true, strings by code point, times by time.",
	Input:   InputRule{Kinds: ordered},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"3", "null", "-1"}, Want: "-1"},
		{Input: value.String, Cells: []string{"b", "B", "a"}, Want: "B", Remark: "code points: capitals first"},
		{Input: value.Date, Cells: []string{"null"}, Want: "null"},
	},
	output: sameType,
	plain: func(_ value.Type, _ Params, events []Event, _ int64) value.Value {
		var out value.Value
		for _, e := range present(events) {
			if out.IsNull() || value.Compare(e.Value, out) < 0 {
				out = e.Value
			}
		}
		return out
	},
	folds:  func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindExtreme, In: in}} },
	finish: finishExtreme,
	text:   func(value.Type, Params) string { return "value" },
}

// sameType is the output of aggregations that give one of their inputs.
func sameType(in value.Type, _ Params) value.Type { return in }
