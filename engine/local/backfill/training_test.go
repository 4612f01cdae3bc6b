package backfill_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// asked is a spine of every user, on each of the days, at times of no particular roundness.
func asked(days ...int64) dataset.Table {
	schema := value.Schema{{Name: "at", Type: value.Timestamp}, {Name: "user", Type: value.Int}}
	var rows [][]value.Value
	for i, d := range days {
		for user := range int64(14) { // two of them are in no event
			rows = append(rows, []value.Value{value.OfTimestamp(d*value.DayMS + (int64(i+1)*7_777_777+user*3_333_337)%value.DayMS), value.OfInt(user)})
		}
	}
	return dataset.Memory(schema, value.BatchOf(schema, rows))
}

// ask joins the first group to the spine, without tiles and with them, holds both against the oracle, and gives the second's report.
func (w *world) ask(p *feature.Project, group int, spine dataset.Table, tiles *tiletable.Table) *engine.SourceReport {
	w.t.Helper()
	in := w.inputs()
	in.Spine = spine
	b := plan.ForGroup(p.Groups[group], nil)
	j, err := enginetest.NewJudge(w.t.Context(), b, in, spine.Schema(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var last *enginetest.Answer
	for _, in.Tiles = range []*tiletable.Table{nil, tiles} {
		if last, err = enginetest.Ask(w.t.Context(), local.New(local.Options{AnyTiles: true}), b, in); err != nil {
			w.t.Fatal(err)
		}
		for _, d := range j.Compare(last) {
			w.t.Errorf("tiles %v: %s", in.Tiles != nil, d)
		}
	}
	return last.Report.Sources[0]
}

const trained = `s = bh.EventSource("s", path="data/*", time="ts")
late = bh.EventSource("late", path="data/*", time="ts", delay="2h")
g = bh.FeatureGroup("g", source=s, keys=["user"], features=[bh.avg("x00", windows=["30d", "1d"]), bh.last("x01"), bh.count(windows=["7d"], by="kind", name="n"), bh.count_distinct("x02", windows=["7d"], where="kind <> 'a'", name="d")])
h = bh.FeatureGroup("h", source=late, keys=["user"], features=[bh.avg("x00", windows=["30d"]), bh.max("x03", windows=["1d"], tumbling=True), bh.last("x01")])
x = bh.FeatureGroup("x", source=s, keys=["user"], features=[bh.avg("x00", windows=["30d"]), bh.count(windows=["1d"], resolution="exact")])`

// What training sets read: the days that rows are asked in, and tiles for all before; behind a delay tiles alone.
func TestTrainingSetsReadTiles(t *testing.T) {
	const perDay, days = 20, 40
	w := newWorld(t)
	for d := range int64(days) {
		w.write(fmt.Sprintf("day-%02d.parquet", d), events(day0+d, perDay))
	}
	p := define(t, trained)
	w.fill(p)
	spine := asked(day0+36, day0+38)
	for _, c := range []struct {
		what       string
		group      int
		rows, days int64
	}{
		{"windows that end at t: the days of the rows alone are read", 0, 2 * perDay, 37},
		{"windows behind a delay: nothing is read", 1, 0, 39},
		{"an exact window beside: the days before the rows' too", 2, 4 * perDay, 29}, // 6 to 34: from 30 days before on
	} {
		r := w.ask(p, c.group, spine, w.tiles())
		if r.Read.Rows != c.rows || r.TileRows == 0 || r.TileRows != r.TileDays*perDay {
			t.Errorf("%s: %d rows read, want %d; tiles stand for %d days of %d events", c.what, r.Read.Rows, c.rows, r.TileDays, r.TileRows)
		}
		if r.TileDays != c.days {
			t.Errorf("%s: tiles stand for %d days, want %d", c.what, r.TileDays, c.days)
		}
	}
	w.write("day-35.parquet", events(day0+35, perDay+3)) // its tiles are of another file now
	if r := w.ask(p, 0, spine, w.tiles()); r.Read.Rows != 3*perDay+3 || r.TileDays != 36 {
		t.Errorf("a file changed after the backfill: %d rows read, tiles for %d days", r.Read.Rows, r.TileDays)
	}
	if r := w.ask(p, 0, asked(day0+1, day0+36), w.tiles()); r.TileDays == 0 {
		t.Errorf("tiles lie between the rows that ask: they stand for %d days", r.TileDays)
	}
	every := make([]int64, days)
	for i := range every {
		every[i] = day0 + int64(i)
	}
	if r := w.ask(p, 0, asked(every...), w.tiles()); r.TileDays != 0 || r.Read.Rows != days*perDay+3 {
		t.Errorf("every day is asked about: %d rows read, tiles for %d days", r.Read.Rows, r.TileDays)
	}
}

// A damaged or missing tile file costs a day of rows and a note, and changes no value.
func TestDamagedTilesAreLeftToRows(t *testing.T) {
	const perDay, days = 20, 12
	w := newWorld(t)
	for d := range int64(days) {
		w.write(fmt.Sprintf("day-%02d.parquet", d), events(day0+d, perDay))
	}
	p := define(t, strings.Join(strings.Split(trained, "\n")[:3], "\n"))
	w.fill(p)
	files, err := filepath.Glob(filepath.Join(w.tiles().Dir(), "*", value.FormatDate(day0+3)+"*.tiles"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of a day: %v, %v", files, err)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	spine := asked(day0 + 11)
	for i := 0; i < len(good); i += 1 + len(good)/40 {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x10
		if err := os.WriteFile(files[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		r := w.ask(p, 0, spine, w.tiles())
		if r.Read.Rows != 2*perDay || r.TileDays != 10 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "2024-03-21") || !strings.Contains(r.Notes[0], filepath.Base(files[0])) {
			t.Fatalf("byte %d changed: %d rows read, tiles for %d days, notes %q", i, r.Read.Rows, r.TileDays, r.Notes)
		}
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if r := w.ask(p, 0, spine, w.tiles()); r.Read.Rows != 2*perDay || len(r.Notes) != 1 {
		t.Fatalf("removed: %d rows read, notes %q", r.Read.Rows, r.Notes)
	}
	if rep := w.fill(p); rep.Sources[0].Read.Rows != perDay {
		t.Errorf("the next backfill read %d rows to make that day again", rep.Sources[0].Read.Rows)
	}
	if r := w.ask(p, 0, spine, w.tiles()); r.Read.Rows != perDay || r.Notes != nil {
		t.Errorf("made again: %d rows read, notes %q", r.Read.Rows, r.Notes)
	}
}
