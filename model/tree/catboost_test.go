package tree

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/model"
)

// testdata/catboost.zip has models of CatBoost, rows of their own for each, and what CatBoost answers; catboosts.py made it.
var ships = sync.OnceValue(func() map[string][]byte { return unzipped("testdata/catboost.zip") })

// catCase is one entry of index.json.
type catCase struct {
	Name, Predict, Refused string
	Shap                   bool
}

func catCases(t testing.TB) []catCase {
	t.Helper()
	var cases []catCase
	if err := json.Unmarshal(ships()["index.json"], &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// catArray reads an array of catboost.zip.
func catArray(t testing.TB, name string) (values []float64, width int) {
	t.Helper()
	data, ok := ships()[name]
	if !ok {
		t.Fatalf("no %s", name)
	}
	return npyOf(t, name, data)
}

// catBatch are a model's rows, or every step-th of them.
func catBatch(t testing.TB, name string, step int) *model.Batch {
	t.Helper()
	rows, width := catArray(t, name+".rows.npy")
	b := &model.Batch{Rows: (len(rows)/width + step - 1) / step, Numbers: every(rows, width, step)}
	if text, ok := ships()[name+".texts.json"]; ok {
		var texts [][]string
		if err := json.Unmarshal(text, &texts); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(texts); i += step {
			b.Texts = append(b.Texts, texts[i]...)
		}
	}
	return b
}

// answersOf gives all outputs of a model.
func answersOf(t testing.TB, m *Model, b *model.Batch) [][]float64 {
	t.Helper()
	out := make([][]float64, len(m.info.Outputs))
	for i, o := range m.info.Outputs {
		out[i] = make([]float64, b.Rows*o.Width)
	}
	if err := m.Predict(context.Background(), b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCatBoost compares with what CatBoost answers: sums and leaves to the bit, what the link makes of them as closely as two libraries' exponential
// functions agree, and contributions as closely as sums of another order are.
func TestCatBoost(t *testing.T) {
	run := 0
	for _, c := range catCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			m, err := Read(ships()[c.Name+".json"])
			if c.Refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.Refused) {
					t.Errorf("%v, want %q", err, c.Refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			run++
			b := catBatch(t, c.Name, 1)
			got := answersOf(t, m, b)
			plain, _ := newModel(m.forest)
			plain.layout, plain.wide = nil, nil
			for i, o := range answersOf(t, plain, b) {
				if err := near(o, got[i], 0); err != nil {
					t.Errorf("%s without a layout: %v", m.info.Outputs[i].Name, err)
				}
			}
			want, _ := catArray(t, c.Name+".raw.npy")
			if err := near(got[m.info.Output(model.Margin)], want, 0); err != nil {
				t.Errorf("margins: %v", err)
			}
			if c.Predict != "" {
				want, _ = catArray(t, c.Name+".pred.npy")
			}
			if err := near(got[0], want, map[bool]float64{true: 1e-14}[c.Predict != ""]); err != nil {
				t.Errorf("predictions: %v", err)
			}
			want, _ = catArray(t, c.Name+".leaf.npy")
			if err := near(got[m.info.Output(model.Leaf)], want, 0); err != nil {
				t.Errorf("leaves: %v", err)
			}
			if margins, err := m.Explains(); !c.Shap {
				if err == nil || !strings.Contains(err.Error(), "scale") {
					t.Errorf("explained: %v", err)
				}
				return
			} else if err != nil || margins != m.forest.outputs {
				t.Fatalf("%d, %v", margins, err)
			}
			want, _ = catArray(t, c.Name+".shap.npy")
			b = catBatch(t, c.Name, 12)
			shap := make([]float64, b.Rows*m.forest.outputs*(len(m.info.Inputs)+1))
			if err := m.Explain(context.Background(), b, shap); err != nil {
				t.Fatal(err)
			}
			if len(shap) != len(want) {
				t.Fatalf("%d contributions, want %d", len(shap), len(want))
			}
			worst, at := 0.0, 0
			for i := range shap {
				if off := math.Abs(shap[i]-want[i]) / max(1, math.Abs(want[i])); !(off <= worst) {
					worst, at = off, i
				}
			}
			if !(worst <= 1e-12) {
				t.Errorf("contributions are off by %g at %d: %v, want %v", worst, at, shap[at], want[at])
			}
		})
	}
	if run < 27 {
		t.Errorf("%d were run", run)
	}
}

// TestCatBoostInfo reads what files say of their inputs, outputs and classes.
func TestCatBoostInfo(t *testing.T) {
	for name, want := range map[string]string{
		"regression":           "f0 float, f1 float, f2 float, f3 float; prediction value 1, margin margin 1, leaf leaf 20; []",
		"named":                "weight of hull float, x=y float, größe float, d float; prediction value 1, margin margin 1, leaf leaf 3; []",
		"one_hot":              "a float, ship string, b float, c float, d float; prediction probability 1, margin margin 1, class class 1, leaf leaf 20; [false true]",
		"crossentropy":         "f0 float, f1 float, f2 float, f3 float; prediction probability 1, margin margin 1, leaf leaf 5; []",
		"lossguide_multiclass": "f0 float, f1 float, f2 float, f3 float; prediction probability 3, margin margin 3, class class 1, leaf leaf 6; [0 1 2]",
		"multi_quantile":       "f0 float, f1 float, f2 float, f3 float; prediction value 2, margin margin 2, leaf leaf 5; []",
	} {
		m, err := Read(ships()[name+".json"])
		if err != nil {
			t.Fatal(err)
		}
		var in, out []string
		for _, i := range m.info.Inputs {
			in = append(in, i.Name+" "+i.Type.String())
		}
		for _, o := range m.info.Outputs {
			out = append(out, fmt.Sprint(o.Name, " ", o.Kind, " ", o.Width))
		}
		if got := strings.Join(in, ", ") + "; " + strings.Join(out, ", ") + "; " + fmt.Sprint(m.info.Classes); got != want || m.info.Format != "catboost json" {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

// TestHash: of texts of every length, up to several of the hash's steps, CatBoost 1.2.10 makes these numbers.
func TestHash(t *testing.T) {
	for text, want := range map[string]float64{
		"": 797982799, "a": -805065478, "ab": -204718274, "abc": 978243121, "abcd": 345588365, "abcdefg": 163411706, "abcdefgh": -24192233, "abcdefghi": -1275414319, strings.Repeat("q", 16): 1336494015, strings.Repeat("q", 17): 92836038, "brig-sloop and more": -1033671569, strings.Repeat("w", 32): -1312077007, strings.Repeat("w", 33): -2078726570, "Ålesund åttring": -1901018349, strings.Repeat("e", 64): -1703005908, strings.Repeat("e", 65): -1174585066, strings.Repeat("r", 128): 832998500, strings.Repeat("t", 129): -677521521, strings.Repeat("y", 200): -1108702210,
	} {
		if got := categoryOf(text); got != want {
			t.Errorf("%d bytes: %v, want %v", len(text), got, want)
		}
	}
}

// Sums are scaled also where nothing is added then, and nodes that share a category look into one slot.
func TestCatBoostScaleAndSlots(t *testing.T) {
	whole := string(ships()["multiclass.json"])
	once, err1 := Read([]byte(whole))
	twice, err2 := Read([]byte(strings.Replace(whole, `"scale_and_bias":[1,[0,0,0]]`, `"scale_and_bias":[2,[0,0,0]]`, 1)))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	b := catBatch(t, "multiclass", 9)
	margins, doubled := answersOf(t, once, b)[1], answersOf(t, twice, b)[1]
	for i := range margins {
		if doubled[i] != 2*margins[i] {
			t.Fatalf("%v, twice %v", doubled[i], margins[i])
		}
	}
	m, err := Read(ships()["one_hot.json"])
	if err != nil || len(m.layout.sets) == 0 || len(m.layout.sets) > 10 {
		t.Errorf("%v, %d slots of sets", err, len(m.layout.sets))
	}
}

// TestCategories: the hash of a category's text is CatBoost's, of every length; fixtures meet those of CatBoost's own answers.
func TestCategories(t *testing.T) {
	m, err := Read(ships()["one_hot.json"])
	if err != nil {
		t.Fatal(err)
	}
	known := map[float64]bool{}
	for i := range m.forest.trees {
		for _, n := range m.forest.trees[i].nodes {
			if n.set != nil {
				known[n.set.numbers[0]] = true
			}
		}
	}
	var met []int // lengths
	for _, ship := range catBatch(t, "one_hot", 1).Texts {
		if known[categoryOf(ship)] {
			met = append(met, len(ship))
		}
	}
	slices.Sort(met)
	if met = slices.Compact(met); len(met) < 6 || met[len(met)-1] <= 64 {
		t.Errorf("categories of %v bytes are met, of %d", met, len(known))
	}
}

// TestCatBoostMistakes sees that a broken file of CatBoost is refused with words that say what is wrong and where.
func TestCatBoostMistakes(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{"regression", `"type":"RMSE"`, `"type":"Own"`, `CatBoost's JSON: loss function "Own" is not known: what its link is decides every answer`},
		{"regression", `"loss_function":{`, `"lost_function":{`, "there is no loss_function in model_info"},
		{"regression", `"type":"RMSE"`, `"type":"RMSEWithUncertainty"`, "train it with RMSE, or with Quantile one model for each bound"},
		{"regression", `"type":"RMSE"`, `"type":"MultiCrossEntropy"`, "train one model for each"},
		{"multiclass", `"type":"MultiClass"`, `"type":"Logloss"`, "loss function Logloss with 3 outputs"},
		{"multiclass", `"class_names":[0,1,2]`, `"class_names":[0,1]`, "2 class_names and 3 class_to_label for 3 classes"},
		{"multiclass", `"class_to_label":[0,1,2]`, `"class_to_label":[0,1,3]`, "class_to_label has 3 of 3 classes"},
		{"multiclass", `"scale_and_bias":[1,[0,0,0]]`, `"scale_and_bias":[1,[0,0]]`, "3 class_names and 3 class_to_label for 2 classes"},
		{"multi_quantile", `"scale_and_bias":[1,[`, `"scale_and_bias":[1,[0,`, "tree 0: 32 leaf_values for 4 splits and 3 outputs"},
		{"regression", `"scale_and_bias":[1,`, `"scale_and_bias":[null,`, "scale_and_bias is no number and a list of numbers"},
		{"regression", `"scale_and_bias":[1,`, `"scale_and_bias":[1,1,`, "scale_and_bias is no number and a list of numbers"},
		{"regression", `"oblivious_trees":`, `"other_trees":`, "there are neither oblivious_trees nor trees"},
		{"regression", `"nan_value_treatment":"AsIs"`, `"nan_value_treatment":"AsMean"`, `feature "f0" has nan_value_treatment "AsMean": AsIs, AsFalse and AsTrue are known`},
		{"regression", `"flat_feature_index":0`, `"flat_feature_index":1`, "two features have flat_feature_index 1"},
		{"regression", `"flat_feature_index":0`, `"flat_feature_index":2147483647`, "features_info has 4 features, and one with flat_feature_index 2147483647"},
		{"regression", `"flat_feature_index":0`, `"flat_feature_index":-1`, "a feature of float_features has no feature_index and flat_feature_index"},
		{"regression", `"feature_index":0`, `"feature_index":1`, "two features of float_features have feature_index 1"},
		{"regression", `"float_features":[`, `"word_features":[{"flat_feature_index":0,"feature_index":0}],"float_features":[`, "features_info has word_features, which are not known"},
		{"regression", `"float_features":[`, `"text_features":[{"flat_feature_index":4,"feature_index":0}],"float_features":[`, "it has text_features, which are not run: make numbers of them in the pipeline, such as bh.tf_idf"},
		{"regression", `"float_feature_index":0`, `"float_feature_index":4`, "asks for float_feature_index 4, which is no feature"},
		{"regression", `"split_type":"FloatFeature"`, `"split_type":"OnlineCtr"`, "statistics of categories (CTR), which are not run: raise one_hot_max_size"},
		{"regression", `"split_type":"FloatFeature"`, `"split_type":"Guess"`, `tree 0: split_type "Guess" is not known`},
		{"regression", `"split_type":"FloatFeature"`, `"split_type":"OneHotFeature"`, "a split has no value, or asks for cat_feature_index 0, which is no feature"},
		{"regression", `"leaf_values":[`, `"leaf_values":[0,`, "tree 0: 17 leaf_values for 4 splits and 1 outputs"},
		{"regression", `"leaf_weights":[`, `"leaf_weights":[0,`, "tree 0: 17 leaf_weights for 16 leaves"},
		{"regression", `"leaf_weights":[`, `"leaf_weights":[-`, "rows came to a node"},
		{"regression", `"leaf_values":[`, `"leaf_values":["x",`, "the document cannot be read"},
		{"regression", `"border":`, `"boarder":`, "a split has no border"},
		{"regression", `"border":`, `"border":1e39,"b":`, "the document cannot be read"},
		{"lossguide", `"right":`, `"wrong":`, "tree 0: a split has no left or right"},
		{"lossguide", `"value":`, `"price":`, "tree 0: leaf 0 has 0 values for 1 outputs"},
		{"lossguide_multiclass", `"value":[`, `"value":[0,`, "tree 0: leaf 0 has 4 values for 3 outputs"},
		{"lossguide", `"trees":[`, `"trees":[` + strings.Repeat(`{"left":`, 20_000) + strings.Repeat("}", 20_000) + ",", "exceeded max depth"},
	} {
		whole := string(ships()[c.file+".json"])
		data := strings.Replace(whole, c.old, c.new, 1)
		if data == whole {
			t.Errorf("%s has no %q", c.file, c.old)
			continue
		}
		if m, err := Read([]byte(data)); m != nil || err == nil || !strings.Contains(err.Error(), "CatBoost's JSON: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s → %.60s:\n got %v\nwant %s", c.file, c.old, c.new, err, c.want)
		}
	}
}

// A model that was given another threshold tells another class than the likeliest, which is not told; and without counts of rows nothing is explained.
func TestCatBoostWithout(t *testing.T) {
	whole := string(ships()["binary.json"])
	m, err := Read([]byte(strings.Replace(whole, `"model_info":{`, `"model_info":{"binclass_probability_threshold":"0.3",`, 1)))
	if err != nil || m.info.Output(model.Class) >= 0 || m.info.Output(model.Probability) != 0 {
		t.Errorf("%v: %+v", err, m)
	}
	for file, key := range map[string]string{"binary": `"leaf_weights":`, "multiclass": `"leaf_weights":`, "lossguide": `"weight":`} {
		m, err = Read([]byte(strings.Replace(string(ships()[file+".json"]), key, `"other":`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Explains(); err == nil || !strings.Contains(err.Error(), "not say how many rows came to each") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func BenchmarkCatBoost(b *testing.B) {
	for _, name := range []string{"regression", "deep", "one_hot"} {
		m, err := Read(ships()[name+".json"])
		if err != nil {
			b.Fatal(err)
		}
		in, out := catBatch(b, name, 1), [][]float64{nil}
		numbers, texts := m.info.Widths()
		in.Rows, in.Numbers, in.Texts = 1, in.Numbers[:numbers], in.Texts[:texts]
		out[0] = make([]float64, 1)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := m.Predict(context.Background(), in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
