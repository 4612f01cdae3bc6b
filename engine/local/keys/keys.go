// Package keys numbers the keys of a spine: each distinct key, of one or more columns, gets a dense code from 0 on, and the keys of
// events are looked up a batch at a time.
//
// Keys compare by type and value (docs/semantics.md V4). Each column has a table of its own, by integer or by text; the codes of a
// composite key are those of pairs of codes, so that no key is ever put together as bytes.
package keys

import (
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// None stands for a row whose key has a null part, Unknown for a key that the table does not have.
const (
	None    = -1
	Unknown = -2
)

// Table numbers keys. It is built by one goroutine; after Freeze it is read by many.
type Table struct {
	columns []column
	pairs   []*integers // of columns 0…i and i+1
}

type column struct {
	kind  value.Kind
	ints  *integers
	texts *texts
}

// NewTable makes an empty table for keys of those types.
func NewTable(types []value.Type) *Table {
	t := &Table{}
	for i, typ := range types {
		c := column{kind: typ.Kind}
		if typ.Kind == value.KindString || typ.Kind == value.KindBytes {
			c.texts = newTexts()
		} else {
			c.ints = newIntegers()
		}
		t.columns = append(t.columns, c)
		if i > 0 {
			t.pairs = append(t.pairs, newIntegers())
		}
	}
	return t
}

// Len is how many keys there are; their codes are [0, Len).
func (t *Table) Len() int {
	if n := len(t.pairs); n > 0 {
		return t.pairs[n-1].len()
	}
	return t.columns[0].len()
}

func (c *column) len() int {
	if c.texts != nil {
		return len(c.texts.keys)
	}
	return c.ints.len()
}

// Insert writes the code of each row's key to codes, new keys included; None where a part is null.
func (t *Table) Insert(columns []*value.Column, codes []int32) {
	t.each(columns, codes, (*column).insert, (*integers).insertAll)
}

// Lookup writes the code of each row's key to codes: None where a part is null, else Unknown where the table lacks the key.
func (t *Table) Lookup(columns []*value.Column, codes []int32) {
	t.each(columns, codes, (*column).lookup, (*integers).lookupAll)
}

func (t *Table) each(columns []*value.Column, codes []int32, one func(*column, *value.Column, []int32), pair func(*integers, []int64, []int32)) {
	one(&t.columns[0], columns[0], codes)
	nulls(columns[0], codes)
	if len(columns) == 1 {
		return
	}
	next, both := make([]int32, len(codes)), make([]int64, len(codes))
	for i, c := range columns[1:] {
		one(&t.columns[i+1], c, next)
		nulls(c, next)
		for j, code := range codes {
			both[j] = int64(code)<<32 | int64(uint32(next[j]))
			if fault.Planted("local: two keys meet") {
				both[j] = int64(code) + int64(next[j])
			}
		}
		previous := codes
		merged := make([]int32, len(codes))
		pairKnown(previous, next, both, merged, func(known []int64, out []int32) { pair(t.pairs[i], known, out) })
		copy(codes, merged)
	}
}

// pairKnown asks for those pairs whose both parts are known, and says None or Unknown for the others.
func pairKnown(a, b []int32, both []int64, out []int32, ask func(known []int64, out []int32)) {
	rows := make([]int32, 0, len(both))
	known := both[:0]
	for i := range both {
		switch {
		case a[i] == None || b[i] == None:
			out[i] = None
		case a[i] == Unknown || b[i] == Unknown:
			out[i] = Unknown
		default:
			rows, known = append(rows, int32(i)), append(known, both[i])
		}
	}
	codes := make([]int32, len(known))
	ask(known, codes)
	for i, row := range rows {
		out[row] = codes[i]
	}
}

func nulls(c *value.Column, codes []int32) {
	if c.Nulls == nil {
		return
	}
	for i := range codes {
		if c.Nulls.Get(i) {
			codes[i] = None
		}
	}
}

func (c *column) insert(col *value.Column, codes []int32) {
	switch {
	case c.texts != nil:
		c.texts.insertAll(col, codes)
	default:
		for i, v := range c.numbers(col) {
			if !col.Nulls.Get(i) {
				codes[i] = c.ints.insert(v)
			}
		}
	}
}

func (c *column) lookup(col *value.Column, codes []int32) {
	switch {
	case c.texts != nil:
		c.texts.lookupAll(col, codes)
	default:
		c.ints.lookupAll(c.numbers(col), codes)
	}
}

// numbers are the cells as integers; a bool is 0 or 1.
func (c *column) numbers(col *value.Column) []int64 {
	if c.kind != value.KindBool {
		return col.Ints
	}
	out := make([]int64, col.N)
	for i, b := range col.Bools {
		if b {
			out[i] = 1
		}
	}
	return out
}

// Freeze ends the insertions and arranges the table for lookups.
func (t *Table) Freeze() {
	for _, c := range t.columns {
		if c.ints != nil {
			c.ints.freeze()
		}
	}
}

// Bytes is about what the table holds.
func (t *Table) Bytes() int64 {
	n := int64(0)
	for _, c := range t.columns {
		if c.texts != nil {
			n += c.texts.bytes()
		} else {
			n += c.ints.bytes()
		}
	}
	for _, p := range t.pairs {
		n += p.bytes()
	}
	return n
}
