package expr

import (
	"math/bits"

	"github.com/bighead-ml/bighead/value"
)

// chunk is how many rows are evaluated at once: intermediate columns of some steps fit the first caches. A multiple of 64.
const chunk = 2048

// Program evaluates an expression a column at a time. It holds scratch columns, so it is for one goroutine at a time; make one for each.
type Program struct {
	root  *step
	steps []*step
	batch *value.Batch
	nulls *Nulls
	lo, n int          // the rows of the batch that the chunk covers: [lo, lo+n)
	all   value.Bitmap // those rows
}

// step is one node of the tree with its scratch.
type step struct {
	typ      value.Type
	kernel   kernel
	args     []*step
	column   int // of the batch, −1 for others
	constant value.Value
	out      *value.Column // scratch of a call; the chunk of a column; the repeated value of a constant; made when first needed
	masks    []value.Bitmap
}

// Vectorise makes a Program for batches of the schema.
func (e *Expr) Vectorise(schema value.Schema) *Program {
	p := &Program{all: value.NewBitmap(chunk)}
	p.root = p.step(e.tree, schema)
	return p
}

// storage is the type whose column holds values of t.
func storage(t value.Type) value.Type {
	if t.Kind == kindInterval {
		return value.Int
	}
	return t
}

func (p *Program) step(t *tree, schema value.Schema) *step {
	s := &step{typ: storage(t.typ), kernel: t.kernel, column: -1}
	switch {
	case t.fn != nil:
		for _, a := range t.args[t.kernel.first:] {
			s.args = append(s.args, p.step(a, schema))
		}
	case t.column != "":
		s.column = t.index(schema)
		s.out = &value.Column{Type: s.typ}
		p.steps = append(p.steps, s)
	default:
		s.constant = t.val
	}
	return s
}

// Eval computes the expression over the batch. The column is the caller's, and is not touched by later calls; where the expression
// is a bare column it is the batch's own. nulls may be nil.
func (p *Program) Eval(b *value.Batch, nulls *Nulls) *value.Column {
	if p.root.column >= 0 {
		return b.Columns[p.root.column]
	}
	p.batch, p.nulls = b, nulls
	out := value.NewColumn(p.root.typ, b.N)
	if out.Nulls == nil {
		out.Nulls = value.NewBitmap(b.N)
	}
	for p.lo = 0; p.lo < b.N; p.lo += chunk {
		p.n = min(chunk, b.N-p.lo)
		p.selectAll()
		for _, s := range p.steps {
			slice(s.out, b.Columns[s.column], p.lo, p.n)
		}
		view := &value.Column{Type: out.Type}
		if p.root.kernel.vec != nil { // the root writes into the result, so that no copy is made
			slice(view, out, p.lo, p.n)
			p.root.out = view
		}
		if c := p.eval(p.root, p.all); c != view {
			copyCells(out, p.lo, c, p.n)
		}
		out.Nulls[(p.lo+p.n-1)>>6] &= p.all[len(p.all)-1] // no row lies beyond the end
	}
	p.forget()
	if !out.Nulls.Any() {
		out.Nulls = nil
	}
	return out
}

// forget lets go of the batch and the result, which may be large.
func (p *Program) forget() {
	p.batch, p.nulls, p.root.out = nil, nil, nil
	for _, s := range p.steps {
		s.out = &value.Column{Type: s.typ}
	}
}

// selectAll makes p.all the rows of the chunk.
func (p *Program) selectAll() {
	words := (p.n + 63) / 64
	p.all = p.all[:words]
	for w := range p.all {
		p.all[w] = ^uint64(0)
	}
	if tail := p.n & 63; tail != 0 {
		p.all[words-1] = 1<<tail - 1
	}
}

// eval computes an argument for the rows of sel; cells of other rows hold anything. The column is good until the step runs again.
func (p *Program) eval(s *step, sel value.Bitmap) *value.Column {
	if s.kernel.vec != nil {
		return s.kernel.vec(p, s, sel)
	}
	if s.out == nil {
		s.out = value.NewColumn(s.typ, chunk)
		for i := range chunk {
			s.out.Set(i, s.constant)
		}
	}
	return s.out
}

// begin is the column that the step writes its chunk to; it must write every word of its nulls.
func (s *step) begin() *value.Column {
	if s.out == nil {
		s.out = value.NewColumn(s.typ, chunk)
		s.out.Nulls = value.NewBitmap(chunk)
	}
	return s.out
}

// mask is a scratch bitmap of the step for the chunk.
func (s *step) mask(p *Program, i int) value.Bitmap {
	for len(s.masks) <= i {
		s.masks = append(s.masks, value.NewBitmap(chunk))
	}
	return s.masks[i][:len(p.all)]
}

// slice makes view the rows [lo, lo+n) of c; lo is a multiple of 64.
func slice(view, c *value.Column, lo, n int) {
	view.N = n
	view.Nulls = nil
	if c.Nulls != nil {
		view.Nulls = c.Nulls[lo>>6 : (lo+n+63)>>6]
	}
	cut(&view.Bools, c.Bools, lo, n)
	cut(&view.Ints, c.Ints, lo, n)
	cut(&view.Floats, c.Floats, lo, n)
	cut(&view.Strs, c.Strs, lo, n)
	cut(&view.Values, c.Values, lo, n)
}

func cut[T any](view *[]T, cells []T, lo, n int) {
	if cells != nil {
		*view = cells[lo : lo+n]
	}
}

// copyCells copies the first n rows of a chunk into out at lo.
func copyCells(out *value.Column, lo int, c *value.Column, n int) {
	copy(out.Bools[min(lo, len(out.Bools)):], c.Bools[:min(n, len(c.Bools))])
	copy(out.Ints[min(lo, len(out.Ints)):], c.Ints[:min(n, len(c.Ints))])
	copy(out.Floats[min(lo, len(out.Floats)):], c.Floats[:min(n, len(c.Floats))])
	copy(out.Strs[min(lo, len(out.Strs)):], c.Strs[:min(n, len(c.Strs))])
	copy(out.Values[min(lo, len(out.Values)):], c.Values[:min(n, len(c.Values))])
	for w := range (n + 63) / 64 {
		out.Nulls[lo>>6+w] = word(c.Nulls, w)
	}
}

// truth makes mask the rows of sel where the condition is true (not null).
func truth(mask, sel value.Bitmap, c *value.Column, n int) {
	for w, lo := 0, 0; lo < n; w, lo = w+1, lo+64 {
		mask[w] = pack(c.Bools[lo:min(lo+64, n)]) & sel[w] &^ word(c.Nulls, w)
	}
}

// pack makes bits of up to 64 bools.
func pack(bools []bool) uint64 {
	var m uint64
	for i, b := range bools {
		var bit uint64
		if b {
			bit = 1
		}
		m |= bit << (i & 63)
	}
	return m
}

func anySet(m value.Bitmap) bool {
	for _, w := range m {
		if w != 0 {
			return true
		}
	}
	return false
}

// blend copies the cells of the mask's rows, nulls included, from one column of a chunk to another of the same type.
func blend(dst, src *value.Column, mask value.Bitmap, n int) {
	for w := range mask {
		dst.Nulls[w] = dst.Nulls[w]&^mask[w] | word(src.Nulls, w)&mask[w]
	}
	switch storage(dst.Type).Kind {
	case value.KindBool:
		blendCells(dst.Bools, src.Bools, mask, n)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		blendCells(dst.Ints, src.Ints, mask, n)
	case value.KindFloat:
		blendCells(dst.Floats, src.Floats, mask, n)
	case value.KindString, value.KindBytes:
		blendCells(dst.Strs, src.Strs, mask, n)
	case value.KindNull:
	default:
		blendCells(dst.Values, src.Values, mask, n)
	}
}

func blendCells[T any](dst, src []T, mask value.Bitmap, n int) {
	for w, m := range mask {
		lo := w << 6
		if m == ^uint64(0) && lo+64 <= n {
			copy(dst[lo:lo+64], src[lo:lo+64])
			continue
		}
		for ; m != 0; m &= m - 1 {
			i := lo + bits.TrailingZeros64(m)
			dst[i] = src[i]
		}
	}
}
