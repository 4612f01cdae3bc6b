package spark_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

const corpus = "../enginetest/testdata"

var shape = flag.String("shape", "", "pairs or tiles: the whole corpus in one shape (default: every second script in the other)")

// TestCorpus runs every script on Spark, every second one by tiles; either shape can do all of them.
func TestCorpus(t *testing.T) {
	roads := []*spark.Engine{onSpark(t, quick, false), with(t, spark.Options{Stage: t.TempDir(), Parquet: parquet.Format{}, Settings: quick, Hot: -1})}
	folders, err := os.ReadDir(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			t.Parallel() // planning a query takes longer than running it, and takes one core
			parts := make([][]enginetest.Source, len(roads))
			for i, s := range scripts(t, filepath.Join(corpus, folder.Name())) {
				switch *shape {
				case "pairs":
					i = 0
				case "tiles":
					i = 1
				}
				parts[i%2] = append(parts[i%2], s)
			}
			for i, sources := range parts {
				suite := &enginetest.Suite{Roads: []engine.Engine{roads[i]}, Root: corpus, Record: record}
				res, err := suite.Run(t.Context(), sources)
				if err != nil {
					t.Fatal(err)
				}
				if res.Failed() > 0 {
					var b strings.Builder
					_ = res.Write(&b)
					t.Errorf("%s: %d of %d scripts\n%s", []string{"pairs", "tiles"}[i], res.Failed(), len(sources), &b)
				}
			}
		})
	}
}

func record(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
	return project.RecordUnits(ctx, project.Python{Timeout: 10 * time.Minute}, units)
}

// scripts are those of a folder, by path.
func scripts(t testing.TB, folder string) []enginetest.Source {
	t.Helper()
	out, err := enginetest.Scripts(folder)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
