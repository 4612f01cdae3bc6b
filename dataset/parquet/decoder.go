package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// decoder streams the dense (non-null) values of a page: one of the four methods fits the column's physical type. Integers of 32
// bits are sign-extended. Strings are views of the page.
type decoder interface {
	bools(dst []bool) error
	ints(dst []int64) error
	floats(dst []float64) error
	strs(dst []string) error
}

// wrongType is embedded by decoders for the methods they have not.
type wrongType struct{}

func (wrongType) bools([]bool) error     { return errWrong("BOOLEAN") }
func (wrongType) ints([]int64) error     { return errWrong("INT32 or INT64") }
func (wrongType) floats([]float64) error { return errWrong("FLOAT or DOUBLE") }
func (wrongType) strs([]string) error    { return errWrong("BYTE_ARRAY") }

func errWrong(t string) error { return fmt.Errorf("the page's encoding is not one of %s", t) }

// newDecoder makes the decoder for a page's values. n is how many the page has, nulls included.
func newDecoder(l *leaf, encoding int32, b []byte, dict *dictionary, n int) (decoder, error) {
	switch encoding {
	case encPlain:
		return newPlain(l, b), nil
	case encPlainDict, encDict:
		if dict == nil {
			return nil, fmt.Errorf("dictionary codes without a dictionary")
		}
		return newCodes(dict, b)
	case encRLE:
		if l.physical == pBool {
			return newRLEBools(b)
		}
	case encDelta:
		if l.physical == pInt32 || l.physical == pInt64 {
			d := &deltaInts{}
			err := d.open(b)
			d.narrow = l.physical == pInt32
			return d, err
		}
	case encDeltaLength:
		if l.physical == pBytes {
			return newDeltaLength(b, n)
		}
	case encDeltaBytes:
		if l.physical == pBytes || l.physical == pFixed {
			return newDeltaBytes(b, l, n)
		}
	case encByteStreamSplt:
		return newStreamSplit(l, b)
	}
	return nil, fmt.Errorf("encoding %d of %s is not one that is read", encoding, l.physical)
}

// width is the size of a value of fixed size, 0 for BYTE_ARRAY.
func (l *leaf) width() int {
	switch l.physical {
	case pInt32, pFloat:
		return 4
	case pInt64, pDouble:
		return 8
	case pInt96:
		return 12
	case pFixed:
		return l.length
	}
	return 0
}

func newPlain(l *leaf, b []byte) decoder {
	switch l.physical {
	case pBool:
		return &plainBools{b: b}
	case pBytes:
		return &plainBytes{b: b}
	}
	return &plainFixed{b: b, width: l.width()}
}

type plainBools struct {
	wrongType
	b   []byte
	pos int
}

func (d *plainBools) bools(dst []bool) error {
	if d.pos+len(dst) > 8*len(d.b) {
		return errValues
	}
	for i := range dst {
		dst[i] = d.b[(d.pos+i)>>3]>>((d.pos+i)&7)&1 != 0
	}
	d.pos += len(dst)
	return nil
}

// plainFixed are values of a fixed width one after another, least significant byte first.
type plainFixed struct {
	wrongType
	b     []byte
	width int
}

// take gives the bytes of the next n values.
func (d *plainFixed) take(n int) ([]byte, error) {
	if n > len(d.b)/d.width {
		return nil, errValues
	}
	b := d.b[:n*d.width]
	d.b = d.b[n*d.width:]
	return b, nil
}

func (d *plainFixed) ints(dst []int64) error {
	b, err := d.take(len(dst))
	switch {
	case err != nil:
		return err
	case d.width == 8:
		load(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), len(b)), b)
		return nil
	case d.width == 4:
		for i := range dst {
			dst[i] = int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		}
		return nil
	}
	return errWrong("INT32 or INT64")
}

func (d *plainFixed) floats(dst []float64) error {
	b, err := d.take(len(dst))
	switch {
	case err != nil:
		return err
	case d.width == 8:
		load(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), len(b)), b)
		return nil
	case d.width == 4:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		}
		return nil
	}
	return errWrong("FLOAT or DOUBLE")
}

// load copies 8-byte numbers as stored (least significant byte first) into the memory of numbers.
func load(dst, src []byte) {
	copy(dst, src)
	if bigEndian {
		for i := 0; i+8 <= len(dst); i += 8 {
			u := binary.LittleEndian.Uint64(dst[i:])
			binary.NativeEndian.PutUint64(dst[i:], u)
		}
	}
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

func (d *plainFixed) strs(dst []string) error {
	b, err := d.take(len(dst))
	if err != nil {
		return err
	}
	for i := range dst {
		dst[i] = view(b[i*d.width : (i+1)*d.width])
	}
	return nil
}

// view is the bytes as a string without a copy. The bytes are never written to again.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// plainBytes are byte strings, each after its length in 4 bytes.
type plainBytes struct {
	wrongType
	b []byte
}

func (d *plainBytes) strs(dst []string) error {
	b := d.b
	for i := range dst {
		if len(b) < 4 {
			return errValues
		}
		n := int(binary.LittleEndian.Uint32(b))
		if n > len(b)-4 {
			return errValues
		}
		dst[i] = view(b[4 : 4+n])
		b = b[4+n:]
	}
	d.b = b
	return nil
}

// rleBools are booleans as the hybrid of one bit, after its length in 4 bytes.
type rleBools struct {
	wrongType
	h hybrid
}

func newRLEBools(b []byte) (*rleBools, error) {
	b, _, err := prefixed(b)
	if err != nil {
		return nil, err
	}
	return &rleBools{h: hybrid{b: b, width: 1}}, nil
}

func (d *rleBools) bools(dst []bool) error {
	var buf [512]uint32
	for len(dst) > 0 {
		k := min(len(dst), len(buf))
		if err := d.h.next(buf[:k]); err != nil {
			return err
		}
		for i := range k {
			dst[i] = buf[i] != 0
		}
		dst = dst[k:]
	}
	return nil
}

// prefixed splits off bytes that stand after their length in 4 bytes.
func prefixed(b []byte) (head, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errValues
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, errValues
	}
	return b[4 : 4+n : 4+n], b[4+n:], nil
}

// streamSplit is BYTE_STREAM_SPLIT: the first bytes of all values, then the second bytes, and so on.
type streamSplit struct {
	plainFixed
	all    []byte
	n, pos int
	buf    []byte
}

func newStreamSplit(l *leaf, b []byte) (*streamSplit, error) {
	w := l.width()
	if w == 0 || l.physical == pInt96 {
		return nil, fmt.Errorf("BYTE_STREAM_SPLIT of %s", l.physical)
	}
	if len(b)%w != 0 {
		return nil, errValues
	}
	return &streamSplit{plainFixed: plainFixed{width: w}, all: b, n: len(b) / w}, nil
}

// gather puts the bytes of the next n values together, for plainFixed to read.
func (d *streamSplit) gather(n int) error {
	if n > d.n-d.pos {
		return errValues
	}
	d.buf = make([]byte, n*d.width) // strings stay views of it
	for k := range d.width {
		stream := d.all[k*d.n+d.pos : k*d.n+d.pos+n]
		for i, x := range stream {
			d.buf[i*d.width+k] = x
		}
	}
	d.pos += n
	d.b = d.buf
	return nil
}

func (d *streamSplit) ints(dst []int64) error {
	if err := d.gather(len(dst)); err != nil {
		return err
	}
	return d.plainFixed.ints(dst)
}

func (d *streamSplit) floats(dst []float64) error {
	if err := d.gather(len(dst)); err != nil {
		return err
	}
	return d.plainFixed.floats(dst)
}

func (d *streamSplit) strs(dst []string) error {
	if err := d.gather(len(dst)); err != nil {
		return err
	}
	return d.plainFixed.strs(dst)
}

// dictionary is the dictionary of a chunk, its values already converted to ours.
type dictionary struct {
	cells *value.Column
	bad   map[uint32]dataset.Reason // codes whose value is null
}

// readDictionary converts a dictionary page of n values.
func readDictionary(l *leaf, b []byte, n int) (*dictionary, error) {
	size := 8 * len(b)
	switch {
	case l.physical == pBytes:
		size = len(b) / 4
	case l.physical != pBool:
		size = len(b) / l.width()
	}
	if n < 0 || n > size {
		return nil, fmt.Errorf("dictionary: %w", errValues)
	}
	d := &dictionary{cells: value.NewColumn(l.conv.typ, n)}
	err := l.conv.fill(newPlain(l, b), d.cells, 0, n, func(i int, why dataset.Reason) {
		if d.bad == nil {
			d.bad = map[uint32]dataset.Reason{}
		}
		d.bad[uint32(i)] = why
	})
	return d, err
}

// codes are the codes of a page's values in a dictionary.
type codes struct {
	wrongType
	h    hybrid
	dict *dictionary
}

func newCodes(dict *dictionary, b []byte) (*codes, error) {
	if len(b) == 0 {
		return &codes{dict: dict}, nil // a page of nulls alone
	}
	h, err := newHybrid(b[1:], uint(b[0]))
	return &codes{h: h, dict: dict}, err
}

// fill looks codes up: values are converted already, so this stands in place of conversion.fill.
func (d *codes) fill(dst *value.Column, at, n int, bad dataset.Lost) error {
	var buf [1024]uint32
	for done := 0; done < n; {
		part := buf[:min(n-done, len(buf))]
		if err := d.h.next(part); err != nil {
			return err
		}
		for _, c := range part {
			if uint64(c) >= uint64(d.dict.cells.N) {
				return fmt.Errorf("code %d beyond a dictionary of %d values", c, d.dict.cells.N)
			}
		}
		d.lookup(dst, at+done, part)
		if d.dict.bad != nil {
			for i, c := range part {
				if why, ok := d.dict.bad[c]; ok {
					bad(done+i, why)
				}
			}
		}
		done += len(part)
	}
	return nil
}

func (d *codes) lookup(dst *value.Column, at int, part []uint32) {
	from := d.dict.cells
	switch {
	case from.Ints != nil:
		pick(dst.Ints[at:], from.Ints, part)
	case from.Floats != nil:
		pick(dst.Floats[at:], from.Floats, part)
	case from.Strs != nil:
		pick(dst.Strs[at:], from.Strs, part)
	case from.Bools != nil:
		pick(dst.Bools[at:], from.Bools, part)
	}
}

func pick[T any](dst, src []T, codes []uint32) {
	dst = dst[:len(codes)]
	for i, c := range codes {
		dst[i] = src[c]
	}
}
