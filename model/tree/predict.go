package tree

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// block is how many rows are taken at a time: their ranks of some hundred features, and a tree, stay in the processor's first cache.
const block = 4 * lanes

// Model is a forest that is ready to answer.
type Model struct {
	info   model.Info
	forest *forest
	layout *layout   // nil: see compile
	wide   []float64 // by node of the layout: the leaf's value
	narrow []float32 // likewise, where sums are float32; both nil where leaves are more than a constant
	free   sync.Pool // of *scratch
	texts  int       // inputs that are texts: CatBoost's categories

	unexplained error // why Explain cannot; nil: it can
}

// scratch is the working memory of one call.
type scratch struct {
	rows   []float64 // prepared, by row and feature; empty where rows need no preparation
	ranks  []uint32  // by slot and row in groups of eight rows; by slot of each row beyond them
	leaves tile
	nodes  tile
	wide   []float64 // sums by row and output
	narrow []float32
	// Of one row: its sums as the link takes them, and its answer.
	linked, answer []float64

	game game
}

// A tile is where up to block rows have come in up to eight trees.
type tile [block * lanes]uint32

var _ model.Model = (*Model)(nil)

// newModel checks a forest and makes it ready.
func newModel(f *forest) (*Model, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	m := &Model{forest: f, layout: compile(f), info: model.Info{Format: f.format, Inputs: f.inputs, Classes: f.classes, Invariant: true, Light: true}}
	m.info.Outputs = append(m.info.Outputs, f.answer)
	if f.margins {
		m.info.Outputs = append(m.info.Outputs, model.Output{Name: "margin", Kind: model.Margin, Width: f.outputs})
	}
	if f.class != classNone {
		m.info.Outputs = append(m.info.Outputs, model.Output{Name: cmp.Or(f.className, "class"), Kind: model.Class, Width: 1})
	}
	_, m.texts = m.info.Widths()
	if len(f.trees) > 0 {
		m.info.Outputs = append(m.info.Outputs, model.Output{Name: "leaf", Kind: model.Leaf, Width: len(f.trees)})
	}
	m.layValues()
	if m.unexplained = f.explainable(); m.unexplained == nil {
		for i := range f.trees {
			f.trees[i].average(f.outputs)
		}
	} else {
		m.unexplained = fmt.Errorf("the model cannot be explained: %w", m.unexplained)
	}
	m.free.New = func() any { return m.newScratch() }
	return m, nil
}

// layValues puts the values of leaves where the walk arrives, if each is one number.
func (m *Model) layValues() {
	if m.layout == nil {
		return
	}
	for i := range m.forest.trees {
		if t := &m.forest.trees[i]; t.output < 0 || t.linear != nil {
			return
		}
	}
	wide, tree := make([]float64, len(m.layout.nodes)), 0
	for at := range wide {
		for tree+1 < len(m.layout.roots) && at >= int(m.layout.roots[tree+1]) {
			tree++
		}
		if arrived(m.layout.nodes[at]) && m.layout.nodes[at]>>32 == uint64(at) {
			wide[at] = m.forest.trees[tree].values[m.layout.leaf[at]]
		}
	}
	if !m.forest.narrow {
		m.wide = wide
		return
	}
	m.narrow = make([]float32, len(wide))
	for i, v := range wide {
		m.narrow[i] = float32(v)
	}
}

func (m *Model) newScratch() *scratch {
	s := &scratch{wide: make([]float64, block*m.forest.outputs), linked: make([]float64, m.forest.outputs), answer: make([]float64, m.forest.answer.Width)}
	if m.forest.narrow {
		s.narrow = make([]float32, block*m.forest.outputs)
	}
	if m.forest.prepare != asIs || m.texts > 0 {
		s.rows = make([]float64, block*len(m.forest.inputs))
	}
	if m.layout != nil {
		s.ranks = make([]uint32, block*max(m.layout.slots, 1))
	}
	return s
}

// Info says what goes in and what comes out.
func (m *Model) Info() *model.Info { return &m.info }

// Health is nil: what is in this process can answer.
func (m *Model) Health(ctx context.Context) error { return ctx.Err() }

// Close does nothing: there is only memory.
func (m *Model) Close() error { return nil }

// Predict answers the rows of in. It allocates nothing once as many calls as run at the same time have been made.
func (m *Model) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	if err := m.info.Check(in, out, len(m.forest.inputs)-m.texts, m.texts); err != nil {
		return err
	}
	s := m.free.Get().(*scratch)
	defer m.free.Put(s)
	for first := 0; first < in.Rows; first += block {
		if err := ctx.Err(); err != nil {
			return err
		}
		count := min(block, in.Rows-first)
		rows, err := m.prepared(s, in, first, count)
		if err != nil {
			return err
		}
		m.answer(s, rows, count, first, out)
	}
	return ctx.Err()
}

// prepared are count rows, from one on, as the trees want them.
func (m *Model) prepared(s *scratch, in *model.Batch, first, count int) ([]float64, error) {
	if m.texts > 0 {
		return m.categories(s, in, first, count), nil
	}
	n := len(m.forest.inputs)
	rows := in.Numbers[first*n : (first+count)*n]
	if m.forest.prepare == asIs {
		return rows, nil
	}
	own := s.rows[:len(rows)]
	switch m.forest.prepare {
	case zeroSmall:
		for i, x := range rows {
			if math.Abs(x) <= zero {
				x = 0
			}
			own[i] = x
		}
	case toFloat32, finite32:
		infinite := -1
		for i, x := range rows {
			x = float64(float32(x))
			if math.Abs(x) > math.MaxFloat32 {
				infinite = i
			}
			own[i] = x
		}
		if infinite >= 0 && m.forest.prepare == finite32 {
			return nil, &model.RowError{Row: first + infinite/n, Input: m.forest.inputs[infinite%n].Name, Reason: "is infinite, or too large for a float of 32 bits, which XGBoost refuses: null is what is missing"}
		}
	}
	return own, nil
}

// categories are rows of which some inputs are texts: numbers as CatBoost has them, categories as the numbers that it has for them.
func (m *Model) categories(s *scratch, in *model.Batch, first, count int) []float64 {
	n := len(m.forest.inputs)
	own, number, text := s.rows[:count*n], first*(n-m.texts), first*m.texts
	for i := range own {
		if m.forest.inputs[i%n].Type.Kind == value.KindString {
			own[i] = categoryOf(in.Texts[text])
			text++
		} else {
			own[i] = float64(float32(in.Numbers[number]))
			number++
		}
	}
	return own
}

// answer walks a block of rows through all trees, eight trees at a time, adds up, and writes what is asked for.
func (m *Model) answer(s *scratch, rows []float64, count, first int, out [][]float64) {
	f := m.forest
	m.begin(s, rows, count)
	if m.layout != nil {
		m.rank(s, rows, count)
	}
	var leaves []float64
	if i := m.info.Output(model.Leaf); i >= 0 && i < len(out) {
		leaves = out[i]
	}
	for tree := 0; tree < len(f.trees); tree += lanes {
		trees := f.trees[tree:min(tree+lanes, len(f.trees))]
		if m.layout != nil {
			m.walk(s, count, tree, len(trees))
		}
		if m.layout == nil || leaves != nil || m.wide == nil && m.narrow == nil {
			m.leaves(s, rows, count, trees)
		}
		switch {
		case m.narrow != nil:
			addTile(s.narrow, m.narrow, &s.nodes, trees, f.outputs, count)
		case m.wide != nil:
			addTile(s.wide, m.wide, &s.nodes, trees, f.outputs, count)
		default:
			m.addAny(s, rows, count, trees)
		}
		if leaves != nil {
			for row := range count {
				for i := range trees {
					leaves[(first+row)*len(f.trees)+tree+i] = float64(s.leaves[row*lanes+i])
				}
			}
		}
	}
	m.finish(s, count, first, out)
}

// begin sets the sums to what they begin with.
func (m *Model) begin(s *scratch, rows []float64, count int) {
	f := m.forest
	for i := range count * f.outputs {
		base := 0.0
		if f.base != nil {
			base = f.base[i%f.outputs]
		}
		if f.linear != nil {
			base = f.equation(rows[i/f.outputs*len(f.inputs):][:len(f.inputs)], i%f.outputs, base)
		}
		if f.narrow {
			s.narrow[i] = float32(base)
		} else {
			s.wide[i] = base
		}
	}
}

// equation is an output of XGBoost's gblinear: features that are missing are left out.
func (f *forest) equation(row []float64, output int, base float64) float64 {
	sum := float32(f.linear[len(row)*f.outputs+output]) + float32(base)
	for i, x := range row {
		if !math.IsNaN(x) {
			sum += float32(float32(x) * float32(f.linear[i*f.outputs+output]))
		}
	}
	return float64(sum)
}

// whole are the rows, of count, that are walked eight in step; the trees of the others are.
func whole(count int) int { return count - count%lanes }

func (m *Model) rank(s *scratch, rows []float64, count int) {
	l, n := m.layout, len(m.forest.inputs)
	for row := range count {
		x := rows[row*n : (row+1)*n]
		if row < whole(count) {
			l.rank(x, s.ranks[row/lanes*lanes*l.slots+row%lanes:], lanes)
		} else {
			l.rank(x, s.ranks[row*l.slots:], 1)
		}
	}
}

// walk finds the nodes at which count rows arrive in up to eight trees.
func (m *Model) walk(s *scratch, count, tree, trees int) {
	l := m.layout
	var at [lanes]uint32
	for i := range trees {
		for row := 0; row < whole(count); row += lanes {
			l.walkRows(s.ranks[row*l.slots:], &at, l.roots[tree+i], l.depth[tree+i])
			for j := range lanes {
				s.nodes[(row+j)*lanes+i] = at[j]
			}
		}
	}
	for row := whole(count); row < count; row++ {
		depth := uint32(0)
		at = [lanes]uint32{}
		for i := range trees {
			at[i] = l.roots[tree+i]
			depth = max(depth, l.depth[tree+i])
		}
		for i := trees; i < lanes; i++ {
			at[i] = at[0]
		}
		l.walkTrees(s.ranks[row*l.slots:], &at, depth)
		*(*[lanes]uint32)(s.nodes[row*lanes:]) = at
	}
}

// leaves finds the numbers of the leaves at which rows arrive.
func (m *Model) leaves(s *scratch, rows []float64, count int, trees []tree) {
	n := len(m.forest.inputs)
	for row := range count {
		for i := range trees {
			at := row*lanes + i
			if m.layout != nil {
				s.leaves[at] = m.layout.leaf[s.nodes[at]]
			} else {
				s.leaves[at] = trees[i].find(rows[row*n : (row+1)*n])
			}
		}
	}
}

// addTile adds the values of leaves that are one number each.
func addTile[T float32 | float64](sums, values []T, at *tile, trees []tree, outputs, count int) {
	if outputs == 1 {
		for row := range count {
			sum := sums[row]
			for _, node := range at[row*lanes : row*lanes+len(trees)] {
				sum += values[node]
			}
			sums[row] = sum
		}
		return
	}
	for row := range count {
		for i := range trees {
			sums[row*outputs+trees[i].output] += values[at[row*lanes+i]]
		}
	}
}

// addAny adds the values of leaves of every kind.
func (m *Model) addAny(s *scratch, rows []float64, count int, trees []tree) {
	f := m.forest
	for row := range count {
		x := rows[row*len(f.inputs) : (row+1)*len(f.inputs)]
		for i := range trees {
			t, leaf := &trees[i], s.leaves[row*lanes+i]
			if t.output >= 0 {
				m.add(s, row*f.outputs+t.output, t.value(leaf, x))
				continue
			}
			for k, v := range t.values[int(leaf)*f.outputs : (int(leaf)+1)*f.outputs] {
				m.add(s, row*f.outputs+k, v)
			}
		}
	}
}

func (m *Model) add(s *scratch, at int, v float64) {
	if m.forest.narrow {
		s.narrow[at] += float32(v)
	} else {
		s.wide[at] += v
	}
}

// finish writes the outputs of count rows from their sums.
func (m *Model) finish(s *scratch, count, first int, out [][]float64) {
	f := m.forest
	if f.narrow {
		for i, v := range s.narrow[:count*f.outputs] {
			s.wide[i] = float64(v)
		}
	}
	if f.bias != nil {
		for i, x := range s.wide[:count*f.outputs] {
			s.wide[i] = float64(x*f.scale) + f.bias[i%f.outputs]
		}
	}
	for row := range count {
		sums := s.wide[row*f.outputs : (row+1)*f.outputs]
		for i, o := range out {
			if o != nil {
				m.write(i, s, sums, o[(first+row)*m.info.Outputs[i].Width:][:m.info.Outputs[i].Width])
			}
		}
	}
}

// write makes output i of one row's sums.
func (m *Model) write(i int, s *scratch, sums, out []float64) {
	f := m.forest
	if i == 0 {
		f.link.apply(f.linked(s, sums), out)
		return
	}
	switch m.info.Outputs[i].Kind {
	case model.Margin:
		copy(out, sums)
	case model.Class:
		sums = f.linked(s, sums)
		f.link.apply(sums, s.answer)
		out[0] = f.class.of(sums, s.answer)
	}
}

// linked are the sums as the link takes them.
func (f *forest) linked(s *scratch, sums []float64) []float64 {
	if f.divide == 0 && f.late == nil {
		return sums
	}
	for i, x := range sums {
		if f.divide != 0 {
			x = f.link.round(x / f.divide)
		}
		if f.late != nil {
			x = f.link.round(x + f.late[i])
		}
		s.linked[i] = x
	}
	return s.linked
}
