package transform

import (
	"math"

	"github.com/bighead-ml/bighead/value"
)

var log1p = &Kind{
	Name:  "log1p",
	Doc:   "`ln(1 + x)`, within a unit in the last place of numpy's.",
	Names: "As before.",
	Nulls: "A null stays one; -1 and less become null.",
	Takes: numeric,
	Examples: []Example{
		{In: []string{"x int: 0 | null | -1 | -2"}, Want: []string{"x float: 0.0 | null | null | null"}},
	},
	draft: func(b *binding) {
		b.each(func(c bound) *draft { return &draft{out: []Column{c.as(value.Float)}, op: logarithm{}} })
	},
	op: func() op { return new(logarithm) },
}

type logarithm struct{}

func (logarithm) outputs([]value.Type) ([]output, error) { return outputsOf(value.Float, 1), nil }

func (logarithm) apply(c *call) error {
	for i := range c.n {
		if x, ok := numeral(c.in[0], i); ok {
			c.out[0].put(i, math.Log1p(x))
		} else {
			c.out[0].null(i)
		}
	}
	return nil
}
