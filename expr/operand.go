package expr

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// This file reads what stands between operators: literals, columns, calls, casts, case.

func (p *parser) literal(t token, typ value.Type, v value.Value) *Node {
	return &Node{kind: literalNode, Start: t.start, End: t.end, nameStart: t.start, nameEnd: t.end, typ: typ, value: v}
}

func (p *parser) prefix(least int) *Node {
	t := p.tok
	switch t.kind {
	case tokEnd:
		return p.unexpected("where a value should be")
	case tokInt, tokFloat:
		p.advance()
		return p.number(t, t, "")
	case tokText:
		p.advance()
		return p.literal(t, value.String, value.OfString(t.text))
	case tokBytes:
		p.advance()
		b, err := hex.DecodeString(t.text)
		if err != nil {
			return p.fail(syntax(t.start, t.end, "x'…' holds an even number of hexadecimal digits", ""))
		}
		return p.literal(t, value.Bytes, value.OfBytes(b))
	case tokQuoted:
		p.advance()
		return &Node{kind: columnNode, name: t.text, Start: t.start, End: t.end, nameStart: t.start, nameEnd: t.end, quoted: p.lexer.src[t.start] == '"'}
	case tokName:
		return p.word(t, least)
	}
	switch t.text {
	case "(":
		p.advance()
		n := p.expr(0)
		end := p.closing(t, "parenthesis").end
		n.Start, n.End = min(n.Start, t.start), max(n.End, end)
		return n
	case "-":
		p.advance()
		if num := p.tok; num.kind == tokInt || num.kind == tokFloat {
			p.advance()
			return p.number(t, num, "-")
		}
		return p.call("unary -", t, t.start, p.expr(precUnary))
	case "+":
		return p.fail(syntax(t.start, t.end, "there is no unary +", "leave it out"))
	}
	return p.unexpected("where a value should be")
}

// closing takes the bracket that closes open, and points at open when it is missing.
func (p *parser) closing(open token, what string) token {
	if p.tok.is(")") {
		return p.advance()
	}
	if p.tok.kind == tokEnd {
		p.fail(syntax(open.start, open.end, "the "+what+" is never closed", "add )"))
	} else {
		p.unexpected("where ) or an operator should be")
	}
	return p.tok
}

func (p *parser) number(first, t token, sign string) *Node {
	at := token{start: first.start, end: t.end}
	if t.kind == tokInt {
		i, err := strconv.ParseInt(sign+t.text, 10, 64)
		if err != nil {
			return p.fail(syntax(at.start, at.end, fmt.Sprintf("%s%s does not fit an int of 64 bits", sign, clip(t.text)), "write a float: "+sign+clip(t.text)+".0"))
		}
		return p.literal(at, value.Int, value.OfInt(i))
	}
	f, err := strconv.ParseFloat(sign+t.text, 64)
	if err != nil || math.IsInf(f, 0) {
		return p.fail(syntax(at.start, at.end, fmt.Sprintf("%s%s does not fit a float of 64 bits", sign, clip(t.text)), ""))
	}
	return p.literal(at, value.Float, value.OfFloat(f))
}

// word reads what begins with a bare word: a keyword, a literal with a prefix, a call or a column.
func (p *parser) word(t token, least int) *Node {
	lower := strings.ToLower(t.text)
	if next := p.peek(); !isReserved(lower) {
		switch {
		case next.kind == tokText && (lower == "date" || lower == "timestamp" || lower == "interval"):
			p.advance()
			return p.timeLiteral(lower, t, p.advance())
		case next.is("(") && next.kind == tokOp:
			return p.function(lower, t)
		}
		p.advance()
		return &Node{kind: columnNode, name: t.text, Start: t.start, End: t.end, nameStart: t.start, nameEnd: t.end}
	}
	switch lower {
	case "null":
		p.advance()
		return p.literal(t, value.Null, value.Value{})
	case "true", "false":
		p.advance()
		return p.literal(t, value.Bool, value.OfBool(lower == "true"))
	case "not":
		if least > precNot {
			return p.fail(syntax(t.start, t.end, "not binds more loosely than what stands before it", "put parentheses around not …"))
		}
		p.advance()
		return p.call("not", t, t.start, p.expr(precNot))
	case "case":
		return p.caseOf(t)
	}
	return p.fail(syntax(t.start, t.end, fmt.Sprintf("the keyword %q stands where a value should be", t.text), fmt.Sprintf("a column of that name is written in double quotes: %q", t.text)))
}

func (p *parser) timeLiteral(word string, at, text token) *Node {
	at.end = text.end
	var v value.Value
	var typ value.Type
	var form string
	ok := false
	switch word {
	case "date":
		d, good := value.ParseDate(text.text)
		v, typ, ok, form = value.OfDate(d), value.Date, good, "YYYY-MM-DD"
	case "timestamp":
		ms, good := value.ParseTimestamp(text.text)
		v, typ, ok, form = value.OfTimestamp(ms), value.Timestamp, good, "2024-01-31T06:00:00Z"
	default:
		ms, good := parseInterval(text.text)
		v, typ, ok, form = value.OfInt(ms), intervalType, good, "a whole number and a unit: '2 hours', '30 days'; months and years have no fixed length"
	}
	if !ok {
		return p.fail(syntax(text.start, text.end, fmt.Sprintf("'%s' is no %s", clip(text.text), word), "write "+form))
	}
	return p.literal(at, typ, v)
}

// list reads arguments up to the closing parenthesis, which it takes.
func (p *parser) list(open token, what string) (args []*Node) {
	for p.err == nil && !p.tok.is(")") {
		if p.tok.is("*") {
			p.unexpected("where an argument should be")
			break
		}
		args = append(args, p.expr(0))
		if !p.tok.is(",") {
			break
		}
		if p.advance(); p.tok.is(")") {
			p.unexpected("after a comma")
		}
	}
	p.closing(open, what)
	return args
}

func (p *parser) function(name string, t token) *Node {
	p.advance()
	open := p.advance()
	n := &Node{kind: callNode, name: name, nameStart: t.start, nameEnd: t.end}
	switch name {
	case "cast", "try_cast":
		n.name = "cast"
		n.args = []*Node{p.expr(0)}
		p.expect("as", "cast(x as type)")
		n.target = p.typeName()
		p.closing(open, "cast")
	case "extract":
		unit := p.advance()
		if unit.kind != tokName && unit.kind != tokText {
			return p.fail(syntax(unit.start, unit.end, "extract names a unit first", "write extract(hour from x)"))
		}
		p.expect("from", "extract(unit from x)")
		n.args = []*Node{p.literal(unit, value.String, value.OfString(strings.ToLower(unit.text))), p.expr(0)}
		p.closing(open, "extract")
	default:
		n.args = p.list(open, name+"(…)")
	}
	n = p.finish(n, t.start)
	n.End = max(n.End, p.lastEnd())
	return n
}

// lastEnd is the end of what was read so far, without the spaces before the current token.
func (p *parser) lastEnd() int {
	return len(strings.TrimRight(p.lexer.src[:p.tok.start], " \t\r\n"))
}

// typeName reads the type of a cast, which has a syntax of its own, up to the parenthesis that closes the cast.
func (p *parser) typeName() *value.Type {
	start, src := p.tok.start, p.lexer.src
	end, quoted := start, false
	for ; end < len(src) && (quoted || src[end] != ')'); end++ {
		if src[end] == '"' {
			quoted = !quoted
		}
	}
	text := strings.TrimSpace(src[start:end])
	if p.err != nil || end == len(src) {
		p.fail(syntax(start, end, "the cast is never closed", "add )"))
		return nil
	}
	t, err := value.ParseType(text)
	if err != nil {
		cure := "types are bool, int, float, string, bytes, timestamp, date"
		text, _, _ = strings.Cut(text, "(")
		if alias, ok := typeAliases[strings.ToLower(text)]; ok {
			cure = "write " + alias
		}
		p.fail(syntax(start, start+len(text), fmt.Sprintf("unknown type %q", clip(text)), cure))
		return nil
	}
	p.lexer.pos = end
	p.advance()
	return &t
}

var typeAliases = map[string]string{
	"bigint": "int", "integer": "int", "int64": "int", "int8": "int", "long": "int", "smallint": "int", "tinyint": "int", "signed": "int",
	"double": "float", "real": "float", "float64": "float", "float8": "float", "double precision": "float", "decimal": "float", "numeric": "float", "number": "float",
	"varchar": "string", "text": "string", "char": "string", "str": "string", "boolean": "bool", "datetime": "timestamp", "timestamptz": "timestamp",
	"binary": "bytes", "bytea": "bytes", "blob": "bytes", "varbinary": "bytes",
}

// caseOf reads both forms; case x when v is case when x = v, as the standard defines it.
func (p *parser) caseOf(t token) *Node {
	p.advance()
	n := &Node{kind: callNode, name: "case", nameStart: t.start, nameEnd: t.end}
	var subject *Node
	if !p.tok.is("when") {
		subject = p.expr(0)
	}
	for first := true; first || p.tok.is("when"); first = false {
		when := p.expect("when", "case")
		condition := p.expr(0)
		if subject != nil {
			condition = p.call("=", when, condition.Start, subject, condition)
		}
		p.expect("then", "case")
		n.args = append(n.args, condition, p.expr(0))
		if p.err != nil {
			return n
		}
	}
	if p.tok.is("else") {
		p.advance()
		n.args = append(n.args, p.expr(0))
	}
	if p.err == nil && !p.tok.is("end") {
		return p.fail(syntax(p.tok.start, p.tok.end, p.describe()+" where when, else or end of the case should be", ""))
	}
	p.advance()
	n = p.finish(n, t.start)
	n.End = max(n.End, p.lastEnd())
	return n
}
