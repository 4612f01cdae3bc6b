package jsonrows

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// Inference gives a type to each key of objects: what its values are. The zero Inference has seen none.
type Inference struct{ root guess }

// Add looks at one object.
func (n *Inference) Add(text []byte) error {
	s := &scanner{b: text}
	kind, err := s.kind()
	if err == nil && kind != jObject {
		err = errors.New("not an object")
	}
	if err == nil {
		err = n.root.look(s, 0)
	}
	if s.space(); err == nil && s.i < len(s.b) {
		err = errors.New("text after the object")
	}
	if err != nil {
		return &Malformed{s.i, err}
	}
	return nil
}

// Schema is the columns so far in the order of first sight: ints and floats together are floats, strings that are all dates or all times
// are such, a key without a value is a string.
func (n *Inference) Schema() value.Schema { return n.root.typ().Fields }

// guess is the type of the values of a key so far.
type guess struct {
	name   string
	kind   tokenKind
	some   bool
	float  bool // a number with a fraction or exponent, or not finite
	date   bool // all strings are dates
	stamp  bool // all strings are times
	elem   *guess
	fields []*guess
}

func (g *guess) typ() value.Type {
	if !g.some {
		return value.String
	}
	switch g.kind {
	case jBool:
		return value.Bool
	case jNumber:
		if g.float {
			return value.Float
		}
		return value.Int
	case jArray:
		return value.ListOf(g.elem.typ())
	case jObject:
		t := value.StructOf()
		for _, f := range g.fields {
			t.Fields = append(t.Fields, value.Field{Name: f.name, Type: f.typ()})
		}
		return t
	}
	switch {
	case g.date:
		return value.Date
	case g.stamp:
		return value.Timestamp
	}
	return value.String
}

func (g *guess) field(name string) *guess {
	for _, f := range g.fields {
		if f.name == name {
			return f
		}
	}
	f := &guess{name: name}
	g.fields = append(g.fields, f)
	return f
}

// look widens the guess by the next value.
func (g *guess) look(s *scanner, depth int) error {
	kind, err := s.kind()
	if err != nil {
		return err
	}
	if kind != jNull && g.some && g.kind != kind {
		return fmt.Errorf("column %q is of one kind of value here and of another before; declare its type with columns=", g.name)
	}
	switch kind {
	case jNull:
		_, err = s.word()
		return err
	case jBool:
		_, err = s.word()
	case jNumber:
		var w []byte
		w, err = s.word()
		g.float = g.float || bytes.ContainsAny(w, ".eENI")
	case jString:
		var text []byte
		text, err = s.string()
		_, date := cell.ParseDay(text)
		_, stamp := cell.ParseStamp(text)
		g.date, g.stamp = date && (g.date || !g.some), stamp && (g.stamp || !g.some)
	case jArray:
		if g.elem == nil {
			g.elem = &guess{name: g.name}
		}
		err = s.array(depth, func() error { return g.elem.look(s, depth+1) })
	case jObject:
		err = s.object(depth, func(key []byte) error { return g.field(string(key)).look(s, depth+1) })
	}
	g.kind, g.some = kind, true
	return err
}
