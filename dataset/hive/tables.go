package hive

import (
	"context"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Tables are a metastore's, by their names as definitions write them.
type Tables struct {
	*Metastore
	Parquet dataset.Format
}

// Schema is the columns of a table.
func (t Tables) Schema(ctx context.Context, table string, o dataset.Options) (value.Schema, []dataset.Warning, error) {
	p, err := ParsePlace(table)
	if err != nil {
		return nil, nil, err
	}
	return t.Metastore.Schema(ctx, p, o)
}

// Open is the rows of a table.
func (t Tables) Open(ctx context.Context, table string, o dataset.Options) (dataset.Table, error) {
	p, err := ParsePlace(table)
	if err != nil {
		return nil, err
	}
	return t.Metastore.Open(ctx, p, t.Parquet, o)
}
