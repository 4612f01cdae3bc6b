package tensor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/value"
)

// Number is a number of a model as an element; NaN is a number that is missing, which floats alone can say. A float is rounded to the datatype's
// width, as its declaration asks; nothing else is: what the datatype does not hold is an error.
func (d Datatype) Number(x float64) (value.Value, error) {
	switch {
	case d.Kind == Floats && d.Bytes < 4:
		return value.Value{}, fmt.Errorf("%s is not written", d.Name)
	case d.Kind == Floats && d.Bytes == 4:
		x = float64(float32(x))
		fallthrough
	case d.Kind == Floats:
		if math.IsInf(x, 0) {
			return value.Value{}, fmt.Errorf("it is beyond what %s holds", d.Name)
		}
		return value.OfFloat(x), nil
	case math.IsNaN(x):
		return value.Value{}, fmt.Errorf("it is missing, which %s cannot say", d.Name)
	case x != math.Trunc(x) || math.Abs(x) > 1<<53:
		return value.Value{}, fmt.Errorf("it is no whole number, and the datatype is %s", d.Name)
	case d.Kind == Bools:
		if x == 0 || x == 1 {
			return value.OfBool(x == 1), nil
		}
	case d.Kind == Ints || d.Kind == Uints:
		if low, high := d.bounds(); int64(x) >= low && uint64(max(x, 0)) <= high {
			return value.OfInt(int64(x)), nil
		}
	}
	return value.Value{}, fmt.Errorf("it is no %s", d.Name)
}

// Float is an element as a number, NaN where it is missing; false for a text.
func Float(v value.Value) (float64, bool) {
	switch v.Kind() {
	case value.KindNull:
		return math.NaN(), true
	case value.KindBool:
		if v.Bool() {
			return 1, true
		}
		return 0, true
	case value.KindBytes:
		return 0, false
	}
	return v.Number(), true
}

// JSON is a tensor's elements, flat, null where one is missing.
func (t *Tensor) JSON() json.RawMessage {
	out := []byte{'['}
	for i, v := range t.Values {
		if i > 0 {
			out = append(out, ',')
		}
		if v.Kind() == value.KindBytes {
			v = value.OfString(v.Str()) // not in base64, as bytes of ours are
		}
		out = value.AppendJSON(out, v)
	}
	return append(out, ']')
}

// AppendBytes adds a tensor's elements in binary. A missing one is NaN, which floats alone have.
func (t *Tensor) AppendBytes(dst []byte) []byte {
	for _, v := range t.Values {
		x, _ := Float(v)
		switch d := t.Of; {
		case d.Kind == Texts:
			dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(v.Str()))), v.Str()...)
		case d.Kind == Floats && d.Bytes == 8:
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(x))
		case d.Kind == Floats:
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(x)))
		case d.Kind == Bools:
			dst = append(dst, byte(x))
		default:
			var whole [8]byte
			binary.LittleEndian.PutUint64(whole[:], uint64(v.Int()))
			dst = append(dst, whole[:d.Bytes]...)
		}
	}
	return dst
}
