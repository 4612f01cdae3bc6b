package main

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	endian "encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// This file draws the rows that `verify` asks: of a file, of a training set's spine, or of a source's own rows.

// defaultSample is how many rows are asked where neither a file nor a number is named.
const defaultSample = 1000

// sampling is which rows a verification asks.
type sampling struct {
	name string // a file, a training set of the view, or a source; "": what the project has
	at   string // the column of a file with the time at which a row asks
	size int64  // 0: all rows
	seed int64
}

// sample is the rows that were drawn, as the report tells of them.
type sample struct {
	Of     string `json:"of"`
	File   string `json:"file_sha256,omitempty"` // of the file's bytes
	Hash   string `json:"rows_sha256"`           // of the canonical encoding of the rows that were asked
	Rows   int64  `json:"rows"`
	Drawn  int64  `json:"drawn_of"` // as many rows there were
	Seed   *int64 `json:"seed,omitempty"`
	AsOf   string `json:"as_of"`
	rows   *keptRows
	online bool // asked as of now
}

// draw reads the rows into a file in dir, so that no more than a batch of them is held.
func (s *sampling) draw(ctx context.Context, a *applied, v *feature.View, dir string, online bool) (*sample, error) {
	from, err := s.origin(ctx, a, v, online)
	if err != nil {
		return nil, err
	}
	out := &sample{Of: from.text, AsOf: from.asOf, online: online}
	if online {
		out.AsOf = "now"
	}
	if from.path != "" {
		if out.File, err = fileHash(from.path); err != nil {
			return nil, err
		}
	}
	size := s.size
	if s.name == "" && size == 0 {
		size = defaultSample
	}
	least := &leastHashes{limit: size}
	all, err := s.readAll(ctx, from, v, dir, online, least)
	if err != nil {
		return nil, err
	}
	out.Drawn, out.rows = all.rows, all
	if size > 0 && all.rows > size {
		out.Seed = &s.seed
		if out.rows, err = s.pick(ctx, all, dir, least.most(), size); err != nil {
			return nil, err
		}
	}
	out.Rows = out.rows.rows
	out.Hash, err = rowsHash(ctx, out.rows)
	return out, err
}

// readAll keeps all rows that there are, and sees their hashes.
func (s *sampling) readAll(ctx context.Context, from *origin, v *feature.View, dir string, online bool, least *leastHashes) (*keptRows, error) {
	all, err := keepRows(dir, "all", askedSchema(v))
	if err != nil {
		return nil, err
	}
	defer all.writer.Abort()
	err = from.rows(ctx, func(row []value.Value) error {
		if online {
			row[0] = value.Value{}
		} else if row[0].IsNull() {
			return mistakef("row %d of %s: %v", all.rows+int64(len(all.batch))+1, from.text, engine.ErrNoTime)
		}
		least.see(s.hash(row))
		return all.add(row)
	})
	if err != nil {
		return nil, err
	}
	return all, all.done()
}

// askedSchema is a row of a sample: when it asks, then the keys and request fields of the view in the order of View.Asked.
func askedSchema(v *feature.View) value.Schema {
	schema := value.Schema{{Name: plan.AtColumn, Type: value.Timestamp}}
	for _, k := range v.Asked() {
		schema = append(schema, value.Field{Name: k.Name, Type: k.Type})
	}
	return schema
}

// hash decides, with the seed, whether a row is drawn: W5's over the seed, the keys and request fields, and when it asks.
func (s *sampling) hash(row []value.Value) uint64 {
	b := value.Append(nil, value.OfInt(s.seed))
	for _, x := range row {
		b = value.Append(b, x)
	}
	sum := md5.Sum(b)
	return endian.BigEndian.Uint64(sum[:8])
}

// pick keeps, of all rows, those of the least hashes.
func (s *sampling) pick(ctx context.Context, all *keptRows, dir string, most uint64, size int64) (*keptRows, error) {
	k, err := keepRows(dir, "sample", all.schema)
	if err != nil {
		return nil, err
	}
	defer k.writer.Abort()
	err = all.each(ctx, func(row []value.Value) error {
		if s.hash(row) > most || k.rows+int64(len(k.batch)) == size {
			return nil
		}
		return k.add(row)
	})
	if err != nil {
		return nil, err
	}
	return k, k.done()
}

func rowsHash(ctx context.Context, k *keptRows) (string, error) {
	h := sha256.New()
	var b []byte
	err := k.each(ctx, func(row []value.Value) error {
		b = b[:0]
		for _, x := range row {
			b = value.Append(b, x)
		}
		_, err := h.Write(b)
		return err
	})
	return sumText(h), err
}

func fileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return sumText(h), nil
}

func sumText(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// origin is where rows come from: each as askedSchema has it, its time null where it has none.
type origin struct {
	text string // for people
	path string // of one file, "": it is none
	asOf string
	rows func(ctx context.Context, put func(row []value.Value) error) error
}

// origin finds the rows that are named, or those that the project has for the view: the spine of its first training set, else the rows of an
// event source that has all that the view asks for.
func (s *sampling) origin(ctx context.Context, a *applied, v *feature.View, online bool) (*origin, error) {
	if s.name != "" {
		i := slices.IndexFunc(a.typed.TrainingSets, func(t *feature.TrainingSet) bool { return t.Name == s.name })
		if i >= 0 && a.typed.TrainingSets[i].View.Name != v.Name {
			return nil, mistakef("training set %s is of view %s, not of %s", s.name, a.typed.TrainingSets[i].View.Name, v.Name)
		}
		if i >= 0 {
			return ofTrainingSet(a, a.typed.TrainingSets[i], v), nil
		}
		i = slices.IndexFunc(a.typed.Sources, func(x *feature.Source) bool { return x.Name == s.name })
		if i < 0 {
			return s.ofFile(ctx, v, online)
		}
		if err := lacksForView(a.typed.Sources[i], v); err != nil {
			return nil, mistakef("%v", err)
		}
		return ofSource(a, a.typed.Sources[i], v), nil
	}
	for _, t := range a.typed.TrainingSets {
		if t.View.Name == v.Name {
			return ofTrainingSet(a, t, v), nil
		}
	}
	for _, x := range a.typed.Sources {
		if lacksForView(x, v) == nil {
			return ofSource(a, x, v), nil
		}
	}
	return nil, mistakef("no training set is of view %s, and no event source has all that it asks for: name a file with --sample FILE", v.Name)
}

// lacksForView says what a source has not that a view asks for.
func lacksForView(s *feature.Source, v *feature.View) error {
	if s.Kind != feature.Events {
		return fmt.Errorf("source %s is no event source, so its rows have no times to ask at", s.Name)
	}
	for _, k := range v.Asked() {
		typ, ok := s.Schema.Lookup(k.Name)
		switch {
		case ok && !typ.Equal(k.Type):
			return fmt.Errorf("column %q of source %s is of type %s; view %s needs %s", k.Name, s.Name, typ, v.Name, k.Type)
		case !ok && !k.Optional:
			return fmt.Errorf("source %s has no column %q, which view %s needs (%s)", s.Name, k.Name, v.Name, k.Type)
		}
	}
	return nil
}

// ofSource asks as of the time of each row of a source that has one; who is asked for, what is asked and when, of the row itself.
func ofSource(a *applied, s *feature.Source, v *feature.View) *origin {
	o := &origin{text: "source " + s.Name, asOf: "the time of the source"}
	o.rows = func(ctx context.Context, put func([]value.Value) error) error {
		in := a.raw()
		table, err := in.Rows(ctx, s)
		if err != nil {
			return err
		}
		schema := s.Schema
		time := s.Time.Vectorise(schema)
		return scanRows(ctx, table, dataset.Scan{Columns: schema.Names()}, func(b *value.Batch) error {
			at := time.Eval(b, nil)
			for i := range b.N {
				if at.IsNull(i) {
					continue // no event (E1)
				}
				if err := put(append([]value.Value{at.At(i)}, askedOf(v, b, i)...)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return o
}

// askedOf are the view's keys and request fields of a row, null where it has no such column.
func askedOf(v *feature.View, b *value.Batch, i int) []value.Value {
	var out []value.Value
	for _, k := range v.Asked() {
		x := value.Value{}
		if c := b.Schema.Index(k.Name); c >= 0 {
			x = b.Columns[c].At(i)
		}
		out = append(out, x)
	}
	return out
}

// ofTrainingSet asks as the rows of a training set's spine do.
func ofTrainingSet(a *applied, t *feature.TrainingSet, v *feature.View) *origin {
	o := &origin{text: "the spine of training set " + t.Name, asOf: "the spine's time"}
	o.rows = func(ctx context.Context, put func([]value.Value) error) error {
		bare, view := *t, *t.View
		view.Joins, view.Derived, view.Columns = nil, nil, nil
		for _, q := range view.Request {
			view.Columns = append(view.Columns, feature.ViewColumn{Name: q.Name, Type: q.Type, Kind: feature.RequestColumn})
		}
		bare.View, bare.Labels, bare.LabelTime, bare.Weight, bare.Features, bare.Spine.Keep = &view, nil, nil, nil, nil, nil
		b := plan.ForTrainingSet(&bare)
		_, err := engines(optionsOf(a.Project))[0].Run(ctx, b, a.raw(), func(x *value.Batch) error {
			at := x.Column(plan.AtColumn)
			for i := range x.N {
				if err := put(append([]value.Value{at.At(i)}, askedOf(v, x, i)...)); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	}
	return o
}

// ofFile asks as the rows of a file do.
func (s *sampling) ofFile(ctx context.Context, v *feature.View, online bool) (*origin, error) {
	table, err := dataset.Open(ctx, formats, s.name, dataset.Options{})
	if err != nil {
		return nil, mistakef("--sample: %v", err)
	}
	columns, err := s.columnsFor(v, table.Schema(), online)
	if err != nil {
		return nil, err
	}
	o := &origin{text: s.name, asOf: "column " + s.at}
	if info, err := os.Stat(s.name); err == nil && info.Mode().IsRegular() {
		o.path = s.name
	}
	o.rows = func(ctx context.Context, put func([]value.Value) error) error {
		return scanRows(ctx, table, dataset.Scan{Columns: columns}, func(b *value.Batch) error {
			time := b.Schema.Index(s.at)
			for i := range b.N {
				at := value.Value{}
				if !online {
					at = b.Columns[time].At(i)
				}
				if err := put(append([]value.Value{at}, askedOf(v, b, i)...)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return o, nil
}

// columnsFor are the columns of a file that are read.
func (s *sampling) columnsFor(v *feature.View, have value.Schema, online bool) ([]string, error) {
	columns := []string{}
	for _, k := range v.Asked() {
		typ, ok := have.Lookup(k.Name)
		switch {
		case ok && !typ.Equal(k.Type):
			return nil, mistakef("column %q of %s is of type %s; view %s needs %s", k.Name, s.name, typ, v.Name, k.Type)
		case !ok && !k.Optional:
			return nil, mistakef("%s has no column %q, which view %s needs (%s)", s.name, k.Name, v.Name, k.Type)
		case ok:
			columns = append(columns, k.Name)
		}
	}
	if online {
		return columns, nil
	}
	if typ, ok := have.Lookup(s.at); !ok || typ.Kind != value.KindTimestamp {
		return nil, mistakef("%s has no column %q of times to ask at: name another with --at", s.name, s.at)
	}
	if !slices.Contains(columns, s.at) {
		columns = append(columns, s.at)
	}
	return columns, nil
}

func scanRows(ctx context.Context, t dataset.Table, s dataset.Scan, do func(*value.Batch) error) error {
	r, err := t.Scan(ctx, s)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(b); err != nil {
			return err
		}
	}
}
