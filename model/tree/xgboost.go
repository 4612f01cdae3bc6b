package tree

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// What of XGBoost's document is read. The names are the format's.
type xgbDocument struct {
	Version []int
	Learner *struct {
		FeatureNames []string `json:"feature_names"`
		FeatureTypes []string `json:"feature_types"`
		Objective    struct{ Name string }
		Param        struct {
			BaseScore  string `json:"base_score"`
			NumClass   number `json:"num_class"`
			NumFeature number `json:"num_feature"`
			NumTarget  number `json:"num_target"`
		} `json:"learner_model_param"`
		Booster xgbBooster `json:"gradient_booster"`
	}
}

type xgbBooster struct {
	Name  string
	Model *xgbModel
	// Of dart: what model is elsewhere lies in gbtree, and each tree has a weight.
	GBTree     *struct{ Model *xgbModel } `json:"gbtree"`
	WeightDrop []float32                  `json:"weight_drop"`
}

type xgbModel struct {
	Trees    []xgbTree
	TreeInfo []int     `json:"tree_info"`
	Weights  []float64 // of gblinear
}

type xgbTree struct {
	Param struct {
		SizeLeafVector number `json:"size_leaf_vector"`
	} `json:"tree_param"`
	Left       []int32   `json:"left_children"`
	Right      []int32   `json:"right_children"`
	Features   []int32   `json:"split_indices"`
	Conditions []float32 `json:"split_conditions"`
	Default    []flag    `json:"default_left"`
	Types      []int     `json:"split_type"`
	Categories []int32   `json:"categories"`
	Nodes      []int32   `json:"categories_nodes"`
	Segments   []int64   `json:"categories_segments"`
	Sizes      []int64   `json:"categories_sizes"`
	Vectors    []float64 `json:"leaf_weights"`
	Covers     []float64 `json:"sum_hessian"`
}

// A number is written as text in some versions, and may be left out.
type number int

// UnmarshalJSON reads "3" and 3.
func (n *number) UnmarshalJSON(b []byte) error {
	i, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 32)
	if err != nil || i < 0 {
		return fmt.Errorf("%.40s where a number from 0 is expected", b)
	}
	*n = number(i)
	return nil
}

// A flag is true and false before version 1.6, 1 and 0 since.
type flag bool

// UnmarshalJSON reads true, false, 1 and 0.
func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", "1":
		*f = true
	case "false", "0":
		*f = false
	default:
		return fmt.Errorf("%.40s where 0 or 1 is expected", b)
	}
	return nil
}

// maxNameless is how many features without a name a model may have.
const maxNameless = 1 << 16

// readXGBoostJSON reads what Booster.save_model writes as .json, of versions 1 to 3.
func readXGBoostJSON(data []byte) (*forest, error) {
	return readXGBoost(data, "json")
}

// readXGBoostUBJ reads what it writes as .ubj, which is the same document.
func readXGBoostUBJ(data []byte) (*forest, error) {
	text, err := ubjToJSON(data)
	if err != nil {
		return nil, err
	}
	return readXGBoost(text, "ubj")
}

func readXGBoost(text []byte, form string) (*forest, error) {
	var d xgbDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("the document cannot be read: %w", err)
	}
	if len(d.Version) != 3 || d.Learner == nil {
		return nil, fmt.Errorf("there is no version and learner: this is no model of XGBoost")
	}
	if d.Version[0] < 1 || d.Version[0] > 3 {
		return nil, fmt.Errorf("written by XGBoost %d, versions 1 to 3 are read", d.Version[0])
	}
	p := &d.Learner.Param
	f := &forest{
		format:  fmt.Sprintf("xgboost %s %d.%d.%d", form, d.Version[0], d.Version[1], d.Version[2]),
		outputs: max(1, int(p.NumClass), int(p.NumTarget)), narrow: true, prepare: finite32, margins: true,
	}
	if err := f.xgbInputs(&d); err != nil {
		return nil, err
	}
	if err := f.xgbObjective(d.Learner.Objective.Name); err != nil {
		return nil, err
	}
	if err := f.xgbBase(p.BaseScore, d.Learner.Objective.Name); err != nil {
		return nil, err
	}
	return f, f.xgbBooster(&d.Learner.Booster)
}

// xgbInputs names the inputs. A model that was trained on a bare array has no names.
func (f *forest) xgbInputs(d *xgbDocument) error {
	n, names, types := int(d.Learner.Param.NumFeature), d.Learner.FeatureNames, d.Learner.FeatureTypes
	if len(names) == 0 {
		if n > maxNameless { // with names the file's own length bounds them
			return fmt.Errorf("num_feature is %d, and there are no feature_names: at most %d features may be without", n, maxNameless)
		}
		for i := range n {
			names = append(names, "f"+strconv.Itoa(i))
		}
	}
	if len(names) != n || len(types) != 0 && len(types) != n {
		return fmt.Errorf("num_feature is %d with %d feature_names and %d feature_types", n, len(names), len(types))
	}
	for i, name := range names {
		in := model.Input{Name: name, Type: value.Float}
		if len(types) != 0 {
			in.Categorical = types[i] == "c"
			if types[i] == "int" || types[i] == "i" {
				in.Type = value.Int
			}
		}
		f.inputs = append(f.inputs, in)
	}
	return nil
}

// xgbObjective finds the link.
func (f *forest) xgbObjective(name string) error {
	f.link = link{factor: 1, narrow: true}
	f.answer = model.Output{Name: "prediction", Kind: model.Value, Width: f.outputs}
	switch name {
	case "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror", "reg:expectileerror",
		"rank:pairwise", "rank:ndcg", "rank:map":
	case "binary:logistic":
		f.link.kind, f.answer.Kind, f.class = sigmoid, model.Probability, classHalf
	case "reg:logistic":
		f.link.kind, f.answer.Kind = sigmoid, model.Probability
	case "binary:logitraw":
		f.answer.Kind, f.class = model.Margin, classAbove
	case "binary:hinge":
		f.link.kind, f.answer.Kind = hinge, model.Class
	case "count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft":
		f.link.kind = exponential
	case "multi:softprob":
		f.link.kind, f.answer.Kind, f.class = softmax, model.Probability, classTop
	case "multi:softmax":
		f.link.kind, f.answer.Kind, f.answer.Width = argmax, model.Class, 1
	default:
		return fmt.Errorf("objective %q is not known: what its link is decides every answer", name)
	}
	if f.class != classNone && f.class != classTop && f.outputs > 1 {
		f.class = classNone // several targets, each with classes of its own
	}
	f.margins = f.answer.Kind != model.Margin
	return nil
}

// xgbBase finds what the sums begin with. The file has it as a prediction, and since 3.1 one for each output.
func (f *forest) xgbBase(text, objective string) error {
	scores := strings.Split(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), ",")
	if len(scores) != 1 && len(scores) != f.outputs {
		return fmt.Errorf("base_score has %d numbers for %d outputs", len(scores), f.outputs)
	}
	if f.outputs > maxOutputs {
		return fmt.Errorf("%d outputs: at most %d are run", f.outputs, maxOutputs)
	}
	f.base = make([]float64, f.outputs)
	for i := range f.base {
		x, err := strconv.ParseFloat(strings.TrimSpace(scores[i%len(scores)]), 32)
		if err != nil {
			return fmt.Errorf("base_score %.40q is no number", text)
		}
		score := float32(x)
		switch objective {
		case "binary:logistic", "reg:logistic":
			if !(score > 0 && score < 1) {
				return fmt.Errorf("base_score %v is no probability", score)
			}
			score = -logf(1/score - 1)
		case "count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft":
			if !(score > 0) {
				return fmt.Errorf("base_score %v has no logarithm", score)
			}
			score = logf(score)
		}
		f.base[i] = float64(score)
	}
	return nil
}

func (f *forest) xgbBooster(b *xgbBooster) error {
	m := b.Model
	switch b.Name {
	case "gbtree":
	case "gblinear":
		if m == nil || len(m.Weights) != (len(f.inputs)+1)*f.outputs {
			return fmt.Errorf("gblinear without a weight for each feature and output")
		}
		f.linear = m.Weights
		return nil
	case "dart":
		if b.GBTree == nil || b.GBTree.Model == nil || len(b.WeightDrop) != len(b.GBTree.Model.Trees) {
			return fmt.Errorf("dart without a weight_drop for each tree")
		}
		m = b.GBTree.Model
	default:
		return fmt.Errorf("booster %q: gbtree, dart and gblinear are run", b.Name)
	}
	if m == nil || len(m.TreeInfo) != len(m.Trees) {
		return fmt.Errorf("there is no tree_info for each tree")
	}
	for i := range m.Trees {
		t, err := m.Trees[i].read(f.outputs)
		if err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
		if t.output == 0 {
			if t.output = m.TreeInfo[i]; t.output < 0 {
				return fmt.Errorf("tree %d: tree_info is %d", i, t.output)
			}
		}
		if b.Name == "dart" {
			for j := range t.values {
				t.values[j] = float64(float32(b.WeightDrop[i] * float32(t.values[j])))
			}
		}
		f.trees = append(f.trees, *t)
	}
	return nil
}

// read makes a tree, each of whose nodes may be a leaf: leaves have their node's number. Its output is -1 where leaves are vectors.
func (x *xgbTree) read(outputs int) (*tree, error) {
	n := len(x.Left)
	if n == 0 {
		return nil, fmt.Errorf("there are no nodes")
	}
	for _, part := range []struct {
		name string
		have int
	}{
		{"right_children", len(x.Right)}, {"split_indices", len(x.Features)}, {"split_conditions", len(x.Conditions)}, {"default_left", len(x.Default)},
		{"split_type", len(x.Types)},
	} {
		if part.have != n && (part.name != "split_type" || part.have != 0) { // before 1.3 there were no types
			return nil, fmt.Errorf("%s has %d entries for %d nodes", part.name, part.have, n)
		}
	}
	sets, err := x.sets()
	if err != nil {
		return nil, err
	}
	t := &tree{root: x.child(0), leaves: n, nodes: make([]node, n)}
	for i := range t.nodes {
		if x.Left[i] < 0 {
			continue
		}
		node := node{feature: x.Features[i], leftMissing: bool(x.Default[i]), threshold: lessThan(float64(x.Conditions[i]))}
		if int(x.Left[i]) >= n || int(x.Right[i]) >= n || x.Right[i] < 0 {
			return nil, fmt.Errorf("node %d has children %d and %d of %d", i, x.Left[i], x.Right[i], n)
		}
		node.left, node.right = x.child(x.Left[i]), x.child(x.Right[i])
		if len(x.Types) != 0 && x.Types[i] == 1 { // what is in the set goes right
			node.set = sets[int32(i)]
			if node.set == nil {
				return nil, fmt.Errorf("node %d asks for categories and has none", i)
			}
			node.left, node.right, node.leftMissing = node.right, node.left, !node.leftMissing
		}
		t.nodes[i] = node
	}
	if len(x.Covers) == n && x.Param.SizeLeafVector <= 1 { // a node's, or the leaf's that it is; of vectors nobody says whose
		t.cover, t.leafCover = x.Covers, x.Covers
	}
	return t, x.leaves(t, outputs)
}

// child is a node, or the leaf that it is.
func (x *xgbTree) child(i int32) int32 {
	if x.Left[i] < 0 {
		return ^i
	}
	return i
}

func (x *xgbTree) leaves(t *tree, outputs int) error {
	n, width := len(x.Left), int(x.Param.SizeLeafVector)
	if width <= 1 {
		t.values = make([]float64, n)
		for i, v := range x.Conditions {
			t.values[i] = float64(v)
		}
		return nil
	}
	if len(x.Vectors) == 0 {
		return fmt.Errorf("leaves are vectors without leaf_weights, as XGBoost 2 wrote them: save the model again with XGBoost 3.1")
	}
	if width != outputs || n > math.MaxInt/outputs || n*outputs > 64*(n+len(x.Vectors)) {
		return fmt.Errorf("size_leaf_vector is %d for %d outputs and %d leaf_weights", width, outputs, len(x.Vectors))
	}
	t.output, t.values = -1, make([]float64, n*outputs)
	for i := range n {
		if x.Left[i] >= 0 {
			continue
		}
		at := int(x.Right[i])
		if at < 0 || at >= len(x.Vectors)/outputs {
			return fmt.Errorf("leaf %d has vector %d of %d", i, at, len(x.Vectors)/outputs)
		}
		copy(t.values[i*outputs:], x.Vectors[at*outputs:(at+1)*outputs])
	}
	return nil
}

// sets are the categories of nodes, by node.
func (x *xgbTree) sets() (map[int32]*set, error) {
	if len(x.Segments) != len(x.Nodes) || len(x.Sizes) != len(x.Nodes) {
		return nil, fmt.Errorf("%d categories_nodes with %d categories_segments and %d categories_sizes", len(x.Nodes), len(x.Segments), len(x.Sizes))
	}
	sets := make(map[int32]*set, len(x.Nodes))
	for i, node := range x.Nodes {
		from, size := x.Segments[i], x.Sizes[i]
		if from < 0 || size < 0 || from > int64(len(x.Categories)) || size > int64(len(x.Categories))-from {
			return nil, fmt.Errorf("categories of node %d: %d from %d of %d", node, size, from, len(x.Categories))
		}
		s, err := setOf(x.Categories[from : from+size])
		if err != nil {
			return nil, fmt.Errorf("categories of node %d: %w", node, err)
		}
		sets[node] = s
	}
	return sets, nil
}

// isXGBoostJSON reports whether a file may be one of XGBoost's: an object that names its learner.
func isXGBoostJSON(data []byte) bool {
	return startsJSON(data) && bytes.Contains(data, []byte(`"learner"`))
}

func startsJSON(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
}
