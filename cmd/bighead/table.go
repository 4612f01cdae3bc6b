package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
)

// table prints rows under a head, columns aligned, numbers to the right.
type table struct {
	head  []string
	right []bool
	rows  [][]string
}

func newTable(head ...string) *table { return &table{head: head, right: make([]bool, len(head))} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) error {
	width := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, row := range append([][]string{t.head}, t.rows...) {
		var b strings.Builder
		for i, c := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i > 0 {
				b.WriteString("  ")
			}
			if t.right[i] {
				b.WriteString(pad + c)
			} else {
				b.WriteString(c + pad)
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// maxCell is how much of a list or a map a table shows.
const maxCell = 40

// batchTable shows rows of a batch.
func batchTable(b *value.Batch, rows int) *table {
	t := newTable(b.Schema.Names()...)
	for j, f := range b.Schema {
		t.right[j] = f.Type.Numeric()
	}
	for i := range min(rows, b.N) {
		cells := make([]string, len(b.Columns))
		for j, v := range b.Row(i) {
			cells[j] = cut(strings.ReplaceAll(v.String(), "\n", "\\n"), maxCell)
		}
		t.add(cells...)
	}
	return t
}

func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
