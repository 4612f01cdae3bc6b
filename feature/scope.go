package feature

import (
	"regexp"
	"slices"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// scope is the columns that an expression may read: of a source, a spine or a view. It is the expr.Env of all expressions over them,
// and keeps those that are right, since the same text stands in many features.
type scope struct {
	in    string // `source "flights"`
	types map[string]value.Type
	names []string
	exprs map[string]*expr.Expr

	// unknown tells names that exist, but of which something is wrong that has been reported: what reads them is left alone.
	unknown func(name string) bool
	// derive types a derived column when it is first read.
	derive func(name string) (t value.Type, ok bool)
	hushed bool // an unknown name was looked up

	engines []*foreign      // not ours, that compute its expressions
	feeds   []*foreign      // not ours, that compute columns of it and not its expressions
	inexact map[string]bool // columns that they compute to their last bits only
}

func newScope(in string, columns value.Schema) *scope {
	s := &scope{in: in, types: make(map[string]value.Type, len(columns)), exprs: map[string]*expr.Expr{}}
	for _, f := range columns {
		s.add(f.Name, f.Type)
	}
	return s
}

func (s *scope) add(name string, t value.Type) {
	if _, ok := s.types[name]; !ok {
		s.names = append(s.names, name)
	}
	s.types[name] = t
}

// Lookup finds a column's type; it is expr.Env.
func (s *scope) Lookup(name string) (value.Type, bool) {
	if t, ok := s.types[name]; ok {
		return t, true
	}
	if s.derive != nil {
		if t, ok := s.derive(name); ok {
			return t, true
		}
	}
	if s.unknown != nil && s.unknown(name) {
		s.hushed = true
	}
	return value.Type{}, false
}

// Names lists the columns; it is expr.Env.
func (s *scope) Names() []string { return s.names }

// sql types a text over a scope. Nil: it is not right, which has been reported, here or where the cause is. With a nil scope, the
// columns of a source that cannot be read, only the syntax is checked.
func (c *checker) sql(t Text, s *scope) *expr.Expr {
	if s == nil {
		_, errs := expr.Parse(t.Value)
		c.sqlErrors(t, nil, errs)
		return nil
	}
	if e, ok := s.exprs[t.Value]; ok {
		return e
	}
	if typ, ok := s.types[t.Value]; ok { // also a column whose name is no name in SQL
		e := expr.Column(t.Value, typ)
		s.exprs[t.Value] = e
		return e
	}
	before := s.hushed
	s.hushed = false
	e, errs := expr.Check(t.Value, s)
	hushed := s.hushed
	s.hushed = before
	switch {
	case len(errs) == 0:
		s.exprs[t.Value] = e
		return e
	case !hushed:
		c.sqlErrors(t, s, errs)
	}
	return nil
}

// query finds what only a query has; an expression has no such words.
var query = regexp.MustCompile(`(?i)\bselect\b|\bjoin\b`)

func (c *checker) sqlErrors(t Text, s *scope, errs expr.Errors) {
	for _, e := range errs {
		at := part(t, e.Start, e.End)
		switch {
		case e.Kind == expr.Syntax && query.MatchString(t.Value):
			c.joinInSource(t.At, "not yet: a query inside a definition")
		case s != nil && s.derive != nil && c.dottedIn(t, s, e):
		case e.Kind != expr.UnknownColumn || s == nil:
			c.badSQL(t, e)
		case c.elsewhere(at, e.Name, s):
		default:
			c.unknownColumn(at, e.Name, s.in, s.names)
		}
	}
}

func (c *checker) dottedIn(t Text, s *scope, e *expr.Error) bool {
	name, start, end := s.dotted(t.Value, e)
	if name != "" {
		c.dottedFeature(part(t, start, end), t.Value[start:end], name)
	}
	return name != ""
}

// fieldAccess is what looks like group.feature.
var fieldAccess = regexp.MustCompile(`([A-Za-z_]\w*)\.([A-Za-z_]\w*)`)

// dotted finds the feature that group.feature in a view was meant to be, about a mistake; "" where there is none.
func (s *scope) dotted(text string, e *expr.Error) (name string, start, end int) {
	for _, m := range fieldAccess.FindAllStringSubmatchIndex(text, -1) {
		full := text[m[2]:m[3]] + "__" + text[m[4]:m[5]]
		if _, known := s.types[full]; known && m[0] <= e.Start && e.Start < m[1] {
			return full, m[0], m[1]
		}
	}
	return "", 0, 0
}

// elsewhere reports a name that is no column here but a thing of its own: another source, a feature.
func (c *checker) elsewhere(at Span, name string, s *scope) bool {
	if s.derive != nil {
		return false // a view: its features are its columns
	}
	if _, ok := c.names["source "+name]; ok {
		c.joinInSource(at, "not yet: "+quotedList([]string{name}, "")+" is another source")
		return true
	}
	if c.isFeature(name) {
		c.featureAsInput(at, name)
		return true
	}
	return false
}

// isFeature tells whether a group has a feature of that full name.
func (c *checker) isFeature(name string) bool {
	return slices.ContainsFunc(c.groups, func(g *groupState) bool {
		prefix := g.group.Name + "__"
		return len(name) > len(prefix) && name[:len(prefix)] == prefix && g.has(name[len(prefix):])
	})
}

// column checks an argument that names a column.
func (c *checker) column(t Text, s *scope, argument, cure string) (string, value.Type, bool) {
	if typ, ok := s.lookup(t.Value); ok {
		return t.Value, typ, true
	}
	name := t.Value
	if n, errs := expr.Parse(t.Value); len(errs) == 0 {
		column, ok := n.Column()
		if !ok {
			c.needsColumn(t.At, argument, t.Value, cure)
			return "", value.Type{}, false
		}
		name = column // "quoted"
	}
	if s == nil {
		return name, value.Type{}, false
	}
	typ, ok := s.types[name]
	if !ok && !c.elsewhere(t.At, name, s) {
		c.unknownColumn(t.At, name, s.in, s.names)
	}
	return name, typ, ok
}

// condition is an expression that keeps a row where it is true.
func (c *checker) condition(t *Text, s *scope) *expr.Expr {
	if t == nil {
		return nil
	}
	e := c.sql(*t, s)
	if e == nil {
		return nil
	}
	if e.Type().Kind != value.KindBool {
		c.wrongType(t.At, "where", e.Type(), "a bool", "write a condition, such as "+shorten(t.Value)+" is not null")
		return nil
	}
	c.onEngines(*t, e, s, "which rows count")
	return e
}

// time is an expression that says when.
func (c *checker) time(t Text, s *scope, argument string, unit bool) *expr.Expr {
	e := c.sql(t, s)
	if e == nil {
		return nil
	}
	switch kind := e.Type().Kind; kind {
	case value.KindTimestamp:
		c.onEngines(t, e, s, "which time it is")
		return e
	case value.KindInt:
		_, column := s.types[t.Value]
		c.needsUnit(t.At, argument, t.Value, unit && column)
	case value.KindString, value.KindDate:
		c.wrongType(t.At, argument, e.Type(), "a timestamp", "write cast("+shorten(t.Value)+" as timestamp)")
	default:
		c.wrongType(t.At, argument, e.Type(), "a timestamp", "name the column that says when it happened")
	}
	return nil
}

// ordering is a list of expressions that decide between rows of one time.
func (c *checker) ordering(list []Text, s *scope) []*expr.Expr {
	var out []*expr.Expr
	for _, t := range list {
		e := c.sql(t, s)
		if e == nil {
			continue
		}
		if !e.Type().Ordered() {
			c.wrongType(t.At, "order_by", e.Type(), "of a type that has an order", "name a column that numbers the rows, or says when they were written")
			continue
		}
		c.onEngines(t, e, s, "which row comes first")
		out = append(out, e)
	}
	return out
}

// columnList checks a list of columns' names: each there, none twice.
func (c *checker) columnList(list []Text, s *scope, argument string) []string {
	seen := map[string]bool{}
	var out []string
	for _, t := range list {
		name, _, ok := c.column(t, s, argument, "name columns only")
		if seen[name] && name != "" {
			c.columnTwice(t.At, name, argument)
			continue
		}
		seen[name] = true
		if ok {
			out = append(out, name)
		}
	}
	return out
}
