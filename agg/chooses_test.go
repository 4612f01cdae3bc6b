package agg_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// What X9 names is marked, and nothing else.
func TestWhatChooses(t *testing.T) {
	var got []string
	for _, a := range agg.All() {
		if a.Chooses {
			got = append(got, a.Name)
		}
	}
	want := "first last first_row last_row first_k last_k distinct_k count_distinct approx_count_distinct approx_quantile histogram"
	if strings.Join(got, " ") != want {
		t.Errorf("%v choose, not %s", got, want)
	}
}

// nudged moves each input by a last bit or not, as another engine's logarithm would: equal inputs alike.
func nudged(t *rapid.T, events []agg.Event) []agg.Event {
	moved := map[float64]value.Value{}
	out := slices.Clone(events)
	for i, e := range out {
		if e.Value.IsNull() {
			continue
		}
		x := e.Value.Float()
		if _, ok := moved[x]; !ok {
			to := rapid.SampledFrom([]float64{x, math.Nextafter(x, math.Inf(1)), math.Nextafter(x, math.Inf(-1))}).Draw(t, "moved")
			moved[x] = value.OfFloat(to)
		}
		out[i].Value = moved[x]
	}
	agg.SortEvents(out)
	return out
}

// An aggregation that does not choose gives, over inputs that differ in their last bits, what the promise allows.
func TestOthersBearALastBit(t *testing.T) {
	near := []float64{1, math.Nextafter(1, 2), math.Nextafter(1, 0), 0.1, 0.1 + 1e-17, 3, -2, 7.5}
	eachAggregation(t, func(t *rapid.T, a *agg.Aggregation) {
		if !a.Input.Allows(value.Float) {
			return
		}
		_, p, err := a.Check(value.Float, true, drawArgs(t, a))
		if err != nil {
			t.Fatal(err)
		}
		events := make([]agg.Event, rapid.IntRange(0, 12).Draw(t, "events"))
		for i := range events {
			events[i] = agg.Event{TS: rapid.Int64Range(0, 3).Draw(t, "ts"), Value: value.OfFloat(rapid.SampledFrom(near).Draw(t, "input")), By: value.OfString("a")}
		}
		agg.SortEvents(events)
		if strings.HasSuffix(a.Name, "osis") || a.Name == "skewness" { // null where all inputs are equal, which X9 bears
			events = append(events, agg.Event{TS: 4, Value: value.OfFloat(100), By: value.OfString("a")})
		}
		promise := a.Promise(value.Float, p)
		promise.Transcendental = true
		err = promise.Check(a.Plain(value.Float, p, events, 9), a.Plain(value.Float, p, nudged(t, events), 9), promise.Scale(events))
		if err != nil && !a.Chooses {
			t.Errorf("%v over %v", err, events)
		}
	})
}

// What is counted by distinct values or put into a bucket is turned by a last bit.
func TestALastBitTurnsWhatChooses(t *testing.T) {
	up, down := math.Nextafter(1, 2), math.Nextafter(1, 0)
	for _, c := range []struct {
		name          string
		args          agg.Args
		inputs, moved []agg.Event
	}{
		{"count_distinct", agg.Args{}, floatEvents(1, up), floatEvents(up, up)},
		{"distinct_k", agg.Args{K: new(2)}, floatEvents(1, up), floatEvents(up, up)},
		{"approx_quantile", agg.Args{Q: new(0.5)}, floatEvents(1), floatEvents(down)},
	} {
		a := lookup(t, c.name)
		_, p, err := a.Check(value.Float, true, c.args)
		if err != nil {
			t.Fatal(err)
		}
		promise := a.Promise(value.Float, p)
		promise.Transcendental = true
		if promise.Check(a.Plain(value.Float, p, c.inputs, 9), a.Plain(value.Float, p, c.moved, 9), promise.Scale(c.inputs)) == nil || !a.Chooses {
			t.Errorf("%s bears a last bit", c.name)
		}
	}
}
