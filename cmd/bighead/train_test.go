package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
)

const trainFeatures = `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.last("x"), bh.count(windows=["1h"]), bh.last("s")])
v = bh.FeatureView("v", groups=[g], request={"r": bh.Float})
rows = bh.TrainingSet("rows", view=v, spine=bh.Spine("spine.csv", at="ts"), labels={"y": "y"})


def train(data, params):
    import lightgbm as lgb

    print("learning from", len(data.train.x))
    data.log(rounds=params["rounds"])
    if params["fail"]:
        return {}[params["fail"]]
    return lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1, "seed": data.seed}, lgb.Dataset(data.train.x, data.train.y), params["rounds"])


m = bh.Model(
    "m", training_set=rows, pipeline=bh.Pipeline([bh.ordinal(bh.strings)]), train=train, split=bh.TimeSplit(valid="2024-01-03", test="2024-01-04"),
    environment=bh.Environment([
        "lightgbm==4.7.0", "numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1", "scikit-learn==1.9.1", "skl2onnx==1.20.0", "xgboost-cpu==3.2.0"]),
    metrics=["auc"], gate="auc > 0.6 and auc >= champion.auc", params={"rounds": 10, "fail": None},
)
`

// trainProject is a project whose label goes with what was last seen of its key. Environments, and their locks, are those of the tests' folder of
// downloads, so that a second run needs no network.
func trainProject(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("frameworks are left out with -short")
	}
	rng := rand.New(rand.NewPCG(4, 2))
	events, spine := strings.Builder{}, strings.Builder{}
	events.WriteString("k,ts,x,s\n")
	spine.WriteString("k,ts,r,y\n")
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1200 {
		at, x := from.Add(time.Duration(i)*5*time.Minute), rng.NormFloat64()
		fmt.Fprintf(&events, "%d,%s,%g,%s\n", i%7, at.Format(time.RFC3339), x, []string{"a", "b", "c"}[rng.IntN(3)])
		r := rng.NormFloat64()
		fmt.Fprintf(&spine, "%d,%s,%g,%t\n", i%7, at.Add(time.Second).Format(time.RFC3339), r, x+r+rng.NormFloat64() > 0)
	}
	return trainFolder(t, map[string]string{"bighead.toml": "", "features.py": trainFeatures, "e.csv": events.String(), "spine.csv": spine.String()})
}

// trainFolder is a project of those files, with environments out of the tests' folder of downloads.
func trainFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	keepEnvironments(t, dir)
	return dir
}

// environmentsVariable names the folder of environments to a command.
const environmentsVariable = "BIGHEAD_PYTHON_ENVIRONMENTS"

// keepEnvironments has a project's environments made in the tests' folder of downloads.
func keepEnvironments(t *testing.T, dir string) {
	t.Helper()
	t.Setenv(environmentsVariable, environmentsOf(t, dir))
}

// environmentsOf is the folder of environments in the tests' folder of downloads, which also keeps the locks of a project that has none of its own.
func environmentsOf(t *testing.T, dir string) string {
	t.Helper()
	base := os.Getenv("BIGHEAD_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		base = filepath.Join(user, "bighead")
	}
	made := filepath.Join(base, "environments")
	if err := os.MkdirAll(filepath.Join(made, "locks"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(made, "locks"), filepath.Join(dir, "environments")); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return made
}

// trained runs train; what cannot be fetched skips the test, unless everything is required.
func trained(t *testing.T, dir string, args ...string) (code int, out, stderr string) {
	t.Helper()
	code, out, stderr = bighead(t, dir, append([]string{"train", "m"}, args...)...)
	if code == exitOutside && strings.Contains(stderr, "pip says") && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1" {
		t.Skip(stderr)
	}
	return code, out, stderr
}

// TestTrain takes a model from rows to a champion: versions, what is refused on the way, and what became of it later.
func TestTrain(t *testing.T) {
	dir := trainProject(t)
	code, out, stderr := trained(t, dir)
	if code != exitGood || !strings.Contains(out, "m version 1: test.auc 0.") || !strings.Contains(out, "to promote it: bighead models alias m champion 1") {
		t.Fatalf("%d\n%s%s", code, out, stderr)
	}
	for _, want := range []string{"learning from ", "576 rows for training, 288 for validation, 336 for the test", "runtime tree answers 512 rows as lightgbm 4.7.0 does", "valid.auc 0."} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if code, out, stderr := bighead(t, dir, args...); code == exitGood || !strings.Contains(stderr, want) {
			t.Errorf("bighead %s answers %d\n%s%s\nwant %s", strings.Join(args, " "), code, out, stderr, want)
		}
	}
	refused("nothing is applied yet", "models", "alias", "m", "champion", "1")
	mustRun(t, dir, "apply", "--yes")
	refused("model m has no version 7", "models", "alias", "m", "champion", "7")
	refused(`no version of model "n" was trained`, "models", "n")
	refused("alias \"3\" is no name", "models", "alias", "m", "3", "1")
	refused(`did you mean "rounds"?`, "train", "m", "--set", "round=3")
	refused("is not after the test's first time", "train", "m", "--end", "2024-01-04")
	before := time.Now().UTC().Add(-time.Second).Format(time.RFC3339)
	if out := mustRun(t, dir, "models", "alias", "m", "champion", "1", "--reason", "the first"); out != "m version 1 is champion now\n" {
		t.Error(out)
	}

	// A worse version is registered, and not promoted but by force. The first one's run goes, which no version needs.
	t.Setenv("BIGHEAD_TRAIN_KEEP_RUNS", "1")
	code, out, stderr = trained(t, dir, "--set", "rounds=1", "--seed", "9", "--end", "2024-01-04T20:00:00Z")
	if code != exitGood || !strings.Contains(out, "it does not hold its gate, auc > 0.6 and auc >= champion.auc") {
		t.Fatalf("%d\n%s%s", code, out, stderr)
	}
	if runs, err := os.ReadDir(filepath.Join(dir, ".bighead", "runs")); err != nil || len(runs) != 1 || !strings.Contains(stderr, "removed 1 run of ") || !strings.Contains(stderr, "beyond [train] keep_runs = 1: 20") {
		t.Errorf("%v, %v\n%s", runs, err, stderr)
	}
	refused("does not hold its gate", "models", "alias", "m", "champion", "2")
	refused("--force needs a --reason", "models", "alias", "m", "champion", "2", "--force")
	if out := mustRun(t, dir, "models", "alias", "m", "champion", "2", "--force", "--reason", "to see"); out != "m version 2 is champion now, which version 1 was\n" {
		t.Error(out)
	}
	var versions []listedVersion
	if err := json.Unmarshal([]byte(mustRun(t, dir, "models", "m", "--json")), &versions); err != nil || len(versions) != 2 {
		t.Fatalf("%v, %v", versions, err)
	}
	second := versions[0]
	if second.Number != 2 || second.Seed != 9 || string(second.Params) != `{"fail":null,"rounds":1}` || second.Metrics["logged.rounds"] != 1 || strings.Join(second.Aliases, "") != champion || second.By == "" {
		t.Errorf("%+v", second)
	}
	if out := mustRun(t, dir, "models", "--at", before); strings.Contains(out, champion) {
		t.Errorf("before anything was promoted: %s", out)
	}
	var history []catalog.AliasChange
	if err := json.Unmarshal([]byte(mustRun(t, dir, "models", "history", "m", "--json")), &history); err != nil || len(history) != 2 || history[0].Reason != "to see" || history[1].Reason != "the first" {
		t.Errorf("%v, %v", history, err)
	}

	// Another view is applied: neither version is good for it.
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(strings.Replace(trainFeatures, `windows=["1h"]`, `windows=["2h"]`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "apply", "--yes")
	refused("learned another view v than the one that is applied", "models", "alias", "m", "champion", "1")
}

// A training function that raises is told as a mistake of a definition is, at its line; nothing is registered, and the run's record is kept.
func TestTrainRaises(t *testing.T) {
	dir := trainProject(t)
	code, out, stderr := trained(t, dir, "--set", "fail=oops")
	if code != exitMistake || out != "" || !strings.Contains(stderr, "features.py:15:16: error[BH001]: train raised KeyError: 'oops'\n   15 |         return {}[params[\"fail\"]]\n") {
		t.Fatalf("%d\n%s%s", code, out, stderr)
	}
	if out := mustRun(t, dir, "models", "--json"); strings.TrimSpace(out) != "[]" {
		t.Error(out)
	}
	logs, _ := filepath.Glob(filepath.Join(dir, ".bighead", "runs", "*", "log.txt"))
	if len(logs) != 1 || !strings.Contains(stderr, logs[0]) {
		t.Errorf("logs %v\n%s", logs, stderr)
	}
}
