package value

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Tags of the canonical encoding. They are part of stored data: never renumber. The order is that of kinds, so that encodings
// compare as values do; tagEnd closes a sequence and sorts before any element, so that the shorter of two lists comes first.
const (
	tagEnd    = 0x00
	tagNull   = 0x01
	tagFalse  = 0x02
	tagTrue   = 0x03
	tagInt    = 0x04
	tagFloat  = 0x05
	tagString = 0x06
	tagBytes  = 0x07
	tagTime   = 0x08
	tagDate   = 0x09
	tagList   = 0x0a
	tagMap    = 0x0b
	tagStruct = 0x0c
)

// Append adds the canonical encoding of v to dst: typed, self-delimiting, and ordered, so that bytes.Compare of two encodings
// is Compare of the values (V4).
func Append(dst []byte, v Value) []byte {
	switch v.kind {
	case KindNull:
		return append(dst, tagNull)
	case KindBool:
		return append(dst, tagFalse+byte(v.num))
	case KindInt:
		return binary.BigEndian.AppendUint64(append(dst, tagInt), v.num^(1<<63))
	case KindTimestamp:
		return binary.BigEndian.AppendUint64(append(dst, tagTime), v.num^(1<<63))
	case KindDate:
		return binary.BigEndian.AppendUint64(append(dst, tagDate), v.num^(1<<63))
	case KindFloat:
		return binary.BigEndian.AppendUint64(append(dst, tagFloat), orderedBits(v.num))
	case KindString:
		return appendText(append(dst, tagString), v.str)
	case KindBytes:
		return appendText(append(dst, tagBytes), v.str)
	}
	dst = append(dst, tagList+byte(v.kind-KindList))
	for i, e := range v.seq.elems {
		if v.kind != KindList {
			dst = appendText(append(dst, tagString), v.seq.keys[i])
		}
		dst = Append(dst, e)
	}
	return append(dst, tagEnd)
}

// AppendKey adds the encodings of a key's parts; V4 makes it unambiguous without a separator.
func AppendKey(dst []byte, key []Value) []byte {
	for _, v := range key {
		dst = Append(dst, v)
	}
	return dst
}

// orderedBits maps float bits to integers of the same order: negative numbers are inverted, positive ones get the sign bit.
func orderedBits(b uint64) uint64 {
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

func floatBits(o uint64) uint64 {
	if o>>63 != 0 {
		return o &^ (1 << 63)
	}
	return ^o
}

// appendText writes bytes with 0x00 as 0x00 0xff, closed by 0x00 0x01, which keeps the order of the texts.
func appendText(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(append(dst, s...), 0x00, 0x01)
		}
		dst = append(append(dst, s[:i]...), 0x00, 0xff)
		s = s[i+1:]
	}
}

// maxDecodeDepth bounds nesting of lists, maps and structs in stored bytes.
const maxDecodeDepth = 64

// Decode reads one canonical encoding and returns the rest of the bytes. Anything that Append does not write is an error.
func Decode(b []byte) (Value, []byte, error) { return decode(b, 0) }

func decode(b []byte, depth int) (Value, []byte, error) {
	if len(b) == 0 {
		return Value{}, nil, fmt.Errorf("decode value: no bytes left")
	}
	if depth > maxDecodeDepth {
		return Value{}, nil, fmt.Errorf("decode value: nested deeper than %d", maxDecodeDepth)
	}
	tag, rest := b[0], b[1:]
	switch tag {
	case tagNull:
		return Value{}, rest, nil
	case tagFalse, tagTrue:
		return OfBool(tag == tagTrue), rest, nil
	case tagInt, tagTime, tagDate, tagFloat:
		return decodeNumber(tag, rest)
	case tagString, tagBytes:
		s, rest, err := decodeText(rest)
		if tag == tagBytes {
			return OfBytesString(s), rest, err
		}
		return OfString(s), rest, err
	case tagList, tagMap, tagStruct:
		return decodeSequence(KindList+Kind(tag-tagList), rest, depth)
	}
	return Value{}, nil, fmt.Errorf("decode value: unknown tag 0x%02x", tag)
}

func decodeNumber(tag byte, b []byte) (Value, []byte, error) {
	if len(b) < 8 {
		return Value{}, nil, fmt.Errorf("decode value: number cut short")
	}
	u, rest := binary.BigEndian.Uint64(b), b[8:]
	var v Value
	switch tag {
	case tagInt:
		v = OfInt(int64(u ^ (1 << 63)))
	case tagTime:
		v = OfTimestamp(int64(u ^ (1 << 63)))
	case tagDate:
		v = OfDate(int64(u ^ (1 << 63)))
	case tagFloat:
		v = OfFloat(math.Float64frombits(floatBits(u)))
		if !v.IsNull() && orderedBits(v.num) != u {
			v = Value{}
		}
	}
	if v.IsNull() {
		return Value{}, nil, fmt.Errorf("decode value: number out of its range")
	}
	return v, rest, nil
}

func decodeText(b []byte) (string, []byte, error) {
	var out []byte
	for start := 0; ; {
		i := start
		for i < len(b) && b[i] != 0 {
			i++
		}
		if i+1 >= len(b) {
			return "", nil, fmt.Errorf("decode value: text cut short")
		}
		switch b[i+1] {
		case 0x01:
			if out == nil {
				return string(b[start:i]), b[i+2:], nil
			}
			return string(append(out, b[start:i]...)), b[i+2:], nil
		case 0xff:
			out = append(append(out, b[start:i]...), 0)
			start = i + 2
		default:
			return "", nil, fmt.Errorf("decode value: bad escape 0x%02x in text", b[i+1])
		}
	}
}

func decodeSequence(kind Kind, b []byte, depth int) (Value, []byte, error) {
	s := &sequence{elems: []Value{}}
	for {
		if len(b) == 0 {
			return Value{}, nil, fmt.Errorf("decode value: %s cut short", kind)
		}
		if b[0] == tagEnd {
			return Value{kind: kind, seq: s}, b[1:], nil
		}
		if kind != KindList {
			if b[0] != tagString {
				return Value{}, nil, fmt.Errorf("decode value: %s with a key that is no string", kind)
			}
			key, rest, err := decodeText(b[1:])
			if err != nil {
				return Value{}, nil, err
			}
			if n := len(s.keys); kind == KindMap && n > 0 && s.keys[n-1] >= key {
				return Value{}, nil, fmt.Errorf("decode value: map keys out of order")
			}
			s.keys, b = append(s.keys, key), rest
		}
		e, rest, err := decode(b, depth+1)
		if err != nil {
			return Value{}, nil, err
		}
		s.elems, b = append(s.elems, e), rest
	}
}
