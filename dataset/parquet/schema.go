package parquet

import (
	"errors"
	"fmt"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet/coding"
	"github.com/bighead-ml/bighead/dataset/parquet/format"
	"github.com/bighead-ml/bighead/value"
)

// shape says how a node's values are put together.
type shape int

const (
	shapeLeaf shape = iota
	shapeStruct
	shapeList // children[0] is the element
	shapeMap  // children[0] is the key, children[1] the value
)

// node is a column or a part of one. Levels follow the format: a value's definition level counts the optional and repeated nodes
// above and at it that are there; its repetition level says at which repeated node it continues a list.
type node struct {
	name     string
	shape    shape
	typ      value.Type
	def      int // the node itself is there when the level is at least def
	elemDef  int // of a list or map: it has an element when the level is at least elemDef
	rep      int // of a list or map: the level at which an element continues it
	children []*node
	leaf     *leaf
	first    *leaf // the first leaf below, which tells the levels of all
}

// leaf is a column as stored.
type leaf struct {
	coding.Stored
	path   string
	chunk  int // index among a row group's chunks
	maxDef int
	maxRep int
	conv   conversion
}

// maxSchemaDepth bounds the nesting of columns.
const maxSchemaDepth = 32

// column is a top-level column: readable, or left out for a reason.
type column struct {
	name string
	id   int32
	node *node
	why  string
}

// schemaBuilder walks the elements of a footer.
type schemaBuilder struct {
	elements []format.Element
	next     int
	leaves   []*leaf
	declared value.Schema
	units    map[string]string
}

// unreadable is why a column is left out of the schema; it is no fault of the file.
type unreadable struct{ why string }

func (u unreadable) Error() string { return u.why }

// columns reads the tree. Leaves are in the order of chunks.
func (s *schemaBuilder) columns() ([]column, error) {
	if len(s.elements) == 0 {
		return nil, errors.New("the footer has no schema")
	}
	root := s.elements[0]
	s.next = 1
	var out []column
	for range root.Children {
		if s.next >= len(s.elements) {
			return nil, errors.New("the footer's schema is cut short")
		}
		name, id := s.elements[s.next].Name, s.elements[s.next].ID
		n, err := s.node(0, 0, 0)
		var why unreadable
		if errors.As(err, &why) {
			out = append(out, column{name: name, why: why.why})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		if n.shape == shapeLeaf && n.leaf.maxRep == 0 {
			if err := s.settle(n); err != nil {
				return nil, fmt.Errorf("column %q %w", name, err)
			}
		}
		if n.untyped() {
			out = append(out, column{name: name, why: "it has no type, all its cells are null; declare its type with columns="})
			continue
		}
		out = append(out, column{name: name, id: id, node: n})
	}
	if s.next != len(s.elements) {
		return nil, errors.New("the footer's schema has more elements than its root says")
	}
	return out, nil
}

// settle applies what options say of a flat column: the unit of an integer that is a time, the type of a column that has none.
func (s *schemaBuilder) settle(n *node) error {
	unit := s.units[n.name]
	declared, ok := s.declared.Lookup(n.name)
	if n.leaf.conv.kind == cNothing && ok {
		n.typ = declared
		n.leaf.conv = conversion{kind: cNull, typ: declared}
		return nil
	}
	if unit == "" {
		return nil
	}
	if n.typ.Kind != value.KindInt {
		return fmt.Errorf("is %s, which has no unit; take its time_unit away", n.typ)
	}
	n.typ = value.Timestamp
	n.leaf.conv.settleUnit(dataset.UnitOf(unit))
	return nil
}

// node reads the element at s.next with all below it. Where something below has no type of ours, the elements are still passed over.
func (s *schemaBuilder) node(def, rep, depth int) (*node, error) {
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxSchemaDepth)
	}
	e := s.elements[s.next]
	if e.Repetition != format.Repeated {
		return s.single(def, rep, depth)
	}
	// A repeated field that no LIST or MAP stands around is a list of its own, never null.
	elem, err := s.single(def+1, rep+1, depth)
	if err != nil {
		return nil, err
	}
	return listNode(e.Name, elem, def, def+1, rep+1), nil
}

func listNode(name string, elem *node, def, elemDef, rep int) *node {
	return &node{name: name, shape: shapeList, typ: value.ListOf(elem.typ), def: def, elemDef: elemDef, rep: rep, children: []*node{elem}, first: elem.first}
}

// single reads the element at s.next as one value, whatever repeats it.
func (s *schemaBuilder) single(def, rep, depth int) (*node, error) {
	if s.next >= len(s.elements) {
		return nil, errors.New("the footer's schema is cut short")
	}
	e := s.elements[s.next]
	s.next++
	if e.Repetition == format.Optional {
		def++
	}
	if !e.Group {
		return s.leafNode(e, def, rep)
	}
	switch {
	case e.Children <= 0:
		return nil, unreadable{"it is a group without fields"}
	case e.Logical.Kind == format.List && e.Children == 1 && s.nextRepeated():
		return s.list(e, def, rep, depth)
	case (e.Logical.Kind == format.Map || e.Logical.Kind == format.MapKeyValue) && e.Children == 1 && s.nextRepeated():
		return s.mapping(e, def, rep, depth)
	}
	return s.structure(e, def, rep, depth)
}

func (s *schemaBuilder) nextRepeated() bool {
	return s.next < len(s.elements) && s.elements[s.next].Repetition == format.Repeated
}

func (s *schemaBuilder) leafNode(e format.Element, def, rep int) (*node, error) {
	l := &leaf{Stored: coding.Stored{Physical: e.Physical, Length: int(e.Length)}, path: e.Name, chunk: len(s.leaves), maxDef: def, maxRep: rep}
	s.leaves = append(s.leaves, l)
	var err error
	if l.conv, err = conversionOf(e); err != nil {
		return nil, err
	}
	return &node{name: e.Name, shape: shapeLeaf, typ: l.conv.typ, def: def, leaf: l, first: l}, nil
}

// structure reads the fields of a group. All are read even when one is unreadable, so that the next column begins where it should.
func (s *schemaBuilder) structure(e format.Element, def, rep, depth int) (*node, error) {
	n := &node{name: e.Name, shape: shapeStruct, def: def}
	var failed error
	for range e.Children {
		if s.next >= len(s.elements) {
			return nil, errors.New("the footer's schema is cut short")
		}
		name := s.elements[s.next].Name
		child, err := s.node(def, rep, depth+1)
		var why unreadable
		if err != nil && !errors.As(err, &why) {
			return nil, err
		}
		switch {
		case err != nil && failed == nil:
			failed = unreadable{fmt.Sprintf("its field %q: %s", name, why.why)}
		case err == nil && value.Schema(n.typ.Fields).Index(name) >= 0:
			return nil, fmt.Errorf("field %q stands twice", name)
		case err == nil:
			n.children = append(n.children, child)
			n.typ.Fields = append(n.typ.Fields, value.Field{Name: name, Type: child.typ})
		}
	}
	if failed != nil {
		return nil, failed
	}
	n.typ.Kind = value.KindStruct
	n.first = n.children[0].first
	return n, nil
}

// list reads a group annotated LIST by the rules for old writers: the repeated child is the element itself when it is no group, has
// several fields, has one that repeats, or is named array or <list>_tuple; else it is a shell around the element.
func (s *schemaBuilder) list(e format.Element, def, rep, depth int) (*node, error) {
	r := s.elements[s.next]
	shell := r.Group && r.Children == 1 && r.Name != "array" && r.Name != e.Name+"_tuple" &&
		s.next+1 < len(s.elements) && s.elements[s.next+1].Repetition != format.Repeated
	var elem *node
	var err error
	if shell {
		s.next++
		elem, err = s.node(def+1, rep+1, depth+1)
	} else {
		elem, err = s.single(def+1, rep+1, depth+1)
	}
	if err != nil {
		return nil, within("its elements", err)
	}
	return listNode(e.Name, elem, def, def+1, rep+1), nil
}

func (s *schemaBuilder) mapping(e format.Element, def, rep, depth int) (*node, error) {
	r := s.elements[s.next]
	if !r.Group || r.Children != 2 {
		_, err := s.single(def+1, rep+1, depth+1)
		if err == nil {
			err = unreadable{"it is a map without keys and values"}
		}
		return nil, err
	}
	s.next++
	key, keyErr := s.node(def+1, rep+1, depth+1)
	if keyErr != nil && !errors.As(keyErr, new(unreadable)) {
		return nil, keyErr
	}
	val, err := s.node(def+1, rep+1, depth+1)
	switch {
	case err != nil:
		return nil, within("its values", err)
	case keyErr != nil:
		return nil, within("its keys", keyErr)
	case key.typ.Kind != value.KindString:
		return nil, unreadable{fmt.Sprintf("it is a map whose keys are %s; keys of maps are strings", key.typ)}
	}
	return &node{name: e.Name, shape: shapeMap, typ: value.MapOf(val.typ), def: def, elemDef: def + 1, rep: rep + 1, children: []*node{key, val}, first: key.first}, nil
}

func within(what string, err error) error {
	var why unreadable
	if errors.As(err, &why) {
		return unreadable{what + ": " + why.why}
	}
	return err
}

// untyped reports whether something in the node is of no type.
func (n *node) untyped() (yes bool) {
	n.leaves(func(l *leaf) { yes = yes || l.conv.kind == cNothing })
	return yes
}

// leaves calls f for each leaf of the node, in order.
func (n *node) leaves(f func(*leaf)) {
	if n.leaf != nil {
		f(n.leaf)
	}
	for _, c := range n.children {
		c.leaves(f)
	}
}
