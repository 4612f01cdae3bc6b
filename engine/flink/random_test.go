package flink

import (
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
)

// TestRandomCases draws definitions, and lots of events and of what is asked for each, and compares what Flink folds with the oracle: 200
// pairs at least. Definitions and features that it does not fold are left out, and of the others so many are asked as -questions lets.
func TestRandomCases(t *testing.T) {
	w := newRoad(*seed)
	w.some = true
	t.Logf("seed %d: cases %d to %d", *seed, *seed, *seed+uint64(*cases)-1)
	seeds := foldable(t)
	if len(seeds) == 0 {
		t.Fatal("Flink folds none of the cases")
	}
	if testing.Short() {
		t.Skip("the real engines are left out with -short")
	}
	drawn(t, w, seeds, *lots)
	w.run(t, *atOnce, 0, Options{})
	definitions, pairs := drawn(t, w, seeds, *lots)
	t.Logf("%d definitions, %d pairs of a definition and a lot compared in at least one row", definitions, pairs)
	if *cases >= 100 && *lots >= 40 && (*questions == 0 || *questions >= 12) && !t.Failed() && pairs < 200 {
		t.Errorf("%d pairs were compared, 200 are promised", pairs)
	}
}

// fewest is how many definitions are asked whatever groups they have, so that with their lots the pairs are what is promised.
const fewest = 6

// foldable are seeds of cases that Flink folds, in a drawn order, as many as are asked.
func foldable(t *testing.T) (seeds []uint64) {
	asked, declined := 0, map[string]int{}
	for _, n := range rand.New(rand.NewPCG(*seed, 8)).Perm(*cases) {
		w := newRoad(*seed)
		w.some = true
		drawn(t, w, []uint64{*seed + uint64(n)}, 1)
		for why := range w.declined {
			declined[why]++
		}
		if w.taken > 0 && (*questions == 0 || len(seeds) < fewest || asked+len(w.order) <= *questions) {
			seeds, asked = append(seeds, *seed+uint64(n)), asked+len(w.order)
		}
	}
	for why, n := range declined {
		t.Logf("declined %d times: %s", n, why)
	}
	t.Logf("%d definitions of %d are asked, with %d questions: seeds %v", len(seeds), *cases, asked, seeds)
	return seeds
}

// drawn asks the road of the cases of seeds, and counts definitions that it answers and lots of theirs.
func drawn(t *testing.T, w *road, seeds []uint64, lots int) (definitions, pairs int) {
	for _, s := range seeds {
		r, err := random.Run(t.Context(), random.Options{Seed: s, Cases: 1, Lots: lots, Whole: true,
			Roads: []random.Road{{Name: "flink", Open: func(*rand.Rand) (engine.Engine, string) { return w, "bounded jobs" }}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Failures {
			t.Error(f.String())
		}
		definitions, pairs = definitions+r.Answered, pairs+r.Pairs
	}
	return definitions, pairs
}
