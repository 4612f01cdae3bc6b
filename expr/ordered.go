package expr

import (
	"cmp"
	"math/bits"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// The kernels here work on any ordered type and see nulls. Each has one meaning over values (row) and one loop over cells, made for
// the four kinds of cells by ordered.

// loops are one loop for each kind of cells.
type loops struct {
	ints, floats, texts func(*Program, *step, value.Bitmap) *value.Column
	bools               func(*Program, *step, value.Bitmap) *value.Column
}

// ordered chooses the loop by the type of the first argument.
func ordered(row func([]RowFunc, value.Type) RowFunc, l loops) func(*binding) kernel {
	return func(b *binding) kernel {
		switch b.args[0].typ.Kind {
		case value.KindBool:
			return kernel{row: row, vec: l.bools}
		case value.KindFloat:
			return kernel{row: row, vec: l.floats}
		case value.KindString, value.KindBytes:
			return kernel{row: row, vec: l.texts}
		}
		return kernel{row: row, vec: l.ints}
	}
}

func rowDistinct(args []RowFunc, _ value.Type) RowFunc {
	x, y := args[0], args[1]
	return func(row []value.Value, nulls *Nulls) value.Value {
		a, b := x(row, nulls), y(row, nulls)
		return value.OfBool(!value.Equal(a, b))
	}
}

var bindDistinct = ordered(rowDistinct, loops{vecDistinct[int64], vecDistinct[float64], vecDistinct[string], vecDistinct[bool]})

// equalBits are the rows of a word whose cells are equal.
func equalBits[T comparable](a, b []T) uint64 {
	var m uint64
	for i, x := range a {
		var bit uint64
		if x == b[i] {
			bit = 1
		}
		m |= bit << (i & 63)
	}
	return m
}

func vecDistinct[T interface {
	cell
	comparable
}](p *Program, s *step, sel value.Bitmap) *value.Column {
	x, y := p.eval(s.args[0], sel), p.eval(s.args[1], sel)
	out := s.begin()
	a, b := cells[T](x), cells[T](y)
	for w := range sel {
		lo, hi := w<<6, min(w<<6+64, p.n)
		na, nb := word(x.Nulls, w), word(y.Nulls, w)
		unpack(out.Bools[lo:hi], ^equalBits(a[lo:hi], b[lo:hi])&^(na|nb)|na^nb)
		out.Nulls[w] = 0
	}
	return out
}

func rowNullif(args []RowFunc, _ value.Type) RowFunc {
	x, y := args[0], args[1]
	return func(row []value.Value, nulls *Nulls) value.Value {
		a, b := x(row, nulls), y(row, nulls)
		if value.Equal(a, b) {
			return value.Value{}
		}
		return a
	}
}

var bindNullif = ordered(rowNullif, loops{vecNullif[int64], vecNullif[float64], vecNullif[string], vecNullif[bool]})

func vecNullif[T interface {
	cell
	comparable
}](p *Program, s *step, sel value.Bitmap) *value.Column {
	x, y := p.eval(s.args[0], sel), p.eval(s.args[1], sel)
	out := s.begin()
	a, b := cells[T](x), cells[T](y)
	copy(cells[T](out)[:p.n], a)
	for w := range sel {
		lo, hi := w<<6, min(w<<6+64, p.n)
		out.Nulls[w] = word(x.Nulls, w) | equalBits(a[lo:hi], b[lo:hi])&^word(y.Nulls, w)
	}
	return out
}

func rowBetween(args []RowFunc, _ value.Type) RowFunc {
	subject, least, most := args[0], args[1], args[2]
	return func(row []value.Value, nulls *Nulls) value.Value {
		x, low, high := subject(row, nulls), least(row, nulls), most(row, nulls)
		above := x.IsNull() || low.IsNull() || value.Compare(x, low) >= 0
		below := x.IsNull() || high.IsNull() || value.Compare(x, high) <= 0
		switch {
		case !above || !below:
			return value.OfBool(false)
		case x.IsNull() || low.IsNull() || high.IsNull():
			return value.Value{}
		}
		return value.OfBool(true)
	}
}

var bindBetween = ordered(rowBetween, loops{
	vecBetween(cmp.Compare[int64]), vecBetween(cmp.Compare[float64]), vecBetween(cmp.Compare[string]),
	vecBetween(func(a, b bool) int { return cmp.Compare(ofBool(a), ofBool(b)) }),
})

func vecBetween[T cell](compare func(a, b T) int) func(p *Program, s *step, sel value.Bitmap) *value.Column {
	return func(p *Program, s *step, sel value.Bitmap) *value.Column {
		x, low, high := p.eval(s.args[0], sel), p.eval(s.args[1], sel), p.eval(s.args[2], sel)
		out := s.begin()
		a, l, h := cells[T](x), cells[T](low), cells[T](high)
		for w := range sel {
			var under, over uint64
			for m := sel[w]; m != 0; m &= m - 1 {
				i := w<<6 + bits.TrailingZeros64(m)
				if compare(a[i], l[i]) < 0 {
					under |= m & -m
				} else if compare(a[i], h[i]) > 0 {
					over |= m & -m
				}
			}
			nx, nl, nh := word(x.Nulls, w), word(low.Nulls, w), word(high.Nulls, w)
			// Under a null low bound the comparison with it means nothing, but that with the high one was then skipped.
			for m := under & nl &^ nx; m != 0; m &= m - 1 {
				i := w<<6 + bits.TrailingZeros64(m)
				if compare(a[i], h[i]) > 0 {
					over |= m & -m
				}
			}
			no := (under&^nl | over&^nh) &^ nx
			unpack(out.Bools[w<<6:min(w<<6+64, p.n)], ^no)
			out.Nulls[w] = (nx | nl | nh) &^ no
		}
		return out
	}
}

// extreme is greatest (sign 1) and least (sign −1).
func extreme(sign int) func(*binding) kernel {
	row := func(args []RowFunc, _ value.Type) RowFunc {
		return func(row []value.Value, nulls *Nulls) value.Value {
			best := args[0](row, nulls)
			for _, a := range args[1:] {
				v := a(row, nulls)
				if fault.Planted("expr: greatest is null where an argument is") && (v.IsNull() || best.IsNull()) {
					return value.Value{}
				}
				if best.IsNull() || !v.IsNull() && value.Compare(v, best)*sign > 0 {
					best = v
				}
			}
			return best
		}
	}
	return ordered(row, loops{
		vecExtreme(func(a, b int64) bool { return cmp.Compare(a, b)*sign > 0 }),
		vecExtreme(func(a, b float64) bool { return cmp.Compare(a, b)*sign > 0 }),
		vecExtreme(func(a, b string) bool { return cmp.Compare(a, b)*sign > 0 }),
		vecExtreme(func(a, b bool) bool { return cmp.Compare(ofBool(a), ofBool(b))*sign > 0 }),
	})
}

func vecExtreme[T cell](better func(a, b T) bool) func(p *Program, s *step, sel value.Bitmap) *value.Column {
	return func(p *Program, s *step, sel value.Bitmap) *value.Column {
		first := p.eval(s.args[0], sel)
		out := s.begin()
		best := cells[T](out)
		copy(best[:p.n], cells[T](first))
		for w := range sel {
			out.Nulls[w] = word(first.Nulls, w)
		}
		for _, arg := range s.args[1:] {
			x := p.eval(arg, sel)
			a := cells[T](x)
			for w := range sel {
				for m := sel[w] &^ word(x.Nulls, w); m != 0; m &= m - 1 {
					i := w<<6 + bits.TrailingZeros64(m)
					if bit := m & -m; out.Nulls[w]&bit != 0 || better(a[i], best[i]) {
						best[i] = a[i]
						out.Nulls[w] &^= bit
					}
				}
			}
		}
		return out
	}
}
