package flink

import (
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
)

// TestRandomCases draws definitions, and lots of events and of what is asked for each, and compares what Flink folds with the oracle: 200
// pairs at least. Definitions and features that it does not fold are left out, and definitions counted.
func TestRandomCases(t *testing.T) {
	w := newRoad(*seed)
	w.some = true
	if testing.Short() {
		*lots = 1
	}
	o := random.Options{Seed: *seed, Cases: *cases, Lots: *lots, Whole: true, Failures: 3,
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
	t.Logf("%d definitions, %d pairs of a definition and a lot compared in at least one row", r.Answered, r.Pairs)
	if *cases >= 40 && *lots >= 30 && *questions >= 12 && len(r.Failures) == 0 && r.Pairs < 200 {
		t.Errorf("%d pairs were compared, 200 are promised", r.Pairs)
	}
}
