package transform

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// ParseColumns reads columns as examples have them, "name type: cell | cell", all of one length.
func ParseColumns(lines []string) (*value.Batch, error) {
	b := &value.Batch{}
	for i, line := range lines {
		head, rest, ok := strings.Cut(line, ": ") // a struct's type has colons without a space behind
		name, typeText, named := strings.Cut(head, " ")
		if !ok || !named {
			return nil, fmt.Errorf("%q is not \"name type: cell | cell\"", line)
		}
		t, err := value.ParseType(typeText)
		if err != nil {
			return nil, err
		}
		var cells []value.Value
		for text := range strings.SplitSeq(rest, " | ") {
			v, err := value.Parse(t, text)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", name, err)
			}
			cells = append(cells, v)
		}
		if i > 0 && len(cells) != b.N {
			return nil, fmt.Errorf("column %s has %d cells, not %d", name, len(cells), b.N)
		}
		b.N = len(cells)
		b.Schema = append(b.Schema, value.Field{Name: name, Type: t})
		b.Columns = append(b.Columns, value.ColumnOf(t, cells))
	}
	return b, nil
}

// FormatColumns writes a batch as ParseColumns reads it.
func FormatColumns(b *value.Batch) []string {
	lines := make([]string, len(b.Schema))
	for j, f := range b.Schema {
		cells := make([]string, b.N)
		for i := range cells {
			cells[i] = b.Columns[j].At(i).String()
		}
		lines[j] = f.Name + " " + f.Type.String() + ": " + strings.Join(cells, " | ")
	}
	return lines
}

// RowsOf are batches in memory.
func RowsOf(batches ...*value.Batch) Rows {
	return func() iter.Seq2[*value.Batch, error] {
		return func(yield func(*value.Batch, error) bool) {
			for _, b := range batches {
				if !yield(b, nil) {
					return
				}
			}
		}
	}
}

// Run fits an example and applies it to its own rows, not out of fold.
func (k *Kind) Run(e Example) (*Pipeline, *value.Batch, error) {
	rows, err := ParseColumns(e.In)
	if err != nil {
		return nil, nil, err
	}
	in, target := rows.Schema, ""
	if k.Target {
		target = in[len(in)-1].Name
		in = in[:len(in)-1]
	}
	step := Step{Kind: k.Name, Columns: e.Columns, Args: json.RawMessage(e.Args)}
	if step.Columns == nil {
		step.Columns = in.Names()
	}
	p, err := Fit(context.Background(), in, []Step{step}, target, RowsOf(rows))
	if err != nil {
		return nil, nil, err
	}
	out, err := p.NewApplier().Apply(rows)
	return p, out, err
}
