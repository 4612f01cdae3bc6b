package spark_test

import (
	"os"
	"testing"

	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/spark"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// onSpark is the engine on the test binary's Spark.
func onSpark(t testing.TB) *spark.Engine {
	t.Helper()
	e := spark.New(spark.Options{Connect: server.SparkURL(t), Stage: t.TempDir(), Parquet: parquet.Format{}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close the engine: %v", err)
		}
	})
	return e
}
