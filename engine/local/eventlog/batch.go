package eventlog

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/bighead-ml/bighead/value"
)

// How the rows of a record lie in its bytes: column after column, each
//
//	a byte: 1 where cells are null; then the bitmap of nulls, 8 rows a byte
//	bool: a bitmap; float: 8 bytes little-endian
//	int, timestamp, date: the least as a varint, a byte that says how wide (1, 2, 4 or 8 bytes) the distances to it are, the distances
//	string, bytes: lengths as an int column, then all texts
//	list, map, struct: canonical encodings (value.Append) as a bytes column
//
// Cells that are null are written as zeros, or as the least. A column takes at least a bit a row, so that what damaged bytes can make a
// reader allocate is bounded by how many there are. No general compression: the log writes at the speed of the stream, and what is old
// becomes Parquet.

var errShort = errors.New("cut short")

// appendBatch adds the rows' encoding.
func appendBatch(dst []byte, b *value.Batch) []byte {
	for _, c := range b.Columns {
		dst = appendColumn(dst, c)
	}
	return dst
}

func appendColumn(dst []byte, c *value.Column) []byte {
	if c.Nulls.Any() {
		dst = appendBits(append(dst, 1), c.Nulls, c.N)
	} else {
		dst = append(dst, 0)
	}
	switch c.Type.Kind {
	case value.KindNull:
	case value.KindBool:
		dst = appendBools(dst, c)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		dst = appendInts(dst, c.Ints, c.Nulls)
	case value.KindFloat:
		for i, f := range c.Floats {
			if c.Nulls.Get(i) {
				f = 0
			}
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
		}
	case value.KindString, value.KindBytes:
		dst = appendTexts(dst, c.Strs, c.Nulls)
	default:
		texts := make([]string, c.N)
		for i, v := range c.Values {
			if !c.Nulls.Get(i) {
				texts[i] = string(value.Append(nil, v))
			}
		}
		dst = appendTexts(dst, texts, c.Nulls)
	}
	return dst
}

// appendBits writes the first n bits.
func appendBits(dst []byte, b value.Bitmap, n int) []byte {
	for i := range (n + 7) / 8 {
		dst = append(dst, byte(b[i/8]>>(i%8*8)))
	}
	if n%8 != 0 { // what lies behind the last row may be anything in memory
		dst[len(dst)-1] &= 1<<(n%8) - 1
	}
	return dst
}

func appendBools(dst []byte, c *value.Column) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, (c.N+7)/8)...)
	for i, x := range c.Bools {
		if x && !c.Nulls.Get(i) {
			dst[at+i/8] |= 1 << (i % 8)
		}
	}
	return dst
}

func appendInts(dst []byte, xs []int64, nulls value.Bitmap) []byte {
	least, most := int64(math.MaxInt64), int64(math.MinInt64)
	if nulls == nil {
		for _, x := range xs {
			least, most = min(least, x), max(most, x)
		}
	} else {
		for i, x := range xs {
			if !nulls.Get(i) {
				least, most = min(least, x), max(most, x)
			}
		}
	}
	if least > most {
		least, most = 0, 0
	}
	w := width(uint64(most - least))
	dst = append(binary.AppendVarint(dst, least), byte(w))
	at := len(dst)
	dst = append(dst, make([]byte, w*len(xs))...)
	out := dst[at:]
	for i, x := range xs {
		d := uint64(x - least)
		if nulls.Get(i) {
			d = 0
		}
		switch w {
		case 1:
			out[i] = byte(d)
		case 2:
			binary.LittleEndian.PutUint16(out[2*i:], uint16(d))
		case 4:
			binary.LittleEndian.PutUint32(out[4*i:], uint32(d))
		default:
			binary.LittleEndian.PutUint64(out[8*i:], d)
		}
	}
	return dst
}

// width is how many bytes hold numbers up to x: 1, 2, 4 or 8.
func width(x uint64) int {
	n := max(1, (bits.Len64(x)+7)/8)
	return 1 << bits.Len(uint(n-1))
}

// lengthsOf are memory for the lengths of texts.
var lengthsOf = sync.Pool{New: func() any { return new([]int64) }}

func appendTexts(dst []byte, texts []string, nulls value.Bitmap) []byte {
	scratch := lengthsOf.Get().(*[]int64)
	defer lengthsOf.Put(scratch)
	lengths := slices.Grow((*scratch)[:0], len(texts))[:len(texts)]
	clear(lengths)
	*scratch = lengths
	for i, s := range texts {
		if !nulls.Get(i) {
			lengths[i] = int64(len(s))
		}
	}
	dst = appendInts(dst, lengths, nil)
	for i, s := range texts {
		if lengths[i] > 0 {
			dst = append(dst, s...)
		}
	}
	return dst
}

// concat is the rows of all batches, which are of one schema and have the same columns; nil columns stay nil.
func concat(batches []*value.Batch) *value.Batch {
	if len(batches) == 1 {
		return batches[0]
	}
	out := &value.Batch{Schema: batches[0].Schema, Columns: make([]*value.Column, len(batches[0].Columns))}
	for _, b := range batches {
		out.N += b.N
	}
	for i, c := range batches[0].Columns {
		if c == nil {
			continue
		}
		joined := &value.Column{Type: c.Type, N: out.N}
		at := 0
		for _, b := range batches {
			joinColumn(joined, b.Columns[i], at)
			at += b.N
		}
		out.Columns[i] = joined
	}
	return out
}

// joinColumn adds the cells of c, which begin at row at.
func joinColumn(to, c *value.Column, at int) {
	to.Bools, to.Ints, to.Floats = append(to.Bools, c.Bools...), append(to.Ints, c.Ints...), append(to.Floats, c.Floats...)
	to.Strs, to.Values = append(to.Strs, c.Strs...), append(to.Values, c.Values...)
	if c.Nulls == nil {
		return
	}
	for i := range c.N {
		if c.Nulls.Get(i) {
			to.SetNull(at + i)
		}
	}
}
