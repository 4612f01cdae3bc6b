package connect

import (
	"bytes"
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bighead-ml/bighead/value"
)

// Result is the rows of a query.
type Result struct {
	Schema value.Schema
	// Native is each column's type as Arrow calls it: Schema does not tell an int32 from an int64, nor a decimal from a double.
	Native []string
	Rows   [][]value.Value
	// Altered says which cells did not meet the value rules of the contract and were made to: NaN, infinities and invalid
	// UTF-8 became null, −0.0 became 0.0. SQL that prints the contract leaves none.
	Altered []Cell
}

// Cell is a position in a result, from 0.
type Cell struct{ Row, Column int }

// Query runs a query and returns all of its rows.
func (s *Session) Query(ctx context.Context, sql string) (Result, error) {
	var res Result
	err := s.Records(ctx, sql, res.add)
	return res, err
}

// Results runs a query and hands its rows to yield as they come, a few at a time. An error of yield ends the query and is returned.
func (s *Session) Results(ctx context.Context, sql string, yield func(*Result) error) error {
	return s.Records(ctx, sql, func(rec arrow.RecordBatch) error {
		var res Result
		if err := res.add(rec); err != nil {
			return err
		}
		return yield(&res)
	})
}

// Records runs a query and hands each Arrow record to yield, which must not keep it. An error of yield ends the query and
// is returned.
func (s *Session) Records(ctx context.Context, sql string, yield func(arrow.RecordBatch) error) error {
	return s.batches(ctx, sql, func(stream []byte) error {
		r, err := ipc.NewReader(bytes.NewReader(stream))
		if err != nil {
			return fmt.Errorf("spark: read a batch of the result: %w", err)
		}
		defer r.Release()
		n := 0
		for ; r.Next(); n++ {
			if err := yield(r.RecordBatch()); err != nil {
				return err
			}
		}
		if err := r.Err(); err != nil {
			return fmt.Errorf("spark: read a batch of the result: %w", err)
		}
		if n == 0 { // the stream of an empty result is a schema alone
			b := array.NewRecordBuilder(memory.DefaultAllocator, r.Schema())
			defer b.Release()
			empty := b.NewRecordBatch()
			defer empty.Release()
			return yield(empty)
		}
		return nil
	})
}
