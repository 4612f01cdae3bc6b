package agg

import "github.com/bighead-ml/bighead/value"

var latest = &Aggregation{
	Name:    "latest",
	Doc:     "Over entity sources: the column in the row that holds, null where it is null there, after a deletion and before the first row.",
	Input:   InputRule{},
	Version: 1,
	Entity:  true,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"1998", "2001"}, Want: "2001"},
		{Input: value.Int, Cells: []string{"1998", "null"}, Want: "null", Remark: "a row replaces the one before it as a whole"},
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
