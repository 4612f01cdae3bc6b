package parquet

import (
	"errors"
	"io"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

func (Format) Encode(io.Writer, value.Schema, dataset.Metadata, dataset.WriteOptions) (dataset.Encoder, error) {
	return nil, errors.New("writing Parquet comes next")
}
