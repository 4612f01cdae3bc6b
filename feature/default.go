package feature

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// literal types a constant by the value that it stands for: an int meets a float (X3), times are their text. Where it
// cannot, that is reported; none, and None, are null.
func (c *checker) literal(l *Literal, t value.Type, argument string) value.Value {
	if l == nil {
		return value.Value{}
	}
	v, why := constant(l.Value, l.Kind, t)
	if l.Kind == TypicalLiteral {
		why = "is bh.typical, which stands in for failures alone (fallback=)"
	}
	if why != "" {
		c.badDefault(l.At, argument, why, t)
		return value.Value{}
	}
	return v
}

// typical checks that what usually is can be told of values of a type: they have a middle, or are one of a few.
func (c *checker) typical(at Span, t value.Type) bool {
	switch t.Kind {
	case value.KindList, value.KindMap, value.KindStruct:
		c.badDefault(at, "fallback", "is bh.typical, and the value is "+typeText(t)+": of those none is usual", t)
		return false
	}
	return true
}

// constant makes a value of type t of what Python wrote; why says what stands in the way.
func constant(x any, kind LiteralKind, t value.Type) (v value.Value, why string) {
	wrong := func() (value.Value, string) {
		return value.Value{}, fmt.Sprintf("is %s, and the value is %s", pythonText(x), typeText(t))
	}
	switch y := x.(type) {
	case nil:
		return value.Value{}, ""
	case bool:
		if t.Kind == value.KindBool {
			return value.OfBool(y), ""
		}
	case int64:
		switch t.Kind {
		case value.KindInt:
			return value.OfInt(y), ""
		case value.KindFloat:
			return value.OfFloat(float64(y)), ""
		}
	case float64:
		if t.Kind == value.KindFloat {
			return value.OfFloat(y), ""
		}
		if t.Kind == value.KindInt && y == math.Trunc(y) {
			return value.Value{}, fmt.Sprintf("is the float %g, and the value is an int", y)
		}
	case string:
		return textConstant(y, kind, t)
	case []byte:
		if t.Kind == value.KindBytes {
			return value.OfBytes(y), ""
		}
	case []any:
		if t.Kind == value.KindList {
			return listConstant(y, *t.Elem)
		}
	case map[string]any:
		if t.Kind == value.KindMap || t.Kind == value.KindStruct {
			return mapConstant(y, t)
		}
	}
	return wrong()
}

func textConstant(s string, kind LiteralKind, t value.Type) (value.Value, string) {
	switch t.Kind {
	case value.KindString:
		if kind == TimestampLiteral || kind == DateLiteral {
			break
		}
		return value.OfString(s), ""
	case value.KindTimestamp:
		if ms, ok := parsePythonTime(s); ok {
			return value.OfTimestamp(ms), ""
		}
	case value.KindDate:
		if days, ok := value.ParseDate(s); ok {
			return value.OfDate(days), ""
		}
	}
	return value.Value{}, fmt.Sprintf("is %q, and the value is %s", shorten(s), typeText(t))
}

// parsePythonTime reads RFC 3339, or isoformat without a zone, which is UTC (§1).
func parsePythonTime(s string) (int64, bool) {
	if ms, ok := value.ParseTimestamp(s); ok {
		return ms, true
	}
	if len(s) > 10 && s[10] == ' ' {
		s = s[:10] + "T" + s[11:]
	}
	return value.ParseTimestamp(s + "Z")
}

func listConstant(list []any, elem value.Type) (value.Value, string) {
	out := make([]value.Value, len(list))
	for i, x := range list {
		v, why := constant(x, "", elem)
		if why != "" {
			return value.Value{}, fmt.Sprintf("has an element %d that %s", i, why)
		}
		if v.IsNull() {
			return value.Value{}, fmt.Sprintf("has an element %d that is None, and lists of features hold no null", i)
		}
		out[i] = v
	}
	return value.OfList(out), ""
}

func mapConstant(m map[string]any, t value.Type) (value.Value, string) {
	if t.Kind == value.KindStruct {
		return structConstant(m, t)
	}
	entries := make([]value.Entry, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v, why := constant(m[k], "", *t.Elem)
		if why != "" {
			return value.Value{}, fmt.Sprintf("has an entry %q that %s", k, why)
		}
		entries = append(entries, value.Entry{Key: k, Value: v})
	}
	return value.OfMap(entries), ""
}

func structConstant(m map[string]any, t value.Type) (value.Value, string) {
	fields := make([]value.Entry, len(t.Fields))
	for i, f := range t.Fields {
		v, why := constant(m[f.Name], "", f.Type)
		if why != "" {
			return value.Value{}, fmt.Sprintf("has a field %q that %s", f.Name, why)
		}
		fields[i] = value.Entry{Key: f.Name, Value: v}
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if _, ok := t.FieldType(k); !ok {
			return value.Value{}, fmt.Sprintf("has a field %q, and the value is %s", k, typeText(t))
		}
	}
	return value.OfStruct(fields), ""
}

// pythonText is a constant as its author wrote it, about.
func pythonText(x any) string {
	switch y := x.(type) {
	case bool:
		return strings.ToUpper(fmt.Sprint(y)[:1]) + fmt.Sprint(y)[1:]
	case []byte:
		return "bytes"
	case []any:
		return "a list"
	case map[string]any:
		return "a dictionary"
	}
	return fmt.Sprint(x)
}
