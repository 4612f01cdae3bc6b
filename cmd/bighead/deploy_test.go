package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
)

const predictingFeatures = `import bighead as bh
e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="10m", features=[bh.sum("x", windows=["1h"]), bh.last("x", default=0)])
v = bh.FeatureView("v", groups=[g], request={"y": bh.optional(bh.Float)})
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="ts", columns={"y": "1.5"}), labels={"l": "x > 1"})
def learn(data, params):
    return None
m = bh.Model("m", training_set=t, train=learn, task="binary", split=bh.TimeSplit(valid="2024-01-02", test="2024-01-03"))
late = bh.Endpoint("late", model=m, deadline="10m")
`

// registerVersion registers a fixture as the next version of model "m", as if it had been trained over the applied view.
func registerVersion(t *testing.T, dir, fixture string, change func(*catalog.ModelVersion), manifest ...func(*model.Manifest)) {
	t.Helper()
	c := &cli{dir: dir, stdout: io.Discard, stderr: io.Discard}
	p, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.loadApplied(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	view := a.typed.Views[0]
	v := &catalog.ModelVersion{Model: "m", View: "v", ViewFingerprint: view.Fingerprint, TrainingSet: "t", At: time.Now(), By: "test", Schema: json.RawMessage("{}"), GateHeld: true}
	v.Artifact = modeltest.Fixture(t, fixture).Write(t, artifactsFolder(dir), model.Binary, func(f *model.Manifest) {
		f.Model, f.View, f.Fingerprint, f.Columns = "m", "v", view.Fingerprint, nil
		for _, col := range view.Columns {
			f.Columns = append(f.Columns, model.ManifestColumn{Name: col.Name, Type: col.Type, Fingerprint: col.Fingerprint})
		}
		for i := range f.Inputs {
			f.Inputs[i] = f.Columns[i%len(f.Columns)].Name
		}
		for _, do := range manifest {
			do(f)
		}
	})
	if change != nil {
		change(v)
	}
	cat, err := openCatalog(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	if err := cat.RegisterModel(context.Background(), v); err != nil {
		t.Fatal(err)
	}
}

// predictOf asks the endpoint "late" and gives its answer.
func predictOf(t *testing.T, dir string) predictedRow {
	t.Helper()
	code, out, stderr := bighead(t, dir, "predict", "late", "k=a", "y=2.5", "--json")
	var a predictAnswer
	if err := json.Unmarshal([]byte(out), &a); code != exitGood || err != nil || len(a.Rows) != 1 || a.Rows[0].Error != nil {
		t.Fatalf("%d %s%s", code, out, stderr)
	}
	return a.Rows[0]
}

// rolledBack compares which versions the newest changes of the endpoint "late" sent away by rolling back; nil: the change was no rollback.
func rolledBack(t *testing.T, dir string, want ...[]int64) {
	t.Helper()
	cat, err := openCatalog(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	history, err := cat.TrafficHistory(t.Context(), "late")
	if err != nil || len(history) < len(want) {
		t.Fatalf("%d changes, %v", len(history), err)
	}
	for i, versions := range want {
		if b := history[i].Rollback; (b == nil) != (versions == nil) || b != nil && !slices.Equal(b.Versions, versions) {
			t.Errorf("change %q sent %+v away, want %v", history[i].Reason, b, versions)
		}
	}
}

// trafficIsKept reads what has been done to the endpoint "late", as text and as JSON, newest first.
func trafficIsKept(t *testing.T, dir string) {
	t.Helper()
	code, out, stderr := bighead(t, dir, "models", "history", "--endpoint", "late")
	if code != exitGood {
		t.Fatal(stderr)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i, want := range []string{
		"at asks sent away by reason", "m@1 100% m@2 BY canary m@2 ended", "m@1 99%, m@2 1% as a canary BY", "m@1 100% m@2 BY rolled back to version 1",
		"m@1 70%, m@2 30% BY rolled back to what was asked from ", "m@2 100% BY", "m@1 70%, m@2 30% BY", "m@1 100%, m@2 as a shadow BY", "m@1 100% BY", "m@1 100%, m@2 as a shadow BY",
		"m@1 100% BY seen enough",
	} {
		got := strings.Join(strings.Fields(lines[i]), " ")
		if i > 0 {
			at, rest, _ := strings.Cut(got, " ")
			if _, err := time.Parse(time.RFC3339, at); err != nil {
				t.Error(err)
			}
			got = rest
		}
		if !strings.HasPrefix(got, strings.Replace(want, "BY", userName(), 1)) {
			t.Errorf("line %d: %s, want %s", i, got, want)
		}
	}
	code, out, stderr = bighead(t, dir, "models", "history", "--endpoint", "late", "--json")
	var changes []catalog.Traffic
	if err := json.Unmarshal([]byte(out), &changes); code != exitGood || err != nil || len(changes) != len(lines)-1 {
		t.Fatalf("%d %d changes, %v %s", code, len(changes), err, stderr)
	}
	if last := changes[0]; last.Reason != "canary m@2 ended" || last.By != userName() || last.Rollback == nil || changes[1].Canary == nil || changes[len(changes)-1].Routes[0].Number != 1 {
		t.Errorf("%+v", changes[:2])
	}
}

// TestRollbackTwice rolls back twice: the second time it goes further back, and not to what the first one sent away.
func TestRollbackTwice(t *testing.T) {
	dir := smallProject(t, predictingFeatures)
	mustRun(t, dir, "apply", "--yes")
	for range 3 {
		registerVersion(t, dir, "lgb_binary", nil)
	}
	for _, args := range [][]string{{"deploy", "m@1", "--to", "late"}, {"deploy", "m@2", "--to", "late"}, {"deploy", "m@3", "--to", "late"}} {
		mustRun(t, dir, args...)
	}
	for _, want := range []string{"m@2 100%", "m@1 100%"} {
		if out := mustRun(t, dir, "rollback", "late"); !strings.Contains(out, want) {
			t.Errorf("%s, want %s", out, want)
		}
	}
	rolledBack(t, dir, []int64{2}, []int64{3}, nil)
	if code, _, stderr := bighead(t, dir, "rollback", "late"); code == exitGood || !strings.Contains(stderr, "has asked no other versions before that were not rolled back; --to names one") {
		t.Errorf("%d %s", code, stderr)
	}
	mustRun(t, dir, "deploy", "m@3", "--to", "late") // which makes it one that can be gone back to
	mustRun(t, dir, "deploy", "m@2", "--to", "late")
	if out := mustRun(t, dir, "rollback", "late"); !strings.Contains(out, "m@3 100%") {
		t.Error(out)
	}
}

// TestDeployPopular deploys to an endpoint that falls back on what most of the training says, which only a version of now has.
func TestDeployPopular(t *testing.T) {
	dir := smallProject(t, strings.Replace(predictingFeatures, `deadline="10m")
`, `deadline="10m", fallback="popular", degraded_when="share_defaulted >= 0")
`, 2))
	if strings.Count(predictingFeatures, "deadline=\"10m\")\n") != 1 {
		t.Fatal("the endpoint is not what it was")
	}
	if code, _, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(stderr)
	}
	registerVersion(t, dir, "lgb_binary", nil)
	registerVersion(t, dir, "lgb_binary", nil, func(f *model.Manifest) { f.Popular = []float64{0.375} })
	if code, _, stderr := bighead(t, dir, "deploy", "m@1", "--to", "late"); code == exitGood || !strings.Contains(stderr, `m@1 has nothing for fallback="popular"`) || !strings.Contains(stderr, "bighead train m") || !strings.Contains(stderr, "--force") {
		t.Errorf("%d %s", code, stderr)
	}
	if code, out, stderr := bighead(t, dir, "deploy", "m@1", "--to", "late", "--force", "--reason", "to see"); code != exitGood {
		t.Errorf("%d %s%s", code, out, stderr)
	}
	if row := predictOf(t, dir); row.Version == nil || *row.Version != 1 || !row.Degraded {
		t.Errorf("%+v", row)
	}
	if code, out, stderr := bighead(t, dir, "deploy", "m@2", "--to", "late"); code != exitGood {
		t.Errorf("%d %s%s", code, out, stderr)
	}
	if row := predictOf(t, dir); row.Version != nil || string(row.Prediction) != "0.375" || !row.Degraded {
		t.Errorf("%+v", row)
	}
	if code, out, _ := bighead(t, dir, "explain", "late"); code != exitGood || !strings.Contains(out, "fallback: what most of the training says") {
		t.Errorf("%d %s", code, out)
	}
}

// TestDeploy takes versions through the life of an endpoint while the server runs, each step by the command that a user types.
func TestDeploy(t *testing.T) {
	dir := smallProject(t, predictingFeatures)
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[serve]\nlisten = \"127.0.0.1:0\"\ndeadline = \"10m\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if code, out, stderr := bighead(t, dir, args...); code == exitGood || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d %s%s, want %q", args, code, out, stderr, want)
		}
	}
	said := func(want string, args ...string) {
		t.Helper()
		if code, out, stderr := bighead(t, dir, args...); code != exitGood || !strings.Contains(out, want) {
			t.Errorf("%v: %d %s%s, want %q", args, code, out, stderr, want)
		}
	}
	asked := func(versions ...int64) {
		t.Helper()
		row := predictOf(t, dir)
		for _, v := range versions {
			if row.Version != nil && *row.Version == v {
				return
			}
		}
		t.Errorf("%+v, want version %v", row, versions)
	}
	if code, _, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(stderr)
	}
	refused("no version yet: bighead train m", "deploy", "m", "--to", "late")
	refused("BH119", "predict", "late", "k=a")
	registerVersion(t, dir, "lgb_binary", nil)
	said("endpoint late: m@1 100%", "deploy", "m", "--to", "late")
	asked(1) // without a server
	up := startUp(t, dir)
	asked(1)
	registerVersion(t, dir, "xgb_binary", nil)
	registerVersion(t, dir, "xgb_binary", func(v *catalog.ModelVersion) { v.ViewFingerprint = strings.Repeat("0", 64) })
	registerVersion(t, dir, "xgb_binary", func(v *catalog.ModelVersion) { v.Artifact = strings.Repeat("0", 64) })
	registerVersion(t, dir, "xgb_binary", func(v *catalog.ModelVersion) { v.Gate, v.GateHeld = "auc > 0.9", false })
	refused("m@3 learned from view v as it was then (000000", "deploy", "m@3", "--to", "late")
	refused("m@4 cannot be opened", "deploy", "m@4", "--to", "late")
	refused("m@4 cannot be opened, and so is not called champion", "models", "alias", "m", "champion", "4")
	refused("no such file or folder is there; bring that folder back from a copy, or train again", "models", "alias", "m", "champion", "4", "--force", "--reason", "all the same")
	refused("did not hold its gate, auc > 0.9", "deploy", "m", "--to", "late")
	refused("no version 9; the newest is 5", "deploy", "m@9", "--to", "late")
	refused(`is called "champion"; names are: none`, "deploy", "m@champion", "--to", "late")
	refused("answers with model m", "deploy", "n", "--to", "late")
	refused(`did you mean "late"`, "deploy", "m@2", "--to", "lat")
	refused("of which one can be taken", "deploy", "m@2", "--to", "late", "--shadow", "--canary")
	refused("asked no other versions before that were not rolled back", "rollback", "late")
	said("m@1 100%, m@2 as a shadow", "deploy", "m@2", "--to", "late", "--shadow")
	asked(1)
	refused("m@1 is no shadow of endpoint late; shadows are: m@2", "deploy", "m@1", "--to", "late", "--no-shadow")
	said("endpoint late: m@1 100%\n", "deploy", "m@2", "--to", "late", "--no-shadow", "--reason", "seen enough")
	refused("m is no shadow of endpoint late; shadows are: none", "deploy", "m", "--to", "late", "--no-shadow")
	said("m@2 as a shadow", "deploy", "m@2", "--to", "late", "--shadow")
	said("endpoint late: m@1 100%\n", "deploy", "m", "--to", "late", "--no-shadow")
	said("m@2 as a shadow", "deploy", "m@2", "--to", "late", "--shadow")
	said("m@1 70%, m@2 30%", "deploy", "m@2", "--to", "late", "--weight", "30")
	asked(1, 2)
	said("m@2 100%", "deploy", "m@2", "--to", "late")
	asked(2)
	said("m@1 70%, m@2 30%", "rollback", "late")
	said("m@1 100%", "rollback", "late", "--to", "1")
	asked(1)
	said("m@1 99%, m@2 1% as a canary", "deploy", "m@2", "--to", "late", "--canary")
	said("canary: 0 requests answered, 0 failed, 0 refused; the others' 0, 0 refused", "status")
	said("the canary's next step waits: it was asked 0 of the 500 requests of a step", "status")
	rolledBack(t, dir, nil, []int64{2}, []int64{}, nil) // the canary, to 1, to a part for 1, and 2 deployed
	refused("a canary is under way", "deploy", "m@5", "--to", "late", "--weight", "5", "--force", "--reason", "to see")
	refused("--force needs a --reason, which the history keeps", "deploy", "m@5", "--to", "late", "--weight", "5", "--force")
	refused("endpoint late asks m@2 already, which answers: as a shadow it would be asked twice", "deploy", "m@2", "--to", "late", "--shadow") // the canary
	refused("bighead deploy m@VERSION --to late", "deploy", "m@1", "--to", "late", "--shadow")
	said("endpoint late: m@1 100%", "rollback", "late")
	rolledBack(t, dir, []int64{2})
	trafficIsKept(t, dir)
	refused(`nothing was deployed to endpoint "lat"; did you mean "late"?`, "models", "history", "--endpoint", "lat")
	refused(`nothing was deployed to endpoint "other" yet: bighead deploy MODEL --to other`, "models", "history", "--endpoint", "other")
	refused("needs a MODEL, or --endpoint ENDPOINT, and not both", "models", "history", "m", "--endpoint", "late")
	refused("needs a MODEL, or --endpoint ENDPOINT, and not both", "models", "history")
	// The champion is one thing, and what answers another; which is which is said, with what makes them one.
	mustRun(t, dir, "models", "alias", "m", "champion", "2", "--force", "--reason", "to see")
	awaited(t, func() string {
		if out := mustRun(t, dir, "status"); strings.Contains(out, "  champion is m@2, which gets no requests here; bighead models alias m champion 1 calls m@1 so, or bighead deploy m@champion --to late sends them to the champion\n") {
			return out
		}
		return ""
	})
	answers := func(want ...string) {
		t.Helper()
		var got []string
		var versions []listedVersion
		if err := json.Unmarshal([]byte(mustRun(t, dir, "models", "--json")), &versions); err != nil {
			t.Fatal(err)
		}
		for _, v := range versions {
			for _, a := range v.Answers {
				got = append(got, fmt.Sprint(v.Number, " ", strings.Join(v.Aliases, " "), " ", a))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("versions answer\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	answers("1  late 100%")
	said("m@1 99%, m@2 1% as a canary", "deploy", "m@2", "--to", "late", "--canary")
	answers("2 champion late 1% as a canary", "1  late 99%")
	said("m@2 (champion) 100%", "deploy", "m@champion", "--to", "late")
	answers("2 champion late 100%")
	if out := mustRun(t, dir, "status"); strings.Contains(out, "champion is") {
		t.Error(out)
	}
	refused("endpoint late asks m@2 already", "deploy", "m@2", "--to", "late", "--shadow")
	said("m@1 as a shadow", "deploy", "m@1", "--to", "late", "--shadow")
	answers("2 champion late 100%", "1  late as a shadow")
	mustRun(t, dir, "models", "alias", "m", "champion", "1", "--force", "--reason", "to see")
	answers("1 champion late 100%", "1 champion late as a shadow")
	refused("endpoint late asks m@1 already", "deploy", "m@1", "--to", "late", "--canary")
	said("endpoint late: m@1 100%", "deploy", "m@1", "--to", "late")
	answers("1 champion late 100%")
	if out := mustRun(t, dir, "models", "--at", "2013-01-01"); strings.Contains(out, "late") {
		t.Error(out)
	}
	said("into the model", "predict", "late", "k=a", "y=2.5", "--explain")
	refused(`no key or request field "kk"`, "predict", "late", "kk=a")
	res, err := http.Get(up.url + "/api/2.0/mlflow/model-versions/get-download-uri?name=m&version=2")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), `{"artifact_uri":"file:///`) || !strings.Contains(string(text), "/.bighead/models/") {
		t.Errorf("%s, %v", text, err)
	}
	code, out, stderr := bighead(t, dir, "status", "--json")
	var s onlineStatus
	if err := json.Unmarshal([]byte(out), &s); code != exitGood || err != nil || len(s.Endpoints) != 1 || s.Endpoints[0].Traffic.Routes[0].Number != 1 || s.Endpoints[0].Degraded != "" {
		t.Errorf("%d %s%s", code, out, stderr)
	}
}
