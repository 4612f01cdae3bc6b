package plan_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func TestEachBoundsAreTheBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.SampledFrom([]int64{1, second, minute, hour, 6 * hour, day, 7 * day})
		back := rapid.SampledFrom([]int64{0, 0, 1, second, hour, 2 * day})
		w := plan.NewWindow(feature.Window{Size: span.Draw(t, "size"), Offset: back.Draw(t, "offset"), Daily: rapid.Bool().Draw(t, "daily")}, back.Draw(t, "delay"))
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			w.Tumbling = true
		case 1:
			w.Unbounded = true
		case 2:
			w.Resolution = w.Size
		case 3:
			w = plan.NewForward(w.Size)
		}
		ts := rapid.SliceOf(rapid.Int64Range(value.MinTimestamp, value.MaxTimestamp)).Draw(t, "ts")
		starts, ends := make([]int64, len(ts)), make([]int64, len(ts))
		w.EachBounds(ts, starts, ends)
		for i, at := range ts {
			if from, to := w.Bounds(at); starts[i] != from || ends[i] != to {
				t.Fatalf("[%d, %d) for %d, want [%d, %d)", starts[i], ends[i], at, from, to)
			}
		}
	})
}

func TestPartitionEnds(t *testing.T) {
	for _, c := range []struct {
		name value.Value
		end  string // empty: none
	}{
		{value.OfDate(0), "1970-01-02T00:00:00Z"},
		{value.OfDate(-1), "1970-01-01T00:00:00Z"},
		{value.OfString("2024-02-29"), "2024-03-01T00:00:00Z"},
		{value.OfString("2024-02-29-00"), "2024-02-29T01:00:00Z"},
		{value.OfString("2024-02-29-23"), "2024-03-01T00:00:00Z"},
		{value.OfString("2024-02-29-24"), ""},
		{value.OfString("2024-02-30"), ""},
		{value.OfString("2024-02-29-7"), ""},
		{value.OfInt(1), ""},
		{value.Value{}, ""},
	} {
		end, ok := plan.PartitionEnd(c.name)
		if ok != (c.end != "") || ok && end != ms(t, c.end) {
			t.Errorf("%v ends at %d %v, want %s", c.name, end, ok, c.end)
		}
	}
}
