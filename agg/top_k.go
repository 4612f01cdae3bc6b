package agg

import (
	"slices"

	"github.com/bighead-ml/bighead/value"
)

var topK = &Aggregation{
	Name:    "top_k",
	Doc:     "The `k` greatest inputs, descending, duplicates kept.",
	Input:   InputRule{Kinds: ordered},
	Params:  []Param{kParam},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"3", "5", "null", "5", "1"}, Args: Args{K: new(3)}, Want: "[5,5,3]"},
		{Input: value.Int, Cells: []string{"null"}, Args: Args{K: new(3)}, Want: "[]"},
	},
	output: listOfType,
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		return value.OfList(atMost(p.K, reversed(ascending(events))))
	},
	folds:  func(in value.Type, p Params) []Fold { return []Fold{{Kind: KindValueList, In: in, K: p.K, Last: true}} },
	finish: finishValueList,
	text:   func(value.Type, Params) string { return "list" },
}

// ascending lists the non-null inputs, least first.
func ascending(events []Event) []value.Value {
	out := valuesOf(present(events))
	slices.SortFunc(out, value.Compare)
	return out
}

func finishValueList(_ value.Type, _ Params, s []State, _ int64) value.Value {
	return value.OfList(s[0].(*ValueListState).Values())
}
