package dataset

import (
	"context"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// Fit gives a file the columns of a table that is described elsewhere: column i of the schema is the file's column at[i], or null in all rows
// where at[i] is −1, because the file is older than the column. Types must agree.
func Fit(f File, schema value.Schema, at []int) File {
	return &fitted{File: f, schema: schema, at: at}
}

type fitted struct {
	File
	schema value.Schema
	at     []int
}

func (f *fitted) Schema() value.Schema { return f.schema }

// mapped reports whether a column is called otherwise in the file, or is not there.
func (f *fitted) mapped() bool {
	inner := f.File.Schema()
	return slices.ContainsFunc(f.schema, func(c value.Field) bool {
		at := f.at[f.schema.Index(c.Name)]
		return at < 0 || inner[at].Name != c.Name
	})
}

// Warnings are those of the columns that are read, by their names in the table.
func (f *fitted) Warnings() []Warning {
	var out []Warning
	for _, w := range f.File.Warnings() {
		for i, at := range f.at {
			if at >= 0 && f.File.Schema()[at].Name == w.Column {
				w.Column = f.schema[i].Name
				out = append(out, w)
			}
		}
	}
	return out
}

func (f *fitted) Groups() []Group {
	groups := append([]Group{}, f.File.Groups()...)
	inner := f.File.Schema()
	for g := range groups {
		bounds := map[string]Bounds{}
		for i, field := range f.schema {
			if f.at[i] < 0 {
				bounds[field.Name] = Bounds{Nulls: groups[g].Rows}
			} else if b, ok := groups[g].Bounds[inner[f.at[i]].Name]; ok {
				bounds[field.Name] = b
			}
		}
		groups[g].Bounds = bounds
	}
	return groups
}

func (f *fitted) Read(ctx context.Context, group int, columns []int, n int, counts *Counts, emit func(*value.Batch) error) error {
	var inner []int
	schema := make(value.Schema, len(columns))
	for i, c := range columns {
		schema[i] = f.schema[c]
		if f.at[c] >= 0 {
			inner = append(inner, f.at[c])
		}
	}
	return f.File.Read(ctx, group, inner, n, counts, func(b *value.Batch) error {
		out := &value.Batch{Schema: schema, N: b.N, Columns: make([]*value.Column, len(columns))}
		next := 0
		for i, c := range columns {
			if f.at[c] < 0 {
				out.Columns[i] = nulls(schema[i].Type, b.N)
				continue
			}
			out.Columns[i] = b.Columns[next]
			next++
		}
		return emit(out)
	})
}

func nulls(t value.Type, n int) *value.Column {
	c := value.NewColumn(t, n)
	for i := range n {
		c.SetNull(i)
	}
	return c
}
