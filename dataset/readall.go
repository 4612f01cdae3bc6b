package dataset

import (
	"context"
	"errors"
	"io"

	"github.com/bighead-ml/bighead/value"
)

// ReadAll reads a table whole into memory, in its order: for small ones, as tests have them.
func ReadAll(ctx context.Context, t Table) (rows [][]value.Value, err error) {
	r, err := t.Scan(ctx, Scan{Columns: t.Schema().Names()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		b, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range b.N {
			rows = append(rows, b.Row(i))
		}
	}
}
