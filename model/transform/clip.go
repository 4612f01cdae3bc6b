package transform

import (
	"errors"

	"github.com/bighead-ml/bighead/value"
)

var clip = &Kind{
	Name: "clip",
	Doc: "What is below `lower` becomes `lower`, what is above `upper` becomes `upper`. With `quantiles` the bounds are those of the training rows " +
		"(by linear interpolation). Gives floats.",
	Names: "As before.",
	Nulls: "A null stays one, and takes no part in fitting.",
	Takes: numeric,
	Params: []Param{
		{Name: "lower", Doc: "the least number, or none", Type: Number, Default: "None", Positional: true},
		{Name: "upper", Doc: "the greatest number, or none", Type: Number, Default: "None", Positional: true},
		{Name: "quantiles", Doc: "in place of both, two quantiles of [0, 1], ascending", Type: Numbers, Default: "None"},
	},
	Examples: []Example{
		{In: []string{"x int: -7 | 3 | null | 12"}, Args: `{"lower": 0, "upper": 10.5}`, Want: []string{"x float: 0.0 | 3.0 | null | 10.5"}},
		{In: []string{"x int: 0 | 1 | 2 | 3 | 100"}, Args: `{"quantiles": [0.25, 0.75]}`, Want: []string{"x float: 1.0 | 1.0 | 2.0 | 3.0 | 3.0"}},
	},
	draft: clipDraft,
	op:    func() op { return new(bounds) },
}

func clipDraft(b *binding) {
	qs := b.numbers("quantiles")
	switch {
	case b.has("quantiles") && (b.has("lower") || b.has("upper")):
		b.reportArg("quantiles", "give bounds or quantiles", "clip by bounds and by quantiles")
		return
	case !b.has("quantiles") && !b.has("lower") && !b.has("upper"):
		b.reportArg("", "write lower=, upper= or quantiles=[0.01, 0.99]", "clip without a bound")
		return
	case b.has("lower") && b.has("upper") && b.number("lower") > b.number("upper"):
		b.reportArg("upper", "write the lesser first", "clip to [%g, %g]", b.number("lower"), b.number("upper"))
		return
	case b.has("quantiles") && !(len(qs) == 2 && 0 <= qs[0] && qs[0] < qs[1] && qs[1] <= 1):
		b.reportArg("quantiles", "write two numbers of [0, 1], ascending: [0.01, 0.99]", "quantiles=%v of clip", qs)
		return
	}
	b.each(func(c bound) *draft {
		d := &draft{out: []Column{c.as(value.Float)}}
		if b.has("quantiles") {
			d.learn = learnNumbers(func(sorted []float64) (op, error) {
				return &bounds{new(quantile(sorted, qs[0])), new(quantile(sorted, qs[1]))}, nil
			})
			return d
		}
		o := &bounds{}
		if b.has("lower") {
			o.Lower = new(b.number("lower"))
		}
		if b.has("upper") {
			o.Upper = new(b.number("upper"))
		}
		d.op = o
		return d
	})
}

// bounds are what a number is kept between; nil: no bound.
type bounds struct {
	Lower *float64 `json:"lower,omitempty"`
	Upper *float64 `json:"upper,omitempty"`
}

func (o *bounds) outputs([]value.Type) ([]output, error) {
	if o.Lower != nil && o.Upper != nil && *o.Lower > *o.Upper {
		return nil, errors.New("its bounds are the wrong way round")
	}
	return outputsOf(value.Float, 1), nil
}

func (o *bounds) apply(c *call) error {
	for i := range c.n {
		x, ok := numeral(c.in[0], i)
		switch {
		case !ok:
			c.out[0].null(i)
			continue
		case o.Lower != nil && x < *o.Lower:
			x = *o.Lower
		case o.Upper != nil && x > *o.Upper:
			x = *o.Upper
		}
		c.out[0].put(i, x)
	}
	return nil
}
