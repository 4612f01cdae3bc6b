package agg

import "github.com/bighead-ml/bighead/value"

var timeSinceFirst = &Aggregation{
	Name:    "time_since_first",
	Doc:     "How long ago the oldest row was, in ms; with an input, the oldest row whose input is not null.",
	Input:   InputRule{Need: Optional},
	Version: 1,
	Examples: []Example{
		{Cells: []string{"null", "null"}, Want: "59000", Remark: "without an input: of any row"},
		{Input: value.Int, Cells: []string{"null", "7"}, Want: "58000"},
		{Input: value.Int, Cells: []string{"null"}, Want: "null"},
	},
	output: func(value.Type, Params) value.Type { return value.Int },
	plain: func(in value.Type, _ Params, events []Event, asOf int64) value.Value {
		if in.Kind != value.KindNull {
			events = present(events)
		}
		if len(events) == 0 {
			return value.Value{}
		}
		return value.OfInt(asOf - events[0].TS)
	},
	folds: func(in value.Type, _ Params) []Fold {
		return []Fold{{Kind: KindTimeBound, Rows: in.Kind == value.KindNull}}
	},
	finish: finishSince,
	text:   func(value.Type, Params) string { return "as_of - ts" },
}
