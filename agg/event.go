package agg

import (
	"cmp"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// Event is one row as an aggregation sees it. Value is the input, null allowed, and null where the aggregation takes none; By is the
// string of by=, null where there is none.
type Event struct {
	TS    int64         // ms since the epoch
	Tie   []value.Value // the parts of order_by, then known_at where the source declares one (E2)
	Value value.Value
	By    value.Value
}

// CompareEvents is the order of E2: by time, then by the tie, then by the aggregated value, each by §1.
func CompareEvents(a, b *Event) int {
	if c := cmp.Compare(a.TS, b.TS); c != 0 {
		return c
	}
	if c := value.CompareRows(a.Tie, b.Tie); c != 0 {
		return c
	}
	return value.Compare(a.Value, b.Value)
}

// SortEvents puts events into the order of E2, the order that Plain wants.
func SortEvents(events []Event) {
	slices.SortStableFunc(events, func(a, b Event) int { return CompareEvents(&a, &b) })
}

// Default is a feature's value after its default: def where v is null as a whole (A4). Zeros, empty lists and maps, and nulls inside a
// map are values and stay.
func Default(v, def value.Value) value.Value {
	if v.IsNull() {
		return def
	}
	return v
}
