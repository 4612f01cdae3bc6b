package format

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Type codes of Thrift's compact protocol. The exported ones are those that lists are written of.
const (
	tStop   = 0
	tTrue   = 1
	tFalse  = 2
	tI8     = 3
	tI16    = 4
	TI32    = 5
	tI64    = 6
	tDouble = 7
	TBinary = 8
	tList   = 9
	tSet    = 10
	tMap    = 11
	TStruct = 12
)

// ErrShort says that the bytes ended before the structure did; for page headers, that more have to be read.
var ErrShort = errors.New("cut short")

// maxThriftDepth bounds the nesting of what is skipped.
const maxThriftDepth = 32

// thrift reads the compact protocol from bytes. The first error stays and makes all further reads give zeros.
type thrift struct {
	b   []byte
	i   int
	err error
}

func (r *thrift) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.i = len(r.b)
}

func (r *thrift) byte() byte {
	if r.i >= len(r.b) {
		r.fail(ErrShort)
		return 0
	}
	r.i++
	return r.b[r.i-1]
}

func (r *thrift) uvarint() uint64 {
	u, n := binary.Uvarint(r.b[r.i:])
	if n <= 0 {
		if n < 0 {
			r.fail(errors.New("a number longer than 64 bits"))
		} else {
			r.fail(ErrShort)
		}
		return 0
	}
	r.i += n
	return u
}

func (r *thrift) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// integer reads a field of any integer type.
func (r *thrift) integer(t byte) int64 {
	switch t {
	case tI8:
		return int64(int8(r.byte()))
	case tI16, TI32, tI64:
		return r.varint()
	}
	r.fail(fmt.Errorf("type %d where a number belongs", t))
	return 0
}

// i32 reads an integer that must fit 32 bits.
func (r *thrift) i32(t byte) int32 {
	i := r.integer(t)
	if i != int64(int32(i)) {
		r.fail(fmt.Errorf("number %d beyond 32 bits", i))
		return 0
	}
	return int32(i)
}

func (r *thrift) boolean(t byte) bool {
	if t != tTrue && t != tFalse {
		r.fail(fmt.Errorf("type %d where a truth value belongs", t))
	}
	return t == tTrue
}

// binary reads a byte string as a view.
func (r *thrift) binary(t byte) []byte {
	if t != TBinary {
		r.fail(fmt.Errorf("type %d where bytes belong", t))
		return nil
	}
	n := r.uvarint()
	if n > uint64(len(r.b)-r.i) {
		r.fail(ErrShort)
		return nil
	}
	r.i += int(n)
	return r.b[r.i-int(n) : r.i : r.i]
}

// fields walks a structure. visit reads a field's value and reports true, or reports false to have it skipped.
func (r *thrift) fields(t byte, visit func(id int, t byte) bool) {
	if t != TStruct {
		r.fail(fmt.Errorf("type %d where a structure belongs", t))
		return
	}
	r.walk(0, visit)
}

func (r *thrift) walk(depth int, visit func(id int, t byte) bool) {
	if depth > maxThriftDepth {
		r.fail(errors.New("nested too deeply"))
	}
	id := 0
	for r.err == nil {
		h := r.byte()
		t := h & 15
		if t == tStop || r.err != nil {
			return
		}
		if d := h >> 4; d != 0 {
			id += int(d)
		} else {
			id = int(r.varint())
		}
		if !visit(id, t) {
			r.skip(t, depth+1)
		}
	}
}

// list reads a list; each element takes at least a byte, so a count beyond the bytes that are left is a lie. It gives begin the room
// to make first, which is bounded since elements in memory are far larger than a byte, and calls element once for each.
func (r *thrift) list(t byte, begin func(n int), element func(t byte)) {
	if t != tList && t != tSet {
		r.fail(fmt.Errorf("type %d where a list belongs", t))
		return
	}
	h := r.byte()
	n := uint64(h >> 4)
	if n == 15 {
		n = r.uvarint()
	}
	if n > uint64(len(r.b)-r.i) {
		r.fail(ErrShort)
		return
	}
	begin(int(min(n, 1024)))
	for range n {
		if r.err != nil {
			return
		}
		element(h & 15)
	}
}

func (r *thrift) skip(t byte, depth int) {
	if depth > maxThriftDepth {
		r.fail(errors.New("nested too deeply"))
		return
	}
	switch t {
	case tTrue, tFalse:
	case tI8:
		r.byte()
	case tI16, TI32, tI64:
		r.uvarint()
	case tDouble:
		if len(r.b)-r.i < 8 {
			r.fail(ErrShort)
			return
		}
		r.i += 8
	case TBinary:
		r.binary(t)
	case tList, tSet:
		r.list(t, func(int) {}, func(e byte) { r.skipElement(e, depth+1) })
	case tMap:
		n := r.uvarint()
		if n > uint64(len(r.b)-r.i) {
			r.fail(ErrShort)
			return
		}
		if n > 0 {
			kv := r.byte()
			for range n {
				if r.err != nil {
					return
				}
				r.skipElement(kv>>4, depth+1)
				r.skipElement(kv&15, depth+1)
			}
		}
	case TStruct:
		r.walk(depth, func(int, byte) bool { return false })
	default:
		r.fail(fmt.Errorf("unknown type %d", t))
	}
}

// skipElement skips inside a container, where a truth value takes a byte of its own.
func (r *thrift) skipElement(t byte, depth int) {
	if t == tTrue || t == tFalse {
		r.byte()
		return
	}
	r.skip(t, depth)
}

// Writer writes the compact protocol. Fields of a structure must come in ascending order of their ids.
type Writer struct {
	b    []byte
	last []int // the last field id of each open structure
}

// Bytes is what was written.
func (w *Writer) Bytes() []byte { return w.b }

// Begin opens a structure that is an element of a list, or the outermost one.
func (w *Writer) Begin() { w.last = append(w.last, 0) }

// End closes a structure.
func (w *Writer) End() {
	w.b = append(w.b, tStop)
	w.last = w.last[:len(w.last)-1]
}

func (w *Writer) field(id int, t byte) {
	top := len(w.last) - 1
	if d := id - w.last[top]; d > 0 && d < 16 {
		w.b = append(w.b, byte(d)<<4|t)
	} else {
		w.b = append(w.b, t)
		w.Varint(int64(id))
	}
	w.last[top] = id
}

// Zigzag gives small magnitudes of either sign small codes.
func Zigzag(i int64) uint64 { return uint64(i<<1) ^ uint64(i>>63) }

// Varint writes an integer as an element of a list.
func (w *Writer) Varint(i int64) { w.b = binary.AppendUvarint(w.b, Zigzag(i)) }

// I16 writes a field; as I32 and I64 do, of an integer.
func (w *Writer) I16(id int, i int16) {
	w.field(id, tI16)
	w.Varint(int64(i))
}

// I32 writes a field.
func (w *Writer) I32(id int, i int32) {
	w.field(id, TI32)
	w.Varint(int64(i))
}

// I64 writes a field.
func (w *Writer) I64(id int, i int64) {
	w.field(id, tI64)
	w.Varint(i)
}

// Boolean writes a field that is a truth value.
func (w *Writer) Boolean(id int, b bool) {
	if b {
		w.field(id, tTrue)
	} else {
		w.field(id, tFalse)
	}
}

// Binary writes a field that is bytes.
func (w *Writer) Binary(id int, s string) {
	w.field(id, TBinary)
	w.Text(s)
}

// Text writes bytes as an element of a list.
func (w *Writer) Text(s string) { w.b = append(binary.AppendUvarint(w.b, uint64(len(s))), s...) }

// List begins a field that is a list; its n elements follow.
func (w *Writer) List(id int, elem byte, n int) {
	w.field(id, tList)
	if n < 15 {
		w.b = append(w.b, byte(n)<<4|elem)
	} else {
		w.b = binary.AppendUvarint(append(w.b, 0xf0|elem), uint64(n))
	}
}

// Structure writes a field that is a structure.
func (w *Writer) Structure(id int, body func()) {
	w.field(id, TStruct)
	w.Begin()
	body()
	w.End()
}
