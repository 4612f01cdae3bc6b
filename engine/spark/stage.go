package spark

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// stage makes the tables of a run readable for Spark.
type stage struct {
	options *Options
	dir     string // of the run; "" until something is written
	files   int
	located []located
	at      string // the spine's column that is its time, "" where it is computed
	asked   *asked // nil: not known
	// engine is who asks Spark for tables that it reads by their names; byName is that there is one.
	engine *Engine
	byName bool
	counts map[string]dataset.Counts // of those, by their partitions
}

// located is a source whose files Spark reads in place.
type located struct {
	source *feature.Source
	table  dataset.Table
}

// ofFile says of which source the file is that Spark's failure names, if it names one.
func (s *stage) ofFile(err error) error {
	text := err.Error()
	if answer := new(connect.Error); errors.As(err, &answer) { // what is said of it is cut short
		text += answer.Message + answer.Cause
	}
	for _, p := range s.located {
		for _, part := range p.table.Parts() {
			if strings.Contains(part.Path, "://") && strings.Contains(text, part.Path) {
				return engine.OfSource(p.source, err)
			}
			if path, bad := filepath.Abs(part.Path); bad == nil && strings.Contains(text, (&url.URL{Path: path}).EscapedPath()) {
				return engine.OfSource(p.source, err)
			}
		}
	}
	return err
}

// remove leaves nothing behind.
func (s *stage) remove() error {
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// tables stages every table that a plan names, each source once, and counts the rows of the spine and of each join's source.
func (s *stage) tables(ctx context.Context, p *plan.Batch, in engine.Inputs, report *engine.Report) (Tables, error) {
	var out Tables
	spine, err := in.SpineRows(ctx, &p.Spine)
	if err == nil {
		var counts dataset.Counts
		s.at, _ = p.Spine.At.Column()
		out.Spine, counts, err = s.spine(ctx, spine, p)
		report.SpineRows = counts.Rows
	}
	if err != nil {
		return out, engine.OfSpine(p, err)
	}
	type staged struct {
		table  Table
		counts dataset.Counts
	}
	done := map[*feature.Source]staged{}
	for _, j := range p.Joined() {
		source := j.Scan.Source
		if _, ok := done[source]; !ok {
			rows, err := in.Rows(ctx, source)
			var t staged
			if err == nil {
				t.table, t.counts, err = s.source(ctx, rows, p, source)
			}
			if err != nil {
				return out, engine.OfSource(source, err)
			}
			if source.Kind == feature.Snapshots {
				for _, part := range rows.Parts() {
					t.table.Parts = append(t.table.Parts, part.Partition[source.Snapshot])
				}
			}
			done[source] = t
		}
		t := done[source]
		out.Joins = append(out.Joins, t.table)
		report.Sources = append(report.Sources, &engine.SourceReport{Join: j.Name, Source: source.Name, Read: t.counts, Rows: t.counts.Rows, First: plan.MaxTime})
	}
	return out, nil
}

// spine stages the rows that ask, or names their table.
func (s *stage) spine(ctx context.Context, rows dataset.Table, p *plan.Batch) (Table, dataset.Counts, error) {
	n := farNamed(rows)
	if n == nil {
		return s.table(ctx, rows, p.Spine.Schema, dataset.Scan{Columns: p.Spine.Read}, true)
	}
	if p.Spine.Start != nil && p.Spine.End != nil {
		s.asked = &asked{*p.Spine.Start, *p.Spine.End}
	}
	return s.named(ctx, n, rows, spineSource(p), p.Spine.Read, true)
}

// spineSource is the source of the rows that ask, or their place as one.
func spineSource(p *plan.Batch) *feature.Source {
	if p.Spine.Source != nil {
		return p.Spine.Source
	}
	return &feature.Source{Name: "rows of " + p.Name, Pos: p.Pos, Place: p.Spine.Place, Schema: p.Spine.Schema}
}

// source names a source's table or files, or stages its rows.
func (s *stage) source(ctx context.Context, rows dataset.Table, p *plan.Batch, source *feature.Source) (Table, dataset.Counts, error) {
	read := readOf(p, source)
	if n := farNamed(rows); n != nil {
		s.located = append(s.located, located{source, rows})
		return s.named(ctx, n, rows, source, read, false)
	}
	if t, counts, ok := inPlace(rows, source, read, s.within(p, source)); ok {
		s.located = append(s.located, located{source, rows})
		return t, counts, nil
	}
	return s.table(ctx, rows, source.Schema, dataset.Scan{Columns: read}, false)
}

// within is when events of a source matter to the spine's rows: the reach of its joins about the times that are asked of. Everything matters to
// a label that must lie within the data (I2).
func (s *stage) within(p *plan.Batch, source *feature.Source) span {
	if s.asked == nil || source.Kind != feature.Events {
		return span{}
	}
	var reach plan.Reach
	for _, j := range p.Joined() {
		if j.Scan.Source == source {
			if j.Forward {
				return span{}
			}
			reach = reach.Union(j.Scan.Reach)
		}
	}
	return span{from: s.asked.first - reach.Back, hasFrom: reach.Back >= 0, to: s.asked.last + reach.Ahead, hasTo: true}
}

// asked are the times that the spine's rows ask of.
type asked struct{ first, last int64 }

// take takes in a batch of the spine, where its time is a column of it.
func (s *stage) take(b *value.Batch, column string) {
	i := b.Schema.Index(column)
	if i < 0 || b.Schema[i].Type.Kind != value.KindTimestamp {
		return
	}
	for n := range b.N {
		if b.Columns[i].IsNull(n) {
			continue
		}
		t := b.Columns[i].Ints[n]
		if s.asked == nil {
			s.asked = &asked{t, t}
		}
		s.asked.first, s.asked.last = min(s.asked.first, t), max(s.asked.last, t)
	}
}

// readOf are the columns that joins read of a source, in its order.
func readOf(p *plan.Batch, s *feature.Source) []string {
	needed := map[string]bool{}
	for _, j := range p.Joined() {
		if j.Scan.Source == s {
			for _, c := range reads(j) {
				needed[c] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(s.Schema.Names()), func(c string) bool { return !needed[c] })
}

// table stages what a scan gives of a table: as values where they are few, else as Parquet.
func (s *stage) table(ctx context.Context, t dataset.Table, schema value.Schema, scan dataset.Scan, numbered bool) (Table, dataset.Counts, error) {
	w := &tableWriter{stage: s, numbered: numbered, schema: schemaOf(schema, scan.Columns)}
	if numbered {
		w.schema = append(w.schema, value.Field{Name: rowNumber, Type: value.Int})
	}
	defer w.abort()
	r, err := t.Scan(ctx, scan)
	if err != nil {
		return Table{}, dataset.Counts{}, err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if err == io.EOF {
			from, err := w.close()
			counts := r.Counts()
			counts.Rows = w.rows
			return Table{From: from}, counts, err
		}
		if err == nil {
			if numbered {
				s.take(b, s.at)
			}
			err = w.write(b)
		}
		if err != nil {
			return Table{}, dataset.Counts{}, err
		}
	}
}

// schemaOf is the columns of those names.
func schemaOf(s value.Schema, names []string) value.Schema {
	out := make(value.Schema, len(names))
	for i, n := range names {
		out[i] = s[s.Index(n)]
	}
	return out
}

// tableWriter takes rows in as text until they are too many for it, and into a file from then on.
type tableWriter struct {
	stage    *stage
	numbered bool
	schema   value.Schema
	rows     int64
	inline   []string
	size     int
	held     []*value.Batch // what inline says
	path     string
	file     dataset.Writer
}

func (w *tableWriter) write(b *value.Batch) error {
	b = w.physical(b)
	if w.file == nil {
		for i := 0; i < b.N && w.size <= w.stage.options.Inline; i++ {
			cells := make([]string, len(w.schema))
			for c, f := range w.schema {
				cells[c] = dialect.Literal(f.Type, b.Columns[c].At(i))
			}
			row := "(" + strings.Join(cells, ", ") + ")"
			w.inline, w.size = append(w.inline, row), w.size+len(row)
		}
		if w.held = append(w.held, b); w.size <= w.stage.options.Inline {
			return nil
		}
		if err := w.create(); err != nil {
			return err
		}
		for _, h := range w.held {
			if err := w.file.Write(h); err != nil {
				return err
			}
		}
		w.held, w.inline = nil, nil
		return nil
	}
	return w.file.Write(b)
}

func (w *tableWriter) create() (err error) {
	s := w.stage
	if s.options.Stage == "" {
		return errors.New("its rows have to be written where Spark can read them: name a folder that Spark sees in batch.stage")
	}
	if s.dir == "" {
		if err := os.MkdirAll(s.options.Stage, 0o755); err != nil {
			return err
		}
		if s.dir, err = os.MkdirTemp(s.options.Stage, "bighead-run-*"); err != nil {
			return err
		}
	}
	s.files++
	w.path = filepath.Join(s.dir, fmt.Sprintf("table%d.parquet", s.files))
	if w.path, err = filepath.Abs(w.path); err != nil {
		return err
	}
	w.file, err = dataset.Create([]dataset.Format{s.options.Parquet}, w.path, physicalSchema(w.schema), dataset.Metadata{}, dataset.WriteOptions{})
	return err
}

func (w *tableWriter) abort() {
	if w.file != nil {
		w.file.Abort()
	}
}

// close gives what stands behind `from`.
func (w *tableWriter) close() (string, error) {
	names := make([]string, len(w.schema))
	for i, f := range w.schema {
		names[i] = name(f.Name)
	}
	switch {
	case w.file != nil:
		return "parquet." + name(w.path), w.file.Close()
	case len(w.schema) == 0: // rows without columns
		return fmt.Sprintf("range(%d)", w.rows), nil
	case len(w.inline) == 0:
		none := make(columns, len(w.schema))
		for i, f := range w.schema {
			none[i] = dialect.Literal(f.Type, value.Value{}) + " as " + names[i]
		}
		return "(select " + strings.Join(none, ", ") + " where false)", nil
	}
	return "values\n  " + strings.Join(w.inline, ",\n  ") + "\n  as t(" + strings.Join(names, ", ") + ")", nil
}

// physical is a batch in the types in which Spark computes, its rows numbered if they are to be.
func (w *tableWriter) physical(b *value.Batch) *value.Batch {
	out := &value.Batch{N: b.N, Schema: physicalSchema(w.schema)}
	for i, f := range out.Schema {
		col := value.NewColumn(f.Type, b.N)
		for n := range b.N {
			switch {
			case i == len(b.Columns): // rowNumber
				col.Set(n, value.OfInt(w.rows+int64(n)))
			default:
				col.Set(n, physicalValue(b.Columns[i].At(n)))
			}
		}
		out.Columns = append(out.Columns, col)
	}
	w.rows += int64(b.N)
	return out
}

func physicalSchema(s value.Schema) value.Schema {
	out := make(value.Schema, len(s))
	for i, f := range s {
		out[i] = value.Field{Name: f.Name, Type: physicalType(f.Type)}
	}
	return out
}

// physicalType has ints for timestamps and dates.
func physicalType(t value.Type) value.Type {
	switch t.Kind {
	case value.KindTimestamp, value.KindDate:
		return value.Int
	case value.KindList:
		return value.ListOf(physicalType(*t.Elem))
	case value.KindMap:
		return value.MapOf(physicalType(*t.Elem))
	case value.KindStruct:
		return value.StructOf(physicalSchema(t.Fields)...)
	}
	return t
}

func physicalValue(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindTimestamp, value.KindDate:
		return value.OfInt(v.Int())
	case value.KindList, value.KindMap, value.KindStruct:
		return rebuilt(v, func(_ int, part value.Value) value.Value { return physicalValue(part) })
	}
	return v
}

// rebuilt is a list, map or struct with its parts changed.
func rebuilt(v value.Value, change func(i int, part value.Value) value.Value) value.Value {
	if v.Kind() == value.KindList {
		elems := make([]value.Value, v.Len())
		for i := range elems {
			elems[i] = change(i, v.At(i))
		}
		return value.OfList(elems)
	}
	entries := make([]value.Entry, v.Len())
	for i := range entries {
		entries[i] = value.Entry{Key: v.KeyAt(i), Value: change(i, v.At(i))}
	}
	if v.Kind() == value.KindStruct {
		return value.OfStruct(entries)
	}
	return value.OfMap(entries)
}
