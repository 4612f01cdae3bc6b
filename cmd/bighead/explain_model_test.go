package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/model/transform"
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

// A pipeline is drawn as it is defined, and of a version as it was fitted, whatever is defined by then.
func TestExplainDiagram(t *testing.T) {
	dir := smallProject(t, strings.Replace(predictingFeatures, `task="binary",`, `task="binary", pipeline=bh.Pipeline([bh.impute("g__*", "mean"), bh.one_hot("s", missing="zeros"), bh.drop("y")]),`, 1))
	s := strings.NewReplacer(`request={`, `request={"s": bh.optional(bh.String), `, `columns={`, `columns={"s": "k", `)
	path := filepath.Join(dir, "features.py")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(s.Replace(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	want := "input    g__x_sum_1h int, g__x_last int, s string, y float\n  1 impute         g__x_sum_1h, g__x_last → in place\n" +
		"  2 one_hot        s → s_*\n  3 drop           y → left out\noutput   g__x_sum_1h float, g__x_last float, s_* bool\n"
	if code, out, stderr := bighead(t, dir, "explain", "m", "--diagram", "text"); code != exitGood || out != want {
		t.Errorf("explain answers %d\n%s%s\nnot\n%s", code, out, stderr, want)
	}
	if code, out, _ := bighead(t, dir, "explain", "m", "--diagram", "svg"); code != exitGood || !strings.HasPrefix(out, "<svg ") || !strings.Contains(out, "→ s_*") {
		t.Errorf("explain answers %d\n%s", code, out)
	}
	if code, _, stderr := bighead(t, dir, "explain", "m@1", "--diagram", "text"); code != exitMistake || !strings.Contains(stderr, `no version of model "m" was trained: bighead train m`) {
		t.Errorf("explain answers %d\n%s", code, stderr)
	}
	bighead(t, dir, "apply", "--yes")
	registerFitted(t, dir)
	if code, _, stderr := bighead(t, dir, "models", "alias", "m", "champion", "1"); code != exitGood {
		t.Fatalf("alias answers %d\n%s", code, stderr)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want = strings.NewReplacer("s_* bool", "s_a bool, s_b bool", "s_*", "s_a, s_b").Replace(want)
	for _, name := range []string{"m@1", "m@champion"} {
		if code, out, stderr := bighead(t, dir, "explain", name, "--diagram", "text"); code != exitGood || out != want {
			t.Errorf("explain %s answers %d\n%s%s\nnot\n%s", name, code, out, stderr, want)
		}
	}
	code, out, _ := bighead(t, dir, "explain", "m@1", "--diagram", "text", "--json")
	var both drawnPipeline
	if err := json.Unmarshal([]byte(out), &both); code != exitGood || err != nil || both.Model != "m" || both.Version != 1 || both.Text != want || !strings.HasPrefix(both.SVG, "<svg ") {
		t.Errorf("explain answers %d %v\n%s", code, err, out)
	}
}

// registerFitted registers a version of model "m" whose pipeline is fitted.
func registerFitted(t *testing.T, dir string) {
	t.Helper()
	rows, err := transform.ParseColumns([]string{"g__x_sum_1h int: 1 | null", "g__x_last int: 1 | 2", "s string: a | b", "y float: 1.0 | 2.0"})
	if err != nil {
		t.Fatal(err)
	}
	steps := []transform.Step{
		{Kind: "impute", Columns: []string{"g__*"}, Args: json.RawMessage(`{"strategy": "mean"}`)},
		{Kind: "one_hot", Columns: []string{"s"}, Args: json.RawMessage(`{"missing": "zeros"}`)}, {Kind: "drop", Columns: []string{"y"}},
	}
	p, err := transform.Fit(t.Context(), rows.Schema, steps, "", transform.RowsOf(rows))
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	registerVersion(t, dir, "lgb_binary", func(v *catalog.ModelVersion) {
		v.Artifact = modeltest.Fixture(t, "lgb_binary").Write(t, artifactsFolder(dir), model.Binary, func(f *model.Manifest) {
			f.Model, f.View, f.Fingerprint, f.Columns, f.Pipeline = "m", "v", v.ViewFingerprint, nil, fitted
			for _, c := range rows.Schema {
				f.Columns = append(f.Columns, model.ManifestColumn{Name: c.Name, Type: c.Type, Fingerprint: "f"})
			}
			for i := range f.Inputs {
				f.Inputs[i] = "s_a"
			}
		})
	})
}

// What has no pipeline, and what is no way to draw one, is refused.
func TestExplainDiagramRefused(t *testing.T) {
	dir := smallProject(t, smallModel)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"g", "--diagram", "text"}, exitMistake, `--diagram draws the pipeline of a model, and "g" is none; models are: m`},
		{[]string{"mm", "--diagram", "text"}, exitMistake, `no model is called "mm"; did you mean "m"?`},
		{[]string{"m", "--diagram", "png"}, exitUsage, "--diagram png: write --diagram text or svg"},
		{[]string{"m", "--diagram", ""}, exitUsage, "write --diagram text or svg"},
		{[]string{"m", "--diagram", "svg", "--engine", "spark"}, exitUsage, "leave out --engine and --bundle"},
		{[]string{"m@3"}, exitMistake, "explain says what model m means as it is defined; what a version was fitted to is drawn with --diagram text"},
	} {
		if code, _, stderr := bighead(t, dir, append([]string{"explain"}, c.args...)...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("explain %v answers %d, not with %q\n%s", c.args, code, c.want, stderr)
		}
	}
}
