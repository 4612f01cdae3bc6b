package dataset_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

func rows(t *testing.T, table dataset.Table, s dataset.Scan) [][]value.Value {
	t.Helper()
	r, err := table.Scan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out [][]value.Value
	for {
		b, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			out = append(out, b.Row(i))
		}
	}
}

func TestMemoryGivesRowsInOrderAtAnyParallelism(t *testing.T) {
	schema := value.Schema{{Name: "a", Type: value.Int}, {Name: "b", Type: value.String}}
	var batches []*value.Batch
	for i := range 50 {
		var rs [][]value.Value
		for j := range i % 7 {
			rs = append(rs, []value.Value{value.OfInt(int64(i*10 + j)), {}})
		}
		batches = append(batches, value.BatchOf(schema, rs))
	}
	table := dataset.Memory(schema, batches...)
	for _, s := range []dataset.Scan{{}, {Parallel: 1, BatchRows: 2}, {Parallel: 8, BatchRows: 1}} {
		got := rows(t, table, s)
		if int64(len(got)) != table.Parts()[0].Rows {
			t.Fatalf("%+v: %d rows of %d", s, len(got), table.Parts()[0].Rows)
		}
		for i := range got[1:] {
			if got[i][0].Int() >= got[i+1][0].Int() || !got[i][1].IsNull() {
				t.Fatalf("%+v: row %d is %v after %v", s, i+1, got[i+1], got[i])
			}
		}
	}
	if got := rows(t, table, dataset.Scan{Columns: []string{"b", "a"}}); got[0][0].Kind() != value.KindNull || got[0][1].Int() != 10 {
		t.Fatalf("columns in the order asked: %v", got[0])
	}
}

func TestReaderEndsWithItsContext(t *testing.T) {
	schema := value.Schema{{Name: "a", Type: value.Int}}
	batch := value.BatchOf(schema, [][]value.Value{{value.OfInt(1)}, {value.OfInt(2)}})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := dataset.Memory(schema, batch, batch).Scan(ctx, dataset.Scan{BatchRows: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("after the context: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}
