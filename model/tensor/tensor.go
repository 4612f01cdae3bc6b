// Package tensor is the wire of the Open Inference Protocol, version 2, which both ends share: datatypes, and tensors of them as JSON, as bytes
// (the binary extension, raw contents) and as typed contents of gRPC. It knows neither models nor servers; serve/oip answers with it, and
// model/remote asks. pb/ is the service's generated code.
package tensor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Datatype is one of the protocol's.
type Datatype struct {
	Name  string
	Bytes int // of an element; 0: of BYTES, whose elements have a length
	Kind  Kind
}

// Kind is how the elements of a tensor are kept.
type Kind uint8

// The kinds of elements.
const (
	Ints Kind = iota
	Uints
	Floats
	Bools
	Texts
)

var datatypes = []Datatype{
	{"BOOL", 1, Bools}, {"UINT8", 1, Uints}, {"UINT16", 2, Uints}, {"UINT32", 4, Uints}, {"UINT64", 8, Uints},
	{"INT8", 1, Ints}, {"INT16", 2, Ints}, {"INT32", 4, Ints}, {"INT64", 8, Ints},
	{"FP16", 2, Floats}, {"BF16", 2, Floats}, {"FP32", 4, Floats}, {"FP64", 8, Floats}, {"BYTES", 0, Texts},
}

// DatatypeOf finds a datatype by its name.
func DatatypeOf(name string) (Datatype, error) {
	i := slices.IndexFunc(datatypes, func(d Datatype) bool { return d.Name == name })
	if i >= 0 {
		return datatypes[i], nil
	}
	names := make([]string, len(datatypes))
	for i, d := range datatypes {
		names[i] = d.Name
	}
	near := ""
	if n := expr.Nearest(name, names); len(n) > 0 {
		near = "; did you mean " + n[0] + "?"
	}
	return Datatype{}, fmt.Errorf("datatype %.40q is none of the protocol's: %s%s", name, strings.Join(names, ", "), near)
}

// Tensor is one input or output. Elements stand in row-major order.
type Tensor struct {
	Name   string
	Of     Datatype
	Shape  []int64
	Values []value.Value // null where JSON says null or a float is NaN
}

// Metadata describes a tensor; -1 in a shape is a dimension of any size.
type Metadata struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
}

// LengthHeader says over HTTP how many of a body's bytes are JSON, where tensors follow in binary.
const LengthHeader = "Inference-Header-Content-Length"

// BinaryExtension is what servers that take tensors in binary over HTTP say that they have.
const BinaryExtension = "binary_tensor_data"

// maxElements bounds a tensor.
const maxElements = 1 << 24

// Elements is how many a shape has.
func Elements(shape []int64) (int, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > maxElements || n*d > maxElements {
			return 0, fmt.Errorf("shape %v: at most %d elements are taken, and no dimension is below 0", shape, maxElements)
		}
		n *= d
	}
	return int(n), nil
}

// integer is a whole number as a value; one beyond int64 is refused, since no column holds it.
func (d Datatype) integer(u uint64) (value.Value, error) {
	if d.Kind == Uints && u > math.MaxInt64 {
		return value.Value{}, fmt.Errorf("%d is beyond what an int holds", u)
	}
	return value.OfInt(int64(u)), nil
}

// FromBytes reads elements as the binary extension and raw contents have them: little-endian, texts with their length before them.
func (t *Tensor) FromBytes(b []byte, n int) error {
	if t.Of.Bytes > 0 && len(b) != n*t.Of.Bytes {
		return fmt.Errorf("%d bytes for %d elements of %s, which take %d", len(b), n, t.Of.Name, n*t.Of.Bytes)
	}
	if t.Of.Bytes == 0 && len(b) < 4*n {
		return fmt.Errorf("%d bytes for %d elements of BYTES, each of which has 4 bytes of length", len(b), n)
	}
	t.Values = make([]value.Value, n)
	for i := range t.Values {
		if t.Of.Kind == Texts {
			if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
				return fmt.Errorf("element %d is cut short", i)
			}
			size := binary.LittleEndian.Uint32(b)
			t.Values[i] = value.OfBytes(b[4 : 4+size])
			b = b[4+size:]
			continue
		}
		v, err := t.Of.element(b)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		t.Values[i], b = v, b[t.Of.Bytes:]
	}
	if len(b) > 0 && t.Of.Kind == Texts {
		return fmt.Errorf("%d bytes follow the last element", len(b))
	}
	return nil
}

// element reads one element of fixed length.
func (d Datatype) element(b []byte) (value.Value, error) {
	var u uint64
	switch d.Bytes {
	case 1:
		u = uint64(b[0])
	case 2:
		u = uint64(binary.LittleEndian.Uint16(b))
	case 4:
		u = uint64(binary.LittleEndian.Uint32(b))
	case 8:
		u = binary.LittleEndian.Uint64(b)
	}
	switch d.Kind {
	case Bools:
		if u > 1 {
			return value.Value{}, fmt.Errorf("%d is neither 0 nor 1", u)
		}
		return value.OfBool(u == 1), nil
	case Ints:
		shift := 64 - 8*d.Bytes
		return d.integer(uint64(int64(u<<shift) >> shift))
	case Uints:
		return d.integer(u)
	}
	switch d.Name {
	case "FP16":
		return number(float16(uint16(u)))
	case "BF16":
		return number(float64(math.Float32frombits(uint32(u) << 16)))
	case "FP32":
		return number(float64(math.Float32frombits(uint32(u))))
	}
	return number(math.Float64frombits(u))
}

// number is a float as a value: NaN is missing, and infinities are refused, since no column holds them.
func number(x float64) (value.Value, error) {
	if math.IsInf(x, 0) {
		return value.Value{}, fmt.Errorf("%v is no number that a column holds", x)
	}
	return value.OfFloat(x), nil
}

// float16 is IEEE 754's binary16.
func float16(b uint16) float64 {
	sign, exponent, fraction := 1.0, int(b>>10&0x1f), float64(b&0x3ff)
	if b>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1+fraction/1024, exponent-15)
}

// FromJSON reads elements as JSON has them: an array, nested as the shape is or flat.
func (t *Tensor) FromJSON(text json.RawMessage, n int) error {
	if t.Of.Kind == Floats && t.fromNumbers(string(text), n) {
		return nil
	}
	return t.fromTokens(text, n)
}

func (t *Tensor) fromTokens(text json.RawMessage, n int) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	t.Values = make([]value.Value, 0, min(n, len(text)))
	depth := 0
	for {
		token, err := d.Token()
		if err != nil {
			return fmt.Errorf("data is no JSON: %w", err)
		}
		switch x := token.(type) {
		case json.Delim:
			switch x {
			case '[':
				depth++
			case ']':
				depth--
			default:
				return fmt.Errorf("data has an object where elements stand")
			}
			if depth == 0 {
				return t.counted(n)
			}
			continue
		default:
			if depth == 0 {
				return fmt.Errorf("data is no array")
			}
			v, err := t.Of.fromToken(x)
			if err != nil {
				return fmt.Errorf("element %d: %w", len(t.Values), err)
			}
			if len(t.Values) == n {
				return fmt.Errorf("more than the %d elements that the shape has", n)
			}
			t.Values = append(t.Values, v)
		}
	}
}

// fromNumbers reads what most tensors are, an array of numbers and nulls, as many as there are to be, without the decoder, which makes a token of each;
// false: it is something else, or something is wrong with it, and the decoder says what.
func (t *Tensor) fromNumbers(text string, n int) bool {
	t.Values = make([]value.Value, 0, min(n, len(text)))
	depth, last := 0, byte('[') // the last of "[,]" and, for an element, 'x'
	for len(text) > 0 {
		next, c := 1, text[0]
		opens := depth > 0 && (last == '[' || last == ',') // an element or an array may begin
		switch {
		case c == ' ', c == '\n', c == '\t', c == '\r':
			text = text[1:]
			continue
		case c == '[' && (opens || depth == 0):
			depth++
		case c == ']' && depth > 0 && last != ',':
			if depth--; depth == 0 {
				return len(t.Values) == n && strings.TrimLeft(text[1:], " \n\t\r") == ""
			}
		case c == ',' && depth > 0 && (last == 'x' || last == ']'):
		case opens && strings.HasPrefix(text, "null"):
			next, c = 4, 'x'
			t.Values = append(t.Values, value.Value{})
		case opens && (c == '-' || c >= '0' && c <= '9'):
			next, c = numberIn(text), 'x'
			x, err := strconv.ParseFloat(text[:next], 64)
			if err != nil || len(t.Values) == n {
				return false
			}
			t.Values = append(t.Values, value.OfFloat(x))
		default:
			return false
		}
		text, last = text[next:], c
	}
	return false
}

// numberIn is how long the number is that a text begins with, as JSON writes numbers; 0: it is none.
func numberIn(text string) int {
	i := 0
	digits := func() bool {
		from := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i > from
	}
	if text[0] == '-' {
		i++
	}
	from := i
	if !digits() || text[from] == '0' && i > from+1 {
		return 0
	}
	if i < len(text) && text[i] == '.' {
		if i++; !digits() {
			return 0
		}
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

func (t *Tensor) counted(n int) error {
	if len(t.Values) != n {
		return fmt.Errorf("%d elements where the shape has %d", len(t.Values), n)
	}
	return nil
}

// fromToken is an element of JSON.
func (d Datatype) fromToken(x any) (value.Value, error) {
	switch x := x.(type) {
	case nil:
		return value.Value{}, nil
	case bool:
		if d.Kind == Bools {
			return value.OfBool(x), nil
		}
	case string:
		if d.Kind == Texts {
			return value.OfBytesString(x), nil
		}
	case json.Number:
		switch d.Kind {
		case Floats:
			f, err := strconv.ParseFloat(x.String(), 64)
			if err != nil {
				return value.Value{}, fmt.Errorf("%s is beyond what a float holds", x)
			}
			return number(f)
		case Ints, Uints:
			i, err := strconv.ParseInt(x.String(), 10, 64)
			low, high := d.bounds()
			if err != nil || i < low || uint64(max(i, 0)) > high {
				return value.Value{}, fmt.Errorf("%.40s is no %s", x, d.Name)
			}
			return value.OfInt(i), nil
		case Bools:
			if x == "0" || x == "1" {
				return value.OfBool(x == "1"), nil
			}
		}
	}
	return value.Value{}, fmt.Errorf("%s where %s is expected", shown(x), d.Name)
}

// bounds are an integer type's.
func (d Datatype) bounds() (low int64, high uint64) {
	bits := 8 * d.Bytes
	if d.Kind == Uints {
		return 0, math.MaxUint64 >> (64 - bits)
	}
	return math.MinInt64 >> (64 - bits), uint64(math.MaxInt64) >> (64 - bits)
}

func shown(x any) string {
	switch x := x.(type) {
	case string:
		return fmt.Sprintf("the text %.40q", x)
	default:
		return fmt.Sprintf("%.40v", x)
	}
}
