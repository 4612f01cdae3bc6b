package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/onnx"
	"github.com/bighead-ml/bighead/model/python"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// frameworks is the environment that tests train in: made once and kept in the folder of tests' downloads, its lock beside it, so that a second
// run needs no network.
func frameworks(t *testing.T) Environments {
	t.Helper()
	if testing.Short() {
		t.Skip("frameworks are left out with -short")
	}
	e := *environments(t)
	base := os.Getenv("BIGHEAD_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			lacking(t, err.Error())
		}
		base = filepath.Join(user, "bighead")
	}
	e.Folder = filepath.Join(base, "environments")
	e.Locks = filepath.Join(e.Folder, "locks")
	return e
}

// onnxRuntime opens ONNX models with the library of the folder of tests' downloads, which is fetched when the first is opened.
func onnxRuntime(t *testing.T) model.Open {
	return func(ctx context.Context, path string) (model.Model, error) {
		library, err := onnx.Install(ctx, frameworks(t).Python, filepath.Join(filepath.Dir(frameworks(t).Folder), "onnxruntime"))
		if said := new(onnx.PipError); errors.As(err, &said) {
			lacking(t, err.Error())
		}
		if err != nil {
			return nil, err
		}
		return onnx.New(onnx.Options{Library: library}).Open(ctx, path)
	}
}

// pythonRuntime opens pickled models in the environments of the tests.
func pythonRuntime(t *testing.T) model.Open {
	e := frameworks(t)
	return python.New(python.Options{Interpreter: e.Interpreter, Workers: 1, Timeout: 10 * time.Minute}).Open
}

// packages are all that any test needs, frames included, so that one environment does for all.
var packages = []string{"lightgbm==4.7.0", "numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "pandas==3.1.1", "polars==1.42.1", "pyarrow==26.0.1", "scikit-learn==1.9.1", "skl2onnx==1.20.0", "xgboost-cpu==3.2.0"}

// world is a project with a training function, and rows to learn from.
type world struct {
	Options
	live strings.Builder
}

const (
	valid = int64(1_000_000)
	test  = int64(1_300_000)
)

// newWorld makes one whose function is source; the label is more often true where x + the string's weight is high.
func newWorld(t *testing.T, source string) *world {
	t.Helper()
	w := &world{}
	root := t.TempDir()
	folder := filepath.Join(root, ".bighead", "runs", "r")
	if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(root, "models.py"), []byte(source), 0o644)); err != nil {
		t.Fatal(err)
	}
	view := &feature.View{Name: "v", Fingerprint: "vf", Columns: []feature.ViewColumn{
		{Name: "x", Type: value.Float, Fingerprint: "a"}, {Name: "n", Type: value.Int, Fingerprint: "b"}, {Name: "s", Type: value.String, Fingerprint: "c"},
	}}
	set := &feature.TrainingSet{Name: "set", View: view, Fingerprint: "sf"}
	line := 1 + strings.Count(source[:strings.Index(source, "def train")], "\n")
	w.Options = Options{
		Model: &feature.Model{
			Name: "m", TrainingSet: set, Label: "y", Task: model.Binary, Split: feature.TimeSplit{Valid: valid, Test: test}, Metrics: []string{"auc", "log_loss"},
			Steps:       []transform.Step{{Kind: "ordinal", Columns: []string{"s"}}},
			Train:       feature.Function{Name: "train", File: "models.py", As: "pandas", Pos: feature.Pos{File: "models.py", Line: line, Col: 5}},
			Environment: &feature.Environment{Packages: packages}, Params: map[string]any{"rounds": 20}, Seed: 3,
		},
		Rows: rowsOf(t), Root: root, Run: filepath.Base(root) + t.Name(), Folder: folder, Artifacts: filepath.Join(root, ".bighead", "models"),
		Formats: []dataset.Format{parquet.Format{}}, Environments: frameworks(t), Limits: Limits{Timeout: 20 * time.Minute, Disk: 1 << 30, Processes: 50},
		Runtimes: []Runtime{{"tree", tree.Open}, {"onnx", onnxRuntime(t)}, {"python", pythonRuntime(t)}}, Live: &w.live, Step: func(string) func(string) { return func(string) {} },
	}
	return w
}

func rowsOf(t *testing.T) dataset.Table {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	schema := value.Schema{{Name: "x", Type: value.Float}, {Name: "n", Type: value.Int}, {Name: "s", Type: value.String}, {Name: "y", Type: value.Bool}, {Name: plan.AtColumn, Type: value.Timestamp}}
	var rows [][]value.Value
	for i := range 1600 {
		x, n, s := value.OfFloat(rng.NormFloat64()), value.OfInt(rng.Int64N(9)), []string{"a", "b", "c"}[rng.IntN(3)]
		z := x.Float() + float64(n.Int()-4)/4 + map[string]float64{"a": -1, "b": 0, "c": 1}[s]
		y := value.OfBool(rng.Float64() < 1/(1+math.Exp(-2*z)))
		if i%11 == 0 {
			x = value.Value{}
		}
		rows = append(rows, []value.Value{x, n, value.OfString(s), y, value.OfTimestamp(int64(i) * 1000)})
	}
	return dataset.Memory(schema, value.BatchOf(schema, rows))
}

// run trains; what an environment lacks skips the test, unless everything is required.
func (w *world) run(t *testing.T, ctx context.Context) (*Result, error) {
	t.Helper()
	r, err := Run(ctx, w.Options)
	if said := new(PipError); errors.As(err, &said) {
		lacking(t, err.Error())
	}
	left := leftovers(w.Run)
	for deadline := time.Now().Add(3 * time.Minute); len(left) > 0 && time.Now().Before(deadline); left = leftovers(w.Run) {
		time.Sleep(time.Millisecond) // one that was killed may take a moment; one that was not goes on
	}
	if len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	return r, err
}

// imputed leaves no null of column x.
var imputed = transform.Step{Kind: "impute", Columns: []string{"x"}, Args: []byte(`{"strategy":"median"}`)}

const imports = "import random\n\n"

// TestFrameworks trains with each framework, in each form that its models have; the runtime answers all sample rows as the framework did, or
// there is no version.
func TestFrameworks(t *testing.T) {
	for _, c := range []struct{ name, body, framework string }{
		{"lightgbm booster", `
    import lightgbm as lgb
    return lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1, "seed": data.seed}, lgb.Dataset(data.train.x, data.train.y, categorical_feature=data.categorical), params["rounds"])
`, "lightgbm 4.7.0"},
		{"lightgbm estimator, stopped early, of two columns", `
    import lightgbm as lgb
    m = lgb.LGBMClassifier(n_estimators=200, verbose=-1, n_jobs=1)
    m.fit(data.train.x[["n", "x"]], data.train.y, eval_set=[(data.valid.x[["n", "x"]], data.valid.y)], callbacks=[lgb.early_stopping(3, verbose=False)])
    assert m.best_iteration_ < 200
    return m
`, "lightgbm 4.7.0"},
		{"lightgbm file", `
    import lightgbm as lgb
    lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lgb.Dataset(data.train.x, data.train.y), 5).save_model("here.txt")
    return "here.txt"
`, "lightgbm 4.7.0"},
		{"xgboost booster", `
    import xgboost as xgb
    return xgb.train({"objective": "binary:logistic", "nthread": 1}, xgb.DMatrix(data.train.x, data.train.y), params["rounds"])
`, "xgboost 3.2.0"},
		{"xgboost estimator, stopped early", `
    import xgboost as xgb
    m = xgb.XGBClassifier(n_estimators=200, n_jobs=1, early_stopping_rounds=3)
    m.fit(data.train.x, data.train.y, eval_set=[(data.valid.x, data.valid.y)], verbose=False)
    assert m.best_iteration < 196
    return m
`, "xgboost 3.2.0"},
		{"xgboost JSON", `
    import xgboost as xgb
    xgb.train({"objective": "binary:logistic", "nthread": 1}, xgb.DMatrix(data.train.x, data.train.y), params["rounds"]).save_model("here.json")
    return "here.json"
`, "xgboost 3.2.0"},
		{"xgboost UBJSON", `
    import pathlib
    import xgboost as xgb
    xgb.train({"objective": "binary:logistic", "nthread": 1}, xgb.DMatrix(data.train.x, data.train.y), params["rounds"]).save_model("here.ubj")
    return pathlib.Path("here.ubj")
`, "xgboost 3.2.0"},
		{"ONNX", `
    return linear(data)
` + linear, "onnx 1.23.2"},
		{"ONNX, a row at a time", `
    return linear(data, rows=1)
` + linear, "onnx 1.23.2"},
		{"ONNX file", `
    import onnx
    onnx.save(linear(data), "here.onnx")
    return "here.onnx"
` + linear, "onnx 1.23.2"},
		{"linear pipeline of scikit-learn", `
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(data.train.x, data.train.y)
`, "scikit-learn 1.9.1"},
		{"columns by name, of scikit-learn, of which one is not read", `
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    pick = ColumnTransformer([("x", SimpleImputer(), ["x"]), ("s", OneHotEncoder(handle_unknown="ignore"), ["s"])])
    return make_pipeline(pick, LogisticRegression()).fit(data.train.x, data.train.y)
`, "scikit-learn 1.9.1"},
		{"network of scikit-learn", `
    from sklearn.neural_network import MLPClassifier
    return MLPClassifier((8,), max_iter=300, random_state=data.seed).fit(data.train.x.fillna(0), data.train.y)
`, "scikit-learn 1.9.1"},
		{"forest of scikit-learn", `
    from sklearn.ensemble import RandomForestClassifier
    return RandomForestClassifier(20, max_depth=4, random_state=data.seed).fit(data.train.x.fillna(0), data.train.y)
`, "scikit-learn 1.9.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, imports+"def train(data, params):"+c.body)
			if strings.HasPrefix(c.name, "forest") || strings.HasPrefix(c.name, "network") || strings.HasPrefix(c.name, "ONNX") { // it takes no null, and nor would the runtime then
				w.Model.Steps = append([]transform.Step{imputed}, w.Model.Steps...)
			}
			r, err := w.run(t, t.Context())
			if err != nil {
				t.Fatalf("%v\n%s", err, w.live.String())
			}
			v := r.Version
			if v.Metrics["test.auc"] < 0.75 || v.Metrics["valid.log_loss"] > 0.65 || v.Rows != 1000 || v.From != 0 || v.To != 999_001 || !v.GateHeld {
				t.Errorf("version %+v", v)
			}
			a, err := model.OpenArtifact(t.Context(), filepath.Join(w.Artifacts, v.Artifact), func(name string) (model.Open, error) {
				for _, r := range w.Runtimes {
					if r.Name == name {
						return r.Open, nil
					}
				}
				return nil, errors.New(name)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if want := map[bool]string{true: "onnx", false: "tree"}[!strings.HasPrefix(c.name, "forest") && strings.HasPrefix(c.framework, "scikit") || strings.HasPrefix(c.name, "ONNX")]; a.Manifest.Runtime != want {
				t.Errorf("runtime %s, want %s", a.Manifest.Runtime, want)
			}
			if want, err := r.Parts.popular(t.Context()); err != nil || len(want) != 1 || want[0] < 0.3 || want[0] > 0.7 || !slices.Equal(a.Manifest.Popular, want) {
				t.Errorf("popular %v, want %v (%v)", a.Manifest.Popular, want, err)
			}
			if a.Manifest.Framework != c.framework || len(a.Manifest.Check) != manifestRows || a.Manifest.Classes[1] != "true" {
				t.Errorf("manifest %+v", a.Manifest)
			}
		})
	}
}

// TestNamesOfValues makes columns of values that no framework of trees takes in a name, or takes for another's: each trains, and the version's inputs
// are the pipeline's columns.
func TestNamesOfValues(t *testing.T) {
	texts := []string{"New York, NY", "New York", "New_York", `{"x": [1]}`, "< 5", "100%", "tab\tand\nline", "Größe", "%2C", ""}
	whole := rowsOf(t)
	var rows [][]value.Value
	for b, err := range scan(t.Context(), whole, dataset.Scan{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			row := slices.Clone(b.Row(i))
			row[2] = value.OfString(texts[(i+int(row[2].Str()[0]))%len(texts)])
			rows = append(rows, row)
		}
	}
	for name, body := range map[string]string{
		"lightgbm": `
    import lightgbm as lgb
    return lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lgb.Dataset(data.train.x, data.train.y), 20)
`, "xgboost": `
    import xgboost as xgb
    return xgb.XGBClassifier(n_estimators=20, n_jobs=1).fit(data.train.x, data.train.y)
`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, imports+"def train(data, params):"+body)
			w.Model.Steps = []transform.Step{{Kind: "one_hot", Columns: []string{"s"}}}
			w.Rows = dataset.Memory(whole.Schema(), value.BatchOf(whole.Schema(), rows))
			r, err := w.run(t, t.Context())
			if err != nil {
				t.Fatalf("%v\n%s", err, w.live.String())
			}
			m, err := model.ReadManifest(t.Context(), filepath.Join(w.Artifacts, r.Version.Artifact))
			if err != nil {
				t.Fatal(err)
			}
			p, err := transform.Decode(m.Pipeline)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(m.Inputs, p.Names()) || len(m.Inputs) != 2+len(texts)+1 || !slices.Contains(m.Inputs, "s_New York%2C NY") || !slices.Contains(m.Inputs, "s_New%20York") {
				t.Errorf("inputs %q, and the pipeline leaves %q", m.Inputs, p.Names())
			}
		})
	}
}

// linear makes an ONNX model of what scikit-learn has learned, by hand.
const linear = `

def linear(data, rows="rows"):
    import numpy
    from onnx import TensorProto, helper, numpy_helper
    from sklearn.linear_model import LogisticRegression
    x = data.train.x
    learned = LogisticRegression().fit(x, data.train.y)
    weights = [numpy_helper.from_array(learned.coef_.T.astype(numpy.float32), "w"), numpy_helper.from_array(learned.intercept_.astype(numpy.float32), "b")]
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["z"]), helper.make_node("Sigmoid", ["z"], ["p"])], "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, x.shape[1]])], [helper.make_tensor_value_info("p", TensorProto.FLOAT, [rows, 1])], weights,
    )
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
`

// TestFramesAndFigures gives the rows as each kind of frame, with weights; what is logged is kept, seeds are the same each time, and the
// version of the same rows, code and seed is the same artifact.
func TestFramesAndFigures(t *testing.T) {
	names := map[string]bool{}
	for _, as := range []string{"pandas", "arrow", "polars", "pandas"} {
		w := newWorld(t, imports+`def train(data, params):
    import lightgbm as lgb
    import numpy
    data.log(first=random.random() + numpy.random.random(), auc=0.5)
    data.log(auc=0.75)
    print("hello from", data, data.train, data.categorical)
    x, kind = data.train.x, type(data.train.x).__module__.partition(".")[0]
    assert kind == params["kind"] and type(data.valid.y).__module__.startswith(kind), kind
    x = x.to_pandas() if hasattr(x, "to_pandas") else x
    assert list(x.columns) == ["x", "n", "s"] and len(data.valid.y) == 300
    return lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True}, lgb.Dataset(x, numpy.asarray(data.train.y), weight=None), 5)
`)
		w.Model.Train.As, w.Model.Params = as, map[string]any{"kind": map[string]string{"arrow": "pyarrow"}[as]}
		if as != "arrow" {
			w.Model.Params["kind"] = as
		}
		r, err := w.run(t, t.Context())
		if err != nil {
			t.Fatalf("%s: %v", as, err)
		}
		if r.Version.Metrics["logged.auc"] != 0.75 || r.Version.Metrics["logged.first"] == 0 {
			t.Errorf("%s: logged %v", as, r.Logged)
		}
		if out := w.live.String(); !strings.Contains(out, "hello from <Data: 1000 rows to learn from, 300 to judge by> <Part: 1000 rows> ['s']") || !strings.Contains(out, "auc 0.75") {
			t.Errorf("%s: printed %q", as, out)
		}
		names[r.Version.Artifact] = true
	}
	if len(names) != 1 {
		t.Errorf("the same training came to %d artifacts", len(names))
	}
}

// TestCodeAndLock keeps the lock's text in the artifact, by whose hash the version has it, and hashes all of the project's files that run: a change of one
// that is imported is another code, of one that is not it is none.
func TestCodeAndLock(t *testing.T) {
	codes := map[string]string{}
	for _, c := range []struct{ name, helper, other string }{
		{"first", "ROUNDS = 3\n", ""}, {"again", "ROUNDS = 3\n", ""}, {"another that nobody imports", "ROUNDS = 3\n", "# changed\n"}, {"the helper's comment", "ROUNDS = 3  # so many\n", ""},
	} {
		w := newWorld(t, `from folder.helper import ROUNDS


def train(data, params):
    import lightgbm as lgb
    return lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True}, lgb.Dataset(data.train.x, data.train.y), ROUNDS)
`)
		if err := errors.Join(os.Mkdir(filepath.Join(w.Root, "folder"), 0o755), os.WriteFile(filepath.Join(w.Root, "folder", "helper.py"), []byte(c.helper), 0o644),
			os.WriteFile(filepath.Join(w.Root, "other.py"), []byte(c.other), 0o644)); err != nil {
			t.Fatal(err)
		}
		r, err := w.run(t, t.Context())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		codes[c.name] = r.Version.Code
		text, err := os.ReadFile(filepath.Join(w.Artifacts, r.Version.Artifact, "lock.txt"))
		if err != nil || hashOfLock(string(text)) != r.Version.Lock || !strings.Contains(string(text), "lightgbm==4.7.0") {
			t.Errorf("%s: %v, lock %q of\n%.300s", c.name, err, r.Version.Lock, text)
		}
	}
	if c := codes["first"]; len(c) != 64 || codes["again"] != c || codes["another that nobody imports"] != c || codes["the helper's comment"] == c {
		t.Errorf("codes are %v", codes)
	}
}

// TestPickled trains what has no format of its own: with pickle=True it is answered by workers of its environment, what has a format keeps it, and
// what cannot be pickled, or asked, is the user's mistake. Without, it is refused.
func TestPickled(t *testing.T) {
	const scores = `
class Scores:
    def predict_proba(self, x):
        import numpy
        p = 1 / (1 + numpy.exp(-x["x"].fillna(0).to_numpy() - x["s"].to_numpy() + 1))
        return numpy.stack([1 - p, p], axis=1)


def train(data, params):
`
	for _, c := range []struct {
		name, body, runtime, want string
		pickle                    bool
	}{
		{"a class", "    return Scores()\n", "python", "", true},
		{"a class, which nobody allowed", "    return Scores()\n", "", "train returned a Scores of models, which is no model that can be served", false},
		{"lightgbm", "    import lightgbm as lgb\n    return lgb.train({\"verbose\": -1, \"objective\": \"binary\"}, lgb.Dataset(data.train.x, data.train.y), 3)\n", "tree", "", true},
		{"scikit-learn", "    from sklearn.linear_model import LogisticRegression\n    return LogisticRegression().fit(data.train.x.fillna(0), data.train.y)\n", "", "NaN", true},
		{"a lock", "    import threading\n    s = Scores()\n    s.lock = threading.Lock()\n    return s\n", "", "the Scores that train returned cannot be pickled: TypeError", true},
		{"too wide an answer", "    s = Scores()\n    Scores.predict_proba = lambda self, x: [[0, 0, 1]] * len(x)\n    return s\n", "", "the Scores answers 512 rows of 3 to 512 rows, where 1 a row are expected for task binary", true},
		{"what cannot be asked", "    return object()\n", "", "which has neither predict nor predict_proba", true},
		{"another each time", "    import random\n    Scores.predict_proba = lambda self, x: [[0, random.random()]] * len(x)\n    return Scores()\n", "", "it is not the model that was trained", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, imports+scores+c.body)
			if w.Model.Pickle = c.pickle; c.pickle {
				w.Model.Name = "pickled" // whose lock is another
			}
			r, err := w.run(t, t.Context())
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, w.live.String())
			}
			text, err := os.ReadFile(filepath.Join(w.Artifacts, r.Version.Artifact, "manifest.json"))
			if err != nil || !strings.Contains(string(text), `"runtime": "`+c.runtime+`"`) || r.Version.Lock == "" {
				t.Errorf("%v, lock %q\n%.500s", err, r.Version.Lock, text)
			}
		})
	}
}
