package backfill_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/dataset/text"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local/backfill"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

// world is a project's folder with the files of one source, in data/, and its tiles.
type world struct {
	t       *testing.T
	dir     string
	options backfill.Options
	clock   time.Time // of the files: each that is written is newer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o777); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, dir: dir, clock: time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)}
}

// columns of every file: 21 features' worth of them.
var fileColumns = func() value.Schema {
	s := value.Schema{{Name: "user", Type: value.Int}, {Name: "ts", Type: value.Timestamp}, {Name: "id", Type: value.Int}, {Name: "kind", Type: value.String}}
	for i := range 21 {
		s = append(s, value.Field{Name: fmt.Sprintf("x%02d", i), Type: value.Float})
	}
	return s
}()

const day0 = 19_800 // 2024-03-18

// row is an event: numbers follow from the id, so that they differ from row to row.
func row(user, ts, id int64) []value.Value {
	out := []value.Value{value.OfInt(user), value.OfTimestamp(ts), value.OfInt(id), value.OfString([]string{"a", "b", "c"}[id%3])}
	for i := range int64(21) {
		out = append(out, value.OfFloat(float64((id*7+i*13)%101)/4))
	}
	return out
}

// events are n rows of a day, spread over it.
func events(day, n int64) [][]value.Value {
	var out [][]value.Value
	for i := range n {
		out = append(out, row((day*31+i*17)%12, day*value.DayMS+(i*7919*7_919)%value.DayMS, day*1000+i))
	}
	return out
}

// write writes a file of data/ by its extension, as of a new time.
func (w *world) write(name string, rows [][]value.Value) {
	w.t.Helper()
	path := filepath.Join(w.dir, "data", name)
	out, err := dataset.Create([]dataset.Format{parquet.Format{}, text.CSV{}}, path, fileColumns, dataset.Metadata{}, dataset.WriteOptions{})
	if err == nil && len(rows) > 0 {
		err = out.Write(value.BatchOf(fileColumns, rows))
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.touch(name)
}

func (w *world) touch(name string) {
	w.t.Helper()
	w.clock = w.clock.Add(time.Minute)
	if err := os.Chtimes(filepath.Join(w.dir, "data", name), w.clock, w.clock); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, "data", name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) inputs() engine.Inputs {
	return engine.Inputs{Open: func(ctx context.Context, p feature.Place, s value.Schema) (dataset.Table, error) {
		return dataset.Open(ctx, []dataset.Format{parquet.Format{}, text.CSV{}}, filepath.Join(w.dir, p.Path), dataset.Options{Declared: s})
	}}
}

// define types definitions over data/*.
func define(t *testing.T, python string) *feature.Project {
	t.Helper()
	defs, err := project.RecordUnits(t.Context(), project.Python{Timeout: 10 * time.Minute}, []project.Unit{{Name: "features.py", Text: &python}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := feature.Check(defs[0], feature.Options{Schema: func(feature.Place) (value.Schema, []string, error) { return fileColumns, nil, nil }})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	return p
}

func (w *world) tiles() *tiletable.Table {
	return tiletable.Open(filepath.Join(w.dir, ".bighead", "tiles"))
}

// fill runs a backfill of all groups.
func (w *world) fill(p *feature.Project) *engine.BackfillReport {
	w.t.Helper()
	return w.run(plan.ForBackfill(p.Groups), w.tiles())
}

func (w *world) run(b *plan.Backfill, tiles *tiletable.Table) *engine.BackfillReport {
	w.t.Helper()
	rep, err := backfill.Backfill(w.t.Context(), w.options, b, w.inputs(), tiles)
	if err != nil {
		w.t.Fatal(err)
	}
	return rep
}

// same holds the tiles against those that a backfill into an empty folder makes: fold by fold, day by day, key by key.
func (w *world) same(p *feature.Project) {
	w.t.Helper()
	b := plan.ForBackfill(p.Groups)
	fresh := tiletable.Open(w.t.TempDir())
	w.run(b, fresh)
	in := w.inputs()
	for _, s := range b.Sets {
		table, err := in.Open(w.t.Context(), s.Source.Place, s.Source.Schema)
		if err != nil {
			w.t.Fatal(err)
		}
		want, got := w.contents(fresh, s, table), w.contents(w.tiles(), s, table)
		if len(want) == 0 {
			w.t.Fatal("there are no tiles to compare")
		}
		for k := range want {
			if want[k] != got[k] {
				w.t.Fatalf("%v is %q, from scratch %q", k, got[k], want[k])
			}
		}
		if len(want) != len(got) {
			w.t.Fatalf("%d states, from scratch %d", len(got), len(want))
		}
	}
}

// contents are all good states of a set, by fold, key and tile.
func (w *world) contents(tiles *tiletable.Table, s *plan.TileSet, table dataset.Table) map[enginetest.Tile]string {
	w.t.Helper()
	out, err := enginetest.TilesIn(tiles, s, table)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// cells are the counts of a report's cells in words.
func cells(r *engine.BackfillReport) string {
	total := map[tiletable.Verdict]int64{}
	made := int64(0)
	for _, s := range r.Sets {
		made += s.Made
		for v, n := range s.Cells {
			total[v] += n
		}
	}
	var out []string
	for _, v := range slices.Sorted(maps.Keys(total)) {
		out = append(out, fmt.Sprintf("%d %s", total[v], v))
	}
	return fmt.Sprintf("made %d: %s", made, strings.Join(out, ", "))
}
