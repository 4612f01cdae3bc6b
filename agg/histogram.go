package agg

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

var histogram = &Aggregation{
	Name: "histogram",
	Doc: "How often each string came, for the `k` most frequent; of equally frequent ones the lesser stay. The counts are exact, so the state keeps " +
		"every string that came.",
	Input:   InputRule{Kinds: []value.Kind{value.KindString}},
	Params:  []Param{kParam},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.String, Cells: []string{"b", "a", "null", "c", "b"}, Args: Args{K: new(2)}, Want: `{"a":1,"b":2}`},
		{Input: value.String, Cells: []string{"null"}, Args: Args{K: new(2)}, Want: "{}"},
	},
	output: func(value.Type, Params) value.Type { return value.MapOf(value.Int) },
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		counts := map[string]int64{}
		for _, e := range present(events) {
			counts[e.Value.Str()]++
		}
		return mostFrequent(p.K, counts)
	},
	folds: func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindTextCounts, In: in}} },
	finish: func(_ value.Type, p Params, s []State, _ int64) value.Value {
		return mostFrequent(p.K, s[0].(*TextCountsState).Counts)
	},
	spark: sparkHistogram,
}

func mostFrequent(k int, counts map[string]int64) value.Value {
	keys := sortedKeys(counts)
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	entries := make([]value.Entry, 0, min(k, len(keys)))
	for _, key := range atMost(k, keys) {
		entries = append(entries, value.Entry{Key: key, Value: value.OfInt(counts[key])})
	}
	return value.OfMap(entries)
}

// sparkHistogram keeps the greatest counts.
func sparkHistogram(_ value.Type, p Params) string {
	most := "array_sort($list, (a, b) -> case when a.n > b.n then -1 when a.n < b.n then 1 when a.v < b.v then -1 when a.v > b.v then 1 else 0 end)"
	return fmt.Sprintf("map_from_entries(sort_array(slice(%s, 1, %d)))", most, p.K)
}
