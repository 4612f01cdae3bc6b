package feature

import (
	"slices"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// spineState is a spine while its training set is checked.
type spineState struct {
	def    *SpineDef
	source *sourceState // nil: a place of its own
	scope  *scope       // nil: its columns are not known
	sound  bool
}

// spine checks the rows of a training set and what they mean to the view.
func (c *checker) spine(t *trainingState, d *SpineDef) *spineState {
	defer c.within(d.Site)()
	s := &spineState{def: d, sound: true}
	out := &t.set.Spine
	out.Pos = d.At.Pos
	c.placeOfRows(s, out, "the spine")
	if d.AsOf != nil {
		out.At = c.time(*d.AsOf, s.scope, "at", false)
	} else if !d.Flawed.Has("at") && !d.Flawed.Has("as_of") {
		c.missing(d.At, "the spine", "at=", "say as of when its rows ask: a column, or SQL such as \"sched_dep - interval '2 hours'\"")
	}
	out.Where = c.condition(d.Where, s.scope)
	if t.view != nil {
		c.spineColumns(t, s, out)
	}
	out.Keep = c.columnList(d.Keep, s.scope, "keep")
	c.sample(s, out)
	s.sound = s.sound && s.scope != nil && len(d.Flawed) == 0 && !d.Table.flawed()
	return s
}

// placeOfRows finds where the rows of a spine, or of what has its rows as a spine has them, are, and their columns.
func (c *checker) placeOfRows(s *spineState, out *Spine, what string) {
	d := s.def
	var given []string
	var at Span
	if d.Source != nil {
		given, at = append(given, "a source"), d.Source.At
		s.source = c.sources[d.Source.Index]
	}
	if d.Path != nil {
		given, at = append(given, "path="), d.Path.At
	}
	if d.Table != nil {
		given, at = append(given, "table="), d.Table.Name.At
	}
	switch {
	case len(given) > 1:
		c.severalPlaces(d.At, what, given)
	case s.source != nil:
		s.sound = s.source.sound
		out.Source, out.Place, out.Schema = s.source.src, s.source.src.Place, s.source.src.Schema
		if s.source.scope != nil {
			s.scope = newScope(what, out.Schema)
			s.scope.engines, s.scope.inexact = computedBy(c.batch), s.source.scope.inexact
		}
	case len(given) == 0:
		if !d.Flawed.Has("path") && !d.Flawed.Has("table") && !d.Flawed.Has("source") {
			c.noPlace(d.At, what)
		}
	default:
		c.spineFile(s, out, at, what)
	}
}

func (c *checker) spineFile(s *spineState, out *Spine, at Span, what string) {
	out.Place = Place{Path: textOf(s.def.Path)}
	if t := s.def.Table; t != nil {
		out.Place.Table, out.Place.TableSelect = t.Name.Value, selectOf(t)
		out.Place.TimeUnit = c.word(t.TimeUnit, "time_unit", timeUnits...)
	}
	if !c.readable(s.def.Path) {
		return
	}
	columns := c.real(out.Place, at, what)
	if columns == nil {
		return
	}
	out.Schema = c.selected(s.def.Table, columns)
	if typ, ok := out.Schema.Lookup(textOf(s.def.AsOf)); ok && typ.Kind == value.KindInt && out.Place.TimeUnit != "" {
		out.Place.TimeColumns = []string{s.def.AsOf.Value}
		out.Schema = withTimes(out.Schema, out.Place.TimeColumns)
	}
	s.scope = newScope(what, out.Schema)
	s.scope.engines, s.scope.inexact = computedBy(c.batch), c.inexact[s.def.Table]
}

// spineColumns finds for each key and request field of the view what it is in the spine.
func (c *checker) spineColumns(t *trainingState, s *spineState, out *Spine) {
	needs := append(append([]Key{}, t.view.view.Keys...), t.view.view.Request...)
	names := make([]string, len(needs))
	for i, k := range needs {
		names[i] = k.Name
	}
	given := map[string]*NamedSQL{}
	for i := range s.def.Columns {
		n := &s.def.Columns[i]
		if given[n.Name.Value] != nil {
			c.columnTwice(n.Name.At, n.Name.Value, "columns")
			continue
		}
		given[n.Name.Value] = n
		if !slices.Contains(names, n.Name.Value) && !t.view.mayHave(n.Name.Value) {
			c.unknownSpineColumn(n.Name.At, n.Name.Value, t.view.view.Name, names)
			c.sql(n.SQL, s.scope)
		}
	}
	for i, k := range needs {
		what := "the key"
		if i >= len(t.view.view.Keys) {
			what = "the request field"
		}
		if e := c.spineColumn(t, s, k, what, given[k.Name]); e != nil {
			out.Columns = append(out.Columns, SpineColumn{Name: k.Name, Expr: e})
		}
	}
}

func (c *checker) spineColumn(t *trainingState, s *spineState, k Key, what string, given *NamedSQL) *expr.Expr {
	at, text := s.def.At, k.Name
	var e *expr.Expr
	if given != nil {
		at, text = given.SQL.At, given.SQL.Value
		if e = c.sql(given.SQL, s.scope); e == nil {
			return nil
		}
		decides := ""
		if what == "the key" {
			decides = "whose features a row gets"
		}
		c.onEngines(given.SQL, e, s.scope, decides)
	} else {
		typ, ok := s.scope.lookup(k.Name)
		switch {
		case s.scope == nil || s.def.Flawed.Has("columns"):
			return nil
		case ok:
			e = expr.Column(k.Name, typ)
		case k.Optional:
			e, ok = nullOf(k.Type)
			if ok {
				return e
			}
			fallthrough
		default:
			c.spineLacks(at, what, k.Name, t.view.view.Name, s.scope.names)
			return nil
		}
	}
	got := e.Type()
	if got.Kind == value.KindNull {
		if null, ok := nullOf(k.Type); ok {
			return null
		}
	}
	if !got.Equal(k.Type) {
		c.spineType(at, what, k.Name, k.Type, got, text)
		return nil
	}
	return e
}

// sample checks the share of rows and what decides which.
func (c *checker) sample(s *spineState, out *Spine) {
	d := s.def
	if d.Sample != nil {
		out.Sample = d.Sample.Value
		if !(out.Sample > 0 && out.Sample <= 1) {
			c.outOfRange(d.Sample.At, "write a number above 0, and at most 1, which is all rows", "sample=%v is no share of the rows", out.Sample)
		}
	}
	if d.SampleBy == nil {
		return
	}
	if d.Sample == nil && !d.Flawed.Has("sample") {
		c.meaningless(d.SampleBy.At, "sample_by", "without sample=", "add sample=0.1 or so, or leave it out")
	}
	if name, _, ok := c.column(*d.SampleBy, s.scope, "sample_by", "name a column"); ok {
		c.onEngines(*d.SampleBy, expr.Column(name, s.scope.types[name]), s.scope, "which rows are in the sample")
		out.SampleBy = []string{name}
	}
}
