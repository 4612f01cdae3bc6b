package local

import (
	"github.com/bighead-ml/bighead/value"
)

// concat makes one column of several of a type.
func concat(t value.Type, parts []*value.Column) *value.Column {
	if len(parts) == 1 {
		return parts[0]
	}
	n := 0
	for _, p := range parts {
		n += p.N
	}
	out := value.NewColumn(t, n)
	at := 0
	for _, p := range parts {
		copyInto(out.Bools, p.Bools, at)
		copyInto(out.Ints, p.Ints, at)
		copyInto(out.Floats, p.Floats, at)
		copyInto(out.Strs, p.Strs, at)
		copyInto(out.Values, p.Values, at)
		if p.Nulls != nil && t.Kind != value.KindNull {
			for i := range p.N {
				if p.Nulls.Get(i) {
					out.SetNull(at + i)
				}
			}
		}
		at += p.N
	}
	return out
}

func copyInto[T any](dst, src []T, at int) {
	if src != nil {
		copy(dst[at:], src)
	}
}

// slice is rows [from, to) of a column; from is a multiple of 64.
func slice(c *value.Column, from, to int) *value.Column {
	out := &value.Column{Type: c.Type, N: to - from}
	if c.Nulls != nil {
		out.Nulls = c.Nulls[from>>6 : (to+63)>>6]
		if to&63 != 0 && to < c.N { // bits beyond the end would be counted
			out.Nulls = append(value.Bitmap(nil), out.Nulls...)
			out.Nulls[len(out.Nulls)-1] &= 1<<(to&63) - 1
		}
	}
	cut(&out.Bools, c.Bools, from, to)
	cut(&out.Ints, c.Ints, from, to)
	cut(&out.Floats, c.Floats, from, to)
	cut(&out.Strs, c.Strs, from, to)
	cut(&out.Values, c.Values, from, to)
	return out
}

func cut[T any](dst *[]T, src []T, from, to int) {
	if src != nil {
		*dst = src[from:to]
	}
}

// take is the batch of the rows, in that order.
func take(b *value.Batch, rows []int32) *value.Batch {
	out := &value.Batch{Schema: b.Schema, N: len(rows), Columns: make([]*value.Column, len(b.Columns))}
	for i, c := range b.Columns {
		out.Columns[i] = c.Take(rows)
	}
	return out
}

func taken[T any](src []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = src[r]
	}
	return out
}
