package jsonrows

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// Options say how strictly objects are read. The zero value reads as files are read.
type Options struct {
	// TimeUnits are the units of columns of times whose values are integers, as in dataset.Options.
	TimeUnits map[string]string
	// Strict takes RFC 3339 alone as a time in a string; otherwise also without a zone (UTC), and a date (its midnight).
	Strict bool
	// Personal columns' values are never printed in errors.
	Personal []string
	// Unknown is asked about a key that is no column, "a.b" for one within a struct: nil lets the value be, an error refuses the object and is
	// returned as it is. A nil Unknown lets all be.
	Unknown func(key string) error
}

// Malformed says that a text is not one JSON object.
type Malformed struct {
	At  int // index of the byte
	Err error
}

func (e *Malformed) Error() string {
	return fmt.Sprintf("not a JSON object: %v (byte %d)", e.Err, e.At+1)
}

// Unwrap gives what is wrong.
func (e *Malformed) Unwrap() error { return e.Err }

// BadCell says that a value is not of its column's type.
type BadCell struct {
	Column string
	Within string // path to the value where it is within a list, map or struct: ".price", ".items[]"
	Type   value.Type
	At     int    // index of the value's first byte
	Shown  string // the value, cut; "a value" where the column is personal
	Cure   string
}

func (e *BadCell) Error() string {
	return fmt.Sprintf("column %q: %s is not %s; %s", e.Column+e.Within, e.Shown, value.An(e.Type.String()), e.Cure)
}

// Decoder makes batches of objects. It is for one goroutine.
type Decoder struct {
	schema  value.Schema
	options Options
	cells   []*cell.Builder
	index   map[string]int
	next    int // the column whose key is expected next, by the last one's
	rows    int
	scan    scanner
	read    int // columns that this object had
	nested  nested
}

// NewDecoder makes a decoder for rows of the schema.
func NewDecoder(schema value.Schema, o Options) *Decoder {
	d := &Decoder{schema: schema, options: o, index: make(map[string]int, len(schema))}
	for i, f := range schema {
		d.cells = append(d.cells, cell.New(f, dataset.UnitOf(o.TimeUnits[f.Name])))
		d.index[f.Name] = i
	}
	d.nested.strict, d.nested.unknown = o.Strict, o.Unknown
	return d
}

// Begin starts a batch of at most so many rows.
func (d *Decoder) Begin(rows int) {
	d.rows = 0
	for _, b := range d.cells {
		b.Begin(rows)
	}
}

// Rows is how many rows were added since Begin.
func (d *Decoder) Rows() int { return d.rows }

// Finish gives the rows since Begin, none or more, and adds what became null to counts.
func (d *Decoder) Finish(counts *dataset.Counts) *value.Batch {
	b := &value.Batch{Schema: d.schema, N: d.rows, Columns: make([]*value.Column, len(d.cells))}
	for i, c := range d.cells {
		b.Columns[i] = c.Finish(counts)
	}
	return b
}

// Add adds a row: the one object that the text is. An error leaves the batch as it was. The text is not kept.
func (d *Decoder) Add(text []byte) error {
	d.scan = scanner{b: text}
	d.read, d.next, d.nested.slots, d.nested.bad = 0, 0, slotsOf(text), nil
	if err := d.object(); err != nil {
		for _, b := range d.cells {
			b.Undo(d.rows)
		}
		return err
	}
	d.endRow()
	return nil
}

// AddNulls adds a row of nulls.
func (d *Decoder) AddNulls() {
	d.read = 0
	d.endRow()
}

func (d *Decoder) endRow() {
	if d.read < len(d.cells) {
		for _, b := range d.cells {
			if b.Len() == d.rows {
				b.Null()
			}
		}
	}
	d.rows++
}

func (d *Decoder) object() error {
	s := &d.scan
	if err := s.expect('{'); err != nil {
		return &Malformed{s.i, err}
	}
	if s.peek() == '}' {
		s.i++
		return d.end()
	}
	for {
		if err := d.entry(); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.i++
			continue
		}
		if err := s.expect('}'); err != nil {
			return &Malformed{s.i, err}
		}
		return d.end()
	}
}

// end sees to it that nothing follows the object.
func (d *Decoder) end() error {
	s := &d.scan
	if s.space(); s.i < len(s.b) {
		return &Malformed{s.i, errors.New("text after the object")}
	}
	return nil
}

// entry reads a key and its value.
func (d *Decoder) entry() error {
	s := &d.scan
	key, err := s.key()
	if err != nil {
		return &Malformed{s.i, err}
	}
	i := d.column(key)
	if i < 0 {
		return d.unknown(key)
	}
	b := d.cells[i]
	if b.Len() > d.rows {
		return &Malformed{s.i, fmt.Errorf("key %q stands twice", key)}
	}
	d.next = i + 1
	d.read++
	s.space()
	from := s.i
	switch err := d.value(b); {
	case err == nil:
		return nil
	case errors.Is(err, cell.ErrType):
		return d.badCell(b, from)
	default:
		var refused *refusal
		if errors.As(err, &refused) {
			return refused.err
		}
		return &Malformed{s.i, err}
	}
}

// column finds a key's column, −1: none. Objects of one writer have their keys in one order.
func (d *Decoder) column(key []byte) int {
	if d.next < len(d.schema) && d.schema[d.next].Name == string(key) {
		return d.next
	}
	if i, ok := d.index[string(key)]; ok {
		return i
	}
	return -1
}

func (d *Decoder) unknown(key []byte) error {
	if d.options.Unknown != nil {
		if err := d.options.Unknown(string(key)); err != nil {
			return err
		}
	}
	if err := d.scan.skip(1); err != nil {
		return &Malformed{d.scan.i, err}
	}
	return nil
}

// value reads the next value into the column.
func (d *Decoder) value(b *cell.Builder) error {
	s := &d.scan
	kind, err := s.kind()
	if err != nil {
		return err
	}
	switch kind {
	case jString:
		text, err := s.string()
		if err != nil {
			return err
		}
		return d.text(b, text)
	case jArray, jObject:
		return d.nested.cell(s, b)
	}
	w, err := s.word()
	if err != nil {
		return err
	}
	switch kind {
	case jNull:
		b.Null()
		return nil
	case jBool:
		return b.Bool(w[0] == 't')
	}
	switch b.Type().Kind {
	case value.KindInt:
		return b.IntText(w)
	case value.KindFloat:
		return b.FloatText(w)
	case value.KindTimestamp:
		return b.TimeText(w)
	}
	return cell.ErrType
}

// text adds a value that is a string.
func (d *Decoder) text(b *cell.Builder, text []byte) error {
	switch b.Type().Kind {
	case value.KindTimestamp:
		if !d.options.Strict {
			return b.Text(text)
		}
		ms, ok := cell.ParseRFC3339(text)
		if !ok {
			return cell.ErrType
		}
		return b.Millis(ms)
	case value.KindString, value.KindDate, value.KindInt, value.KindBytes: // integers beyond 2^53 are often strings
		return b.Text(text)
	}
	return cell.ErrType
}

func (d *Decoder) badCell(b *cell.Builder, at int) error {
	e := &BadCell{Column: b.Name(), Type: b.Type(), Shown: "a value", Cure: "correct it (null is null), or declare the column as what it is"}
	if d.nested.bad != nil {
		e.Type, e.Within, at = *d.nested.bad, d.nested.within, d.nested.at
	}
	s := &scanner{b: d.scan.b, i: at}
	if err := s.skip(1); err != nil {
		return &Malformed{s.i, err}
	}
	text := s.b[at:s.i]
	if e.At = at; e.Type.Kind == value.KindTimestamp && text[0] != '"' {
		e.Cure = `numbers as times need a unit: time_unit="s", "ms", "us" or "ns"`
		if b.Unit() != 0 {
			e.Cure = "a number that is a time is an integer"
		}
	}
	if !slices.Contains(d.options.Personal, b.Name()) {
		e.Shown = fmt.Sprintf("%q", text[:min(len(text), 40)])
		if len(text) > 40 {
			e.Shown += "…"
		}
	}
	return e
}

// Elements hands each element of an array to visit, as text without the space around it; the first error ends the walk.
func Elements(array []byte, visit func(element []byte) error) error {
	s := &scanner{b: array}
	var refused error
	err := s.array(0, func() error {
		s.space()
		from := s.i
		if err := s.skip(1); err != nil {
			return err
		}
		refused = visit(s.b[from:s.i])
		return refused
	})
	if s.space(); err == nil && s.i < len(s.b) {
		err = errors.New("text after the array")
	}
	if err != nil && refused == nil {
		return fmt.Errorf("not a JSON array: %w (byte %d)", err, s.i+1)
	}
	return err
}
