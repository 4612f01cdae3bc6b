package tree

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model"
)

// TestMistakes sees that a broken file is refused with words that say what is wrong and where.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		// LightGBM: the first tree of lgb_numeric begins at line 12.
		{"lgb_numeric.lgb.txt", "version=v4", "version=v2", `LightGBM's text: version "v2" of LightGBM's format: v3 and v4 are read; save the model again with LightGBM 3 or 4`},
		{"lgb_numeric.lgb.txt", "end of trees", "end of tre", `LightGBM's text: the file ends before "end of trees", after 8 trees: it was cut off`},
		{"lgb_numeric.lgb.txt", "objective=binary sigmoid:1", "objective=own", `LightGBM's text: objective "own" is not known: what its link is decides every answer`},
		{"lgb_numeric.lgb.txt", "sigmoid:1", "sigmoid:-1", `LightGBM's text: objective=binary sigmoid:-1: the sigmoid's factor is no number above 0`},
		{"lgb_numeric.lgb.txt", "max_feature_idx=12", "max_feature_idx=13", `LightGBM's text: 13 feature_names where max_feature_idx=13`},
		{"lgb_numeric.lgb.txt", "num_leaves=12", "num_leaves=13", `LightGBM's text: tree 0, at line 12: leaf_value= has 12 numbers where 13 are expected`},
		{"lgb_numeric.lgb.txt", "num_leaves=12", "num_leaves=99999999999", `LightGBM's text: tree 0, at line 12: num_leaves=99999999999 is no number from 1`},
		{"lgb_numeric.lgb.txt", "Tree=3", "Tree=4", `LightGBM's text: line 69: Tree=4 where tree 3 is expected`},
		{"lgb_numeric.lgb.txt", "\nsplit_feature=0", "\nsplit_feature=x", `LightGBM's text: tree 0, at line 12: split_feature= has "x" where a number is expected`},
		{"lgb_numeric.lgb.txt", "\nsplit_feature=0", "\nsplit_feature=13", `LightGBM's text: tree 0: node 0 reads feature 13 of 13`},
		{"lgb_numeric.lgb.txt", "\nleft_child=", "\nleft_child=0 ", `LightGBM's text: tree 0, at line 12: left_child= has 12 numbers where 11 are expected`},
		{"lgb_numeric.lgb.txt", "\ndecision_type=8", "\ndecision_type=12", `whose missing type is unknown`},
		{"lgb_binary.lgb.txt", "\ncat_boundaries=0", "\ncat_boundaries=9", `cat_boundaries go from 9 to`},
		{"lgb_binary.lgb.txt", "\nnum_cat=", "\nnum_cat=9", `cat_boundaries= has`},
		{"lgb_multiclass.lgb.txt", "num_class=3", "num_class=2", `LightGBM's text: num_class=2 with num_tree_per_iteration=3`},
		{"lgb_linear_tree.lgb.txt", "\nnum_features=", "\nnum_features=99", `more than there are leaf_features and leaf_coeff`},
		{"lgb_numeric.lgb.txt", "\nleaf_count=", "\nleaf_count=1 ", `LightGBM's text: tree 0, at line 12: leaf_count= has 13 numbers where 12 are expected`},
		{"lgb_numeric.lgb.txt", "\ninternal_count=", "\ninternal_count=-", `rows came to a node`},
		// XGBoost.
		{"xgb_reg.xgb.json", `"version":[3,2,0]`, `"version":[4,2,0]`, `XGBoost's JSON: written by XGBoost 4, versions 1 to 3 are read`},
		{"xgb_reg.xgb.json", `reg:squarederror`, `reg:own`, `XGBoost's JSON: objective "reg:own" is not known: what its link is decides every answer`},
		{"xgb_reg.xgb.json", `"name":"gbtree"`, `"name":"gbforest"`, `XGBoost's JSON: booster "gbforest": gbtree, dart and gblinear are run`},
		{"xgb_reg.xgb.json", `"base_score":"[1`, `"base_score":"[x`, `is no number`},
		{"xgb_reg.xgb.json", `"num_feature":"13","num_target"`, `"num_feature":"12","num_target"`, `XGBoost's JSON: num_feature is 12 with 13 feature_names and 13 feature_types`},
		{"xgb_reg.xgb.json", `"num_target":"1"`, `"num_target":"100000"`, `XGBoost's JSON: 100000 outputs: at most 65536 are run`},
		{"xgb_reg.xgb.json", `"left_children":[1,`, `"left_children":[0,`, `XGBoost's JSON: tree 0: two ways lead to node 0: this is no tree`},
		{"xgb_reg.xgb.json", `"left_children":[1,`, `"left_children":[9999,`, `XGBoost's JSON: tree 0: node 0 has children 9999 and 2 of 31`},
		{"xgb_reg.xgb.json", `"split_indices":[0,`, `"split_indices":[-1,`, `XGBoost's JSON: tree 0: node 0 reads feature -1 of 13`},
		{"xgb_reg.xgb.json", `"split_indices":[0,`, `"split_indices":[`, `XGBoost's JSON: tree 0: split_indices has 30 entries for 31 nodes`},
		{"xgb_reg.xgb.json", `"tree_info":[0,`, `"tree_info":[1,`, `XGBoost's JSON: tree 0: adds to output 1 of 1`},
		{"xgb_cat.xgb.json", `"categories_sizes":[`, `"categories_sizes":[9999`, `categories of node`},
		{"xgb_cat.xgb.json", `"categories":[1,`, `"categories":[16777216,`, `category 16777216 is not in [0, 2^24)`},
		{"xgb_dart.xgb.json", `"weight_drop":[`, `"weight_drop":[1,`, `XGBoost's JSON: dart without a weight_drop for each tree`},
		{"xgb_gblinear.xgb.json", `"weights":[`, `"weights":[1,`, `XGBoost's JSON: gblinear without a weight for each feature and output`},
		{"xgb_vector_leaf.xgb.json", `"leaf_weights":[`, `"weights_of_leaves":[`, `save the model again with XGBoost 3.1`},
		{"xgb_base03.xgb.json", `[3E-1]`, `[1E0]`, `XGBoost's JSON: base_score 1 is no probability`},
		// ONNX: names are as long as what takes their place.
		{"onnx_rf.onnx", "BRANCH_LEQ", "BRANCH_LEX", `ONNX: tree 0: node 0: not an artifact of this runtime: mode "BRANCH_LEX"`},
		{"onnx_rf.onnx", "nodes_values", "nodes_valuex", `ONNX: 0 nodes_values, 345 nodes_modes and 345 nodes_missing_value_tracks_true for 345 nodes`},
		{"onnx_hgb.onnx", "LOGISTIC", "LOGISTIX", `ONNX: not an artifact of this runtime: post_transform LOGISTIX`},
		{"onnx_rf.onnx", "TreeEnsembleClassifier", "TreeEnsembleClassifiex", `ONNX: not an artifact of this runtime: the graph has TreeEnsembleClassifiex, and only`},
	} {
		data := bytes.Replace(archive()[c.file], []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(data, archive()[c.file]) && c.old != c.new {
			t.Errorf("%s has no %q", c.file, c.old)
			continue
		}
		if strings.HasSuffix(c.file, ".onnx") { // where nodes have names, too, and all modes are one
			data = bytes.ReplaceAll(archive()[c.file], []byte(c.old), []byte(c.new))
		}
		m, err := Read(data)
		if m != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s → %s:\n got %v\nwant %s", c.file, c.old, c.new, err, c.want)
		}
	}
}

// TestForeign sees that what is of no format of ours is left to others, with a word on what it is.
func TestForeign(t *testing.T) {
	for data, want := range map[string]string{
		"":                         "is empty",
		"\x80\x05\x95\x00":         "is a pickle of Python, which is a program: save the model in its framework's own format",
		"binf\x00\x00":             "XGBoost's old binary format",
		"CBM1\x00\x00":             `CatBoost's own binary format: save the model with save_model(path, format="json")`,
		`{"a": 1}`:                 "is JSON of something else",
		"PK\x03\x04":               "is none of",
		"<html>not a model</html>": "is none of",
	} {
		if _, err := Read([]byte(data)); !errors.Is(err, model.ErrForeign) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", data, err, want)
		}
	}
	if _, err := Open(context.Background(), t.TempDir()); !errors.Is(err, model.ErrForeign) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(context.Background(), filepath.Join(t.TempDir(), "absent")); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("no file: %v", err)
	}
}

// TestCutOff cuts files of every format off at many places: none may be taken for whole.
func TestCutOff(t *testing.T) {
	for _, file := range []string{"lgb_binary.lgb.txt", "xgb_cat.xgb.json", "xgb_cat.xgb.ubj", "onnx_rf.onnx", "one_hot.json"} {
		whole := archive()[file]
		if whole == nil {
			whole = ships()[file]
		}
		end := len(whole)
		if file == "lgb_binary.lgb.txt" { // what follows the trees is not read
			end = bytes.Index(whole, []byte("end of trees"))
		}
		read := 0
		for n := range 200 {
			cut := end * n / 200
			if _, err := Read(whole[:cut]); err == nil {
				t.Errorf("%s is read of %d bytes of %d", file, cut, len(whole))
			}
			read++
		}
		for _, cut := range []int{1, 2, 3, 7} {
			if _, err := Read(whole[:end-cut]); err == nil {
				t.Errorf("%s is read without its last %d bytes", file, cut)
			}
		}
	}
}

// TestInfinite sees that what XGBoost refuses is refused, named by row and input, and that LightGBM takes it.
func TestInfinite(t *testing.T) {
	for _, x := range []float64{math.Inf(1), math.Inf(-1), 1e39, -math.MaxFloat64} {
		rows := make([]float64, 40*13)
		rows[37*13+4] = x
		for name, want := range map[string]string{"xgb_reg.xgb.json": `row 37: input "f4": is infinite`, "xgb_gblinear.xgb.json": `row 37: input "f4"`, "lgb_binary.lgb.txt": ""} {
			m := read(t, name)
			err := m.Predict(context.Background(), &model.Batch{Rows: 40, Numbers: rows}, nil)
			var row *model.RowError
			if want == "" && err != nil || want != "" && (!errors.As(err, &row) || row.Row != 37 || row.Input != "f4" || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v: %v", name, x, err)
			}
		}
	}
}

// TestTypes reads what files say of their inputs and outputs.
func TestTypes(t *testing.T) {
	for name, want := range map[string]string{
		"lgb_binary.lgb.txt":    "lightgbm text v4; f0…c2, 3 categorical; prediction probability 1, margin margin 1, class class 1, leaf leaf 50",
		"lgb_numeric.lgb.txt":   "lightgbm text v4; f0…c2, 0 categorical; prediction probability 1, margin margin 1, class class 1, leaf leaf 8",
		"xgb_cat.xgb.ubj":       "xgboost ubj 3.2.0; f0…c2, 3 categorical; prediction probability 1, margin margin 1, class class 1, leaf leaf 12",
		"xgb_softmax.xgb.json":  "xgboost json 3.2.0; f0…c2, 0 categorical; prediction class 1, margin margin 3, leaf leaf 6",
		"xgb_logitraw.xgb.json": "xgboost json 3.2.0; f0…c2, 0 categorical; prediction margin 1, class class 1, leaf leaf 7",
		"xgb_gblinear.xgb.json": "xgboost json 3.2.0; f0…c2, 0 categorical; prediction value 1, margin margin 1",
		"onnx_gb.onnx":          "onnx TreeEnsembleClassifier; f0…f12, 0 categorical; probabilities probability 3, label class 1, leaf leaf 30",
	} {
		info := read(t, name).Info()
		got := info.Format + "; " + info.Inputs[0].Name + "…" + info.Inputs[len(info.Inputs)-1].Name
		categorical := 0
		for _, in := range info.Inputs {
			if in.Categorical {
				categorical++
			}
		}
		got += ", " + strconv.Itoa(categorical) + " categorical;"
		for i, o := range info.Outputs {
			if i > 0 {
				got += ","
			}
			got += " " + o.Name + " " + o.Kind.String() + " " + strconv.Itoa(o.Width)
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

// TestScikitLearn sees that trees which no framework's own format holds are refused as another's.
func TestScikitLearn(t *testing.T) {
	refused := 0
	for _, f := range fixtures(t) {
		if f.Family != "sklearn_trees" {
			continue
		}
		refused++
		if _, err := Read(archive()[f.File]); !errors.Is(err, model.ErrForeign) || !strings.Contains(err.Error(), "is trees of scikit-learn as plain arrays, which is nobody's format: make ONNX of the estimator (skl2onnx)") {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if refused != 5 {
		t.Errorf("%d", refused)
	}
}
