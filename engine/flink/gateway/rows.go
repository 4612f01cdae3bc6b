package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// Page is a piece of a result as it came.
type Page struct {
	Job     string // id of the Flink job; "" for statements that run none
	Columns []Column
	Rows    []Row
}

// Column is a column of a result.
type Column struct {
	Name string
	Type Type `json:"logicalType"`
}

// Type is Flink's logical type as the gateway sends it.
type Type struct {
	Type                            string // BIGINT, ARRAY, …
	ElementType, KeyType, ValueType *Type
	Fields                          []struct {
		Name      string
		FieldType Type
	}
}

// String writes the type as SQL does, without lengths, precisions and nullability.
func (t Type) String() string {
	switch {
	case t.ElementType != nil:
		return t.Type + "<" + t.ElementType.String() + ">"
	case t.KeyType != nil && t.ValueType != nil:
		return t.Type + "<" + t.KeyType.String() + "," + t.ValueType.String() + ">"
	case t.Fields != nil:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = f.Name + " " + f.FieldType.String()
		}
		return t.Type + "<" + strings.Join(fields, ",") + ">"
	}
	return t.Type
}

// Row is one row or one change; its fields are JSON of their column's type, numbers as json.Number.
type Row struct {
	Kind   string // INSERT, UPDATE_BEFORE, UPDATE_AFTER, DELETE
	Fields []any
}

// Result is the rows of a query.
type Result struct {
	Schema value.Schema
	// Native is each column's type as Flink calls it: Schema does not tell an INTEGER from a BIGINT, nor a DECIMAL from a DOUBLE.
	Native []string
	Rows   [][]value.Value
	// Altered says which cells did not meet the value rules of the contract and were made to: NaN and infinities became
	// null, −0.0 became 0.0, a time outside the years 0001–9999 null. SQL that prints the contract leaves none.
	Altered []Cell

	read []reader
}

// Cell is a position in a result, from 0.
type Cell struct{ Row, Column int }

func (r *Result) add(p Page) error {
	if r.Schema == nil {
		for _, c := range p.Columns {
			t, read, err := readerOf(c.Type)
			if err != nil {
				return fmt.Errorf("flink: column %q: %w", c.Name, err)
			}
			r.Schema, r.read = append(r.Schema, value.Field{Name: c.Name, Type: t}), append(r.read, read)
			r.Native = append(r.Native, c.Type.String())
		}
	}
	for _, row := range p.Rows {
		if row.Kind != "INSERT" {
			return fmt.Errorf("flink: the query gave a change (%s); run it with execution.runtime-mode = batch", row.Kind)
		}
		if len(row.Fields) != len(r.read) {
			return fmt.Errorf("flink: a row has %d fields, the result %d columns", len(row.Fields), len(r.read))
		}
		vals := make([]value.Value, len(r.read))
		for c, field := range row.Fields {
			v, altered, err := r.read[c](field)
			if err != nil {
				return fmt.Errorf("flink: row %d, column %q: %w", len(r.Rows), r.Schema[c].Name, err)
			}
			if vals[c] = v; altered {
				r.Altered = append(r.Altered, Cell{Row: len(r.Rows), Column: c})
			}
		}
		r.Rows = append(r.Rows, vals)
	}
	return nil
}

// A reader makes a value of a field's JSON and reports one that had to be altered to meet the value rules.
type reader func(any) (v value.Value, altered bool, err error)

// readerOf reads the types that results have; the others have no type of ours.
func readerOf(t Type) (value.Type, reader, error) {
	switch t.Type {
	case "NULL":
		return value.Null, scalar(func(any) (value.Value, bool) { return value.Value{}, false }), nil
	case "BOOLEAN":
		return value.Bool, scalar(func(x any) (value.Value, bool) { b, ok := x.(bool); return value.OfBool(b), ok }), nil
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT":
		return value.Int, scalar(readInt), nil
	case "FLOAT", "DOUBLE", "DECIMAL":
		return value.Float, readFloat, nil
	case "CHAR", "VARCHAR":
		return value.String, scalar(func(x any) (value.Value, bool) { s, ok := x.(string); return value.OfString(s), ok }), nil
	case "BINARY", "VARBINARY":
		return value.Bytes, scalar(readBytes), nil
	case "DATE":
		return value.Date, readTime("2006-01-02", func(at time.Time) value.Value { return value.OfDate(value.FloorDiv(at.Unix(), 86400)) }), nil
	case "TIMESTAMP_WITHOUT_TIME_ZONE":
		return value.Timestamp, readTime("2006-01-02T15:04:05.999999999", ofTime), nil
	case "TIMESTAMP_WITH_LOCAL_TIME_ZONE":
		return value.Timestamp, readTime("2006-01-02T15:04:05.999999999Z07:00", ofTime), nil
	case "ARRAY":
		return readList(t)
	case "MAP":
		return readMap(t)
	case "ROW":
		return readStruct(t)
	}
	return value.Type{}, nil, fmt.Errorf("%s has no type here; cast it in the query", t.Type)
}

func ofTime(at time.Time) value.Value { return value.OfTimestamp(value.FloorDiv(at.UnixMicro(), 1000)) }

func wrong(x any) error { return fmt.Errorf("unexpected JSON %v", x) }

func scalar(read func(any) (value.Value, bool)) reader {
	return func(x any) (value.Value, bool, error) {
		if x == nil {
			return value.Value{}, false, nil
		}
		v, ok := read(x)
		if !ok {
			return v, false, wrong(x)
		}
		return v, false, nil
	}
}

func readInt(x any) (value.Value, bool) {
	n, ok := x.(json.Number)
	if !ok {
		return value.Value{}, false
	}
	i, err := strconv.ParseInt(string(n), 10, 64)
	return value.OfInt(i), err == nil
}

func readBytes(x any) (value.Value, bool) {
	s, ok := x.(string)
	b, err := base64.StdEncoding.DecodeString(s)
	return value.OfBytes(b), ok && err == nil
}

// readFloat takes numbers, and the strings NaN, Infinity and -Infinity that Flink's JSON has for the others.
func readFloat(x any) (value.Value, bool, error) {
	var f float64
	var err error
	switch x := x.(type) {
	case nil:
		return value.Value{}, false, nil
	case json.Number:
		f, err = strconv.ParseFloat(string(x), 64)
	case string:
		f, err = strconv.ParseFloat(x, 64)
	default:
		err = wrong(x)
	}
	return value.OfFloat(f), math.IsNaN(f) || math.IsInf(f, 0) || (f == 0 && math.Signbit(f)), err
}

func readTime(layout string, of func(time.Time) value.Value) reader {
	return func(x any) (value.Value, bool, error) {
		if x == nil {
			return value.Value{}, false, nil
		}
		s, _ := x.(string)
		at, err := time.Parse(layout, s)
		if err != nil {
			return value.Value{}, false, wrong(x)
		}
		v := of(at)
		return v, v.IsNull(), nil
	}
}

func readList(t Type) (value.Type, reader, error) {
	elem, read, err := readerOf(*t.ElementType)
	if err != nil {
		return value.Type{}, nil, err
	}
	return value.ListOf(elem), func(x any) (value.Value, bool, error) {
		items, ok := x.([]any)
		if !ok {
			return value.Value{}, false, nullOr(x)
		}
		elems, altered := make([]value.Value, len(items)), false
		for i, item := range items {
			v, changed, err := read(item)
			if err != nil {
				return value.Value{}, false, err
			}
			elems[i], altered = v, altered || changed
		}
		return value.OfList(elems), altered, nil
	}, nil
}

func readMap(t Type) (value.Type, reader, error) {
	if !slices.Contains([]string{"CHAR", "VARCHAR"}, t.KeyType.Type) {
		return value.Type{}, nil, fmt.Errorf("a map with %s keys has no type here; cast the keys to string", strings.ToLower(t.KeyType.Type))
	}
	elem, read, err := readerOf(*t.ValueType)
	if err != nil {
		return value.Type{}, nil, err
	}
	return value.MapOf(elem), func(x any) (value.Value, bool, error) {
		items, ok := x.(map[string]any)
		if !ok {
			return value.Value{}, false, nullOr(x)
		}
		entries, altered := make([]value.Entry, 0, len(items)), false
		for k, item := range items {
			v, changed, err := read(item)
			if err != nil {
				return value.Value{}, false, err
			}
			entries, altered = append(entries, value.Entry{Key: k, Value: v}), altered || changed
		}
		return value.OfMap(entries), altered, nil
	}, nil
}

func readStruct(t Type) (value.Type, reader, error) {
	types, reads := make([]value.Field, len(t.Fields)), make([]reader, len(t.Fields))
	for i, f := range t.Fields {
		ft, read, err := readerOf(f.FieldType)
		if err != nil {
			return value.Type{}, nil, err
		}
		types[i], reads[i] = value.Field{Name: f.Name, Type: ft}, read
	}
	return value.StructOf(types...), func(x any) (value.Value, bool, error) {
		items, ok := x.(map[string]any)
		if !ok {
			return value.Value{}, false, nullOr(x)
		}
		entries, altered := make([]value.Entry, len(reads)), false
		for i, read := range reads {
			v, changed, err := read(items[types[i].Name])
			if err != nil {
				return value.Value{}, false, err
			}
			entries[i], altered = value.Entry{Key: types[i].Name, Value: v}, altered || changed
		}
		return value.OfStruct(entries), altered, nil
	}, nil
}

// nullOr takes the JSON null of a type with parameters and refuses anything else.
func nullOr(x any) error {
	if x == nil {
		return nil
	}
	return wrong(x)
}
