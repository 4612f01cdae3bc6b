package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tree"
)

// TestFailures has training functions do what they must not: each ends with a mistake that names the line and the cure, leaves no process and no
// artifact.
func TestFailures(t *testing.T) {
	for _, c := range []struct{ name, source, at, says, cure string }{
		{"raises in a helper", `def helper(name):
    return {}[name]


def train(data, params):
    return helper("nope")
`, "models.py:2:12", "train raised KeyError: 'nope'", ""},
		{"returns nothing", "def train(data, params):\n    pass\n", "models.py:1:5", "train returned None", "return the model"},
		{"returns a dict", "def train(data, params):\n    return {'a': 1}\n", "models.py:1:5", "train returned a dict, which is no model that can be served", "LightGBM"},
		{"returns a path of nothing", "def train(data, params):\n    return 'nothing.txt'\n", "models.py:1:5", `the path "nothing.txt", where no file is`, ""},
		{"lacks a module", "def train(data, params):\n    import nomodule_here\n", "models.py:2:5", `there is no module "nomodule_here" where train runs`, "bh.Environment"},
		{"hangs", "def train(data, params):\n    while True:\n        pass\n", "models.py:", "train took longer than 2s and was stopped here", "[train] timeout"},
		{"ends Python", "def train(data, params):\n    raise SystemExit(3)\n", "models.py:2:5", "train ends Python", "take it out"},
		{"ends the process", "def train(data, params):\n    import os\n    print('last words', flush=True)\n    os._exit(7)\n", "models.py:1:5", "train ended Python (exit status 7):\n   | last words", ""},
		{"kills itself", "def train(data, params):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n", "models.py:1:5", "train ended Python (signal: killed)", "want of memory"},
		{"fills the disk with a file", "def train(data, params):\n    with open('big', 'wb') as f:\n        while True:\n            f.write(bytes(1 << 20))\n", "models.py:", "train fills the disk: File too large; [train] disk is 32MiB", ""},
		{"fills the memory", "def train(data, params):\n    x = []\n    while True:\n        x.append(bytearray(1 << 26))\n", "models.py:", "train takes more memory than it may: [train] memory is 4GiB", ""},
		{"fills the disk with small files", "def train(data, params):\n    import time\n    for i in range(1000):\n        with open(f'part-{i}', 'wb') as f:\n            f.write(bytes(1 << 20))\n    time.sleep(600)\n", "models.py:1:5", "MiB and was stopped: [train] disk is 32MiB", ""},
		{"fills the disk with temporary files, by each name of their place", "def train(data, params):\n    import os, tempfile, time\n    places = [os.environ[n] for n in ('TMPDIR', 'TEMP', 'TMP', 'TEMPDIR')] + [tempfile.gettempdir()]\n    assert len(set(places)) == 1, places\n    for i in range(50):\n        for place in places:\n            with tempfile.NamedTemporaryFile(dir=place, delete=False) as f:\n                f.write(bytes(1 << 18))\n    time.sleep(600)\n", "models.py:1:5", "MiB and was stopped: [train] disk is 32MiB", ""},
		{"fills the disk, and is done before anybody looks", "def train(data, params):\n    import lightgbm as lgb\n    model = lgb.train({'objective': 'binary', 'verbose': -1}, lgb.Dataset(data.train.x.assign(), data.train.y), 2)\n    for i in range(100):\n        with open(f'part-{i}', 'wb') as f:\n            f.write(bytes(1 << 20))\n    return model\n", "models.py:1:5", "MiB and was stopped: [train] disk is 32MiB", ""},
		{"hangs in C, where Python cannot say where", "def train(data, params):\n    import ctypes\n    ctypes.PyDLL(None).sleep(600)\n", "models.py:1:5", "train took longer than 2s ([train] timeout) and was stopped", ""},
		{"logs what is no number", "def train(data, params):\n    data.log(auc='high')\n", "models.py:2:5", "train raised TypeError: data.log(auc=…) takes a number, not a str", ""},
		{"learned other classes", `def train(data, params):
    from sklearn.linear_model import LogisticRegression
    return LogisticRegression().fit(data.train.x.fillna(0), data.train.y + 1)
`, "models.py:1:5", "the model's classes are [1, 2], and the label's are 0 to 1", "data.train.y as it is"},
		{"decides and tells no probabilities", `def train(data, params):
    from sklearn.linear_model import RidgeClassifier
    return RidgeClassifier().fit(data.train.x.fillna(0), data.train.y)
`, "models.py:1:5", "train returned a RidgeClassifier of scikit-learn, which decides and tells no probabilities", "CalibratedClassifierCV"},
		{"has no ONNX form", `def train(data, params):
    from sklearn.dummy import DummyClassifier
    return DummyClassifier().fit(data.train.x.fillna(0), data.train.y)
`, "models.py:1:5", "skl2onnx makes no ONNX of the DummyClassifier that train returned: MissingShapeCalculator", "pickle=True"},
		{"has an ONNX form that is broken", `def train(data, params):
    from sklearn.ensemble import HistGradientBoostingClassifier
    return HistGradientBoostingClassifier(max_iter=3).fit(data.train.x, data.train.y)
`, "models.py:1:5", "skl2onnx makes no ONNX of the HistGradientBoostingClassifier that train returned", "LightGBM"},
		{"learned another task", `def train(data, params):
    import lightgbm as lgb
    return lgb.train({"objective": "regression", "verbose": -1}, lgb.Dataset(data.train.x, data.train.y), 2)
`, "models.py:1:5", `what train returned is not a model for task "binary"`, `objective="binary"`},
		{"learned a column of its own", `def train(data, params):
    import lightgbm as lgb
    return lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(data.train.x.assign(z=1.0).drop(columns=["x"]), data.train.y), 2)
`, "models.py:1:5", `the model reads a column "z", which data.train.x does not have`, "pipeline"},
		{"learned pandas' categories", `def train(data, params):
    import lightgbm as lgb
    return lgb.train({"objective": "binary", "verbose": -1}, lgb.Dataset(data.train.x.astype({"s": "category"}), data.train.y), 2)
`, "models.py:1:5", "pandas' type category", "categorical_feature=data.categorical"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.source)
			if !strings.Contains(c.source, "data.train.x.") {
				w.Model.Train.As = "arrow" // the quickest to import
			}
			switch {
			case strings.HasPrefix(c.name, "hangs"):
				w.Limits.Timeout = 2 * time.Second
				if !strings.Contains(c.name, "in C") { // Python says where it is, however long it took to begin
					w.Limits.grace = 5 * time.Minute
				}
			case strings.Contains(c.name, "disk"):
				w.Limits.Disk = 32 << 20
			case strings.Contains(c.name, "memory"):
				w.Limits.Memory = 4 << 30
			}
			_, err := w.run(t, t.Context())
			var failed *Failed
			if !errors.As(err, &failed) {
				t.Fatalf("%v\n%s", err, w.live.String())
			}
			if !strings.HasPrefix(failed.At.String(), c.at) || !strings.Contains(failed.Message, c.says) || !strings.Contains(failed.Cure, c.cure) {
				t.Errorf("at %s: %s; cure: %s", failed.At, failed.Message, failed.Cure)
			}
			if left, _ := filepath.Glob(filepath.Join(w.Artifacts, "*")); len(left) > 0 {
				t.Errorf("artifacts %v", left)
			}
			if c.name == "raises in a helper" && (len(failed.Via) != 1 || failed.Via[0].Line != 6 || !strings.Contains(failed.Traceback, "KeyError")) {
				t.Errorf("called from %v, traceback %q", failed.Via, failed.Traceback)
			}
		})
	}
}

// What the function starts ends with it, however it hides: here a process in a session of its own, whose parent is gone.
func TestNothingIsLeft(t *testing.T) {
	w := newWorld(t, `def train(data, params):
    import os, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 100)
            time.sleep(600)
        os._exit(0)
    os.wait()
    return None
`)
	w.Model.Train.As = "arrow"
	if _, err := w.run(t, t.Context()); !errors.As(err, new(*Failed)) { // run looks for what is left
		t.Fatal(err)
	}
}

// Too many processes at once are ended, all of them.
func TestTooManyProcesses(t *testing.T) {
	w := newWorld(t, `def train(data, params):
    import os, time
    for _ in range(20):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)
`)
	w.Limits.Processes, w.Model.Train.As = 10, "arrow"
	_, err := w.run(t, t.Context())
	if failed := new(Failed); !errors.As(err, &failed) || !strings.Contains(failed.Message, "processes at once and was stopped: [train] processes is 10") {
		t.Fatal(err)
	}
}

// Ctrl-C ends the function at once.
func TestCtrlC(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, "def train(data, params):\n    import time\n    data.log(here=1)\n    time.sleep(600)\n")
	w.Model.Train.As = "arrow"
	w.Live = writer(func(b []byte) {
		if strings.Contains(string(b), "here") {
			cancel()
		}
	})
	if _, err := w.run(t, ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// A runtime that answers otherwise than the framework did makes no version.
func TestARuntimeThatAnswersOtherwise(t *testing.T) {
	w := newWorld(t, `def train(data, params):
    import lightgbm as lgb
    return lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lgb.Dataset(data.train.x, data.train.y), 5)
`)
	w.Runtimes = []Runtime{{"tree", func(ctx context.Context, path string) (model.Model, error) {
		m, err := tree.Open(ctx, path)
		return otherwise{m}, err
	}}}
	_, err := w.run(t, t.Context())
	if err == nil || !strings.Contains(err.Error(), "and lightgbm 4.7.0 answered") {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.Artifacts); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there are artifacts: %v", err)
	}
}

// otherwise answers one row by the last bits of a float32 beside what it should.
type otherwise struct{ model.Model }

func (o otherwise) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	err := o.Model.Predict(ctx, in, out)
	for _, x := range out {
		if len(x) > 0 {
			x[len(x)/2] *= 1 + 1e-7
		}
	}
	return err
}
