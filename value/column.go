package value

import (
	"math/bits"
	"slices"
)

// Bitmap is a set of row numbers. The zero Bitmap is empty and of any length.
type Bitmap []uint64

// NewBitmap makes an empty set for rows [0, n).
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+63)/64) }

// Get reports whether row i is in the set.
func (b Bitmap) Get(i int) bool { return b != nil && b[i>>6]&(1<<(i&63)) != 0 }

// Set puts row i into the set; the bitmap must have been made for it.
func (b Bitmap) Set(i int) { b[i>>6] |= 1 << (i & 63) }

// Clear takes row i out of the set.
func (b Bitmap) Clear(i int) { b[i>>6] &^= 1 << (i & 63) }

// Count is how many rows are in the set.
func (b Bitmap) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Any reports whether any row is in the set.
func (b Bitmap) Any() bool {
	for _, w := range b {
		if w != 0 {
			return true
		}
	}
	return false
}

// Column is a vector of n cells of one type. Which slice holds them follows from the type's kind; the others are nil:
//
//	bool → Bools; int, timestamp (ms), date (days) → Ints; float → Floats; string, bytes → Strs; list, map, struct → Values;
//	null (a bare null) → none.
//
// Cells under a set bit of Nulls hold anything. A Column that was handed out is not written to again, and may be read by many.
type Column struct {
	Type   Type
	N      int
	Nulls  Bitmap // nil: no cell is null
	Bools  []bool
	Ints   []int64
	Floats []float64
	Strs   []string
	Values []Value
}

// NewColumn makes a column of n cells, none null, all zero (a bare null type: all null).
func NewColumn(t Type, n int) *Column {
	c := &Column{Type: t, N: n}
	switch t.Kind {
	case KindNull:
		c.Nulls = NewBitmap(n)
		for i := range c.Nulls {
			c.Nulls[i] = ^uint64(0)
		}
	case KindBool:
		c.Bools = make([]bool, n)
	case KindInt, KindTimestamp, KindDate:
		c.Ints = make([]int64, n)
	case KindFloat:
		c.Floats = make([]float64, n)
	case KindString, KindBytes:
		c.Strs = make([]string, n)
	default:
		c.Values = make([]Value, n)
	}
	return c
}

// Resize makes it a column of n cells, in the memory that it has where that is enough: those that were there stay, others are not null and hold
// anything. It must not have been handed out.
func (c *Column) Resize(n int) {
	if c.Type.Kind == KindNull {
		*c = *NewColumn(c.Type, n)
		return
	}
	switch c.Type.Kind {
	case KindBool:
		c.Bools = resized(c.Bools, n)
	case KindInt, KindTimestamp, KindDate:
		c.Ints = resized(c.Ints, n)
	case KindFloat:
		c.Floats = resized(c.Floats, n)
	case KindString, KindBytes:
		c.Strs = resized(c.Strs, n)
	default:
		c.Values = resized(c.Values, n)
	}
	if c.N = n; c.Nulls == nil {
		return
	}
	words, was := (n+63)/64, len(c.Nulls)
	c.Nulls = resized(c.Nulls, words)
	clear(c.Nulls[min(was, words):])
	if n&63 != 0 {
		c.Nulls[words-1] &= 1<<(n&63) - 1
	}
}

// resized is a slice of n elements, the first of them as they were.
func resized[T any](s []T, n int) []T { return slices.Grow(s[:min(n, len(s))], max(0, n-len(s)))[:n] }

// ColumnOf makes a column of the values, each of which must have the type.
func ColumnOf(t Type, values []Value) *Column {
	c := NewColumn(t, len(values))
	for i, v := range values {
		c.Set(i, v)
	}
	return c
}

// IsNull reports whether cell i is null.
func (c *Column) IsNull(i int) bool { return c.Nulls.Get(i) }

// SetNull makes cell i null.
func (c *Column) SetNull(i int) {
	if c.Nulls == nil {
		c.Nulls = NewBitmap(c.N)
	}
	c.Nulls.Set(i)
}

// Set writes cell i, which must not have been set to null before; the value must have the column's type.
func (c *Column) Set(i int, v Value) {
	if v.IsNull() {
		c.SetNull(i)
		return
	}
	switch c.Type.Kind {
	case KindBool:
		c.Bools[i] = v.Bool()
	case KindInt, KindTimestamp, KindDate:
		c.Ints[i] = v.Int()
	case KindFloat:
		c.Floats[i] = v.Float()
	case KindString, KindBytes:
		c.Strs[i] = v.Str()
	case KindNull:
	default:
		c.Values[i] = v
	}
}

// At is cell i as a Value.
func (c *Column) At(i int) Value {
	if c.Nulls.Get(i) {
		return Value{}
	}
	switch c.Type.Kind {
	case KindBool:
		return OfBool(c.Bools[i])
	case KindInt, KindTimestamp, KindDate:
		return Value{kind: c.Type.Kind, num: uint64(c.Ints[i])}
	case KindFloat:
		return OfFloat(c.Floats[i])
	case KindString, KindBytes:
		return Value{kind: c.Type.Kind, str: c.Strs[i]}
	case KindNull:
		return Value{}
	}
	return c.Values[i]
}

// Take is the column of the cells at the rows, in that order; a row of −1 is null.
func (c *Column) Take(rows []int32) *Column {
	out := NewColumn(c.Type, len(rows))
	for i, r := range rows {
		if r < 0 || c.Nulls.Get(int(r)) {
			out.SetNull(i)
		}
	}
	switch c.Type.Kind {
	case KindBool:
		take(out.Bools, c.Bools, rows)
	case KindInt, KindTimestamp, KindDate:
		take(out.Ints, c.Ints, rows)
	case KindFloat:
		take(out.Floats, c.Floats, rows)
	case KindString, KindBytes:
		take(out.Strs, c.Strs, rows)
	case KindNull:
	default:
		take(out.Values, c.Values, rows)
	}
	return out
}

func take[T any](dst, src []T, rows []int32) {
	for i, r := range rows {
		if r >= 0 {
			dst[i] = src[r]
		}
	}
}

// Batch is columns of one length under a schema: Columns[i] has the type Schema[i].Type.
type Batch struct {
	Schema  Schema
	Columns []*Column
	N       int
}

// Column finds a column by name, or nil.
func (b *Batch) Column(name string) *Column {
	if i := b.Schema.Index(name); i >= 0 {
		return b.Columns[i]
	}
	return nil
}

// Row is row i as values in the schema's order.
func (b *Batch) Row(i int) []Value {
	row := make([]Value, len(b.Columns))
	for j, c := range b.Columns {
		row[j] = c.At(i)
	}
	return row
}

// BatchOf makes a batch of rows, each with a value for every column of the schema.
func BatchOf(s Schema, rows [][]Value) *Batch {
	b := &Batch{Schema: s, N: len(rows), Columns: make([]*Column, len(s))}
	for j, f := range s {
		b.Columns[j] = NewColumn(f.Type, len(rows))
		for i, row := range rows {
			b.Columns[j].Set(i, row[j])
		}
	}
	return b
}
