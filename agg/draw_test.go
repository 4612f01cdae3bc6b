package agg_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

// call is one feature drawn at random over events drawn at random.
type call struct {
	a      *agg.Aggregation
	in     value.Type
	p      agg.Params
	output value.Type
	events []agg.Event // in the order of E2
	asOf   int64
}

// allKinds are types of every kind that an input can have.
var allKinds = append(valuetest.Scalars[:len(valuetest.Scalars):len(valuetest.Scalars)],
	value.ListOf(value.Int), value.MapOf(value.Float), value.StructOf(value.Field{Name: "a", Type: value.String}))

// inputsOf lists the types that an aggregation takes; the zero Type stands for none.
func inputsOf(a *agg.Aggregation) []value.Type {
	var out []value.Type
	if a.Input.Need == agg.Optional {
		out = append(out, value.Type{})
	}
	for _, t := range allKinds {
		if a.Input.Allows(t) {
			out = append(out, t)
		}
	}
	return out
}

// drawArgs draws what the aggregation needs and may take, with by in half of the calls.
func drawArgs(t *rapid.T, a *agg.Aggregation) agg.Args {
	var args agg.Args
	optional := func(name string) bool { return rapid.Bool().Draw(t, name+" given") }
	for _, p := range a.Params {
		switch p.Name {
		case "k":
			args.K = new(rapid.SampledFrom([]int{1, 2, 3, 7, 40, 100}).Draw(t, "k"))
		case "max":
			if optional("max") {
				args.Max = new(rapid.SampledFrom([]int{1, 2, 5, 35}).Draw(t, "max"))
			}
		case "q":
			args.Q = new(rapid.OneOf(rapid.SampledFrom([]float64{0, 0.5, 0.9, 1}), rapid.Float64Range(0, 1)).Draw(t, "q"))
		case "accuracy":
			if optional("accuracy") {
				args.Accuracy = new(rapid.OneOf(rapid.SampledFrom([]float64{1e-300, 1e-9, 0.001, 0.25, 0.5, 0.99}), rapid.Float64Range(1e-4, 0.9)).Draw(t, "accuracy"))
			}
		case "lg_k":
			if optional("lg_k") {
				args.LgK = new(rapid.SampledFrom([]int{8, 12, 16}).Draw(t, "lg_k"))
			}
		case "sample":
			args.Sample = rapid.Bool().Draw(t, "sample")
		}
	}
	if !a.Entity && optional("by") {
		args.By = &value.String
		if optional("by_max") {
			args.ByMax = new(rapid.IntRange(1, 4).Draw(t, "by_max"))
		}
	}
	return args
}

// drawValue gives the inputs of one call: from a few values that repeat, or from all, edges and nulls included; floats also of a kind
// that tells good moments from bad ones, equal or close together and far from 0.
func drawValue(t *rapid.T, in value.Type) func(label string) value.Value {
	if in.Kind == value.KindNull {
		return func(string) value.Value { return value.Value{} }
	}
	switch style := rapid.IntRange(0, 3).Draw(t, "style of inputs"); {
	case style == 0:
		return func(string) value.Value { return valuetest.Value(t, in) }
	case style == 1 && in.Numeric():
		centre := rapid.SampledFrom([]float64{0, 0.1, 1e6, -1e9, 1e15, 1e-90, 1e80}).Draw(t, "centre")
		spread := rapid.SampledFrom([]float64{0, 1e-3, 1, 1e5}).Draw(t, "spread")
		return func(label string) value.Value {
			x := centre + spread*rapid.Float64Range(-1, 1).Draw(t, label)
			if in.Kind == value.KindInt {
				return value.OfInt(int64(max(min(x, 1e18), -1e18)))
			}
			return value.OfFloat(x)
		}
	}
	pool := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) value.Value { return valuetest.Value(t, in) }), 1, 5).Draw(t, "pool")
	return func(label string) value.Value { return rapid.SampledFrom(pool).Draw(t, label) }
}

// drawEvents draws up to most events, many in one millisecond, ties of up to two parts often equal.
func drawEvents(t *rapid.T, in value.Type, most int) []agg.Event {
	next := drawValue(t, in)
	ties := rapid.IntRange(0, 2).Draw(t, "parts of the tie")
	events := make([]agg.Event, rapid.IntRange(0, most).Draw(t, "events"))
	for i := range events {
		e := agg.Event{TS: rapid.Int64Range(-3, 6).Draw(t, "ts"), Value: next("input")}
		for _, typ := range []value.Type{value.Int, value.String}[:ties] {
			part := valuetest.Value(t, typ)
			if rapid.Bool().Draw(t, "tied") {
				part = value.Value{}
			}
			e.Tie = append(e.Tie, part)
		}
		if key := rapid.SampledFrom([]string{"null", "", "a", "b", "é", "😀", "\uffff"}).Draw(t, "by"); key != "null" {
			e.By = value.OfString(key)
		}
		events[i] = e
	}
	agg.SortEvents(events)
	return events
}

func drawCall(t *rapid.T, a *agg.Aggregation) call {
	c := call{a: a, in: rapid.SampledFrom(inputsOf(a)).Draw(t, "input"), asOf: rapid.Int64Range(7, 1000).Draw(t, "as of")}
	var err error
	c.output, c.p, err = a.Check(c.in, c.in.Kind != value.KindNull, drawArgs(t, a))
	if err != nil {
		t.Fatalf("%s of %s: %v", a.Name, c.in, err)
	}
	most := 12
	if rapid.IntRange(0, 3).Draw(t, "many events") == 0 {
		most = 90
	}
	c.events = drawEvents(t, c.in, most)
	return c
}

func (c call) plain() value.Value { return c.a.Plain(c.in, c.p, c.events, c.asOf) }

func (c call) folds() []agg.Fold { return c.a.Folds(c.in, c.p) }

// states folds the events in their order.
func (c call) states(events []agg.Event) []agg.State {
	var out []agg.State
	for _, f := range c.folds() {
		s := f.New()
		for i := range events {
			s.Add(&events[i])
		}
		out = append(out, s)
	}
	return out
}

func (c call) finish(states []agg.State) value.Value { return c.a.Finish(c.in, c.p, states, c.asOf) }

// exact reports whether a state's bytes are the same in every order: all but those made of float additions.
func exact(f agg.Fold) bool { return f.Kind != agg.KindFloatSum && f.Kind != agg.KindMoments }

// eachAggregation runs a property for every line of the table.
func eachAggregation(t *testing.T, property func(t *rapid.T, a *agg.Aggregation)) {
	for _, a := range agg.All() {
		t.Run(a.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { property(t, a) })
		})
	}
}
