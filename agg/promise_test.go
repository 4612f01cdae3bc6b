package agg_test

import (
	"math"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

func floatEvents(xs ...float64) []agg.Event {
	out := make([]agg.Event, len(xs))
	for i, x := range xs {
		out[i] = agg.Event{TS: int64(i), Value: value.OfFloat(x)}
	}
	return out
}

// Each bound of the promise, just inside and just outside, worked out by hand.
func TestPromiseBounds(t *testing.T) {
	for _, c := range []struct {
		name   string
		inputs []float64
		want   float64
		within float64 // the bound
	}{
		{"sum", []float64{1e6, -1e6, 3}, 3, 2000003e-9},
		{"avg", []float64{1e6, -1e6, 3}, 1, 2000003e-9 / 3},
		{"variance", []float64{1, 3}, 1, 1e-9 * (1 + 1e-3*2*1)},
		{"variance", []float64{1e9 - 2, 1e9 + 2}, 4, 1e-9 * (4 + 1e-3*1e9*2)},
		{"skewness", []float64{0, 0, 0, 0, 5}, 1.5, 1.5e-6},
		{"skewness", []float64{-1, 0, 1}, 0, 1e-6},
		{"skewness", []float64{1e12 - 1, 1e12 + 1}, 0, 1e-6 * 1e4},
		{"kurtosis", []float64{1, 3}, -2, 2e-6},
	} {
		a := lookup(t, c.name)
		events := floatEvents(c.inputs...)
		for _, sign := range []float64{-1, 1} {
			inside, outside := value.OfFloat(c.want+sign*c.within*0.999), value.OfFloat(c.want+sign*c.within*1.001)
			if err := a.Same(value.Float, agg.Params{}, value.OfFloat(c.want), inside, events); err != nil {
				t.Errorf("%s of %v: %v", c.name, c.inputs, err)
			}
			if err := a.Same(value.Float, agg.Params{}, value.OfFloat(c.want), outside, events); err == nil {
				t.Errorf("%s of %v: %s passes for %g", c.name, c.inputs, outside, c.want)
			}
		}
	}
	// A standard deviation's square meets the bound of a variance: 2² ± 1e-9·(4 + 1e-3·1e9·2).
	a, events := lookup(t, "stddev"), floatEvents(1e9-2, 1e9+2)
	for got, right := range map[float64]bool{math.Sqrt(4 + 0.0019): true, math.Sqrt(4 + 0.0021): false} {
		if err := a.Same(value.Float, agg.Params{}, value.OfFloat(2), value.OfFloat(got), events); (err == nil) != right {
			t.Errorf("stddev %v for 2: %v", got, err)
		}
	}
}

func TestPromiseIsExactElsewhere(t *testing.T) {
	events := []agg.Event{{Value: value.OfInt(1)}, {Value: value.OfInt(2)}}
	next := value.OfFloat(math.Nextafter(1.5, 2))
	if lookup(t, "avg").Same(value.Int, agg.Params{}, value.OfFloat(1.5), next, events) == nil {
		t.Error("an average of ints is exact")
	}
	if lookup(t, "max").Same(value.Float, agg.Params{}, value.OfFloat(1.5), next, floatEvents(1.5)) == nil {
		t.Error("a maximum is exact")
	}
	if lookup(t, "sum").Same(value.Float, agg.Params{}, value.OfFloat(1.5), value.Value{}, floatEvents(1.5)) == nil {
		t.Error("null passes for a sum that does not overflow")
	}
	if lookup(t, "sum").Same(value.Float, agg.Params{}, value.OfFloat(1), value.OfInt(1), floatEvents(1)) == nil {
		t.Error("an int passes for a float")
	}
	if lookup(t, "variance").Same(value.Float, agg.Params{}, value.OfFloat(0), value.OfFloat(1e-300), floatEvents(0.1, 0.1)) == nil {
		t.Error("the variance of equal inputs is exactly 0")
	}
	if lookup(t, "skewness").Same(value.Float, agg.Params{}, value.Value{}, value.OfFloat(0), floatEvents(0.1, 0.1)) == nil {
		t.Error("the skewness of equal inputs is null")
	}
}

// Null is right too where the sum of what is folded overflows, and so is the default that stands in for it; elsewhere neither is.
func TestPromiseAtOverflow(t *testing.T) {
	null, big := value.Value{}, math.MaxFloat64
	for _, c := range []struct {
		name   string
		inputs []float64
		right  bool
	}{
		{"sum", []float64{big, big, -big}, true},
		{"sum", []float64{big / 2, -big / 4}, false},
		{"avg", []float64{big, -big}, true},
		{"variance", []float64{1e154, 2e154}, true},
		{"variance", []float64{1e153, 2e153}, false},
		{"stddev", []float64{1e200, 2e200}, true},
		{"skewness", []float64{1e103, 1, 2}, true},
		{"skewness", []float64{1e102, 1, 2}, false},
		{"kurtosis", []float64{1e77, 1, 2}, true},
		{"kurtosis", []float64{1e76, 1, 2}, false},
	} {
		a := lookup(t, c.name)
		promise := a.Promise(value.Float, agg.Params{})
		events := floatEvents(c.inputs...)
		want := a.Plain(value.Float, agg.Params{}, events, 0)
		if want.IsNull() {
			want = value.OfFloat(1)
		}
		scale := promise.Scale(events)
		if err := promise.Check(want, null, scale); (err == nil) != c.right {
			t.Errorf("%s of %v: null for %s: %v", c.name, c.inputs, want, err)
		}
		promise.Default = value.OfFloat(-7)
		if err := promise.Check(want, promise.Default, scale); (err == nil) != c.right {
			t.Errorf("%s of %v: the default for %s: %v", c.name, c.inputs, want, err)
		}
		wrong := value.OfFloat(-1e308) // far from all that overflows here
		if want.Float() == 0 {
			wrong = value.OfFloat(1e301)
		}
		if promise.Check(want, wrong, scale) == nil {
			t.Errorf("%s of %v: %s passes for %s", c.name, c.inputs, wrong, want)
		}
	}
}

func TestPromiseOfMaps(t *testing.T) {
	a := lookup(t, "sum")
	p := agg.Params{By: true, ByMax: 10}
	events := floatEvents(1e6, -1e6, 1)
	for i, key := range []string{"a", "a", "b"} {
		events[i].By = value.OfString(key)
	}
	entries := func(x, y float64) value.Value {
		return value.OfMap([]value.Entry{{Key: "a", Value: value.OfFloat(x)}, {Key: "b", Value: value.OfFloat(y)}})
	}
	for _, c := range []struct {
		got   value.Value
		right bool
	}{
		{entries(1e-3, 1), true}, {entries(3e-3, 1), false}, {entries(0, 1+1e-8), false}, {entries(0, 1+1e-10), true},
		{value.OfMap([]value.Entry{{Key: "a", Value: value.OfFloat(0)}}), false},
		{value.OfMap([]value.Entry{{Key: "a", Value: value.OfFloat(0)}, {Key: "c", Value: value.OfFloat(1)}}), false},
		{value.Value{}, false},
	} {
		if err := a.Same(value.Float, p, entries(0, 1), c.got, events); (err == nil) != c.right {
			t.Errorf("%s: %v", c.got, err)
		}
	}
}

// The default replaces a map as a whole, never an entry of it (A4).
func TestPromiseOfMapsHasNoDefaultInside(t *testing.T) {
	promise := lookup(t, "sum").Promise(value.Float, agg.Params{By: true, ByMax: 10})
	promise.Default = value.OfFloat(-7)
	events := floatEvents(math.MaxFloat64, math.MaxFloat64, -math.MaxFloat64)
	for i := range events {
		events[i].By = value.OfString("a")
	}
	entry := func(v value.Value) value.Value { return value.OfMap([]value.Entry{{Key: "a", Value: v}}) }
	want, scale := entry(value.OfFloat(math.MaxFloat64)), promise.Scale(events)
	if err := promise.Check(want, entry(value.Value{}), scale); err != nil {
		t.Error(err)
	}
	if promise.Check(want, entry(promise.Default), scale) == nil {
		t.Error("the default passes for an entry")
	}
}

func TestPromiseOfTranscendentalInputs(t *testing.T) {
	promise := lookup(t, "last_k").Promise(value.Float, agg.Params{K: 2})
	list := func(x float64) value.Value { return value.OfList([]value.Value{value.OfFloat(x), value.OfFloat(0)}) }
	if promise.Check(list(1), list(1+1e-13), agg.Scale{}) == nil {
		t.Error("lists are exact")
	}
	promise.Transcendental = true
	if err := promise.Check(list(1), list(1+1e-13), agg.Scale{}); err != nil {
		t.Error(err)
	}
	if promise.Check(list(1), list(1+1e-11), agg.Scale{}) == nil {
		t.Error("1e-11 passes for 1e-12")
	}
	m := func(key string, x float64) value.Value {
		return value.OfMap([]value.Entry{{Key: key, Value: value.OfFloat(x)}})
	}
	if agg.Close(m("a", 1), m("b", 1)) || !agg.Close(m("a", -1), m("a", -1-1e-13)) || agg.Close(value.OfInt(1<<60), value.OfInt(1<<60+1)) {
		t.Error("maps and ints are compared wrongly")
	}
}
