package transform

import (
	"errors"
	"math"

	"github.com/bighead-ml/bighead/value"
)

var standard = &Kind{
	Name: "standard",
	Doc: "`(x - mean) / deviation`, both of the training rows; the deviation is the population's. A column that is the same on all training rows is " +
		"divided by 1. Equals scikit-learn's `StandardScaler`, to the bit where it is given the same two numbers.",
	Names: "As before.",
	Nulls: "A null stays one, and takes no part in fitting.",
	Takes: numeric,
	Params: []Param{
		{Name: "mean", Doc: "whether the mean is taken off", Type: Truth, Default: "True"},
		{Name: "deviation", Doc: "whether it is divided by the standard deviation", Type: Truth, Default: "True"},
	},
	Examples: []Example{
		{In: []string{"x int: 1 | 3 | null"}, Want: []string{"x float: -1.0 | 1.0 | null"}},
		{In: []string{"x float: 2.5 | 2.5"}, Want: []string{"x float: 0.0 | 0.0"}, Remark: "a constant"},
	},
	draft: func(b *binding) {
		b.each(func(c bound) *draft {
			return &draft{out: []Column{c.as(value.Float)}, learn: learnMoments(func(m *moments) (op, error) {
				o := &scaling{Scale: 1}
				var err error
				if b.truth("mean") {
					if o.Center, err = m.mean(); err != nil {
						return nil, err
					}
				}
				if b.truth("deviation") {
					variance, err := m.variance()
					if err != nil {
						return nil, err
					}
					o.Scale = orOne(math.Sqrt(variance))
				}
				return o, nil
			})}
		})
	},
	op: func() op { return new(scaling) },
}

// orOne is a scale to divide by: 1 where there is nothing to scale.
func orOne(scale float64) float64 {
	if scale == 0 {
		return 1
	}
	return scale
}

// scaling is (x − center) / scale.
type scaling struct {
	Center float64 `json:"center"`
	Scale  float64 `json:"scale"`
}

func (o *scaling) outputs([]value.Type) ([]output, error) {
	if !(o.Scale > 0) {
		return nil, errors.New("its scale is not above 0")
	}
	return outputsOf(value.Float, 1), nil
}

func (o *scaling) apply(c *call) error {
	for i := range c.n {
		x, ok := numeral(c.in[0], i)
		if !ok {
			c.out[0].null(i)
			continue
		}
		c.out[0].put(i, (x-o.Center)/o.Scale)
	}
	return nil
}
