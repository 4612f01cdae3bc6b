package oip

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// datatype is one of the protocol's.
type datatype struct {
	name  string
	bytes int // of an element; 0: of BYTES, whose elements have a length
	kind  kind
}

// kind is how the elements of a tensor are kept.
type kind uint8

const (
	ofInts kind = iota
	ofUints
	ofFloats
	ofBools
	ofTexts
)

var datatypes = []datatype{
	{"BOOL", 1, ofBools}, {"UINT8", 1, ofUints}, {"UINT16", 2, ofUints}, {"UINT32", 4, ofUints}, {"UINT64", 8, ofUints},
	{"INT8", 1, ofInts}, {"INT16", 2, ofInts}, {"INT32", 4, ofInts}, {"INT64", 8, ofInts},
	{"FP16", 2, ofFloats}, {"BF16", 2, ofFloats}, {"FP32", 4, ofFloats}, {"FP64", 8, ofFloats}, {"BYTES", 0, ofTexts},
}

func datatypeOf(name string) (datatype, error) {
	i := slices.IndexFunc(datatypes, func(d datatype) bool { return d.name == name })
	if i >= 0 {
		return datatypes[i], nil
	}
	names := make([]string, len(datatypes))
	for i, d := range datatypes {
		names[i] = d.name
	}
	near := ""
	if n := expr.Nearest(name, names); len(n) > 0 {
		near = "; did you mean " + n[0] + "?"
	}
	return datatype{}, fmt.Errorf("datatype %.40q is none of the protocol's: %s%s", name, strings.Join(names, ", "), near)
}

// tensor is one input or output. Elements stand in row-major order, in the slice of the datatype's kind.
type tensor struct {
	name   string
	of     datatype
	shape  []int64
	values []value.Value // null where JSON says null or a float is NaN
}

// maxElements bounds a tensor.
const maxElements = 1 << 24

// elements is how many a shape has.
func elements(shape []int64) (int, error) {
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
func (d datatype) integer(u uint64) (value.Value, error) {
	if d.kind == ofUints && u > math.MaxInt64 {
		return value.Value{}, fmt.Errorf("%d is beyond what an int holds", u)
	}
	return value.OfInt(int64(u)), nil
}

// fromBytes reads elements as the binary extension and raw contents have them: little-endian, texts with their length before them.
func (t *tensor) fromBytes(b []byte, n int) error {
	if t.of.bytes > 0 && len(b) != n*t.of.bytes {
		return fmt.Errorf("%d bytes for %d elements of %s, which take %d", len(b), n, t.of.name, n*t.of.bytes)
	}
	if t.of.bytes == 0 && len(b) < 4*n {
		return fmt.Errorf("%d bytes for %d elements of BYTES, each of which has 4 bytes of length", len(b), n)
	}
	t.values = make([]value.Value, n)
	for i := range t.values {
		if t.of.kind == ofTexts {
			if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
				return fmt.Errorf("element %d is cut short", i)
			}
			size := binary.LittleEndian.Uint32(b)
			t.values[i] = value.OfBytes(b[4 : 4+size])
			b = b[4+size:]
			continue
		}
		v, err := t.of.element(b)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		t.values[i], b = v, b[t.of.bytes:]
	}
	if len(b) > 0 && t.of.kind == ofTexts {
		return fmt.Errorf("%d bytes follow the last element", len(b))
	}
	return nil
}

// element reads one element of fixed length.
func (d datatype) element(b []byte) (value.Value, error) {
	var u uint64
	switch d.bytes {
	case 1:
		u = uint64(b[0])
	case 2:
		u = uint64(binary.LittleEndian.Uint16(b))
	case 4:
		u = uint64(binary.LittleEndian.Uint32(b))
	case 8:
		u = binary.LittleEndian.Uint64(b)
	}
	switch d.kind {
	case ofBools:
		if u > 1 {
			return value.Value{}, fmt.Errorf("%d is neither 0 nor 1", u)
		}
		return value.OfBool(u == 1), nil
	case ofInts:
		shift := 64 - 8*d.bytes
		return d.integer(uint64(int64(u<<shift) >> shift))
	case ofUints:
		return d.integer(u)
	}
	switch d.name {
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

// fromJSON reads elements as JSON has them: an array, nested as the shape is or flat.
func (t *tensor) fromJSON(text json.RawMessage, n int) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	t.values = make([]value.Value, 0, min(n, len(text)))
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
			v, err := t.of.fromToken(x)
			if err != nil {
				return fmt.Errorf("element %d: %w", len(t.values), err)
			}
			if len(t.values) == n {
				return fmt.Errorf("more than the %d elements that the shape has", n)
			}
			t.values = append(t.values, v)
		}
	}
}

func (t *tensor) counted(n int) error {
	if len(t.values) != n {
		return fmt.Errorf("%d elements where the shape has %d", len(t.values), n)
	}
	return nil
}

// fromToken is an element of JSON.
func (d datatype) fromToken(x any) (value.Value, error) {
	switch x := x.(type) {
	case nil:
		return value.Value{}, nil
	case bool:
		if d.kind == ofBools {
			return value.OfBool(x), nil
		}
	case string:
		if d.kind == ofTexts {
			return value.OfBytesString(x), nil
		}
	case json.Number:
		switch d.kind {
		case ofFloats:
			f, err := strconv.ParseFloat(x.String(), 64)
			if err != nil {
				return value.Value{}, fmt.Errorf("%s is beyond what a float holds", x)
			}
			return number(f)
		case ofInts, ofUints:
			i, err := strconv.ParseInt(x.String(), 10, 64)
			low, high := d.bounds()
			if err != nil || i < low || uint64(max(i, 0)) > high {
				return value.Value{}, fmt.Errorf("%.40s is no %s", x, d.name)
			}
			return value.OfInt(i), nil
		case ofBools:
			if x == "0" || x == "1" {
				return value.OfBool(x == "1"), nil
			}
		}
	}
	return value.Value{}, fmt.Errorf("%s where %s is expected", shown(x), d.name)
}

// bounds are an integer type's.
func (d datatype) bounds() (low int64, high uint64) {
	bits := 8 * d.bytes
	if d.kind == ofUints {
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

// text is an element of BYTES as a string.
func text(v value.Value) (string, error) {
	s := v.Str()
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("a text is no UTF-8")
	}
	return s, nil
}
