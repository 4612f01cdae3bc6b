package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bighead-ml/bighead/value"
)

// Open finds the files of a pattern (a file, a folder, a hive-partitioned folder or a glob) and makes one table of them. Folders
// named k=v below what the pattern names are partition columns. All files must agree in their columns and types.
func Open(ctx context.Context, formats []Format, pattern string, o Options) (Table, error) {
	files, err := find(pattern)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no data files there (names that begin with _ or . are passed over)", pattern)
	}
	format, err := chooseFormat(formats, files, o.Format)
	if err != nil {
		return nil, err
	}
	for column, unit := range o.TimeUnits {
		if UnitOf(unit) == 0 {
			return nil, fmt.Errorf("time unit %q of column %q: units are \"s\", \"ms\", \"us\", \"ns\"", unit, column)
		}
	}
	hive, err := readPartitions(files, o.Declared)
	if err != nil {
		return nil, err
	}
	inner := o
	inner.Declared = without(o.Declared, hive.schema)
	if inferrer, ok := format.(Inferrer); ok {
		paths := make([]string, len(files))
		for i, f := range files {
			paths[i] = f.path
		}
		inner.Inferred = len(inner.Declared) == 0
		if inner.Declared, err = inferrer.Infer(ctx, paths, inner); err != nil {
			return nil, err
		}
	}
	t := &table{files: make([]File, len(files)), parts: make([]Part, len(files)), hive: hive}
	err = Each(ctx, len(files), runtime.GOMAXPROCS(0), func(i int) error {
		info, err := os.Stat(files[i].path)
		if err != nil {
			return err
		}
		t.parts[i] = Part{Path: files[i].path, Size: info.Size(), Modified: info.ModTime()}
		t.files[i], err = format.Open(ctx, files[i].path, inner)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := t.agree(o); err != nil {
		return nil, err
	}
	t.describe()
	return t, nil
}

func without(s, minus value.Schema) value.Schema {
	return slices.DeleteFunc(slices.Clone(s), func(f value.Field) bool { return minus.Index(f.Name) >= 0 })
}

// formatNamed finds a format by the name that options give.
func formatNamed(formats []Format, name string) (Format, error) {
	names := make([]string, len(formats))
	for i, f := range formats {
		if f.Name() == name {
			return f, nil
		}
		names[i] = f.Name()
	}
	return nil, fmt.Errorf("unknown format %q; formats are %s", name, strings.Join(names, ", "))
}

// formatOf finds a format by a file's extension, the longest that fits, so that .csv.gz comes before .gz.
func formatOf(formats []Format, path string) Format {
	var best Format
	length := 0
	name := strings.ToLower(filepath.Base(path))
	for _, f := range formats {
		for _, ext := range f.Extensions() {
			if len(ext) > length && strings.HasSuffix(name, ext) {
				best, length = f, len(ext)
			}
		}
	}
	return best
}

func chooseFormat(formats []Format, files []found, name string) (Format, error) {
	if name != "" {
		return formatNamed(formats, name)
	}
	var first Format
	for _, f := range files {
		format := formatOf(formats, f.path)
		if format == nil {
			return nil, fmt.Errorf("%s: its name does not tell its format; name the format (format=\"parquet\"), or leave the file out with a glob such as \"*.parquet\"", f.path)
		}
		if first == nil {
			first = format
		}
		if format.Name() != first.Name() {
			return nil, fmt.Errorf("%s is %s, but %s is %s; choose one kind with a glob such as \"*%s\"",
				f.path, format.Name(), files[0].path, first.Name(), first.Extensions()[0])
		}
	}
	return first, nil
}

// Each runs f for 0 … n−1 on several goroutines and gives the error of the least index, so that the message does not depend on chance.
func Each(ctx context.Context, n, workers int, f func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for !failed.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = f(i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// agree makes the table's schema, and refuses files that differ in what is needed of them.
func (t *table) agree(o Options) error {
	first := t.files[0].Schema()
	declared := without(o.Declared, t.hive.schema)
	for i, f := range t.files {
		s, path := f.Schema(), t.parts[i].Path
		if err := agreeDeclared(f, declared, path); err != nil {
			return err
		}
		if o.Declared == nil {
			if err := agreeAll(s, first, path, t.parts[0].Path); err != nil {
				return err
			}
		}
	}
	for _, field := range first {
		if t.hive.schema.Index(field.Name) >= 0 {
			t.warnings = append(t.warnings, Warning{Column: field.Name, Message: "stands in the files and in the folders' names; the folders' is read"})
			continue
		}
		everywhere := !slices.ContainsFunc(t.files, func(f File) bool {
			u, ok := f.Schema().Lookup(field.Name)
			return !ok || !u.Equal(field.Type)
		})
		if everywhere {
			t.schema = append(t.schema, field)
		}
	}
	t.schema = append(t.schema, t.hive.schema...)
	for column := range o.TimeUnits {
		if ty, ok := t.schema.Lookup(column); !ok || ty.Kind != value.KindTimestamp {
			return fmt.Errorf("%s: a time unit is given for column %q, which is not an integer column of the files", t.parts[0].Path, column)
		}
	}
	return nil
}

func agreeDeclared(f File, declared value.Schema, path string) error {
	s := f.Schema()
	for _, d := range declared {
		got, ok := s.Lookup(d.Name)
		if why := leftOut(f.Warnings(), d.Name); !ok && why != "" {
			return fmt.Errorf("%s: column %q cannot be read: %s", path, d.Name, why)
		}
		if !ok {
			return fmt.Errorf("%s: column %q (%s) is missing; write the file again with it, or leave it out of columns=; it has %s", path, d.Name, d.Type, strings.Join(s.Names(), ", "))
		}
		if !got.Equal(d.Type) && !(got.Kind == value.KindTimestamp && d.Type.Kind == value.KindInt) {
			return fmt.Errorf("%s: column %q is %s there, but declared as %s; declare what it is, or write the file again", path, d.Name, got, d.Type)
		}
	}
	return nil
}

// leftOut is why a column that files have is not in the schema, or "".
func leftOut(warnings []Warning, column string) string {
	for _, w := range warnings {
		if w.LeftOut && w.Column == column {
			return w.Message
		}
	}
	return ""
}

const partsCure = "write that file again, or declare with columns= the columns you use, which must agree, and the others are let be"

func agreeAll(s, first value.Schema, path, firstPath string) error {
	for _, f := range first {
		got, ok := s.Lookup(f.Name)
		if !ok {
			return fmt.Errorf("%s: column %q (%s in %s) is missing; %s", path, f.Name, f.Type, firstPath, partsCure)
		}
		if !got.Equal(f.Type) {
			return fmt.Errorf("%s: column %q is %s, but %s in %s; %s", path, f.Name, got, f.Type, firstPath, partsCure)
		}
	}
	for _, f := range s {
		if first.Index(f.Name) < 0 {
			return fmt.Errorf("%s: column %q (%s in %s) is missing; %s", firstPath, f.Name, f.Type, path, partsCure)
		}
	}
	return nil
}

// describe fills what Parts, Warnings and scans need once the schema stands.
func (t *table) describe() {
	seen := map[Warning]bool{}
	for i, f := range t.files {
		for _, w := range f.Warnings() {
			if !seen[w] && w.LeftOut == (t.schema.Index(w.Column) < 0) && t.hive.schema.Index(w.Column) < 0 {
				seen[w] = true
				t.warnings = append(t.warnings, w)
			}
		}
		p := &t.parts[i]
		p.Metadata = f.Metadata()
		if m, ok := f.(interface{ mapped() bool }); ok {
			p.Mapped = m.mapped()
		}
		p.Bounds = map[string]Bounds{}
		for g, group := range f.Groups() {
			if p.Rows >= 0 && group.Rows >= 0 {
				p.Rows += group.Rows
			} else {
				p.Rows = -1
			}
			mergeBounds(p.Bounds, group.Bounds, g == 0)
		}
		for j, field := range t.hive.schema {
			if p.Partition == nil {
				p.Partition = map[string]value.Value{}
			}
			v := t.hive.rows[i][j]
			p.Partition[field.Name] = v
			p.Bounds[field.Name] = Bounds{Min: v, Max: v, Nulls: nullsOf(v, p.Rows)}
		}
	}
}

func nullsOf(v value.Value, rows int64) int64 {
	if v.IsNull() {
		return rows
	}
	return 0
}

// mergeBounds widens a by b; a column that one of the two lacks may hold anything.
func mergeBounds(a, b map[string]Bounds, first bool) {
	if first {
		for c, x := range b {
			a[c] = x
		}
		return
	}
	for c, x := range a {
		y, ok := b[c]
		if !ok {
			delete(a, c)
			continue
		}
		a[c] = Bounds{Min: widen(x.Min, y.Min, -1), Max: widen(x.Max, y.Max, 1), Nulls: addNulls(x.Nulls, y.Nulls)}
	}
}

func widen(x, y value.Value, sign int) value.Value {
	switch {
	case x.IsNull() || y.IsNull():
		return value.Value{}
	case value.Compare(x, y)*sign >= 0:
		return x
	}
	return y
}

func addNulls(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

var errClosed = errors.New("the reader is closed")
