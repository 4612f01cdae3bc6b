package transform

import "github.com/bighead-ml/bighead/value"

var robust = &Kind{
	Name: "robust",
	Doc: "`(x - median) / range`, the range being that between two quantiles of the training rows (by linear interpolation, as numpy's), or 1 where they are the same. Equals scikit-learn's " +
		"`RobustScaler` to the bit.",
	Names: "As before.",
	Nulls: "A null stays one, and takes no part in fitting.",
	Takes: numeric,
	Params: []Param{
		{Name: "lower", Doc: "the lower quantile, of [0, 1]", Type: Number, Default: "0.25"},
		{Name: "upper", Doc: "the upper quantile", Type: Number, Default: "0.75"},
	},
	Examples: []Example{
		{In: []string{"x int: 1 | 2 | 3 | 4 | 5 | null"}, Want: []string{"x float: -1.0 | -0.5 | 0.0 | 0.5 | 1.0 | null"}},
	},
	draft: func(b *binding) {
		lower, upper := b.number("lower"), b.number("upper")
		if !(0 <= lower && lower < upper && upper <= 1) {
			b.reportArg("upper", "write quantiles of [0, 1], lower below upper", "robust from %g to %g", lower, upper)
			return
		}
		b.each(func(c bound) *draft {
			return &draft{out: []Column{c.as(value.Float)}, learn: learnNumbers(func(sorted []float64) (op, error) {
				scale, ok := value.Finite(quantile(sorted, upper) - quantile(sorted, lower))
				if !ok {
					return nil, errTooLarge
				}
				return &scaling{median(sorted), orOne(scale)}, nil
			})}
		})
	},
	op: func() op { return new(scaling) },
}
