package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/bighead-ml/bighead/value"
)

// writeRows prints rows for a reader, or as {"columns": […], "rows": [[…]]} for a program.
func (c *cli) writeRows(b *value.Batch) error {
	if !c.json {
		return writeTable(c.stdout, b)
	}
	type column struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	out := struct {
		Columns []column            `json:"columns"`
		Rows    [][]json.RawMessage `json:"rows"`
	}{Columns: []column{}, Rows: [][]json.RawMessage{}}
	for _, f := range b.Schema {
		out.Columns = append(out.Columns, column{f.Name, f.Type.String()})
	}
	for i := range b.N {
		row := make([]json.RawMessage, len(b.Columns))
		for j, v := range b.Row(i) {
			row[j] = value.AppendJSON(nil, v)
		}
		out.Rows = append(out.Rows, row)
	}
	return json.NewEncoder(c.stdout).Encode(out)
}

// writeTable prints rows as wide as the terminal is. Where the columns do not fit, they go down the page instead, a row beside the
// other: features have long names and short values.
func writeTable(w io.Writer, b *value.Batch) error {
	t := batchTable(b, b.N)
	if t.width() <= screenWidth(w) {
		return t.print(w)
	}
	return t.turned(screenWidth(w)).print(w)
}

// plainWidth is how wide a page is that is no terminal.
const plainWidth = 160

func screenWidth(w io.Writer) int {
	if fd, ok := descriptor(w); ok {
		if width, _, err := term.GetSize(fd); err == nil && width > 0 {
			return width
		}
	}
	return plainWidth
}

// turned is the table with its columns as rows, and as many of its rows beside each other as fit.
func (t *table) turned(width int) *table {
	out := newTable("")
	names := 0
	for _, h := range t.head {
		names = max(names, len([]rune(h)))
	}
	left := width - names
	for i, row := range t.rows {
		cell := len(fmt.Sprint("row ", i))
		for _, c := range row {
			cell = max(cell, len([]rune(c)))
		}
		if left -= cell + 2; left < 0 && i > 0 {
			break
		}
		out.head = append(out.head, fmt.Sprint("row ", i))
		out.right = append(out.right, true)
	}
	for j, h := range t.head {
		cells := []string{h}
		for i := range len(out.head) - 1 {
			cells = append(cells, t.rows[i][j])
		}
		out.add(cells...)
	}
	return out
}

func (t *table) width() int {
	total := 0
	for j, h := range t.head {
		w := len([]rune(h))
		for _, row := range t.rows {
			w = max(w, len([]rune(row[j])))
		}
		total += w + 2
	}
	return total - 2
}

// joined makes one batch of several, at most limit rows.
func joined(schema value.Schema, batches []*value.Batch, limit int) *value.Batch {
	var rows [][]value.Value
	for _, b := range batches {
		for i := 0; i < b.N && len(rows) < limit; i++ {
			rows = append(rows, b.Row(i))
		}
	}
	return value.BatchOf(schema, rows)
}

// indentLines puts spaces before each line that has text.
func indentLines(s, by string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		if l = strings.TrimRight(l, " "); l != "" {
			l = by + l
		}
		lines[i] = l
	}
	return strings.Join(lines, "\n")
}
