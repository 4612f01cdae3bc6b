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
func onSpark(t testing.TB, settings map[string]string) *spark.Engine {
	t.Helper()
	e := spark.New(spark.Options{Connect: server.SparkURL(t), Stage: t.TempDir(), Parquet: parquet.Format{}, Settings: settings})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	return e
}
