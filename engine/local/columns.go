package local

import (
	"math/bits"

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

// gather is the cells at the rows, in that order: Column.Take for rows that are all there.
func gather(c *value.Column, rows []int32) *value.Column {
	out := &value.Column{Type: c.Type, N: len(rows)}
	pick(&out.Bools, c.Bools, rows)
	pick(&out.Ints, c.Ints, rows)
	pick(&out.Floats, c.Floats, rows)
	pick(&out.Strs, c.Strs, rows)
	pick(&out.Values, c.Values, rows)
	if c.Nulls != nil {
		out.Nulls = gatherBits(c.Nulls, rows)
	}
	return out
}

func pick[T any](dst *[]T, src []T, rows []int32) {
	if src != nil {
		*dst = taken(src, rows)
	}
}

// inverse finds the place of a row in an order; it is made when it is first needed.
type inverse struct {
	rows  []int32
	total int     // rows that there were
	place []int32 // of each, + 1; 0: left out
}

// bits are the set ones of a bitmap over all rows, at their places; nil where none is set. Few bits are set, so looking at those is
// faster than looking at all rows.
func (v *inverse) bits(m value.Bitmap) value.Bitmap {
	if v.place == nil {
		v.place = make([]int32, v.total)
		for i, r := range v.rows {
			v.place[r] = int32(i) + 1
		}
	}
	var out value.Bitmap
	eachBit(m, 0, v.total, func(r int) {
		if at := int(v.place[r]); at > 0 {
			if out == nil {
				out = value.NewBitmap(len(v.rows))
			}
			out.Set(at - 1)
		}
	})
	return out
}

// gather is the cells at the rows.
func (v *inverse) gather(c *value.Column) *value.Column {
	plain := *c
	plain.Nulls = nil
	out := gather(&plain, v.rows)
	if c.Nulls != nil {
		out.Nulls = v.bits(c.Nulls)
	}
	return out
}

// gatherBits is the bits at the rows; nil where none is set.
func gatherBits(bits value.Bitmap, rows []int32) value.Bitmap {
	out := value.NewBitmap(len(rows))
	any := uint64(0)
	for w := range out {
		var word uint64
		for i, r := range rows[w<<6 : min((w+1)<<6, len(rows))] {
			word |= (bits[r>>6] >> (r & 63) & 1) << i
		}
		out[w] = word
		any |= word
	}
	if any == 0 {
		return nil
	}
	return out
}

// eachBit calls f for each set bit in [from, to).
func eachBit(m value.Bitmap, from, to int, f func(i int)) {
	for w := from >> 6; w<<6 < to; w++ {
		word := m[w]
		if w == from>>6 {
			word &= ^uint64(0) << (from & 63)
		}
		if to-w<<6 < 64 {
			word &= 1<<(to&63) - 1
		}
		for ; word != 0; word &= word - 1 {
			f(w<<6 + bits.TrailingZeros64(word))
		}
	}
}
