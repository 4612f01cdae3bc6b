package expr

import (
	"encoding/json"
	"math/bits"

	"github.com/bighead-ml/bighead/value"
)

// Reason says why an expression made a null that its arguments were not (X1).
type Reason uint8

// The reasons; none of them is the zero Reason.
const (
	_ Reason = iota
	DivisionByZero
	Overflow   // an int beyond 64 bits, a float beyond its range
	BadCast    // text that is not of the type's grammar, a float beyond int
	Domain     // a logarithm of a non-positive number, a root of a negative one, a bad argument
	IndexRange // a list's element, a string's position or part that is not there
	TimeRange  // a time outside years 0001–9999, or beyond what a zone's table covers
	reasons
)

var reasonNames = [reasons]string{"", "division_by_zero", "overflow", "bad_cast", "domain", "index_range", "time_range"}

// String is the reason as metrics label it.
func (r Reason) String() string { return reasonNames[r] }

// Reasons lists them all, for reports.
func Reasons() []Reason {
	return []Reason{DivisionByZero, Overflow, BadCast, Domain, IndexRange, TimeRange}
}

// Nulls counts nulls by Reason. A nil *Nulls counts nothing. It is not safe for concurrent use: give each goroutine its own and add them up.
type Nulls [reasons]int64

// MarshalJSON writes the counts by reason, those that are not zero.
func (n Nulls) MarshalJSON() ([]byte, error) {
	counts := map[string]int64{}
	for _, r := range Reasons() {
		if n[r] > 0 {
			counts[r.String()] = n[r]
		}
	}
	return json.Marshal(counts)
}

// Total is the number of nulls for any reason.
func (n *Nulls) Total() int64 {
	var sum int64
	for _, c := range n {
		sum += c
	}
	return sum
}

// Add adds the counts of another.
func (n *Nulls) Add(m *Nulls) {
	for i, c := range m {
		n[i] += c
	}
}

func (n *Nulls) count(r Reason, times int) {
	if n != nil {
		n[r] += int64(times)
	}
}

// null counts one and is it.
func (n *Nulls) null(r Reason) value.Value {
	n.count(r, 1)
	return value.Value{}
}

// kernel is how one overload computes, a row or a column at a time. Both evaluate every argument, except those of the lazy kernels
// of conditional.go, and count the same nulls.
type kernel struct {
	row func(args []RowFunc, t value.Type) RowFunc
	// vec computes the rows of sel, and may write anything into cells of others.
	vec func(p *Program, s *step, sel value.Bitmap) *value.Column
	// first is the first argument that row and vec are given; those before it are constants that bind has used.
	first int
}

// cell is how values lie in columns: bool; int, timestamp, date; float; string, bytes; nested.
type cell interface {
	bool | int64 | float64 | string | value.Value
}

// cells is the slice of a column that holds its cells.
func cells[T cell](c *value.Column) []T {
	var p any
	switch any((*T)(nil)).(type) {
	case *bool:
		p = &c.Bools
	case *int64:
		p = &c.Ints
	case *float64:
		p = &c.Floats
	case *string:
		p = &c.Strs
	default:
		p = &c.Values
	}
	return *p.(*[]T)
}

// getter takes a cell out of a value that is not null.
func getter[T cell]() func(value.Value) T {
	var f any
	switch any((*T)(nil)).(type) {
	case *bool:
		f = value.Value.Bool
	case *int64:
		f = value.Value.Int
	case *float64:
		f = value.Value.Float
	case *string:
		f = value.Value.Str
	default:
		f = func(v value.Value) value.Value { return v }
	}
	return f.(func(value.Value) T)
}

// putter makes a value of type t, null where the cell is outside the type (a float that is not finite, a time out of range).
func putter[T cell](t value.Type) func(T) value.Value {
	var f any
	switch any((*T)(nil)).(type) {
	case *bool:
		f = value.OfBool
	case *float64:
		f = value.OfFloat
	case *int64:
		switch t.Kind {
		case value.KindTimestamp:
			f = value.OfTimestamp
		case value.KindDate:
			f = value.OfDate
		default:
			f = value.OfInt
		}
	case *string:
		f = value.OfString
		if t.Kind == value.KindBytes {
			f = value.OfBytesString
		}
	default:
		f = func(v value.Value) value.Value { return v }
	}
	return f.(func(T) value.Value)
}

// settler brings a computed cell into its type (V2, V3), or says why it is not in it; nil where every cell is.
func settler[T cell](t value.Type) func(T) (T, Reason) {
	var f any
	switch t.Kind {
	case value.KindFloat:
		f = func(x float64) (float64, Reason) {
			y, ok := value.Finite(x)
			if !ok {
				return 0, Overflow
			}
			return y, 0
		}
	case value.KindTimestamp:
		f = within(value.MinTimestamp, value.MaxTimestamp)
	case value.KindDate:
		f = within(value.MinDate, value.MaxDate)
	default:
		return nil
	}
	g, _ := f.(func(T) (T, Reason))
	return g
}

func within(low, high int64) func(int64) (int64, Reason) {
	return func(x int64) (int64, Reason) {
		if x < low || x > high {
			return 0, TimeRange
		}
		return x, 0
	}
}

// word is 64 rows of a column's nulls.
func word(b value.Bitmap, w int) uint64 {
	if b == nil {
		return 0
	}
	return b[w]
}

// maker makes the value of what a scalar function gives, null and counted where it gives a reason or leaves the type.
func maker[R cell](t value.Type) func(r R, why Reason, nulls *Nulls) value.Value {
	put, outside := putter[R](t), TimeRange
	if t.Kind == value.KindFloat {
		outside = Overflow
	}
	return func(r R, why Reason, nulls *Nulls) value.Value {
		if why != 0 {
			return nulls.null(why)
		}
		v := put(r)
		if v.IsNull() {
			nulls.count(outside, 1)
		}
		return v
	}
}

// each computes the rows of sel whose arguments are not null. The loop, where there is one, computes rows [lo, hi), at most 64, whose
// cells may be garbage under nulls; false means that some row needs f.
func each[R cell](p *Program, s *step, sel value.Bitmap, args []*value.Column, loop func(out []R, lo, hi int) bool, f func(i int) (R, Reason)) *value.Column {
	out := s.begin()
	r, settle := cells[R](out), settler[R](s.typ)
	for w, lo := 0, 0; lo < p.n; w, lo = w+1, lo+64 {
		var null uint64
		for _, a := range args {
			null |= word(a.Nulls, w)
		}
		out.Nulls[w] = null
		hi := min(lo+64, p.n)
		if loop != nil && loop(r[lo:hi], lo, hi) {
			continue
		}
		for m := sel[w] &^ null; m != 0; m &= m - 1 {
			i := lo + bits.TrailingZeros64(m)
			v, why := f(i)
			if why == 0 && settle != nil {
				v, why = settle(v)
			}
			if r[i] = v; why != 0 {
				out.Nulls[w] |= m & -m
				p.nulls.count(why, 1)
			}
		}
	}
	return out
}

// fn1 makes a kernel of a scalar function. Null in, null out; a reason makes a counted null; results are brought into their type.
// loop is f over many cells, or nil; it gives false where f must decide.
func fn1[A, R cell](f func(A) (R, Reason), loop func(out []R, a []A) bool) kernel {
	row := func(args []RowFunc, t value.Type) RowFunc {
		x, get, result := args[0], getter[A](), maker[R](t)
		return func(row []value.Value, nulls *Nulls) value.Value {
			a := x(row, nulls)
			if a.IsNull() {
				return value.Value{}
			}
			r, why := f(get(a))
			return result(r, why, nulls)
		}
	}
	vec := func(p *Program, s *step, sel value.Bitmap) *value.Column {
		x := p.eval(s.args[0], sel)
		a := cells[A](x)
		var block func(out []R, lo, hi int) bool
		if loop != nil {
			block = func(out []R, lo, hi int) bool { return loop(out, a[lo:hi]) }
		}
		return each(p, s, sel, []*value.Column{x}, block, func(i int) (R, Reason) { return f(a[i]) })
	}
	return kernel{row: row, vec: vec}
}

// fn2 is fn1 of two arguments.
func fn2[A, B, R cell](f func(A, B) (R, Reason), loop func(out []R, a []A, b []B) bool) kernel {
	row := func(args []RowFunc, t value.Type) RowFunc {
		x, y, getA, getB, result := args[0], args[1], getter[A](), getter[B](), maker[R](t)
		return func(row []value.Value, nulls *Nulls) value.Value {
			a, b := x(row, nulls), y(row, nulls)
			if a.IsNull() || b.IsNull() {
				return value.Value{}
			}
			r, why := f(getA(a), getB(b))
			return result(r, why, nulls)
		}
	}
	vec := func(p *Program, s *step, sel value.Bitmap) *value.Column {
		x, y := p.eval(s.args[0], sel), p.eval(s.args[1], sel)
		a, b := cells[A](x), cells[B](y)
		var block func(out []R, lo, hi int) bool
		if loop != nil {
			block = func(out []R, lo, hi int) bool { return loop(out, a[lo:hi], b[lo:hi]) }
		}
		return each(p, s, sel, []*value.Column{x, y}, block, func(i int) (R, Reason) { return f(a[i], b[i]) })
	}
	return kernel{row: row, vec: vec}
}

// fn3 is fn1 of three arguments, without a loop.
func fn3[A, B, C, R cell](f func(A, B, C) (R, Reason)) kernel {
	row := func(args []RowFunc, t value.Type) RowFunc {
		x, y, z, getA, getB, getC, result := args[0], args[1], args[2], getter[A](), getter[B](), getter[C](), maker[R](t)
		return func(row []value.Value, nulls *Nulls) value.Value {
			a, b, c := x(row, nulls), y(row, nulls), z(row, nulls)
			if a.IsNull() || b.IsNull() || c.IsNull() {
				return value.Value{}
			}
			r, why := f(getA(a), getB(b), getC(c))
			return result(r, why, nulls)
		}
	}
	vec := func(p *Program, s *step, sel value.Bitmap) *value.Column {
		x, y, z := p.eval(s.args[0], sel), p.eval(s.args[1], sel), p.eval(s.args[2], sel)
		a, b, c := cells[A](x), cells[B](y), cells[C](z)
		return each(p, s, sel, []*value.Column{x, y, z}, nil, func(i int) (R, Reason) { return f(a[i], b[i], c[i]) })
	}
	return kernel{row: row, vec: vec}
}

// fnAny is fn1 for functions of any number of arguments and of types that only the call knows, slower: cells become values. The
// arguments are not null; a null result without a reason is not counted.
func fnAny(f func(args []value.Value) (value.Value, Reason)) kernel {
	return kernel{row: rowAny(f, true), vec: vecAny(f, true)}
}

// fnNulls is fnAny for functions that see nulls.
func fnNulls(f func(args []value.Value) (value.Value, Reason)) kernel {
	return kernel{row: rowAny(f, false), vec: vecAny(f, false)}
}

func rowAny(f func(args []value.Value) (value.Value, Reason), strict bool) func([]RowFunc, value.Type) RowFunc {
	return func(args []RowFunc, _ value.Type) RowFunc {
		return func(row []value.Value, nulls *Nulls) value.Value {
			in := make([]value.Value, len(args))
			null := false
			for i, a := range args {
				in[i] = a(row, nulls)
				null = null || in[i].IsNull()
			}
			if strict && null {
				return value.Value{}
			}
			v, why := f(in)
			if why != 0 {
				return nulls.null(why)
			}
			return v
		}
	}
}

func vecAny(f func(args []value.Value) (value.Value, Reason), strict bool) func(*Program, *step, value.Bitmap) *value.Column {
	return func(p *Program, s *step, sel value.Bitmap) *value.Column {
		cols := make([]*value.Column, len(s.args))
		for i, a := range s.args {
			cols[i] = p.eval(a, sel)
		}
		out := s.begin()
		in := make([]value.Value, len(cols))
		for w := range sel {
			out.Nulls[w] = 0
			for m := sel[w]; m != 0; m &= m - 1 {
				i := w<<6 + bits.TrailingZeros64(m)
				null := false
				for j, c := range cols {
					in[j] = c.At(i)
					null = null || in[j].IsNull()
				}
				if strict && null {
					out.SetNull(i)
					continue
				}
				v, why := f(in)
				if why != 0 {
					v = p.nulls.null(why)
				}
				out.Set(i, v)
			}
		}
		return out
	}
}
