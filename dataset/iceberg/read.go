package iceberg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Schema is a table's columns, without its files being looked at.
func (t Tables) Schema(ctx context.Context, name string, o dataset.Options) (value.Schema, []dataset.Warning, error) {
	l, err := t.loaded(ctx, name, o)
	if err != nil {
		return nil, nil, err
	}
	defer l.done()
	return l.schema, l.warnings, nil
}

// loading is a table on its way.
type loading struct {
	tables   Tables
	options  dataset.Options
	place    place
	table    *table.Table
	snapshot *table.Snapshot
	schema   value.Schema // as it is read
	ids      []int
	warnings []dataset.Warning
	done     func()
}

func (t Tables) loaded(ctx context.Context, name string, o dataset.Options) (*loading, error) {
	p, err := t.place(name)
	if err != nil {
		return nil, err
	}
	c, done, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	l := &loading{tables: t, options: o, place: p, done: done}
	var schema *iceberg.Schema
	if l.table, err = load(ctx, c, p); err == nil {
		l.snapshot, schema, err = snapshotOf(l.table, p)
	}
	if err == nil {
		l.schema, l.ids, l.warnings = columns(schema)
		err = l.read()
	}
	if err != nil {
		done()
		return nil, err
	}
	return l, nil
}

// read lays what options say over the columns: integers that are times are so; what is declared must be there.
func (l *loading) read() error {
	for column, unit := range l.options.TimeUnits {
		i := l.schema.Index(column)
		if dataset.UnitOf(unit) == 0 || i < 0 || l.schema[i].Type.Kind != value.KindInt {
			return fmt.Errorf("%s: a time unit is given for column %q, which is not an integer column of it", l.place.title(), column)
		}
		l.schema[i].Type = value.Timestamp
	}
	for _, f := range l.options.Declared {
		switch t, ok := l.schema.Lookup(f.Name); {
		case !ok:
			return fmt.Errorf("%s has no column %q; it has %s", l.place.title(), f.Name, strings.Join(l.schema.Names(), ", "))
		case !t.Equal(f.Type) && !(t.Kind == value.KindTimestamp && f.Type.Kind == value.KindInt):
			return fmt.Errorf("%s: column %q is %s there, but declared as %s; declare what it is", l.place.title(), f.Name, t, f.Type)
		}
	}
	return nil
}

// Open plans which files the snapshot has and makes a table of them.
func (t Tables) Open(ctx context.Context, name string, o dataset.Options) (dataset.Table, error) {
	l, err := t.loaded(ctx, name, o)
	if err != nil {
		return nil, err
	}
	defer l.done()
	if l.snapshot == nil {
		return dataset.Of(l.schema, nil, nil), nil
	}
	tasks, err := l.table.Scan(table.WithSnapshotID(l.snapshot.SnapshotID)).PlanFiles(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s, snapshot %d: %w", l.place.title(), l.snapshot.SnapshotID, err)
	}
	return l.open(ctx, tasks)
}

func (l *loading) open(ctx context.Context, tasks []table.FileScanTask) (dataset.Table, error) {
	tasks = slices.CompactFunc(tasks, func(a, b table.FileScanTask) bool { return a.File.FilePath() == b.File.FilePath() }) // a large file may be several
	slices.SortFunc(tasks, func(a, b table.FileScanTask) int { return strings.Compare(a.File.FilePath(), b.File.FilePath()) })
	tasks = slices.CompactFunc(tasks, func(a, b table.FileScanTask) bool { return a.File.FilePath() == b.File.FilePath() })
	keys, places := l.keys()
	files, parts, values := make([]dataset.File, len(tasks)), make([]dataset.Part, len(tasks)), make([][]value.Value, len(tasks))
	err := dataset.Each(ctx, len(tasks), runtime.GOMAXPROCS(0), func(i int) (err error) {
		if files[i], parts[i], err = l.file(ctx, tasks[i]); err == nil {
			values[i], err = l.partition(tasks[i], keys, places)
		}
		if err != nil {
			err = fmt.Errorf("%s, snapshot %d: %w", l.place.title(), l.snapshot.SnapshotID, err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	inner := slices.DeleteFunc(slices.Clone(l.schema), func(f value.Field) bool { return keys.Index(f.Name) >= 0 })
	return &opened{dataset.Keyed(inner, files, parts, keys, values), l.warnings}, nil
}

// opened adds what the schema makes known.
type opened struct {
	dataset.Table
	warnings []dataset.Warning
}

func (t *opened) Warnings() []dataset.Warning {
	return append(slices.Clone(t.warnings), t.Table.Warnings()...)
}

// keys are the columns that every file has one value of, because the table has always been partitioned by them as they are; with their field in
// the partition.
func (l *loading) keys() (keys value.Schema, places []int) {
	specs := l.table.Metadata().PartitionSpecs()
	if len(specs) != 1 {
		return nil, nil // then the files have them
	}
	spec := specs[0]
	for i := range spec.NumFields() {
		f := spec.Field(i)
		at := slices.Index(l.ids, f.SourceID())
		if _, identity := f.Transform.(iceberg.IdentityTransform); !identity || at < 0 {
			continue
		}
		switch k := l.schema[at].Type.Kind; {
		case l.options.TimeUnits[l.schema[at].Name] != "": // the partition's value has no unit
		case k == value.KindString, k == value.KindInt, k == value.KindDate, k == value.KindBool:
			keys, places = append(keys, l.schema[at]), append(places, f.FieldID)
		}
	}
	return keys, places
}

// partition is the values of the keys in a file.
func (l *loading) partition(task table.FileScanTask, keys value.Schema, places []int) ([]value.Value, error) {
	var out []value.Value
	for i, k := range keys {
		v, ok := task.File.Partition()[places[i]]
		if !ok {
			return nil, fmt.Errorf("file %s does not say of which %s it is", task.File.FilePath(), k.Name)
		}
		x, err := keyOf(v)
		if err != nil || !x.HasType(k.Type) {
			return nil, fmt.Errorf("file %s: partition column %s is %v (%T), and not %s", task.File.FilePath(), k.Name, v, v, k.Type)
		}
		out = append(out, x)
	}
	return out, nil
}

func keyOf(v any) (value.Value, error) {
	switch x := v.(type) {
	case nil:
		return value.Value{}, nil
	case bool:
		return value.OfBool(x), nil
	case int32:
		return value.OfInt(int64(x)), nil
	case int64:
		return value.OfInt(x), nil
	case iceberg.Date:
		return value.OfDate(int64(x)), nil
	case string:
		return value.OfString(x), nil
	}
	return value.Value{}, errors.New("of another type")
}

// file opens a file of the snapshot, and refuses what is not plain.
func (l *loading) file(ctx context.Context, task table.FileScanTask) (f dataset.File, p dataset.Part, err error) {
	path, err := localPath(task.File.FilePath())
	if err != nil {
		return nil, p, err
	}
	switch {
	case len(task.DeleteFiles)+len(task.EqualityDeleteFiles)+len(task.DeletionVectorFiles) > 0:
		return nil, p, fmt.Errorf("file %s has rows that were deleted beside it (merge on read), which are not taken out here yet: compact the table (CALL system.rewrite_data_files with 'delete-file-threshold' 1), or write it with copy on write", path)
	case task.File.FileFormat() != iceberg.ParquetFile:
		return nil, p, fmt.Errorf("file %s is %s, and Parquet is read: rewrite the table as Parquet", path, task.File.FileFormat())
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, p, fmt.Errorf("file %s is not there: the snapshot was expired meanwhile, or the table was moved; run again, or name a newer snapshot", path)
	} else if err != nil {
		return nil, p, err
	}
	inner, err := l.tables.Parquet.Open(ctx, path, dataset.Options{TimeUnits: l.unitsIn(), Personal: l.options.Personal})
	if err != nil {
		return nil, p, err
	}
	if f, err = l.fit(inner, path); err == nil {
		f = dataset.Watched(f, fmt.Sprintf("%s, snapshot %d", l.place.title(), l.snapshot.SnapshotID))
	}
	return f, dataset.Part{Path: path, Size: info.Size(), Modified: info.ModTime()}, err
}

// unitsIn are the units by the names that files are asked for; a column that was renamed keeps its old name in old files, which is refused in fit.
func (l *loading) unitsIn() map[string]string { return l.options.TimeUnits }

// fit finds the table's columns in a file by their ids, or by name in files that have none; a column that is not there came later.
func (l *loading) fit(f dataset.File, path string) (dataset.File, error) {
	var ids []int32
	if with, ok := f.(interface{ FieldIDs() []int32 }); ok {
		ids = with.FieldIDs()
	}
	byID := slices.ContainsFunc(ids, func(id int32) bool { return id != 0 })
	keys, _ := l.keys()
	schema := slices.DeleteFunc(slices.Clone(l.schema), func(c value.Field) bool { return keys.Index(c.Name) >= 0 })
	at := make([]int, len(schema))
	for i, c := range schema {
		id := l.ids[l.schema.Index(c.Name)]
		if byID {
			at[i] = slices.Index(ids, int32(id))
		} else if at[i] = f.Schema().Index(c.Name); at[i] < 0 {
			at[i] = l.mapped(f, id)
		}
		if at[i] < 0 {
			continue
		}
		if got := f.Schema()[at[i]].Type; !got.Equal(c.Type) {
			return nil, fmt.Errorf("file %s: column %q is %s, while the table says %s: rewrite the file", path, c.Name, got, c.Type)
		}
	}
	return dataset.Fit(f, schema, at), nil
}

// mapped finds a field by the names that the table says files without ids have for it.
func (l *loading) mapped(f dataset.File, id int) int {
	for _, m := range l.table.NameMapping() {
		if m.FieldID == nil || *m.FieldID != id {
			continue
		}
		for _, name := range m.Names {
			if i := f.Schema().Index(name); i >= 0 {
				return i
			}
		}
	}
	return -1
}

// localPath is a file's location as a path of this machine.
func localPath(location string) (string, error) {
	if strings.HasPrefix(location, "/") {
		return location, nil
	}
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "file" {
		return "", fmt.Errorf("file %s is not on a file system of this machine, and others are not read yet: have its rows copied into an Iceberg table whose warehouse lies here (its metadata names files whole, so that a mount is no help), or into a Hive table, which Spark reads by its name", location)
	}
	return filepath.FromSlash(strings.TrimPrefix(location, "file://")), nil
}
