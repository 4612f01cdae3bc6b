package tree

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// A block of text is the key=value lines of LightGBM's format up to an empty line; line is the number of its first.
type text struct {
	values map[string]string
	line   int
}

// readLightGBM reads the text that Booster.save_model writes, of versions 3 and 4.
func readLightGBM(data []byte) (*forest, error) {
	head, trees, ended, err := splitLightGBM(string(data))
	if err != nil {
		return nil, err
	}
	if v := head.values["version"]; v != "v3" && v != "v4" {
		return nil, fmt.Errorf("version %q of LightGBM's format: v3 and v4 are read; save the model again with LightGBM 3 or 4", v)
	}
	if !ended {
		return nil, fmt.Errorf("the file ends before \"end of trees\", after %d trees: it was cut off", len(trees))
	}
	f := &forest{format: "lightgbm text " + head.values["version"], prepare: zeroSmall, margins: true}
	perRound, err := f.lightGBMHead(head)
	if err != nil {
		return nil, err
	}
	for i, t := range trees {
		read, err := t.lightGBMTree()
		if err != nil {
			return nil, fmt.Errorf("tree %d, at line %d: %w", i, t.line, err)
		}
		read.output = i % perRound
		f.trees = append(f.trees, *read)
	}
	if _, average := head.values["average_output"]; average {
		f.divide = float64(len(trees) / perRound)
	}
	return f, nil
}

// splitLightGBM cuts the file into its head and its trees. What follows them (importances, parameters) is the trainer's.
func splitLightGBM(data string) (head *text, trees []*text, ended bool, err error) {
	head = &text{values: map[string]string{}, line: 1}
	now, line := head, 0
	for data != "" {
		var s string
		s, data, _ = strings.Cut(data, "\n")
		s = strings.TrimSuffix(s, "\r")
		line++
		if s == "end of trees" {
			return head, trees, true, nil
		}
		key, val, _ := strings.Cut(s, "=")
		switch {
		case line == 1: // "tree"
			continue
		case key == "Tree":
			if val != strconv.Itoa(len(trees)) {
				return nil, nil, false, fmt.Errorf("line %d: Tree=%s where tree %d is expected", line, val, len(trees))
			}
			now = &text{values: map[string]string{}, line: line}
			trees = append(trees, now)
			continue
		case s == "":
			continue
		}
		if _, twice := now.values[key]; twice {
			return nil, nil, false, fmt.Errorf("line %d: %s= for the second time", line, key)
		}
		now.values[key] = val
	}
	return head, trees, false, nil
}

// isLightGBM reports whether a file begins as LightGBM's do.
func isLightGBM(data []byte) bool {
	return bytes.HasPrefix(data, []byte("tree\n")) || bytes.HasPrefix(data, []byte("tree\r\n"))
}

// lightGBMHead reads what holds for all trees, and gives how many there are for each round.
func (f *forest) lightGBMHead(head *text) (perRound int, err error) {
	classes, err := head.int("num_class", 1)
	if err != nil {
		return 0, err
	}
	perRound, err = head.int("num_tree_per_iteration", 1)
	if err != nil {
		return 0, err
	}
	last, err := head.int("max_feature_idx", 0)
	if err != nil {
		return 0, err
	}
	names, infos := strings.Fields(head.values["feature_names"]), strings.Fields(head.values["feature_infos"])
	if len(names) != last+1 {
		return 0, fmt.Errorf("%d feature_names where max_feature_idx=%d", len(names), last)
	}
	if infos != nil && len(infos) != len(names) {
		return 0, fmt.Errorf("%d feature_infos for %d features", len(infos), len(names))
	}
	for i, name := range names {
		in := model.Input{Name: name, Type: value.Float}
		// A range is [low:high], a list of categories 1:2:3, and a feature that was never used is none.
		in.Categorical = infos != nil && infos[i] != "none" && !strings.HasPrefix(infos[i], "[")
		f.inputs = append(f.inputs, in)
	}
	f.outputs = perRound
	if classes != perRound {
		return 0, fmt.Errorf("num_class=%d with num_tree_per_iteration=%d", classes, perRound)
	}
	return perRound, f.lightGBMObjective(head.values["objective"])
}

// lightGBMObjective finds the link. A model without objective, trained with a function of its own, gives its sums.
func (f *forest) lightGBMObjective(objective string) error {
	name, rest, _ := strings.Cut(objective, " ")
	f.link.factor = 1
	f.answer = model.Output{Name: "prediction", Kind: model.Value, Width: f.outputs}
	for _, option := range strings.Fields(rest) {
		key, val, _ := strings.Cut(option, ":")
		switch key {
		case "sigmoid":
			factor, err := strconv.ParseFloat(val, 64)
			if err != nil || factor <= 0 {
				return fmt.Errorf("objective=%s: the sigmoid's factor is no number above 0", objective)
			}
			f.link.factor = factor
		case "sqrt":
			f.link.kind = squared
		}
	}
	switch name {
	case "regression", "regression_l1", "l2", "l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg", "", "custom", "none":
	case "poisson", "gamma", "tweedie":
		f.link.kind = exponential
	case "binary":
		f.link.kind, f.answer.Kind, f.class = sigmoid, model.Probability, classHalf
	case "cross_entropy", "xentropy":
		f.link = link{kind: sigmoid, factor: 1}
		f.answer.Kind = model.Probability
	case "cross_entropy_lambda", "xentlambda":
		f.link.kind = logOnePlus
	case "multiclass":
		f.link.kind, f.answer.Kind, f.class = softmax, model.Probability, classTop
	case "multiclassova":
		f.link.kind, f.answer.Kind, f.class = sigmoid, model.Probability, classTop
	default:
		return fmt.Errorf("objective %q is not known: what its link is decides every answer", name)
	}
	return nil
}

// lightGBMTree reads one tree.
func (t *text) lightGBMTree() (*tree, error) {
	leaves, err := t.int("num_leaves", 1)
	if err != nil {
		return nil, err
	}
	out := &tree{leaves: leaves}
	if out.values, err = t.floats("leaf_value", leaves); err != nil {
		return nil, err
	}
	if leaves == 1 {
		out.root = ^0
	} else if err := t.lightGBMNodes(out); err != nil {
		return nil, err
	}
	if t.values["is_linear"] == "1" {
		return out, t.lightGBMLinear(out)
	}
	return out, nil
}

func (t *text) lightGBMNodes(out *tree) error {
	n := out.leaves - 1
	features, err1 := t.ints("split_feature", n)
	kinds, err2 := t.ints("decision_type", n)
	left, err3 := t.ints("left_child", n)
	right, err4 := t.ints("right_child", n)
	thresholds, err5 := t.floats("threshold", n)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return err
		}
	}
	sets, err := t.lightGBMSets()
	if err != nil {
		return err
	}
	if err := t.lightGBMCovers(out); err != nil {
		return err
	}
	out.nodes = make([]node, n)
	for i := range out.nodes {
		node := node{feature: features[i], left: left[i], right: right[i], threshold: thresholds[i]}
		switch kind := kinds[i]; {
		case kind&1 != 0:
			at := thresholds[i]
			if !(at >= 0 && at < float64(len(sets))) || at != math.Trunc(at) {
				return fmt.Errorf("node %d asks for set of categories %v of %d", i, at, len(sets))
			}
			node.set = sets[int(at)]
		default:
			node.leftMissing = kind&2 != 0
			switch kind >> 2 & 3 {
			case 0:
				node.missing = missingNone
			case 1:
				node.missing = missingZero
			case 2:
				node.missing = missingNaN
			default:
				return fmt.Errorf("node %d has decision_type %d, whose missing type is unknown", i, kind)
			}
		}
		out.nodes[i] = node
	}
	return nil
}

// lightGBMCovers reads how many rows came where; models that were saved without are not explained.
func (t *text) lightGBMCovers(out *tree) (err error) {
	if t.values["internal_count"] == "" || t.values["leaf_count"] == "" {
		return nil
	}
	if out.cover, err = t.floats("internal_count", out.leaves-1); err != nil {
		return err
	}
	out.leafCover, err = t.floats("leaf_count", out.leaves)
	return err
}

// lightGBMSets are the tree's sets of categories: each from one of cat_boundaries to the next.
func (t *text) lightGBMSets() ([]*set, error) {
	n := 0
	if t.values["num_cat"] != "" {
		var err error
		if n, err = t.int("num_cat", 0); err != nil || n == 0 {
			return nil, err
		}
	}
	if n == 0 {
		return nil, nil
	}
	bounds, err := t.ints("cat_boundaries", n+1)
	if err != nil {
		return nil, err
	}
	words, err := numbers(t, "cat_threshold", -1, func(s string) (uint32, error) {
		u, err := strconv.ParseUint(s, 10, 32)
		return uint32(u), err
	})
	if err != nil {
		return nil, err
	}
	sets := make([]*set, n)
	for i := range sets {
		from, to := int(bounds[i]), int(bounds[i+1])
		if from < 0 || from > to || to > len(words) {
			return nil, fmt.Errorf("cat_boundaries go from %d to %d of %d", from, to, len(words))
		}
		sets[i] = &set{bits: append([]uint32{}, words[from:to]...), trunc: true}
	}
	return sets, nil
}

func (t *text) lightGBMLinear(out *tree) error {
	constants, err := t.floats("leaf_const", out.leaves)
	if err != nil {
		return err
	}
	counts, err := t.ints("num_features", out.leaves)
	if err != nil {
		return err
	}
	features, err := t.ints("leaf_features", -1)
	if err != nil {
		return err
	}
	coefficients, err := t.floats("leaf_coeff", -1)
	if err != nil {
		return err
	}
	out.linear = make([]linear, out.leaves)
	at := 0
	for i, n := range counts {
		if n < 0 || int(n) > len(features)-at || int(n) > len(coefficients)-at {
			return fmt.Errorf("num_features of leaf %d is %d, more than there are leaf_features and leaf_coeff", i, n)
		}
		out.linear[i] = linear{constants[i], features[at : at+int(n)], coefficients[at : at+int(n)]}
		at += int(n)
	}
	return nil
}

// int is a number that must be there and at least low.
func (t *text) int(key string, low int) (int, error) {
	s, ok := t.values[key]
	if !ok {
		return 0, fmt.Errorf("there is no %s=", key)
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > math.MaxInt32 {
		return 0, fmt.Errorf("%s=%.40s is no number from %d", key, s, low)
	}
	return n, nil
}

func (t *text) ints(key string, n int) ([]int32, error) {
	return numbers(t, key, n, func(s string) (int32, error) {
		i, err := strconv.ParseInt(s, 10, 32)
		return int32(i), err
	})
}

func (t *text) floats(key string, n int) ([]float64, error) {
	return numbers(t, key, n, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
}

// numbers are those of a line, n of them; n is -1 where any number may stand there.
func numbers[T any](t *text, key string, n int, parse func(string) (T, error)) ([]T, error) {
	s, ok := t.values[key]
	if !ok {
		return nil, fmt.Errorf("there is no %s=", key)
	}
	out := make([]T, 0, max(0, min(n, len(s))))
	for field := range strings.FieldsSeq(s) {
		x, err := parse(field)
		if err != nil {
			return nil, fmt.Errorf("%s= has %.40q where a number is expected", key, field)
		}
		out = append(out, x)
	}
	if n >= 0 && len(out) != n {
		return nil, fmt.Errorf("%s= has %d numbers where %d are expected", key, len(out), n)
	}
	return out, nil
}
