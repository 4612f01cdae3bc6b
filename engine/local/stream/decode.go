package stream

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/jsonrows"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// longestRow is how many bytes a row of JSON may have.
const longestRow = 1 << 20

// Poison is what could not be read as a row: where it stood, why, and what it was.
type Poison struct {
	Line     int
	Reason   string
	Original []byte
}

// Decoded is rows of a source, what was none, and what became null on reading (V5).
type Decoded struct {
	Rows   *value.Batch
	Poison []Poison
	Counts dataset.Counts
}

// Decode reads a body of JSON as rows of a source: objects, one on a line, or an array of them. A column that is absent is null; times are
// RFC 3339 or integer ms. others are fields that a row may have beside the source's columns, since other sources take it too; any other is
// refused. The error is of an array that is none.
func Decode(def *feature.Source, body []byte, others map[string]bool) (*Decoded, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	rows, err := rowsOf(body)
	if err != nil {
		return nil, err
	}
	o := jsonrows.Options{TimeUnits: map[string]string{}, Strict: true, Personal: def.PII, Unknown: stranger(def, others)}
	for _, f := range def.Schema {
		if f.Type.Kind == value.KindTimestamp {
			o.TimeUnits[f.Name] = "ms"
		}
	}
	d, out := jsonrows.NewDecoder(def.Schema, o), &Decoded{}
	d.Begin(len(rows))
	for _, r := range rows {
		err := error(nil)
		if len(r.text) > longestRow {
			err = fmt.Errorf("a row of %d bytes, and %d are the most", len(r.text), longestRow)
		} else {
			err = d.Add(r.text)
		}
		if err != nil {
			out.Poison = append(out.Poison, Poison{r.line, err.Error(), bytes.Clone(r.text)})
		}
	}
	out.Rows = d.Finish(&out.Counts)
	return out, nil
}

// rowText is what may be a row, and where it stands.
type rowText struct {
	line int
	text []byte
}

// rowsOf parts a body into its lines, or into the elements of the array that it is.
func rowsOf(body []byte) (out []rowText, err error) {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		err := jsonrows.Elements(trimmed, func(element []byte) error {
			out = append(out, rowText{len(out) + 1, element})
			return nil
		})
		return out, err
	}
	for number := 1; len(body) > 0; number++ {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		if body = rest; len(bytes.TrimSpace(line)) > 0 {
			out = append(out, rowText{number, bytes.TrimSuffix(line, []byte("\r"))})
		}
	}
	return out, nil
}

// stranger refuses fields that neither the source nor the others have.
func stranger(def *feature.Source, others map[string]bool) func(string) error {
	return func(key string) error {
		if others[key] {
			return nil
		}
		names := def.Schema.Names()
		slices.Sort(names)
		if near := expr.Nearest(key, names); len(near) > 0 {
			return fmt.Errorf("unknown field %q; did you mean %q?", key, near[0])
		}
		return fmt.Errorf("unknown field %q", key)
	}
}
