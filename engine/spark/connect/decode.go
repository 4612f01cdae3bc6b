package connect

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/bighead-ml/bighead/value"
)

// cells turns one Arrow array into values of one type. at reports a cell that had to be altered to meet the value rules;
// it is not asked for null cells.
type cells struct {
	kind   value.Type
	native string
	at     func(i int) (v value.Value, altered bool)
	null   func(i int) bool
}

// get is cell i.
func (c cells) get(i int) (value.Value, bool) {
	if c.null(i) {
		return value.Value{}, false
	}
	return c.at(i)
}

// add appends the rows of a record.
func (r *Result) add(rec arrow.RecordBatch) error {
	base := len(r.Rows)
	for range rec.NumRows() {
		r.Rows = append(r.Rows, make([]value.Value, rec.NumCols()))
	}
	first := r.Schema == nil
	for c, col := range rec.Columns() {
		read, err := cellsOf(col)
		if err != nil {
			return fmt.Errorf("spark: column %q: %w", rec.ColumnName(c), err)
		}
		if first {
			r.Schema = append(r.Schema, value.Field{Name: rec.ColumnName(c), Type: read.kind})
			r.Native = append(r.Native, read.native)
		}
		for i := range col.Len() {
			v, altered := read.get(i)
			r.Rows[base+i][c] = v
			if altered {
				r.Altered = append(r.Altered, Cell{Row: base + i, Column: c})
			}
		}
	}
	return nil
}

// cellsOf reads the types that Spark sends; the others have no type of ours.
func cellsOf(col arrow.Array) (cells, error) {
	c := cells{null: col.IsNull, native: col.DataType().String()}
	switch a := col.(type) {
	case *array.Null:
		c.kind, c.null = value.Null, func(int) bool { return true }
	case *array.Boolean:
		c.kind, c.at = value.Bool, func(i int) (value.Value, bool) { return value.OfBool(a.Value(i)), false }
	case *array.Int8:
		c.kind, c.at = value.Int, ints(func(i int) int64 { return int64(a.Value(i)) })
	case *array.Int16:
		c.kind, c.at = value.Int, ints(func(i int) int64 { return int64(a.Value(i)) })
	case *array.Int32:
		c.kind, c.at = value.Int, ints(func(i int) int64 { return int64(a.Value(i)) })
	case *array.Int64:
		c.kind, c.at = value.Int, ints(a.Value)
	case *array.Float32:
		c.kind, c.at = value.Float, floats(func(i int) float64 { return float64(a.Value(i)) })
	case *array.Float64:
		c.kind, c.at = value.Float, floats(a.Value)
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		c.kind, c.at = value.Float, floats(func(i int) float64 { return a.Value(i).ToFloat64(scale) })
	case *array.String:
		c.kind, c.at = value.String, texts(a)
	case *array.Binary:
		c.kind, c.at = value.Bytes, func(i int) (value.Value, bool) { return value.OfBytes(a.Value(i)), false }
	case *array.Timestamp:
		c.kind, c.at = value.Timestamp, times(a)
	case *array.Date32:
		c.kind, c.at = value.Date, func(i int) (value.Value, bool) {
			v := value.OfDate(int64(a.Value(i)))
			return v, v.IsNull()
		}
	case *array.Map: // before List, which it embeds
		return maps(a)
	case *array.List:
		return lists(a)
	case *array.Struct:
		return structs(a)
	default:
		return c, fmt.Errorf("%s has no type here; cast it in the query", col.DataType())
	}
	return c, nil
}

func ints(at func(int) int64) func(int) (value.Value, bool) {
	return func(i int) (value.Value, bool) { return value.OfInt(at(i)), false }
}

func floats(at func(int) float64) func(int) (value.Value, bool) {
	return func(i int) (value.Value, bool) {
		f := at(i)
		return value.OfFloat(f), math.IsNaN(f) || math.IsInf(f, 0) || (f == 0 && math.Signbit(f))
	}
}

func texts(a *array.String) func(int) (value.Value, bool) {
	return func(i int) (value.Value, bool) {
		if s := a.Value(i); utf8.ValidString(s) {
			return value.OfString(strings.Clone(s)), false // the array's memory would keep the whole batch alive
		}
		return value.Value{}, true
	}
}

// times floors finer units to the millisecond.
func times(a *array.Timestamp) func(int) (value.Value, bool) {
	var down, up int64 = 1, 1
	switch a.DataType().(*arrow.TimestampType).Unit {
	case arrow.Second:
		up = 1000
	case arrow.Microsecond:
		down = 1000
	case arrow.Nanosecond:
		down = 1_000_000
	}
	return func(i int) (value.Value, bool) {
		v := value.OfTimestamp(value.FloorDiv(int64(a.Value(i)), down) * up)
		return v, v.IsNull()
	}
}

func lists(a *array.List) (cells, error) {
	elem, err := cellsOf(a.ListValues())
	if err != nil {
		return cells{}, err
	}
	at := func(i int) (value.Value, bool) {
		from, to := a.ValueOffsets(i)
		elems, altered := make([]value.Value, 0, to-from), false
		for j := from; j < to; j++ {
			v, changed := elem.get(int(j))
			elems, altered = append(elems, v), altered || changed
		}
		return value.OfList(elems), altered
	}
	return cells{kind: value.ListOf(elem.kind), native: "list<" + elem.native + ">", at: at, null: a.IsNull}, nil
}

func maps(a *array.Map) (cells, error) {
	keys, ok := a.Keys().(*array.String)
	if !ok {
		return cells{}, fmt.Errorf("a map with %s keys has no type here; cast the keys to string", a.Keys().DataType())
	}
	item, err := cellsOf(a.Items())
	if err != nil {
		return cells{}, err
	}
	at := func(i int) (value.Value, bool) {
		from, to := a.ValueOffsets(i)
		entries, altered := make([]value.Entry, 0, to-from), false
		for j := from; j < to; j++ {
			v, changed := item.get(int(j))
			entries, altered = append(entries, value.Entry{Key: strings.Clone(keys.Value(int(j))), Value: v}), altered || changed
		}
		return value.OfMap(entries), altered
	}
	return cells{kind: value.MapOf(item.kind), native: "map<utf8," + item.native + ">", at: at, null: a.IsNull}, nil
}

func structs(a *array.Struct) (cells, error) {
	t := a.DataType().(*arrow.StructType)
	fields, types, native := make([]cells, a.NumField()), make([]value.Field, a.NumField()), make([]string, a.NumField())
	for f := range fields {
		read, err := cellsOf(a.Field(f))
		if err != nil {
			return cells{}, err
		}
		fields[f], types[f] = read, value.Field{Name: t.Field(f).Name, Type: read.kind}
		native[f] = types[f].Name + ":" + read.native
	}
	at := func(i int) (value.Value, bool) {
		entries, altered := make([]value.Entry, len(fields)), false
		for f, read := range fields {
			v, changed := read.get(i)
			entries[f], altered = value.Entry{Key: types[f].Name, Value: v}, altered || changed
		}
		return value.OfStruct(entries), altered
	}
	return cells{kind: value.StructOf(types...), native: "struct<" + strings.Join(native, ",") + ">", at: at, null: a.IsNull}, nil
}
