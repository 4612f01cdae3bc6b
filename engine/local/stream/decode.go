package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

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

// Decoded is rows of a source, and what was none.
type Decoded struct {
	Rows   *value.Batch
	Poison []Poison
}

// Decode reads a body of JSON as rows of a source: objects, one on a line, or an array of them. A column that is absent is null. known are
// fields that a row may have beside the source's columns, since other sources take it too. The error is of a body that is neither.
func Decode(def *feature.Source, body []byte, known map[string]bool) (*Decoded, error) {
	d := NewDecoder(def, known)
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	s := &scanner{b: body}
	if s.peek() != '[' {
		d.lines(body)
		return d.Take(), nil
	}
	number := 0
	err := s.elements('[', ']', 0, func() error {
		number++
		raw, err := s.skip(1)
		if err != nil {
			return err
		}
		d.Add(number, raw)
		return nil
	})
	if err == nil && s.peek() != 0 {
		err = errors.New("text after the array")
	}
	if err != nil {
		return nil, fmt.Errorf("element %d of the array: %w", max(number, 1), err)
	}
	return d.Take(), nil
}

func (d *Decoder) lines(body []byte) {
	for number := 1; len(body) > 0; number++ {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		body = rest
		if len(bytes.TrimSpace(line)) > 0 {
			d.Add(number, line)
		}
	}
}

// Decoder makes rows of a source's columns from JSON objects, for one goroutine.
type Decoder struct {
	schema value.Schema
	known  map[string]bool
	places map[string]int
	n      int
	cols   []*value.Column
	seen   []int // by column: the row that had it last, from 1
	poison []Poison
	guess  int // the column that the next field may be
}

// NewDecoder makes a decoder; known as for Decode.
func NewDecoder(def *feature.Source, known map[string]bool) *Decoder {
	d := &Decoder{schema: def.Schema, known: known, places: map[string]int{}, seen: make([]int, len(def.Schema))}
	for i, f := range def.Schema {
		d.places[f.Name] = i
	}
	d.begin()
	return d
}

// Len is how many rows there are so far.
func (d *Decoder) Len() int { return d.n }

func (d *Decoder) begin() {
	d.n, d.poison, d.cols = 0, nil, make([]*value.Column, len(d.schema))
	for i, f := range d.schema {
		d.cols[i] = &value.Column{Type: f.Type}
	}
	clear(d.seen)
}

// Take gives the rows so far, and begins anew.
func (d *Decoder) Take() *Decoded {
	out := &Decoded{Rows: &value.Batch{Schema: d.schema, Columns: d.cols, N: d.n}, Poison: d.poison}
	for _, c := range d.cols {
		cut(c, d.n)
	}
	d.begin()
	return out
}

// cut leaves the first n cells of a column: a row that was refused may have left more.
func cut(c *value.Column, n int) {
	c.N = n
	switch c.Type.Kind {
	case value.KindBool:
		c.Bools = c.Bools[:n]
	case value.KindInt, value.KindTimestamp, value.KindDate:
		c.Ints = c.Ints[:n]
	case value.KindFloat:
		c.Floats = c.Floats[:n]
	case value.KindString, value.KindBytes:
		c.Strs = c.Strs[:n]
	default:
		c.Values = c.Values[:n]
	}
	if c.Nulls != nil {
		c.Nulls = c.Nulls[:min(len(c.Nulls), (n+63)/64)]
		for len(c.Nulls) < (n+63)/64 {
			c.Nulls = append(c.Nulls, 0)
		}
		if tail := n & 63; tail != 0 {
			c.Nulls[len(c.Nulls)-1] &= 1<<tail - 1
		}
	}
}

// Add takes in one JSON object, or notes why it is no row.
func (d *Decoder) Add(line int, raw []byte) {
	if err := d.row(raw); err != nil {
		d.poison = append(d.poison, Poison{line, err.Error(), bytes.Clone(raw)})
		for i, s := range d.seen { // what it had set is set anew by the next
			if s > d.n {
				d.seen[i] = 0
			}
		}
		return
	}
	d.n++
}

func (d *Decoder) row(raw []byte) error {
	if len(raw) > longestRow {
		return fmt.Errorf("a row of %d bytes, and %d are the most", len(raw), longestRow)
	}
	if !utf8.Valid(raw) {
		return errors.New("no UTF-8")
	}
	s := &scanner{b: raw}
	if s.peek() != '{' {
		return errors.New("no JSON object")
	}
	for _, c := range d.cols {
		room(c, d.n)
	}
	d.guess = 0
	err := s.object(0, func(key []byte) error { return d.field(s, key) })
	if err == nil && s.peek() != 0 {
		err = errors.New("text after the object")
	}
	if err != nil {
		return err
	}
	for i := range d.cols {
		if d.seen[i] != d.n+1 {
			d.null(i)
		}
	}
	return nil
}

func (d *Decoder) field(s *scanner, key []byte) error {
	i := d.guess
	if i >= len(d.schema) || d.schema[i].Name != string(key) {
		var ok bool
		if i, ok = d.places[string(key)]; !ok {
			return d.stranger(s, string(key))
		}
	}
	d.guess = i + 1
	if d.seen[i] == d.n+1 {
		return fmt.Errorf("field %q stands twice", key)
	}
	d.seen[i] = d.n + 1
	from := s.i
	err := d.cell(s, i)
	if errors.Is(err, errType) {
		return fmt.Errorf("field %q: %s is not a %s%s", key, shown(s.b[from:s.i]), d.schema[i].Type, cures[d.schema[i].Type.Kind])
	}
	return err
}

// stranger passes over a field that another source takes, and refuses others.
func (d *Decoder) stranger(s *scanner, key string) error {
	if d.known[key] {
		_, err := s.skip(1)
		return err
	}
	names := d.schema.Names()
	slices.Sort(names)
	if near := expr.Nearest(key, names); len(near) > 0 {
		return fmt.Errorf("unknown field %q; did you mean %q?", key, near[0])
	}
	return fmt.Errorf("unknown field %q", key)
}

// errType says that a value is not of its column's type.
var errType = errors.New("type")

// cures say how a type is written where that is not plain.
var cures = map[value.Kind]string{
	value.KindInt:       ": write a whole number of 64 bits, as a string where it is beyond 2^53",
	value.KindTimestamp: `: write RFC 3339, such as "2024-01-31T06:00:00Z", or whole milliseconds since 1970`,
	value.KindDate:      `: write "2024-01-31"`,
	value.KindBytes:     ": write base64",
}

func shown(raw []byte) string {
	if len(raw) > 60 {
		return string(raw[:60]) + "…"
	}
	return string(raw)
}

// room makes place for cell n.
func room(c *value.Column, n int) {
	switch c.Type.Kind {
	case value.KindBool:
		c.Bools = grown(c.Bools, n)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		c.Ints = grown(c.Ints, n)
	case value.KindFloat:
		c.Floats = grown(c.Floats, n)
	case value.KindString, value.KindBytes:
		c.Strs = grown(c.Strs, n)
	default:
		c.Values = grown(c.Values, n)
	}
	for c.Nulls != nil && len(c.Nulls) <= n>>6 {
		c.Nulls = append(c.Nulls, 0)
	}
	if c.Nulls != nil {
		c.Nulls.Clear(n)
	}
}

func grown[T any](cells []T, n int) []T {
	if len(cells) > n {
		return cells
	}
	var none T
	return append(cells, none)
}

func (d *Decoder) null(i int) {
	c := d.cols[i]
	for len(c.Nulls) <= d.n>>6 {
		c.Nulls = append(c.Nulls, 0)
	}
	c.Nulls.Set(d.n)
}

// cell reads the next value into column i of the row.
func (d *Decoder) cell(s *scanner, i int) error {
	c, n := d.cols[i], d.n
	switch first := s.peek(); first {
	case '"':
		text, err := s.text()
		if err != nil {
			return err
		}
		return d.textual(i, text)
	case '{', '[':
		raw, err := s.skip(1)
		if err != nil {
			return err
		}
		return d.nested(i, raw)
	}
	w, err := s.word()
	if err != nil {
		return err
	}
	switch {
	case string(w) == "null":
		d.null(i)
		return nil
	case w[0] == 't' || w[0] == 'f':
		if c.Type.Kind != value.KindBool {
			return errType
		}
		c.Bools[n] = w[0] == 't'
		return nil
	}
	switch c.Type.Kind {
	case value.KindInt:
		return whole(&c.Ints[n], w)
	case value.KindTimestamp:
		if err := whole(&c.Ints[n], w); err != nil || value.OfTimestamp(c.Ints[n]).IsNull() {
			return errType
		}
		return nil
	case value.KindFloat:
		f, err := strconv.ParseFloat(string(w), 64)
		if err != nil {
			return errType
		}
		c.Floats[n], _ = value.Finite(f)
		return nil
	}
	return errType
}

func whole(to *int64, w []byte) error {
	i, err := strconv.ParseInt(string(w), 10, 64)
	if err != nil {
		return errType
	}
	*to = i
	return nil
}

// textual reads a string: a text, and what JSON has no form of its own for.
func (d *Decoder) textual(i int, text []byte) error {
	c, n := d.cols[i], d.n
	switch k := c.Type.Kind; k {
	case value.KindString:
		c.Strs[n] = string(text)
	case value.KindInt:
		return whole(&c.Ints[n], text)
	case value.KindFloat, value.KindTimestamp, value.KindDate, value.KindBytes:
		if k == value.KindFloat && !slices.Contains([]string{"NaN", "Infinity", "-Infinity"}, string(text)) {
			return errType // V2: null
		}
		v, err := value.Parse(c.Type, string(text))
		if err != nil {
			return errType
		}
		if v.IsNull() {
			d.null(i)
			return nil
		}
		c.Set(n, v)
	default:
		return errType
	}
	return nil
}

func (d *Decoder) nested(i int, raw []byte) error {
	c := d.cols[i]
	switch c.Type.Kind {
	case value.KindList, value.KindMap, value.KindStruct:
	default:
		return errType
	}
	j := json.NewDecoder(bytes.NewReader(raw))
	j.UseNumber()
	var x any
	if err := j.Decode(&x); err != nil {
		return errType
	}
	v, err := value.FromJSON(c.Type, x)
	if err != nil {
		return fmt.Errorf("field %q: %w", d.schema[i].Name, err)
	}
	c.Values[d.n] = v
	return nil
}
