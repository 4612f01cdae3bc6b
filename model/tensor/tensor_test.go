package tensor_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/value"
)

func datatype(t *testing.T, name string) tensor.Datatype {
	t.Helper()
	d, err := tensor.DatatypeOf(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRoundTrip writes tensors of every datatype, in JSON and in binary, of some elements and of none, and reads them back.
func TestRoundTrip(t *testing.T) {
	for name, numbers := range map[string][]float64{
		"BOOL": {0, 1}, "UINT8": {0, 255}, "UINT16": {0, 65535}, "UINT32": {0, math.MaxUint32}, "UINT64": {0, 1 << 53}, "INT8": {-128, 127}, "INT16": {-32768, 32767},
		"INT32": {math.MinInt32, math.MaxInt32}, "INT64": {-1 << 53, 1 << 53}, "FP32": {-1.5, math.MaxFloat32, math.NaN()}, "FP64": {0.1, -math.MaxFloat64, math.NaN(), math.SmallestNonzeroFloat64},
	} {
		d := datatype(t, name)
		var values []value.Value
		for _, x := range numbers {
			v, err := d.Number(x)
			if err != nil {
				t.Fatalf("%s %v: %v", name, x, err)
			}
			values = append(values, v)
		}
		roundTrip(t, d, values)
		roundTrip(t, d, nil)
	}
	roundTrip(t, datatype(t, "BYTES"), []value.Value{value.OfBytesString(""), value.OfBytesString("naïve \"\x00"), value.OfBytesString("x")})
	roundTrip(t, datatype(t, "BYTES"), nil)
}

func roundTrip(t *testing.T, d tensor.Datatype, values []value.Value) {
	t.Helper()
	in := &tensor.Tensor{Name: "x", Of: d, Shape: []int64{int64(len(values)), 1}, Values: values}
	for _, binary := range []bool{true, false} {
		p, raw := in.Part(binary, nil)
		own, rest, err := p.Cut(raw)
		if err != nil || len(rest) != 0 {
			t.Fatal(err, rest)
		}
		got, err := p.Tensor(own)
		if err != nil {
			t.Errorf("%s, binary %t, %d elements: %v", d.Name, binary, len(values), err)
			continue
		}
		if !slices.EqualFunc(got.Values, values, func(a, b value.Value) bool { return value.Compare(a, b) == 0 && a.Kind() == b.Kind() }) || got.Of != d || !slices.Equal(got.Shape, in.Shape) {
			t.Errorf("%s, binary %t: %v, want %v", d.Name, binary, got.Values, values)
		}
	}
}

// What a datatype does not hold is an error, and never another number.
func TestNumbersThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		datatype string
		x        float64
		want     string
	}{
		{"BOOL", 2, "it is no BOOL"}, {"BOOL", math.NaN(), "missing"}, {"UINT8", -1, "no UINT8"}, {"UINT8", 256, "no UINT8"}, {"INT8", -129, "no INT8"}, {"INT64", 0.5, "no whole number"},
		{"INT64", 1 << 60, "no whole number"}, {"UINT64", -1, "no UINT64"}, {"INT32", math.Inf(1), "no whole number"}, {"FP32", 1e39, "beyond what FP32"}, {"FP64", math.Inf(-1), "beyond what FP64"},
		{"FP16", 1, "FP16 is not written"}, {"BYTES", 1, "no BYTES"},
	} {
		if v, err := datatype(t, c.datatype).Number(c.x); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, %v", c.datatype, c.x, v, err)
		}
	}
	if v, err := datatype(t, "FP32").Number(0.1); err != nil || v.Float() != float64(float32(0.1)) {
		t.Errorf("%v, %v: a float is rounded to its datatype's width", v, err)
	}
}
