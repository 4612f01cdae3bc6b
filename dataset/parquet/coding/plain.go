package coding

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/bighead-ml/bighead/dataset/parquet/format"
)

// Decoder streams the dense (non-null) values of a page: one of the four methods fits the column's physical type. Integers of 32
// bits are sign-extended. Strings are views of the page.
type Decoder interface {
	Bools(dst []bool) error
	Ints(dst []int64) error
	Floats(dst []float64) error
	Strs(dst []string) error
}

// WrongType is embedded by decoders for the methods they have not.
type WrongType struct{}

// Bools refuses.
func (WrongType) Bools([]bool) error { return errWrong("BOOLEAN") }

// Ints refuses.
func (WrongType) Ints([]int64) error { return errWrong("INT32 or INT64") }

// Floats refuses.
func (WrongType) Floats([]float64) error { return errWrong("FLOAT or DOUBLE") }

// Strs refuses.
func (WrongType) Strs([]string) error { return errWrong("BYTE_ARRAY") }

func errWrong(t string) error { return fmt.Errorf("the page's encoding is not one of %s", t) }

// Stored is how the values of a column stand in its pages.
type Stored struct {
	Physical format.Physical
	Length   int // of FIXED_LEN_BYTE_ARRAY
}

// NewDecoder makes the decoder for a page's values, if they are no codes of a dictionary. n is how many the page has, nulls included.
func NewDecoder(l Stored, encoding int32, b []byte, n int) (Decoder, error) {
	switch encoding {
	case format.EncPlain:
		return NewPlain(l, b), nil
	case format.EncRLE:
		if l.Physical == format.Boolean {
			return newRLEBools(b)
		}
	case format.EncDelta:
		if l.Physical == format.Int32 || l.Physical == format.Int64 {
			d := &deltaInts{}
			err := d.open(b)
			d.narrow = l.Physical == format.Int32
			return d, err
		}
	case format.EncDeltaLength:
		if l.Physical == format.ByteArray {
			return newDeltaLength(b, n)
		}
	case format.EncDeltaBytes:
		if l.Physical == format.ByteArray || l.Physical == format.FixedByteArray {
			return newDeltaBytes(b, l, n)
		}
	case format.EncByteStreamSplit:
		return newStreamSplit(l, b)
	}
	return nil, fmt.Errorf("encoding %d of %s is not one that is read", encoding, l.Physical)
}

// Width is the size of a value of fixed size, 0 for BYTE_ARRAY.
func (l Stored) Width() int {
	switch l.Physical {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96:
		return 12
	case format.FixedByteArray:
		return l.Length
	}
	return 0
}

// NewPlain makes the decoder of PLAIN values, of dictionaries too.
func NewPlain(l Stored, b []byte) Decoder {
	switch l.Physical {
	case format.Boolean:
		return &plainBools{b: b}
	case format.ByteArray:
		return &plainBytes{b: b}
	}
	return &plainFixed{b: b, width: l.Width()}
}

type plainBools struct {
	WrongType
	b   []byte
	pos int
}

func (d *plainBools) Bools(dst []bool) error {
	if d.pos+len(dst) > 8*len(d.b) {
		return ErrValues
	}
	for i := range dst {
		dst[i] = d.b[(d.pos+i)>>3]>>((d.pos+i)&7)&1 != 0
	}
	d.pos += len(dst)
	return nil
}

// plainFixed are values of a fixed width one after another, least significant byte first.
type plainFixed struct {
	WrongType
	b     []byte
	width int
}

// take gives the bytes of the next n values.
func (d *plainFixed) take(n int) ([]byte, error) {
	if n > len(d.b)/d.width {
		return nil, ErrValues
	}
	b := d.b[:n*d.width]
	d.b = d.b[n*d.width:]
	return b, nil
}

func (d *plainFixed) Ints(dst []int64) error {
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

func (d *plainFixed) Floats(dst []float64) error {
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

func (d *plainFixed) Strs(dst []string) error {
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
	WrongType
	b []byte
}

func (d *plainBytes) Strs(dst []string) error {
	b := d.b
	for i := range dst {
		if len(b) < 4 {
			return ErrValues
		}
		n := int(binary.LittleEndian.Uint32(b))
		if n > len(b)-4 {
			return ErrValues
		}
		dst[i] = view(b[4 : 4+n])
		b = b[4+n:]
	}
	d.b = b
	return nil
}

// rleBools are booleans as the hybrid of one bit, after its length in 4 bytes.
type rleBools struct {
	WrongType
	h Hybrid
}

func newRLEBools(b []byte) (*rleBools, error) {
	b, _, err := Prefixed(b)
	if err != nil {
		return nil, err
	}
	return &rleBools{h: Hybrid{b: b, width: 1}}, nil
}

func (d *rleBools) Bools(dst []bool) error {
	var buf [512]uint32
	for len(dst) > 0 {
		k := min(len(dst), len(buf))
		if err := d.h.Next(buf[:k]); err != nil {
			return err
		}
		for i := range k {
			dst[i] = buf[i] != 0
		}
		dst = dst[k:]
	}
	return nil
}

// Prefixed splits off bytes that stand after their length in 4 bytes.
func Prefixed(b []byte) (head, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, ErrValues
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, ErrValues
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

func newStreamSplit(l Stored, b []byte) (*streamSplit, error) {
	w := l.Width()
	if w == 0 || l.Physical == format.Int96 {
		return nil, fmt.Errorf("BYTE_STREAM_SPLIT of %s", l.Physical)
	}
	if len(b)%w != 0 {
		return nil, ErrValues
	}
	return &streamSplit{plainFixed: plainFixed{width: w}, all: b, n: len(b) / w}, nil
}

// gather puts the bytes of the next n values together, for plainFixed to read.
func (d *streamSplit) gather(n int) error {
	if n > d.n-d.pos {
		return ErrValues
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

func (d *streamSplit) Ints(dst []int64) error {
	if err := d.gather(len(dst)); err != nil {
		return err
	}
	return d.plainFixed.Ints(dst)
}

func (d *streamSplit) Floats(dst []float64) error {
	if err := d.gather(len(dst)); err != nil {
		return err
	}
	return d.plainFixed.Floats(dst)
}

func (d *streamSplit) Strs(dst []string) error {
	if err := d.gather(len(dst)); err != nil {
		return err
	}
	return d.plainFixed.Strs(dst)
}
