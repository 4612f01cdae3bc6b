package feature

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Formats and units that a place can be declared with.
var (
	formats      = []string{"parquet", "csv", "ndjson", "arrow"} // of files
	topicFormats = []string{"json", "avro", "protobuf"}          // of a topic's records
	timeUnits    = []string{"s", "ms", "us", "ns"}
)

type schemaResult struct {
	columns  value.Schema
	warnings []string
	err      error
}

// ask asks once for the columns of a place.
func (c *checker) ask(p Place) schemaResult {
	key := fmt.Sprintf("%q %q %q %q", p.Path, p.Table, p.Format, value.StructOf(p.Declared...))
	r, ok := c.schemas[key]
	if !ok {
		if c.o.Schema == nil {
			r.err = errors.New("nothing here reads files")
		} else {
			r.columns, r.warnings, r.err = c.o.Schema(p)
		}
		c.schemas[key] = r
	}
	return r
}

// real is the columns of a place; nil where it cannot be read, which is reported.
func (c *checker) real(p Place, at Span, what string) value.Schema {
	r := c.ask(p)
	if r.err != nil {
		c.unreadable(at, what, p, r.err)
		return nil
	}
	for _, w := range r.warnings {
		if key := p.Path + p.Table + "\x00" + w; !c.warned[key] { // at the first use
			c.warned[key] = true
			c.readLesser(at, what, w)
		}
	}
	return r.columns
}

// realOf is the columns of a source's file or table. Readers refuse a file that is not as declared, with the first difference; then it
// is read as it is, and every difference is reported.
func (c *checker) realOf(d *SourceDef, p *Place, at Span, what string) value.Schema {
	bare := *p
	bare.Declared = nil
	if len(p.Declared) == 0 || c.ask(*p).err == nil || c.ask(bare).err != nil {
		columns := c.real(*p, at, what)
		if columns == nil {
			return nil
		}
		columns = c.selected(d.Table, columns)
		c.compare(d, p, columns, true)
		return columns
	}
	mark := c.mark()
	columns := c.selected(d.Table, c.ask(bare).columns)
	c.compare(d, p, columns, !untyped(p))
	if c.soundSince(mark) && len(p.TimeColumns) == 0 {
		c.unreadable(at, what, *p, c.ask(*p).err) // it is something else
		return nil
	}
	return columns
}

// untyped tells files whose types are guessed where none are declared.
func untyped(p *Place) bool {
	name := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(p.Path), ".gz"), ".zst")
	return p.Format == "csv" || p.Format == "ndjson" || slices.Contains([]string{".csv", ".tsv", ".ndjson", ".jsonl", ".json"}, path.Ext(name))
}

// placeOf is where a source's rows are.
func (c *checker) placeOf(d *SourceDef) Place {
	p := Place{Path: textOf(d.Path), Format: c.word(d.Format, "format", slices.Concat(formats, topicFormats)...), TimeUnit: textOf(d.TimeUnit)}
	if slices.Contains(topicFormats, p.Format) { // files have the format of their name
		p.Format, p.TopicFormat = "", p.Format
		if d.Topic == nil {
			c.meaningless(d.Format.At, "format="+strconv.Quote(p.TopicFormat), "without topic=", "name the topic whose records have it; of files it is one of "+strings.Join(formats, ", "))
		}
	}
	c.word(d.TimeUnit, "time_unit", timeUnits...)
	if d.Table != nil {
		p.Table, p.TableSelect = d.Table.Name.Value, selectOf(d.Table)
		if d.Table.TimeUnit != nil {
			p.TimeUnit = c.word(d.Table.TimeUnit, "time_unit", timeUnits...)
		}
		if d.Path != nil {
			c.severalPlaces(d.Table.Name.At, fmt.Sprintf("source %q", d.Name.Value), []string{"path=", "table="})
		}
	}
	if d.Topic != nil {
		p.Topic, p.TopicSelect, p.TopicTimeUnit = d.Topic.Name.Value, selectOf(d.Topic), textOf(d.Topic.TimeUnit)
	}
	return p
}

func textOf(t *Text) string {
	if t == nil {
		return ""
	}
	return t.Value
}

func selectOf(d *PlaceDef) []Select {
	var out []Select
	for _, s := range d.Select {
		out = append(out, Select{Column: s.Name.Value, SQL: s.SQL.Value})
	}
	return out
}

// readable refuses a path of a scheme that nothing reads.
func (c *checker) readable(t *Text) bool {
	if t == nil {
		return true
	}
	scheme, _, ok := strings.Cut(t.Value, "://")
	if !ok || slices.Contains(c.o.Schemes, strings.ToLower(scheme)) {
		return true
	}
	c.remotePlace(*t, scheme)
	return false
}

// declared reads the columns of a definition.
func (c *checker) declared(columns []ColumnDef, of string) value.Schema {
	var out value.Schema
	for _, d := range columns {
		if d.Name.Value == "" {
			c.badName(d.Name.At, "a column", d.Name.Value)
			continue
		}
		if out.Index(d.Name.Value) >= 0 {
			c.columnTwice(d.Name.At, d.Name.Value, "the columns of "+of)
			continue
		}
		if d.Type.Optional {
			c.meaningless(d.Type.At, "bh.optional", "in the columns of a source, where every cell may be null", "write the type itself")
		}
		if t, ok := c.declaredType(d.Type); ok {
			out = append(out, value.Field{Name: d.Name.Value, Type: t})
		}
	}
	return out
}

// sourceSchema is the columns of a source as its expressions see them, nil where they cannot be known: the file's, compared with
// those declared, or the declared ones alone. Integers that are times by time_unit are timestamps in it.
func (c *checker) sourceSchema(d *SourceDef, p *Place, what string) value.Schema {
	mark := c.mark()
	p.Declared = c.declared(d.Columns, what)
	columns, sound := p.Declared, c.soundSince(mark)
	at := d.Name.At
	if d.Path != nil {
		at = d.Path.At
	} else if d.Table != nil {
		at = d.Table.Name.At
	}
	switch {
	case p.Path != "" || p.Table != "":
		if !c.readable(d.Path) {
			return nil
		}
		if columns = c.realOf(d, p, at, what); columns == nil {
			return nil
		}
	case len(d.Columns) == 0 && !d.Flawed.Has("columns"):
		if d.Topic != nil {
			c.topicNeedsColumns(d.Topic.At, what)
		} else if !d.Flawed.Has("path") && !d.Flawed.Has("table") {
			c.noPlace(d.At, what)
		}
		return nil
	case d.Flawed.Has("columns"), !sound:
		return nil // some columns are not known, so every name could be one of them
	default:
		columns = withTime(d.Time, columns)
	}
	return c.timesOf(d, p, columns)
}

// compare holds the declared columns against those of the file, and their types where the file has types.
func (c *checker) compare(d *SourceDef, p *Place, real value.Schema, typed bool) {
	place := p.Path
	if place == "" {
		place = p.Table
	}
	for _, f := range d.Columns {
		i := p.Declared.Index(f.Name.Value)
		if i < 0 {
			continue
		}
		declared := p.Declared[i].Type
		got, ok := real.Lookup(f.Name.Value)
		switch {
		case !ok:
			c.declaredMissing(f.Name.At, f.Name.Value, place, real.Names())
		case got.Equal(declared):
		case got.Kind == value.KindInt && declared.Kind == value.KindTimestamp && p.TimeUnit != "":
			p.TimeColumns = append(p.TimeColumns, f.Name.Value)
		case got.Kind == value.KindInt && declared.Kind == value.KindTimestamp && (f.Name.Value == textOf(d.Time) || f.Name.Value == textOf(d.KnownAt)):
			// time= says that it has no unit
		case typed:
			c.declaredDiffers(f.Type.At, f.Name.Value, place, declared, got)
		}
	}
}

// withTime adds the column of time= to declared ones: it need not be declared.
func withTime(t *Text, columns value.Schema) value.Schema {
	if t == nil {
		return columns
	}
	n, errs := expr.Parse(t.Value)
	if len(errs) > 0 {
		return columns
	}
	name, ok := n.Column()
	if !ok || columns.Index(name) >= 0 {
		return columns
	}
	return append(slices.Clone(columns), value.Field{Name: name, Type: value.Timestamp})
}

// timesOf makes the integer columns that are used as times timestamps, where a unit is declared; readers convert them (V5).
func (c *checker) timesOf(d *SourceDef, p *Place, columns value.Schema) value.Schema {
	if p.TimeUnit == "" {
		return columns
	}
	for _, t := range []*Text{d.Time, d.KnownAt} {
		if typ, ok := columns.Lookup(textOf(t)); ok && typ.Kind == value.KindInt && !slices.Contains(p.TimeColumns, t.Value) {
			p.TimeColumns = append(p.TimeColumns, t.Value)
		}
	}
	if len(p.TimeColumns) == 0 {
		if d.TimeUnit != nil && d.Topic == nil {
			c.meaningless(d.TimeUnit.At, "time_unit", "where no integer is used as a time", "leave it out")
		}
		return columns
	}
	p.Declared = withTimes(p.Declared, p.TimeColumns)
	return withTimes(columns, p.TimeColumns)
}

func withTimes(columns value.Schema, names []string) value.Schema {
	columns = slices.Clone(columns)
	for _, name := range names {
		if i := columns.Index(name); i >= 0 {
			columns[i].Type = value.Timestamp
		}
	}
	return columns
}

// selected is the columns of a table after its select=: those, and the table's own that it does not replace.
func (c *checker) selected(d *PlaceDef, columns value.Schema) value.Schema {
	if d == nil || len(d.Select) == 0 {
		return columns
	}
	s := newScope(fmt.Sprintf("table %q", d.Name.Value), columns)
	s.engines = computedBy(c.batch)
	c.inexact[d] = map[string]bool{}
	columns = slices.Clone(columns)
	for _, one := range d.Select {
		e := c.sql(one.SQL, s)
		if e == nil {
			continue
		}
		c.onEngines(one.SQL, e, s, "")
		c.inexact[d][one.Name.Value] = s.carries(e)
		if i := columns.Index(one.Name.Value); i >= 0 {
			columns[i].Type = e.Type()
		} else {
			columns = append(columns, value.Field{Name: one.Name.Value, Type: e.Type()})
		}
	}
	return columns
}
