package exchange

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// file holds the rows of a store's flushes one after the other, each bucket after bucket: one descriptor, however often is flushed. Its
// name is removed as soon as it is open, so that nothing is left behind however the process ends; where a system does not allow that,
// it is removed when it is closed.
type file struct {
	f       *os.File
	name    string // still to be removed
	end     int64
	flushes [][]int64 // of each: where its buckets start, and its end
}

func createFile(dir string) (*file, error) {
	f, err := os.CreateTemp(dir, "bighead-spill-*")
	if err != nil {
		return nil, err
	}
	out := &file{f: f, name: f.Name()}
	if os.Remove(out.name) == nil {
		out.name = ""
	}
	return out, nil
}

// write adds a flush; after an error the file is as before.
func (f *file) write(ctx context.Context, types []value.Type, buckets int, packets []*Packet) error {
	starts := make([]int64, buckets+1)
	starts[0] = f.end
	w := bufio.NewWriterSize(io.NewOffsetWriter(f.f, f.end), 1<<20)
	var buf []byte
	for b := range buckets {
		if err := ctx.Err(); err != nil {
			return err
		}
		buf = appendSegment(buf[:0], types, packets, b)
		if _, err := w.Write(buf); err != nil {
			return err
		}
		starts[b+1] = starts[b] + int64(len(buf))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	f.flushes, f.end = append(f.flushes, starts), starts[buckets]
	return nil
}

func (f *file) close() {
	_ = f.f.Close() // it was only ever read back; there is nothing to save
	if f.name != "" {
		_ = os.Remove(f.name)
	}
}

// appendSegment writes the rows of one bucket: their number, codes, times where packets have them, then each column.
func appendSegment(dst []byte, types []value.Type, packets []*Packet, b int) []byte {
	n := 0
	for _, p := range packets {
		n += int(p.From[b+1] - p.From[b])
	}
	if n == 0 {
		return dst
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	for _, p := range packets {
		for _, c := range p.Codes[p.From[b]:p.From[b+1]] {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(c))
		}
	}
	dst = append(dst, bit(packets[0].Times != nil))
	for _, p := range packets {
		if p.Times != nil {
			dst = appendInts(dst, p.Times[p.From[b]:p.From[b+1]])
		}
	}
	for i, t := range types {
		dst = appendNulls(dst, packets, i, b)
		for _, p := range packets {
			dst = appendCells(dst, t, p.Columns[i], int(p.From[b]), int(p.From[b+1]))
		}
	}
	return dst
}

func appendInts(dst []byte, xs []int64) []byte {
	for _, x := range xs {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(x))
	}
	return dst
}

// appendNulls writes 0, or 1 and a byte for each row.
func appendNulls(dst []byte, packets []*Packet, column, b int) []byte {
	any := false
	for _, p := range packets {
		for i := p.From[b]; i < p.From[b+1] && !any; i++ {
			any = p.Columns[column].Nulls.Get(int(i))
		}
	}
	if !any || fault.Planted("local: a spill forgets nulls") {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	for _, p := range packets {
		for i := p.From[b]; i < p.From[b+1]; i++ {
			dst = append(dst, bit(p.Columns[column].Nulls.Get(int(i))))
		}
	}
	return dst
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendCells(dst []byte, t value.Type, c *value.Column, lo, hi int) []byte {
	switch t.Kind {
	case value.KindNull:
	case value.KindBool:
		for _, b := range c.Bools[lo:hi] {
			dst = append(dst, bit(b))
		}
	case value.KindInt, value.KindTimestamp, value.KindDate:
		dst = appendInts(dst, c.Ints[lo:hi])
	case value.KindFloat:
		for _, x := range c.Floats[lo:hi] {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(x))
		}
	case value.KindString, value.KindBytes:
		for i, s := range c.Strs[lo:hi] {
			if c.Nulls.Get(lo + i) {
				s = ""
			}
			dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
		}
	default:
		for i := lo; i < hi; i++ {
			dst = value.Append(dst, c.At(i))
		}
	}
	return dst
}

// read gives the rows of one bucket in one flush.
func (f *file) read(flush, bucket int, types []value.Type) (*Packet, error) {
	starts := f.flushes[flush]
	buf := make([]byte, starts[bucket+1]-starts[bucket])
	p := &Packet{}
	if len(buf) == 0 {
		return p, nil
	}
	if _, err := f.f.ReadAt(buf, starts[bucket]); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(buf))
	buf = buf[4:]
	p.Codes, p.From = make([]int32, n), []int32{0, int32(n)}
	for i := range p.Codes {
		p.Codes[i] = int32(binary.LittleEndian.Uint32(buf[4*i:]))
	}
	timed := buf[4*n] == 1
	buf = buf[4*n+1:]
	if timed {
		p.Times = make([]int64, n)
		buf = readInts(buf, p.Times)
	}
	for _, t := range types {
		c, rest, err := readColumn(buf, t, n)
		if err != nil {
			return nil, err
		}
		p.Columns, buf = append(p.Columns, c), rest
	}
	return p, nil
}

func readInts(buf []byte, xs []int64) []byte {
	for i := range xs {
		xs[i] = int64(binary.LittleEndian.Uint64(buf[8*i:]))
	}
	return buf[8*len(xs):]
}

func readColumn(buf []byte, t value.Type, n int) (*value.Column, []byte, error) {
	c := value.NewColumn(t, n)
	any := buf[0] == 1
	buf = buf[1:]
	if any {
		for i, b := range buf[:n] {
			if b == 1 {
				c.SetNull(i)
			}
		}
		buf = buf[n:]
	}
	switch t.Kind {
	case value.KindNull:
	case value.KindBool:
		for i := range c.Bools {
			c.Bools[i] = buf[i] == 1
		}
		buf = buf[n:]
	case value.KindInt, value.KindTimestamp, value.KindDate:
		buf = readInts(buf, c.Ints)
	case value.KindFloat:
		for i := range c.Floats {
			c.Floats[i] = math.Float64frombits(binary.LittleEndian.Uint64(buf[8*i:]))
		}
		buf = buf[8*n:]
	case value.KindString, value.KindBytes:
		for i := range c.Strs {
			size, width := binary.Uvarint(buf)
			c.Strs[i] = string(buf[width : width+int(size)])
			buf = buf[width+int(size):]
		}
	default:
		for i := range c.Values {
			v, rest, err := value.Decode(buf)
			if err != nil {
				return nil, nil, fmt.Errorf("row %d: %w", i, err)
			}
			c.Values[i], buf = v, rest
		}
	}
	return c, buf, nil
}
