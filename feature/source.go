package feature

import (
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// sourceState is a source while its project is checked.
type sourceState struct {
	def   *SourceDef
	src   *Source
	scope *scope // nil: its columns cannot be known, which has been reported
	sound bool
	root  string // the name of the source that it was made from by again(), or its own
}

// source checks one source.
func (c *checker) source(d *SourceDef) *sourceState {
	defer c.within(d.Site)()
	if d.Again != nil {
		defer c.sayOnce(len(c.problems))
	}
	mark := c.mark()
	what := fmt.Sprintf("source %q", d.Name.Value)
	c.named("source", d.Name)
	s := &sourceState{def: d, src: &Source{Name: d.Name.Value, Pos: d.At.Pos, Kind: kindOf(d)}, root: d.Name.Value}
	if d.Again != nil {
		s.root = c.sources[d.Again.Index].root
	}
	s.src.Place = c.placeOf(d)
	if columns := c.sourceSchema(d, &s.src.Place, what); columns != nil {
		s.src.Schema, s.scope = columns, newScope(what, columns)
		s.scope.engines, s.scope.inexact = computedBy(c.batch, c.stream), c.inexact[d.Table]
	}
	c.topicSelect(d.Topic, s.scope)
	c.sourceTimes(s, what)
	s.src.Where = c.condition(d.Where, s.scope)
	s.src.OrderBy = c.ordering(d.OrderBy, s.scope)
	if d.Kind == EventSource {
		c.sourceID(s)
	} else {
		c.entity(s, what)
	}
	s.src.Delay, _ = c.duration(d.Delay, "delay", 0)
	s.src.Lateness, _ = c.duration(d.Lateness, "lateness", defaultLateness)
	s.src.PII = c.columnList(d.PII, s.scope, "pii")
	s.sound = c.soundSince(mark) && len(d.Flawed) == 0 && !d.Topic.flawed() && !d.Table.flawed() && s.scope != nil
	if s.sound {
		s.src.Fingerprint = fingerprint(sourceText(s.src) + delayText(s.src))
	}
	return s
}

// sayOnce leaves out of the problems since then what was said before of the same text: a source that was made by again() shares the texts
// of the one that it was made from.
func (c *checker) sayOnce(since int) {
	c.problems = append(c.problems[:since:since], slices.DeleteFunc(slices.Clone(c.problems[since:]), func(p Problem) bool {
		return p.At.IsValid() && slices.ContainsFunc(c.problems[:since], func(q Problem) bool { return q.Code == p.Code && q.At == p.At })
	})...)
}

func kindOf(d *SourceDef) RowKind {
	switch {
	case d.Kind == EventSource:
		return Events
	case d.Snapshot != nil:
		return Snapshots
	}
	return Entities
}

// sourceTimes checks when rows happen and when they are known.
func (c *checker) sourceTimes(s *sourceState, what string) {
	d := s.def
	if d.Snapshot != nil {
		for _, a := range []struct {
			t    *Text
			name string
		}{{d.Time, "time"}, {d.KnownAt, "known_at"}, {d.Deleted, "deleted"}} {
			if a.t != nil {
				c.snapshotClock(a.t.At, a.name)
			}
		}
		return
	}
	switch {
	case d.Time != nil:
		s.src.Time = c.time(*d.Time, s.scope, "time", d.TimeUnit == nil)
	case d.Kind == EventSource && !d.Flawed.Has("time"):
		c.missing(d.At, what, "time=", "name the column that says when a row happened, which is when its values were known")
	}
	if d.KnownAt != nil {
		s.src.KnownAt = c.time(*d.KnownAt, s.scope, "known_at", d.TimeUnit == nil)
	}
}

func (c *checker) sourceID(s *sourceState) {
	if s.def.ID == nil {
		return
	}
	name, t, ok := c.column(*s.def.ID, s.scope, "id", "name the column that says which event a row is")
	if ok && !t.Key() {
		c.wrongType(s.def.ID.At, "id", t, "of a type that can be a key", "name a column that says which event a row is")
	}
	s.src.ID = name
}

// entity checks what only an entity source has.
func (c *checker) entity(s *sourceState, what string) {
	d := s.def
	if len(d.Keys) == 0 && !d.Flawed.Has("keys") {
		c.missing(d.At, what, "keys=", `name the columns that say whose row it is, such as keys=["user_id"]`)
	}
	s.src.Keys = c.columnList(d.Keys, s.scope, "keys")
	for _, k := range d.Keys {
		if t, ok := s.typeOf(k.Value); ok && !t.Key() {
			c.keyType(k.At, k.Value, t)
		}
	}
	if d.Deleted != nil {
		name, t, ok := c.column(*d.Deleted, s.scope, "deleted", "make it a bool column of the file")
		if ok && t.Kind != value.KindBool && d.Snapshot == nil {
			c.wrongType(d.Deleted.At, "deleted", t, "a bool", "name the column that is true where a row ends its entity")
		}
		s.src.Deleted = name
	}
	if d.Snapshot != nil {
		name, t, ok := c.column(*d.Snapshot, s.scope, "snapshot", "name the partition column")
		if ok && t.Kind != value.KindDate && t.Kind != value.KindString {
			c.wrongType(d.Snapshot.At, "snapshot", t, "a date, or a string as 2024-01-31 or 2024-01-31-06", "name the partition column")
		}
		s.src.Snapshot = name
	}
}

// typeOf is the type of a column, where the columns are known.
func (s *sourceState) typeOf(name string) (value.Type, bool) {
	if s.scope == nil {
		return value.Type{}, false
	}
	t, ok := s.scope.types[name]
	return t, ok
}

// topicSelect checks what a topic gives for the source's columns: those must be columns of it; the topic's own are not known before its
// first message, so of the expressions only the syntax is checked.
func (c *checker) topicSelect(d *PlaceDef, s *scope) {
	if d == nil {
		return
	}
	defer c.within(d.Site)()
	c.word(d.TimeUnit, "time_unit", timeUnits...)
	seen := map[string]bool{}
	for _, e := range d.Select {
		if seen[e.Name.Value] {
			c.columnTwice(e.Name.At, e.Name.Value, "select of the topic")
		}
		seen[e.Name.Value] = true
		if _, ok := s.lookup(e.Name.Value); !ok && s != nil {
			c.unknownColumn(e.Name.At, e.Name.Value, s.in, s.names)
		}
		c.sql(e.SQL, nil)
	}
}

func (d *PlaceDef) flawed() bool { return d != nil && len(d.Flawed) > 0 }

// lookup finds a column without side effects; in an unknown scope there is none.
func (s *scope) lookup(name string) (value.Type, bool) {
	if s == nil {
		return value.Type{}, false
	}
	t, ok := s.types[name]
	return t, ok
}
