package agg

import "github.com/bighead-ml/bighead/value"

var firstRow = &Aggregation{
	Name:    "first_row",
	Doc:     "The column in the oldest row, null where it is null there.",
	Input:   InputRule{},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.String, Cells: []string{"null", "a", "b"}, Want: "null", Remark: "the oldest row has none"},
		{Input: value.String, Cells: []string{"a", "null"}, Want: "a"},
	},
	output: sameType,
	plain: func(_ value.Type, _ Params, events []Event, _ int64) value.Value {
		if len(events) == 0 {
			return value.Value{}
		}
		return events[0].Value
	},
	folds:  func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindEdge, In: in, Rows: true}} },
	finish: finishEdge,
	text:   func(value.Type, Params) string { return "value" },
}
