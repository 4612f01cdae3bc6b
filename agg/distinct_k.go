package agg

import (
	"slices"

	"github.com/bighead-ml/bighead/value"
)

var distinctK = &Aggregation{
	Name:    "distinct_k",
	Doc:     "The `k` least distinct inputs, ascending.",
	Input:   InputRule{Kinds: ordered},
	Params:  []Param{kParam},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.String, Cells: []string{"LGA", "EWR", "null", "LGA", "JFK"}, Args: Args{K: new(2)}, Want: `["EWR","JFK"]`},
		{Input: value.String, Cells: []string{}, Args: Args{K: new(2)}, Want: "[]"},
	},
	output: listOfType,
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		return value.OfList(atMost(p.K, distinct(events)))
	},
	folds:  distinctFolds,
	finish: finishValueList,
	text:   func(value.Type, Params) string { return "list" },
}

// distinct lists the non-null inputs, least first, each once.
func distinct(events []Event) []value.Value {
	return slices.CompactFunc(ascending(events), value.Equal)
}

// distinctFolds is the fold of distinct_k and count_distinct: the K or Max least distinct inputs.
func distinctFolds(in value.Type, p Params) []Fold {
	return []Fold{{Kind: KindValueList, In: in, Distinct: true, K: p.K + p.Max}} // one of the two is zero
}
