package tree

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/model"
)

var _ model.Explainer = (*Model)(nil)

// maxExplained is how deep a tree may be that is explained: what it takes grows with the square of it.
const maxExplained = 512

// Explains is how many sums a row has, or why they cannot be explained.
func (m *Model) Explains() (int, error) { return m.forest.outputs, m.unexplained }

// explainable says why a forest cannot be explained; nil: it can.
func (f *forest) explainable() error {
	if f.linear != nil {
		return nil
	}
	if f.bias != nil && f.scale != 1 {
		return errors.New("its sums are multiplied by a scale (set_scale_and_bias), and CatBoost explains no such model either")
	}
	var order []reached
	for i := range f.trees {
		t := &f.trees[i]
		switch {
		case t.linear != nil:
			return errors.New("its trees have linear leaves, of which no part of an answer belongs to one input alone")
		case t.output < 0 && t.cover == nil:
			return errors.New("its leaves are vectors, of which the file does not say how many rows came to each: train it with one tree for each output")
		case t.cover == nil && len(t.nodes) > 0:
			return fmt.Errorf("its file does not say how many rows came to each node: LightGBM's, XGBoost's and CatBoost's own files do, this one is %s", f.format)
		}
		order = t.breadthFirst(order[:0])
		if depth := order[len(order)-1].depth; depth > maxExplained {
			return fmt.Errorf("tree %d is %d deep, more than %d", i, depth, maxExplained)
		}
	}
	return nil
}

// Explain is Tree SHAP: what each input adds is its Shapley value in the game whose worth is the tree's answer where some of the inputs are
// known, the others being as in the rows that the tree was grown from (Lundberg, Erion, Lee: Consistent Individualized Feature Attribution for
// Tree Ensembles, 2018, algorithm 2). It takes about leaves × depth² steps a tree. Sums are float64; XGBoost's own are float32.
func (m *Model) Explain(ctx context.Context, in *model.Batch, out []float64) error {
	f := m.forest
	n := len(f.inputs)
	if m.unexplained != nil {
		return m.unexplained
	}
	if err := m.info.Check(in, nil, n-m.texts, m.texts); err != nil {
		return err
	}
	width := n + 1
	if len(out) != in.Rows*f.outputs*width {
		return fmt.Errorf("room for %d numbers, %d rows of %d × %d were asked for", len(out), in.Rows, f.outputs, width)
	}
	s := m.free.Get().(*scratch)
	defer m.free.Put(s)
	clear(out)
	for row := range in.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, err := m.prepared(s, in, row, 1)
		if err != nil {
			return err
		}
		m.explainRow(&s.game, rows, out[row*f.outputs*width:(row+1)*f.outputs*width])
	}
	return ctx.Err()
}

func (m *Model) explainRow(g *game, row, out []float64) {
	f, width := m.forest, len(m.forest.inputs)+1
	if f.linear != nil {
		f.explainLinear(row, out)
		return
	}
	for k := range f.outputs {
		if f.base != nil {
			out[k*width+width-1] = f.base[k]
		}
		if f.bias != nil {
			out[k*width+width-1] += f.bias[k]
		}
	}
	for i := range f.trees {
		t := &f.trees[i]
		to := out
		if t.output >= 0 {
			to = out[t.output*width : (t.output+1)*width]
		}
		for k, x := range t.mean {
			to[k*width+width-1] += x
		}
		if len(t.nodes) > 0 && t.root >= 0 {
			g.tree, g.row, g.out, g.width = t, row, to, width
			g.walk(t.root, 0, 0, part{feature: -1, zero: 1, one: 1})
		}
	}
}

// explainLinear: of a booster without trees each input adds its weight times itself.
func (f *forest) explainLinear(row, out []float64) {
	n, width := len(f.inputs), len(f.inputs)+1
	for k := range f.outputs {
		to := out[k*width : (k+1)*width]
		to[n] = f.linear[n*f.outputs+k]
		if f.base != nil {
			to[n] += f.base[k]
		}
		for i, x := range row {
			if x == x { // a missing input adds nothing
				to[i] = f.linear[i*f.outputs+k] * x
			}
		}
	}
}

// A part is one input on the way from the root: the share of rows that go the way where it is not known, whether the row does, and how much
// the subsets of each size that hold it weigh.
type part struct {
	feature   int32
	zero, one float64
	weight    float64
}

// game is the working memory of one tree and row. Ways lie behind each other in parts, one for each depth.
type game struct {
	tree  *tree
	row   []float64
	out   []float64 // by output and input, width numbers for each output that the tree adds to
	width int
	parts []part
}

// walk goes to every leaf below at; the way to it has depth parts from from on in g.parts, to which the last is added.
func (g *game) walk(at int32, from, depth int, last part) {
	to := from + depth + 1
	g.parts = slices.Grow(g.parts[:from+depth], depth+2)[:to]
	way := g.parts[from:to]
	extend(way, last)
	if at < 0 {
		outputs := len(g.tree.mean)
		values := g.tree.values[int(^at)*outputs:][:outputs]
		for i := 1; i < len(way); i++ {
			p := &way[i]
			share := unwound(way, i) * (p.one - p.zero)
			for k, value := range values {
				g.out[k*g.width+int(p.feature)] += share * value
			}
		}
		return
	}
	n := &g.tree.nodes[at]
	hot, cold := n.left, n.right
	if !n.goesLeft(g.row[n.feature]) {
		hot, cold = cold, hot
	}
	// Each child gets a copy of the way, without an earlier part of the same input.
	zero, one, below := 1.0, 1.0, depth+1
	known := slices.IndexFunc(way[1:], func(p part) bool { return p.feature == n.feature }) + 1
	if known > 0 {
		zero, one, below = way[known].zero, way[known].one, depth
	}
	for _, child := range [...]struct {
		at  int32
		one float64
	}{{hot, one}, {cold, 0}} {
		g.parts = append(g.parts[:to], g.parts[from:to]...)
		if known > 0 {
			unwind(g.parts[to:], known)
		}
		g.walk(child.at, to, below, part{feature: n.feature, zero: zero * g.tree.share(child.at, at), one: child.one})
	}
}

// share is the part of a node's rows that go to a child.
func (t *tree) share(child, node int32) float64 {
	all := t.cover[node]
	if all == 0 {
		return 0
	}
	if child < 0 {
		return t.leafCover[^child] / all
	}
	return t.cover[child] / all
}

// extend makes last the end of the way, whose room it is.
func extend(way []part, last part) {
	d := len(way) - 1
	if d == 0 {
		last.weight = 1
	} else {
		last.weight = 0
	}
	way[d] = last
	size := float64(d + 1)
	for i := d - 1; i >= 0; i-- {
		way[i+1].weight += last.one * way[i].weight * float64(i+1) / size
		way[i].weight = last.zero * way[i].weight * float64(d-i) / size
	}
}

// unwind undoes the extension by part i; the last of the way is free then.
func unwind(way []part, i int) {
	d := len(way) - 1
	one, zero, size, next := way[i].one, way[i].zero, float64(d+1), way[d].weight
	for j := d - 1; j >= 0; j-- {
		switch {
		case one != 0:
			was := way[j].weight
			way[j].weight = next * size / (float64(j+1) * one)
			next = was - way[j].weight*zero*float64(d-j)/size
		case zero != 0:
			way[j].weight = way[j].weight * size / (zero * float64(d-j))
		}
	}
	for j := i; j < d; j++ {
		way[j].feature, way[j].zero, way[j].one = way[j+1].feature, way[j+1].zero, way[j+1].one
	}
}

// unwound is the sum of the weights that unwind would leave.
func unwound(way []part, i int) float64 {
	d := len(way) - 1
	one, zero, size, next, total := way[i].one, way[i].zero, float64(d+1), way[d].weight, 0.0
	for j := d - 1; j >= 0; j-- {
		switch {
		case one != 0:
			w := next * size / (float64(j+1) * one)
			total += w
			next = way[j].weight - w*zero*float64(d-j)/size
		case zero != 0:
			total += way[j].weight * size / (zero * float64(d-j))
		}
	}
	return total
}

// average sets the mean of a tree that can be explained: what it answers where nothing is known of a row.
func (t *tree) average(outputs int) {
	if t.output >= 0 {
		outputs = 1
	}
	t.mean = make([]float64, outputs)
	var below func(at int32, k int) float64
	below = func(at int32, k int) float64 {
		if at < 0 {
			return t.values[int(^at)*outputs+k]
		}
		n := &t.nodes[at]
		return t.share(n.left, at)*below(n.left, k) + t.share(n.right, at)*below(n.right, k)
	}
	for k := range t.mean {
		t.mean[k] = below(t.root, k)
	}
}
