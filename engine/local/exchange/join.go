package exchange

import "github.com/bighead-ml/bighead/value"

// Join makes one packet of the runs of a bucket, in their order, with columns of its own. Its From is not set.
func Join(runs []Run, types []value.Type) *Packet {
	n := 0
	for _, r := range runs {
		n += r.Hi - r.Lo
	}
	p := &Packet{Codes: make([]int32, 0, n), Times: make([]int64, 0, n)}
	for _, r := range runs {
		p.Codes, p.Times = append(p.Codes, r.Codes[r.Lo:r.Hi]...), append(p.Times, r.Times[r.Lo:r.Hi]...)
	}
	for i, t := range types {
		out, at := value.NewColumn(t, n), 0
		for _, r := range runs {
			joinCells(out, at, r.Columns[i], r.Lo, r.Hi)
			at += r.Hi - r.Lo
		}
		p.Columns = append(p.Columns, out)
	}
	return p
}

// joinCells copies cells [lo, hi) of c to place at.
func joinCells(out *value.Column, at int, c *value.Column, lo, hi int) {
	copyCells(out.Bools, c.Bools, at, lo, hi)
	copyCells(out.Ints, c.Ints, at, lo, hi)
	copyCells(out.Floats, c.Floats, at, lo, hi)
	copyCells(out.Strs, c.Strs, at, lo, hi)
	copyCells(out.Values, c.Values, at, lo, hi)
	if c.Nulls == nil || out.Type.Kind == value.KindNull {
		return
	}
	for i := lo; i < hi; i++ {
		if c.Nulls.Get(i) {
			out.SetNull(at + i - lo)
		}
	}
}

func copyCells[T any](out, c []T, at, lo, hi int) {
	if c != nil {
		copy(out[at:], c[lo:hi])
	}
}
