package feature

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// Literal is a constant that stands for a value: a default, a fallback. Value is nil, bool, int64, float64, string,
// []byte, []any or map[string]any by Kind; what is inside a list or a map is nil, bool, int64, float64, string, []any
// or map[string]any. A timestamp and a date are their text, as the author or Python's isoformat wrote it.
type Literal struct {
	Kind  LiteralKind
	Value any
	At    Span
}

// LiteralKind is the Python type that a literal had.
type LiteralKind string

// The kinds of literals.
const (
	NullLiteral      LiteralKind = "null"
	BoolLiteral      LiteralKind = "bool"
	IntLiteral       LiteralKind = "int"
	FloatLiteral     LiteralKind = "float"
	StringLiteral    LiteralKind = "string"
	BytesLiteral     LiteralKind = "bytes"
	TimestampLiteral LiteralKind = "timestamp"
	DateLiteral      LiteralKind = "date"
	ListLiteral      LiteralKind = "list"
	MapLiteral       LiteralKind = "map"
	TypicalLiteral   LiteralKind = "typical" // bh.typical: no constant, but what the feature usually is
)

type wireLiteral struct {
	Kind  LiteralKind `json:"kind"`
	Value any         `json:"value"`
	At    Span        `json:"at"`
}

// MarshalJSON writes {"kind", "value", "at"}. A float is written with a point or an exponent, so that 1.0 stays one.
func (l Literal) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireLiteral{Kind: l.Kind, Value: floatsAsNumbers(l.Value), At: l.At})
}

func floatsAsNumbers(v any) any {
	switch x := v.(type) {
	case float64:
		b, err := json.Marshal(x)
		if err != nil || strings.ContainsAny(string(b), ".eE") {
			return x
		}
		return json.RawMessage(string(b) + ".0")
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = floatsAsNumbers(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = floatsAsNumbers(e)
		}
		return out
	}
	return v
}

// UnmarshalJSON reads what MarshalJSON writes and refuses a value that is not of its kind.
func (l *Literal) UnmarshalJSON(b []byte) error {
	var w wireLiteral
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	d.UseNumber() // 1 is an int and 1.0 a float
	if err := d.Decode(&w); err != nil {
		return err
	}
	v, err := plain(w.Value)
	if err != nil {
		return err
	}
	v, err = ofKind(w.Kind, v)
	if err != nil {
		return err
	}
	*l = Literal{Kind: w.Kind, Value: v, At: w.At}
	return nil
}

// plain turns JSON numbers into int64 or float64.
func plain(v any) (any, error) {
	switch x := v.(type) {
	case json.Number:
		if strings.ContainsAny(x.String(), ".eE") {
			return x.Float64()
		}
		return x.Int64()
	case []any:
		for i, e := range x {
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			x[i] = p
		}
	case map[string]any:
		for k, e := range x {
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			x[k] = p
		}
	}
	return v, nil
}

func ofKind(kind LiteralKind, v any) (any, error) {
	ok := false
	switch kind {
	case NullLiteral, TypicalLiteral:
		ok = v == nil
	case BoolLiteral:
		_, ok = v.(bool)
	case IntLiteral:
		_, ok = v.(int64)
	case FloatLiteral:
		_, ok = v.(float64)
	case StringLiteral, TimestampLiteral, DateLiteral:
		_, ok = v.(string)
	case BytesLiteral:
		s, isText := v.(string)
		if isText {
			raw, err := base64.StdEncoding.DecodeString(s)
			return raw, err
		}
	case ListLiteral:
		_, ok = v.([]any)
	case MapLiteral:
		_, ok = v.(map[string]any)
	default:
		return nil, fmt.Errorf("literal of unknown kind %q", kind)
	}
	if !ok {
		return nil, fmt.Errorf("literal of kind %q holds %T", kind, v)
	}
	return v, nil
}
