package agg

import "github.com/bighead-ml/bighead/value"

var last = &Aggregation{
	Name:    "last",
	Doc:     "The input of the newest event that has one. Between events of one millisecond `order_by` decides, then `known_at`, then the greater input.",
	Input:   InputRule{},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.String, Cells: []string{"a", "b", "null"}, Want: "b", Remark: "nulls are passed over"},
		{Input: value.Int, Cells: []string{"1", "2", "3"}, By: []string{"c", "b", "a"}, Args: Args{ByMax: new(2)}, Want: `{"a":3,"b":2}`, Remark: "the least by name"},
		{Input: value.String, Cells: []string{"null"}, Want: "null"},
	},
	output: sameType,
	plain: func(_ value.Type, _ Params, events []Event, _ int64) value.Value {
		events = present(events)
		if len(events) == 0 {
			return value.Value{}
		}
		return events[len(events)-1].Value
	},
	folds:  func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindEdge, In: in, Last: true}} },
	finish: finishEdge,
	text:   func(value.Type, Params) string { return "value" },
}
