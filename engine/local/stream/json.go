package stream

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner walks JSON strictly (RFC 8259): what a row may be decides its decoder.
type scanner struct {
	b []byte
	i int
}

// deepest is how far a row may be nested.
const deepest = 64

var errCut = errors.New("the JSON ends within a value")

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

// peek is the next byte that is no space; 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i >= len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) expect(c byte) error {
	switch got := s.peek(); {
	case s.i >= len(s.b):
		return errCut
	case got != c:
		return fmt.Errorf("no JSON: %q at byte %d, where %q belongs", got, s.i+1, c)
	}
	s.i++
	return nil
}

// elements walks what stands between brackets; visit takes one.
func (s *scanner) elements(open, end byte, depth int, visit func() error) error {
	if depth > deepest {
		return fmt.Errorf("nested deeper than %d", deepest)
	}
	if err := s.expect(open); err != nil {
		return err
	}
	if s.peek() == end {
		s.i++
		return nil
	}
	for {
		if err := visit(); err != nil {
			return err
		}
		if s.peek() != ',' {
			return s.expect(end)
		}
		s.i++
	}
}

// object walks the entries of an object; visit takes the value.
func (s *scanner) object(depth int, visit func(key []byte) error) error {
	return s.elements('{', '}', depth, func() error {
		if s.peek() != '"' {
			return s.expect('"')
		}
		key, err := s.text()
		if err == nil {
			err = s.expect(':')
		}
		if err != nil {
			return err
		}
		s.space()
		return visit(key)
	})
}

// text reads a string: a view of the JSON, where nothing is escaped.
func (s *scanner) text() ([]byte, error) {
	from := s.i + 1
	for i := from; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return s.b[from:i], nil
		case c == '\\':
			return s.escaped(from, i)
		case c < ' ':
			return nil, fmt.Errorf("no JSON: control character 0x%02x within a string", c)
		}
	}
	return nil, errCut
}

func (s *scanner) escaped(from, i int) ([]byte, error) {
	out := bytes.Clone(s.b[from:i])
	for i < len(s.b) {
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return out, nil
		case c < ' ':
			return nil, fmt.Errorf("no JSON: control character 0x%02x within a string", c)
		case c != '\\':
			out = append(out, c)
			i++
		case i+1 >= len(s.b):
			return nil, errCut
		case s.b[i+1] == 'u':
			r, n, err := s.unicode(i)
			if err != nil {
				return nil, err
			}
			out, i = utf8.AppendRune(out, r), i+n
		default:
			at := bytes.IndexByte([]byte(`"\/bfnrt`), s.b[i+1])
			if at < 0 {
				return nil, fmt.Errorf(`no JSON: unknown escape \%c`, s.b[i+1])
			}
			out = append(out, "\"\\/\b\f\n\r\t"[at])
			i += 2
		}
	}
	return nil, errCut
}

// unicode reads \uXXXX, and a pair of them that is one character.
func (s *scanner) unicode(i int) (r rune, n int, err error) {
	if r, err = s.hex(i); err != nil || !utf16.IsSurrogate(r) {
		return r, 6, err
	}
	if i+6 < len(s.b) && s.b[i+6] == '\\' {
		low, err := s.hex(i + 6)
		if err != nil {
			return 0, 0, err
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, 12, nil
		}
	}
	return 0, 0, errors.New("no UTF-8: half a surrogate pair")
}

func (s *scanner) hex(i int) (rune, error) {
	if i+6 > len(s.b) {
		return 0, errCut
	}
	r := rune(0)
	for _, c := range s.b[i+2 : i+6] {
		d := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if d < 0 || c < '0' {
			return 0, fmt.Errorf("no JSON: bad escape %q", s.b[i:i+6])
		}
		r = r<<4 | rune(d)
	}
	return r, nil
}

// word reads null, true, false or a number.
func (s *scanner) word() ([]byte, error) {
	from := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '+' && c != '.' {
			break
		}
		s.i++
	}
	w := s.b[from:s.i]
	switch {
	case len(w) == 0 && s.i >= len(s.b):
		return nil, errCut
	case len(w) == 0:
		return nil, fmt.Errorf("no JSON: %q at byte %d, where a value belongs", s.b[s.i], s.i+1)
	case string(w) == "null", string(w) == "true", string(w) == "false", isNumber(w):
		return w, nil
	}
	return nil, fmt.Errorf("no JSON: %.40q", w)
}

// isNumber checks -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?.
func isNumber(w []byte) bool {
	i := 0
	digits := func() bool {
		from := i
		for i < len(w) && w[i] >= '0' && w[i] <= '9' {
			i++
		}
		return i > from
	}
	is := func(set string) bool {
		ok := i < len(w) && bytes.IndexByte([]byte(set), w[i]) >= 0
		if ok {
			i++
		}
		return ok
	}
	is("-")
	if !is("0") && !digits() || is(".") && !digits() {
		return false
	}
	if is("eE") {
		is("+-")
		if !digits() {
			return false
		}
	}
	return i == len(w)
}

// skip passes over a value, checking it, and gives its bytes.
func (s *scanner) skip(depth int) ([]byte, error) {
	c, err := s.peek(), error(nil)
	from := s.i
	switch c {
	case '"':
		_, err = s.text()
	case '{':
		err = s.object(depth, func([]byte) error { _, err := s.skip(depth + 1); return err })
	case '[':
		err = s.elements('[', ']', depth, func() error { _, err := s.skip(depth + 1); return err })
	default:
		_, err = s.word()
	}
	return s.b[from:s.i], err
}
