package tensor

import (
	"fmt"

	"github.com/bighead-ml/bighead/model/tensor/pb"
	"github.com/bighead-ml/bighead/value"
)

// FromContents reads typed contents of gRPC.
func (t *Tensor) FromContents(c *pb.InferTensorContents, n int) (err error) {
	low, high := t.Of.bounds()
	whole := func(i int64) (value.Value, error) {
		if i < low || uint64(max(i, 0)) > high {
			return value.Value{}, fmt.Errorf("%d is no %s", i, t.Of.Name)
		}
		return value.OfInt(i), nil
	}
	switch t.Of.Name {
	case "BOOL":
		t.Values, err = each(c.GetBoolContents(), func(b bool) (value.Value, error) { return value.OfBool(b), nil })
	case "INT8", "INT16", "INT32":
		t.Values, err = each(c.GetIntContents(), func(i int32) (value.Value, error) { return whole(int64(i)) })
	case "INT64":
		t.Values, err = each(c.GetInt64Contents(), whole)
	case "UINT8", "UINT16", "UINT32":
		t.Values, err = each(c.GetUintContents(), func(i uint32) (value.Value, error) { return whole(int64(i)) })
	case "UINT64":
		t.Values, err = each(c.GetUint64Contents(), t.Of.integer)
	case "FP32":
		t.Values, err = each(c.GetFp32Contents(), func(f float32) (value.Value, error) { return number(float64(f)) })
	case "FP64":
		t.Values, err = each(c.GetFp64Contents(), number)
	case "BYTES":
		t.Values, err = each(c.GetBytesContents(), func(b []byte) (value.Value, error) { return value.OfBytes(b), nil })
	default:
		return fmt.Errorf("%s has no typed contents: send raw_input_contents", t.Of.Name)
	}
	if err != nil {
		return err
	}
	return t.counted(n)
}

func each[T any](in []T, of func(T) (value.Value, error)) ([]value.Value, error) {
	out := make([]value.Value, len(in))
	for i, x := range in {
		v, err := of(x)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		out[i] = v
	}
	return out, nil
}

// Contents are a tensor's elements, typed, of INT64 and FP64, which is what is answered; a missing number is NaN.
func (t *Tensor) Contents() *pb.InferTensorContents {
	c := &pb.InferTensorContents{}
	for _, v := range t.Values {
		if t.Of.Kind == Ints {
			c.Int64Contents = append(c.Int64Contents, v.Int())
		} else {
			x, _ := Float(v)
			c.Fp64Contents = append(c.Fp64Contents, x)
		}
	}
	return c
}
