package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const smallModel = smallFeatures + `
rows = bh.TrainingSet("rows", view=v, spine=bh.Spine(e, at="ts"), labels={"big": "x > 1"})

def fit(data, params):
    return None

m = bh.Model("m", training_set=rows, train=fit, pipeline=bh.Pipeline([bh.impute("g__*", "median"), bh.drop("twice")]),
    split=bh.TimeSplit(valid="2024-01-02", test="2024-01-03"), environment=bh.Environment(["lightgbm==4.7.0"], python="3.11"), gate="auc > champion.auc", params={"n": 3})
bh.Endpoint("now", model=m, traffic={"champion": 90, "2": 10}, fallback="last")
`

// A model is explained by what it learns, where its function stands and what its pipeline leaves, with the columns that it is made of.
func TestExplainModel(t *testing.T) {
	dir := smallProject(t, smallModel)
	if code, out, stderr := bighead(t, dir, "check"); code != exitGood || !strings.HasSuffix(out, "2 training sets, 1 model, 1 endpoint\n") {
		t.Errorf("check answers %d\n%s%s", code, out, stderr)
	}
	_, out, _ := bighead(t, dir, "explain", "m")
	for _, line := range []string{
		"model m learns big of training set rows, binary", "  train fit of pandas rows  (features.py:10:5)",
		"  split before 2024-01-02T00:00:00Z for training, then to 2024-01-03T00:00:00Z for validation, then for the test",
		"  environment lightgbm==4.7.0 on Python 3.11", `  params {"n":3}, seed 1`, "  gate auc > champion.auc", "  pipeline: 3 columns in, 2 out",
		`    step 1 impute of g__*  {"strategy":"median"}`, "    step 2 drop of twice", "    g__x_sum_1h float", "    g__x_last float", "training set rows",
	} {
		if !strings.Contains("\n"+out, "\n"+line) {
			t.Errorf("explain does not say %q:\n%s", line, out)
		}
	}
	if _, out, _ = bighead(t, dir, "explain", "now"); !strings.HasPrefix(out, "endpoint now asks model m  (features.py:15:1)\n  traffic champion 90, 2 10\n  fallback: the last version that was good\n") {
		t.Errorf("explain says\n%s", out)
	}
}

// A plan says what becomes of models and endpoints, and who reads what changes.
func TestPlanOfModels(t *testing.T) {
	dir := smallProject(t, smallModel)
	if code, _, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood || !strings.Contains(stderr, "models\n  + m\nendpoints\n  + now\n") {
		t.Fatalf("apply answers %d\n%s", code, stderr)
	}
	if _, out, _ := bighead(t, dir, "plan", "--cost=false"); !strings.HasPrefix(out, "no changes") {
		t.Errorf("plan says\n%s", out)
	}
	changed := strings.NewReplacer(`"n": 3`, `"n": 4`, `"2": 10`, `"2": 20`).Replace(smallModel)
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	_, out, _ := bighead(t, dir, "plan", "--cost=false")
	want := "models\n  ~ m  versions that are trained from now on learn something else; those that are there stay; read by endpoint now\n" +
		"endpoints\n  = now  traffic champion 90, 2 10 → champion 90, 2 20; the same meaning, nothing is computed again\n"
	if !strings.HasPrefix(out, want) {
		t.Errorf("plan says\n%s", out)
	}
	// A feature that a step names cannot go.
	gone := strings.Replace(smallModel, `bh.impute("g__*", "median")`, `bh.impute("g__x_sum_2h", "median")`, 1)
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(gone), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := bighead(t, dir, "plan"); code != exitMistake || !strings.Contains(stderr, "error[BH130]") || !strings.Contains(stderr, "g__x_sum_1h") {
		t.Errorf("plan answers %d\n%s", code, stderr)
	}
}
