package oip

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// datatypeFor is what a column of a type is offered as.
func datatypeFor(t value.Type) string {
	switch t.Kind {
	case value.KindBool:
		return "BOOL"
	case value.KindInt, value.KindTimestamp:
		return "INT64"
	case value.KindFloat:
		return "FP64"
	case value.KindDate:
		return "INT32"
	}
	return "BYTES" // texts and bytes as they are, lists and maps as JSON
}

func wrong(field, detail, cure string) *serve.Problem {
	return &serve.Problem{Code: feature.CodeBadBody, Detail: detail, Field: field, Cure: cure}
}

// wrongInput is wrong of an input, which it names: an error of the protocol is a text and nothing else.
func wrongInput(name, detail, cure string) *serve.Problem {
	return wrong(name, fmt.Sprintf("input %.60q: %s", name, detail), cure)
}

// rowsOf makes rows of a model's columns of tensors: one for each column, of shape [rows] or [rows, 1]; or, where all columns are numbers or
// bools, a single one of shape [rows, columns].
func rowsOf(columns value.Schema, in []*tensor.Tensor, maxRows int) (*value.Batch, error) {
	if len(in) == 1 && columns.Index(in[0].Name) < 0 && len(in[0].Shape) == 2 {
		return matrix(columns, in[0], maxRows)
	}
	b := &value.Batch{Schema: columns, Columns: make([]*value.Column, len(columns)), N: -1}
	for _, t := range in {
		i := columns.Index(t.Name)
		switch {
		case i < 0:
			return nil, &serve.Problem{Code: feature.CodeBadBody, Detail: fmt.Sprintf("the model has no input %.60q", t.Name), Field: t.Name,
				Near: expr.Nearest(t.Name, columns.Names()), Cure: "its inputs are: " + listed(columns.Names())}
		case b.Columns[i] != nil:
			return nil, wrongInput(t.Name, "the input is there twice", "send it once")
		case len(t.Shape) != 1 && (len(t.Shape) != 2 || t.Shape[1] != 1):
			return nil, wrongInput(t.Name, fmt.Sprintf("shape %v", t.Shape), "an input has the shape [rows] or [rows, 1]")
		case b.N >= 0 && t.Shape[0] != int64(b.N):
			return nil, wrongInput(t.Name, fmt.Sprintf("%d rows, where the inputs before it have %d", t.Shape[0], b.N), "give all inputs as many rows")
		case t.Shape[0] > int64(maxRows):
			return nil, tooMany(t.Shape[0], maxRows)
		}
		b.N = int(t.Shape[0])
		c, err := columnOf(columns[i].Type, t, b.N)
		if err != nil {
			return nil, wrongInput(t.Name, err.Error(), "the column is "+value.An(columns[i].Type.String())+", offered as "+datatypeFor(columns[i].Type))
		}
		b.Columns[i] = c
	}
	var absent []string
	for i, c := range b.Columns {
		if c == nil {
			absent = append(absent, columns[i].Name)
		}
	}
	if len(absent) > 0 {
		return nil, wrong(absent[0], "inputs are absent: "+listed(absent), "send a tensor for each input; null or NaN where a value is missing")
	}
	return b, nil
}

func tooMany(rows int64, most int) *serve.Problem {
	return &serve.Problem{Code: feature.CodeTooLarge, Detail: fmt.Sprintf("%d rows are more than %d", rows, most), Cure: "ask in several requests"}
}

// matrix is rows of one tensor.
func matrix(columns value.Schema, t *tensor.Tensor, maxRows int) (*value.Batch, error) {
	if i := slices.IndexFunc(columns, func(f value.Field) bool { return datatypeFor(f.Type) == "BYTES" }); i >= 0 {
		return nil, &serve.Problem{Code: feature.CodeBadBody, Detail: fmt.Sprintf("the model has no input %.60q", t.Name), Field: t.Name, Near: expr.Nearest(t.Name, columns.Names()),
			Cure: fmt.Sprintf("all columns in one tensor are for numbers alone, and column %q is %s: send a tensor for each column", columns[i].Name, value.An(columns[i].Type.String()))}
	}
	if t.Shape[1] != int64(len(columns)) {
		return nil, wrongInput(t.Name, fmt.Sprintf("shape %v, and the model has %d columns", t.Shape, len(columns)), "in one tensor stand: "+listed(columns.Names()))
	}
	if t.Shape[0] > int64(maxRows) {
		return nil, tooMany(t.Shape[0], maxRows)
	}
	b := &value.Batch{Schema: columns, Columns: make([]*value.Column, len(columns)), N: int(t.Shape[0])}
	all, cells := make([]value.Column, len(columns)), make([]float64, len(columns)*b.N) // of floats, which most are
	for i, f := range columns {
		c := &all[i]
		if f.Type.Kind == value.KindFloat {
			c.Type, c.N, c.Floats, cells = f.Type, b.N, cells[:b.N:b.N], cells[b.N:]
		} else {
			c = value.NewColumn(f.Type, b.N)
		}
		if err := fill(c, t, i, len(columns)); err != nil {
			return nil, wrongInput(t.Name, fmt.Sprintf("column %q: %v", f.Name, err), "the column is "+value.An(f.Type.String()))
		}
		b.Columns[i] = c
	}
	return b, nil
}

// columnOf is a column of a tensor of one.
func columnOf(t value.Type, in *tensor.Tensor, rows int) (*value.Column, error) {
	c := value.NewColumn(t, rows)
	return c, fill(c, in, 0, 1)
}

// fill sets a column's cells to every step-th element, beginning at from.
func fill(c *value.Column, in *tensor.Tensor, from, step int) error {
	for row := range c.N {
		v, err := cell(c.Type, in.Values[from+row*step])
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		c.Set(row, v)
	}
	return nil
}

// cell is an element as a value of a column. Nothing is rounded.
func cell(t value.Type, v value.Value) (value.Value, error) {
	if v.IsNull() {
		return v, nil
	}
	switch {
	case v.Kind() == value.KindBytes:
		return textCell(t, v)
	case v.Kind() == value.KindBool && t.Kind == value.KindBool:
		return v, nil
	case v.Kind() == value.KindBool && t.Numeric():
		n := int64(0)
		if v.Bool() {
			n = 1
		}
		return value.OfNumber(t.Kind, n), nil
	case v.Kind() == value.KindInt:
		return wholeCell(t, v.Int())
	case v.Kind() == value.KindFloat && t.Kind == value.KindFloat:
		return v, nil
	case v.Kind() == value.KindFloat:
		if f := v.Float(); f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
			return wholeCell(t, int64(f))
		}
		return value.Value{}, fmt.Errorf("%v is no whole number", v.Float())
	}
	return value.Value{}, fmt.Errorf("%s is no %s", v, t)
}

func wholeCell(t value.Type, i int64) (value.Value, error) {
	switch t.Kind {
	case value.KindBool:
		if i == 0 || i == 1 {
			return value.OfBool(i == 1), nil
		}
	case value.KindFloat:
		if i > 1<<53 || i < -1<<53 {
			return value.Value{}, fmt.Errorf("%d has more digits than a float", i)
		}
		return value.OfFloat(float64(i)), nil
	case value.KindInt:
		return value.OfInt(i), nil
	case value.KindTimestamp:
		if i >= value.MinTimestamp && i <= value.MaxTimestamp {
			return value.OfTimestamp(i), nil
		}
	case value.KindDate:
		if i >= math.MinInt32 && i <= math.MaxInt32 {
			return value.OfDate(i), nil
		}
	}
	return value.Value{}, fmt.Errorf("%d is no %s", i, t)
}

func textCell(t value.Type, v value.Value) (value.Value, error) {
	if t.Kind == value.KindBytes {
		return v, nil
	}
	s, err := text(v)
	if err != nil {
		return value.Value{}, err
	}
	if t.Kind == value.KindString {
		return value.OfString(s), nil
	}
	return value.Parse(t, s)
}

// outputDatatype is what an output is answered as.
func outputDatatype(o model.Output) string {
	if o.Kind == model.Class || o.Kind == model.Leaf {
		return "INT64"
	}
	return "FP64"
}

// answerOf is an output as a tensor.
func answerOf(o model.Output, rows int, numbers []float64) *tensor.Tensor {
	d, _ := tensor.DatatypeOf(outputDatatype(o))
	t := &tensor.Tensor{Name: o.Name, Of: d, Shape: []int64{int64(rows)}, Values: make([]value.Value, len(numbers))}
	if o.Width != 1 {
		t.Shape = append(t.Shape, int64(o.Width))
	}
	for i, x := range numbers {
		if d.Kind == tensor.Ints {
			t.Values[i] = value.OfInt(int64(x))
		} else {
			t.Values[i] = value.OfFloat(x) // NaN and infinities are null, in bytes NaN
		}
	}
	return t
}

// text is an element of BYTES as a string.
func text(v value.Value) (string, error) {
	s := v.Str()
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("a text is no UTF-8")
	}
	return s, nil
}

func listed(names []string) string {
	if len(names) > 12 {
		return strings.Join(names[:12], ", ") + fmt.Sprintf(" and %d more", len(names)-12)
	}
	return strings.Join(names, ", ")
}
