package agg_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// The value of the folds is the value of the definition, in whatever order the events come.
func TestFinishIsPlain(t *testing.T) {
	eachAggregation(t, func(t *rapid.T, a *agg.Aggregation) {
		c := drawCall(t, a)
		want := c.plain()
		if !want.HasType(c.output) {
			t.Fatalf("%s is no %s", want, c.output)
		}
		order := rapid.Permutation(c.events).Draw(t, "arrival")
		states := c.states(order)
		got := c.finish(states)
		if !got.HasType(c.output) {
			t.Fatalf("%s is no %s", got, c.output)
		}
		if err := a.Same(c.in, c.p, want, got, order); err != nil {
			t.Fatalf("%s of %s %+v: %v", a.Name, c.in, c.p, err)
		}
		if again := c.finish(states); !value.Equal(again, got) {
			t.Fatalf("finishing changed the states: %s, then %s", got, again)
		}
	})
}

// merge(state(A), state(B)) = state(A ∪ B), for any split into any number of parts, merged in any order and grouping.
func TestMergeIsUnion(t *testing.T) {
	eachAggregation(t, func(t *rapid.T, a *agg.Aggregation) {
		c := drawCall(t, a)
		parts := make([][]agg.Event, rapid.IntRange(1, 5).Draw(t, "parts"))
		for _, e := range rapid.Permutation(c.events).Draw(t, "arrival") {
			i := rapid.IntRange(0, len(parts)-1).Draw(t, "part")
			parts[i] = append(parts[i], e)
		}
		var states [][]agg.State
		for _, part := range parts {
			states = append(states, c.states(part))
		}
		for len(states) > 1 {
			i := rapid.IntRange(0, len(states)-1).Draw(t, "into")
			j := rapid.IntRange(0, len(states)-2).Draw(t, "from")
			if j >= i {
				j++
			}
			for n := range states[i] {
				before := agg.AppendState(nil, states[j][n])
				states[i][n].Merge(states[j][n])
				if after := agg.AppendState(nil, states[j][n]); !bytes.Equal(before, after) {
					t.Fatalf("%s: merge changed what it read", c.folds()[n].ID())
				}
			}
			states = slices.Delete(states, j, j+1)
		}
		whole := c.states(c.events)
		for n, f := range c.folds() {
			if one, many := agg.AppendState(nil, whole[n]), agg.AppendState(nil, states[0][n]); exact(f) && !bytes.Equal(one, many) {
				t.Fatalf("%s: % x from one part, % x from many", f.ID(), one, many)
			}
		}
		if err := a.Same(c.in, c.p, c.plain(), c.finish(states[0]), c.events); err != nil {
			t.Fatalf("%s of %s %+v in %d parts: %v", a.Name, c.in, c.p, len(parts), err)
		}
	})
}

// The state of no event is an identity on both sides, exactly; a clone and a reset share nothing with what they came from.
func TestIdentityCloneReset(t *testing.T) {
	eachAggregation(t, func(t *rapid.T, a *agg.Aggregation) {
		c := drawCall(t, a)
		extra := drawEvents(t, c.in, 8)
		for n, s := range c.states(c.events) {
			f := c.folds()[n]
			want := agg.AppendState(nil, s)
			left := f.New()
			left.Merge(s)
			s.Merge(f.New())
			if l, r := agg.AppendState(nil, left), agg.AppendState(nil, s); !bytes.Equal(want, l) || !bytes.Equal(want, r) {
				t.Fatalf("%s: % x with nothing merged is % x and % x", f.ID(), want, l, r)
			}
			copied := s.Clone()
			for i := range extra {
				copied.Add(&extra[i])
				left.Add(&extra[i])
			}
			copied.Merge(left)
			if after := agg.AppendState(nil, s); !bytes.Equal(want, after) {
				t.Fatalf("%s: adding to a clone, or to what it was merged into, changed % x to % x", f.ID(), want, after)
			}
			copied.Reset()
			if got, empty := agg.AppendState(nil, copied), agg.AppendState(nil, f.New()); !bytes.Equal(got, empty) {
				t.Fatalf("%s: reset to % x, not % x", f.ID(), got, empty)
			}
			for i := range c.events {
				copied.Add(&c.events[i])
			}
			if after := agg.AppendState(nil, copied); !bytes.Equal(want, after) {
				t.Fatalf("%s: after a reset % x, before % x", f.ID(), after, want)
			}
		}
	})
}

// A state reads back from its encoding, with what stands behind it left alone, and goes on as the one that was written.
func TestEncodingReadsBack(t *testing.T) {
	eachAggregation(t, func(t *rapid.T, a *agg.Aggregation) {
		c := drawCall(t, a)
		extra := drawEvents(t, c.in, 8)
		states := c.states(c.events)
		for n, f := range c.folds() {
			code := agg.AppendState(nil, states[n])
			back, rest, err := f.DecodeState(append(code[:len(code):len(code)], 0x7f))
			if err != nil || len(rest) != 1 {
				t.Fatalf("%s: % x: %d bytes left, %v", f.ID(), code, len(rest), err)
			}
			for i := range extra {
				back.Add(&extra[i])
				states[n].Add(&extra[i])
			}
			if one, two := agg.AppendState(nil, states[n]), agg.AppendState(nil, back); !bytes.Equal(one, two) {
				t.Fatalf("%s: goes on to % x, read back to % x", f.ID(), one, two)
			}
			for cut := range code {
				if _, _, err := f.DecodeState(code[:cut]); err == nil {
					t.Fatalf("%s: % x cut to %d bytes reads", f.ID(), code, cut)
				}
			}
		}
	})
}

// Adding keeps nothing of the event's own memory.
func TestAddKeepsNoTie(t *testing.T) {
	eachAggregation(t, func(t *rapid.T, a *agg.Aggregation) {
		c := drawCall(t, a)
		for n, s := range c.states(nil) {
			var scratch agg.Event
			for _, e := range c.events {
				scratch.TS, scratch.Value, scratch.By = e.TS, e.Value, e.By
				scratch.Tie = append(scratch.Tie[:0], e.Tie...)
				s.Add(&scratch)
			}
			clear(scratch.Tie)
			want := agg.AppendState(nil, c.states(c.events)[n])
			if got := agg.AppendState(nil, s); !bytes.Equal(want, got) {
				t.Fatalf("%s: % x from events in reused memory, % x from own", c.folds()[n].ID(), got, want)
			}
		}
	})
}
