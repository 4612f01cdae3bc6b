package text_test

import (
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/datasettest"
	"github.com/bighead-ml/bighead/dataset/text"
)

func TestContract(t *testing.T) {
	for _, f := range []dataset.Format{text.CSV{}, text.NDJSON{}} {
		t.Run(f.Name(), func(t *testing.T) {
			(&datasettest.Suite{Format: f, Compressions: []string{"gzip", "zstd"}}).Run(t)
		})
	}
}
