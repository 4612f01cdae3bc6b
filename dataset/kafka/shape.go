package kafka

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// The record's own names; header is a struct of its headers.
const (
	keyName       = "_key"
	timestampName = "_timestamp"
	partitionName = "_partition"
	offsetName    = "_offset"
	headerName    = "header"
	headerPrefix  = headerName + "."
)

// ofRecord tells names that are the record's own from fields of its payload.
func ofRecord(name string) bool {
	switch name {
	case keyName, timestampName, partitionName, offsetName, headerName:
		return true
	}
	return strings.HasPrefix(name, headerPrefix)
}

// definition is a topic's columns before their types are known.
type definition struct {
	topic   dataset.Topic
	selects []selection
}

// selection is one entry of select=.
type selection struct {
	column int // of the source
	sql    string
	pure   bool // nothing but a path
	paths  [][]string
}

// shape is what is read of each record, and how the source's columns are made of it.
type shape struct {
	payload value.Schema      // fields of the payload
	own     value.Schema      // the record's own
	units   map[string]string // of payload fields that hold times
	private []string          // payload fields of personal columns
	columns []made
}

// made is one column of the source: column at of the fields and the record's own, in that order, or what an expression gives.
type made struct {
	at   int // −1: of the expression
	expr *expr.Expr
	own  bool // reads nothing of the payload
}

func define(t dataset.Topic) (*definition, error) {
	d := &definition{topic: t}
	for _, s := range t.Select {
		i := t.Schema.Index(s.Column)
		if i < 0 {
			return nil, fmt.Errorf("topic %q: select %q is no column of the source", t.Name, s.Column)
		}
		n, errs := expr.Parse(s.SQL)
		if len(errs) > 0 {
			return nil, fmt.Errorf("topic %q: select %q: %w", t.Name, s.Column, errs.Err())
		}
		_, pure := n.Path()
		d.selects = append(d.selects, selection{column: i, sql: s.SQL, pure: pure, paths: n.Paths()})
	}
	// Paths alone have the types of their columns, which the others then find settled.
	slices.SortStableFunc(d.selects, func(a, b selection) int {
		switch {
		case a.pure == b.pure:
			return 0
		case a.pure:
			return -1
		}
		return 1
	})
	return d, nil
}

// typesOf gives the types that a path of the payload may have, the likeliest first; an error says that there is no such field.
type typesOf func(path []string) ([]value.Type, error)

// untyped are those of JSON, which says nothing.
func untyped([]string) ([]value.Type, error) { return jsonTypes, nil }

var (
	scalars   = []value.Type{value.Float, value.String, value.Int, value.Bool, value.Timestamp, value.Date}
	jsonTypes = append(slices.Clone(scalars), value.ListOf(value.Float), value.ListOf(value.String), value.ListOf(value.Int),
		value.MapOf(value.Float), value.MapOf(value.String), value.MapOf(value.Int))
	// texts are the types of a header or key, whose bytes are text.
	texts = []value.Type{value.String, value.Int, value.Float, value.Bool, value.Timestamp, value.Date, value.Bytes}
)

// settler finds the types of paths, one expression after the other.
type settler struct {
	d     *definition
	types typesOf
	tree  value.Schema // what was settled: roots, with structs for longer paths
	fixed []string     // roots that are columns by name, and so have a type already
	shape *shape
}

// settle finds the types of all that is read.
func (d *definition) settle(types typesOf) (*shape, error) {
	s := &settler{d: d, types: types, shape: &shape{units: map[string]string{}, columns: make([]made, len(d.topic.Schema))}}
	chosen := map[int]bool{}
	for _, sel := range d.selects {
		chosen[sel.column] = true
	}
	for i, f := range d.topic.Schema {
		if !chosen[i] {
			s.tree = append(s.tree, f)
			s.fixed = append(s.fixed, f.Name)
			s.use(f.Name, f.Name)
		}
	}
	for _, sel := range d.selects {
		if err := s.selection(sel); err != nil {
			return nil, err
		}
	}
	return s.shape, s.finish(chosen)
}

// use gives a root the unit and the privacy of the column that it makes.
func (s *settler) use(root, column string) {
	if unit := s.d.topic.TimeUnits[column]; unit != "" {
		s.shape.units[root] = unit
	}
	if slices.Contains(s.d.topic.Personal, column) && !slices.Contains(s.shape.private, root) {
		s.shape.private = append(s.shape.private, root)
	}
}

// selection settles the paths of one expression: the first types with which it makes its column's.
func (s *settler) selection(sel selection) error {
	want := s.d.topic.Schema[sel.column]
	choices := make([][]value.Type, len(sel.paths))
	total := 1
	for i, path := range sel.paths {
		var err error
		if choices[i], err = s.choices(path, want.Type, sel.pure); err != nil {
			return err
		}
		total = min(total*len(choices[i]), maxTypings+1)
		s.use(path[0], want.Name)
	}
	uniform := total > maxTypings
	if uniform {
		total = len(scalars) // one type for all
	}
	var first error
	for n := range total {
		tree, err := s.try(sel, choices, n, uniform)
		if err == nil {
			s.tree = tree
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return &unfit{want.Name, fmt.Errorf("topic %q: select %q: %s makes no %s of the record's fields: %w", s.d.topic.Name, want.Name, sel.sql, want.Type, first)}
}

// unfit says that an expression does not make its column of the fields that there are.
type unfit struct {
	column string
	err    error
}

func (u *unfit) Error() string { return u.err.Error() }

// Unwrap gives what is wrong.
func (u *unfit) Unwrap() error { return u.err }

// maxTypings bounds how many ways to type an expression are tried; beyond, its paths have one type.
const maxTypings = 2048

// try takes the n-th choice of each path's type.
func (s *settler) try(sel selection, choices [][]value.Type, n int, uniform bool) (value.Schema, error) {
	tree := slices.Clone(s.tree)
	for i, path := range sel.paths {
		k := n
		if !uniform {
			// The last path's types change fastest.
			for _, c := range choices[i+1:] {
				k /= len(c)
			}
		}
		var err error
		if tree, err = grown(tree, path, choices[i][k%len(choices[i])]); err != nil {
			return nil, err
		}
	}
	e, errs := expr.Check(sel.sql, tree)
	if len(errs) > 0 {
		return nil, errs.Err()
	}
	if want := s.d.topic.Schema[sel.column].Type; !becomes(e.Type(), want) {
		return nil, fmt.Errorf("it is %s", value.An(e.Type().String()))
	}
	return tree, nil
}

// becomes reports whether values of a type are a column's, ints as floats too.
func becomes(t, column value.Type) bool {
	return t.Equal(column) || t.Kind == value.KindInt && column.Kind == value.KindFloat || t.Kind == value.KindNull
}

// choices are the types that a path may have.
func (s *settler) choices(path []string, want value.Type, pure bool) ([]value.Type, error) {
	if t, ok := s.settled(path); ok {
		return []value.Type{t}, nil
	}
	switch {
	case len(path) == 1 && path[0] == timestampName:
		return []value.Type{value.Timestamp}, nil
	case len(path) == 1 && (path[0] == partitionName || path[0] == offsetName):
		return []value.Type{value.Int}, nil
	case pure:
		return []value.Type{want}, nil
	case ofRecord(path[0]):
		return texts, nil
	}
	return s.types(path)
}

// settled is the type that a path has already.
func (s *settler) settled(path []string) (value.Type, bool) {
	t := value.StructOf(s.tree...)
	for _, name := range path {
		if t.Kind != value.KindStruct {
			return t, false
		}
		var ok bool
		if t, ok = t.FieldType(name); !ok {
			return t, false
		}
	}
	return t, true
}

// grown is a tree with one path more.
func grown(tree []value.Field, path []string, t value.Type) ([]value.Field, error) {
	tree = slices.Clone(tree)
	i := value.Schema(tree).Index(path[0])
	if i < 0 {
		tree = append(tree, value.Field{Name: path[0], Type: t})
		i = len(tree) - 1
		if len(path) > 1 {
			tree[i].Type = value.StructOf()
		}
	}
	if len(path) == 1 {
		if !tree[i].Type.Equal(t) {
			return nil, fmt.Errorf("%s is %s already, and %s here", path[0], value.An(tree[i].Type.String()), value.An(t.String()))
		}
		return tree, nil
	}
	if tree[i].Type.Kind != value.KindStruct {
		return nil, fmt.Errorf("%s is %s already, and has no field %s", path[0], value.An(tree[i].Type.String()), path[1])
	}
	fields, err := grown(tree[i].Type.Fields, path[1:], t)
	tree[i].Type = value.StructOf(fields...)
	return tree, err
}

// finish divides the tree into the payload's and the record's own, and checks the expressions once more over all of it.
func (s *settler) finish(chosen map[int]bool) error {
	for _, f := range s.tree {
		if ofRecord(f.Name) {
			s.shape.own = append(s.shape.own, f)
		} else {
			s.shape.payload = append(s.shape.payload, f)
		}
	}
	all := s.shape.all()
	for i, f := range s.d.topic.Schema {
		if !chosen[i] {
			s.shape.columns[i] = made{at: all.Index(f.Name), own: ofRecord(f.Name)}
		}
	}
	for _, sel := range s.d.selects {
		e, errs := expr.Check(sel.sql, all)
		if len(errs) > 0 {
			return fmt.Errorf("topic %q: select %q: %w", s.d.topic.Name, s.d.topic.Schema[sel.column].Name, errs.Err())
		}
		own := !slices.ContainsFunc(sel.paths, func(p []string) bool { return !ofRecord(p[0]) })
		s.shape.columns[sel.column] = made{at: -1, expr: e, own: own}
	}
	return s.checkOwn()
}

// checkOwn refuses types that the record's own cannot have.
func (s *settler) checkOwn() error {
	for _, f := range s.shape.own {
		var good bool
		switch f.Name {
		case timestampName:
			good = f.Type.Kind == value.KindTimestamp
		case partitionName, offsetName:
			good = f.Type.Kind == value.KindInt
		case headerName:
			good = f.Type.Kind == value.KindStruct && !slices.ContainsFunc(f.Type.Fields, func(h value.Field) bool { return !h.Type.Ordered() })
		default:
			good = f.Type.Ordered()
		}
		if !good {
			return fmt.Errorf("topic %q: %s cannot be %s", s.d.topic.Name, f.Name, value.An(f.Type.String()))
		}
	}
	return nil
}

// all is the schema that expressions see.
func (s *shape) all() value.Schema { return append(slices.Clone(s.payload), s.own...) }
