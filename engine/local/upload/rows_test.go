package upload_test

import (
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local/upload"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store/memory"
	"github.com/bighead-ml/bighead/value"
)

func define(t *testing.T, python string) *feature.Project {
	t.Helper()
	defs, err := project.RecordUnits(t.Context(), project.Python{}, []project.Unit{{Name: "features.py", Text: &python}})
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
// its rows alone tell of it (E6).
func TestAPartitionWhoseRowsAllDropEndsEntities(t *testing.T) {
	p := define(t, `import bighead as bh
p = bh.EntitySource("p", columns={"k": bh.String, "v": bh.Int, "ds": bh.Date}, keys=["k"], snapshot="ds", where="v < 100")
g = bh.FeatureGroup("g", source=p, features=[bh.latest("v")])`)
	row := func(v int64, day int64) []value.Value {
		return []value.Value{value.OfString("x"), value.OfInt(v), value.OfDate(day)}
	}
	table := enginetest.NewTable(p.Sources[0].Schema, enginetest.Part{Rows: [][]value.Value{row(1, 0), row(100, 1), row(3, 5)}})
	s, st := plan.SpaceOf(p.Groups[0]), memory.New()
	l := &upload.Load{Space: s, Store: st, Generation: 1}
	if _, err := l.Rows(t.Context(), table, 0); err != nil {
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
	want := []version{{value.DayMS, false}, {2 * value.DayMS, true}, {6 * value.DayMS, false}}
	if err != nil || len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v %v, want %v", got, err, want)
	}
}
