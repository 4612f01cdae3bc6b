package spark_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/*.sql; read the diff")

// TestPrinted compares the queries of testdata/*.py with those of testdata/*.sql.
func TestPrinted(t *testing.T) {
	files, err := filepath.Glob("testdata/*.py")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for i, p := range defined(t, files) {
		q, err := spark.Print(planOf(p), tablesOf(planOf(p)), spark.Shape{})
		if err != nil {
			t.Fatalf("%s: %v", files[i], err)
		}
		golden(t, strings.TrimSuffix(files[i], ".py")+".sql", q.String())
	}
}

// The tiles of testdata/group.py for two days, and the counts of what they are made of.
func TestPrintedTiles(t *testing.T) {
	s := plan.ForBackfill(defined(t, []string{"testdata/group.py"})[0].Groups).Sets[0]
	folds := make([]int, len(s.Folds))
	for i := range folds {
		folds[i] = i
	}
	days := []cells.Stretch{{From: 19723, To: 19724}, {From: 19724, To: 19725}, {From: 19730, To: 19731}}
	c, err := spark.PrintCells(s, folds, 60_000, spark.Table{From: "e_table"}, days)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := spark.PrintDayCounts(s, folds, spark.Table{From: "e_table"}, days, true)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/group.tiles.sql", c.Tiles.String())
	golden(t, "testdata/group.counts.sql", counts.String())
}

// golden compares a text with a file's.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s is printed otherwise:\n%s", file, text)
	}
}

// defined types the definitions of files.
func defined(t *testing.T, files []string) []*feature.Project {
	t.Helper()
	units := make([]project.Unit, len(files))
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		units[i] = project.Unit{Name: filepath.Base(f), Text: &text}
	}
	return typed(t, units)
}

// definedText types definitions.
func definedText(t *testing.T, text string) *feature.Project {
	t.Helper()
	return typed(t, []project.Unit{{Name: "features.py", Text: &text}})[0]
}

func typed(t *testing.T, units []project.Unit) []*feature.Project {
	t.Helper()
	defs, err := record(t.Context(), units)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]*feature.Project, len(units))
	for i, d := range defs {
		p, problems := feature.Check(d, feature.Options{})
		if problems.Failed() {
			t.Fatalf("%s: %v", units[i].Name, problems.Err())
		}
		out[i] = p
	}
	return out
}

// planOf plans the last that a file defines: a training set, a view or a group.
func planOf(p *feature.Project) *plan.Batch {
	switch {
	case len(p.TrainingSets) > 0:
		return plan.ForTrainingSet(p.TrainingSets[len(p.TrainingSets)-1])
	case len(p.Views) > 0:
		return plan.ForView(p.Views[len(p.Views)-1], nil)
	}
	return plan.ForGroup(p.Groups[len(p.Groups)-1], nil)
}

// tablesOf names a table for each that the plan reads.
func tablesOf(b *plan.Batch) spark.Tables {
	t := spark.Tables{Spine: spark.Table{From: "spine_table"}}
	for _, j := range b.Joined() {
		s := j.Scan.Source
		table := spark.Table{From: s.Name + "_table"}
		if s.Kind == feature.Snapshots {
			table.Parts = []value.Value{value.OfDate(19723), value.OfDate(19724)}
		}
		t.Joins = append(t.Joins, table)
	}
	return t
}
