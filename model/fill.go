package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// numeric are the kinds of columns that are numbers for a model: an int by its value, a bool as 0 or 1, a timestamp as ms since 1970, a date as
// days (docs/models.md §2).
var numeric = []value.Kind{value.KindFloat, value.KindInt, value.KindBool, value.KindTimestamp, value.KindDate}

// Takes says why a column of a type cannot be a model's input; nil: it can.
func (in *Input) Takes(column string, t value.Type) error {
	switch {
	case in.Type.Kind == value.KindString && t.Kind == value.KindString, in.Type.Kind != value.KindString && slices.Contains(numeric, t.Kind):
		return nil
	case in.Type.Kind == value.KindString:
		return fmt.Errorf("column %q is %s, and the model's input %q takes strings", column, value.An(t.String()), in.Name)
	case t.Kind == value.KindString:
		return fmt.Errorf("column %q is a string, and the model's input %q takes numbers: encode it in the pipeline (bh.ordinal, bh.one_hot)", column, in.Name)
	}
	return fmt.Errorf("column %q is %s, which is no number for a model", column, value.An(t.String()))
}

// Fill makes the batch of columns, one for each input of the model, in their order, each of a type that the input Takes; rows may be 0. What is null is NaN; a
// text that is null is a *RowError, for no model takes one. The batch's memory is used again.
func (b *Batch) Fill(info *Info, columns []*value.Column, rows int) error {
	numbers, texts := info.Widths()
	b.Rows, b.Numbers, b.Texts = rows, room(b.Numbers, rows*numbers), room(b.Texts, rows*texts)
	if rows == 0 { // whose numbers have no place to begin at
		return nil
	}
	number, text := 0, 0
	for i, c := range columns {
		if info.Inputs[i].Type.Kind != value.KindString {
			fillNumbers(b.Numbers[number:], numbers, c, rows)
			number++
			continue
		}
		for row := range rows {
			if c.IsNull(row) {
				return &RowError{Row: row, Input: info.Inputs[i].Name, Reason: "is null, and models take no text that is missing: impute it in the pipeline"}
			}
			b.Texts[row*texts+text] = c.Strs[row]
		}
		text++
	}
	return nil
}

// room is n elements, in the memory that there is where it is enough.
func room[T any](old []T, n int) []T {
	if cap(old) < n {
		return make([]T, n)
	}
	return old[:n]
}

// fillNumbers writes a column into every width-th number.
func fillNumbers(dst []float64, width int, c *value.Column, rows int) {
	switch c.Type.Kind {
	case value.KindFloat:
		for row, x := range c.Floats[:rows] {
			dst[row*width] = x
		}
	case value.KindBool:
		for row, x := range c.Bools[:rows] {
			dst[row*width] = 0
			if x {
				dst[row*width] = 1
			}
		}
	default:
		for row, x := range c.Ints[:rows] {
			dst[row*width] = float64(x)
		}
	}
	if !c.Nulls.Any() {
		return
	}
	for row := range rows {
		if c.IsNull(row) {
			dst[row*width] = math.NaN()
		}
	}
}
