package tree

import (
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/model"
)

// onnxEnsemble reads the TreeEnsemble of ai.onnx.ml 5, which took the place of the two operators before it: nodes and leaves are numbered each by
// themselves, and what was told by words is told by numbers. A node that leads twice to the same leaf is a tree that is a leaf.
func (f *forest) onnxEnsemble(n *onnxNode, names []string) error {
	targets := n.number("n_targets", 0)
	if targets < 1 || targets > maxOutputs || len(names) != 1 {
		return fmt.Errorf("%d targets and %d outputs", targets, len(names))
	}
	f.outputs = int(targets)
	f.answer = model.Output{Name: names[0], Kind: model.Value, Width: f.outputs}
	f.link = link{factor: 1, narrow: f.narrow}
	if p := n.number("post_transform", 0); p != 0 { // by the specification 1 is softmax and 2 logistic; ONNX Runtime has them the other way round
		return fmt.Errorf("%w: post_transform %d, of which ONNX's specification and ONNX Runtime do not say the same", model.ErrForeign, p)
	}
	roots := n.attributes["tree_roots"].ints
	switch a := n.number("aggregate_function", 1); a {
	case 0:
		f.divide = float64(len(roots))
	case 1:
	default:
		return fmt.Errorf("%w: aggregate_function %d", model.ErrForeign, a)
	}
	e, err := n.ensemble()
	if err != nil {
		return err
	}
	for i, root := range roots {
		t, err := e.tree(root, f)
		if err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
		f.trees = append(f.trees, *t)
	}
	if e.taken != len(e.yes) {
		return fmt.Errorf("%d nodes are of no tree", len(e.yes)-e.taken)
	}
	return nil
}

// number is a whole number of an attribute, which may be left out.
func (n *onnxNode) number(name string, otherwise int64) int64 {
	if a, ok := n.attributes[name]; ok {
		return a.i
	}
	return otherwise
}

// ensemble is the operator's lists, of nodes and of leaves.
type ensemble struct {
	features, yes, no, yesLeaf, noLeaf, tracks, targets []int64
	modes, splits, weights                              []float64
	taken                                               int     // nodes that are a tree's already
	local                                               []int32 // by node, 1 more than its number in its tree; 0: it is of none yet
}

// onnxModes are the comparisons by their numbers. Behind them comes membership, which is left to ONNX Runtime: it takes 0.25 for a member where 0 is one.
var onnxModes = []string{"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"}

func (n *onnxNode) ensemble() (*ensemble, error) {
	ints := func(name string) []int64 { return n.attributes[name].ints }
	e := &ensemble{
		features: ints("nodes_featureids"), yes: ints("nodes_truenodeids"), no: ints("nodes_falsenodeids"), yesLeaf: ints("nodes_trueleafs"), noLeaf: ints("nodes_falseleafs"),
		tracks: ints("nodes_missing_value_tracks_true"), targets: ints("leaf_targetids"),
		modes: n.attributes["nodes_modes"].floats, splits: n.attributes["nodes_splits"].floats, weights: n.attributes["leaf_weights"].floats,
	}
	nodes := len(e.features)
	for _, have := range []int{len(e.yes), len(e.no), len(e.yesLeaf), len(e.noLeaf), len(e.modes), len(e.splits)} {
		if have != nodes {
			return nil, fmt.Errorf("%d and %d entries for nodes: each list of them has as many", nodes, have)
		}
	}
	if len(e.tracks) != 0 && len(e.tracks) != nodes || len(e.targets) != len(e.weights) {
		return nil, fmt.Errorf("%d nodes_missing_value_tracks_true for %d nodes, and %d leaf_targetids for %d leaf_weights", len(e.tracks), nodes, len(e.targets), len(e.weights))
	}
	e.local = make([]int32, nodes)
	return e, nil
}

// tree takes the nodes that a root leads to; a second way to one is an error.
func (e *ensemble) tree(root int64, f *forest) (*tree, error) {
	t := &tree{}
	var leaves []int64
	var order []int64 // nodes by their number in the tree
	take := func(i, leaf int64) (int32, error) {
		if leaf != 0 {
			if i < 0 || i >= int64(len(e.weights)) || e.targets[i] < 0 || e.targets[i] >= int64(f.outputs) {
				return 0, fmt.Errorf("leaf %d is none, or adds to no target", i)
			}
			leaves = append(leaves, i)
			return ^int32(len(leaves) - 1), nil
		}
		if i < 0 || i >= int64(len(e.local)) || e.local[i] != 0 {
			return 0, fmt.Errorf("node %d is none, or two ways lead to it", i)
		}
		order = append(order, i)
		e.local[i] = int32(len(order))
		e.taken++
		return int32(len(order) - 1), nil
	}
	if _, err := take(root, 0); err != nil {
		return nil, err
	}
	if e.yesLeaf[root] != 0 && e.noLeaf[root] != 0 && e.yes[root] == e.no[root] { // nothing is asked
		at, err := take(e.yes[root], 1)
		if err != nil {
			return nil, err
		}
		t.root = at
		return t, e.leaves(t, leaves, f)
	}
	for next := 0; next < len(order); next++ {
		i := order[next]
		yes, err := take(e.yes[i], e.yesLeaf[i])
		if err != nil {
			return nil, err
		}
		no, err := take(e.no[i], e.noLeaf[i])
		if err != nil {
			return nil, err
		}
		n, err := e.ask(i, [2]int32{yes, no})
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", i, err)
		}
		t.nodes = append(t.nodes, n)
	}
	return t, e.leaves(t, leaves, f)
}

func (e *ensemble) ask(i int64, children [2]int32) (node, error) {
	tracks := e.tracks != nil && e.tracks[i] != 0
	if e.features[i] != int64(int32(e.features[i])) {
		return node{}, fmt.Errorf("it reads feature %d", e.features[i])
	}
	mode := e.modes[i]
	if !(mode >= 0 && mode < float64(len(onnxModes))) || mode != math.Trunc(mode) {
		return node{}, fmt.Errorf("%w: mode %v", model.ErrForeign, mode)
	}
	n, err := onnxAsk(onnxModes[int(mode)], e.splits[i], children, tracks)
	n.feature = int32(e.features[i])
	return n, err
}

// leaves gives a tree's leaves their numbers: one each where all are of one target, else one for each target, of which all but one are nothing.
func (e *ensemble) leaves(t *tree, leaves []int64, f *forest) error {
	t.leaves, t.output = len(leaves), int(e.targets[leaves[0]])
	for _, i := range leaves {
		if e.targets[i] != int64(t.output) {
			t.output = -1
		}
	}
	if t.output >= 0 {
		for _, i := range leaves {
			t.values = append(t.values, e.weights[i])
		}
		return nil
	}
	if f.outputs > 64 { // each leaf would take the room of all targets, of which it has one
		return fmt.Errorf("%w: its leaves add to some of %d targets: at most 64 are read of such trees", model.ErrForeign, f.outputs)
	}
	t.values = make([]float64, len(leaves)*f.outputs)
	for j, i := range leaves {
		t.values[j*f.outputs+int(e.targets[i])] = e.weights[i]
	}
	return nil
}
