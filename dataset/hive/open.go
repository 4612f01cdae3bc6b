package hive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Open lists the partitions that a place means and makes a table of their files, whose Parquet the format reads. Where some of them lie on a file
// system that this machine does not have, it is a table that knows its columns and partitions, and whose rows others may read (named.go).
func (m *Metastore) Open(ctx context.Context, p Place, parquet dataset.Format, o dataset.Options) (dataset.Table, error) {
	s, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	d, err := s.describe(p)
	if err != nil {
		return nil, err
	}
	columns, err := d.read(o)
	if err != nil {
		return nil, err
	}
	stretches, err := s.stretches(d)
	if err != nil {
		return nil, err
	}
	l := &loading{description: d, metastore: m, schema: columns, options: o, parquet: parquet}
	known := &catalogued{description: d, stretches: stretches}
	for _, x := range stretches {
		var away *elsewhere
		if _, err := m.folder(x.location); errors.As(err, &away) {
			known.away = fmt.Errorf("%s %w", l.of(x), err)
			return &table{Table: known.far(columns), catalogued: known}, nil
		}
	}
	for _, x := range stretches {
		if err := l.list(x); err != nil {
			return nil, err
		}
	}
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	return &table{Table: dataset.Keyed(columns, l.files, l.parts, d.keys, l.values), catalogued: known}, nil
}

// table adds what the metastore makes known.
type table struct {
	dataset.Table
	*catalogued
}

func (t *table) Warnings() []dataset.Warning {
	return append(slices.Clone(t.warnings), t.Table.Warnings()...)
}

// Scan names the table where a column is not there.
func (t *table) Scan(ctx context.Context, s dataset.Scan) (dataset.Reader, error) {
	for _, c := range s.Columns {
		if t.Schema().Index(c) < 0 {
			return nil, fmt.Errorf("%s has no column %q%s", t.place.title(), c, nearestOf(c, t.Schema().Names()))
		}
	}
	return t.Table.Scan(ctx, s)
}

// stretch is a folder of rows: a partition, or the whole table.
type stretch struct {
	storage
	name   string // ds=2024-01-02; "" of a table without partitions
	values []value.Value
	params map[string]string // what the metastore keeps of it beside
}

// stretches are the partitions that the place means, by their values.
func (s *session) stretches(d *description) ([]stretch, error) {
	params := d.raw.params(9)
	if len(d.keys) == 0 {
		if _, err := d.place.wanted(d.keys); err != nil {
			return nil, err
		}
		st, err := storageOf(d.raw.object(7), params)
		if err != nil {
			return nil, fmt.Errorf("%s %w", d.place.title(), err)
		}
		return []stretch{{storage: st, params: params}}, nil
	}
	wants, err := d.place.wanted(d.keys)
	if err != nil {
		return nil, err
	}
	filter, _ := d.place.filter(d.keys)
	raw, err := s.partitions(d.place.Database, d.place.Table, filter)
	if err != nil {
		return nil, s.missing(d.place, err)
	}
	var out []stretch
	for _, p := range raw {
		x, err := d.partition(p, params)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.place.title(), err)
		}
		if !slices.ContainsFunc(wants, func(w want) bool { return !w.lets(x.values) }) {
			out = append(out, x)
		}
	}
	if len(out) == 0 && len(wants) > 0 {
		return nil, s.noPartition(d)
	}
	slices.SortFunc(out, func(a, b stretch) int { return slices.CompareFunc(a.values, b.values, value.Compare) })
	return out, nil
}

// noPartition says which partitions there are where the place means none of them.
func (s *session) noPartition(d *description) error {
	r, err := s.call("get_partition_names", object{1: d.place.Database, 2: d.place.Table, 3: int16(-1)})
	if err != nil {
		return err
	}
	names := slices.Sorted(slices.Values(r.texts(0)))
	var asked []string
	for _, c := range d.place.conditions {
		asked = append(asked, c.column+c.op+c.text)
	}
	there := "it has none"
	if len(names) > 0 {
		there = fmt.Sprintf("it has %d, from %s to %s", len(names), names[0], names[len(names)-1])
	}
	return fmt.Errorf("%s has no partition with %s; %s", d.place.title(), strings.Join(asked, " and "), there)
}

func (d *description) partition(p object, params map[string]string) (stretch, error) {
	texts := p.texts(1)
	if len(texts) != len(d.keys) {
		return stretch{}, fmt.Errorf("the metastore gives a partition %d values for %d columns", len(texts), len(d.keys))
	}
	x := stretch{name: partitionName(d.keys, texts), params: p.params(7)}
	for i, k := range d.keys {
		v, err := keyValue(k.Type, texts[i])
		if err != nil {
			return x, fmt.Errorf("partition %s: column %s: %w; alter the column's type, or drop the partition", x.name, k.Name, err)
		}
		x.values = append(x.values, v)
	}
	var err error
	if x.storage, err = storageOf(p.object(6), params); err != nil {
		return x, fmt.Errorf("partition %s %w", x.name, err)
	}
	return x, nil
}

// partitionName is ds=2024-01-02/hour=3, as folders are called.
func partitionName(keys value.Schema, texts []string) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = escapeName(strings.ToLower(k.Name)) + "=" + escapeName(texts[i])
	}
	return strings.Join(parts, "/")
}

// escapeName writes what Hive escapes in names of folders as %XX.
func escapeName(s string) string {
	if s == "" {
		return nullPartition
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == 0x7f || strings.IndexByte("\"#%'*/:=?\\{[]^", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// loading is a table on its way.
type loading struct {
	*description
	metastore *Metastore
	schema    value.Schema // of the files as they are read
	options   dataset.Options
	parquet   dataset.Format
	from      []stretch // by file
	files     []dataset.File
	parts     []dataset.Part
	values    [][]value.Value
}

// of names a stretch in messages.
func (l *loading) of(x stretch) string {
	if x.name == "" {
		return l.place.title()
	}
	return fmt.Sprintf("%s, partition %s,", l.place.title(), x.name)
}

// list adds the files of a stretch. Hidden ones are passed over, as Hive and Spark do.
func (l *loading) list(x stretch) error {
	dir, err := l.metastore.folder(x.location)
	if err != nil {
		return fmt.Errorf("%s %w", l.of(x), err)
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if x.name == "" {
			return fmt.Errorf("%s lies at %s, and there is no such folder here: is it another machine's?", l.of(x), dir)
		}
		return fmt.Errorf("%s is registered, but its folder %s is not there: was it removed? Drop the partition (ALTER TABLE %s DROP PARTITION …), or bring the folder back",
			l.of(x), dir, l.place.Name())
	} else if err != nil {
		return fmt.Errorf("%s %w", l.of(x), err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil {
			return fmt.Errorf("%s %w", l.of(x), err)
		}
		if info.IsDir() {
			return fmt.Errorf("%s has the folder %s in it, where Hive has files: register its rows as partitions, or move it away", l.of(x), filepath.Join(dir, e.Name()))
		}
		if info.Size() == 0 {
			continue // Hive writes such files for tasks without rows
		}
		l.parts = append(l.parts, dataset.Part{Path: filepath.Join(dir, e.Name()), Size: info.Size(), Modified: info.ModTime()})
		l.from, l.values = append(l.from, x), append(l.values, x.values)
	}
	return nil
}

// open reads what the files say of themselves.
func (l *loading) open(ctx context.Context) error {
	l.files = make([]dataset.File, len(l.parts))
	return dataset.Each(ctx, len(l.parts), runtime.GOMAXPROCS(0), func(i int) error {
		x, path := l.from[i], l.parts[i].Path
		f, err := l.file(ctx, x, path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s lost %s while it was read: somebody writes it anew or dropped it; run again", l.of(x), path)
		} else if err != nil {
			err = fmt.Errorf("%s %w", l.of(x), err)
		}
		if err == nil {
			l.files[i] = dataset.Watched(f, strings.TrimSuffix(l.of(x), ","))
		}
		return err
	})
}

func (l *loading) file(ctx context.Context, x stretch, path string) (dataset.File, error) {
	if x.format == "text" {
		return openText(path, x.storage, l.raw.params(9), l.schema, l.options)
	}
	o := dataset.Options{TimeUnits: l.options.TimeUnits, Personal: l.options.Personal}
	f, err := l.parquet.Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	if units := unitsIn(f.Schema(), o.TimeUnits); !maps.Equal(units, o.TimeUnits) {
		o.TimeUnits = units
		if f, err = l.parquet.Open(ctx, path, o); err != nil {
			return nil, err
		}
	}
	return l.fit(f, path)
}

// unitsIn are units of times by the names that a file has for their columns, whatever case they are written in.
func unitsIn(file value.Schema, units map[string]string) map[string]string {
	out := map[string]string{}
	for column, unit := range units {
		if at := slices.IndexFunc(file, func(f value.Field) bool { return strings.EqualFold(f.Name, column) }); at >= 0 && file.Index(column) < 0 {
			column = file[at].Name
		}
		out[column] = unit
	}
	return out
}

// fit finds the table's columns in a file, whatever case they are written in; a column that it lacks came after it was written.
func (l *loading) fit(f dataset.File, path string) (dataset.File, error) {
	inner, at := f.Schema(), make([]int, len(l.schema))
	for i, c := range l.schema {
		at[i] = inner.Index(c.Name)
		if at[i] < 0 {
			at[i] = slices.IndexFunc(inner, func(g value.Field) bool { return strings.EqualFold(g.Name, c.Name) })
		}
		if at[i] < 0 {
			for _, w := range f.Warnings() {
				if w.LeftOut && strings.EqualFold(w.Column, c.Name) {
					return nil, fmt.Errorf("has %s, whose column %q cannot be read: %s", path, c.Name, w.Message)
				}
			}
			continue
		}
		if got := inner[at[i]].Type; !sameType(got, c.Type) {
			return nil, fmt.Errorf("has %s, where column %q is %s, while the table says %s: write the partition again, or alter the column", path, c.Name, got, c.Type)
		}
	}
	return dataset.Fit(f, l.schema, at), nil
}

// sameType compares types, but for the case of fields' names, which the metastore does not keep.
func sameType(a, b value.Type) bool {
	if a.Kind != b.Kind || len(a.Fields) != len(b.Fields) || (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	if a.Elem != nil && !sameType(*a.Elem, *b.Elem) {
		return false
	}
	for i := range a.Fields {
		if !strings.EqualFold(a.Fields[i].Name, b.Fields[i].Name) || !sameType(a.Fields[i].Type, b.Fields[i].Type) {
			return false
		}
	}
	return true
}
