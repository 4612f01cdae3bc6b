package http

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON text by RFC 8259, strictly. Its first error stays; methods after it do nothing and report false.
type scanner struct {
	s     string
	i     int
	depth int
	err   error
}

// maxDepth bounds nesting: no type that a definition can declare is nested deeper.
const maxDepth = 64

func (p *scanner) fail(format string, args ...any) bool {
	if p.err == nil {
		p.err = fmt.Errorf(format+", at byte %d", append(args, p.i+1)...)
	}
	return false
}

func (p *scanner) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\n', '\r', '\t':
			p.i++
		default:
			return
		}
	}
}

// peek is the first byte of the next token; 0 at the end.
func (p *scanner) peek() byte {
	p.space()
	if p.i >= len(p.s) || p.err != nil {
		return 0
	}
	return p.s[p.i]
}

// found says what stands at the next byte, for messages.
func (p *scanner) found() string {
	if p.peek() == 0 {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.s[p.i:])
	return fmt.Sprintf("%q", string(r))
}

// take reads one byte of punctuation.
func (p *scanner) take(c byte) bool {
	if p.peek() != c {
		return p.fail("%q is expected, not %s", string(c), p.found())
	}
	p.i++
	return true
}

// open and close read the brackets of an object or array.
func (p *scanner) open(c byte) bool {
	if p.depth++; p.depth > maxDepth {
		return p.fail("nested deeper than %d", maxDepth)
	}
	return p.take(c)
}

// more reports whether another element follows, reading what parts it from the one before; without one it reads the end.
func (p *scanner) more(first bool, end byte) bool {
	switch c := p.peek(); {
	case c == end:
		p.i++
		p.depth--
		return false
	case first && c != 0:
		return true
	case c != ',':
		return p.fail(`"," or %q is expected, not %s`, string(end), p.found())
	}
	p.i++
	if c := p.peek(); c == end {
		return p.fail("a comma before %q", string(end))
	}
	return true
}

// key reads a name and its colon.
func (p *scanner) key() (string, bool) {
	if p.peek() != '"' {
		return "", p.fail("a name in quotes is expected, not %s", p.found())
	}
	name, ok := p.text()
	return name, ok && p.take(':')
}

// text reads a string. Without escapes it is a part of the input and costs nothing.
func (p *scanner) text() (string, bool) {
	if !p.take('"') {
		return "", false
	}
	from := p.i
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			s := p.s[from:p.i]
			p.i++
			if !utf8.ValidString(s) {
				return "", p.fail("a string that is not UTF-8")
			}
			return s, true
		case c == '\\':
			return p.escaped(from)
		case c < ' ':
			return "", p.fail("a control character in a string")
		}
		p.i++
	}
	return "", p.fail("a string without an end")
}

// escaped reads the rest of a string that has escapes.
func (p *scanner) escaped(from int) (string, bool) {
	var b strings.Builder
	b.WriteString(p.s[from:p.i])
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			if !utf8.ValidString(b.String()) {
				return "", p.fail("a string that is not UTF-8")
			}
			return b.String(), true
		case c == '\\':
			r, ok := p.escape()
			if !ok {
				return "", false
			}
			b.WriteRune(r)
			continue
		case c < ' ':
			return "", p.fail("a control character in a string")
		}
		b.WriteByte(c)
		p.i++
	}
	return "", p.fail("a string without an end")
}

const plainEscapes = `"\/bfnrt`

// escape reads one escape. Half of a surrogate pair is no character.
func (p *scanner) escape() (rune, bool) {
	if p.i+1 >= len(p.s) {
		return 0, p.fail("a string without an end")
	}
	c := p.s[p.i+1]
	if k := strings.IndexByte(plainEscapes, c); k >= 0 {
		p.i += 2
		return rune("\"\\/\b\f\n\r\t"[k]), true
	}
	if c != 'u' {
		return 0, p.fail("an escape that is none")
	}
	r, ok := p.hex()
	if ok && utf16.IsSurrogate(r) {
		var low rune
		if !strings.HasPrefix(p.s[p.i:], `\u`) {
			return 0, p.fail("half of a surrogate pair")
		}
		low, ok = p.hex()
		if r = utf16.DecodeRune(r, low); ok && r == utf8.RuneError {
			return 0, p.fail("half of a surrogate pair")
		}
	}
	return r, ok
}

// hex reads \uXXXX.
func (p *scanner) hex() (rune, bool) {
	if p.i+6 > len(p.s) {
		return 0, p.fail("an escape cut short")
	}
	var r rune
	for _, c := range []byte(p.s[p.i+2 : p.i+6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, p.fail("an escape that is none")
		}
		r = r<<4 | rune(c)
	}
	p.i += 6
	return r, true
}

// number reads a number as it is written.
func (p *scanner) number() (string, bool) {
	p.space()
	from := p.i
	p.byte('-')
	if !p.byte('0') && !p.digits() {
		return "", p.fail("a value is expected, not %s", p.found())
	}
	if p.byte('.') && !p.digits() {
		return "", p.fail("a number without digits behind its point")
	}
	if p.byte('e') || p.byte('E') {
		if !p.byte('+') {
			p.byte('-')
		}
		if !p.digits() {
			return "", p.fail("a number without digits in its exponent")
		}
	}
	return p.s[from:p.i], true
}

func (p *scanner) byte(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *scanner) digits() bool {
	from := p.i
	for p.i < len(p.s) && '0' <= p.s[p.i] && p.s[p.i] <= '9' {
		p.i++
	}
	return p.i > from
}

// word reads null, true or false.
func (p *scanner) word(w string) bool {
	if !strings.HasPrefix(p.s[p.i:], w) {
		return p.fail("a value is expected, not %s", p.found())
	}
	p.i += len(w)
	return true
}

// skip reads any value and gives its text.
func (p *scanner) skip() (string, bool) {
	p.space()
	from := p.i
	ok := p.value()
	return p.s[from:p.i], ok
}

func (p *scanner) value() bool {
	var ok bool
	switch p.peek() {
	case '{':
		ok = p.open('{')
		for first := true; ok && p.more(first, '}'); first = false {
			if _, ok = p.key(); ok {
				ok = p.value()
			}
		}
	case '[':
		ok = p.open('[')
		for first := true; ok && p.more(first, ']'); first = false {
			ok = p.value()
		}
	case '"':
		_, ok = p.text()
	case 'n':
		ok = p.word("null")
	case 't':
		ok = p.word("true")
	case 'f':
		ok = p.word("false")
	default:
		_, ok = p.number()
	}
	return ok && p.err == nil
}

// end reports whether nothing is left.
func (p *scanner) end() bool {
	if p.peek() != 0 || p.i < len(p.s) {
		return p.fail("more after the end: %s", p.found())
	}
	return p.err == nil
}
