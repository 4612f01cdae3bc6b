package arrow_test

import (
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/arrow"
	"github.com/bighead-ml/bighead/dataset/datasettest"
)

var formats = []dataset.Format{arrow.Format{}, arrow.Stream{}}

func TestOtherWritersFiles(t *testing.T) {
	datasettest.Fixtures(t, formats, "testdata/*.arrow", 6)
	datasettest.Fixtures(t, formats, "testdata/*.arrows", 3)
}
