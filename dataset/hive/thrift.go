package hive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Types of Thrift's binary protocol.
const (
	tStop   = 0
	tBool   = 2
	tByte   = 3
	tDouble = 4
	tI16    = 6
	tI32    = 8
	tI64    = 10
	tString = 11
	tStruct = 12
	tMap    = 13
	tSet    = 14
	tList   = 15
)

// Kinds of messages.
const (
	call      = 1
	reply     = 2
	exception = 3

	version1 = 0x80010000
)

// What an answer may be at most, so that a damaged length takes no memory that is not there.
const (
	maxMessage = 256 << 20
	maxDepth   = 64
)

// object is a Thrift struct: its fields by number. Values are bool, int8, int16, int32, int64, float64, string, object, []any and mapping.
type object map[int16]any

// mapping is a Thrift map from strings; others are read and forgotten.
type mapping map[string]any

func (o object) text(id int16) string   { s, _ := o[id].(string); return s }
func (o object) number(id int16) int64  { return asInt(o[id]) }
func (o object) object(id int16) object { x, _ := o[id].(object); return x }

func asInt(v any) int64 {
	switch x := v.(type) {
	case int8:
		return int64(x)
	case int16:
		return int64(x)
	case int32:
		return int64(x)
	case int64:
		return x
	}
	return 0
}

// texts are the strings of a list.
func (o object) texts(id int16) []string {
	list, _ := o[id].([]any)
	out := make([]string, 0, len(list))
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// objects are the structs of a list.
func (o object) objects(id int16) []object {
	list, _ := o[id].([]any)
	out := make([]object, 0, len(list))
	for _, x := range list {
		if s, ok := x.(object); ok {
			out = append(out, s)
		}
	}
	return out
}

// params are a map of strings.
func (o object) params(id int16) map[string]string {
	m, _ := o[id].(mapping)
	out := make(map[string]string, len(m))
	for k, v := range m {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

// encoder writes a message.
type encoder struct{ b []byte }

func (e *encoder) i16(x int16) { e.b = binary.BigEndian.AppendUint16(e.b, uint16(x)) }
func (e *encoder) i32(x int32) { e.b = binary.BigEndian.AppendUint32(e.b, uint32(x)) }
func (e *encoder) text(s string) {
	e.i32(int32(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) message(name string, kind byte, sequence int32, args object) {
	e.b = binary.BigEndian.AppendUint32(e.b, version1|uint32(kind))
	e.text(name)
	e.i32(sequence)
	e.value(args)
}

func typeOf(v any) byte {
	switch v.(type) {
	case bool:
		return tBool
	case int8:
		return tByte
	case int16:
		return tI16
	case int32:
		return tI32
	case int64:
		return tI64
	case float64:
		return tDouble
	case string:
		return tString
	case object:
		return tStruct
	case mapping:
		return tMap
	case []any:
		return tList
	}
	panic(fmt.Sprintf("hive: no Thrift type for %T", v))
}

func (e *encoder) value(v any) {
	switch x := v.(type) {
	case bool:
		e.b = append(e.b, map[bool]byte{true: 1}[x])
	case int8:
		e.b = append(e.b, byte(x))
	case int16:
		e.i16(x)
	case int32:
		e.i32(x)
	case int64:
		e.b = binary.BigEndian.AppendUint64(e.b, uint64(x))
	case string:
		e.text(x)
	case object:
		for _, id := range slices.Sorted(maps.Keys(x)) {
			if x[id] == nil {
				continue
			}
			e.b = append(e.b, typeOf(x[id]))
			e.i16(id)
			e.value(x[id])
		}
		e.b = append(e.b, tStop)
	case mapping:
		e.b = append(e.b, tString, tString)
		e.i32(int32(len(x)))
		for _, k := range slices.Sorted(maps.Keys(x)) {
			e.text(k)
			e.value(x[k])
		}
	case []any:
		of := byte(tString) // what an empty list is of matters to nobody
		if len(x) > 0 {
			of = typeOf(x[0])
		}
		e.b = append(e.b, of)
		e.i32(int32(len(x)))
		for _, one := range x {
			e.value(one)
		}
	default:
		panic(fmt.Sprintf("hive: no Thrift type for %T", v))
	}
}

// decoder reads one message. Every length is checked against what may still come.
type decoder struct {
	in   io.Reader
	left int64
	err  error
	buf  [8]byte
}

var errMalformed = errors.New("the answer is no Thrift of the binary protocol")

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *decoder) bytes(n int) []byte {
	if d.err != nil {
		return d.buf[:n]
	}
	if d.left -= int64(n); d.left < 0 {
		d.fail(fmt.Errorf("the answer is larger than %d MiB", maxMessage>>20))
	} else if _, err := io.ReadFull(d.in, d.buf[:n]); err != nil {
		d.fail(err)
	}
	return d.buf[:n]
}

func (d *decoder) byte() byte { return d.bytes(1)[0] }
func (d *decoder) i16() int16 { return int16(binary.BigEndian.Uint16(d.bytes(2))) }
func (d *decoder) i32() int32 { return int32(binary.BigEndian.Uint32(d.bytes(4))) }
func (d *decoder) i64() int64 { return int64(binary.BigEndian.Uint64(d.bytes(8))) }

func (d *decoder) text() string {
	n := int64(d.i32())
	if d.err != nil {
		return ""
	}
	if n < 0 || n > d.left {
		d.fail(errMalformed)
		return ""
	}
	d.left -= n
	if n <= 1<<16 {
		b := make([]byte, n)
		if _, err := io.ReadFull(d.in, b); err != nil {
			d.fail(err)
		}
		return string(b)
	}
	b, err := io.ReadAll(io.LimitReader(d.in, n)) // grows with what comes, not with what was promised
	if err == nil && int64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		d.fail(err)
	}
	return string(b)
}

// message reads an answer's head and body.
func (d *decoder) message() (name string, kind byte, body object) {
	head := uint32(d.i32())
	if d.err == nil && head&0xffff0000 != version1 {
		d.fail(errMalformed)
	}
	name = d.text()
	d.i32()
	body, _ = d.value(tStruct, 0).(object)
	return name, byte(head), body
}

func (d *decoder) value(t byte, depth int) any {
	if depth > maxDepth {
		d.fail(errMalformed)
	}
	if d.err != nil {
		return nil
	}
	switch t {
	case tBool:
		return d.byte() != 0
	case tByte:
		return int8(d.byte())
	case tI16:
		return d.i16()
	case tI32:
		return d.i32()
	case tI64:
		return d.i64()
	case tDouble:
		d.i64()
		return nil // nothing that is read here is one
	case tString:
		return d.text()
	case tStruct:
		return d.object(depth)
	case tMap:
		return d.mapping(depth)
	case tList, tSet:
		return d.list(depth)
	}
	d.fail(errMalformed)
	return nil
}

func (d *decoder) object(depth int) any {
	o := object{}
	for d.err == nil {
		t := d.byte()
		if d.err != nil || t == tStop {
			break
		}
		id := d.i16()
		o[id] = d.value(t, depth+1)
	}
	return o
}

func (d *decoder) mapping(depth int) any {
	kt, vt, n := d.byte(), d.byte(), d.i32()
	m := mapping{}
	for i := int32(0); i < n && d.err == nil; i++ {
		k, v := d.value(kt, depth+1), d.value(vt, depth+1)
		if s, ok := k.(string); ok {
			m[s] = v
		}
	}
	if n < 0 {
		d.fail(errMalformed)
	}
	return m
}

func (d *decoder) list(depth int) any {
	t, n := d.byte(), d.i32()
	if n < 0 || int64(n) > d.left { // each element takes a byte at least
		d.fail(errMalformed)
		return nil
	}
	var out []any
	for i := int32(0); i < n && d.err == nil; i++ {
		out = append(out, d.value(t, depth+1))
	}
	return out
}
