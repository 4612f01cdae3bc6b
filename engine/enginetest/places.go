package enginetest

import (
	"context"
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// place is where rows are: what a script loads, instead of files. Sources that share a place share its rows.
type place struct {
	label string // as the script would load it
	loads []*script.Load
}

// findPlaces gives every source and spine a place, under the name of the source and the text of its path. A declared source has no path
// and gets one here; what was made by again() has that of its original.
func (r *scriptRun) findPlaces(defs *feature.Definitions) {
	r.places = map[string]*place{}
	r.schemas = map[string]value.Schema{}
	original := map[string]string{}
	for _, d := range defs.Sources {
		original[d.Name.Value] = d.Name.Value
		if d.Again != nil && d.Path == nil && d.Table == nil {
			original[d.Name.Value] = original[defs.Sources[d.Again.Index].Name.Value]
		}
	}
	for _, s := range r.project.Sources {
		if s.Place.Path == "" && s.Place.Table == "" {
			s.Place.Path = "declared by " + original[s.Name]
		}
		p := r.place(s.Place, s.Name, s.Schema)
		r.places[s.Name], r.schemas[s.Name] = p, s.Schema
	}
	for _, t := range r.project.TrainingSets {
		if t.Spine.Source == nil {
			r.place(t.Spine.Place, t.Spine.Place.Path+t.Spine.Place.Table, t.Spine.Schema)
			continue
		}
		t.Spine.Place = t.Spine.Source.Place
	}
}

// place finds or makes the place; its path and table are names of it too.
func (r *scriptRun) place(at feature.Place, label string, schema value.Schema) *place {
	name := placeName(at)
	p, ok := r.places[name]
	if !ok {
		p = &place{label: label}
		r.places[name], r.schemas[name] = p, schema
	}
	return p
}

func placeName(at feature.Place) string {
	if at.Path != "" {
		return at.Path
	}
	return at.Table
}

// load adds rows to a place, after typing them by the columns of what the script names.
func (r *scriptRun) load(l *script.Load) error {
	p, ok := r.places[l.Name.Text]
	if !ok {
		var names []string
		for _, s := range r.project.Sources {
			names = append(names, s.Name)
		}
		return r.file.ErrorAt(l.Name, "no source or spine is called %q; sources: %s", l.Name.Text, strings.Join(names, ", "))
	}
	if _, err := r.part(l, r.schemas[l.Name.Text], true); err != nil {
		return err
	}
	p.loads = append(p.loads, l)
	return nil
}

// part types the rows of a load; a column that it leaves out is null. strict: a column that the schema does not have is a mistake.
func (r *scriptRun) part(l *script.Load, schema value.Schema, strict bool) (Part, error) {
	for _, c := range l.Table.Header {
		if strict && schema.Index(c.Text) < 0 {
			return Part{}, r.file.ErrorAt(c, "%q has no column %q; it has %s", l.Name.Text, c.Text, strings.Join(schema.Names(), ", "))
		}
	}
	part := Part{}
	if column := l.Partition.Column; column != "" {
		t, ok := schema.Lookup(column)
		switch {
		case !ok:
			return part, r.file.ErrorAt(l.Partition.Value, "%q has no column %q; it has %s", l.Name.Text, column, strings.Join(schema.Names(), ", "))
		case l.Table.Column(column) >= 0:
			return part, r.file.ErrorAt(l.Partition.Value, "column %q is the partition's and stands in the header too", column)
		}
		v, err := script.ParseCell(t, l.Partition.Value.Text)
		if err != nil {
			return part, r.file.ErrorAt(l.Partition.Value, "%v", err)
		}
		part.Partition = map[string]value.Value{column: v}
	}
	for _, cells := range l.Table.Rows {
		row, err := r.row(l.Table.Header, cells, schema)
		if err != nil {
			return part, err
		}
		for column, v := range part.Partition {
			row[schema.Index(column)] = v
		}
		part.Rows = append(part.Rows, row)
	}
	return part, nil
}

// row types cells by the schema, in its order.
func (r *scriptRun) row(header []script.Cell, cells script.Row, schema value.Schema) ([]value.Value, error) {
	row := make([]value.Value, len(schema))
	for i, h := range header {
		at := schema.Index(h.Text)
		if at < 0 {
			continue
		}
		v, err := script.ParseCell(schema[at].Type, cells[i].Text)
		if err != nil {
			return nil, r.file.ErrorAt(cells[i], "column %q: %v", h.Text, err)
		}
		row[at] = v
	}
	return row, nil
}

// open gives what has been loaded so far into a place, one part for each load.
func (r *scriptRun) open(_ context.Context, at feature.Place, schema value.Schema) (dataset.Table, error) {
	p, ok := r.places[placeName(at)]
	if !ok {
		return nil, fmt.Errorf("no such place in the script: %s", placeName(at))
	}
	if len(p.loads) == 0 {
		return nil, fmt.Errorf("nothing is loaded for it: write `load %s`, with a header only where it shall be empty", p.label)
	}
	var parts []Part
	for _, l := range p.loads {
		part, err := r.part(l, schema, false)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return NewTable(schema, parts...), nil
}
