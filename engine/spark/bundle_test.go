package spark_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

const bundledPy = `e = bh.EventSource("e", path="%DIR%", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.sum("n", windows=["1h", "2h"]), bh.last("z", windows=["1h"]), bh.last("l", windows=["1h"]),
])
t = bh.TrainingSet("t", view=bh.FeatureView("v", groups=[g]), spine=bh.Spine(e, at="ts"), labels={"y": "n"}, start="2024-01-03", end="2024-01-04")
`

// What spark-sql makes of a bundle, without us, is what it computes for us; it leaves days alone that no window sees, and run again it replaces
// what it has written.
func TestABundleRunsWithoutUs(t *testing.T) {
	session, dir, bundle, out := server.Spark(t), t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "rows")
	if err := session.Exec(t.Context(), "set spark.sql.parquet.outputTimestampType = TIMESTAMP_MICROS"); err != nil {
		t.Fatal(err)
	}
	for _, day := range []string{"2024-01-01", "2024-01-02", "2024-01-03"} {
		from := map[string]int{"2024-01-01": 0, "2024-01-02": 2780, "2024-01-03": 2890}[day]
		rows := strings.NewReplacer("%FROM%", fmt.Sprint(from), "%TO%", fmt.Sprint(from+100)).Replace(native)
		if err := session.Exec(t.Context(), "insert overwrite directory '"+filepath.Join(dir, "day="+day)+"' using parquet "+rows); err != nil {
			t.Fatal(err)
		}
	}
	p, in := onFiles(t, strings.ReplaceAll(bundledPy, "%DIR%", dir))
	b := plan.ForTrainingSet(p.TrainingSets[0])
	answer, err := enginetest.Ask(t.Context(), with(t, spark.Options{}), b, in)
	if err != nil {
		t.Fatal(err)
	}
	files, err := spark.Bundle(t.Context(), b, in)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(bundle, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(files["t.sql"], "where `day` >= '2024-01-02' and `day` <= '2024-01-03'") {
		t.Errorf("days are not filtered:\n%s", files["t.sql"])
	}
	twice := filepath.Join(bundle, "twice.sql")
	if err := os.WriteFile(twice, []byte(files["t.sql"]+files["t.sql"]), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := server.SparkSQL(t, "--properties-file", filepath.Join(bundle, "t.conf"), "-d", "out="+out, "-f", twice); err != nil {
		t.Fatal(err)
	}
	var names, want []string
	for _, o := range b.Output {
		names = append(names, "`"+o.Name+"`")
	}
	res, err := session.Query(t.Context(), "select "+strings.Join(names, ", ")+" from parquet.`"+out+"`")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(res.Rows))
	for i, row := range res.Rows {
		got[i] = fmt.Sprint(row)
	}
	for i := range answer.Rows {
		want = append(want, fmt.Sprint(answer.Rows[i]))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 50 {
		t.Errorf("spark-sql has written\n%s\nit computes for us\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// The embedded engine reads them, as a source that a definition names.
	kept := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "`k`" || n == "`at`" })
	again, in := onFiles(t, fmt.Sprintf(`rows = bh.EventSource("rows", path=%q, time="at")
g = bh.FeatureGroup("g", source=rows, keys=["k"], features=[bh.count()])
t = bh.TrainingSet("t", view=bh.FeatureView("v", groups=[g]), spine=bh.Spine(rows, at="at", keep=[%s]))
`, out, strings.ReplaceAll(strings.Join(kept, ", "), "`", `"`)))
	read, err := enginetest.Ask(t.Context(), local.New(local.Options{}), plan.ForTrainingSet(again.TrainingSets[0]), in)
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, row := range read.Rows {
		var line []value.Value
		for _, o := range b.Output {
			line = append(line, row[read.Schema.Index(o.Name)])
		}
		ours = append(ours, fmt.Sprint(line))
	}
	slices.Sort(ours)
	if !slices.Equal(ours, want) {
		t.Errorf("the embedded engine reads\n%s\nwhich was written as\n%s", strings.Join(ours, "\n"), strings.Join(want, "\n"))
	}
	folders, err := filepath.Glob(filepath.Join(out, "bighead_day=2024-01-03", "bighead_bucket=*", "*.parquet"))
	if err != nil || len(folders) != 3 { // as many as keys
		t.Errorf("the files are %v, %v", folders, err)
	}
}
