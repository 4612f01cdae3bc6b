package agg

import (
	"math/big"

	"github.com/bighead-ml/bighead/value"
)

// What the plain definitions share. They follow the words of §5 in exact arithmetic and round once, at the end, so that they do not
// inherit the rounding of any fold.

// present keeps the events whose input is not null.
func present(events []Event) []Event {
	var out []Event
	for _, e := range events {
		if !e.Value.IsNull() {
			out = append(out, e)
		}
	}
	return out
}

// valuesOf lists the events' inputs.
func valuesOf(events []Event) []value.Value {
	out := make([]value.Value, len(events))
	for i, e := range events {
		out[i] = e.Value
	}
	return out
}

// numbersOf lists the non-null inputs as floats, true as 1.
func numbersOf(events []Event) []float64 {
	var out []float64
	for _, e := range present(events) {
		out = append(out, e.Value.Number())
	}
	return out
}

// exactBits holds any sum of floats without rounding: their bits lie between 2^-1074 and 2^1024, and there are fewer than 2^64.
const exactBits = 2304

func exactly(x float64) *big.Float { return new(big.Float).SetPrec(exactBits).SetFloat64(x) }

// exactSum is Σx.
func exactSum(xs []float64) *big.Float {
	sum := exactly(0)
	for _, x := range xs {
		sum.Add(sum, exactly(x))
	}
	return sum
}

// exactMean is Σx / n; of equal numbers it is that number.
func exactMean(xs []float64) *big.Float {
	sum := exactSum(xs)
	return sum.Quo(sum, exactly(float64(len(xs))))
}

// exactMoment is Σ(x − mean)^p / n.
func exactMoment(xs []float64, p int) *big.Float {
	mean, sum := exactMean(xs), exactly(0)
	for _, x := range xs {
		power, distance := exactly(1), exactly(x)
		distance.Sub(distance, mean)
		for range p {
			power.Mul(power, distance)
		}
		sum.Add(sum, power)
	}
	return sum.Quo(sum, exactly(float64(len(xs))))
}

// round is the nearest float as a value, null beyond the greatest.
func round(x *big.Float) value.Value {
	f, _ := x.Float64()
	return value.OfFloat(f)
}
