package sweep

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Dialect is an engine's SQL.
type Dialect int

// The dialects.
const (
	Spark Dialect = iota
	Flink
	dialects
)

func (d Dialect) String() string { return [...]string{"Spark", "Flink"}[d] }

// Physical is the SQL type in which an engine holds values of a type: every int is 64 bits wide, timestamps are
// milliseconds and dates days since the epoch as integers, because calendar types go wrong before 1970 (Flink) or fail at
// the ends of their range (Spark).
func (d Dialect) Physical(t value.Type) string {
	switch t.Kind {
	case value.KindBool:
		return "BOOLEAN"
	case value.KindInt, value.KindTimestamp, value.KindDate:
		return "BIGINT"
	case value.KindFloat:
		return "DOUBLE"
	case value.KindString:
		return "STRING"
	case value.KindBytes:
		return [...]string{"BINARY", "BYTES"}[d]
	case value.KindList:
		return "ARRAY<" + d.Physical(*t.Elem) + ">"
	case value.KindMap:
		return "MAP<STRING, " + d.Physical(*t.Elem) + ">"
	case value.KindStruct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = Quote(f.Name) + [...]string{": ", " "}[d] + d.Physical(f.Type)
		}
		return [...]string{"STRUCT", "ROW"}[d] + "<" + strings.Join(fields, ", ") + ">"
	}
	panic("sweep: no column has the type " + t.String())
}

// Quote writes an identifier; both dialects take backticks, without which reserved words bite.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// SourceColumn prints a raw column as the contract reads it (V2, V3, V5): NaN and infinities null, −0.0 as 0.0, times
// outside the years 0001–9999 null, invalid UTF-8 null (where an engine lets such text in).
//
// It fails for what a dialect cannot say: Flink has no way to apply a printing to each element of a list or map.
func (d Dialect) SourceColumn(name string, t value.Type) (string, error) {
	text, err := d.normalise(Quote(name), t)
	if err != nil {
		return "", fmt.Errorf("column %q: %w", name, err)
	}
	return text, nil
}

// normalise prints x with every part of it normalised, and x itself where there is nothing to do.
func (d Dialect) normalise(x string, t value.Type) (string, error) {
	switch t.Kind {
	case value.KindFloat:
		return d.normaliseFloat(x), nil
	case value.KindTimestamp:
		return fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN %s END", x, int64(value.MinTimestamp), int64(value.MaxTimestamp), x), nil
	case value.KindDate:
		return fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN %s END", x, value.MinDate, value.MaxDate, x), nil
	case value.KindString:
		if d == Spark {
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
	if d == Spark {
		return "if(abs(" + x + ") < double('Infinity'), " + x + " + 0d, null)"
	}
	return "CASE WHEN " + x + " = 0e0 THEN 0e0 WHEN " + x + " BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308 THEN " + x + " END"
}

func (d Dialect) normaliseElements(x string, t value.Type) (string, error) {
	elem, err := d.normalise("e", *t.Elem)
	switch {
	case err != nil:
		return "", err
	case elem == "e":
		return x, nil
	case d == Flink:
		return "", fmt.Errorf("%s: Flink cannot apply the value rules to each element", value.An(t.String()))
	case t.Kind == value.KindMap:
		return "transform_values(" + x + ", (k, e) -> " + elem + ")", nil
	}
	return "transform(" + x + ", e -> " + elem + ")", nil
}

func (d Dialect) normaliseFields(x string, t value.Type) (string, error) {
	fields, changed := make([]string, len(t.Fields)), false
	for i, f := range t.Fields {
		before := x + "." + Quote(f.Name)
		after, err := d.normalise(before, f.Type)
		if err != nil {
			return "", err
		}
		if changed = changed || after != before; d == Spark {
			after = "'" + strings.ReplaceAll(strings.ReplaceAll(f.Name, `\`, `\\`), "'", `\'`) + "', " + after
		}
		fields[i] = after
	}
	switch all := strings.Join(fields, ", "); {
	case !changed:
		return x, nil
	case d == Spark:
		return "if(" + x + " is null, null, named_struct(" + all + "))", nil
	default:
		return "CASE WHEN " + x + " IS NOT NULL THEN CAST(ROW(" + all + ") AS " + d.Physical(t) + ") END", nil
	}
}

// Source prints the query that reads the raw table as the contract does, with the row numbers.
func (d Dialect) Source(raw string, columns value.Schema) (string, error) {
	items := []string{Quote(rowName)}
	for _, c := range columns {
		text, err := d.SourceColumn(c.Name, c.Type)
		if err != nil {
			return "", err
		}
		items = append(items, text+" AS "+Quote(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + Quote(raw), nil
}
