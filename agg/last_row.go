package agg

import "github.com/bighead-ml/bighead/value"

var lastRow = &Aggregation{
	Name:    "last_row",
	Doc:     "The column in the newest row, null where it is null there.",
	Input:   InputRule{},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.String, Cells: []string{"a", "b", "null"}, Want: "null", Remark: "the newest row has none"},
		{Input: value.String, Cells: []string{"null", "b"}, Want: "b"},
	},
	output: sameType,
	plain: func(_ value.Type, _ Params, events []Event, _ int64) value.Value {
		if len(events) == 0 {
			return value.Value{}
		}
		return events[len(events)-1].Value
	},
	folds:  func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindEdge, In: in, Rows: true, Last: true}} },
	finish: finishEdge,
	text:   func(value.Type, Params) string { return "value" },
}
