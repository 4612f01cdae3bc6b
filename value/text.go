package value

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// String is the value as scripts and reports print it: null, true, 12, 1.5, a bare string, RFC 3339 times, lists and maps as JSON.
func (v Value) String() string {
	switch v.kind {
	case KindString:
		return v.str
	case KindTimestamp:
		return FormatTimestamp(v.Int())
	case KindDate:
		return FormatDate(v.Int())
	case KindBytes:
		return base64.StdEncoding.EncodeToString([]byte(v.str))
	}
	return string(AppendJSON(nil, v))
}

// AppendJSON adds the value as JSON: times as RFC 3339 strings, bytes as base64, floats in the shortest form that reads back the
// same, always with a point or an exponent so that a reader can tell them from ints.
func AppendJSON(dst []byte, v Value) []byte {
	switch v.kind {
	case KindNull:
		return append(dst, "null"...)
	case KindBool:
		return strconv.AppendBool(dst, v.num != 0)
	case KindInt:
		return strconv.AppendInt(dst, v.Int(), 10)
	case KindFloat:
		return AppendFloat(dst, v.Float())
	case KindString:
		return appendJSONString(dst, v.str)
	case KindBytes, KindTimestamp, KindDate:
		return appendJSONString(dst, v.String())
	}
	open, end := byte('{'), byte('}')
	if v.kind == KindList {
		open, end = '[', ']'
	}
	dst = append(dst, open)
	for i, e := range v.seq.elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v.kind != KindList {
			dst = append(appendJSONString(dst, v.seq.keys[i]), ':')
		}
		dst = AppendJSON(dst, e)
	}
	return append(dst, end)
}

// AppendFloat adds the shortest decimal text that reads back as f: 1.0, 0.1, 1e+300.
func AppendFloat(dst []byte, f float64) []byte {
	start := len(dst)
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if !bytes.ContainsAny(dst[start:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendJSONString writes most strings as they are: those of printable ASCII without quotes and backslashes.
func appendJSONString(dst []byte, s string) []byte {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = ' ' <= s[i] && s[i] <= '~' && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return append(append(append(dst, '"'), s...), '"')
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return append(dst, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

// Parse reads a cell of a script, a CSV field or a command line by its type: null; true, false; integers; decimal floats, NaN and
// Infinity (null, by V2); strings bare or as JSON strings; RFC 3339 times; YYYY-MM-DD dates; base64 bytes; lists, maps and structs as JSON.
func Parse(t Type, text string) (Value, error) {
	if text == "null" {
		return Value{}, nil
	}
	bad := func() (Value, error) { return Value{}, fmt.Errorf("%q is not %s", text, An(t.String())) }
	switch t.Kind {
	case KindString:
		if len(text) >= 2 && text[0] == '"' {
			return fromJSONText(t, text)
		}
		if !utf8.ValidString(text) {
			return bad()
		}
		return OfString(text), nil
	case KindList, KindMap, KindStruct:
		return fromJSONText(t, text)
	case KindNull:
		return bad()
	}
	v, ok := parseScalar(t.Kind, text)
	if !ok {
		return bad()
	}
	return v, nil
}

func parseScalar(k Kind, text string) (Value, bool) {
	switch k {
	case KindBool:
		return OfBool(text == "true"), text == "true" || text == "false"
	case KindInt:
		i, err := strconv.ParseInt(text, 10, 64)
		return OfInt(i), err == nil
	case KindFloat:
		switch text {
		case "NaN", "Infinity", "-Infinity":
			return Value{}, true
		}
		f, err := strconv.ParseFloat(text, 64)
		return OfFloat(f), err == nil && f-f == 0
	case KindTimestamp:
		ms, ok := ParseTimestamp(text)
		return OfTimestamp(ms), ok
	case KindDate:
		d, ok := ParseDate(text)
		return OfDate(d), ok
	case KindBytes:
		b, err := base64.StdEncoding.DecodeString(text)
		return OfBytes(b), err == nil
	}
	return Value{}, false
}

func fromJSONText(t Type, text string) (Value, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return Value{}, fmt.Errorf("%q is not %s: %w", text, An(t.String()), err)
	}
	if d.More() {
		return Value{}, fmt.Errorf("%q is not %s: text after its end", text, An(t.String()))
	}
	return FromJSON(t, x)
}

// FromJSON makes a value of type t from decoded JSON (json.Number for numbers). Integers may be strings, timestamps RFC 3339
// strings or integer ms; anything else of the wrong shape is an error.
func FromJSON(t Type, x any) (Value, error) {
	bad := func() (Value, error) {
		got, _ := json.Marshal(x)
		return Value{}, fmt.Errorf("%.60s is not %s", got, An(t.String()))
	}
	switch y := x.(type) {
	case nil:
		return Value{}, nil
	case bool:
		if t.Kind == KindBool {
			return OfBool(y), nil
		}
	case json.Number:
		switch t.Kind {
		case KindInt, KindTimestamp:
			i, err := strconv.ParseInt(y.String(), 10, 64)
			if err != nil || (t.Kind == KindTimestamp && OfTimestamp(i).IsNull()) {
				return bad()
			}
			return OfNumber(t.Kind, i), nil
		case KindFloat:
			if v, ok := parseScalar(KindFloat, y.String()); ok {
				return v, nil
			}
		}
	case string:
		switch t.Kind {
		case KindString:
			if utf8.ValidString(y) {
				return OfString(y), nil
			}
		case KindInt, KindTimestamp, KindDate, KindBytes:
			if v, ok := parseScalar(t.Kind, y); ok {
				return v, nil
			}
		case KindFloat:
			if y == "NaN" || y == "Infinity" || y == "-Infinity" {
				return Value{}, nil
			}
		}
	case []any:
		if t.Kind == KindList {
			return listFromJSON(t, y)
		}
	case map[string]any:
		if t.Kind == KindMap || t.Kind == KindStruct {
			return entriesFromJSON(t, y)
		}
	}
	return bad()
}

func listFromJSON(t Type, xs []any) (Value, error) {
	elems := make([]Value, len(xs))
	for i, x := range xs {
		v, err := FromJSON(*t.Elem, x)
		if err != nil {
			return Value{}, fmt.Errorf("element %d: %w", i, err)
		}
		elems[i] = v
	}
	return OfList(elems), nil
}

func entriesFromJSON(t Type, m map[string]any) (Value, error) {
	if t.Kind == KindMap {
		entries := make([]Entry, 0, len(m))
		for k, x := range m {
			v, err := FromJSON(*t.Elem, x)
			if err != nil {
				return Value{}, fmt.Errorf("entry %q: %w", k, err)
			}
			entries = append(entries, Entry{k, v})
		}
		return OfMap(entries), nil
	}
	fields := make([]Entry, len(t.Fields))
	known := 0
	for i, f := range t.Fields {
		x, ok := m[f.Name]
		if ok {
			known++
		}
		v, err := FromJSON(f.Type, x)
		if err != nil {
			return Value{}, fmt.Errorf("field %q: %w", f.Name, err)
		}
		fields[i] = Entry{f.Name, v}
	}
	if known < len(m) {
		for k := range m {
			if _, ok := StructOf(t.Fields...).FieldType(k); !ok {
				return Value{}, fmt.Errorf("unknown field %q", k)
			}
		}
	}
	return OfStruct(fields), nil
}

// FieldType finds the type of a struct's field.
func (t Type) FieldType(name string) (Type, bool) { return Schema(t.Fields).Lookup(name) }
