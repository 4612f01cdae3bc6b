package value

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/bighead-ml/bighead/value/fault"
)

// Value is one cell: null, or a value of one of the kinds. The zero Value is null. Values are immutable and safe to share.
//
// The constructors keep the invariants of the contract: a float is never NaN, infinite or −0.0 (V2), a timestamp or date lies in
// years 0001–9999 (V3), a map's entries are in key order and its keys are distinct.
type Value struct {
	kind Kind
	num  uint64 // bool, int, float bits, ms, days
	str  string // string, bytes
	seq  *sequence
}

// sequence is what a list (elems), map (keys ascending, elems) or struct (keys in field order, elems) holds.
type sequence struct {
	keys  []string
	elems []Value
}

// OfBool and its siblings make values of a kind.
func OfBool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// OfInt makes an int.
func OfInt(i int64) Value { return Value{kind: KindInt, num: uint64(i)} }

// OfFloat makes a float; NaN and infinities are null, −0.0 is 0.0 (V2).
func OfFloat(f float64) Value {
	f, ok := Finite(f)
	if !ok {
		return Value{}
	}
	return Value{kind: KindFloat, num: math.Float64bits(f)}
}

// Finite normalises a float by V2: −0.0 becomes 0.0; false where NaN or infinite.
func Finite(f float64) (float64, bool) {
	if f-f != 0 { // NaN for NaN and ±Inf, else 0
		return 0, false
	}
	if fault.Planted("value: a negative zero stays") {
		return f, true
	}
	return f + 0, true // −0.0 + 0 is 0.0
}

// OfString makes a string; the text must be valid UTF-8 (readers null what is not, V5).
func OfString(s string) Value { return Value{kind: KindString, str: s} }

// OfBytes makes a byte string, copying b.
func OfBytes(b []byte) Value { return Value{kind: KindBytes, str: string(b)} }

// OfBytesString makes a byte string from bytes that are already held in an immutable string.
func OfBytesString(s string) Value { return Value{kind: KindBytes, str: s} }

// OfTimestamp makes a timestamp from ms since the epoch; null outside years 0001–9999 (V3).
func OfTimestamp(ms int64) Value {
	if ms < MinTimestamp || ms > MaxTimestamp {
		return Value{}
	}
	return Value{kind: KindTimestamp, num: uint64(ms)}
}

// OfDate makes a date from days since the epoch; null outside years 0001–9999 (V3).
func OfDate(days int64) Value {
	if days < MinDate || days > MaxDate {
		return Value{}
	}
	return Value{kind: KindDate, num: uint64(days)}
}

// OfList makes a list; it keeps elems, which must not be written to afterwards.
func OfList(elems []Value) Value { return Value{kind: KindList, seq: &sequence{elems: elems}} }

// Entry is one entry of a map or one field of a struct.
type Entry struct {
	Key   string
	Value Value
}

// OfMap makes a map, sorting the entries by key; of equal keys the last given stays.
func OfMap(entries []Entry) Value {
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].Key < entries[j].Key })
	s := &sequence{keys: make([]string, 0, len(entries)), elems: make([]Value, 0, len(entries))}
	for i, e := range entries {
		if i+1 < len(entries) && entries[i+1].Key == e.Key {
			continue
		}
		s.keys, s.elems = append(s.keys, e.Key), append(s.elems, e.Value)
	}
	return Value{kind: KindMap, seq: s}
}

// OfStruct makes a struct with the fields in the order of its type.
func OfStruct(fields []Entry) Value {
	s := &sequence{keys: make([]string, len(fields)), elems: make([]Value, len(fields))}
	for i, f := range fields {
		s.keys[i], s.elems[i] = f.Key, f.Value
	}
	return Value{kind: KindStruct, seq: s}
}

// OfNumber makes a value of a kind that is held in an int64: bool, int, timestamp, date.
func OfNumber(k Kind, n int64) Value {
	switch k {
	case KindBool:
		return OfBool(n != 0)
	case KindTimestamp:
		return OfTimestamp(n)
	case KindDate:
		return OfDate(n)
	case KindInt:
		return OfInt(n)
	}
	panic("value.OfNumber: " + k.String())
}

// Kind is KindNull for null.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// Bool is the value of a bool; false of anything else.
func (v Value) Bool() bool { return v.kind == KindBool && v.num != 0 }

// Int is the number of a bool, int, timestamp (ms) or date (days).
func (v Value) Int() int64 { return int64(v.num) }

// Float is the number of a float.
func (v Value) Float() float64 { return math.Float64frombits(v.num) }

// Number is the value of an int or float as a float.
func (v Value) Number() float64 {
	if v.kind == KindFloat {
		return v.Float()
	}
	return float64(int64(v.num))
}

// Str is the text of a string, or the bytes of a bytes value.
func (v Value) Str() string { return v.str }

// Len is the number of elements of a list, entries of a map or fields of a struct.
func (v Value) Len() int {
	if v.seq == nil {
		return 0
	}
	return len(v.seq.elems)
}

// At is the i-th element, entry's value or field.
func (v Value) At(i int) Value { return v.seq.elems[i] }

// KeyAt is the key of the i-th entry of a map or field of a struct.
func (v Value) KeyAt(i int) string { return v.seq.keys[i] }

// Lookup finds a map's value by key, or a struct's field by name.
func (v Value) Lookup(key string) (Value, bool) {
	if v.seq == nil {
		return Value{}, false
	}
	var i int
	ok := false
	if v.kind == KindMap {
		i, ok = slices.BinarySearch(v.seq.keys, key)
	} else {
		i = slices.Index(v.seq.keys, key)
		ok = i >= 0
	}
	if !ok {
		return Value{}, false
	}
	return v.seq.elems[i], true
}

// Compare orders two values of one type by §1: null first; false before true; strings and bytes by byte; lists, maps and structs
// element by element, the shorter first (maps as their sorted entries). It is a total order also between kinds, by kind.
func Compare(a, b Value) int {
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	switch a.kind {
	case KindFloat:
		return cmp.Compare(a.Float(), b.Float())
	case KindString, KindBytes:
		return strings.Compare(a.str, b.str)
	case KindList, KindMap, KindStruct:
		return compareSequence(a, b)
	}
	return cmp.Compare(int64(a.num), int64(b.num))
}

func compareSequence(a, b Value) int {
	for i := range min(a.Len(), b.Len()) {
		if a.kind == KindMap {
			if c := strings.Compare(a.KeyAt(i), b.KeyAt(i)); c != 0 {
				return c
			}
		}
		if c := Compare(a.At(i), b.At(i)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Len(), b.Len())
}

// Equal reports whether two values are the same, null equal to null.
func Equal(a, b Value) bool { return Compare(a, b) == 0 }

// CompareRows orders rows of one schema column by column.
func CompareRows(a, b []Value) int { return slices.CompareFunc(a, b, Compare) }

// HasType reports whether the value may stand in a column of type t; null may stand in any.
func (v Value) HasType(t Type) bool {
	if v.IsNull() {
		return true
	}
	if v.kind != t.Kind {
		return false
	}
	switch t.Kind {
	case KindList, KindMap:
		return !slices.ContainsFunc(v.seq.elems, func(e Value) bool { return !e.HasType(*t.Elem) })
	case KindStruct:
		if v.Len() != len(t.Fields) {
			return false
		}
		for i, f := range t.Fields {
			if v.KeyAt(i) != f.Name || !v.At(i).HasType(f.Type) {
				return false
			}
		}
	}
	return true
}
