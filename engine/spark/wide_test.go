package spark_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// sameRows holds Spark's answer against the embedded engine's, value by value.
func sameRows(t *testing.T, got, want *enginetest.Answer) {
	t.Helper()
	if len(got.Rows) != len(want.Rows) {
		t.Fatalf("%d rows, the embedded engine has %d", len(got.Rows), len(want.Rows))
	}
	wrong := 0
	for i := range want.Rows {
		for c, f := range want.Schema {
			if !value.Equal(got.Rows[i][c], want.Rows[i][c]) {
				if wrong++; wrong < 10 {
					t.Errorf("row %d, %s: %v, the embedded engine has %v", i, f.Name, got.Rows[i][c], want.Rows[i][c])
				}
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d values differ", wrong)
	}
}

// A plan as wide as five groups of fifty windows is one query that Spark takes.
func TestAWidePlan(t *testing.T) {
	text, groups := `e = bh.EventSource("e", columns={"k": bh.Int, "x": bh.Int}, time="ts")`+"\n", ""
	for g := range 5 {
		var windows []string
		for w := range 50 {
			windows = append(windows, fmt.Sprintf(`"%dm"`, 10*(w+1)+g))
		}
		text += fmt.Sprintf("g%d = bh.FeatureGroup(\"g%d\", source=e, keys=[\"k\"], features=[bh.sum(\"x\", windows=[%s])])\n", g, g, strings.Join(windows, ", "))
		groups += fmt.Sprintf("g%d, ", g)
	}
	b := planOf(definedText(t, text+"v = bh.FeatureView(\"v\", groups=["+groups+"])\n"))
	var events, asks [][]value.Value
	for i := range int64(1000) {
		events = append(events, []value.Value{value.OfInt(i % 3), value.OfInt(i * 7919 % 500), value.OfTimestamp(1_704_067_200_000 + i*60_007)})
	}
	for i := range int64(100) {
		asks = append(asks, []value.Value{value.OfTimestamp(1_704_067_200_000 + i*600_000), value.OfInt(i % 4)})
	}
	in := engine.Inputs{Spine: enginetest.NewTable(b.Spine.Schema, enginetest.Part{Rows: asks}), Open: func(_ context.Context, _ feature.Place, s value.Schema) (dataset.Table, error) {
		return enginetest.NewTable(s, enginetest.Part{Rows: events}), nil
	}}
	got, err := enginetest.Ask(t.Context(), with(t, spark.Options{Stage: t.TempDir(), Parquet: parquet.Format{}, Settings: quick}), b, in)
	if err != nil {
		t.Fatal(err)
	}
	want, err := enginetest.Ask(t.Context(), local.New(local.Options{}), b, in)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Rows) != 100 || len(want.Schema) < 250 {
		t.Fatalf("%d rows of %d columns", len(want.Rows), len(want.Schema))
	}
	sameRows(t, got, want)
}

// A file that lost a column after the definitions were checked is refused with the source's line and the column's name, by either engine.
func TestAColumnThatIsGone(t *testing.T) {
	dir := t.TempDir()
	schema := value.Schema{{Name: "k", Type: value.Int}, {Name: "ts", Type: value.Timestamp}, {Name: "amount", Type: value.Int}}
	write := func(schema value.Schema) {
		t.Helper()
		row := []value.Value{value.OfInt(1), value.OfTimestamp(1_704_067_200_000), value.OfInt(2)}
		w, err := dataset.Create([]dataset.Format{parquet.Format{}}, filepath.Join(dir, "e.parquet"), schema, dataset.Metadata{}, dataset.WriteOptions{})
		if err == nil {
			err = w.Write(value.BatchOf(schema, [][]value.Value{row[:len(schema)]}))
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(schema)
	p, in := onFiles(t, fmt.Sprintf(`e = bh.EventSource("e", path=%q, time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("amount")])
`, dir))
	write(schema[:2])
	b := planOf(p)
	in.Spine = enginetest.NewTable(b.Spine.Schema, enginetest.Part{Rows: [][]value.Value{{value.OfTimestamp(1_704_067_300_000), value.OfInt(1)}}})
	for _, e := range []engine.Engine{local.New(local.Options{}), with(t, spark.Options{Stage: t.TempDir(), Parquet: parquet.Format{}})} {
		_, err := enginetest.Ask(t.Context(), e, b, in)
		if err == nil || !strings.Contains(err.Error(), "files.py:1:") || !strings.Contains(err.Error(), "amount") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", e.Name(), err)
		}
	}
}
