// Package valuetest draws random types and values for the property tests of other rooms, with the edges of each type drawn often.
package valuetest

import (
	"math"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
)

// Scalars are the types without parameters.
var Scalars = []value.Type{value.Bool, value.Int, value.Float, value.String, value.Bytes, value.Timestamp, value.Date}

// Ints, Floats, Strings and Times are the edges of their types.
var (
	Ints    = []int64{0, 1, -1, 2, 63, 1 << 31, -1 << 31, 1<<53 + 1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1}
	Floats  = []float64{0, 1, -1, 0.1, 1.5, -2.5, 1e300, -1e300, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 9.223372036854775807e18, 1e-310}
	Strings = []string{"", "a", "b", "A", " a ", "\x00", "a\x00b", "é", "ﬁ", "ß", "😀", "𝒳z", "%_\\", "12", "-7", "1e3", "true", "2024-01-31", "\U0010ffff"}
	Times   = []int64{0, -1, 1, 999, -1000, value.MinTimestamp, value.MaxTimestamp, 1704067200000, 1710054000000, -62135596800000 + 1, 951782400000}
	Dates   = []int64{0, -1, 1, value.MinDate, value.MaxDate, 19723, 11016}
)

// Type draws a type no deeper than depth.
func Type(t *rapid.T, depth int) value.Type {
	n := len(Scalars) - 1
	if depth > 0 {
		n += 3
	}
	switch i := rapid.IntRange(0, n).Draw(t, "type"); {
	case i < len(Scalars):
		return Scalars[i]
	case i == len(Scalars):
		return value.ListOf(Type(t, depth-1))
	case i == len(Scalars)+1:
		return value.MapOf(Type(t, depth-1))
	}
	return value.StructOf(value.Field{Name: "a", Type: Type(t, depth-1)}, value.Field{Name: "b c", Type: Type(t, depth-1)})
}

// Value draws a value of the type, null in one of eight.
func Value(t *rapid.T, typ value.Type) value.Value {
	if rapid.IntRange(0, 7).Draw(t, "null") == 0 {
		return value.Value{}
	}
	return Present(t, typ)
}

// Present draws a value of the type that is not null.
func Present(t *rapid.T, typ value.Type) value.Value {
	switch typ.Kind {
	case value.KindBool:
		return value.OfBool(rapid.Bool().Draw(t, "bool"))
	case value.KindInt:
		return value.OfInt(rapid.OneOf(rapid.SampledFrom(Ints), rapid.Int64Range(-5, 5), rapid.Int64()).Draw(t, "int"))
	case value.KindFloat:
		f := rapid.OneOf(rapid.SampledFrom(Floats), rapid.Map(rapid.IntRange(-8, 8), func(i int) float64 { return float64(i) / 2 }), rapid.Float64()).Draw(t, "float")
		f, _ = value.Finite(f)
		return value.OfFloat(f)
	case value.KindString:
		return value.OfString(rapid.OneOf(rapid.SampledFrom(Strings), rapid.StringN(0, 4, 12)).Draw(t, "string"))
	case value.KindBytes:
		return value.OfBytes([]byte(rapid.SampledFrom(Strings).Draw(t, "bytes")))
	case value.KindTimestamp:
		return value.OfTimestamp(rapid.OneOf(rapid.SampledFrom(Times), rapid.Int64Range(value.MinTimestamp, value.MaxTimestamp)).Draw(t, "timestamp"))
	case value.KindDate:
		return value.OfDate(rapid.OneOf(rapid.SampledFrom(Dates), rapid.Int64Range(value.MinDate, value.MaxDate)).Draw(t, "date"))
	case value.KindList:
		elems := make([]value.Value, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range elems {
			elems[i] = Value(t, *typ.Elem)
		}
		return value.OfList(elems)
	case value.KindMap:
		var entries []value.Entry
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			entries = append(entries, value.Entry{Key: rapid.SampledFrom(Strings).Draw(t, "key"), Value: Value(t, *typ.Elem)})
		}
		return value.OfMap(entries)
	}
	fields := make([]value.Entry, len(typ.Fields))
	for i, f := range typ.Fields {
		fields[i] = value.Entry{Key: f.Name, Value: Value(t, f.Type)}
	}
	return value.OfStruct(fields)
}
