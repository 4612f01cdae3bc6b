package parquet_test

import (
	"testing"

	"github.com/bighead-ml/bighead/dataset/datasettest"
	"github.com/bighead-ml/bighead/dataset/parquet"
)

func TestContract(t *testing.T) {
	(&datasettest.Suite{Format: parquet.Format{}, Typed: true, Compressions: []string{"snappy", "gzip", "zstd", "none"}}).Run(t)
}
