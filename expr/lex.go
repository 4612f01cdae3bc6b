package expr

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what the lexer tells apart.
type tokenKind uint8

const (
	tokEnd    tokenKind = iota
	tokName             // a bare word: column, function or keyword
	tokQuoted           // "column" or `column`
	tokInt
	tokFloat
	tokText  // 'text'
	tokBytes // x'00ff'
	tokOp    // an operator or punctuation
)

type token struct {
	kind       tokenKind
	text       string // words as written, quoted things unquoted, operators as written
	start, end int
}

// is reports whether the token is the keyword or operator, whatever its case.
func (t token) is(word string) bool {
	return (t.kind == tokName || t.kind == tokOp) && strings.EqualFold(t.text, word)
}

// MaxText is the longest text that is parsed, in bytes.
const MaxText = 1 << 20

// lexer cuts the source into tokens, one ahead of the parser.
type lexer struct {
	src string
	pos int
}

// operators, longest first.
var operators = []string{"<=", ">=", "<>", "!=", "||", "::", "==", "&&", "(", ")", "[", "]", ",", ".", "+", "-", "*", "/", "%", "=", "<", ">", "!"}

func (l *lexer) next() (token, *Error) {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	if start == len(l.src) {
		return token{kind: tokEnd, start: start, end: start}, nil
	}
	rest := l.src[start:]
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*"):
		return token{}, syntax(start, start+2, "comments are not part of an expression", "put the comment beside the definition; for minus of minus write - -x")
	case c == '\'' || c == '"' || c == '`':
		return l.quoted(start, c)
	case (c == 'x' || c == 'X') && strings.HasPrefix(rest[1:], "'"):
		l.pos++
		t, err := l.quoted(start, '\'')
		t.kind = tokBytes
		return t, err
	case c >= '0' && c <= '9' || c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		return l.number(start)
	}
	if r, _ := utf8.DecodeRuneInString(rest); r == '_' || unicode.IsLetter(r) {
		return l.word(start), nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			return token{tokOp, op, start, l.pos}, nil
		}
	}
	r, n := utf8.DecodeRuneInString(rest)
	return token{}, syntax(start, start+n, fmt.Sprintf("unexpected character %q", r), cureOfCharacter(r))
}

func cureOfCharacter(r rune) string {
	switch r {
	case '‘', '’', '“', '”':
		return "write text between straight single quotes: 'text'"
	case ';':
		return "an expression has no semicolon"
	case '{', '$', ':', '?', '@':
		return "an expression has no parameters; write the value"
	case '^':
		return "write pow(x, y)"
	case '≥', '≤', '≠':
		return "write >=, <= or <>"
	case '\\':
		return "a backslash stands only inside quotes"
	}
	return ""
}

func (l *lexer) word(start int) token {
	for l.pos < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		l.pos += n
	}
	return token{tokName, l.src[start:l.pos], start, l.pos}
}

// quoted reads up to the closing quote; a doubled quote stands for one.
func (l *lexer) quoted(start int, quote byte) (token, *Error) {
	kind := tokQuoted
	if quote == '\'' {
		kind = tokText
	}
	var b strings.Builder
	for i := l.pos + 1; ; {
		n := strings.IndexByte(l.src[i:], quote)
		if n < 0 {
			return token{}, syntax(start, len(l.src), fmt.Sprintf("the quote %c is never closed", quote), fmt.Sprintf("add %c; to have one inside, double it", quote))
		}
		b.WriteString(l.src[i : i+n])
		i += n + 1
		if i == len(l.src) || l.src[i] != quote {
			l.pos = i
			break
		}
		b.WriteByte(quote)
		i++
	}
	t := token{kind, b.String(), start, l.pos}
	if kind == tokQuoted && t.text == "" {
		return t, syntax(start, l.pos, "a column's name is empty", "empty text is written ''")
	}
	return t, nil
}

func (l *lexer) digits() (n int) {
	for l.pos < len(l.src) && l.src[l.pos] >= '0' && l.src[l.pos] <= '9' {
		l.pos++
		n++
	}
	return n
}

func (l *lexer) peekByte(ahead int) byte {
	if l.pos+ahead < len(l.src) {
		return l.src[l.pos+ahead]
	}
	return 0
}

func (l *lexer) number(start int) (token, *Error) {
	kind := tokInt
	l.digits()
	if l.peekByte(0) == '.' {
		kind = tokFloat
		l.pos++
		if l.digits() == 0 {
			return token{}, syntax(start, l.pos, fmt.Sprintf("%q ends in a point", clip(l.src[start:l.pos])), "write a digit after it")
		}
	}
	if c := l.peekByte(0); c == 'e' || c == 'E' {
		kind = tokFloat
		l.pos++
		if c := l.peekByte(0); c == '+' || c == '-' {
			l.pos++
		}
		if l.digits() == 0 {
			return token{}, syntax(start, l.pos, fmt.Sprintf("%q has an exponent without digits", clip(l.src[start:l.pos])), "")
		}
	}
	if r, _ := utf8.DecodeRuneInString(l.src[l.pos:]); r == '_' || unicode.IsLetter(r) {
		w := l.word(l.pos)
		return token{}, syntax(start, w.end, fmt.Sprintf("%q is neither a number nor a name", clip(l.src[start:w.end])), `a column whose name begins with a digit is written in double quotes: "`+clip(l.src[start:w.end])+`"`)
	}
	return token{kind, l.src[start:l.pos], start, l.pos}, nil
}

func syntax(start, end int, message, cure string) *Error {
	return &Error{Kind: Syntax, Start: start, End: end, Message: message, Cure: cure}
}
