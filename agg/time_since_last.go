package agg

import "github.com/bighead-ml/bighead/value"

var timeSinceLast = &Aggregation{
	Name:    "time_since_last",
	Doc:     "How long ago the newest row was, in ms; with an input, the newest row whose input is not null.",
	Input:   InputRule{Need: Optional},
	Version: 1,
	Examples: []Example{
		{Cells: []string{"null", "null"}, Want: "58000", Remark: "without an input: of any row"},
		{Input: value.Int, Cells: []string{"7", "null"}, Want: "59000"},
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
		return value.OfInt(asOf - events[len(events)-1].TS)
	},
	folds: func(in value.Type, _ Params) []Fold {
		return []Fold{{Kind: KindTimeBound, Rows: in.Kind == value.KindNull, Last: true}}
	},
	finish: finishSince,
	text:   func(value.Type, Params) string { return "as_of - ts" },
}

func finishSince(_ value.Type, _ Params, s []State, asOf int64) value.Value {
	t := s[0].(*TimeState)
	if !t.Any {
		return value.Value{}
	}
	return value.OfInt(asOf - t.TS)
}
