package agg

import "github.com/bighead-ml/bighead/value"

var countDistinct = &Aggregation{
	Name: "count_distinct",
	Doc: "How many distinct inputs there are: exact up to `max`, and `max` from there on. The state keeps the `max` least values; where there may " +
		"be many more, `approx_count_distinct` is smaller.",
	Input:   InputRule{Kinds: ordered},
	Params:  []Param{{Name: "max", Default: "1000", Doc: "the most that is counted"}},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.String, Cells: []string{"LGA", "EWR", "null", "LGA"}, Want: "2"},
		{Input: value.Int, Cells: []string{"1", "2", "3"}, Args: Args{Max: new(2)}, Want: "2", Remark: "more than max"},
		{Input: value.Int, Cells: []string{"null"}, Want: "0"},
	},
	output: func(value.Type, Params) value.Type { return value.Int },
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		return value.OfInt(int64(min(p.Max, len(distinct(events)))))
	},
	folds: distinctFolds,
	finish: func(_ value.Type, _ Params, s []State, _ int64) value.Value {
		return value.OfInt(int64(len(s[0].(*ValueListState).Values())))
	},
	text: func(value.Type, Params) string { return "size(list)" },
}
