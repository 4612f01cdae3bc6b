package remote

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/value"
)

// Predict implements model.Model. Rows go in requests of as many as the address says, one after the other.
func (m *Model) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.info.Check(in, out, m.numbers, m.texts); err != nil {
		return err
	}
	var wanted []int
	for i, o := range out {
		if o != nil {
			wanted = append(wanted, i)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	for from := 0; from < in.Rows; from += m.address.Rows {
		if err := m.ask(ctx, in, from, min(from+m.address.Rows, in.Rows), wanted, out); err != nil {
			return err
		}
	}
	return nil
}

// ask has the rows [from, to) answered.
func (m *Model) ask(ctx context.Context, in *model.Batch, from, to int, wanted []int, out [][]float64) error {
	inputs, err := m.tensors(in, from, to)
	if err != nil {
		return err
	}
	names := make([]string, len(wanted))
	for i, w := range wanted {
		names[i] = m.outputs[w].Name
	}
	waiting, cancel := patient(ctx)
	defer cancel()
	got, err := m.wire.infer(waiting, inputs, names)
	if err != nil {
		return m.named(ended(ctx, err))
	}
	for _, w := range wanted {
		width := m.info.Outputs[w].Width
		if err := m.take(got, w, to-from, out[w][from*width:to*width]); err != nil {
			return m.named(fmt.Errorf("output %q: %w", m.outputs[w].Name, err))
		}
	}
	return ctx.Err()
}

// tensors are rows as the server takes them.
func (m *Model) tensors(in *model.Batch, from, to int) ([]*tensor.Tensor, error) {
	rows := to - from
	out := make([]*tensor.Tensor, len(m.inputs))
	for i := range m.inputs {
		x := &m.inputs[i]
		t := &tensor.Tensor{Name: x.name, Of: x.of, Shape: []int64{int64(rows)}, Values: make([]value.Value, 0, rows*x.width)}
		if !x.flat {
			t.Shape = append(t.Shape, int64(x.width))
		}
		if m.lenient && x.of.Kind != tensor.Texts && x.missing(in, m.numbers, from, to) {
			t.Of, _ = tensor.DatatypeOf("FP64")
		}
		for row := from; row < to; row++ {
			if x.of.Kind == tensor.Texts {
				t.Values = append(t.Values, value.OfBytesString(in.Texts[row*m.texts+x.first]))
				continue
			}
			for k, number := range in.Numbers[row*m.numbers+x.first:][:x.width] {
				v, err := t.Of.Number(number)
				if err != nil {
					return nil, &model.RowError{Row: row, Input: columnName(x.name, x.width, k), Reason: err.Error()}
				}
				t.Values = append(t.Values, v)
			}
		}
		out[i] = t
	}
	return out, nil
}

// missing reports whether one of the input's numbers is.
func (x *input) missing(in *model.Batch, width, from, to int) bool {
	for row := from; row < to; row++ {
		if slices.ContainsFunc(in.Numbers[row*width+x.first:][:x.width], math.IsNaN) {
			return true
		}
	}
	return false
}

// take reads an output of an answer, which must be what the server said that it is.
func (m *Model) take(got []answered, output, rows int, out []float64) error {
	said, width := m.outputs[output], m.info.Outputs[output].Width
	at := slices.IndexFunc(got, func(a answered) bool { return a.Name == said.Name })
	if at < 0 {
		return fmt.Errorf("the server does not answer it, but %d others", len(got))
	}
	a := got[at]
	if slices.ContainsFunc(got[at+1:], func(b answered) bool { return b.Name == said.Name }) {
		return fmt.Errorf("the server answers it twice")
	}
	if a.Datatype != said.Datatype {
		return fmt.Errorf("the server answers %.40q, and was to answer %s", a.Datatype, said.Datatype)
	}
	if !fits(a.Shape, rows, width) {
		return fmt.Errorf("the server answers a tensor of shape %.80s for %d rows of %d", fmt.Sprint(a.Shape), rows, width)
	}
	t, err := a.read()
	if err != nil {
		return err
	}
	if len(t.Values) != len(out) {
		return fmt.Errorf("the server answers %d numbers, where %d were asked for", len(t.Values), len(out))
	}
	class := m.info.Outputs[output].Kind == model.Class
	for i, v := range t.Values {
		x, ok := tensor.Float(v)
		if !ok || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("row %d: the server answers what is no number", i/width)
		}
		if class && x < 0 {
			return fmt.Errorf("row %d: the server answers a number below 0, which is no class's", i/width)
		}
		out[i] = x
	}
	return nil
}

// fits reports whether a shape is that of rows of a width; dimensions of 1 behind it do not matter.
func fits(shape []int64, rows, width int) bool {
	if len(shape) == 0 || shape[0] != int64(rows) {
		return false
	}
	size := int64(1)
	for _, d := range shape[1:] {
		if d < 1 || d > int64(width) {
			return false
		}
		size *= d
	}
	return size == int64(width)
}
