package agg

import "github.com/bighead-ml/bighead/value"

var first = &Aggregation{
	Name:    "first",
	Doc:     "The input of the oldest event that has one. Between events of one millisecond `order_by` decides, then `known_at`, then the lesser input.",
	Input:   InputRule{},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.String, Cells: []string{"null", "a", "b"}, Want: "a"},
		{Input: value.String, Cells: []string{"null"}, Want: "null"},
	},
	output: sameType,
	plain: func(_ value.Type, _ Params, events []Event, _ int64) value.Value {
		events = present(events)
		if len(events) == 0 {
			return value.Value{}
		}
		return events[0].Value
	},
	folds:  func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindEdge, In: in}} },
	finish: finishEdge,
	text:   func(value.Type, Params) string { return "value" },
}

func finishEdge(_ value.Type, _ Params, s []State, _ int64) value.Value {
	return s[0].(*EdgeState).Event.Value
}
