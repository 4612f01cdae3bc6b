package datasettest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// expected is the first line of a fixture's NDJSON (see make.py).
type expected struct {
	Types    json.RawMessage  `json:"types"`
	LeftOut  []string         `json:"left_out"`
	Warnings []string         `json:"warnings"`
	Lost     map[string]int64 `json:"lost"`
	schema   value.Schema
	rows     [][]value.Value
}

func readExpected(t *testing.T, path string) (e expected) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.UseNumber()
		if e.schema == nil {
			if err := d.Decode(&e); err != nil {
				t.Fatal(err)
			}
			e.schema = types(t, e.Types)
			continue
		}
		var cells []any
		if err := d.Decode(&cells); err != nil {
			t.Fatal(err)
		}
		row := make([]value.Value, len(cells))
		for i, x := range cells {
			if row[i], err = value.FromJSON(e.schema[i].Type, x); err != nil {
				t.Fatal(err)
			}
		}
		e.rows = append(e.rows, row)
	}
	return e
}

// types reads an object of types in its order.
func types(t *testing.T, raw json.RawMessage) value.Schema {
	d := json.NewDecoder(bytes.NewReader(raw))
	var words []string
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		if s, ok := token.(string); ok {
			words = append(words, s)
		}
	}
	var s value.Schema
	for i := 0; i < len(words); i += 2 {
		typ, err := value.ParseType(words[i+1])
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, value.Field{Name: words[i], Type: typ})
	}
	return s
}

// Fixtures reads files of other writers, of which there must be so many, and holds them against what make.py says is in them.
func Fixtures(t *testing.T, formats []dataset.Format, pattern string, atLeast int) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) < atLeast {
		t.Fatalf("%d fixtures, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want := readExpected(t, strings.TrimSuffix(path, ".parquet")+".ndjson")
			table, err := dataset.Open(t.Context(), formats, path, dataset.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(table.Schema()); got != fmt.Sprint(want.schema) {
				t.Fatalf("schema %s\nwant   %s", got, want.schema)
			}
			var leftOut, warned []string
			for _, w := range table.Warnings() {
				if w.LeftOut {
					leftOut = append(leftOut, w.Column)
				} else {
					warned = append(warned, w.Column)
				}
			}
			if !slices.Equal(leftOut, want.LeftOut) || !slices.Equal(warned, want.Warnings) {
				t.Errorf("left out %v, want %v; warnings %v, want %v", leftOut, want.LeftOut, warned, want.Warnings)
			}
			for _, scan := range []dataset.Scan{{}, {BatchRows: 7, Parallel: 3}, {BatchRows: 1, Parallel: 1}} {
				compare(t, table, scan, want)
			}
			bounded(t, table, want.rows)
		})
	}
}

func compare(t *testing.T, table dataset.Table, scan dataset.Scan, want expected) {
	t.Helper()
	rows, counts, err := Drain(t.Context(), table, scan)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(want.rows) {
		t.Fatalf("%d rows, want %d", len(rows), len(want.rows))
	}
	for i, row := range rows {
		for j, v := range row {
			if !value.Equal(v, want.rows[i][j]) {
				t.Fatalf("row %d, %s is %s, want %s", i, want.schema[j].Name, v, want.rows[i][j])
			}
		}
	}
	lost := map[string]int64{}
	for cause, n := range counts.Nulled {
		lost[cause.Column+": "+string(cause.Reason)] = n
	}
	if fmt.Sprint(lost) != fmt.Sprint(want.Lost) {
		t.Errorf("lost %v, want %v", lost, want.Lost)
	}
}

// bounded holds the footer's statistics against the rows.
func bounded(t *testing.T, table dataset.Table, rows [][]value.Value) {
	t.Helper()
	for j, f := range table.Schema() {
		b := table.Parts()[0].Bounds[f.Name]
		for i, row := range rows {
			if v := row[j]; !v.IsNull() && (!b.Min.IsNull() && value.Compare(v, b.Min) < 0 || !b.Max.IsNull() && value.Compare(v, b.Max) > 0) {
				t.Errorf("row %d: %s = %s lies outside [%s, %s]", i, f.Name, v, b.Min, b.Max)
			}
		}
	}
}
