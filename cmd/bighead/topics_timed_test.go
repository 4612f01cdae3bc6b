package main

import (
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

// TestTimesOfFlinksRows counts what is late and what is early as Flink decides it: by the record's time, of rows that have a time and count.
func TestTimesOfFlinksRows(t *testing.T) {
	d := servetest.Definitions(t, `
e = bh.EventSource("e", topic="e", columns={"k": bh.String, "x": bh.Int}, time="ts", where="x > 0", lateness="1h")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count(windows=["1d"])])`)
	s := d.Groups[0].Source
	const now, hour = int64(1_700_000_000_000), 3_600_000
	rows, times := [][]value.Value{}, []int64{}
	for _, r := range []struct {
		ts value.Value
		x  value.Value
	}{
		{value.OfTimestamp(now), value.OfInt(1)},
		{value.OfTimestamp(now - hour), value.OfInt(1)},
		{value.OfTimestamp(now - hour - 1), value.OfInt(1)}, // late
		{value.OfTimestamp(now - hour - 1), value.OfInt(0)},
		{value.OfTimestamp(now - hour - 1), value.Value{}},
		{value.Value{}, value.OfInt(1)},
		{value.OfTimestamp(now + 1), value.OfInt(1)}, // early
		{value.OfTimestamp(now + 1), value.OfInt(2)}, // early
	} {
		row := make([]value.Value, len(s.Schema))
		row[s.Schema.Index("k")], row[s.Schema.Index("x")], row[s.Schema.Index("ts")] = value.OfString("a"), r.x, r.ts
		rows, times = append(rows, row), append(times, now)
	}
	timed := timedBy(s)
	for range 2 {
		timed.add(&dataset.Arrival{Rows: value.BatchOf(s.Schema, rows), Times: times})
	}
	if timed.late != 2 || timed.early != 4 {
		t.Errorf("%d are late, %d early", timed.late, timed.early)
	}
	timed.add(&dataset.Arrival{Rows: value.BatchOf(s.Schema, nil)})
	(*timedRows)(nil).add(nil)
}
