package transform

import (
	"errors"

	"github.com/bighead-ml/bighead/value"
)

var countEncode = &Kind{
	Name:  "count_encode",
	Doc:   "How many of the training rows have the value; with `share`, which part of them. A training row is counted as a request is, itself among them: no label is in a count, so nothing is learnt out of fold, and there is no mean to draw few rows towards (`target_encode` has both).",
	Names: "As before.",
	Nulls: "None is left: null is a value like others. A value that the training rows do not have is 0.",
	Takes: categories,
	Params: []Param{
		{Name: "share", Doc: "whether it is divided by the number of training rows", Type: Truth, Default: "False"},
	},
	Examples: []Example{
		{In: []string{"c string: UA | AA | null | UA"}, Want: []string{"c int: 2 | 1 | 1 | 2"}},
		{In: []string{"c string: UA | AA | null | UA"}, Args: `{"share": true}`, Want: []string{"c float: 0.5 | 0.25 | 0.25 | 0.5"}},
	},
	draft: func(b *binding) {
		t := value.Int
		if b.truth("share") {
			t = value.Float
		}
		b.each(func(c bound) *draft {
			return &draft{out: []Column{c.as(t)}, learn: learnTally(func(t *tally) (op, []string, error) {
				o := &frequencies{Nulls: t.nulls}
				o.categoryList, o.Counts = t.list(1)
				if b.truth("share") {
					o.Of = t.rows
				}
				return o, nil, nil
			})}
		})
	},
	op: func() op { return new(frequencies) },
}

// frequencies is a count by category, or with Of a share of so many.
type frequencies struct {
	categoryList
	Counts []int64 `json:"counts"`
	Nulls  int64   `json:"nulls"`
	Of     int64   `json:"of,omitempty"`
}

func (o *frequencies) outputs(in []value.Type) ([]output, error) {
	if len(o.Counts) != o.len() || o.Of < 0 {
		return nil, errors.New("its counts are not those of its categories")
	}
	if o.Of > 0 {
		return outputsOf(value.Float, 1), o.index(in[0])
	}
	return outputsOf(value.Int, 1), o.index(in[0])
}

func (o *frequencies) apply(c *call) error {
	for i := range c.n {
		var n int64
		if code := o.code(c.in[0], i); code >= 0 {
			n = o.Counts[code]
		} else if code == nullCode {
			n = o.Nulls
		}
		if o.Of > 0 {
			c.out[0].put(i, float64(n)/float64(o.Of))
		} else {
			c.out[0].Ints[i] = n
		}
	}
	return nil
}
