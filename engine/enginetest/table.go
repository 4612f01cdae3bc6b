package enginetest

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Part is some rows of a Table, which a file would hold.
type Part struct {
	Rows [][]value.Value
	// Partition is the values of partition columns, which every row of the part has; nil: none. The part exists though it has no rows.
	Partition map[string]value.Value
}

// Table is a table in memory for tests. Unlike dataset.Memory it can have several parts, and it takes a scan at its word: a part that
// lies outside the ranges is not read, so that a plan that asks for too little shows.
type Table struct {
	schema value.Schema
	rows   [][][]value.Value
	parts  []dataset.Part
}

// NewTable makes a table of parts whose rows are in the schema's order.
func NewTable(schema value.Schema, parts ...Part) *Table {
	t := &Table{schema: schema}
	for i, p := range parts {
		t.rows = append(t.rows, p.Rows)
		t.parts = append(t.parts, dataset.Part{Path: fmt.Sprintf("part %d", i), Rows: int64(len(p.Rows)), Partition: p.Partition, Bounds: bounds(schema, p.Rows)})
	}
	return t
}

// bounds are the exact limits of each column of an ordered type.
func bounds(schema value.Schema, rows [][]value.Value) map[string]dataset.Bounds {
	out := map[string]dataset.Bounds{}
	for i, f := range schema {
		if !f.Type.Ordered() {
			continue
		}
		b := dataset.Bounds{}
		for _, row := range rows {
			v := row[i]
			switch {
			case v.IsNull():
				b.Nulls++
				continue
			case b.Min.IsNull():
				b.Min, b.Max = v, v
			case value.Compare(v, b.Min) < 0:
				b.Min = v
			case value.Compare(v, b.Max) > 0:
				b.Max = v
			}
		}
		out[f.Name] = b
	}
	return out
}

// Schema is the columns.
func (t *Table) Schema() value.Schema { return t.schema }

// Warnings are none.
func (t *Table) Warnings() []dataset.Warning { return nil }

// Parts are those given, with the bounds of their columns.
func (t *Table) Parts() []dataset.Part { return t.parts }

// Scan reads the parts that the ranges do not exclude.
func (t *Table) Scan(_ context.Context, s dataset.Scan) (dataset.Reader, error) {
	r := &tableReader{table: t, part: -1, size: s.BatchRows}
	if r.size <= 0 {
		r.size = dataset.DefaultBatchRows
	}
	names := s.Columns
	if names == nil {
		names = t.schema.Names()
	}
	for _, n := range names {
		i := t.schema.Index(n)
		if i < 0 {
			return nil, fmt.Errorf("no column %q", n)
		}
		r.columns, r.schema = append(r.columns, i), append(r.schema, t.schema[i])
	}
	parts := s.Parts
	if parts == nil {
		for i := range t.parts {
			parts = append(parts, i)
		}
	}
	for _, p := range parts {
		if slices.ContainsFunc(s.Ranges, func(r dataset.Range) bool { return t.outside(p, r) }) {
			r.counts.PartsSkipped++
			continue
		}
		r.counts.Parts++
		for from := 0; from < len(t.rows[p]); from += r.size {
			r.left = append(r.left, stretch{p, from, min(from+r.size, len(t.rows[p]))})
		}
	}
	return r, nil
}

func (t *Table) outside(part int, r dataset.Range) bool {
	b, ok := t.parts[part].Bounds[r.Column]
	switch {
	case !ok:
		return false
	case b.Min.IsNull(): // no cell that is not null
		return true
	case !r.Min.IsNull() && value.Compare(b.Max, r.Min) < 0:
		return true
	}
	return !r.Max.IsNull() && value.Compare(b.Min, r.Max) > 0
}

// stretch is the rows [from, to) of a part, one batch.
type stretch struct{ part, from, to int }

type tableReader struct {
	table   *Table
	columns []int
	schema  value.Schema
	size    int
	left    []stretch
	part    int
	counts  dataset.Counts
}

func (r *tableReader) Next() (*value.Batch, error) {
	if len(r.left) == 0 {
		return nil, io.EOF
	}
	s := r.left[0]
	r.left, r.part = r.left[1:], s.part
	b := &value.Batch{Schema: r.schema, N: s.to - s.from, Columns: make([]*value.Column, len(r.columns))}
	for c, i := range r.columns {
		b.Columns[c] = value.NewColumn(r.schema[c].Type, b.N)
		for n, row := range r.table.rows[s.part][s.from:s.to] {
			b.Columns[c].Set(n, row[i])
		}
	}
	r.counts.Rows += int64(b.N)
	return b, nil
}

func (r *tableReader) Part() int              { return r.part }
func (r *tableReader) Counts() dataset.Counts { return r.counts }
func (r *tableReader) Close() error           { return nil }
