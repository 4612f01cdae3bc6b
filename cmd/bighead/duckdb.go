package main

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// duckdbStatement is a statement that gives the value of one plain feature in DuckDB, for the reader who gets another number elsewhere;
// "" where what the feature says has no short statement there (by, known_at, sketches, entities, ids with copies).
func duckdbStatement(j *plan.Join, v *plan.Value, key []value.Value, start, end int64) string {
	f, s := v.Feature, j.Scan.Source
	if s.Kind != feature.Events || s.Place.Path == "" || f.By != "" || j.Scan.KnownAt != nil || s.Time == nil {
		return ""
	}
	input := ""
	if f.Input != nil {
		input = f.Input.String()
		if f.Input.Type().Kind == value.KindBool {
			input = "(" + input + ")::int"
		}
	}
	call, ok := duckdbCall(f, input, orderBy(s))
	if !ok {
		return ""
	}
	if f.Where != nil {
		call += " filter (where " + f.Where.String() + ")"
	}
	conditions := []string{}
	for i, k := range j.Keys {
		conditions = append(conditions, fmt.Sprintf("%q = %s", k, literal(key[i])))
	}
	if s.Where != nil {
		conditions = append(conditions, "("+s.Where.String()+")")
	}
	if start != plan.MinTime {
		conditions = append(conditions, fmt.Sprintf("%s >= %s", s.Time, literal(value.OfTimestamp(start))))
	}
	conditions = append(conditions, fmt.Sprintf("%s < %s", s.Time, literal(value.OfTimestamp(end))))
	return fmt.Sprintf("select %s\nfrom read_parquet('%s')\nwhere %s;", call, strings.ReplaceAll(s.Place.Path, "'", "''"), strings.Join(conditions, "\n  and "))
}

// duckdbCall is the aggregation in DuckDB's words, where it has the same one.
func duckdbCall(f *feature.Feature, input, order string) (string, bool) {
	switch f.Agg.Name {
	case "count":
		if input == "" {
			return "count(*)", true
		}
		return "count(" + input + ")", true
	case "sum", "avg", "min", "max":
		return f.Agg.Name + "(" + input + ")", true
	case "variance", "stddev":
		name := map[string]string{"variance": "var", "stddev": "stddev"}[f.Agg.Name] + map[bool]string{false: "_pop", true: "_samp"}[f.Params.Sample]
		return name + "(" + input + ")", true
	case "first":
		return fmt.Sprintf("first(%s order by %s)", input, order) + " filter (where " + input + " is not null)", f.Where == nil
	case "last":
		return fmt.Sprintf("last(%s order by %s)", input, order) + " filter (where " + input + " is not null)", f.Where == nil
	case "count_distinct":
		return "count(distinct " + input + ")", true
	}
	return "", false
}

func orderBy(s *feature.Source) string {
	parts := []string{s.Time.String()}
	for _, e := range s.OrderBy {
		parts = append(parts, e.String())
	}
	return strings.Join(parts, ", ")
}

// literal writes a value as SQL.
func literal(v value.Value) string {
	switch v.Kind() {
	case value.KindString:
		return "'" + strings.ReplaceAll(v.Str(), "'", "''") + "'"
	case value.KindTimestamp:
		return "timestamptz '" + v.String() + "'"
	case value.KindDate:
		return "date '" + v.String() + "'"
	}
	return v.String()
}
