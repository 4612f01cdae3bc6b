package agg

import (
	"slices"

	"github.com/bighead-ml/bighead/value"
)

var firstK = &Aggregation{
	Name:    "first_k",
	Doc:     "The inputs of the `k` oldest events that have one, oldest first.",
	Input:   InputRule{},
	Params:  []Param{kParam},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"3", "null", "1", "2"}, Args: Args{K: new(2)}, Want: "[3,1]"},
		{Input: value.Int, Cells: []string{"null"}, Args: Args{K: new(2)}, Want: "[]"},
	},
	output: listOfType,
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		return value.OfList(valuesOf(atMost(p.K, present(events))))
	},
	folds:  func(in value.Type, p Params) []Fold { return []Fold{{Kind: KindEventList, In: in, K: p.K}} },
	finish: finishEventList,
	text:   func(value.Type, Params) string { return "list" },
}

var kParam = Param{Name: "k", Doc: "how many"}

// listOfType is the output of aggregations that give several of their inputs.
func listOfType(in value.Type, _ Params) value.Type { return value.ListOf(in) }

func atMost[T any](k int, xs []T) []T { return xs[:min(k, len(xs))] }

func reversed[T any](xs []T) []T {
	out := slices.Clone(xs)
	slices.Reverse(out)
	return out
}

func finishEventList(_ value.Type, _ Params, s []State, _ int64) value.Value {
	return s[0].(*EventListState).List()
}
