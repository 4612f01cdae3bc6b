package dataset

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// table is files of one format and schema.
type table struct {
	schema   value.Schema
	warnings []Warning
	parts    []Part
	files    []File
	hive     partitions
}

// Of makes a table of files that are open already, each of which has the columns of the schema, and of what is known of them: path, size and
// time of modification. The rest of the parts is what the files say.
func Of(schema value.Schema, files []File, parts []Part) Table {
	t := &table{schema: schema, files: files, parts: parts, hive: partitions{rows: make([][]value.Value, len(files))}}
	t.describe()
	return t
}

// Keyed is Of with columns behind the schema's that no file holds: keys, and their values by file, as a catalog has them of partitions.
func Keyed(schema value.Schema, files []File, parts []Part, keys value.Schema, values [][]value.Value) Table {
	t := &table{schema: append(slices.Clip(schema), keys...), files: files, parts: parts, hive: partitions{schema: keys, rows: values}}
	t.describe()
	return t
}

func (t *table) Schema() value.Schema { return t.schema }
func (t *table) Warnings() []Warning  { return t.warnings }
func (t *table) Parts() []Part        { return t.parts }

// unit is a group of a part that a scan has to read.
type unit struct{ part, group int }

// Scan plans what is to be read and starts reading it.
func (t *table) Scan(ctx context.Context, s Scan) (Reader, error) {
	if s.Columns == nil {
		s.Columns = t.schema.Names()
	}
	out := make(value.Schema, len(s.Columns))
	for i, name := range s.Columns {
		j := t.schema.Index(name)
		if why := leftOut(t.warnings, name); j < 0 && why != "" {
			return nil, fmt.Errorf("%s: column %q cannot be read: %s", t.place(), name, why)
		}
		if j < 0 {
			return nil, fmt.Errorf("%s: no column %q; it has %s", t.place(), name, strings.Join(t.schema.Names(), ", "))
		}
		if slices.Contains(s.Columns[:i], name) {
			return nil, fmt.Errorf("%s: column %q is asked for twice", t.place(), name)
		}
		out[i] = t.schema[j]
	}
	if err := t.checkRanges(s.Ranges); err != nil {
		return nil, err
	}
	units, counts, err := t.plan(s)
	if err != nil {
		return nil, err
	}
	return newReader(ctx, t, out, units, counts, s), nil
}

// place names the table in messages.
func (t *table) place() string {
	switch len(t.parts) {
	case 0:
		return "a table without files"
	case 1:
		return t.parts[0].Path
	}
	return fmt.Sprintf("%s and %d more", t.parts[0].Path, len(t.parts)-1)
}

func (t *table) checkRanges(ranges []Range) error {
	for _, r := range ranges {
		ty, ok := t.schema.Lookup(r.Column)
		if !ok {
			return fmt.Errorf("%s: no column %q to skip by; it has %s", t.place(), r.Column, strings.Join(t.schema.Names(), ", "))
		}
		if !r.Min.HasType(ty) || !r.Max.HasType(ty) {
			return fmt.Errorf("%s: column %q is %s, but its range is from %s to %s", t.place(), r.Column, ty, r.Min.Kind(), r.Max.Kind())
		}
	}
	return nil
}

func (t *table) plan(s Scan) (units []unit, counts Counts, err error) {
	parts := s.Parts
	if parts == nil {
		parts = make([]int, len(t.parts))
		for i := range parts {
			parts[i] = i
		}
	}
	for _, p := range parts {
		if p < 0 || p >= len(t.parts) {
			return nil, counts, fmt.Errorf("%s: no part %d", t.place(), p)
		}
		if outside(s.Ranges, t.parts[p].Bounds, t.parts[p].Rows) {
			counts.PartsSkipped++
			continue
		}
		counts.Parts++
		for g, group := range t.files[p].Groups() {
			if outside(s.Ranges, group.Bounds, group.Rows) {
				counts.GroupsSkipped++
				continue
			}
			counts.Groups++
			units = append(units, unit{p, g})
		}
	}
	return units, counts, nil
}

// outside reports whether no non-null cell can lie in all ranges.
func outside(ranges []Range, bounds map[string]Bounds, rows int64) bool {
	return slices.ContainsFunc(ranges, func(r Range) bool {
		b, ok := bounds[r.Column]
		switch {
		case !ok:
			return false
		case rows >= 0 && b.Nulls == rows:
			return true
		case !r.Min.IsNull() && !b.Max.IsNull() && value.Compare(b.Max, r.Min) < 0:
			return true
		}
		return !r.Max.IsNull() && !b.Min.IsNull() && value.Compare(b.Min, r.Max) > 0
	})
}
