package transform

import "github.com/bighead-ml/bighead/value"

var minMax = &Kind{
	Name: "min_max",
	Doc: "`x * scale + offset`, which maps the training rows' least number to `lower` and the greatest to `upper`. Others are let go beyond; a column that is the same on all " +
		"training rows goes to `lower`. Equals scikit-learn's `MinMaxScaler` to the bit.",
	Names: "As before.",
	Nulls: "A null stays one, and takes no part in fitting.",
	Takes: numeric,
	Params: []Param{
		{Name: "lower", Doc: "where the least number goes", Type: Number, Default: "0.0"},
		{Name: "upper", Doc: "where the greatest goes", Type: Number, Default: "1.0"},
	},
	Examples: []Example{
		{In: []string{"x int: 1 | 3 | null | 2"}, Want: []string{"x float: 0.0 | 1.0 | null | 0.5"}},
		{In: []string{"x int: 1 | 3"}, Args: `{"lower": -1.0}`, Want: []string{"x float: -1.0 | 1.0"}},
	},
	draft: func(b *binding) {
		lower, upper := b.number("lower"), b.number("upper")
		if lower >= upper {
			b.reportArg("upper", "write lower= and upper= so that lower is less", "min_max from %g to %g", lower, upper)
			return
		}
		b.each(func(c bound) *draft {
			return &draft{out: []Column{c.as(value.Float)}, learn: learnMoments(func(m *moments) (op, error) {
				scale, ok := value.Finite((upper - lower) / orOne(m.most-m.least))
				offset, fits := value.Finite(lower - float64(m.least*scale))
				if !ok || !fits {
					return nil, errTooLarge
				}
				return &linear{scale, offset}, nil
			})}
		})
	},
	op: func() op { return new(linear) },
}

// linear is x · scale + offset.
type linear struct {
	Scale  float64 `json:"scale"`
	Offset float64 `json:"offset"`
}

func (o *linear) outputs([]value.Type) ([]output, error) { return outputsOf(value.Float, 1), nil }

func (o *linear) apply(c *call) error {
	for i := range c.n {
		if x, ok := numeral(c.in[0], i); ok {
			c.out[0].put(i, float64(x*o.Scale)+o.Offset) // the conversion keeps a compiler from fusing the two
		} else {
			c.out[0].null(i)
		}
	}
	return nil
}
