package agg

import "github.com/bighead-ml/bighead/value"

var bottomK = &Aggregation{
	Name:    "bottom_k",
	Doc:     "The `k` least inputs, ascending, duplicates kept.",
	Input:   InputRule{Kinds: ordered},
	Params:  []Param{kParam},
	Version: 1,
	Examples: []Example{
		{Input: value.Float, Cells: []string{"3.5", "1.5", "null", "1.5"}, Args: Args{K: new(2)}, Want: "[1.5,1.5]"},
	},
	output: listOfType,
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		return value.OfList(atMost(p.K, ascending(events)))
	},
	folds:  func(in value.Type, p Params) []Fold { return []Fold{{Kind: KindValueList, In: in, K: p.K}} },
	finish: finishValueList,
	text:   func(value.Type, Params) string { return "list" },
}
