package upload_test

import (
	"context"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/local/upload"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store/memory"
	"github.com/bighead-ml/bighead/value"
)

func define(t *testing.T, python string) *feature.Project {
	t.Helper()
	defs, err := project.RecordUnits(t.Context(), project.Python{Timeout: 10 * time.Minute}, []project.Unit{{Name: "features.py", Text: &python}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := feature.Check(defs[0], feature.Options{})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	return p
}

// A partition of a snapshot table ends entities that it does not hold, also where none of its rows passes the source's where, and though
// its rows alone tell of it (E6). Before 1970 too.
func TestAPartitionWhoseRowsAllDropEndsEntities(t *testing.T) {
	p := define(t, `import bighead as bh
p = bh.EntitySource("p", columns={"k": bh.String, "v": bh.Int, "ds": bh.Date}, keys=["k"], snapshot="ds", where="v < 100")
g = bh.FeatureGroup("g", source=p, features=[bh.latest("v")])`)
	row := func(v int64, day int64) []value.Value {
		return []value.Value{value.OfString("x"), value.OfInt(v), value.OfDate(day)}
	}
	table := enginetest.NewTable(p.Sources[0].Schema, enginetest.Part{Rows: [][]value.Value{row(1, -10), row(100, -9), row(3, 5)}})
	s, st := plan.SpaceOf(p.Groups[0]), memory.New()
	l := &upload.Load{Space: s, Store: st, Generation: 1}
	if _, err := l.Rows(t.Context(), table, -9*value.DayMS); err != nil {
		t.Fatal(err)
	}
	type version struct {
		ts      int64
		deleted bool
	}
	var got []version
	err := st.Scan(t.Context(), s.BatchSpace(1), plan.WholeStep, func(_ string, _ int64, b []byte) error {
		rows, err := s.RowLayout().Decode(b)
		for _, r := range rows.Rows {
			got = append(got, version{r.TS, r.Deleted})
		}
		return err
	})
	want := []version{{-9 * value.DayMS, false}, {-8 * value.DayMS, true}, {6 * value.DayMS, false}}
	if err != nil || len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v %v, want %v", got, err, want)
	}
}

// A group whose windows want tiles of a second for one fold is loaded though batch makes tiles of a minute of the other, which reads none
// that are shorter.
func TestFoldsThatWantOtherTilesAreLoadedTogether(t *testing.T) {
	p := define(t, `import bighead as bh
e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Int}, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.max("x", offset="30s"), bh.min("x", windows=["1h"], name="least")])`)
	g := p.Groups[0]
	var rows [][]value.Value
	for i := range int64(100) {
		row := map[string]value.Value{"k": value.OfString("a"), "x": value.OfInt(i), "ts": value.OfTimestamp(2*value.DayMS - 1 - i*977_003)}
		rows = append(rows, []value.Value{row[g.Source.Schema[0].Name], row[g.Source.Schema[1].Name], row[g.Source.Schema[2].Name]})
	}
	table := enginetest.NewTable(g.Source.Schema, enginetest.Part{Rows: rows})
	in := engine.Inputs{Open: func(context.Context, feature.Place, value.Schema) (dataset.Table, error) { return table, nil }}
	tiles := tiletable.Open(t.TempDir())
	if _, err := local.New(local.Options{}).Backfill(t.Context(), plan.ForBackfill(p.Groups), in, tiles); err != nil {
		t.Fatal(err)
	}
	s, st := plan.SpaceOf(g), memory.New()
	if s.BatchStep(0) != 1000 || s.BatchStep(1) != 60_000 || s.Levels[0].Step != 1000 {
		t.Fatalf("tiles of %d and %d ms, and the finest level of %d: nothing is tested", s.BatchStep(0), s.BatchStep(1), s.Levels[0].Step)
	}
	l := &upload.Load{Space: s, Store: st, Watermark: 2 * value.DayMS, Generation: 1}
	if _, err := l.All(t.Context(), tiles, table, 2*value.DayMS); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fold       int
		step, want int64
	}{{0, plan.BaseStep, 99}, {1, 60_000, 0}} { // the oldest row has the largest x
		got := s.Folds[c.fold].New()
		err := st.Scan(t.Context(), s.BatchSpace(1), c.step, func(_ string, _ int64, b []byte) error {
			x, err := s.Layout().Decode(b)
			got.Merge(x.State(c.fold))
			return err
		})
		f := s.Values[c.fold].Feature
		if v := f.Agg.Finish(f.Input.Type(), f.Params, []agg.State{got}, 0); err != nil || v.IsNull() || v.Int() != c.want {
			t.Errorf("%s is %v, %v; want %d", f.Name, v, err, c.want)
		}
	}
}
