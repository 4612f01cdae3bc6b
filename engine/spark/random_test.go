package spark_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
	"github.com/bighead-ml/bighead/engine/spark"
)

var (
	seed  = flag.Uint64("seed", 0, "of the first random case; 0: 1, and of tiles one that is drawn")
	cases = flag.Int("cases", 32, "how many definitions are drawn")
	lots  = flag.Int("lots", 20, "of rows that each definition is asked about by one plan")
)

// seedOr is the seed that is asked for, or another; a test logs it.
func seedOr(other uint64) uint64 {
	if *seed != 0 {
		return *seed
	}
	return other
}

// TestRandomCases draws definitions, and lots of events and spines for each, and compares Spark with the oracle: 500 pairs at least.
func TestRandomCases(t *testing.T) {
	// The rows of sources stay uncounted: the judge of these cases does not ask. Twenty lots of rows stay in the query, for reading files is
	// planned too; one road has all in files.
	var engines []*spark.Engine
	var words []string
	add := func(word string, hot int64, settings map[string]string) {
		engines, words = append(engines, with(t, spark.Options{Stage: t.TempDir(), Parquet: parquet.Format{}, Settings: settings, Hot: hot, Inline: 1 << 20, Uncounted: true})), append(words, word)
	}
	add("quick settings, keys with more than two events by tiles", 2, quick)
	add("its own settings, all by tiles", -1, nil)
	add("no generated code", 0, map[string]string{"spark.sql.adaptive.enabled": "false", "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"})
	add("three partitions, no broadcast, all by tiles", -1, map[string]string{"spark.sql.shuffle.partitions": "3", "spark.sql.autoBroadcastJoinThreshold": "-1", "spark.sql.adaptive.enabled": "false"})
	engines, words = append(engines, inFiles(t)), append(words, "tables in files")
	road := random.Road{Name: "spark", Open: func(r *rand.Rand) (engine.Engine, string) {
		i := r.IntN(len(engines))
		return engines[i], words[i]
	}}
	first := seedOr(1) // a drawn one may take minutes longer
	t.Logf("seeds %d to %d", first, first+uint64(*cases)-1)
	r, err := random.Run(t.Context(), random.Options{Seed: first, Cases: *cases, Lots: *lots, Roads: []random.Road{road}, Whole: true, Workers: 2, Failures: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Error(f.String())
	}
	t.Logf("%d definitions, %d pairs of a definition and a lot compared in at least one row; %.0f %% of %d values are not empty", r.Answered, r.Pairs, 100*r.Stats.Share(), r.Stats["values"])
	switch {
	case len(r.Failures) > 0:
	case r.Cases < *cases:
		t.Errorf("%d cases of %d were run", r.Cases, *cases)
	case *cases >= 32 && *lots >= 20 && r.Pairs < 500:
		t.Errorf("%d pairs were compared, 500 are promised", r.Pairs)
	}
}
