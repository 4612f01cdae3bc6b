package flink

import (
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
)

// TestRandomCases draws definitions, events and what is asked, and compares what Flink folds with the oracle. Cases and
// features that it does not fold are left out, and cases counted.
func TestRandomCases(t *testing.T) {
	w := newRoad(*seed)
	w.some = true
	o := random.Options{Seed: *seed, Cases: *cases, Whole: true, Failures: 3,
		Roads: []random.Road{{Name: "flink", Open: func(*rand.Rand) (engine.Engine, string) { return w, "bounded jobs" }}}}
	t.Logf("seeds %d to %d", *seed, *seed+uint64(*cases)-1)
	if _, err := random.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(w.order) == 0 {
		t.Fatal("Flink folds none of the cases")
	}
	if testing.Short() {
		t.Skip("the real engines are left out with -short")
	}
	w.run(t, *atOnce, *questions, Options{})
	clear(w.declined)
	r, err := random.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for why, n := range w.declined {
		t.Logf("declined %d times: %s", n, why)
	}
	for _, f := range r.Failures {
		t.Error(f.String())
	}
}
