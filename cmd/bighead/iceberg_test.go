package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const icebergFeatures = `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x", windows=["1h"]), bh.last("x")])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="ts", keep=["x"]))
`

// backFeatures reads what icebergFeatures has written.
const backFeatures = `import bighead as bh

e = bh.EventSource("e", table="PLACE", time="at")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count(), bh.sum("x")])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="at", keep=["x"]))
`

// Rows of a training set go into an Iceberg table and are read from it again by a definition that names it, now and as of the snapshot before.
func TestIcebergTables(t *testing.T) {
	warehouse := t.TempDir()
	if err := os.Mkdir(filepath.Join(warehouse, "db"), 0o755); err != nil {
		t.Fatal(err)
	}
	project := func(features string) string {
		t.Helper()
		dir := smallProject(t, features)
		toml := "[iceberg]\ncatalog = \"hadoop\"\nwarehouse = \"" + warehouse + "\"\n"
		if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	rows := func(dir string, args ...string) []string {
		t.Helper()
		out := filepath.Join(dir, "rows.csv")
		mustRun(t, dir, append([]string{"training-set", "t", "--out", out}, args...)...)
		return sortedLines(t, out)
	}
	from := project(icebergFeatures)
	want := rows(from)
	if len(want) != 4 {
		t.Fatalf("the training set has the lines %q", want)
	}
	mustRun(t, from, "training-set", "t", "--out", "iceberg:db.rows")
	place := func(p string) string { return project(strings.Replace(backFeatures, "PLACE", p, 1)) }
	once := rows(place("iceberg:db.rows"))
	if len(once) != len(want) || !slices.ContainsFunc(once, func(l string) bool { return strings.HasPrefix(l, "2,a,2024-01-01T11:00:00Z,1,1") }) {
		t.Errorf("read back, the lines are %q, of %q", once, want)
	}
	mustRun(t, from, "training-set", "t", "--out", "iceberg:db.rows") // appended, again
	if twice := rows(place("iceberg:db.rows")); len(twice) != 2*len(want)-1 {
		t.Errorf("after two runs the lines are %q", twice)
	}
	snapshots, err := filepath.Glob(filepath.Join(warehouse, "db", "rows", "metadata", "snap-*.avro"))
	if err != nil || len(snapshots) != 2 {
		t.Fatalf("the snapshots are %q, %v", snapshots, err)
	}
	then := false
	for _, s := range snapshots { // snap-ID-…
		id := strings.Split(filepath.Base(s), "-")[1]
		then = then || slices.Equal(rows(place("iceberg:db.rows@"+id)), once)
	}
	if !then {
		t.Errorf("no snapshot has the lines %q", once)
	}
	// Others drop the table, and even the namespace, once the definitions are checked: the run says that they were there, and what to do.
	dir := place("iceberg:db.rows")
	cli := &cli{dir: dir, stdin: strings.NewReader(""), stdout: &lockedText{}, stderr: &lockedText{}}
	l, err := cli.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone := `table "iceberg:db.rows" was there when the definitions were checked, and is gone: it was dropped or renamed meanwhile: bring it back, or write the name that it has now, and run again`
	for _, c := range []struct{ gone, says string }{{"db/rows", `there is no table "rows" in namespace db`}, {"db", `there is no namespace "db"`}} {
		from, aside := filepath.Join(warehouse, c.gone), filepath.Join(t.TempDir(), "aside")
		if err := os.Rename(from, aside); err != nil {
			t.Fatal(err)
		}
		err := cli.runTrainingSet(t.Context(), l, l.typed.TrainingSets[0], filepath.Join(dir, "rows.csv"))
		if err == nil || !strings.Contains(err.Error(), gone) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("without %s the run says %v", c.gone, err)
		}
		if err := os.Rename(aside, from); err != nil {
			t.Fatal(err)
		}
	}
	if err := cli.runTrainingSet(t.Context(), l, l.typed.TrainingSets[0], filepath.Join(dir, "rows.csv")); err != nil {
		t.Errorf("with them again the run says %v", err)
	}
	for _, c := range []struct{ place, says string }{
		{"iceberg:db.row", `did you mean "rows"?`}, {"iceberg:db.rows@17", "17"}, {"iceberg:db.rows@2001-01-01", "2001-01-01"},
	} {
		if code, out, stderr := bighead(t, place(c.place), "check"); code == exitGood || !strings.Contains(out+stderr, c.says) {
			t.Errorf("%s: check answers %d\n%s%s", c.place, code, out, stderr)
		}
	}
	if help := mustRun(t, from, "training-set", "--help"); !strings.Contains(help, "iceberg:db.table") {
		t.Errorf("the help of --out does not name Iceberg:\n%s", help)
	}
}
