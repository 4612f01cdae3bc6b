package spark

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// rowsOfTiles is a backfill of counts by k of two days, whose counts and tiles are said by the test in Spark's place.
func rowsOfTiles(t *testing.T, dir string, days map[int64]int64, rows ...[]value.Value) error {
	t.Helper()
	schema := value.Schema{{Name: "k", Type: value.Int}, {Name: "ts", Type: value.Timestamp}}
	source := &feature.Source{Name: "e", Schema: schema, Kind: feature.Events, Time: expr.Column("ts", value.Timestamp)}
	fold := plan.TileFold{Fold: plan.Fold{Fold: agg.Fold{Kind: agg.KindCount, Rows: true}, ID: "f", Input: -1, Where: -1, By: -1}, Step: 60_000, Features: []string{"g.n"}}
	p := &plan.Backfill{Sets: []*plan.TileSet{{Source: source, Keys: []feature.Key{{Name: "k", Type: value.Int}}, Groups: []string{"g"}, Folds: []plan.TileFold{fold}}}}
	event := func(day int64) []value.Value {
		return []value.Value{value.OfInt(1), value.OfTimestamp(day * value.DayMS)}
	}
	in := engine.Inputs{Open: func(context.Context, feature.Place, value.Schema) (dataset.Table, error) {
		return dataset.Memory(schema, value.BatchOf(schema, [][]value.Value{event(0), event(1)})), nil
	}}
	_, err := cells.Backfill(t.Context(), cells.Options{CommitDays: 1}, p, in, tiletable.Open(dir), func(_ context.Context, jobs []*cells.Job) error {
		target := jobs[0].Targets[0]
		commit := target.Committer()
		defer commit.Abort()
		files := newTileFiles(target, target.Files[0], &Cells{folds: []toldFold{{Fold: fold.Fold.Fold}}}, commit, days)
		defer files.abort()
		if err := files.take(&connect.Result{Rows: rows}); err != nil {
			return err
		}
		if err := files.finish(); err != nil {
			return err
		}
		return commit.Finish(nil)
	})
	return err
}

// Tiles that are not of the events that were counted are not taken in, nor rows that no query of ours gives; what was whole before them stays, and
// nothing half-written does.
func TestTilesThatDoNotAddUp(t *testing.T) {
	row := func(key, at, events int64) []value.Value {
		return []value.Value{value.OfInt(key), value.OfInt(at), value.OfInt(events), value.OfInt(events)}
	}
	first, last := int64(1), int64(2)
	if tiletable.Hash(value.Append(nil, value.OfInt(first))) > tiletable.Hash(value.Append(nil, value.OfInt(last))) {
		first, last = last, first
	}
	const day = value.DayMS
	two := map[int64]int64{0: 3, 1: 1}
	for _, c := range []struct {
		name  string
		rows  [][]value.Value
		says  string // "": all is well
		files int    // left
	}{
		{"as counted", [][]value.Value{row(first, 0, 1), row(first, 60_000, 1), row(last, 0, 1), row(first, day, 1)}, "", 2},
		{"fewer", [][]value.Value{row(first, 0, 1), row(last, 0, 1), row(first, day, 1)}, "counted 3 events on 1970-01-01 and made tiles of 2", 0},
		{"more on the last day", [][]value.Value{row(first, 0, 3), row(first, day, 2)}, "counted 1 events on 1970-01-02 and made tiles of 2", 1},
		{"a day less", [][]value.Value{row(first, 0, 3)}, "on 2 days and made tiles of 1", 1},
		{"a day more", [][]value.Value{row(first, 0, 3), row(first, day, 1), row(first, 2*day, 1)}, "counted 0 events on 1970-01-03", 2},
		{"keys in another order", [][]value.Value{row(last, 0, 1), row(first, 0, 2)}, "which is a defect", 0},
		{"days in another order", [][]value.Value{row(first, day, 1), row(first, 0, 3)}, "which is a defect", 0},
		{"a key of another type", [][]value.Value{{value.OfString("a"), value.OfInt(0), value.OfInt(3), value.OfInt(3)}}, "which is a defect", 0},
	} {
		dir := t.TempDir()
		err := rowsOfTiles(t, dir, two, c.rows...)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		var left []string
		if walked := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if filepath.Ext(path) == ".tiles" || filepath.Ext(path) == ".tmp" {
				left = append(left, path)
			}
			return err
		}); walked != nil {
			t.Fatal(walked)
		}
		if len(left) != c.files {
			t.Errorf("%s: %q are left, want %d files", c.name, left, c.files)
		}
		if c.files == 0 {
			if err := rowsOfTiles(t, dir, two, row(first, 0, 3), row(first, day, 1)); err != nil {
				t.Errorf("%s: the next run says %v", c.name, err)
			}
		}
	}
}
