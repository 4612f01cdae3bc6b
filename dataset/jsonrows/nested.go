package jsonrows

import (
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// refusal carries an error of Options.Unknown past what is made of the scanner's.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }

// nested reads lists, maps and structs. Within them a text that is not UTF-8 makes the whole cell null, counted; a number that cannot be
// kept is a null within, counted.
type nested struct {
	strict  bool
	unknown func(key string) error

	b     *cell.Builder
	utf8  bool
	slots int // that structs of this object may still have

	// Of the value that is not of its type: its type, and the path to it within the cell.
	bad    *value.Type
	within string
	at     int
}

// slotsOf bounds the fields of all structs of an object: memory is a small multiple of its length, though its structs be empty.
func slotsOf(text []byte) int { return 1<<16 + 2*len(text) }

// cell reads the next value, an array or an object, into the column.
func (n *nested) cell(s *scanner, b *cell.Builder) error {
	switch b.Type().Kind {
	case value.KindList, value.KindMap, value.KindStruct:
	default:
		if err := s.skip(1); err != nil {
			return err
		}
		return cell.ErrType
	}
	n.b, n.utf8, n.within = b, true, ""
	from := s.i
	v, err := n.value(s, b.Type(), b.Name(), 1)
	if err == cell.ErrType { // the scanner stands within the value: pass over the whole, which may itself be malformed
		s.i = from
		if err := s.skip(1); err != nil {
			return err
		}
	}
	switch {
	case err != nil:
		return err
	case !n.utf8:
		b.Undo(b.Len()) // one reason is enough for one cell
		return b.Lose(dataset.InvalidUTF8)
	}
	b.Value(v)
	return nil
}

func (n *nested) value(s *scanner, t value.Type, path string, depth int) (value.Value, error) {
	kind, err := s.kind()
	if err != nil {
		return value.Value{}, err
	}
	from := s.i
	v, err := n.valueOf(s, kind, t, path, depth)
	if err == cell.ErrType && n.bad == nil {
		n.bad, n.at = &t, from
	}
	return v, err
}

func (n *nested) valueOf(s *scanner, kind tokenKind, t value.Type, path string, depth int) (value.Value, error) {
	switch kind {
	case jString:
		text, err := s.string()
		if err != nil {
			return value.Value{}, err
		}
		return n.text(t, text)
	case jArray:
		if t.Kind != value.KindList {
			return value.Value{}, cell.ErrType
		}
		return n.list(s, t, path, depth)
	case jObject:
		switch t.Kind {
		case value.KindMap:
			return n.entries(s, t, path, depth)
		case value.KindStruct:
			return n.fields(s, t, path, depth)
		}
		return value.Value{}, cell.ErrType
	}
	w, err := s.word()
	if err != nil {
		return value.Value{}, err
	}
	switch {
	case kind == jNull:
		return value.Value{}, nil
	case kind == jBool && t.Kind == value.KindBool:
		return value.OfBool(w[0] == 't'), nil
	case kind == jNumber:
		return n.number(t, w)
	}
	return value.Value{}, cell.ErrType
}

func (n *nested) list(s *scanner, t value.Type, path string, depth int) (value.Value, error) {
	var elems []value.Value
	err := s.array(depth, func() error {
		v, err := n.value(s, *t.Elem, path, depth+1)
		elems = append(elems, v)
		return n.passing(err, "[]")
	})
	return value.OfList(elems), err
}

func (n *nested) entries(s *scanner, t value.Type, path string, depth int) (value.Value, error) {
	var entries []value.Entry
	seen := map[string]bool{}
	err := s.object(depth, func(key []byte) error {
		k := n.string(key)
		if seen[k] {
			return fmt.Errorf("key %q stands twice", key)
		}
		seen[k] = true
		v, err := n.value(s, *t.Elem, path, depth+1)
		entries = append(entries, value.Entry{Key: k, Value: v})
		return n.passing(err, "[]")
	})
	return value.OfMap(entries), err
}

func (n *nested) fields(s *scanner, t value.Type, path string, depth int) (value.Value, error) {
	if n.slots -= len(t.Fields); n.slots < 0 {
		return value.Value{}, errors.New("it holds more structs than its text should make")
	}
	fields := make([]value.Entry, len(t.Fields))
	seen := value.NewBitmap(len(t.Fields))
	for i, f := range t.Fields {
		fields[i].Key = f.Name
	}
	err := s.object(depth, func(key []byte) (err error) {
		i := fieldOf(t.Fields, key)
		switch {
		case i < 0:
			if n.unknown != nil {
				if err := n.unknown(path + "." + string(key)); err != nil {
					return &refusal{err}
				}
			}
			return s.skip(depth + 1)
		case seen.Get(i):
			return fmt.Errorf("key %q stands twice", key)
		}
		seen.Set(i)
		within := path
		if n.unknown != nil {
			within += "." + t.Fields[i].Name
		}
		fields[i].Value, err = n.value(s, t.Fields[i].Type, within, depth+1)
		return n.passing(err, "."+t.Fields[i].Name)
	})
	return value.OfStruct(fields), err
}

// passing notes the way to a value that is not of its type.
func (n *nested) passing(err error, by string) error {
	if err == cell.ErrType {
		n.within = by + n.within
	}
	return err
}

func fieldOf(fields []value.Field, key []byte) int {
	for i := range fields {
		if fields[i].Name == string(key) {
			return i
		}
	}
	return -1
}

// string keeps a text, and remembers that it was not UTF-8.
func (n *nested) string(text []byte) string {
	n.utf8 = n.utf8 && utf8.Valid(text)
	return string(text)
}

func (n *nested) text(t value.Type, text []byte) (value.Value, error) {
	ms, ok := int64(0), false
	switch t.Kind {
	case value.KindString:
		return value.OfString(n.string(text)), nil
	case value.KindInt:
		return n.number(t, text)
	case value.KindBytes:
		raw, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return value.Value{}, cell.ErrType
		}
		return value.OfBytes(raw), nil
	case value.KindDate:
		days, ok := cell.ParseDay(text)
		if !ok {
			return value.Value{}, cell.ErrType
		}
		return n.kept(value.OfDate(days), dataset.OutOfRange), nil
	case value.KindTimestamp:
		if n.strict {
			ms, ok = cell.ParseRFC3339(text)
		} else {
			ms, ok = cell.ParseStamp(text)
		}
	}
	if !ok {
		return value.Value{}, cell.ErrType
	}
	return n.kept(value.OfTimestamp(ms), dataset.OutOfRange), nil
}

// kept counts a value that became null.
func (n *nested) kept(v value.Value, why dataset.Reason) value.Value {
	if v.IsNull() {
		n.b.LoseWithin(why)
	}
	return v
}

// number reads a number; integers that are times count the column's unit, and without one milliseconds.
func (n *nested) number(t value.Type, w []byte) (value.Value, error) {
	switch t.Kind {
	case value.KindFloat:
		f, state := cell.ParseFloat(w)
		switch state {
		case cell.NotNumber:
			return value.Value{}, cell.ErrType
		case cell.TooLarge:
			return n.kept(value.Value{}, dataset.NonFinite), nil
		}
		return value.OfFloat(f), nil
	case value.KindInt, value.KindTimestamp:
		i, state := cell.ParseInt(w)
		switch {
		case state == cell.NotNumber:
			return value.Value{}, cell.ErrType
		case state == cell.TooLarge:
			return n.kept(value.Value{}, dataset.Overflow), nil
		case t.Kind == value.KindTimestamp:
			return n.kept(value.OfTimestamp(n.b.Unit().Millis(i)), dataset.OutOfRange), nil
		}
		return value.OfInt(i), nil
	}
	return value.Value{}, cell.ErrType
}
