package local

import (
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// result is a column of values in the spine's order. Buckets write to it at once, each its own rows, so that what became of a cell is a
// byte and not a bit.
type result struct {
	value    *plan.Value
	column   *value.Column // Nulls are not used
	outcomes []outcome
}

// results makes room for every value of every join.
func (r *run) results() {
	for _, j := range r.jobs {
		for i := range j.plan.Values {
			v := &j.plan.Values[i]
			j.results = append(j.results, &result{v, value.NewColumn(v.Feature.Type, r.spine.n), make([]outcome, r.spine.n)})
		}
		r.answers = append(r.answers, j.results...)
	}
}

// put writes the cells of a column to the bucket's rows, null where the outcome says so.
func (r *result) put(b *bucket, c *value.Column, outcomes []outcome) {
	switch c.Type.Kind {
	case value.KindBool:
		scatter(r.column.Bools, c.Bools, b)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		scatter(r.column.Ints, c.Ints, b)
	case value.KindFloat:
		scatter(r.column.Floats, c.Floats, b)
	case value.KindString, value.KindBytes:
		scatter(r.column.Strs, c.Strs, b)
	default:
		scatter(r.column.Values, c.Values, b)
	}
	if outcomes != nil {
		scatter(r.outcomes, outcomes, b)
	}
}

func scatter[T any](dst, src []T, b *bucket) {
	for _, i := range b.rising {
		dst[b.rows[i]] = src[i]
	}
}

// slice is the cells [from, to) as a column; from is a multiple of 64.
func (r *result) slice(from, to int) *value.Column {
	c := slice(r.column, from, to)
	for w, lo := 0, from; lo < to; w, lo = w+1, lo+64 {
		var word uint64
		for i, o := range r.outcomes[lo:min(lo+64, to)] {
			if o.null() {
				word |= 1 << i
			}
		}
		if word != 0 && c.Nulls == nil {
			c.Nulls = value.NewBitmap(to - from)
		}
		if word != 0 {
			c.Nulls[w] = word
		}
	}
	return c
}
