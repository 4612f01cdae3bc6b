package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// duckdbStatement is a statement that gives the value of one plain feature in DuckDB, for the reader who gets another number elsewhere;
// "" where what the feature says has no short statement there, or one that might mean something else (by, known_at, sketches, entities,
// files that are no Parquet, functions that differ).
//
// path is that of the source as the reader's DuckDB finds it. Copies count once there too (E3); where they are not equal the least is
// found by the order of all columns, if each of them has one.
func duckdbStatement(j *plan.Join, v *plan.Value, key []value.Value, w *engine.Why, path string) string {
	f, s := v.Feature, j.Scan.Source
	if s.Kind != feature.Events || f.By != "" || j.Scan.KnownAt != nil || s.Time == nil || !strings.HasSuffix(s.Place.Path, ".parquet") || len(s.Place.TimeColumns) > 0 {
		return ""
	}
	d := &duckdb{ok: true}
	call := d.call(f, s)
	var keys, rows []string
	for i, k := range j.Keys {
		keys = append(keys, fmt.Sprintf("%s = %s", duckdbName(k), literal(key[i])))
	}
	if s.Where != nil {
		rows = append(rows, d.expr(s.Where))
	}
	if w.Start != plan.MinTime {
		rows = append(rows, fmt.Sprintf("%s >= %s", d.expr(s.Time), literal(value.OfTimestamp(w.Start))))
	}
	rows = append(rows, fmt.Sprintf("%s < %s", d.expr(s.Time), literal(value.OfTimestamp(w.End))))
	from := fmt.Sprintf("read_parquet('%s')", strings.ReplaceAll(path, "'", "''"))
	if s.ID == "" {
		keys = append(keys, rows...)
	} else {
		from = d.once(j, from, rows, w.Contested)
	}
	if !d.ok {
		return ""
	}
	// Without the zone, zoneless times and parts of times would be those of the reader's place.
	return fmt.Sprintf("set TimeZone = 'UTC';\nselect %s\nfrom %s\nwhere %s;", call, from, strings.Join(keys, "\n  and "))
}

// once is the rows that these conditions keep, without copies; they may be of any key.
func (d *duckdb) once(j *plan.Join, from string, conditions []string, ordered bool) string {
	s, order := j.Scan.Source, ""
	for _, k := range j.Keys {
		conditions = append(conditions, duckdbName(k)+" is not null")
	}
	if ordered {
		names := s.Schema.Names()
		slices.Sort(names)
		for i, n := range names {
			typ, _ := s.Schema.Lookup(n)
			d.ok = d.ok && typ.Ordered()
			names[i] = duckdbName(n) + " nulls first"
		}
		order = " order by " + strings.Join(names, ", ")
	}
	id := duckdbName(s.ID)
	return fmt.Sprintf("(\n  select * from %s\n  where %s\n  qualify %s is null or row_number() over (partition by %s, %s%s) = 1\n)",
		from, strings.Join(conditions, "\n    and "), id, id, d.expr(s.Time), order)
}

// duckdb writes the parts of a statement; ok is false once one of them has no sure words there.
type duckdb struct{ ok bool }

// call is a feature's aggregation, with its where and default.
func (d *duckdb) call(f *feature.Feature, s *feature.Source) string {
	input, filters := "", []string{}
	if f.Input != nil {
		input = d.expr(f.Input)
		if f.Input.Type().Kind == value.KindBool && slices.Contains([]string{"sum", "avg", "variance", "stddev"}, f.Agg.Name) {
			input = "(" + bare(input) + ")::int"
		}
	}
	if f.Where != nil {
		filters = append(filters, d.expr(f.Where))
	}
	if f.Agg.Name == "first" || f.Agg.Name == "last" {
		filters = append(filters, input+" is not null")
	}
	call := d.aggregation(f, bare(input), s)
	if len(filters) > 0 {
		call += " filter (where " + strings.Join(filters, " and ") + ")"
	}
	if f.Agg.Name == "count_distinct" {
		call = fmt.Sprintf("least(%s, %d)", call, f.Params.Max)
	}
	if !f.Default.IsNull() {
		call = fmt.Sprintf("coalesce(%s, %s)", call, literal(f.Default))
	}
	return call
}

// aggregation is it in DuckDB's words, where it has the same one.
func (d *duckdb) aggregation(f *feature.Feature, input string, s *feature.Source) string {
	switch f.Agg.Name {
	case "count":
		if input == "" {
			return "count(*)"
		}
		return "count(" + input + ")"
	case "sum", "avg", "min", "max":
		return f.Agg.Name + "(" + input + ")"
	case "variance", "stddev":
		name := map[string]string{"variance": "var", "stddev": "stddev"}[f.Agg.Name] + map[bool]string{false: "_pop", true: "_samp"}[f.Params.Sample]
		return name + "(" + input + ")"
	case "first", "last":
		order := d.expr(s.Time)
		for _, e := range s.OrderBy {
			order += ", " + d.expr(e) + " nulls first"
		}
		return fmt.Sprintf("%s(%s order by %s, %s)", f.Agg.Name, input, order, input)
	case "count_distinct":
		return "count(distinct " + input + ")"
	}
	d.ok = false
	return ""
}

var (
	duckdbQuoted = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")*"`)
	duckdbWord   = regexp.MustCompile(`[\pL_][\pL\pN_]*(?:\()?`)
	// A division by what may be zero is null here and infinite there.
	duckdbDivision = regexp.MustCompile(`[/%] *(?:[1-9][0-9.]*)?`)
	duckdbCast     = regexp.MustCompile(` as (\w+)\)`)
)

// duckdbSame are the functions that mean the same there; duckdbReserved the words that are a column's bare name here and not there, and
// those of ours that it does not know.
var (
	duckdbSame     = strings.Fields("cast( coalesce( nullif( abs( floor( ceil( greatest( least( length( replace( starts_with( contains( in( and( or( not( when( then( else(")
	duckdbReserved = strings.Fields("div local interval extract all any array as asc both check collate column constraint create default desc distinct do except fetch for " +
		"foreign from full grant group having initially intersect into lateral leading left right inner outer join limit natural offset on only order placing primary " +
		"qualify references returning select show some summarize symmetric table to trailing union unique using variadic where window with")
)

// expr writes an expression that means the same there.
func (d *duckdb) expr(e *expr.Expr) string {
	text := e.String()
	bare := duckdbQuoted.ReplaceAllString(text, "''")
	for _, w := range duckdbWord.FindAllString(duckdbCast.ReplaceAllString(bare, ")"), -1) {
		call := strings.HasSuffix(w, "(")
		d.ok = d.ok && (!call || slices.Contains(duckdbSame, w)) && !slices.Contains(duckdbReserved, strings.ToLower(w))
	}
	for _, m := range duckdbDivision.FindAllString(bare, -1) {
		d.ok = d.ok && len(strings.TrimSpace(m)) > 1
	}
	for _, m := range duckdbCast.FindAllStringSubmatch(bare, -1) {
		d.ok = d.ok && (m[1] == "float" || m[1] == "date" || m[1] == "timestamp")
	}
	if strings.Contains(bare, " as float)") {
		// Its float has 32 bits. A text that holds these words is left alone, and the statement out.
		d.ok = d.ok && strings.Count(bare, " as float)") == strings.Count(text, " as float)")
		text = strings.ReplaceAll(text, " as float)", " as double)")
	}
	return text
}

func duckdbName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

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
