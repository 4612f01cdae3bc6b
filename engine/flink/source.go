package flink

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// arrivedColumn is the time of the record, by which it is decided how late an event is, so that a replay decides alike.
const arrivedColumn = "#arrived"

// timePrefix is of the names of times as they are read of texts: in an array that is unnested, which Flink evaluates once. It would put the
// long text of a projection wherever its column is named.
const timePrefix = "#time "

// source prints the topic as a table, and the view of its columns as the contract reads them.
func (p *printer) source() error {
	src := p.space.Group.Source
	of := func(what, cure string) error { return &Unsupported{what, src.Name, src.Pos, cure} }
	if src.Place.Topic == "" {
		return of("it has no topic for Flink to read", "name one in topic=")
	}
	if f := src.Place.TopicFormat; f != "" && f != "json" {
		return of("records in "+f, "stream with engine = \"local\": what Flink reads here is JSON")
	}
	fields, err := p.fields()
	if err != nil {
		return err
	}
	var columns, read, times []string
	for _, c := range p.reads() {
		t, _ := src.Schema.Lookup(c)
		column := id(fields[c]) + " " + jsonType(t)
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
		text, err := p.column(fields[c], t)
		if err != nil {
			return of(err.Error(), "leave the column out, or stream with engine = \"local\"")
		}
		if t.Kind == value.KindTimestamp || t.Kind == value.KindDate {
			times = append(times, "CROSS JOIN UNNEST(ARRAY["+text+"]) AS "+id("time "+c)+" ("+id(timePrefix+c)+")")
			text = id(timePrefix + c)
		}
		read = append(read, text+" AS "+id(c))
	}
	columns = append(columns, id(arrivedColumn)+" TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL")
	with := append([][2]string{{"connector", "kafka"}, {"topic", src.Place.Topic}}, p.kafka()...)
	with = append(with, [2]string{"scan.startup.mode", "earliest-offset"}, [2]string{"properties.isolation.level", "read_committed"},
		[2]string{"format", "json"}, [2]string{"json.ignore-parse-errors", "true"})
	if p.options.Group != "" {
		with = append(with, [2]string{"properties." + groupProperty, hidden(groupProperty)})
	}
	if p.options.Bounded {
		with = append(with, [2]string{"scan.bounded.mode", "latest-offset"})
	}
	p.table(rawTable, fmt.Sprintf("records of %s (%s)", src.Name, src.Pos), columns, with)
	p.view(readView, "the columns by the rules of values (V2, V3, V5)", p.selects(append(read, id(arrivedColumn)), rawTable)+strings.Join(append([]string{""}, times...), "\n"))
	return nil
}

// reads are the columns that the job needs of the source, in its order.
func (p *printer) reads() []string {
	src := p.space.Group.Source
	needed := map[string]bool{}
	for _, e := range slices.Concat([]*expr.Expr{src.Time, src.Where}, p.space.Inputs, p.space.Wheres) {
		if e != nil {
			for _, c := range e.Columns() {
				needed[c] = true
			}
		}
	}
	if p.space.Ordered() {
		for _, e := range src.OrderBy {
			for _, c := range e.Columns() {
				needed[c] = true
			}
		}
	}
	for _, k := range p.space.Group.Keys {
		needed[k.Name] = true
	}
	for _, c := range p.space.Bys {
		needed[c] = true
	}
	if src.ID != "" {
		needed[src.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(src.Schema.Names()), func(c string) bool { return !needed[c] })
}

// fields are the names in the record of the columns that are read.
func (p *printer) fields() (map[string]string, error) {
	src := p.space.Group.Source
	out := map[string]string{}
	for _, c := range p.reads() {
		out[c] = c
	}
	for _, s := range src.Place.TopicSelect {
		if out[s.Column] == "" {
			continue
		}
		n, errs := expr.Parse(s.SQL)
		var path []string
		if errs == nil {
			path, _ = n.Path()
		}
		if len(path) != 1 || strings.HasPrefix(path[0], "_") || path[0] == "header" {
			return nil, &Unsupported{fmt.Sprintf("column %s = %s of the topic", s.Column, s.SQL), src.Name, src.Pos, "stream with engine = \"local\": Flink reads fields of the record by name"}
		}
		out[s.Column] = path[0]
	}
	return out, nil
}

// jsonType is what Flink's JSON reads a column as. Times and dates are texts for now: a time may be a text or a number.
func jsonType(t value.Type) string {
	if t.Kind == value.KindTimestamp || t.Kind == value.KindDate {
		return "STRING"
	}
	return dialect.Physical(t)
}

// column is a field of the record as the contract reads it.
func (p *printer) column(field string, t value.Type) (string, error) {
	x := id(field)
	switch t.Kind {
	case value.KindDate:
		x = cast(x, "date")
	case value.KindTimestamp:
		unit := p.unit()
		x = "CASE WHEN REGEXP(" + x + ", '^-?[0-9]+\\z') THEN " + printed("to_timestamp(x, '"+unit+"')", value.Int, "TRY_CAST("+x+" AS BIGINT)") + " ELSE " + cast(x, "timestamp") + " END"
		return x, nil
	}
	if t.Kind == value.KindStruct && hasTimes(t) {
		return "", fmt.Errorf("column %q: times within %s, which records have as texts", field, value.An(t.String()))
	}
	return dialect.Normalised(x, t)
}

// hasTimes tells whether there is a time or a date in values of the type.
func hasTimes(t value.Type) bool {
	if t.Elem != nil {
		return hasTimes(*t.Elem)
	}
	return t.Kind == value.KindTimestamp || t.Kind == value.KindDate || slices.ContainsFunc(t.Fields, func(f value.Field) bool { return hasTimes(f.Type) })
}

// unit is that of numbers that are times.
func (p *printer) unit() string {
	place := p.space.Group.Source.Place
	return cmp.Or(place.TopicTimeUnit, place.TimeUnit, "ms")
}

func cast(x, t string) string { return printed("cast(x as "+t+")", value.String, x) }

// printed prints an expression of ours over one column x.
func printed(text string, t value.Type, x string) string {
	e, errs := expr.Check(text, value.Schema{{Name: "x", Type: t}})
	if errs != nil {
		panic(errs) // the text is ours
	}
	sql, err := e.Print(dialect, func(string) string { return x })
	if err != nil {
		panic(err) // the sweep has run it
	}
	return sql
}

// kafka is the options of a table that say where the brokers are. What is secret is filled in when the statement is run.
func (p *printer) kafka() [][2]string {
	out := [][2]string{{"properties.bootstrap.servers", p.options.Brokers}}
	for _, k := range slices.Sorted(maps.Keys(p.options.Properties)) {
		out = append(out, [2]string{"properties." + k, hidden(k)})
	}
	return out
}

// hidden stands in a job's text where a property's value does in what Flink is told.
func hidden(property string) string { return "${" + property + "}" }
