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

// source prints the topic as a table, and the views that make rows of its records and columns of them, as our own reader does.
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
	names, allowed, err := p.texts(fields)
	if err != nil {
		return err
	}
	var rows, read, texts, textNames []string
	for _, c := range p.reads() {
		t, _ := src.Schema.Lookup(c)
		if t.Kind == value.KindTimestamp || t.Kind == value.KindDate {
			texts, textNames = append(texts, scalarText(fields[c])), append(textNames, id(textPrefix+c))
		}
		text, err := valueOf(fields[c], t, p.unit(), id(textPrefix+c))
		if err == nil {
			rows = append(rows, text)
			text, err = dialect.Normalised(id(valuePrefix+c), t)
		}
		if err != nil {
			return of(fmt.Sprintf("column %q: %v", c, err), "leave the column out, or stream with engine = \"local\"")
		}
		read = append(read, text+" AS "+id(c))
	}
	columns := []string{id(recordColumn) + " STRING", id(arrivedColumn) + " TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL"}
	with := append([][2]string{{"connector", "kafka"}, {"topic", src.Place.Topic}}, p.kafka()...)
	with = append(with, [2]string{"scan.startup.mode", "earliest-offset"}, [2]string{"properties.isolation.level", "read_committed"}, [2]string{"format", "raw"})
	if p.options.Group != "" {
		with = append(with, [2]string{"properties." + groupProperty, hidden(groupProperty)})
	}
	if p.options.Bounded {
		with = append(with, [2]string{"scan.bounded.mode", "latest-offset"})
	}
	p.table(rawTable, fmt.Sprintf("records of %s (%s)", src.Name, src.Pos), columns, with)
	words := hides(id(recordColumn), names)
	p.view(jsonView, "their texts as Flink reads JSON: a registry's number is left out, numbers that are not finite become such of digits\n(and words in strings that are called so, until they are fields), and what is no UTF-8 becomes U+FFFF",
		p.selects([]string{id(jsonColumn), id(hiddenColumn), id(arrivedColumn)}, rawTable)+once("json", []string{id(hiddenColumn), id(jsonColumn)}, words, repaired(id(recordColumn), words)))
	p.view(fieldsView, "the fields that are columns, as one object in one spelling",
		p.selects([]string{id(jsonColumn), id(fieldsColumn), id(arrivedColumn)}, jsonView)+once("fields", []string{id(fieldsColumn)}, shown(picked(id(jsonColumn), names))))
	p.view(soundView, "rows: each field is null or of its column's type, and none stands twice. What is no row is a dead letter of our own stream",
		p.selects([]string{id(fieldsColumn), id(arrivedColumn)}, fieldsView)+"\nWHERE "+sound(names, allowed))
	valueNames := make([]string, len(rows))
	for i, c := range p.reads() {
		valueNames[i] = id(valuePrefix + c)
	}
	from := p.selects(append(read, id(arrivedColumn)), soundView)
	if len(texts) > 0 {
		from += once("texts", textNames, texts...)
	}
	p.view(readView, "the columns by the rules of values (V2, V3, V5)", from+once("values", valueNames, rows...))
	return nil
}

// texts are the names of the fields that are columns, and what each may look like to be one.
func (p *printer) texts(fields map[string]string) (names []string, allowed map[string][]string, err error) {
	src := p.space.Group.Source
	allowed = map[string][]string{}
	for _, c := range src.Schema {
		if fields[c.Name] == "" { // of the record's own, not read
			continue
		}
		text, ok := textOf(c.Type, p.unit() != "")
		if !ok {
			return nil, nil, &Unsupported{fmt.Sprintf("column %q: Flink can't tell whether a record has %s", c.Name, value.An(c.Type.String())), src.Name, src.Pos, "leave the column out, or stream with engine = \"local\""}
		}
		if !spelled(fields[c.Name]) {
			return nil, nil, &Unsupported{fmt.Sprintf("column %q: the name %q is spelled otherwise in JSON", c.Name, fields[c.Name]), src.Name, src.Pos, "name it otherwise, or stream with engine = \"local\""}
		}
		names = append(names, fields[c.Name])
		allowed[fields[c.Name]] = distinct(append(allowed[fields[c.Name]], text))
	}
	return distinct(names), allowed, nil
}

// once joins expressions under names: in an array that is unnested, which Flink evaluates once. It would put the text of a projection wherever its column is named.
func once(as string, names []string, texts ...string) string {
	row := strings.Join(texts, ",\n  ")
	if len(texts) > 1 {
		row = "ROW(\n  " + row + "\n)"
	}
	return "\nCROSS JOIN UNNEST(ARRAY[" + row + "]) AS " + id("#"+as) + " (" + strings.Join(names, ", ") + ")"
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

// fields are the names in the record of the source's columns, read or not: our own reader looks at all of them.
func (p *printer) fields() (map[string]string, error) {
	src := p.space.Group.Source
	out := map[string]string{}
	for _, c := range src.Schema {
		out[c.Name] = c.Name
	}
	reads := p.reads()
	for _, s := range src.Place.TopicSelect {
		n, errs := expr.Parse(s.SQL)
		var path []string
		if errs == nil {
			path, _ = n.Path()
		}
		own := len(path) > 0 && (strings.HasPrefix(path[0], "_") || path[0] == "header")
		switch {
		case own && !slices.Contains(reads, s.Column):
			delete(out, s.Column)
		case own || len(path) != 1:
			return nil, &Unsupported{fmt.Sprintf("column %s = %s of the topic", s.Column, s.SQL), src.Name, src.Pos, "stream with engine = \"local\": Flink reads fields of the record by name"}
		default:
			out[s.Column] = path[0]
		}
	}
	return out, nil
}

// unit is that of numbers that are times; "": they are none.
func (p *printer) unit() string {
	place := p.space.Group.Source.Place
	return cmp.Or(place.TopicTimeUnit, place.TimeUnit)
}

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
