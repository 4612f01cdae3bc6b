package parquet

import (
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/dataset/parquet/format"
	"github.com/bighead-ml/bighead/value"
)

// shredder takes a column apart into leaves (Dremel's striping), and writes its part of the schema.
type shredder struct {
	root   *out
	leaves []*leafWriter
}

// out is a node of what is written: every node is optional but a map's keys.
type out struct {
	name     string
	typ      value.Type
	required bool
	def      int // the level at which it is there
	rep      int // of a list or map: the level of its elements
	children []*out
	leaf     *leafWriter
}

func newShredder(f value.Field, compression string) (*shredder, error) {
	s := &shredder{}
	var err error
	s.root, err = s.node(f.Name, f.Type, nil, 0, 0, false, compression)
	return s, err
}

func (s *shredder) node(name string, t value.Type, path []string, def, rep int, required bool, compression string) (*out, error) {
	path = append(slices.Clip(path), name)
	if !required {
		def++
	}
	n := &out{name: name, typ: t, required: required, def: def}
	child := func(name string, t value.Type, path []string, def, rep int, required bool) error {
		c, err := s.node(name, t, path, def, rep, required, compression)
		n.children = append(n.children, c)
		return err
	}
	switch t.Kind {
	case value.KindNull:
		return nil, fmt.Errorf("it has no type; cast the null to one")
	case value.KindList:
		n.rep = rep + 1
		return n, child("element", *t.Elem, append(slices.Clip(path), "list"), def+1, n.rep, false)
	case value.KindMap:
		n.rep = rep + 1
		if err := child("key", value.String, append(slices.Clip(path), "key_value"), def+1, n.rep, true); err != nil {
			return nil, err
		}
		return n, child("value", *t.Elem, append(slices.Clip(path), "key_value"), def+1, n.rep, false)
	case value.KindStruct:
		if len(t.Fields) == 0 {
			return nil, fmt.Errorf("a struct without fields cannot stand in Parquet")
		}
		for _, f := range t.Fields {
			if err := child(f.Name, f.Type, path, def, rep, false); err != nil {
				return nil, err
			}
		}
		return n, nil
	}
	n.leaf = &leafWriter{path: path, kind: t.Kind, maxDef: def, maxRep: rep, room: roomFor(t.Kind)}
	var err error
	n.leaf.codec, n.leaf.compress, err = compressor(compression, t.Kind)
	n.leaf.reset()
	s.leaves = append(s.leaves, n.leaf)
	return n, err
}

// add adds rows [at, to) of a column.
func (s *shredder) add(c *value.Column, at, to int) error {
	if s.root.leaf != nil {
		return s.root.leaf.column(c, at, to)
	}
	for i := at; i < to; i++ {
		s.root.write(c.At(i), 0)
		full := false
		for _, l := range s.leaves {
			full = full || l.full()
		}
		if !full {
			continue
		}
		for _, l := range s.leaves {
			if err := l.endPage(); err != nil {
				return err
			}
		}
	}
	return nil
}

// write adds one value at a repetition level.
func (n *out) write(v value.Value, rep int) {
	if v.IsNull() {
		n.absent(n.def-1, rep)
		return
	}
	switch n.typ.Kind {
	case value.KindList, value.KindMap:
		if v.Len() == 0 {
			n.absent(n.def, rep)
		}
		for i := range v.Len() {
			if n.typ.Kind == value.KindMap {
				n.children[0].write(value.OfString(v.KeyAt(i)), rep)
			}
			n.children[len(n.children)-1].write(v.At(i), rep)
			rep = n.rep
		}
	case value.KindStruct:
		for i, c := range n.children {
			c.write(v.At(i), rep)
		}
	default:
		n.leaf.entry(byte(n.def), byte(rep))
		n.leaf.value(v)
	}
}

// absent adds the entry that all leaves below something null or empty have.
func (n *out) absent(def, rep int) {
	if n.leaf != nil {
		n.leaf.null(byte(def), byte(rep))
	}
	for _, c := range n.children {
		c.absent(def, rep)
	}
}

func (s *shredder) elements() int { return s.root.elements() }

func (n *out) elements() int {
	count := 1
	if n.rep > 0 {
		count++ // the repeated group
	}
	for _, c := range n.children {
		count += c.elements()
	}
	return count
}

func (s *shredder) writeSchema(t *format.Writer) { s.root.schema(t) }

// schema writes the node's elements, depth first.
func (n *out) schema(t *format.Writer) {
	repetition := int32(format.Optional)
	if n.required {
		repetition = format.Required
	}
	t.Begin()
	switch n.typ.Kind {
	case value.KindList:
		n.group(t, repetition, 1, 3, 3)
		n.repeatedGroup(t, "list", 1)
	case value.KindMap:
		n.group(t, repetition, 1, 1, 2)
		n.repeatedGroup(t, "key_value", 2)
	case value.KindStruct:
		n.group(t, repetition, len(n.children), -1, 0)
	default:
		n.leafSchema(t, repetition)
	}
	for _, c := range n.children {
		c.schema(t)
	}
}

// group ends the element of a group; converted −1 and logical 0 are none.
func (n *out) group(t *format.Writer, repetition int32, children int, converted int32, logical int) {
	t.I32(3, repetition)
	t.Binary(4, n.name)
	t.I32(5, int32(children))
	if converted >= 0 {
		t.I32(6, converted)
		t.Structure(10, func() { t.Structure(logical, func() {}) })
	}
	t.End()
}

func (n *out) repeatedGroup(t *format.Writer, name string, children int32) {
	t.Begin()
	t.I32(3, format.Repeated)
	t.Binary(4, name)
	t.I32(5, children)
	t.End()
}

func (n *out) leafSchema(t *format.Writer, repetition int32) {
	t.I32(1, int32(n.leaf.physical()))
	t.I32(3, repetition)
	t.Binary(4, n.name)
	switch n.typ.Kind {
	case value.KindString:
		t.I32(6, 0)
		t.Structure(10, func() { t.Structure(1, func() {}) })
	case value.KindTimestamp:
		t.I32(6, 9)
		t.Structure(10, func() {
			t.Structure(8, func() {
				t.Boolean(1, true)
				t.Structure(2, func() { t.Structure(1, func() {}) })
			})
		})
	case value.KindDate:
		t.I32(6, 6)
		t.Structure(10, func() { t.Structure(6, func() {}) })
	}
	t.End()
}
