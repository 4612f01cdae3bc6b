package train

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model"
)

// catWorld is a world with CatBoost in an environment of its own, which is a download of 300 MB: what its files mean is tested with files of it that are
// kept (model/tree), and this where it is asked for.
func catWorld(t *testing.T, source string) *world {
	t.Helper()
	if os.Getenv("BIGHEAD_CATBOOST") != "1" {
		t.Skip("CatBoost and what it brings is a download of 300 MB: BIGHEAD_CATBOOST=1 trains with it")
	}
	w := newWorld(t, imports+source)
	w.Model.Name, w.Model.Environment.Packages = "cat", []string{"catboost==1.2.10", "numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1"}
	return w
}

// TestCatBoost trains with CatBoost in each form that its models have.
func TestCatBoost(t *testing.T) {
	const quiet = `verbose=0, allow_writing_files=False, thread_count=1, random_seed=data.seed`
	for _, c := range []struct{ name, body, runtime, says string }{
		{"classifier", `
    m = catboost.CatBoostClassifier(iterations=200, ` + quiet + `, early_stopping_rounds=5)
    m.fit(data.train.x, data.train.y, eval_set=(data.valid.x, data.valid.y))
    assert m.tree_count_ < 200
    return m
`, "tree", ""},
		{"of two columns, grown by leaves", `
    return catboost.CatBoostClassifier(iterations=30, grow_policy="Lossguide", ` + quiet + `).fit(data.train.x[["n", "x"]], data.train.y)
`, "tree", ""},
		{"pool without names", `
    return catboost.train(catboost.Pool(data.train.x.to_numpy(), data.train.y), {"loss_function": "Logloss", "logging_level": "Silent", "thread_count": 1, "allow_writing_files": False}, iterations=30)
`, "tree", ""},
		{"strings", `
    return catboost.CatBoostClassifier(iterations=30, one_hot_max_size=10, ` + quiet + `).fit(data.train.x, data.train.y, cat_features=["s"])
`, "tree", ""},
		{"file", `
    catboost.CatBoostClassifier(iterations=30, ` + quiet + `).fit(data.train.x, data.train.y).save_model("here.cbm")
    return "here.cbm"
`, "tree", ""},
		{"JSON", `
    catboost.CatBoostClassifier(iterations=30, ` + quiet + `).fit(data.train.x, data.train.y).save_model("here.json", format="json")
    return "here.json"
`, "tree", ""},
		{"regression", `
    return catboost.CatBoostRegressor(iterations=30, loss_function="Poisson", ` + quiet + `).fit(data.train.x, data.train.y)
`, "tree", ""},
		{"strings by their statistics", `
    return catboost.CatBoostClassifier(iterations=30, ` + quiet + `).fit(data.train.x, data.train.y, cat_features=["s"])
`, "", "the model splits by statistics of categories (CTR), which are not served; raise one_hot_max_size"},
		{"strings by their statistics, pickled", `
    return catboost.CatBoostClassifier(iterations=30, ` + quiet + `).fit(data.train.x, data.train.y, cat_features=["s"])
`, "python", ""},
		{"numbers for categories", `
    x = data.train.x.assign(s=data.train.x["s"].astype(int))
    return catboost.CatBoostClassifier(iterations=30, ` + quiet + `).fit(x, data.train.y, cat_features=["s"])
`, "", `takes column "s" for categories, and it is a number`},
		{"not fitted", `
    return catboost.CatBoostClassifier()
`, "", "which is no model, or not fitted; return the fitted estimator"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := catWorld(t, "def train(data, params):\n    import catboost\n"+c.body)
			if strings.HasPrefix(c.name, "strings") {
				w.Model.Steps = nil
			}
			if c.name == "regression" {
				w.Model.Task, w.Model.Metrics = model.Regression, []string{"rmse"}
			}
			w.Model.Pickle = c.runtime == "python"
			r, err := w.run(t, t.Context())
			if c.says != "" {
				if failed := new(Failed); !errors.As(err, &failed) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v\nwant %s", err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, w.live.String())
			}
			if c.name == "regression" && !(r.Version.Metrics["test.rmse"] < 0.49) || c.name != "regression" && r.Version.Metrics["test.auc"] < 0.7 {
				t.Errorf("version %+v", r.Version)
			}
			a, err := model.OpenArtifact(t.Context(), filepath.Join(w.Artifacts, r.Version.Artifact), func(name string) (model.Open, error) {
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
			if a.Manifest.Runtime != c.runtime || a.Manifest.Framework != "catboost 1.2.10" {
				t.Errorf("runtime %s, framework %s", a.Manifest.Runtime, a.Manifest.Framework)
			}
			if _, explains := a.Model.(model.Explainer); explains != (c.runtime == "tree") {
				t.Error("explanations")
			}
		})
	}
}
