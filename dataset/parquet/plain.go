package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
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

// stored is how the values of a column stand in its pages.
type stored struct {
	physical physical
	length   int // of FIXED_LEN_BYTE_ARRAY
}

// newDecoder makes the decoder for a page's values, if they are no codes of a dictionary. n is how many the page has, nulls included.
func newDecoder(l stored, encoding int32, b []byte, n int) (decoder, error) {
	switch encoding {
	case encPlain:
		return newPlain(l, b), nil
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
func (l stored) width() int {
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

func newPlain(l stored, b []byte) decoder {
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

func newStreamSplit(l stored, b []byte) (*streamSplit, error) {
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
