//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// withTraining is a project like trainProject's whose training function is another.
func withTraining(t *testing.T, from, to string) string {
	t.Helper()
	dir := trainProject(t)
	text := trainFeatures[:strings.Index(trainFeatures, "def train")] + from + `
m = bh.Model(
    "` + to + `, training_set=rows, train=train, split=bh.TimeSplit(valid="2024-01-03", test="2024-01-04"),
    environment=bh.Environment([
        "lightgbm==4.7.0", "numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1", "scikit-learn==1.9.1", "skl2onnx==1.20.0", "xgboost-cpu==3.2.0"]),
    metrics=["auc"],
)
risk = bh.Endpoint("risk", model=m, fallback=0.5, degraded_when="share_defaulted > 0.9", deadline="10m")
`
	for name, text := range map[string]string{"features.py": text, "bighead.toml": "[serve]\nlisten = \"127.0.0.1:0\"\n[models]\npython_timeout = \"10m\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// outsideSkips skips where pip could not fetch, unless everything is required.
func outsideSkips(t *testing.T, code int, stderr string) {
	t.Helper()
	if code == exitOutside && strings.Contains(stderr, "pip says") && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1" {
		t.Skip(stderr)
	}
}

// riskOf asks the endpoint over HTTP.
func riskOf(t *testing.T, url string) predictedRow {
	t.Helper()
	reply, err := http.Post(url+"/v1/predict/risk", "application/json", strings.NewReader(`{"rows":[{"k":3,"r":1.5}]}`))
	if err != nil {
		t.Error(err)
		return predictedRow{}
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	var a predictAnswer
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil || reply.StatusCode != http.StatusOK || len(a.Rows) != 1 || a.Rows[0].Error != nil {
		t.Errorf("%d %s, %v", reply.StatusCode, text, err)
		return predictedRow{}
	}
	return a.Rows[0]
}

// TestTrainONNX takes a pipeline of scikit-learn that reads numbers and texts from training to predictions, by ONNX Runtime.
func TestTrainONNX(t *testing.T) {
	dir := withTraining(t, `def train(data, params):
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x = data.train.x
    strings = [c for c in x.columns if x[c].dtype.kind not in "fi"]
    assert strings == ["g__s_last"], list(x.dtypes)
    numbers = [c for c in x.columns if c not in strings]
    pick = ColumnTransformer([("n", make_pipeline(SimpleImputer(), StandardScaler()), numbers), ("s", OneHotEncoder(handle_unknown="ignore"), strings)])
    return make_pipeline(pick, LogisticRegression()).fit(x, data.train.y)


`, `m", pipeline=bh.Pipeline([bh.impute("g__s_last", strategy="constant", value="")])`)
	code, out, stderr := bighead(t, dir, "doctor")
	if !strings.Contains(out, "not installed, so ONNX models that are no trees are not answered") && !strings.Contains(out, "site-packages/onnxruntime") {
		t.Errorf("doctor: %d %s%s", code, out, stderr)
	}
	if code, out, stderr := bighead(t, dir, "models", "install", "torch"); code != exitUsage {
		t.Errorf("%d %s%s", code, out, stderr)
	}
	code, out, stderr = bighead(t, dir, "models", "install", "onnxruntime")
	outsideSkips(t, code, stderr)
	if code != exitGood || !strings.Contains(out, "ONNX Runtime "+onnxVersion+" is in "+filepath.Join(dir, ".bighead", "onnxruntime")) {
		t.Fatalf("%d %s%s", code, out, stderr)
	}
	if code, out, stderr := bighead(t, dir, "doctor"); !strings.Contains(out, "ok   onnx runtime: "+onnxVersion+", ") {
		t.Errorf("doctor: %d %s%s", code, out, stderr)
	}
	code, out, stderr = trained(t, dir)
	if code != exitGood || !strings.Contains(stderr, "runtime onnx answers 512 rows as scikit-learn 1.9.1 does") {
		t.Fatalf("%d %s%s", code, out, stderr)
	}
	mustRun(t, dir, "apply", "--yes")
	if out := mustRun(t, dir, "deploy", "m", "--to", "risk"); !strings.Contains(out, "m@1 100%") {
		t.Error(out)
	}
	up := startUp(t, dir)
	if row := riskOf(t, up.url); row.Version == nil || *row.Version != 1 || row.Degraded {
		t.Errorf("%+v", row)
	}
	up.stop()

	// Without the library, the version says what it lacks.
	if err := os.RemoveAll(filepath.Join(dir, ".bighead", "onnxruntime")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BIGHEAD_PYTHON_ENVIRONMENTS", t.TempDir())
	if code, out, stderr := bighead(t, dir, "deploy", "m", "--to", "risk"); code == exitGood || !strings.Contains(stderr, "ONNX Runtime is not installed") || !strings.Contains(stderr, "cure: bighead models install onnxruntime") {
		t.Errorf("%d %s%s", code, out, stderr)
	}
}

const pickledTraining = `class Scores:
    def fit(self, x, y):
        self.mean = float(y.mean())
        return self

    def predict_proba(self, x):
        import numpy

        print("asked", len(x))
        p = 1 / (1 + numpy.exp(-x["r"].fillna(0).to_numpy() - self.mean))
        return numpy.stack([1 - p, p], axis=1)


def train(data, params):
    return Scores().fit(data.train.x, data.train.y)


`

// TestTrainPickle takes a class of the project's own from training to predictions, by workers; kills them under load, and sees that the fallback
// answers until they are there again.
func TestTrainPickle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("workers are looked up in /proc")
	}
	dir := withTraining(t, pickledTraining, `picky", pickle=True, pipeline=bh.Pipeline([bh.impute("g__s_last", strategy="constant", value="")])`)
	run := func(args ...string) string {
		t.Helper()
		code, out, stderr := bighead(t, dir, args...)
		outsideSkips(t, code, stderr)
		if code != exitGood {
			t.Fatalf("%v: %d %s%s", args, code, out, stderr)
		}
		return out + stderr
	}
	if out := run("train", "picky"); !strings.Contains(out, "runtime python answers 512 rows as python 3.") {
		t.Error(out)
	}
	run("apply", "--yes")
	run("deploy", "picky", "--to", "risk")
	up := startUp(t, dir)
	good := riskOf(t, up.url)
	if good.Version == nil || *good.Version != 1 || good.Degraded {
		t.Fatalf("%+v", good)
	}
	want, _ := json.Marshal(good.Prediction)
	stop, fellBack := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				row := riskOf(t, up.url)
				got, _ := json.Marshal(row.Prediction)
				switch {
				case row.Version == nil && string(got) == "0.5" && row.Degraded:
					once.Do(func() { close(fellBack) })
				case row.Version == nil || !bytes.Equal(got, want):
					t.Errorf("%+v", row)
					return
				}
			}
		})
	}
	pids := workers(t)
	if len(pids) != 2 {
		t.Errorf("workers %v", pids)
	}
	killed := func() {
		for _, pid := range workers(t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for asked := false; !asked; { // they may be there again before somebody asks; each time that they are killed it takes longer
		killed()
		select {
		case <-fellBack:
			asked = true
		case <-time.After(100 * time.Millisecond):
			asked = t.Failed()
		}
	}
	isReady := func() bool {
		res, err := http.Get(up.url + "/v2/models/picky/ready")
		if err != nil {
			t.Fatal(err)
		}
		return res.Body.Close() == nil && res.StatusCode == http.StatusOK
	}
	for isReady() { // as before
		killed()
	}
	for !isReady() {
		time.Sleep(10 * time.Millisecond)
	}
	for { // the test's time limit ends a wait in vain
		if row := riskOf(t, up.url); row.Version != nil || t.Failed() {
			break
		}
	}
	close(stop)
	load.Wait()
	up.stop()
	if left := workers(t); len(left) > 0 {
		t.Errorf("workers %v are left", left)
	}

	// What a model says that it is not is not pickled.
	file := filepath.Join(dir, "features.py")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(strings.Replace(string(text), "pickle=True", "pickle=False", 1)), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := bighead(t, dir, "train", "picky"); code == exitGood || !strings.Contains(stderr, "which is no model that can be served") || !strings.Contains(stderr, "pickle=True") {
		t.Errorf("%d %s%s", code, out, stderr)
	}
}

// workers are this process's workers of pickled models.
func workers(t *testing.T) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		env, _ := os.ReadFile("/proc/" + e.Name() + "/environ")
		if len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(os.Getpid()) && bytes.Contains(env, []byte("bighead-worker-")) {
			out = append(out, pid)
		}
	}
	return out
}
