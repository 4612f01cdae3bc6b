package cell

import (
	"encoding/base64"
	"errors"
	"slices"
	"unicode/utf8"
	"unsafe"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// ErrType says that a cell is not of its column's type.
var ErrType = errors.New("not of the column's type")

// reasons are those for which a cell becomes null, in the order of Builder.lost.
var reasons = [...]dataset.Reason{dataset.InvalidUTF8, dataset.Overflow, dataset.NonFinite, dataset.OutOfRange}

// Builder makes one column of a batch, cell by cell, and is then begun anew. Each adding method adds one cell or, with ErrType, none.
// Strings are gathered in one stretch of memory. It is for one goroutine.
type Builder struct {
	name string
	typ  value.Type
	unit dataset.Unit // of integers that are times; 0: none declared
	col  *value.Column
	n    int
	text []byte
	ends []int
	each int // bytes of text in a row, by the last batch

	lost, prior [len(reasons)]int64 // prior: before cell lostAt
	lostAt      int
}

// New makes a builder for columns of the field. The unit is that of integers in a column of times; 0: they are not of its type.
func New(f value.Field, unit dataset.Unit) *Builder {
	return &Builder{name: f.Name, typ: f.Type, unit: unit}
}

// Name is the column's.
func (b *Builder) Name() string { return b.name }

// Type is the column's.
func (b *Builder) Type() value.Type { return b.typ }

// Unit is what integers count where the column is of times; 0: none was declared.
func (b *Builder) Unit() dataset.Unit { return b.unit }

// Len is how many cells were added since Begin.
func (b *Builder) Len() int { return b.n }

// Begin starts a batch of at most so many rows.
func (b *Builder) Begin(rows int) {
	b.col, b.n, b.text, b.ends, b.lostAt = value.NewColumn(b.typ, rows), 0, nil, b.ends[:0], -1
	if b.each > 0 {
		b.text = make([]byte, 0, min(rows*b.each, mostAhead))
	}
}

// mostAhead is how much memory is taken at most for texts that have not come yet.
const mostAhead = 1 << 20

// Finish gives the column of the cells so far, and what was lost to counts.
func (b *Builder) Finish(counts *dataset.Counts) *value.Column {
	c := b.col
	c.N = b.n
	switch {
	case c.Bools != nil:
		c.Bools = c.Bools[:b.n]
	case c.Ints != nil:
		c.Ints = c.Ints[:b.n]
	case c.Floats != nil:
		c.Floats = c.Floats[:b.n]
	case c.Values != nil:
		c.Values = c.Values[:b.n]
	case c.Strs != nil:
		c.Strs = c.Strs[:b.n]
		b.each = (len(b.text) + max(b.n, 1) - 1) / max(b.n, 1)
		all := unsafe.String(unsafe.SliceData(b.text), len(b.text))
		from := 0
		for i, end := range b.ends {
			c.Strs[i] = all[from:end]
			from = end
		}
	}
	if c.Nulls != nil {
		c.Nulls = c.Nulls[:(b.n+63)/64]
	}
	for i, n := range b.lost {
		counts.Null(b.name, reasons[i], n)
	}
	b.lost, b.col = [len(reasons)]int64{}, nil
	return c
}

// Undo takes the last cell back where there are more than n, and what was counted for it.
func (b *Builder) Undo(n int) {
	if b.n <= n {
		if b.lostAt == b.n { // counted within a cell that was then given up
			b.lost, b.lostAt = b.prior, -1
		}
		return
	}
	b.n--
	if b.col.Nulls != nil && b.typ.Kind != value.KindNull {
		b.col.Nulls.Clear(b.n)
	}
	if b.lostAt == b.n {
		b.lost, b.lostAt = b.prior, -1
	}
	if b.col.Strs != nil {
		b.ends = b.ends[:b.n]
		end := 0
		if b.n > 0 {
			end = b.ends[b.n-1]
		}
		b.text = b.text[:end]
	}
}

// Null adds a null.
func (b *Builder) Null() {
	b.col.SetNull(b.n)
	b.next()
}

func (b *Builder) next() {
	if b.col.Strs != nil {
		b.ends = append(b.ends, len(b.text))
	}
	b.n++
}

// Lose adds a null for a value that cannot be kept, and counts it.
func (b *Builder) Lose(why dataset.Reason) error {
	b.LoseWithin(why)
	b.Null()
	return nil
}

// LoseWithin counts a value within the cell to come that became null there: an element of a list, a field of a struct.
func (b *Builder) LoseWithin(why dataset.Reason) {
	if b.lostAt != b.n {
		b.prior, b.lostAt = b.lost, b.n
	}
	b.lost[slices.Index(reasons[:], why)]++
}

// CSV adds the cell of a CSV file: empty is null, but of a column of texts where it was quoted.
func (b *Builder) CSV(text []byte, quoted bool) error {
	if len(text) == 0 && (!quoted || b.col.Strs == nil) {
		b.Null()
		return nil
	}
	if b.typ.Kind == value.KindTimestamp && b.unit != 0 {
		return b.TimeText(text)
	}
	return b.Text(text)
}

// Text adds a cell by its text: true and false in any case, decimal numbers, times and dates, base64 for bytes, JSON for lists, maps
// and structs.
func (b *Builder) Text(text []byte) error {
	switch b.typ.Kind {
	case value.KindString:
		return b.String(text)
	case value.KindBool:
		v, ok := ParseBool(text)
		if !ok {
			return ErrType
		}
		return b.Bool(v)
	case value.KindInt:
		return b.IntText(text)
	case value.KindFloat:
		return b.FloatText(text)
	case value.KindTimestamp:
		ms, ok := ParseStamp(text)
		if !ok {
			return ErrType
		}
		return b.Millis(ms)
	case value.KindDate:
		days, ok := ParseDay(text)
		if !ok {
			return ErrType
		}
		return b.Days(days)
	case value.KindBytes:
		raw, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return ErrType
		}
		return b.Bytes(raw)
	}
	v, err := value.Parse(b.typ, string(text))
	if err != nil {
		return ErrType
	}
	b.Value(v)
	return nil
}

// Value adds a value of the column's type, or null.
func (b *Builder) Value(v value.Value) {
	switch {
	case v.IsNull():
		b.col.SetNull(b.n)
	case b.col.Strs != nil:
		b.text = append(b.text, v.Str()...)
	default:
		b.col.Set(b.n, v)
	}
	b.next()
}

// Bool adds a bool.
func (b *Builder) Bool(v bool) error {
	if b.typ.Kind != value.KindBool {
		return ErrType
	}
	b.col.Bools[b.n] = v
	b.next()
	return nil
}

// Int adds an integer to a column of ints or floats, or of times whose unit was declared.
func (b *Builder) Int(x int64) error {
	switch {
	case b.typ.Kind == value.KindInt:
		b.col.Ints[b.n] = x
	case b.typ.Kind == value.KindFloat:
		b.col.Floats[b.n] = float64(x)
	case b.typ.Kind == value.KindTimestamp && b.unit != 0:
		return b.Millis(b.unit.Millis(x))
	default:
		return ErrType
	}
	b.next()
	return nil
}

// Float adds a float; what is not finite is lost.
func (b *Builder) Float(x float64) error {
	switch {
	case b.typ.Kind != value.KindFloat:
		return ErrType
	case x-x != 0:
		return b.Lose(dataset.NonFinite)
	}
	b.col.Floats[b.n] = x + 0 // −0.0 becomes 0.0
	b.next()
	return nil
}

// String adds a text, copied; what is not UTF-8 is lost.
func (b *Builder) String(text []byte) error {
	switch {
	case b.typ.Kind != value.KindString:
		return ErrType
	case !utf8.Valid(text):
		return b.Lose(dataset.InvalidUTF8)
	}
	b.text = append(b.text, text...)
	b.next()
	return nil
}

// Bytes adds bytes, copied.
func (b *Builder) Bytes(raw []byte) error {
	if b.typ.Kind != value.KindBytes {
		return ErrType
	}
	b.text = append(b.text, raw...)
	b.next()
	return nil
}

// Millis adds a time in ms since the epoch; what is outside years 0001–9999 is lost.
func (b *Builder) Millis(ms int64) error {
	return b.within(value.KindTimestamp, ms, value.MinTimestamp, value.MaxTimestamp)
}

// Days adds a date in days since the epoch; what is outside years 0001–9999 is lost.
func (b *Builder) Days(days int64) error {
	return b.within(value.KindDate, days, value.MinDate, value.MaxDate)
}

func (b *Builder) within(k value.Kind, x, lo, hi int64) error {
	switch {
	case b.typ.Kind != k:
		return ErrType
	case x < lo || x > hi:
		return b.Lose(dataset.OutOfRange)
	}
	b.col.Ints[b.n] = x
	b.next()
	return nil
}

// IntText adds the integer of a decimal text; what is beyond 64 bits is lost.
func (b *Builder) IntText(text []byte) error {
	i, state := ParseInt(text)
	switch {
	case state == NotNumber || b.typ.Kind != value.KindInt:
		return ErrType
	case state == TooLarge:
		return b.Lose(dataset.Overflow)
	}
	return b.Int(i)
}

// FloatText adds the float of a decimal text; what is not finite is lost.
func (b *Builder) FloatText(text []byte) error {
	f, state := ParseFloat(text)
	switch {
	case state == NotNumber || b.typ.Kind != value.KindFloat:
		return ErrType
	case state == TooLarge:
		return b.Lose(dataset.NonFinite)
	}
	return b.Float(f)
}

// TimeText adds the time of a decimal text that counts the declared unit.
func (b *Builder) TimeText(text []byte) error {
	i, state := ParseInt(text)
	switch {
	case state == NotNumber || b.typ.Kind != value.KindTimestamp || b.unit == 0:
		return ErrType
	case state == TooLarge:
		return b.Lose(dataset.Overflow)
	}
	return b.Millis(b.unit.Millis(i))
}
