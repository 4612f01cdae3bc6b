package random

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// maxTrials bounds the candidates that one failure is shrunk by.
const maxTrials = 4000

// shrinker takes away from a failing case what it can.
type shrinker struct {
	options *Options
	ctx     context.Context
	best    *Case
	failure *Failure
	trials  int
}

// shrink gives the smallest case that it finds which still fails on the same road, in whatever way.
func (o *Options) shrink(ctx context.Context, c *Case, f *Failure) (*Case, *Failure) {
	s := &shrinker{options: o, ctx: ctx, best: c, failure: f}
	for again := true; again && s.trials < maxTrials; {
		again = s.rows()
		again = s.definitions() || again
		again = s.columns() || again
		again = s.cells() || again
	}
	return s.best, s.failure
}

// try keeps a candidate that still fails.
func (s *shrinker) try(edit func(c *Case) bool) bool {
	if s.trials++; s.trials > maxTrials || s.ctx.Err() != nil {
		return false
	}
	c := s.best.clone()
	if !edit(c) || !c.sound() {
		return false
	}
	_, _, f, err := s.options.check(s.ctx, c)
	var invalid errInvalid
	if errors.As(err, &invalid) || err != nil || f == nil || f.Differences[0].Road != s.failure.Differences[0].Road {
		return false
	}
	s.best, s.failure = c, f
	return true
}

// sound tells whether no reference points at what an edit took away.
func (c *Case) sound() bool {
	var b bytes.Buffer
	if err := feature.Encode(&b, c.Defs); err != nil {
		return false
	}
	_, err := feature.Decode(&b)
	return err == nil
}

// tables are those of the case that have rows, the spine's first.
func (c *Case) tables() []*Data {
	var out []*Data
	if c.Spine != nil {
		out = append(out, c.Spine)
	}
	for i := range c.Defs.Sources {
		out = append(out, c.Tables[c.Defs.Sources[i].Name.Value])
	}
	return out
}

// rows drops stretches of rows, long ones first, and whole parts.
func (s *shrinker) rows() bool {
	better := false
	for t := 0; t < len(s.best.tables()); t++ {
		for p := len(s.best.tables()[t].Parts) - 1; p >= 0; p-- {
			if s.try(func(c *Case) bool {
				d := c.tables()[t]
				d.Parts = slices.Delete(d.Parts, p, p+1)
				return len(d.Parts) > 0
			}) {
				better = true
				continue
			}
			for size := (len(s.best.tables()[t].Parts[p].Rows) + 1) / 2; size > 0; size /= 2 {
				for from := len(s.best.tables()[t].Parts[p].Rows) - size; from >= 0; from -= size {
					better = s.try(func(c *Case) bool {
						part := &c.tables()[t].Parts[p]
						part.Rows = slices.Delete(part.Rows, from, from+size)
						return true
					}) || better
				}
			}
		}
	}
	return better
}

// definitions drops groups and sources, elements of lists and arguments, one at a time; check refuses what makes no sense.
func (s *shrinker) definitions() bool {
	better := false
	for i := len(s.best.Defs.Groups) - 1; i >= 0; i-- {
		better = s.try(func(c *Case) bool { return c.dropGroup(i) }) || better
	}
	for i := len(s.best.Defs.Sources) - 1; i >= 0; i-- {
		better = s.try(func(c *Case) bool { return c.dropSource(i) }) || better
	}
	for n := 0; ; n++ {
		last := false
		for s.try(func(c *Case) bool {
			left := n
			dropped := drop(reflect.ValueOf(c.Defs).Elem(), &left)
			last = !dropped
			return dropped
		}) {
			better = true
		}
		if last || s.trials > maxTrials {
			return better
		}
	}
}

// kept are fields that have edits of their own, or that name what a case asks.
var kept = map[string]bool{"Columns": true, "Index": true, "At": true, "Via": true}

// drop sets the n-th optional argument below v to nil, or takes the n-th element out of a list.
func drop(v reflect.Value, n *int) bool {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return false
		}
		if *n == 0 {
			v.SetZero()
			return true
		}
		*n--
		return drop(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if kept[v.Type().Field(i).Name] {
				continue
			}
			if drop(v.Field(i), n) {
				return true
			}
		}
	case reflect.Slice:
		whole := v.Type().Elem() == reflect.TypeFor[feature.SourceDef]() || v.Type().Elem() == reflect.TypeFor[feature.GroupDef]()
		for i := range v.Len() {
			if whole {
				if drop(v.Index(i), n) {
					return true
				}
				continue
			}
			if *n == 0 {
				v.Set(reflect.AppendSlice(v.Slice(0, i), v.Slice(i+1, v.Len())))
				return true
			}
			*n--
			if drop(v.Index(i), n) {
				return true
			}
		}
	}
	return false
}

// dropGroup takes a group out, of the view too.
func (c *Case) dropGroup(at int) bool {
	c.Defs.Groups = slices.Delete(c.Defs.Groups, at, at+1)
	for v := range c.Defs.Views {
		uses := &c.Defs.Views[v].Groups
		*uses = slices.DeleteFunc(*uses, func(u feature.GroupUse) bool { return u.Group.Index == at })
		for i := range *uses {
			if r := &(*uses)[i].Group; r.Index > at {
				r.Index--
			}
		}
	}
	return true
}

// dropSource takes a source out that nothing reads.
func (c *Case) dropSource(at int) bool {
	var refs []*feature.Ref
	for i := range c.Defs.Groups {
		refs = append(refs, c.Defs.Groups[i].Source)
	}
	for i := range c.Defs.TrainingSets {
		refs = append(refs, c.Defs.TrainingSets[i].Spine.Source)
		for l := range c.Defs.TrainingSets[i].Labels {
			if w := c.Defs.TrainingSets[i].Labels[l].Within; w != nil {
				refs = append(refs, w.Source)
			}
		}
	}
	for _, r := range refs {
		if r.Index == at {
			return false
		}
	}
	for _, r := range refs {
		if r.Index > at {
			r.Index--
		}
	}
	delete(c.Tables, c.Defs.Sources[at].Name.Value)
	c.Defs.Sources = slices.Delete(c.Defs.Sources, at, at+1)
	return true
}

// columns drops columns that nothing reads.
func (s *shrinker) columns() bool {
	better := false
	for t := range s.best.Defs.Sources {
		for i := len(s.best.Defs.Sources[t].Columns) - 1; i >= 0; i-- {
			better = s.try(func(c *Case) bool {
				src := &c.Defs.Sources[t]
				name := src.Columns[i].Name.Value
				src.Columns = slices.Delete(src.Columns, i, i+1)
				c.Tables[src.Name.Value].dropColumn(name)
				return true
			}) || better
		}
	}
	if s.best.Spine == nil {
		return better
	}
	for i := len(s.best.Spine.Schema) - 1; i >= 0; i-- {
		better = s.try(func(c *Case) bool { c.Spine.dropColumn(c.Spine.Schema[i].Name); return true }) || better
	}
	return better
}

func (d *Data) dropColumn(name string) {
	at := d.Schema.Index(name)
	d.Schema = slices.Delete(slices.Clone(d.Schema), at, at+1)
	for p := range d.Parts {
		for i, row := range d.Parts[p].Rows {
			d.Parts[p].Rows[i] = slices.Delete(row, at, at+1)
		}
	}
}

// cells makes cells null, once few are left.
func (s *shrinker) cells() bool {
	better, left := false, 0
	for _, d := range s.best.tables() {
		left += d.Rows() * len(d.Schema)
	}
	if left > 500 {
		return false
	}
	for t, d := range s.best.tables() {
		for p := range d.Parts {
			for i := range d.Parts[p].Rows {
				for column := range d.Schema {
					better = s.try(func(c *Case) bool {
						row := c.tables()[t].Parts[p].Rows[i]
						if _, fixed := d.Parts[p].Partition[d.Schema[column].Name]; fixed || row[column].IsNull() {
							return false
						}
						row[column] = value.Value{}
						return true
					}) || better
				}
			}
		}
	}
	return better
}

// clone copies a case; values are shared, which never change.
func (c *Case) clone() *Case {
	var b bytes.Buffer
	if err := feature.Encode(&b, c.Defs); err != nil {
		panic(err) // what was drawn encodes
	}
	defs, err := feature.Decode(&b)
	if err != nil {
		panic(err)
	}
	out := &Case{Seed: c.Seed, Defs: defs, Kind: c.Kind, Name: c.Name, Tables: map[string]*Data{}}
	for name, d := range c.Tables {
		out.Tables[name] = d.clone()
	}
	if c.Spine != nil {
		out.Spine = c.Spine.clone()
	}
	return out
}

func (d *Data) clone() *Data {
	out := &Data{Schema: d.Schema}
	for _, p := range d.Parts {
		q := enginetest.Part{Partition: p.Partition}
		for _, row := range p.Rows {
			q.Rows = append(q.Rows, slices.Clone(row))
		}
		out.Parts = append(out.Parts, q)
	}
	return out
}
