package hive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Create starts writing rows into a table, which is made, of Parquet and external, where it is not there. of names what is written, and so the
// file in each partition: what was written of it before is replaced, partition by partition, and what others have written there stays.
//
// Nothing can be seen until Close: rows go to a hidden folder beside the table's; then their files are moved, partitions that are new first,
// which nobody reads before they are registered, all at once; files of partitions that are there already replace older ones at last.
func (t Tables) Create(ctx context.Context, name, of string, schema value.Schema, meta dataset.Metadata) (dataset.Writer, error) {
	p, err := ParsePlace(name)
	if err != nil {
		return nil, err
	}
	if len(p.conditions) > 0 {
		return nil, fmt.Errorf("%s: rows go to the partitions that they name; leave conditions out", p.title())
	}
	s, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	p.host = s.host
	w := &writer{tables: t, ctx: ctx, place: p, meta: meta, file: "bighead-" + escapeName(of) + ".parquet", parts: map[string]*part{}}
	d, err := s.describe(p)
	if missing := new(noTable); errors.As(err, &missing) {
		err = w.make(s, schema)
	} else if err == nil {
		err = w.fit(d, schema)
	}
	if err != nil {
		return nil, err
	}
	return w, w.begin()
}

// writer takes rows into a file for each partition.
type writer struct {
	tables Tables
	ctx    context.Context
	place  Place
	meta   dataset.Metadata
	made   bool   // the table is to be made
	raw    object // of the table
	file   string // what the files are called
	folder string // of the table
	stage  string
	schema value.Schema // of the rows
	keys   []int        // of the rows' columns: the partition columns, in the table's order
	cells  []int        // of the rows' columns: those of the files, in the table's order
	inner  value.Schema // of the files
	parts  map[string]*part
	order  []string
	err    error
}

// part is the rows of one partition.
type part struct {
	values []string
	path   string // where they are staged
	writer dataset.Writer
}

// make plans a table that is not there.
func (w *writer) make(s *session, schema value.Schema) error {
	database, err := s.call("get_database", object{1: w.place.Database})
	if err != nil {
		return err
	}
	location := strings.TrimSuffix(database.object(0).text(3), "/") + "/" + w.place.Table
	if w.folder, err = w.tables.folder(location); err != nil {
		return fmt.Errorf("%s would be made, and %w", w.place.title(), err)
	}
	if entries, err := os.ReadDir(w.folder); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not there, but its folder %s is, and has files in it: remove it, or create the table over them in Hive", w.place.title(), w.folder)
	}
	w.made, w.schema = true, schema
	for _, k := range w.place.keys {
		i := slices.IndexFunc(schema, func(f value.Field) bool { return strings.EqualFold(f.Name, k) })
		if i < 0 {
			return fmt.Errorf("%s is to be partitioned by %q, which the rows do not have%s", w.place.title(), k, nearestOf(k, schema.Names()))
		}
		if !slices.Contains([]value.Kind{value.KindString, value.KindInt, value.KindDate}, schema[i].Type.Kind) {
			return fmt.Errorf("%s is to be partitioned by %q, which is %s: partitions are of string, int or date", w.place.title(), k, schema[i].Type)
		}
		w.keys = append(w.keys, i)
	}
	for i, f := range schema {
		if j := slices.IndexFunc(schema, func(g value.Field) bool { return strings.EqualFold(g.Name, f.Name) }); j < i {
			return fmt.Errorf("%s: columns %q and %q are one in Hive, which knows no case: rename one", w.place.title(), schema[j].Name, f.Name)
		}
		if !slices.Contains(w.keys, i) {
			w.cells, w.inner = append(w.cells, i), append(w.inner, f)
		}
	}
	w.raw = tableObject(w.place, w.inner, schema, w.keys, location)
	return nil
}

// fit finds the rows' columns in a table that is there.
func (w *writer) fit(d *description, schema value.Schema) error {
	st, err := storageOf(d.raw.object(7), d.raw.params(9))
	if err == nil && st.format != "parquet" {
		err = errors.New("is not of Parquet, which is what is written: name another table, or have it made anew (STORED AS PARQUET)")
	}
	if err == nil {
		w.folder, err = w.tables.folder(st.location)
	}
	if err == nil && len(w.place.keys) > 0 && !slices.Equal(w.place.keys, lowered(d.keys.Names())) {
		err = fmt.Errorf("is there, and is partitioned by [%s]: name the table alone", strings.Join(d.keys.Names(), ", "))
	}
	if err != nil {
		return fmt.Errorf("%s %w", w.place.title(), err)
	}
	w.raw, w.schema = d.raw, schema
	find := func(name string) int {
		return slices.IndexFunc(schema, func(f value.Field) bool { return strings.EqualFold(f.Name, name) })
	}
	columns := d.raw.object(7).objects(1)
	for i, f := range columns {
		at := find(f.text(1))
		if at < 0 {
			return fmt.Errorf("%s has column %q, which the rows do not have: write to another table, or keep= it", w.place.title(), f.text(1))
		}
		if want := hiveType(schema[at].Type); !strings.EqualFold(want, f.text(2)) {
			return fmt.Errorf("%s: column %q is %s there, and %s is written: write to another table, or alter the column", w.place.title(), f.text(1), f.text(2), want)
		}
		name := f.text(1)
		if len(d.columns) == len(columns) {
			name = d.columns[i].Name
		}
		w.cells, w.inner = append(w.cells, at), append(w.inner, value.Field{Name: name, Type: schema[at].Type})
	}
	for _, k := range d.keys {
		at := find(k.Name)
		if at < 0 || !schema[at].Type.Equal(k.Type) {
			return fmt.Errorf("%s is partitioned by %s (%s), which the rows do not have as such: keep= it, or write to another table", w.place.title(), k.Name, k.Type)
		}
		w.keys = append(w.keys, at)
	}
	for i, f := range schema {
		if !slices.Contains(w.cells, i) && !slices.Contains(w.keys, i) {
			return fmt.Errorf("%s has no column %q (%s): add it (ALTER TABLE … ADD COLUMNS), or write to another table", w.place.title(), f.Name, hiveType(f.Type))
		}
	}
	return nil
}

func lowered(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

// begin makes the folder for what is not to be seen yet, on the file system of the table.
func (w *writer) begin() error {
	parent := w.folder
	if w.made {
		parent = filepath.Dir(w.folder)
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("%s: %w", w.place.title(), err)
	}
	w.stage = filepath.Join(parent, fmt.Sprintf(".bighead-%s-%016x", w.place.Table, rand.Uint64()))
	if err := os.Mkdir(w.stage, 0o755); err != nil {
		return fmt.Errorf("%s: %w", w.place.title(), err)
	}
	if len(w.keys) == 0 { // also where there will be no rows
		_, err := w.part("", nil)
		return err
	}
	return nil
}

// mostPartitions bounds the files that are written at a time.
const mostPartitions = 2000

func (w *writer) part(name string, values []string) (*part, error) {
	if p, ok := w.parts[name]; ok {
		return p, nil
	}
	if len(w.parts) == mostPartitions {
		return nil, fmt.Errorf("%s: the rows are of more than %d partitions, which cannot be written at once: write it in stretches, by --start and --end", w.place.title(), mostPartitions)
	}
	p := &part{values: values, path: filepath.Join(w.stage, fmt.Sprintf("%06d.parquet", len(w.parts)))}
	var err error
	p.writer, err = dataset.Create([]dataset.Format{w.tables.Parquet}, p.path, w.inner, w.meta, dataset.WriteOptions{})
	if err == nil {
		w.parts[name], w.order = p, append(w.order, name)
	}
	return p, err
}

// Write parts the rows by their partitions.
func (w *writer) Write(b *value.Batch) error {
	if w.err == nil {
		w.err = w.write(b)
	}
	return w.err
}

func (w *writer) write(b *value.Batch) error {
	rows := map[string][]int32{}
	values := map[string][]string{}
	var names []string
	for i := range b.N {
		name, texts, err := w.partitionOf(b, i)
		if err != nil {
			return err
		}
		if _, ok := rows[name]; !ok {
			names, values[name] = append(names, name), texts
		}
		rows[name] = append(rows[name], int32(i))
	}
	for _, name := range names {
		p, err := w.part(name, values[name])
		if err != nil {
			return err
		}
		out := &value.Batch{Schema: w.inner, N: len(rows[name]), Columns: make([]*value.Column, len(w.cells))}
		for i, c := range w.cells {
			out.Columns[i] = b.Columns[c]
			if len(rows[name]) < b.N {
				out.Columns[i] = b.Columns[c].Take(rows[name])
			}
		}
		if err := p.writer.Write(out); err != nil {
			return err
		}
	}
	return nil
}

// partitionOf is the partition of a row.
func (w *writer) partitionOf(b *value.Batch, row int) (name string, texts []string, err error) {
	if len(w.keys) == 0 {
		return "", nil, nil
	}
	keys := make(value.Schema, len(w.keys))
	for i, k := range w.keys {
		keys[i] = w.schema[k]
		text := nullPartition
		if v := b.Columns[k].At(row); !v.IsNull() {
			text = keyText(v)
		}
		if text == "" {
			return "", nil, fmt.Errorf("%s: partition column %q is the empty text in a row, which Hive cannot tell from null: leave such rows out", w.place.title(), keys[i].Name)
		}
		texts = append(texts, text)
	}
	return partitionName(keys, texts), texts, nil
}

func keyText(v value.Value) string {
	switch v.Kind() {
	case value.KindString:
		return v.Str()
	case value.KindDate:
		return value.FormatDate(v.Int())
	case value.KindBool:
		return fmt.Sprint(v.Bool())
	}
	return fmt.Sprint(v.Int())
}

// Abort leaves nothing behind. After Close it does nothing.
func (w *writer) Abort() {
	for _, p := range w.parts {
		p.writer.Abort()
	}
	if w.stage != "" {
		os.RemoveAll(w.stage)
	}
	if w.err == nil {
		w.err = errors.New("the writer was aborted")
	}
}
