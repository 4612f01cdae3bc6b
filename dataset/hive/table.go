package hive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// description is what the metastore says of a table.
type description struct {
	place    Place
	raw      object
	columns  value.Schema // of the files
	keys     value.Schema // of the partitions
	types    map[string]string
	warnings []dataset.Warning
}

// storage is where and how the rows of a table or partition lie.
type storage struct {
	location string
	format   string // "parquet" or "text"
	serde    string
	params   map[string]string
}

// describe asks for a table and reads its columns as ours (V5).
func (s *session) describe(p Place) (*description, error) {
	p.host = s.host
	raw, err := s.table(p.Database, p.Table)
	if err != nil {
		return nil, s.missing(p, err)
	}
	d := &description{place: p, raw: raw, types: map[string]string{}}
	if err := d.refuse(); err != nil {
		return nil, fmt.Errorf("%s %w", p.title(), err)
	}
	names := sparkNames(raw.params(9))
	if d.columns, err = d.schema(raw.object(7).objects(1), names); err != nil {
		return nil, err
	}
	if d.keys, err = d.schema(raw.objects(8), names); err != nil {
		return nil, err
	}
	for _, k := range d.keys {
		if !slices.Contains([]value.Kind{value.KindString, value.KindInt, value.KindDate, value.KindBool}, k.Type.Kind) {
			return nil, fmt.Errorf("%s: partition column %q is %s, and values of partitions are read as string, int, date or bool", p.title(), k.Name, k.Type)
		}
	}
	return d, nil
}

// missing says which of database and table is not there, and what was meant.
func (s *session) missing(p Place, err error) error {
	var e *raised
	if !errors.As(err, &e) {
		return err
	}
	databases, failed := s.databases()
	if failed != nil {
		return failed
	}
	if !slices.Contains(databases, p.Database) {
		return &noDatabase{fmt.Errorf("there is no database %q in the Hive metastore at %s%s", p.Database, s.host, nearestOf(p.Database, databases))}
	}
	tables, failed := s.tables(p.Database)
	if failed != nil {
		return failed
	}
	if !slices.Contains(tables, p.Table) {
		return &noTable{fmt.Errorf("there is no table %q in database %s of the Hive metastore at %s%s", p.Table, p.Database, s.host, nearestOf(p.Table, tables))}
	}
	return fmt.Errorf("%s, which says: %w", p.title(), err)
}

// noTable says that the database has no such table, which then may be made.
type noTable struct{ error }

// Is has it found without this package.
func (*noTable) Is(target error) bool { return target == dataset.ErrNoTable }

// noDatabase says that there is not even the database; no table is made in it.
type noDatabase struct{ error }

// Is has it found without this package.
func (*noDatabase) Is(target error) bool { return target == dataset.ErrNoTable }

// refuse says why a table is not read here.
func (d *description) refuse() error {
	params := d.raw.params(9)
	switch {
	case d.raw.text(12) == "VIRTUAL_VIEW" || d.raw.text(12) == "MATERIALIZED_VIEW":
		return errors.New("is a view, which only Hive can compute: name the tables that it reads, or write its rows into a table")
	case strings.EqualFold(params["table_type"], "iceberg"):
		return fmt.Errorf("is an Iceberg table: write table=\"iceberg:%s\"", d.place.Name())
	case strings.EqualFold(params["transactional"], "true"):
		return errors.New("is transactional (ACID), whose files only Hive can merge: have it copied into a plain table (INSERT OVERWRITE … SELECT)")
	case params["storage_handler"] != "":
		return fmt.Errorf("is kept by %s, not in files: have it copied into a Parquet table", params["storage_handler"])
	}
	return nil
}

// schema is the columns that have a type of ours; of others there is a warning.
func (d *description) schema(fields []object, names map[string]string) (value.Schema, error) {
	var out value.Schema
	for _, f := range fields {
		name := f.text(1)
		if n, ok := names[strings.ToLower(name)]; ok {
			name = n
		}
		t, err := typeOfHive(f.text(2))
		if err != nil {
			d.warnings = append(d.warnings, dataset.Warning{Column: name, LeftOut: true, Message: fmt.Sprintf("is %s in Hive, and %v; it is left out", f.text(2), err)})
			continue
		}
		if strings.Contains(strings.ToLower(f.text(2)), "decimal") {
			d.warnings = append(d.warnings, dataset.Warning{Column: name, Message: fmt.Sprintf("%s is read as float, which keeps about 15 digits", f.text(2))})
		}
		if out.Index(name) >= 0 {
			return nil, fmt.Errorf("%s: column %q stands twice", d.place.title(), name)
		}
		out = append(out, value.Field{Name: name, Type: t})
		d.types[name] = f.text(2)
	}
	return out, nil
}

// sparkNames are the columns as Spark was told them: the metastore keeps them in lower case.
func sparkNames(params map[string]string) map[string]string {
	text := params["spark.sql.sources.schema"]
	for i := 0; text == "" || i > 0; i++ {
		part, ok := params[fmt.Sprintf("spark.sql.sources.schema.part.%d", i)]
		if !ok {
			break
		}
		text += part
	}
	var schema struct {
		Fields []struct{ Name string } `json:"fields"`
	}
	if json.Unmarshal([]byte(text), &schema) != nil {
		return nil // whatever it is, the metastore's own columns are there
	}
	out := map[string]string{}
	for _, f := range schema.Fields {
		out[strings.ToLower(f.Name)] = f.Name
	}
	return out
}

// formats of Hive by the class that reads them.
func storageOf(sd object, params map[string]string) (storage, error) {
	serde := sd.object(7)
	s := storage{location: sd.text(2), serde: serde.text(2), params: serde.params(3)}
	if path := s.params["path"]; path != "" && strings.Contains(s.location, "PLACEHOLDER") {
		s.location = path
	}
	class := sd.text(3)
	if p := params["spark.sql.sources.provider"]; p != "" && p != "hive" && !strings.EqualFold(p, "parquet") {
		class = p
	}
	switch lower := strings.ToLower(class); {
	case strings.Contains(lower, "parquet"):
		s.format = "parquet"
	case strings.Contains(lower, "textinputformat"):
		s.format = "text"
	case strings.Contains(lower, "orc"):
		return s, errors.New("is ORC, which is not read yet: have it copied into a Parquet table (CREATE TABLE … STORED AS PARQUET AS SELECT …)")
	default:
		return s, fmt.Errorf("is of %s, and Parquet and text are read: have it copied into a Parquet table", class)
	}
	return s, nil
}

// Schema is a table's columns, files first, then partition columns, without its files being looked at.
func (m *Metastore) Schema(ctx context.Context, p Place, o dataset.Options) (value.Schema, []dataset.Warning, error) {
	s, err := m.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	d, err := s.describe(p)
	if err != nil {
		return nil, nil, err
	}
	if _, err := d.place.wanted(d.keys); err != nil {
		return nil, nil, err
	}
	if _, err := storageOf(d.raw.object(7), d.raw.params(9)); err != nil {
		return nil, nil, fmt.Errorf("%s %w", d.place.title(), err)
	}
	columns, err := d.read(o)
	return append(columns, d.keys...), d.warnings, err
}

// read is the columns of the files as options say they are read: integers that are times are so; what is declared must be there.
func (d *description) read(o dataset.Options) (value.Schema, error) {
	columns := slices.Clone(d.columns)
	for column, unit := range o.TimeUnits {
		i := columns.Index(column)
		if dataset.UnitOf(unit) == 0 || i < 0 || columns[i].Type.Kind != value.KindInt {
			return nil, fmt.Errorf("%s: a time unit is given for column %q, which is not an integer column of it", d.place.title(), column)
		}
		columns[i].Type = value.Timestamp
	}
	all := append(slices.Clone(columns), d.keys...)
	for _, f := range o.Declared {
		switch t, ok := all.Lookup(f.Name); {
		case !ok:
			return nil, fmt.Errorf("%s has no column %q%s", d.place.title(), f.Name, nearestOf(f.Name, all.Names()))
		case !t.Equal(f.Type) && !(t.Kind == value.KindTimestamp && f.Type.Kind == value.KindInt):
			return nil, fmt.Errorf("%s: column %q is %s there, but declared as %s; declare what it is", d.place.title(), f.Name, t, f.Type)
		}
	}
	return columns, nil
}
