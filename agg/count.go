package agg

import "github.com/bighead-ml/bighead/value"

var count = &Aggregation{
	Name:    "count",
	Doc:     "How many rows, or how many of them have an input that is not null.",
	Input:   InputRule{Need: Optional},
	Version: 1,
	Examples: []Example{
		{Cells: []string{"null", "null", "null"}, Want: "3", Remark: "without an input: rows"},
		{Cells: []string{"null", "null", "null"}, By: []string{"b", "a", "b"}, Want: `{"a":1,"b":2}`},
		{Input: value.Int, Cells: []string{"5", "null", "7"}, Want: "2"},
		{Input: value.String, Cells: []string{"null"}, Want: "0"},
	},
	output: func(value.Type, Params) value.Type { return value.Int },
	plain: func(in value.Type, _ Params, events []Event, _ int64) value.Value {
		if in.Kind != value.KindNull {
			events = present(events)
		}
		return value.OfInt(int64(len(events)))
	},
	folds: func(in value.Type, _ Params) []Fold {
		if in.Kind == value.KindNull {
			return []Fold{{Kind: KindCount, Rows: true}}
		}
		return []Fold{inputs}
	},
	finish: func(_ value.Type, _ Params, s []State, _ int64) value.Value {
		return value.OfInt(s[0].(*CountState).N)
	},
	text: func(value.Type, Params) string { return "n" },
}

// inputs is how many inputs are not null, of whatever type: one fold for all that need it.
var inputs = Fold{Kind: KindCount}
