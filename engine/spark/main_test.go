package spark_test

import (
	"os"
	"testing"

	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/spark"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// quick are settings for many small queries, whose plans cost more than their rows.
var quick = map[string]string{"spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "1"}

// onSpark is the engine on the test binary's Spark.
func onSpark(t testing.TB, settings map[string]string, uncounted bool) *spark.Engine {
	return with(t, spark.Options{Stage: t.TempDir(), Parquet: parquet.Format{}, Settings: settings, Uncounted: uncounted})
}

// inFiles is the engine that hands over every table in a file.
func inFiles(t testing.TB) *spark.Engine {
	return with(t, spark.Options{Stage: t.TempDir(), Parquet: parquet.Format{}, Settings: quick, Inline: -1, Uncounted: true})
}

func with(t testing.TB, o spark.Options) *spark.Engine {
	t.Helper()
	o.Connect = server.SparkURL(t)
	e := spark.New(o)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	return e
}
