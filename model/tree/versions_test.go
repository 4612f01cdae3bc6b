package tree

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model"
)

// object is a JSON object of a file, whose numbers stay as they are written.
type object = map[string]any

// TestOldXGBoost rewrites files as XGBoost 1 and 2 wrote them: without what came later, and otherwise where it was. Sums are the same, to the bit.
func TestOldXGBoost(t *testing.T) {
	inputs, _ := npy(t, "inputs.npy")
	compared := 0
	for _, f := range fixtures(t) {
		if f.Family != "xgboost" || f.Outputs["raw"].File == "" {
			continue
		}
		want, _ := npy(t, f.Outputs["raw"].File)
		for version, older := range map[string]func(object) bool{"2": asXGBoost2, "1": asXGBoost1} {
			d := json.NewDecoder(bytes.NewReader(archive()[f.File]))
			d.UseNumber()
			var document object
			if err := d.Decode(&document); err != nil {
				t.Fatal(err)
			}
			if !older(document) {
				continue // it has what that version did not
			}
			text, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Read(text)
			if err != nil {
				t.Errorf("%s of version %s: %v", f.Name, version, err)
				continue
			}
			if !strings.HasPrefix(m.Info().Format, "xgboost json "+version+".") {
				t.Errorf("%s of version %s is told as %s", f.Name, version, m.Info().Format)
			}
			if err := near(predict(t, m, inputs, max(m.Info().Output(model.Margin), 0)), want, 0); err != nil {
				t.Errorf("%s of version %s: %v", f.Name, version, err)
			}
			compared++
		}
	}
	if compared < 35 {
		t.Errorf("%d files were compared", compared)
	}
}

// asXGBoost2 takes off what 3.x added: base scores by output, and the categories' own names.
func asXGBoost2(d object) bool {
	d["version"] = []int{2, 1, 4}
	learner := d["learner"].(object)
	param := learner["learner_model_param"].(object)
	base, _, several := strings.Cut(strings.Trim(param["base_score"].(string), "[]"), ",")
	if several && strings.Count(param["base_score"].(string), base) != 1+strings.Count(param["base_score"].(string), ",") {
		return false
	}
	param["base_score"] = base
	vectors := false
	eachModel(learner, func(m object) {
		delete(m, "cats")
		for _, tree := range m["trees"].([]any) {
			_, has := tree.(object)["leaf_weights"]
			vectors = vectors || has
		}
	})
	return !vectors
}

// asXGBoost1 takes off what 1.3 to 2.x added: targets, types of features and splits, categories; directions were true and false, and leaves had no width.
func asXGBoost1(d object) bool {
	if !asXGBoost2(d) {
		return false
	}
	d["version"] = []int{1, 2, 0}
	learner := d["learner"].(object)
	param := learner["learner_model_param"].(object)
	if param["num_target"] != "1" {
		return false
	}
	delete(param, "num_target")
	delete(param, "boost_from_average")
	delete(learner, "feature_types")
	delete(learner, "feature_names")
	categories := false
	eachModel(learner, func(m object) {
		delete(m, "iteration_indptr")
		for _, x := range m["trees"].([]any) {
			tree := x.(object)
			categories = categories || len(tree["categories"].([]any)) > 0
			for name := range tree {
				if name == "split_type" || strings.HasPrefix(name, "categories") {
					delete(tree, name)
				}
			}
			for i, left := range tree["default_left"].([]any) {
				tree["default_left"].([]any)[i] = left.(json.Number) == "1"
			}
			tree["tree_param"].(object)["size_leaf_vector"] = "0"
		}
	})
	return !categories
}

// eachModel calls do for a booster's trees, where it has such.
func eachModel(learner object, do func(object)) {
	booster := learner["gradient_booster"].(object)
	if nested, ok := booster["gbtree"].(object); ok {
		booster = nested
	}
	if m, ok := booster["model"].(object); ok && m["trees"] != nil {
		do(m)
	}
}

// TestOldLightGBM rewrites files as LightGBM 3 wrote them. Sums are the same, to the bit.
func TestOldLightGBM(t *testing.T) {
	inputs, _ := npy(t, "inputs.npy")
	constant := regexp.MustCompile(`(?m)^is_linear=0\n`) // since 3.2
	compared := 0
	for _, f := range fixtures(t) {
		if f.Family != "lightgbm" {
			continue
		}
		text := strings.Replace(string(archive()[f.File]), "\nversion=v4\n", "\nversion=v3\n", 1)
		m, err := Read([]byte(constant.ReplaceAllString(text, "")))
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		if m.Info().Format != "lightgbm text v3" {
			t.Errorf("%s is told as %s", f.Name, m.Info().Format)
		}
		want, _ := npy(t, f.Outputs["raw"].File)
		if err := near(predict(t, m, inputs, max(m.Info().Output(model.Margin), 0)), want, 0); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		compared++
	}
	if compared != 27 {
		t.Errorf("%d files were compared", compared)
	}
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func same(x float64) float64 { return x }

// TestXGBoostLinks says for each objective what a sum becomes, and what the file's base score is as a sum.
func TestXGBoostLinks(t *testing.T) {
	inputs, width := npy(t, "inputs.npy")
	rows := every(inputs, width, 20)
	plain := archive()["xgb_reg.xgb.json"]
	base := regexp.MustCompile(`"base_score":"[^"]*"`)
	started := func(objective string) (*Model, []float64, []float64) {
		text := bytes.ReplaceAll(base.ReplaceAll(plain, []byte(`"base_score":"2.5E-1"`)), []byte("reg:squarederror"), []byte(objective))
		m, err := Read(text)
		if err != nil {
			t.Errorf("%s: %v", objective, err)
			return nil, nil, nil
		}
		margin := max(m.Info().Output(model.Margin), 0)
		return m, predict(t, m, rows, 0), predict(t, m, rows, margin)
	}
	_, _, sums := started("reg:squarederror")
	hinged := func(x float64) float64 {
		if x > 0 {
			return 1
		}
		return 0
	}
	for objective, c := range map[string]struct {
		kind model.Kind
		link func(float64) float64
		base float64 // of 1/4
	}{
		"reg:squarederror": {model.Value, same, 0.25}, "reg:linear": {model.Value, same, 0.25}, "reg:squaredlogerror": {model.Value, same, 0.25},
		"reg:pseudohubererror": {model.Value, same, 0.25}, "reg:absoluteerror": {model.Value, same, 0.25}, "reg:quantileerror": {model.Value, same, 0.25},
		"reg:expectileerror": {model.Value, same, 0.25}, "rank:pairwise": {model.Value, same, 0.25}, "rank:ndcg": {model.Value, same, 0.25}, "rank:map": {model.Value, same, 0.25},
		"binary:logistic": {model.Probability, logistic, -math.Log(3)}, "reg:logistic": {model.Probability, logistic, -math.Log(3)},
		"binary:logitraw": {model.Margin, same, 0.25}, "binary:hinge": {model.Class, hinged, 0.25},
		"count:poisson": {model.Value, math.Exp, math.Log(0.25)}, "reg:gamma": {model.Value, math.Exp, math.Log(0.25)}, "reg:tweedie": {model.Value, math.Exp, math.Log(0.25)},
		"survival:cox": {model.Value, math.Exp, math.Log(0.25)}, "survival:aft": {model.Value, math.Exp, math.Log(0.25)},
	} {
		m, got, margins := started(objective)
		if m == nil {
			continue
		}
		if kind := m.Info().Outputs[0].Kind; kind != c.kind {
			t.Errorf("%s answers a %s", objective, kind)
		}
		for i := range got {
			if d := margins[i] - (sums[i] - 0.25 + c.base); math.Abs(d) > 2e-6 {
				t.Errorf("%s: the sum of row %d is off by %v", objective, i, d)
				break
			}
			if want := c.link(margins[i]); math.Abs(got[i]-want) > 1e-6*max(1, math.Abs(want)) {
				t.Errorf("%s: row %d is %v, want %v", objective, i, got[i], want)
				break
			}
		}
	}
	if _, err := Read(bytes.ReplaceAll(plain, []byte("reg:squarederror"), []byte("survival:cux"))); err == nil {
		t.Error("an objective that is not known is read")
	}
}

// TestLightGBMLinks says for each objective, as LightGBM writes it, what a sum becomes.
func TestLightGBMLinks(t *testing.T) {
	inputs, width := npy(t, "inputs.npy")
	rows := every(inputs, width, 20)
	line := regexp.MustCompile(`(?m)^objective=.*\n`)
	squares := func(x float64) float64 { return math.Copysign(x*x, x) }
	for objective, c := range map[string]struct {
		kind model.Kind
		link func(float64) float64
	}{
		"objective=regression\n": {model.Value, same}, "objective=regression sqrt\n": {model.Value, squares}, "objective=regression_l1\n": {model.Value, same},
		"objective=huber\n": {model.Value, same}, "objective=fair\n": {model.Value, same}, "objective=quantile alpha:0.9\n": {model.Value, same}, "objective=mape\n": {model.Value, same},
		"objective=l1\n": {model.Value, same}, "objective=l2\n": {model.Value, same}, "objective=lambdarank\n": {model.Value, same}, "objective=rank_xendcg\n": {model.Value, same},
		"objective=custom\n": {model.Value, same}, "objective=none\n": {model.Value, same}, "": {model.Value, same},
		"objective=poisson\n": {model.Value, math.Exp}, "objective=gamma\n": {model.Value, math.Exp}, "objective=tweedie tweedie_variance_power:1.5\n": {model.Value, math.Exp},
		"objective=binary sigmoid:1\n": {model.Probability, logistic}, "objective=binary sigmoid:0.5\n": {model.Probability, func(x float64) float64 { return logistic(x / 2) }},
		"objective=cross_entropy\n": {model.Probability, logistic}, "objective=xentropy\n": {model.Probability, logistic},
		"objective=cross_entropy_lambda\n": {model.Value, func(x float64) float64 { return math.Log(1 + math.Exp(x)) }}, "objective=xentlambda\n": {model.Value, func(x float64) float64 { return math.Log(1 + math.Exp(x)) }},
	} {
		m, err := Read(line.ReplaceAll(archive()["lgb_regression.lgb.txt"], []byte(objective)))
		if err != nil {
			t.Errorf("%q: %v", objective, err)
			continue
		}
		if kind := m.Info().Outputs[0].Kind; kind != c.kind {
			t.Errorf("%q answers a %s", objective, kind)
		}
		margins := predict(t, m, rows, m.Info().Output(model.Margin))
		for i, got := range predict(t, m, rows, 0) {
			if want := c.link(margins[i]); math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
				t.Errorf("%q: row %d is %v, want %v", objective, i, got, want)
				break
			}
		}
	}
}
