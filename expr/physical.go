package expr

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Name writes an identifier; all dialects take backticks, without which reserved words bite.
func (d Dialect) Name(name string) string { return quoteBack(name) }

// Literal writes a constant with its full type. Flink has no lists, maps and structs among them.
func (d Dialect) Literal(t value.Type, v value.Value) string {
	if v.IsNull() || t.Kind < value.KindList {
		return d.literal(t, v)
	}
	parts := make([]string, 0, 2*v.Len())
	for i := range v.Len() {
		switch t.Kind {
		case value.KindList:
			parts = append(parts, d.Literal(*t.Elem, v.At(i)))
		case value.KindMap:
			parts = append(parts, d.quote(v.KeyAt(i)), d.Literal(*t.Elem, v.At(i)))
		case value.KindStruct:
			parts = append(parts, d.quote(t.Fields[i].Name), d.Literal(t.Fields[i].Type, v.At(i)))
		}
	}
	function := map[value.Kind]string{value.KindList: "array", value.KindMap: "map", value.KindStruct: "named_struct"}[t.Kind]
	return "cast(" + function + "(" + strings.Join(parts, ", ") + ") as " + d.Physical(t) + ")"
}

// SourceColumn prints a raw column of the physical type as the contract reads it (V2, V3, V5): NaN and infinities null, −0.0 as 0.0, times
// outside the years 0001–9999 null, invalid UTF-8 null (where an engine lets such text in).
//
// It fails for what a dialect cannot say: Flink has no way to apply a printing to each element of a list or map.
func (d Dialect) SourceColumn(name string, t value.Type) (string, error) {
	text, err := d.Normalised(quoteBack(name), t)
	if err != nil {
		return "", fmt.Errorf("column %q: %w", name, err)
	}
	return text, nil
}

// Normalised is SourceColumn of what SQL x gives: x with every part of it normalised, and x itself where there is nothing to do.
func (d Dialect) Normalised(x string, t value.Type) (string, error) {
	switch t.Kind {
	case value.KindFloat:
		return d.normaliseFloat(x), nil
	case value.KindTimestamp:
		return fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN %s END", x, int64(value.MinTimestamp), int64(value.MaxTimestamp), x), nil
	case value.KindDate:
		return fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN %s END", x, value.MinDate, value.MaxDate, x), nil
	case value.KindString:
		if d == SparkSQL {
			return "try_validate_utf8(" + x + ")", nil
		}
	case value.KindList, value.KindMap:
		return d.normaliseElements(x, t)
	case value.KindStruct:
		return d.normaliseFields(x, t)
	}
	return x, nil
}

// normaliseFloat. Spark: NaN is greater than everything, so one comparison catches it and the infinities; adding 0 turns
// −0.0 into 0.0. Flink: a comparison with NaN is false; its planner takes x + 0 for x, so zero is named instead.
func (d Dialect) normaliseFloat(x string) string {
	if d == SparkSQL {
		return "if(abs(" + x + ") < double('Infinity'), " + x + " + 0d, null)"
	}
	return "CASE WHEN " + x + " = 0e0 THEN 0e0 WHEN " + x + " BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308 THEN " + x + " END"
}

func (d Dialect) normaliseElements(x string, t value.Type) (string, error) {
	elem, err := d.Normalised("e", *t.Elem)
	switch {
	case err != nil:
		return "", err
	case elem == "e":
		return x, nil
	case d == FlinkSQL:
		return "", fmt.Errorf("%s: Flink cannot apply the value rules to each element", value.An(t.String()))
	case t.Kind == value.KindMap:
		return "transform_values(" + x + ", (k, e) -> " + elem + ")", nil
	}
	return "transform(" + x + ", e -> " + elem + ")", nil
}

func (d Dialect) normaliseFields(x string, t value.Type) (string, error) {
	fields, changed := make([]string, len(t.Fields)), false
	for i, f := range t.Fields {
		before := x + "." + quoteBack(f.Name)
		after, err := d.Normalised(before, f.Type)
		if err != nil {
			return "", err
		}
		if changed = changed || after != before; d == SparkSQL {
			after = d.quote(f.Name) + ", " + after
		}
		fields[i] = after
	}
	switch all := strings.Join(fields, ", "); {
	case !changed:
		return x, nil
	case d == SparkSQL:
		return "if(" + x + " is null, null, named_struct(" + all + "))", nil
	default:
		return "CASE WHEN " + x + " IS NOT NULL THEN CAST(ROW(" + all + ") AS " + d.Physical(t) + ") END", nil
	}
}
