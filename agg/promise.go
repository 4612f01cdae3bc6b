package agg

import (
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/value"
)

// Rule is how two right values of one feature may differ: the promise of docs/semantics.md §4.
type Rule uint8

// The rules. Everything but sums of floats and what is built on them is exact.
const (
	Exact         Rule = iota
	SumRule            // 1e-9 · Σ|x|
	MeanRule           // 1e-9 · Σ|x| / n
	VarianceRule       // 1e-9 · (σ² + 1e-3 · |mean| · σ)
	DeviationRule      // its square as a variance
	SkewnessRule       // 1e-6 · max(1, |value|, 1e-8 · |mean| / σ)
	KurtosisRule       // the same
)

// powers are the powers whose sums a rule's folds keep, and which may overflow.
var powers = [...]float64{SumRule: 1, MeanRule: 1, VarianceRule: 2, DeviationRule: 2, SkewnessRule: 3, KurtosisRule: 4}

// String is the rule as documentation writes it.
func (r Rule) String() string {
	return [...]string{"exactly", "to 1e-9 · Σ|x|", "to 1e-9 · Σ|x| / n", "to 1e-9 · (σ² + 1e-3 · |mean| · σ)",
		"its square to 1e-9 · (σ² + 1e-3 · |mean| · σ)", "to 1e-6 · max(1, |value|, 1e-8 · |mean| / σ)", "to 1e-6 · max(1, |value|, 1e-8 · |mean| / σ)"}[r]
}

// Promise is how values of one feature compare.
type Promise struct {
	Rule           Rule
	Sample         bool        // of a variance: n − 1
	By             bool        // the value is a map, compared entry by entry
	Transcendental bool        // the input came through exp, ln, pow …: relative 1e-12 beside the rule (X9)
	Default        value.Value // what stands in for null (A4); null: nothing
}

// Promise is how values of the call compare; set Transcendental and Default where the feature has them.
func (a *Aggregation) Promise(in value.Type, p Params) Promise {
	rule := Exact
	if a.rule != nil {
		rule = a.rule(in)
	}
	return Promise{Rule: rule, Sample: p.Sample, By: p.By}
}

// Scale is the size of the inputs behind one value, which the promise's bounds are made of.
type Scale struct {
	N         int
	SumBound  float64 // 1e-9 · Σ|x|, which does not overflow
	Mean      float64
	Deviation float64 // of the population, or of the sample
	Overflow  bool    // a power sum may overflow, so null is right too
	Underflow bool    // a power sum is too small for its digits to be promised
	Entries   map[string]Scale
}

// Scale measures the events of E(k, t) that pass where, those that Plain takes, in any order.
func (p Promise) Scale(events []Event) Scale {
	if p.Rule == Exact {
		return Scale{}
	}
	if !p.By {
		return p.measure(numbersOf(events))
	}
	groups := map[string][]float64{}
	for _, e := range present(events) {
		if !e.By.IsNull() {
			groups[e.By.Str()] = append(groups[e.By.Str()], e.Value.Number())
		}
	}
	s := Scale{Entries: make(map[string]Scale, len(groups))}
	for key, xs := range groups {
		s.Entries[key] = p.measure(xs)
	}
	return s
}

// smallestKept is the least power sum that is compared: about 2^-1022, the least normal float, over the 1e-12 that it must still resolve.
const smallestKept = 1e-295

func (p Promise) measure(xs []float64) Scale {
	s := Scale{N: len(xs)}
	if s.N == 0 {
		return s
	}
	power, reach, sum := powers[p.Rule], 2.0, 0.0
	if power == 1 {
		reach = 1
	}
	for _, x := range xs {
		s.SumBound += 1e-9 * math.Abs(x)
		sum += math.Pow(reach*math.Abs(x), power) // a distance from a mean is at most twice the greatest input
	}
	s.Overflow = math.IsInf(sum, 0)
	if power == 1 {
		return s
	}
	s.Mean, _ = exactMean(xs).Float64()
	variance := exactMoment(xs, 2)
	if p.Sample && s.N > 1 {
		variance.Quo(variance.Mul(variance, exactly(float64(s.N))), exactly(float64(s.N-1)))
	}
	s.Deviation, _ = variance.Sqrt(variance).Float64()
	s.Underflow = !allEqual(xs) && float64(s.N)*math.Pow(s.Deviation, power) < smallestKept
	return s
}

// Check compares two values of the feature over the same events, of the Scale: nil when both are right, else an error that says by how
// much they differ.
func (p Promise) Check(want, got value.Value, s Scale) error {
	if !p.By || want.Kind() != value.KindMap || got.Kind() != value.KindMap {
		return p.check(want, got, s)
	}
	if want.Len() != got.Len() {
		return fmt.Errorf("%s has %d entries, %s has %d", want, want.Len(), got, got.Len())
	}
	for i := range want.Len() {
		if want.KeyAt(i) != got.KeyAt(i) {
			return fmt.Errorf("entry %q is not in both %s and %s", want.KeyAt(i), want, got)
		}
		entry := p
		entry.Default = value.Value{} // of the map as a whole
		if err := entry.check(want.At(i), got.At(i), s.Entries[want.KeyAt(i)]); err != nil {
			return fmt.Errorf("entry %q: %w", want.KeyAt(i), err)
		}
	}
	return nil
}

func (p Promise) check(want, got value.Value, s Scale) error {
	if value.Equal(want, got) || p.Transcendental && Close(want, got) {
		return nil
	}
	floats := want.Kind() == value.KindFloat && got.Kind() == value.KindFloat
	if p.Rule == Exact {
		return fmt.Errorf("%s and %s differ", want, got)
	}
	if s.Underflow || s.Overflow && (p.missing(want) || p.missing(got)) {
		return nil
	}
	if !floats {
		return fmt.Errorf("%s and %s differ", want, got)
	}
	difference, bound := math.Abs(want.Float()-got.Float()), p.bound(want.Float(), s)
	if p.Rule == DeviationRule { // the squares' difference and its bound, both over σ, which keeps them from overflowing
		difference *= math.Abs(want.Float()+got.Float()) / s.Deviation
	}
	if !(difference <= bound) {
		return fmt.Errorf("%s and %s differ by %g where %g is allowed (%s)", want, got, difference, bound, p.Rule)
	}
	return nil
}

// Within reports whether two values keep the promise whatever the events were that they were computed of: it is for passing over most pairs
// without looking for those. False says nothing.
func (p Promise) Within(want, got value.Value) bool {
	if value.Equal(want, got) || p.Transcendental && Close(want, got) {
		return true
	}
	if p.Rule == Exact || want.Kind() != got.Kind() {
		return false
	}
	if want.Kind() == value.KindMap && p.By {
		if want.Len() != got.Len() {
			return false
		}
		entry := p
		entry.By = false
		for i := range want.Len() {
			if want.KeyAt(i) != got.KeyAt(i) || !entry.Within(want.At(i), got.At(i)) {
				return false
			}
		}
		return true
	}
	if want.Kind() != value.KindFloat {
		return false
	}
	size := math.Abs(want.Float())
	bound := 2.5e-10 * size // a sum is at most that of the absolute values, a variance at most the bound's, a deviation's square twice its distance
	if p.Rule == SkewnessRule || p.Rule == KurtosisRule {
		bound = 5e-7 * max(1, size)
	}
	return math.Abs(want.Float()-got.Float()) <= bound
}

// missing reports whether the value is what a null becomes.
func (p Promise) missing(v value.Value) bool {
	return v.IsNull() || !p.Default.IsNull() && value.Equal(v, p.Default)
}

func (p Promise) bound(want float64, s Scale) float64 {
	mean, sigma := math.Abs(s.Mean), s.Deviation
	switch p.Rule {
	case SumRule:
		return s.SumBound
	case MeanRule:
		return s.SumBound / float64(s.N)
	case VarianceRule:
		return 1e-9 * (sigma*sigma + 1e-3*mean*sigma)
	case DeviationRule:
		return 1e-9 * (sigma + 1e-3*mean)
	}
	return 1e-6 * max(1, math.Abs(want), 1e-8*mean/sigma)
}

// Close reports whether two values are equal to relative 1e-12 in their floats, lists and maps element by element: how values that
// came through a transcendental function compare (X9).
func Close(a, b value.Value) bool {
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false
	}
	switch a.Kind() {
	case value.KindFloat:
		x, y := a.Float(), b.Float()
		return math.Abs(x-y) <= 1e-12*max(math.Abs(x), math.Abs(y))
	case value.KindList, value.KindMap, value.KindStruct:
		for i := range a.Len() {
			if a.Kind() != value.KindList && a.KeyAt(i) != b.KeyAt(i) || !Close(a.At(i), b.At(i)) {
				return false
			}
		}
		return true
	}
	return value.Equal(a, b)
}

// Same reports whether want and got are both right values of the call over the events, which may be in any order.
func (a *Aggregation) Same(in value.Type, p Params, want, got value.Value, events []Event) error {
	promise := a.Promise(in, p)
	return promise.Check(want, got, promise.Scale(events))
}
