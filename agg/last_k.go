package agg

import "github.com/bighead-ml/bighead/value"

var lastK = &Aggregation{
	Name:    "last_k",
	Doc:     "The inputs of the `k` newest events that have one, newest first.",
	Input:   InputRule{},
	Params:  []Param{kParam},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"3", "1", "2", "null"}, Args: Args{K: new(2)}, Want: "[2,1]"},
		{Input: value.String, Cells: []string{"a"}, Args: Args{K: new(2)}, Want: `["a"]`, Remark: "fewer than k where there are no more"},
	},
	output: listOfType,
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		return value.OfList(valuesOf(atMost(p.K, reversed(present(events)))))
	},
	folds:  func(in value.Type, p Params) []Fold { return []Fold{{Kind: KindEventList, In: in, K: p.K, Last: true}} },
	finish: finishEventList,
	text:   func(value.Type, Params) string { return "list" },
}
