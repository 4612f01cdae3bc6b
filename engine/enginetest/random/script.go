package random

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/value"
)

// Script writes a case as a `.feat` script with the oracle's answer, under comments.
func (c *Case) Script(ctx context.Context, comments ...string) (string, error) {
	k, err := c.compile()
	if err != nil {
		return "", err
	}
	shown := len(k.plan.Output)
	j, err := c.judge(ctx, k)
	var b strings.Builder
	for _, line := range comments {
		fmt.Fprintf(&b, "# %s\n", line)
	}
	b.WriteString("define\n")
	for _, line := range strings.Split(strings.TrimSuffix(Python(c.Defs), "\n"), "\n") {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	for i := range c.Defs.Sources {
		name := c.Defs.Sources[i].Name.Value
		for _, part := range c.Tables[name].Parts {
			load(&b, name, c.Tables[name].Schema, part)
		}
	}
	fmt.Fprintf(&b, "\neval %s %s\n", c.Kind, c.Name)
	if c.Spine != nil {
		for _, part := range c.Spine.Parts {
			table(&b, c.Spine.Schema, part.Rows)
		}
	}
	b.WriteString("----\n")
	if err != nil {
		fmt.Fprintf(&b, "error: %s\n", err)
		return b.String(), nil
	}
	rows := make([][]value.Value, len(j.Want.Rows))
	for i, row := range j.Want.Rows {
		rows[i] = row[:shown]
	}
	table(&b, j.Want.Schema[:shown], rows)
	return b.String(), nil
}

// load writes a part, without columns that are null in all its rows; the first is kept, for a table has one.
func load(b *strings.Builder, name string, schema value.Schema, part enginetest.Part) {
	fmt.Fprintf(b, "\nload %s", name)
	for column, v := range part.Partition {
		if v.IsNull() { // no partition that a script could name; its rows have a null cell
			continue
		}
		fmt.Fprintf(b, " %s=%s", column, script.FormatCell(v))
	}
	b.WriteString("\n")
	var keep []int
	for i, f := range schema {
		v, fixed := part.Partition[f.Name]
		if fixed && !v.IsNull() {
			continue
		}
		if len(keep) == 0 || slices.ContainsFunc(part.Rows, func(row []value.Value) bool { return !row[i].IsNull() }) {
			keep = append(keep, i)
		}
	}
	var shown value.Schema
	for _, i := range keep {
		shown = append(shown, schema[i])
	}
	rows := make([][]value.Value, len(part.Rows))
	for n, row := range part.Rows {
		for _, i := range keep {
			rows[n] = append(rows[n], row[i])
		}
	}
	table(b, shown, rows)
}

func table(b *strings.Builder, schema value.Schema, rows [][]value.Value) {
	header := make([]string, len(schema))
	for i, f := range schema {
		header[i] = script.FormatHeader(f.Name)
	}
	cells := make([][]string, len(rows))
	for n, row := range rows {
		for _, v := range row {
			cells[n] = append(cells[n], script.FormatCell(v))
		}
	}
	for _, line := range script.FormatTable(header, cells) {
		fmt.Fprintf(b, "    %s\n", line)
	}
}
