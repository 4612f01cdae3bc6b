package backfill_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/value"
)

// twenty is a group of twenty features over as many columns, each a sum and a count of non-null inputs.
func twenty(more string) string {
	var features []string
	for i := range 20 {
		features = append(features, fmt.Sprintf(`bh.avg("x%02d", windows=["1h", "30d"])`, i))
	}
	if more != "" {
		features = append(features, more)
	}
	return `s = bh.EventSource("s", path="data/*", time="ts")
g = bh.FeatureGroup("g", source=s, keys=["user"], features=[` + strings.Join(features, ", ") + `])`
}

func expect(t *testing.T, what string, got *engine.BackfillReport, wantCells string, wantRows int64, wantColumns ...string) {
	t.Helper()
	rows, bytes := got.Rows()
	if c := cells(got); c != wantCells || rows != wantRows {
		t.Errorf("%s: %s; %d rows read, want %s; %d rows", what, c, rows, wantCells, wantRows)
	}
	if (rows == 0) != (bytes == 0) {
		t.Errorf("%s: %d rows and %d bytes read", what, rows, bytes)
	}
	if wantColumns != nil && !slices.Equal(got.Sources[0].Columns, wantColumns) {
		t.Errorf("%s: columns %v read, want %v", what, got.Sources[0].Columns, wantColumns)
	}
}

// TestIncremental is the benchmark P5 of docs/performance.md in counts: after 90 days, one more; a feature more in a group of 20; a
// window more.
func TestIncremental(t *testing.T) {
	const perDay, days, folds = 50, 90, 40
	w := newWorld(t)
	name := func(day int64) string { return fmt.Sprintf("day-%03d.parquet", day) }
	for d := range int64(days) {
		w.write(name(d), events(day0+d, perDay))
	}
	base := define(t, twenty(""))
	first := w.fill(base)
	expect(t, "first", first, fmt.Sprintf("made %d: %d new", folds*days, folds*days), days*perDay)
	expect(t, "second", w.fill(base), fmt.Sprintf("made 0: %d up to date", folds*days), 0)

	w.write(name(days), events(day0+days, perDay))
	next := w.fill(base)
	expect(t, "a day more", next, fmt.Sprintf("made %d: %d new, %d up to date", folds, folds, folds*days), perDay)
	if next.Sources[0].Files != 1 {
		t.Errorf("a day more: %d files read", next.Sources[0].Files)
	}

	more := define(t, twenty(`bh.sum("x20", windows=["1d"])`))
	wider := w.fill(more)
	expect(t, "a feature more", wider, fmt.Sprintf("made %d: %d new, %d up to date", 2*(days+1), 2*(days+1), folds*(days+1)), (days+1)*perDay, "user", "ts", "x20")
	_, all := first.Rows()
	if _, own := wider.Rows(); own*4 > all {
		t.Errorf("a feature more: %d bytes read, %d for all twenty", own, all)
	}

	windows := define(t, strings.ReplaceAll(twenty(`bh.sum("x20", windows=["1d"])`), `"30d"]`, `"30d", "7d"]`))
	expect(t, "a window more", w.fill(windows), fmt.Sprintf("made 0: %d up to date", (folds+2)*(days+1)), 0)
	w.same(windows)
}

// A changed source file has exactly the days made again that it can touch, before and after; so has one that is gone, or new and late.
func TestChangedFiles(t *testing.T) {
	const perDay = 40
	w := newWorld(t)
	name := func(day int) string { return fmt.Sprintf("day-%d.parquet", day) }
	for d := range 6 {
		w.write(name(d), events(day0+int64(d), perDay))
	}
	p := define(t, `s = bh.EventSource("s", path="data/*", time="ts")
g = bh.FeatureGroup("g", source=s, keys=["user"], features=[bh.sum("x00", windows=["1h"]), bh.last("x01"), bh.count(windows=["1d"], by="kind", name="n")])`)
	steps := []struct {
		what   string
		change func()
		cells  string
		rows   int64
		good   int64 // cells afterwards
	}{
		{"first", func() {}, "made 24: 24 new", 6 * perDay, 24},
		{"touched", func() { w.touch(name(2)) }, "made 4: 4 source files changed, 20 up to date", perDay, 24},
		{"other rows", func() { w.write(name(2), events(day0+2, perDay-7)) }, "made 4: 4 source files changed, 20 up to date", perDay - 7, 24},
		{"rows of the next day too: its own file is read as well", func() { w.write(name(2), append(events(day0+2, perDay), events(day0+3, 3)...)) },
			"made 8: 8 source files changed, 16 up to date", perDay + 3 + perDay, 24},
		{"and no more: both days again", func() { w.write(name(2), events(day0+2, perDay)) }, "made 8: 8 source files changed, 16 up to date", 2 * perDay, 24},
		{"moved to another day: the day that it left has no events, the one that it came to two files", func() { w.write(name(2), events(day0+4, perDay)) },
			"made 4: 8 source files changed, 16 up to date", 2 * perDay, 20},
		{"removed", func() { w.remove(name(0)) }, "made 0: 4 source files changed, 16 up to date", 0, 16},
		{"a late file", func() { w.write("late.parquet", events(day0+1, 5)) }, "made 4: 4 source files changed, 12 up to date", perDay + 5, 16},
		{"a file without rows", func() { w.write("none.parquet", nil) }, "made 0: 16 up to date", 0, 16},
		{"a file between", func() { w.write("between.parquet", events(day0+2, 5)) }, "made 4: 4 source files changed, 16 up to date", 5, 20},
	}
	for _, s := range steps {
		s.change()
		expect(t, s.what, w.fill(p), s.cells, s.rows)
		expect(t, s.what+", again", w.fill(p), fmt.Sprintf("made 0: %d up to date", s.good), 0)
		w.same(p)
	}
}

// Files of text do not say when their events lie: their times are read once, and then a file more is a day more here too.
func TestFilesThatDoNotSayWhen(t *testing.T) {
	const perDay = 30
	w := newWorld(t)
	for d := range 5 {
		w.write(fmt.Sprintf("day-%d.csv", d), events(day0+int64(d), perDay))
	}
	p := define(t, `s = bh.EventSource("s", path="data/*", time="ts + interval '1 hour'")
g = bh.FeatureGroup("g", source=s, keys=["user"], features=[bh.sum("x00", windows=["1h"])])`)
	read := func(what string, rows, times int64) {
		t.Helper()
		rep := w.fill(p)
		if s := rep.Sources[0]; s.Read.Rows != rows || s.Times.Rows != times {
			t.Errorf("%s: %d rows and the times of %d were read, want %d and %d", what, s.Read.Rows, s.Times.Rows, rows, times)
		}
	}
	read("first", 5*perDay, 5*perDay)
	read("second", 0, 0)
	w.write("late.csv", [][]value.Value{row(1, (day0+7)*value.DayMS, 77), row(2, (day0+7)*value.DayMS+5, 78)})
	read("a file more", 2, 2)
	read("and no more", 0, 0)
	w.same(p)
}
