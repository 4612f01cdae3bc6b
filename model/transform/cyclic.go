package transform

import (
	"errors"
	"math"

	"github.com/bighead-ml/bighead/value"
)

var cyclic = &Kind{
	Name:  "cyclic",
	Doc:   "Where a number stands in a cycle: sine and cosine of `2π * x / period`, so that 23 o'clock is as near to 0 as 1 is. The remainder of `x` is taken first, and exactly, so that far numbers lose nothing.",
	Names: "`{column}_sin` and `{column}_cos`.",
	Nulls: "A null is null in both.",
	Takes: numeric,
	Params: []Param{
		{Name: "period", Doc: "after how much it begins anew: 24 for hours", Type: Number, Positional: true},
	},
	Examples: []Example{
		{In: []string{"hour int: 0 | 24 | null"}, Args: `{"period": 24}`, Want: []string{"hour_sin float: 0.0 | 0.0 | null", "hour_cos float: 1.0 | 1.0 | null"}},
	},
	draft: func(b *binding) {
		period := b.number("period")
		if !(period > 0) {
			b.reportArg("period", "write a number above 0: 24 for hours, 7 for weekdays", "period=%g of cyclic", period)
			return
		}
		b.each(func(c bound) *draft {
			out := []Column{{Name: c.Name + "_sin", Type: value.Float}, {Name: c.Name + "_cos", Type: value.Float}}
			return &draft{out: out, op: &circle{period}}
		})
	},
	op: func() op { return new(circle) },
}

// circle is sine and cosine by a period.
type circle struct {
	Period float64 `json:"period"`
}

func (o *circle) outputs([]value.Type) ([]output, error) {
	if !(o.Period > 0) {
		return nil, errors.New("its period is not above 0")
	}
	return outputsOf(value.Float, 2), nil
}

func (o *circle) apply(c *call) error {
	for i := range c.n {
		x, ok := numeral(c.in[0], i)
		if !ok {
			c.out[0].null(i)
			c.out[1].null(i)
			continue
		}
		sin, cos := math.Sincos(2 * math.Pi * (math.Mod(x, o.Period) / o.Period))
		c.out[0].put(i, sin)
		c.out[1].put(i, cos)
	}
	return nil
}
