package jsonrows

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner walks one JSON text strictly (RFC 8259), but for NaN, Infinity and -Infinity, which it takes as numbers.
type scanner struct {
	b []byte
	i int
}

// tokenKind is what a JSON value is, by its first byte.
type tokenKind int

const (
	jNull tokenKind = iota
	jBool
	jNumber
	jString
	jArray
	jObject
)

var errEnd = errors.New("it ends within a value")

// maxJSONDepth bounds nesting.
const maxJSONDepth = 64

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\r' || s.b[s.i] == '\n') {
		s.i++
	}
}

func (s *scanner) peek() byte {
	s.space()
	if s.i >= len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) expect(c byte) error {
	if got := s.peek(); got != c {
		if s.i >= len(s.b) {
			return errEnd
		}
		return fmt.Errorf("%q where %q belongs", got, c)
	}
	s.i++
	return nil
}

// object walks the entries of an object; visit must consume the value.
func (s *scanner) object(depth int, visit func(key []byte) error) error {
	if depth > maxJSONDepth {
		return fmt.Errorf("nested deeper than %d", maxJSONDepth)
	}
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := visit(key); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.i++
			continue
		}
		return s.expect('}')
	}
}

// key reads the key of an entry and the colon after it.
func (s *scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.expect('"')
	}
	key, err := s.string()
	if err != nil {
		return nil, err
	}
	return key, s.expect(':')
}

// array walks the elements of an array; visit must consume the value.
func (s *scanner) array(depth int, visit func() error) error {
	if depth > maxJSONDepth {
		return fmt.Errorf("nested deeper than %d", maxJSONDepth)
	}
	if err := s.expect('['); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		if err := visit(); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.i++
			continue
		}
		return s.expect(']')
	}
}

// string reads a string: a view of the text, or a copy where escapes were undone. That it is UTF-8 is not checked, but for escapes: a
// lone surrogate becomes bytes that are not UTF-8, so that it is found like any other.
func (s *scanner) string() ([]byte, error) {
	from := s.i + 1
	for i := from; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return s.b[from:i], nil
		case c == '\\':
			return s.escaped(from, i)
		case c < ' ':
			return nil, fmt.Errorf("control character 0x%02x within a string", c)
		}
	}
	return nil, errEnd
}

func (s *scanner) escaped(from, i int) ([]byte, error) {
	out := append([]byte(nil), s.b[from:i]...)
	for i < len(s.b) {
		c := s.b[i]
		switch {
		case c == '"':
			s.i = i + 1
			return out, nil
		case c < ' ':
			return nil, fmt.Errorf("control character 0x%02x within a string", c)
		case c != '\\':
			out = append(out, c)
			i++
			continue
		case i+1 >= len(s.b):
			return nil, errEnd
		}
		e := s.b[i+1]
		if e == 'u' {
			var err error
			if out, i, err = s.unicode(out, i); err != nil {
				return nil, err
			}
			continue
		}
		at := bytes.IndexByte([]byte(`"\/bfnrt`), e)
		if at < 0 {
			return nil, fmt.Errorf(`unknown escape \%c`, e)
		}
		out = append(out, "\"\\/\b\f\n\r\t"[at])
		i += 2
	}
	return nil, errEnd
}

// unicode undoes \uXXXX, and a pair of them that is one character.
func (s *scanner) unicode(out []byte, i int) ([]byte, int, error) {
	u, err := s.hex(i)
	if err != nil {
		return nil, 0, err
	}
	i += 6
	if !utf16.IsSurrogate(u) {
		return utf8.AppendRune(out, u), i, nil
	}
	if i+6 <= len(s.b) && s.b[i] == '\\' && s.b[i+1] == 'u' {
		low, err := s.hex(i)
		if err != nil {
			return nil, 0, err
		}
		if r := utf16.DecodeRune(u, low); r != utf8.RuneError {
			return utf8.AppendRune(out, r), i + 6, nil
		}
	}
	return append(out, 0xff), i, nil
}

func (s *scanner) hex(i int) (rune, error) {
	if i+6 > len(s.b) {
		return 0, errEnd
	}
	u, err := strconv.ParseUint(string(s.b[i+2:i+6]), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("bad escape %q", s.b[i:i+6])
	}
	return rune(u), nil
}

// kind tells the next value's kind by its first byte.
func (s *scanner) kind() (tokenKind, error) {
	switch c := s.peek(); {
	case c == '"':
		return jString, nil
	case c == '{':
		return jObject, nil
	case c == '[':
		return jArray, nil
	case c == 't' || c == 'f':
		return jBool, nil
	case c == 'n':
		return jNull, nil
	case c == '-' || c >= '0' && c <= '9' || c == 'N' || c == 'I':
		return jNumber, nil
	case s.i >= len(s.b):
		return 0, errEnd
	default:
		return 0, fmt.Errorf("%q where a value belongs", c)
	}
}

// word reads null, true, false or a number as text.
func (s *scanner) word() ([]byte, error) {
	s.space()
	from := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '+' && c != '.' {
			break
		}
		s.i++
	}
	w := s.b[from:s.i]
	switch string(w) {
	case "null", "true", "false", "NaN", "Infinity", "-Infinity":
		return w, nil
	}
	if !jsonNumber(w) {
		return nil, fmt.Errorf("%.40q is no value of JSON", w)
	}
	return w, nil
}

// jsonNumber checks -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?.
func jsonNumber(w []byte) bool {
	i := 0
	digits := func() bool {
		from := i
		for i < len(w) && w[i] >= '0' && w[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(w) && w[i] == '-' {
		i++
	}
	zero := i < len(w) && w[i] == '0'
	from := i
	if !digits() || zero && i > from+1 {
		return false
	}
	if i < len(w) && w[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(w) && (w[i] == 'e' || w[i] == 'E') {
		i++
		if i < len(w) && (w[i] == '-' || w[i] == '+') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(w)
}

// skip passes over a value, checking it.
func (s *scanner) skip(depth int) error {
	kind, err := s.kind()
	if err != nil {
		return err
	}
	switch kind {
	case jString:
		_, err = s.string()
	case jObject:
		err = s.object(depth, func([]byte) error { return s.skip(depth + 1) })
	case jArray:
		err = s.array(depth, func() error { return s.skip(depth + 1) })
	default:
		_, err = s.word()
	}
	return err
}
