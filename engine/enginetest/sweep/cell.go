package sweep

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/bighead-ml/bighead/value"
)

// Cell is a raw cell of a column, before the contract's rules: nil, bool, int64 (ints; timestamps in ms; dates in days),
// float64, string, []byte, []Cell, map[string]Cell, or Struct.
type Cell any

// Struct is the raw cell of a struct column, a field each in its type's order.
type Struct []Cell

// Table is columns of raw cells.
type Table struct {
	Columns value.Schema
	Rows    [][]Cell
}

// Values is row i as the contract reads it: NaN and infinities null, −0.0 as 0.0, times outside the years 0001–9999 null.
func (t Table) Values(i int) []value.Value {
	out := make([]value.Value, len(t.Columns))
	for c, col := range t.Columns {
		out[c] = canonical(col.Type, t.Rows[i][c])
	}
	return out
}

func canonical(t value.Type, c Cell) value.Value {
	switch c := c.(type) {
	case nil:
		return value.Value{}
	case bool:
		return value.OfBool(c)
	case int64:
		return number(t.Kind, c)
	case float64:
		return value.OfFloat(c)
	case string:
		return value.OfString(c)
	case []byte:
		return value.OfBytes(c)
	case []Cell:
		elems := make([]value.Value, len(c))
		for i, e := range c {
			elems[i] = canonical(*t.Elem, e)
		}
		return value.OfList(elems)
	case map[string]Cell:
		var entries []value.Entry
		for k, e := range c {
			entries = append(entries, value.Entry{Key: k, Value: canonical(*t.Elem, e)})
		}
		return value.OfMap(entries)
	case Struct:
		fields := make([]value.Entry, len(c))
		for i, e := range c {
			fields[i] = value.Entry{Key: t.Fields[i].Name, Value: canonical(t.Fields[i].Type, e)}
		}
		return value.OfStruct(fields)
	}
	panic(fmt.Sprintf("sweep: no cell is a %T", c))
}

func number(k value.Kind, n int64) value.Value {
	switch k {
	case value.KindTimestamp:
		return value.OfTimestamp(n)
	case value.KindDate:
		return value.OfDate(n)
	}
	return value.OfInt(n)
}

// rowName is the column that numbers the rows: an engine gives them back in any order.
const rowName = "_row"

// appendLine writes row i as a line of JSON in the form that Spark's and Flink's readers both take: floats that JSON has
// no number for as strings, bytes as base64.
func (t Table) appendLine(dst []byte, i int) []byte {
	dst = append(dst, `{"`+rowName+`":`...)
	dst = strconv.AppendInt(dst, int64(i), 10)
	for c, col := range t.Columns {
		dst = append(dst, ',')
		dst = appendText(dst, col.Name)
		dst = append(dst, ':')
		dst = appendCell(dst, col.Type, t.Rows[i][c])
	}
	return append(dst, "}\n"...)
}

func appendCell(dst []byte, t value.Type, c Cell) []byte {
	switch c := c.(type) {
	case nil:
		return append(dst, "null"...)
	case int64:
		return strconv.AppendInt(dst, c, 10)
	case float64:
		switch {
		case math.IsNaN(c):
			return append(dst, `"NaN"`...)
		case math.IsInf(c, 1):
			return append(dst, `"Infinity"`...)
		case math.IsInf(c, -1):
			return append(dst, `"-Infinity"`...)
		}
		return strconv.AppendFloat(dst, c, 'e', -1, 64)
	case []Cell:
		dst = append(dst, '[')
		for i, e := range c {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendCell(dst, *t.Elem, e)
		}
		return append(dst, ']')
	case map[string]Cell:
		names, cells := slices.Sorted(maps.Keys(c)), make([]Cell, 0, len(c))
		for _, k := range names {
			cells = append(cells, c[k])
		}
		return appendObject(dst, names, cells, func(int) value.Type { return *t.Elem })
	case Struct:
		names := make([]string, len(c))
		for i, f := range t.Fields {
			names[i] = f.Name
		}
		return appendObject(dst, names, c, func(i int) value.Type { return t.Fields[i].Type })
	}
	return appendText(dst, c) // bool, string, and bytes, which encoding/json writes as base64
}

func appendObject(dst []byte, names []string, cells []Cell, types func(int) value.Type) []byte {
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, name)
		dst = append(dst, ':')
		dst = appendCell(dst, types(i), cells[i])
	}
	return append(dst, '}')
}

// appendText writes what encoding/json writes of a plain value.
func appendText(dst []byte, x any) []byte {
	text, err := json.Marshal(x)
	if err != nil {
		panic(err) // plain values only
	}
	return append(dst, text...)
}
