package arrow_test

import (
	"testing"

	"github.com/bighead-ml/bighead/dataset/arrow"
	"github.com/bighead-ml/bighead/dataset/datasettest"
)

func TestContract(t *testing.T) {
	(&datasettest.Suite{Format: arrow.Format{}, Typed: true, Compressions: []string{"zstd", "lz4", "none"}}).Run(t)
}

func TestStreamContract(t *testing.T) {
	(&datasettest.Suite{Format: arrow.Stream{}, Typed: true, Compressions: []string{"zstd"}}).Run(t)
}
