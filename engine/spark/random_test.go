package spark_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
)

var (
	seed  = flag.Uint64("seed", 1, "of the first random case")
	cases = flag.Int("cases", 50, "how many random cases are run")
)

// TestRandomCases draws definitions, events and spines, and compares Spark with the oracle.
func TestRandomCases(t *testing.T) {
	e := onSpark(t)
	road := random.Road{Name: "spark", Open: func(*rand.Rand) (engine.Engine, string) { return e, "its settings" }}
	t.Logf("seeds %d to %d", *seed, *seed+uint64(*cases)-1)
	r, err := random.Run(t.Context(), random.Options{Seed: *seed, Cases: *cases, Roads: []random.Road{road}, Whole: true, Failures: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Error(f.String())
	}
	if r.Cases < *cases && len(r.Failures) == 0 {
		t.Errorf("%d cases of %d were run", r.Cases, *cases)
	}
}
