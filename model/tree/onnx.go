package tree

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// readONNX reads a graph that is one TreeEnsemble, TreeEnsembleClassifier or TreeEnsembleRegressor, as converters of forests write it. Any other graph
// is for another runtime. What the operators mean beyond the specification is what ONNX Runtime does.
func readONNX(data []byte) (*forest, error) {
	m, err := parseONNX(data)
	if err != nil {
		return nil, fmt.Errorf("the file is broken or was cut off: %w", err)
	}
	n, err := m.graph.ensemble()
	if err != nil {
		return nil, err
	}
	f := &forest{format: "onnx " + n.op, prepare: asIs}
	if err := f.onnxInput(n, &m.graph); err != nil {
		return nil, err
	}
	names := m.graph.renamed(n)
	switch n.op {
	case "TreeEnsembleClassifier":
		err = f.onnxClassifier(n, names)
	case "TreeEnsembleRegressor":
		err = f.onnxRegressor(n, names)
	default:
		err = f.onnxEnsemble(n, names)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// isONNX reports whether a file may be an ONNX model: it begins with ir_version, and holds a graph.
func isONNX(data []byte) bool {
	return len(data) > 2 && data[0] == 0x08 && data[1] < 0x20
}

// onnxOperators are what a forest may be.
var onnxOperators = []string{"TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"}

// ensemble is the graph's one tree operator. Besides it there may be what only hands its outputs on.
func (g *onnxGraph) ensemble() (*onnxNode, error) {
	var found *onnxNode
	var others []string
	for i := range g.nodes {
		n := &g.nodes[i]
		switch {
		case n.domain == "ai.onnx.ml" && slices.Contains(onnxOperators, n.op) && found == nil:
			found = n
		case n.op == "Identity", n.op == "Cast" && found != nil, n.op == "ZipMap":
		case !slices.Contains(others, n.op):
			others = append(others, n.op)
		}
	}
	if found == nil || len(others) > 0 {
		return nil, fmt.Errorf("%w: the graph has %s, and only one that is a single tree ensemble runs here", model.ErrForeign, strings.Join(append(others, "no "+strings.Join(onnxOperators, ", "))[:max(len(others), 1)], ", "))
	}
	return found, nil
}

// renamed are the names under which the graph gives the node's outputs.
func (g *onnxGraph) renamed(n *onnxNode) []string {
	names := slices.Clone(n.outputs)
	for i := range names {
		for j := range g.nodes { // nodes stand in the order in which they run
			if o := &g.nodes[j]; o != n && len(o.inputs) == 1 && len(o.outputs) == 1 && o.inputs[0] == names[i] {
				names[i] = o.outputs[0]
			}
		}
	}
	return names
}

func (f *forest) onnxInput(n *onnxNode, g *onnxGraph) error {
	if len(n.inputs) != 1 || len(g.inputs) != 1 || n.inputs[0] != g.inputs[0].name {
		return fmt.Errorf("%w: the trees do not read the graph's one input", model.ErrForeign)
	}
	in := g.inputs[0]
	switch in.kind {
	case onnxFloat:
		f.prepare, f.narrow = toFloat32, true
	case onnxDouble:
	default:
		return fmt.Errorf("%w: the input is a tensor of ONNX's type %d; float and double are read", model.ErrForeign, in.kind)
	}
	width := in.width
	for _, feature := range n.attributes["nodes_featureids"].ints {
		if in.width <= 0 { // the graph does not say how many there are: as many as are asked for
			width = max(width, feature+1)
		}
	}
	if width < 1 || width > maxNameless {
		return fmt.Errorf("the input has %d features: from 1 to %d can be", width, maxNameless)
	}
	for i := range width {
		f.inputs = append(f.inputs, model.Input{Name: "f" + strconv.FormatInt(i, 10), Type: value.Float})
	}
	return nil
}

func (f *forest) onnxClassifier(n *onnxNode, names []string) error {
	labels := n.attributes["classlabels_strings"].strings
	for _, l := range n.attributes["classlabels_int64s"].ints {
		labels = append(labels, strconv.FormatInt(l, 10))
	}
	weights := n.weights("class")
	if len(labels) < 2 || len(names) != 2 {
		return fmt.Errorf("%d class labels and %d outputs", len(labels), len(names))
	}
	f.classes, f.outputs, f.class, f.className = labels, len(labels), classTop, names[0]
	f.answer = model.Output{Name: names[1], Kind: model.Probability, Width: len(labels)}
	single := len(labels) == 2 && len(weights.ids) > 0 && !slices.ContainsFunc(weights.ids, func(id int64) bool { return id != weights.ids[0] })
	if single && weights.ids[0] != 0 {
		return fmt.Errorf("of two classes only number %d has weights; runtimes do not agree on what that means", weights.ids[0])
	}
	if err := f.onnxTransform(n); err != nil {
		return err
	}
	if single {
		f.outputs = 1
		positive := !slices.ContainsFunc(weights.values, func(w float64) bool { return w < 0 })
		switch {
		case positive:
			f.link.kind, f.class = pairComplement, classHalf
		case f.link.kind == sigmoid:
			f.link.kind, f.class = pairSigmoid, classAbove
		case f.link.kind == identity:
			f.link.kind, f.class, f.answer.Kind = pairNegated, classAbove, model.Value
		default:
			return fmt.Errorf("post_transform %s of one score", n.attributes["post_transform"].s)
		}
	}
	if err := f.onnxBase(n); err != nil {
		return err
	}
	return f.onnxTrees(n, weights)
}

func (f *forest) onnxRegressor(n *onnxNode, names []string) error {
	targets := n.attributes["n_targets"].i
	if targets < 1 || targets > maxOutputs || len(names) != 1 {
		return fmt.Errorf("%d targets and %d outputs", targets, len(names))
	}
	f.outputs = int(targets)
	f.answer = model.Output{Name: names[0], Kind: model.Value, Width: f.outputs}
	if err := f.onnxTransform(n); err != nil {
		return err
	}
	if f.link.kind != identity {
		f.answer.Kind = model.Probability
	}
	if err := f.onnxBase(n); err != nil {
		return err
	}
	if err := f.onnxTrees(n, n.weights("target")); err != nil {
		return err
	}
	switch a := n.attributes["aggregate_function"].s; a {
	case "", "SUM":
	case "AVERAGE":
		f.divide = float64(len(f.trees))
	default:
		return fmt.Errorf("%w: aggregate_function %s", model.ErrForeign, a)
	}
	return nil
}

func (f *forest) onnxTransform(n *onnxNode) error {
	f.link = link{factor: 1, narrow: f.narrow}
	switch p := n.attributes["post_transform"].s; p {
	case "", "NONE":
	case "LOGISTIC":
		f.link.kind = sigmoid
	case "SOFTMAX":
		f.link.kind = softmax
	default:
		return fmt.Errorf("%w: post_transform %s", model.ErrForeign, p)
	}
	return nil
}

func (f *forest) onnxBase(n *onnxNode) error {
	base := n.floats("base_values")
	if len(base) != 0 && len(base) != f.outputs {
		return fmt.Errorf("%d base_values for %d outputs", len(base), f.outputs)
	}
	if len(base) != 0 {
		f.late = base
	}
	return nil
}

// floats are an attribute's numbers, of which version 3 of the operators has a tensor, too.
func (n *onnxNode) floats(name string) []float64 {
	if a := n.attributes[name].floats; len(a) > 0 {
		return a
	}
	return n.attributes[name+"_as_tensor"].floats
}

// onnxWeights are what leaves give, one line for each leaf and output.
type onnxWeights struct {
	trees, nodes, ids []int64
	values            []float64
}

func (n *onnxNode) weights(of string) onnxWeights {
	return onnxWeights{n.attributes[of+"_treeids"].ints, n.attributes[of+"_nodeids"].ints, n.attributes[of+"_ids"].ints, n.floats(of + "_weights")}
}

// onnxPlace is where a node stands: its tree and its number in the tree's own order.
type onnxPlace struct{ tree, node int64 }

func (f *forest) onnxTrees(n *onnxNode, w onnxWeights) error {
	trees, ids := n.attributes["nodes_treeids"].ints, n.attributes["nodes_nodeids"].ints
	for _, name := range []string{"nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_nodeids"} {
		if have := len(n.attributes[name].ints); have != len(trees) {
			return fmt.Errorf("%s has %d entries for %d nodes", name, have, len(trees))
		}
	}
	values, modes, tracks := n.floats("nodes_values"), n.attributes["nodes_modes"].strings, n.attributes["nodes_missing_value_tracks_true"].ints
	if len(values) != len(trees) || len(modes) != len(trees) || len(tracks) != 0 && len(tracks) != len(trees) {
		return fmt.Errorf("%d nodes_values, %d nodes_modes and %d nodes_missing_value_tracks_true for %d nodes", len(values), len(modes), len(tracks), len(trees))
	}
	if len(w.trees) != len(w.nodes) || len(w.trees) != len(w.ids) || len(w.trees) != len(w.values) {
		return fmt.Errorf("%d, %d, %d and %d entries of what leaves give", len(w.trees), len(w.nodes), len(w.ids), len(w.values))
	}
	places, leafWeights, err := f.onnxPlaces(trees, ids, modes, w)
	if err != nil {
		return err
	}
	for first := 0; first < len(trees); {
		end := first
		for end < len(trees) && trees[end] == trees[first] {
			end++
		}
		t := &onnxTree{n: n, first: first, end: end, places: places, values: values, modes: modes, tracks: tracks}
		read, err := t.read()
		if err == nil {
			err = f.onnxLeaves(read, t, leafWeights, w)
		}
		if err != nil {
			return fmt.Errorf("tree %d: %w", trees[first], err)
		}
		f.trees = append(f.trees, *read)
		first = end
	}
	return nil
}

// onnxPlaces finds nodes by their tree and number, and what leaves give.
func (f *forest) onnxPlaces(trees, ids []int64, modes []string, w onnxWeights) (places map[onnxPlace]int, weights map[onnxPlace][]int, err error) {
	places, weights = map[onnxPlace]int{}, map[onnxPlace][]int{}
	for i := range trees {
		at := onnxPlace{trees[i], ids[i]}
		if _, twice := places[at]; twice {
			return nil, nil, fmt.Errorf("tree %d has two nodes %d", at.tree, at.node)
		}
		places[at] = i
	}
	for i := range w.trees {
		at := onnxPlace{w.trees[i], w.nodes[i]}
		if j, ok := places[at]; !ok || modes[j] != "LEAF" || w.ids[i] < 0 || w.ids[i] >= int64(f.outputs) {
			return nil, nil, fmt.Errorf("weight %d is of output %d at node %d of tree %d, which is none", i, w.ids[i], at.node, at.tree)
		}
		weights[at] = append(weights[at], i)
	}
	return places, weights, nil
}

// An onnxTree is the nodes of one tree, which stand together; the first is the root.
type onnxTree struct {
	n          *onnxNode
	first, end int
	places     map[onnxPlace]int
	values     []float64
	modes      []string
	tracks     []int64
}

// read makes a tree, each of whose nodes may be a leaf: leaves have their node's number.
func (t *onnxTree) read() (*tree, error) {
	out := &tree{leaves: t.end - t.first, nodes: make([]node, t.end-t.first)}
	parents := make([]int, t.end-t.first)
	id, features := t.n.attributes["nodes_treeids"].ints[t.first], t.n.attributes["nodes_featureids"].ints
	for i := range out.nodes {
		at := t.first + i
		if t.modes[at] == "LEAF" {
			continue
		}
		var children [2]int32
		for side, name := range []string{"nodes_truenodeids", "nodes_falsenodeids"} {
			to := t.n.attributes[name].ints[at]
			child, ok := t.places[onnxPlace{id, to}]
			if !ok || child < t.first || child >= t.end {
				return nil, fmt.Errorf("node %d has child %d, which is none", i, to)
			}
			children[side] = t.child(child)
			parents[child-t.first]++
		}
		if features[at] != int64(int32(features[at])) {
			return nil, fmt.Errorf("node %d reads feature %d", i, features[at])
		}
		node, err := onnxAsk(t.modes[at], t.values[at], children, t.tracks != nil && t.tracks[at] != 0)
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", i, err)
		}
		node.feature = int32(features[at])
		out.nodes[i] = node
	}
	for i, n := range parents {
		if want := min(i, 1); n != want {
			return nil, fmt.Errorf("%d nodes lead to node %d, where %d do in a tree that begins with its root", n, i, want)
		}
	}
	out.root = t.child(t.first)
	return out, nil
}

func (t *onnxTree) child(at int) int32 {
	if t.modes[at] == "LEAF" {
		return ^int32(at - t.first)
	}
	return int32(at - t.first)
}

// onnxAsk makes a node of a comparison. Any with NaN is false but for inequality, unless missing values are said to go where it is true.
func onnxAsk(mode string, v float64, children [2]int32, missingTrue bool) (node, error) {
	yes, no := children[0], children[1]
	n := node{threshold: v, left: yes, right: no, leftMissing: missingTrue}
	swapped := false
	switch mode {
	case "BRANCH_LEQ":
	case "BRANCH_LT":
		n.threshold = lessThan(v)
	case "BRANCH_GT":
		swapped = true
	case "BRANCH_GTE":
		n.threshold, swapped = lessThan(v), true
	case "BRANCH_EQ":
		n.set = &set{numbers: []float64{v}}
	case "BRANCH_NEQ":
		n.set, swapped, n.leftMissing = &set{numbers: []float64{v}}, true, true
	default:
		return node{}, fmt.Errorf("%w: mode %q", model.ErrForeign, mode)
	}
	if swapped {
		n.left, n.right, n.leftMissing = no, yes, !n.leftMissing
	}
	return n, nil
}

// onnxLeaves gives a tree's leaves their values: one number where all are of one output, else one for each.
func (f *forest) onnxLeaves(t *tree, from *onnxTree, weights map[onnxPlace][]int, w onnxWeights) error {
	trees, ids := from.n.attributes["nodes_treeids"].ints, from.n.attributes["nodes_nodeids"].ints
	output, count := int64(-1), 0
	for i := from.first; i < from.end; i++ {
		for _, j := range weights[onnxPlace{trees[i], ids[i]}] {
			if count++; output >= 0 && output != w.ids[j] {
				output = int64(f.outputs)
			} else if output < 0 {
				output = w.ids[j]
			}
		}
	}
	width := 1
	if output == int64(f.outputs) {
		t.output, width = -1, f.outputs
	} else {
		t.output = int(max(output, 0))
	}
	if width > 64 && t.leaves > 64*(count+1)/width {
		return fmt.Errorf("%d weights for %d leaves of %d outputs: they are too few", count, t.leaves, width)
	}
	t.values = make([]float64, t.leaves*width)
	for i := from.first; i < from.end; i++ {
		for _, j := range weights[onnxPlace{trees[i], ids[i]}] {
			at := (i - from.first) * width
			if width > 1 {
				at += int(w.ids[j])
			}
			t.values[at] = f.link.round(t.values[at] + w.values[j])
		}
	}
	return nil
}
