package dataset

import (
	"context"

	"github.com/bighead-ml/bighead/value"
)

// Memory makes a table of batches, each of the schema, which must not be written to afterwards. It is one part with a group for each
// batch that has rows; counts of bytes are 0.
func Memory(schema value.Schema, batches ...*value.Batch) Table {
	f := &memoryFile{schema: schema}
	rows := int64(0)
	for _, b := range batches {
		if b.N > 0 {
			f.batches = append(f.batches, b)
			rows += int64(b.N)
		}
	}
	return &table{schema: schema, files: []File{f}, parts: []Part{{Path: "memory", Rows: rows}}, hive: partitions{rows: [][]value.Value{nil}}}
}

type memoryFile struct {
	schema  value.Schema
	batches []*value.Batch
}

func (f *memoryFile) Schema() value.Schema { return f.schema }
func (f *memoryFile) Warnings() []Warning  { return nil }
func (f *memoryFile) Metadata() Metadata   { return Metadata{} }

func (f *memoryFile) Groups() []Group {
	out := make([]Group, len(f.batches))
	for i, b := range f.batches {
		out[i].Rows = int64(b.N)
	}
	return out
}

func (f *memoryFile) Read(ctx context.Context, group int, columns []int, n int, _ *Counts, emit func(*value.Batch) error) error {
	b := f.batches[group]
	for from := 0; from < b.N; from += n {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(from+n, b.N)
		out := &value.Batch{N: to - from, Schema: make(value.Schema, len(columns)), Columns: make([]*value.Column, len(columns))}
		for i, c := range columns {
			out.Schema[i], out.Columns[i] = f.schema[c], cut(b.Columns[c], from, to)
		}
		if err := emit(out); err != nil {
			return err
		}
	}
	return nil
}

// cut is rows [from, to) of a column.
func cut(c *value.Column, from, to int) *value.Column {
	if from == 0 && to == c.N {
		return c
	}
	rows := make([]int32, to-from)
	for i := range rows {
		rows[i] = int32(from + i)
	}
	return c.Take(rows)
}
