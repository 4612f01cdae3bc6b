package agg

import (
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

var variance = &Aggregation{
	Name: "variance",
	Doc: "The mean squared distance from the mean, of the population; with `sample=True` of a sample: divided by n − 1, and null under two inputs. " +
		"Computed about the mean, so that large numbers with small differences keep their digits; equal inputs have exactly 0.",
	Input:   InputRule{Kinds: numeric},
	Params:  []Param{sampleParam},
	Version: 1,
	Examples: []Example{
		{Input: value.Int, Cells: []string{"1", "3", "null"}, Want: "1.0"},
		{Input: value.Int, Cells: []string{"1", "3", "null"}, Args: Args{Sample: true}, Want: "2.0"},
		{Input: value.Float, Cells: []string{"0.1", "0.1", "0.1"}, Want: "0.0"},
		{Input: value.Float, Cells: []string{"5.0"}, Args: Args{Sample: true}, Want: "null"},
	},
	output: func(value.Type, Params) value.Type { return value.Float },
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		return plainVariance(numbersOf(events), p.Sample)
	},
	folds:  func(in value.Type, _ Params) []Fold { return []Fold{{Kind: KindMoments, In: in, Order: 2}} },
	finish: finishVariance,
	text:   varianceText,
	rule:   func(value.Type) Rule { return VarianceRule },
}

var sampleParam = Param{Name: "sample", Default: "False", Doc: "divide by n − 1"}

func plainVariance(xs []float64, sample bool) value.Value {
	n := len(xs)
	if n == 0 || sample && n == 1 {
		return value.Value{}
	}
	v := exactMoment(xs, 2)
	if sample {
		v.Quo(v.Mul(v, exactly(float64(n))), exactly(float64(n-1)))
	}
	return round(v)
}

func finishVariance(_ value.Type, p Params, s []State, _ int64) value.Value {
	m := s[0].(*MomentsState)
	n := m.N
	if p.Sample && !fault.Planted("agg: a sample's variance divides by n") {
		n--
	}
	if n < 1 {
		return value.Value{}
	}
	return value.OfFloat(m.M2 / float64(n))
}

func varianceText(_ value.Type, p Params) string {
	if p.Sample {
		return "case when n > 1 then m2 / (n - 1) end"
	}
	return "case when n > 0 then m2 / n end"
}
