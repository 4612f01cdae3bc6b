package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// What of CatBoost's document is read. The names are the format's.
type catDocument struct {
	Features map[string][]catFeature `json:"features_info"`
	Info     struct {
		Params struct {
			Loss *catLoss `json:"loss_function"`
		}
		Loss    *catLoss `json:"loss_function"` // of a model that was summed of others
		Classes struct {
			Names  []json.RawMessage `json:"class_names"`
			Labels []float64         `json:"class_to_label"`
		} `json:"class_params"`
		Threshold json.RawMessage `json:"binclass_probability_threshold"`
	} `json:"model_info"`
	ScaleAndBias []json.RawMessage `json:"scale_and_bias"`
	Oblivious    *[]catOblivious   `json:"oblivious_trees"`
	Trees        *[]*catNode
}

type catLoss struct{ Type string }

// UnmarshalJSON reads {"type": …}, and a text of it.
func (l *catLoss) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		b = []byte(text)
	}
	return json.Unmarshal(b, (*struct{ Type string })(l))
}

type catFeature struct {
	Index   *int32 `json:"feature_index"`
	Flat    *int32 `json:"flat_feature_index"`
	ID      string `json:"feature_id"`
	Missing string `json:"nan_value_treatment"`
}

// A catOblivious asks on each of its levels one thing. A row's leaf has bit i where it says yes on level i.
type catOblivious struct {
	Splits  []catSplit
	Values  []float64 `json:"leaf_values"` // by leaf and output
	Weights []float64 `json:"leaf_weights"`
}

// A catNode is of a tree that is grown otherwise (Depthwise, Lossguide): a split with what is left and right of it, or a leaf.
type catNode struct {
	Split       *catSplit
	Left, Right *catNode
	Value       catVector
	Weight      *float64
}

type catSplit struct {
	Type     string   `json:"split_type"`
	Float    int32    `json:"float_feature_index"`
	Border   *float32 // as CatBoost compares
	Category int32    `json:"cat_feature_index"`
	Value    *int32
}

// A catVector is a number for each output; of one output it is written as a number.
type catVector []float64

// UnmarshalJSON reads 0.5 and [0.5, 0.25].
func (v *catVector) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]float64)(v))
	}
	*v = make(catVector, 1)
	return json.Unmarshal(b, &(*v)[0])
}

// isCatBoost reports whether a file may be one of CatBoost's: an object that names what its sums are scaled by.
func isCatBoost(data []byte) bool {
	return startsJSON(data) && bytes.Contains(data, []byte(`"scale_and_bias"`)) && bytes.Contains(data, []byte(`"features_info"`))
}

// A catReader knows a document's features: what a split names is a feature of a kind, what a node names is an input.
type catReader struct {
	f          *forest
	floats     map[int32]catFeature
	categories map[int32]catFeature
	sets       map[int32]*set // of one category each, by its number
}

// readCatBoost reads what CatBoost's save_model writes with format="json".
func readCatBoost(data []byte) (*forest, error) {
	var d catDocument
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("the document cannot be read: %w", err)
	}
	f := &forest{format: "catboost json", prepare: toFloat32, margins: true}
	if err := f.catScale(d.ScaleAndBias); err != nil {
		return nil, err
	}
	r := &catReader{f: f, floats: map[int32]catFeature{}, categories: map[int32]catFeature{}, sets: map[int32]*set{}}
	if err := r.inputs(d.Features); err != nil {
		return nil, err
	}
	loss := d.Info.Params.Loss
	if loss == nil {
		loss = d.Info.Loss
	}
	if loss == nil {
		return nil, errors.New("there is no loss_function in model_info: what its link is decides every answer")
	}
	if err := f.catLoss(loss.Type); err != nil {
		return nil, err
	}
	if err := f.catClasses(&d); err != nil {
		return nil, err
	}
	return f, r.trees(&d)
}

// catScale reads by what sums are multiplied, and what is added to them then, for each output.
func (f *forest) catScale(parts []json.RawMessage) error {
	var scale *float64
	var bias catVector
	if len(parts) != 2 || json.Unmarshal(parts[0], &scale) != nil || json.Unmarshal(parts[1], &bias) != nil || scale == nil || len(bias) == 0 {
		return errors.New("scale_and_bias is no number and a list of numbers, one for each output")
	}
	f.outputs = len(bias)
	for _, x := range bias {
		if *scale != 1 || x != 0 { // else there is nothing to do, and CatBoost does nothing: a sum of -0 stays
			f.scale, f.bias = *scale, bias
		}
	}
	return nil
}

// inputs names the inputs, whose order is the flat index's.
func (r *catReader) inputs(kinds map[string][]catFeature) error {
	n, last := 0, int32(-1)
	for _, features := range kinds {
		for _, x := range features {
			if x.Flat != nil {
				n, last = n+1, max(last, *x.Flat)
			}
		}
	}
	if int(last) >= max(n, maxNameless) {
		return fmt.Errorf("features_info has %d features, and one with flat_feature_index %d", n, last)
	}
	r.f.inputs = make([]model.Input, last+1)
	for i := range r.f.inputs {
		r.f.inputs[i] = model.Input{Name: fmt.Sprintf("f%d", i), Type: value.Float}
	}
	seen := make([]bool, last+1)
	for kind, features := range kinds {
		if kind != "float_features" && kind != "categorical_features" {
			if len(features) == 0 {
				continue
			}
			return r.refused(kind)
		}
		for _, x := range features {
			switch {
			case x.Flat == nil || x.Index == nil || *x.Flat < 0:
				return fmt.Errorf("a feature of %s has no feature_index and flat_feature_index", kind)
			case seen[*x.Flat]:
				return fmt.Errorf("two features have flat_feature_index %d", *x.Flat)
			}
			seen[*x.Flat] = true
			in := &r.f.inputs[*x.Flat]
			if x.ID != "" {
				in.Name = x.ID
			}
			known := r.floats
			if kind == "categorical_features" {
				known = r.categories
				in.Type, in.Categorical = value.String, true
			} else if x.Missing != "AsIs" && x.Missing != "AsFalse" && x.Missing != "AsTrue" {
				return fmt.Errorf("feature %q has nan_value_treatment %q: AsIs, AsFalse and AsTrue are known", in.Name, x.Missing)
			}
			if _, twice := known[*x.Index]; twice {
				return fmt.Errorf("two features of %s have feature_index %d", kind, *x.Index)
			}
			known[*x.Index] = x
		}
	}
	return nil
}

// refused says of what is learned from other features than numbers and single categories that it is not run.
func (r *catReader) refused(kind string) error {
	const cure = "raise one_hot_max_size above the number of categories (255 at most), or encode the column in the pipeline: bh.target_encode, bh.one_hot, bh.ordinal"
	switch kind {
	case "ctrs":
		return fmt.Errorf("it splits by statistics of categories (CTR), which are not run: %s", cure)
	case "text_features", "embedding_features":
		return fmt.Errorf("it has %s, which are not run: make numbers of them in the pipeline, such as bh.tf_idf and bh.embedding", kind)
	}
	return fmt.Errorf("features_info has %s, which are not known", kind)
}

// catLoss finds the link, which is that of what predict answers with where nothing else is asked for; for classes the probabilities.
func (f *forest) catLoss(loss string) error {
	f.link.factor = 1
	f.answer = model.Output{Name: "prediction", Kind: model.Value, Width: f.outputs}
	single := true
	switch loss {
	case "RMSE", "MAE", "Quantile", "GroupQuantile", "Expectile", "Huber", "LogCosh", "Lq", "MAPE", "RMSPE",
		"QueryRMSE", "QuerySoftMax", "PairLogit", "PairLogitPairwise", "YetiRank", "YetiRankPairwise", "StochasticRank", "LambdaMart":
	case "MultiRMSE", "MultiRMSEWithMissingValues", "MultiQuantile":
		single = false
	case "Poisson", "Tweedie":
		f.link.kind = exponential
	case "Logloss", "Focal":
		f.link.kind, f.answer.Kind, f.class = sigmoid, model.Probability, classAbove
	case "CrossEntropy":
		f.link.kind, f.answer.Kind = sigmoid, model.Probability
	case "MultiClass":
		f.link.kind, f.answer.Kind, f.class, single = softmax, model.Probability, classTop, false
	case "MultiClassOneVsAll":
		f.link.kind, f.answer.Kind, f.class, single = sigmoid, model.Probability, classTop, false
	case "MultiLogloss", "MultiCrossEntropy":
		return fmt.Errorf("loss function %s tells for each of several labels whether it holds: a model answers one label here, so train one model for each", loss)
	case "RMSEWithUncertainty":
		return fmt.Errorf("loss function %s answers with a mean and a variance: a model answers one number here, so train it with RMSE, or with Quantile one model for each bound", loss)
	default:
		return fmt.Errorf("loss function %q is not known: what its link is decides every answer", loss)
	}
	if single && f.outputs != 1 {
		return fmt.Errorf("loss function %s with %d outputs", loss, f.outputs)
	}
	return nil
}

// catClasses names the classes, where the file does.
func (f *forest) catClasses(d *catDocument) error {
	if d.Info.Threshold != nil { // the model's own class may be another than the likeliest, and is not told
		f.class = classNone
	}
	c := &d.Info.Classes
	if f.class == classNone || len(c.Names) == 0 {
		return nil
	}
	n := max(2, f.outputs)
	if len(c.Names) != n || len(c.Labels) != n {
		return fmt.Errorf("%d class_names and %d class_to_label for %d classes", len(c.Names), len(c.Labels), n)
	}
	f.classes = make([]string, n)
	for i, raw := range c.Names {
		at := c.Labels[i]
		if !(at >= 0 && at < float64(n)) || at != math.Trunc(at) {
			return fmt.Errorf("class_to_label has %v of %d classes", at, n)
		}
		name := string(raw)
		if strings.HasPrefix(name, `"`) {
			if err := json.Unmarshal(raw, &name); err != nil {
				return err
			}
		}
		f.classes[int(at)] = name
	}
	return nil
}

func (r *catReader) trees(d *catDocument) error {
	switch {
	case d.Oblivious != nil:
		for i := range *d.Oblivious {
			if err := r.oblivious(&(*d.Oblivious)[i]); err != nil {
				return fmt.Errorf("tree %d: %w", i, err)
			}
		}
	case d.Trees != nil:
		for i, root := range *d.Trees {
			t := r.newTree()
			var err error
			if t.root, err = r.grow(t, root); err != nil {
				return fmt.Errorf("tree %d: %w", i, err)
			}
			t.covers()
			r.f.trees = append(r.f.trees, *t)
		}
	default:
		return errors.New("there are neither oblivious_trees nor trees")
	}
	return nil
}

// newTree is one without nodes; where there are several outputs its leaves are vectors.
func (r *catReader) newTree() *tree {
	if r.f.outputs > 1 {
		return &tree{output: -1}
	}
	return &tree{}
}

// node is a node's question; what says yes goes right, and where it is turned, left.
func (r *catReader) node(s *catSplit) (n node, turned bool, err error) {
	switch s.Type {
	case "FloatFeature":
		x, ok := r.floats[s.Float]
		if !ok || s.Border == nil {
			return n, false, fmt.Errorf("a split has no border, or asks for float_feature_index %d, which is no feature", s.Float)
		}
		// x > border; a number that is missing is above none, or where it is the greatest above all.
		return node{feature: *x.Flat, threshold: float64(*s.Border), leftMissing: x.Missing != "AsTrue"}, false, nil
	case "OneHotFeature":
		x, ok := r.categories[s.Category]
		if !ok || s.Value == nil {
			return n, false, fmt.Errorf("a split has no value, or asks for cat_feature_index %d, which is no feature", s.Category)
		}
		if r.sets[*s.Value] == nil {
			r.sets[*s.Value] = &set{numbers: []float64{float64(*s.Value)}}
		}
		return node{feature: *x.Flat, set: r.sets[*s.Value]}, true, nil
	case "OnlineCtr":
		return n, false, r.refused("ctrs")
	}
	return n, false, fmt.Errorf("split_type %q is not known", s.Type)
}

// oblivious makes an oblivious tree one of nodes: level l has 2^l of them, which all ask the same, and the node's number among them is the leaf's as far
// as it is known there. The root asks the last split, as CatBoost has it where it explains.
func (r *catReader) oblivious(x *catOblivious) error {
	t, depth := r.newTree(), len(x.Splits)
	if depth > 30 || len(x.Values) != r.f.outputs<<depth {
		return fmt.Errorf("%d leaf_values for %d splits and %d outputs", len(x.Values), depth, r.f.outputs)
	}
	t.leaves, t.values = 1<<depth, x.Values
	if depth == 0 {
		t.root = ^0
	}
	t.nodes = make([]node, 0, t.leaves-1)
	for level := range depth {
		ask, turned, err := r.node(&x.Splits[depth-1-level])
		if err != nil {
			return err
		}
		for range 1 << level {
			n, left := ask, int32(2*len(t.nodes)+1)
			n.left, n.right = left, left+1
			if level == depth-1 {
				leaf := left - int32(t.leaves-1)
				n.left, n.right = ^leaf, ^(leaf + 1)
			}
			if turned {
				n.left, n.right = n.right, n.left
			}
			t.nodes = append(t.nodes, n)
		}
	}
	if x.Weights != nil && len(x.Weights) != t.leaves {
		return fmt.Errorf("%d leaf_weights for %d leaves", len(x.Weights), t.leaves)
	}
	t.leafCover = x.Weights
	t.covers()
	r.f.trees = append(r.f.trees, *t)
	return nil
}

// grow adds a node and what is below it, and gives its number. Leaves are numbered from left to right, as CatBoost does where it
// reads the file; the model in memory, of which the file was made, may have had another order.
func (r *catReader) grow(t *tree, x *catNode) (int32, error) {
	if x == nil {
		return 0, errors.New("a split has no left or right")
	}
	if x.Split == nil {
		if len(x.Value) != r.f.outputs {
			return 0, fmt.Errorf("leaf %d has %d values for %d outputs", t.leaves, len(x.Value), r.f.outputs)
		}
		t.leaves++
		t.values = append(t.values, x.Value...)
		if x.Weight != nil {
			t.leafCover = append(t.leafCover, *x.Weight)
		}
		return ^int32(t.leaves - 1), nil
	}
	ask, turned, err := r.node(x.Split)
	if err != nil {
		return 0, err
	}
	at := len(t.nodes)
	t.nodes = append(t.nodes, ask)
	left, err := r.grow(t, x.Left)
	if err != nil {
		return 0, err
	}
	right, err := r.grow(t, x.Right)
	if err != nil {
		return 0, err
	}
	if turned {
		left, right = right, left
	}
	t.nodes[at].left, t.nodes[at].right = left, right
	return int32(at), nil
}

// covers finds how many rows came to each node by those that came to each leaf; where the file does not say that of each leaf, none. What is below
// a node stands behind it.
func (t *tree) covers() {
	if len(t.leafCover) != t.leaves {
		t.leafCover = nil
		return
	}
	t.cover = make([]float64, len(t.nodes))
	for i := len(t.nodes) - 1; i >= 0; i-- {
		for _, child := range []int32{t.nodes[i].left, t.nodes[i].right} {
			if child < 0 {
				t.cover[i] += t.leafCover[^child]
			} else {
				t.cover[i] += t.cover[child]
			}
		}
	}
}
