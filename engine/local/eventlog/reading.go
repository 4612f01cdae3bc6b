package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/value"
)

// reading takes what was written from the front of b. The first mistake stays in err, and all that follows is zero.
type reading struct {
	b   []byte
	err error
}

func (r *reading) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// take is the next n bytes, nil where they are not there.
func (r *reading) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail(errShort)
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reading) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reading) uvarint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *reading) varint() int64 {
	x, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.b = r.b[n:]
	return x
}

// length is a number of bytes that have to be there.
func (r *reading) length() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail(errShort)
		return 0
	}
	return int(n)
}

func (r *reading) text() string { return string(r.take(r.length())) }

// batch reads n rows of a schema.
func (r *reading) batch(schema value.Schema, n int) *value.Batch {
	b := &value.Batch{Schema: schema, N: n, Columns: make([]*value.Column, len(schema))}
	columns := make([]value.Column, len(schema))
	for i, f := range schema {
		columns[i] = value.Column{Type: f.Type, N: n}
		r.column(&columns[i])
		if r.err != nil {
			r.err = fmt.Errorf("column %q: %w", f.Name, r.err)
			return nil
		}
		b.Columns[i] = &columns[i]
	}
	return b
}

func (r *reading) column(c *value.Column) {
	switch r.byte() {
	case 0:
	case 1:
		c.Nulls = r.bits(c.N)
	default:
		r.fail(errors.New("a mark that is neither of nulls nor of none"))
	}
	switch c.Type.Kind {
	case value.KindNull:
		r.bareNulls(c)
	case value.KindBool:
		r.bools(c)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		c.Ints = r.ints(c.N)
	case value.KindFloat:
		if b := r.take(8 * c.N); b != nil {
			c.Floats = make([]float64, c.N)
			for i := range c.Floats {
				c.Floats[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			}
		}
	case value.KindString, value.KindBytes:
		c.Strs = r.texts(c.N)
	default:
		r.nested(c)
	}
}

// bareNulls wants every cell null.
func (r *reading) bareNulls(c *value.Column) {
	if c.N > 0 && (c.Nulls == nil || c.Nulls.Count() != c.N) {
		r.fail(errors.New("a column of nulls with a cell that is none"))
	}
}

func (r *reading) bits(n int) value.Bitmap {
	b := r.take((n + 7) / 8)
	if b == nil {
		return nil
	}
	if n%8 != 0 && b[len(b)-1]>>(n%8) != 0 {
		r.fail(errors.New("bits behind the last row"))
		return nil
	}
	out := value.NewBitmap(n)
	for i, x := range b {
		out[i/8] |= uint64(x) << (i % 8 * 8)
	}
	return out
}

func (r *reading) bools(c *value.Column) {
	if b := r.bits(c.N); r.err == nil {
		c.Bools = make([]bool, c.N)
		for i := range c.Bools {
			c.Bools[i] = b.Get(i)
		}
	}
}

func (r *reading) ints(n int) []int64 {
	least, w := r.varint(), int(r.byte())
	if r.err == nil && w != 1 && w != 2 && w != 4 && w != 8 {
		r.fail(fmt.Errorf("numbers of %d bytes", w))
	}
	if r.err != nil || n > len(r.b)/w {
		r.fail(errShort)
		return nil
	}
	b := r.take(w * n)
	out := make([]int64, n)
	switch w {
	case 1:
		for i := range out {
			out[i] = least + int64(b[i])
		}
	case 2:
		for i := range out {
			out[i] = least + int64(binary.LittleEndian.Uint16(b[2*i:]))
		}
	case 4:
		for i := range out {
			out[i] = least + int64(binary.LittleEndian.Uint32(b[4*i:]))
		}
	default:
		for i := range out {
			out[i] = least + int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
	}
	return out
}

// texts are views of one string of their own.
func (r *reading) texts(n int) []string {
	lengths := r.ints(n)
	total := 0
	for _, l := range lengths {
		if l < 0 || l > int64(len(r.b)-total) {
			r.fail(errShort)
			return nil
		}
		total += int(l)
	}
	all := string(r.take(total))
	out := make([]string, n)
	at := 0
	for i, l := range lengths {
		out[i] = all[at : at+int(l)]
		at += int(l)
	}
	if r.err != nil {
		return nil
	}
	return out
}

func (r *reading) nested(c *value.Column) {
	texts := r.texts(c.N)
	if r.err != nil {
		return
	}
	c.Values = make([]value.Value, c.N)
	for i, s := range texts {
		if c.Nulls.Get(i) {
			continue
		}
		v, rest, err := value.Decode([]byte(s))
		if err == nil && (len(rest) > 0 || !v.HasType(c.Type) || v.IsNull()) {
			err = fmt.Errorf("a cell that is no %s", c.Type)
		}
		if err != nil {
			r.fail(err)
			return
		}
		c.Values[i] = v
	}
}

// some reads n rows of a schema, of which only those columns are decoded; the others are nil.
func (r *reading) some(schema value.Schema, n int, want []bool) *value.Batch {
	b := &value.Batch{Schema: schema, N: n, Columns: make([]*value.Column, len(schema))}
	for i, f := range schema {
		c := &value.Column{Type: f.Type, N: n}
		if want[i] {
			r.column(c)
			b.Columns[i] = c
		} else {
			r.skip(c)
		}
		if r.err != nil {
			r.err = fmt.Errorf("column %q: %w", f.Name, r.err)
			return nil
		}
	}
	return b
}

// skip passes over a column.
func (r *reading) skip(c *value.Column) {
	if r.byte() != 0 {
		r.take((c.N + 7) / 8)
	}
	switch c.Type.Kind {
	case value.KindNull:
	case value.KindBool:
		r.take((c.N + 7) / 8)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		r.varint()
		r.take(int(r.byte()) * c.N)
	case value.KindFloat:
		r.take(8 * c.N)
	default:
		total := uint64(0)
		for _, l := range r.ints(c.N) {
			if total += uint64(l); l < 0 || total > uint64(len(r.b)) {
				r.fail(errShort)
				return
			}
		}
		r.take(int(total))
	}
}
