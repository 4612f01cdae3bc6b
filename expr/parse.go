package expr

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
)

// MaxDepth is how deeply an expression may be nested, the conversions that are put in included; a chain of one operator counts too,
// but and, or are flat.
const MaxDepth = 200

// maxParsed bounds the parser's own recursion. Canonical text has two levels of recursion for a level of the tree, and must be read.
const maxParsed = 5 * MaxDepth

// MaxSize is how many operators, columns and constants an expression may have.
const MaxSize = 250_000

type nodeKind uint8

const (
	literalNode nodeKind = iota
	columnNode
	callNode
)

// Node is a piece of syntax: a literal, a column, or a call of an operator or function of the table. It has no types yet.
type Node struct {
	Start, End int // bytes of the source text
	kind       nodeKind
	name       string // column; function or operator, in lower case
	nameStart  int    // place of the function's name or the operator
	nameEnd    int
	value      value.Value
	typ        value.Type  // of a literal
	target     *value.Type // of a cast
	quoted     bool        // of a column: in double quotes, which other languages take for text
	args       []*Node
	depth      int
	size       int // nodes in it, those of a shared subject counted each time
}

// Column is the name of the column where the expression is nothing but a column.
func (n *Node) Column() (name string, ok bool) { return n.name, n.kind == columnNode }

// Columns lists the distinct columns that the text names, in order of first use.
func (n *Node) Columns() []string {
	var out []string
	n.walk(func(m *Node) {
		if m.kind == columnNode && !slices.Contains(out, m.name) {
			out = append(out, m.name)
		}
	})
	return out
}

// Path is the column and the fields of structs within it where the expression is nothing but those: payload.user.id.
func (n *Node) Path() (path []string, ok bool) {
	switch {
	case n.kind == columnNode:
		return []string{n.name}, true
	case n.kind == callNode && n.name == ".":
		path, ok = n.args[0].Path()
		return append(path, n.args[1].value.Str()), ok
	}
	return nil, false
}

// Paths lists the distinct paths that the text names, each as long as it goes, in order of first use.
func (n *Node) Paths() [][]string {
	if path, ok := n.Path(); ok {
		return [][]string{path}
	}
	var out [][]string
	for _, a := range n.args {
		for _, path := range a.Paths() {
			if !slices.ContainsFunc(out, func(p []string) bool { return slices.Equal(p, path) }) {
				out = append(out, path)
			}
		}
	}
	return out
}

func (n *Node) walk(f func(*Node)) {
	f(n)
	for _, a := range n.args {
		a.walk(f)
	}
}

// Binding powers, loosest first; doc.go has them in words.
const (
	precOr = iota + 1
	precAnd
	precNot
	precIs
	precCompare
	precIn
	precAdd
	precMul
	precUnary
)

var infixPrec = map[string]int{
	"or": precOr, "and": precAnd, "is": precIs,
	"=": precCompare, "<>": precCompare, "!=": precCompare, "<": precCompare, "<=": precCompare, ">": precCompare, ">=": precCompare,
	"not": precIn, "in": precIn, "between": precIn, "like": precIn,
	"+": precAdd, "-": precAdd, "||": precAdd, "*": precMul, "/": precMul, "%": precMul, "div": precMul,
}

// reserved words cannot be bare columns. The words date, timestamp, interval, cast, extract and the like can: what follows decides.
var reserved = []string{"and", "or", "not", "is", "in", "between", "like", "case", "when", "then", "else", "end", "null", "true", "false"}

func isReserved(word string) bool { return slices.Contains(reserved, strings.ToLower(word)) }

type parser struct {
	lexer lexer
	tok   token
	past  int // where the token before it ends
	err   *Error
	depth int
}

// Parse reads the syntax of an expression. Of mistakes in syntax only the first is reported.
func Parse(src string) (*Node, Errors) {
	if len(src) > MaxText {
		return nil, Errors{{Kind: TooLarge, End: min(len(src), 80), Message: fmt.Sprintf("the expression has %d bytes, more than %d", len(src), MaxText), Cure: "compute it before, as a column of the source"}}
	}
	if !utf8.ValidString(src) {
		i := 0
		for r, n := utf8.DecodeRuneInString(src); r != utf8.RuneError || n > 1; r, n = utf8.DecodeRuneInString(src[i:]) {
			i += n
		}
		return nil, Errors{syntax(i, i+1, "the expression is not valid UTF-8", "")}
	}
	p := &parser{lexer: lexer{src: src}}
	p.advance()
	if p.err == nil && p.tok.kind == tokEnd {
		return nil, Errors{syntax(0, len(src), "the expression is empty", "")}
	}
	n := p.expr(0)
	if p.err == nil && p.tok.kind != tokEnd {
		p.unexpected("after the end of the expression")
	}
	if p.err != nil {
		return nil, Errors{p.err}
	}
	return n, nil
}

// fail keeps the first mistake and ends the input, so that every loop above winds up.
func (p *parser) fail(e *Error) *Node {
	if p.err == nil {
		p.err = e
	}
	p.lexer.pos = len(p.lexer.src)
	p.tok = token{kind: tokEnd, start: p.lexer.pos, end: p.lexer.pos}
	return &Node{}
}

func (p *parser) advance() token {
	t := p.tok
	next, err := p.lexer.next()
	if err != nil {
		p.fail(err)
		return t
	}
	p.tok, p.past = next, t.end
	return t
}

// peek is the token after the current one.
func (p *parser) peek() token {
	l := p.lexer
	t, err := l.next()
	if err != nil {
		return token{}
	}
	return t
}

func (p *parser) describe() string {
	switch p.tok.kind {
	case tokEnd:
		return "the expression ends"
	case tokText:
		return "found the text '" + clip(p.tok.text) + "'"
	case tokQuoted:
		return `found the column "` + clip(p.tok.text) + `"`
	}
	return fmt.Sprintf("found %q", clip(p.tok.text))
}

func (p *parser) unexpected(where string) *Node {
	t := p.tok
	cure := ""
	switch t.text {
	case "::":
		cure = "write cast(x as type)"
	case "==":
		cure = "write ="
	case "&&":
		cure = "write and"
	case "!":
		cure = "write not"
	}
	return p.fail(syntax(t.start, t.end, p.describe()+" "+where, cure))
}

// expect takes the keyword or operator, or fails naming what it would have closed or continued.
func (p *parser) expect(word, of string) token {
	if !p.tok.is(word) {
		p.fail(syntax(p.tok.start, p.tok.end, fmt.Sprintf("%s where %q of %s should be", p.describe(), word, of), ""))
		return p.tok
	}
	return p.advance()
}

// finish fills in a node's place and depth, and refuses what is nested too deeply.
func (p *parser) finish(n *Node, start int) *Node {
	n.Start, n.End = start, start
	if p.err != nil {
		return n
	}
	n.size = 1
	for _, a := range n.args {
		n.depth = max(n.depth, a.depth+1)
		n.size += max(1, a.size)
		n.End = max(n.End, a.End)
	}
	n.End = max(n.End, n.nameEnd)
	if n.depth > maxParsed {
		return p.tooDeep(n.nameStart)
	}
	if n.size > MaxSize {
		return p.fail(&Error{Kind: TooLarge, Start: n.nameStart, End: n.nameEnd, Message: fmt.Sprintf("the expression has more than %d parts", MaxSize), Cure: "compute a part before, as a column of the source"})
	}
	return n
}

func tooDeep(start, end int) *Error {
	return &Error{Kind: TooLarge, Start: start, End: end, Message: fmt.Sprintf("the expression is nested deeper than %d", MaxDepth), Cure: "group a long chain with parentheses, (a + b) + (c + d), or compute a part before"}
}

func (p *parser) tooDeep(at int) *Node {
	return p.fail(tooDeep(at, min(at+1, len(p.lexer.src))))
}

func (p *parser) expr(least int) *Node {
	if p.depth++; p.depth > maxParsed {
		return p.tooDeep(p.tok.start)
	}
	defer func() { p.depth-- }()
	left := p.prefix(least)
	for p.err == nil && (p.tok.kind == tokName || p.tok.kind == tokOp) {
		prec, ok := infixPrec[strings.ToLower(p.tok.text)]
		if p.tok.is("[") || p.tok.is(".") {
			left = p.postfix(left)
			continue
		}
		if !ok || prec < least {
			break
		}
		left = p.infix(left, prec)
	}
	return left
}

func (p *parser) infix(left *Node, prec int) *Node {
	switch op := strings.ToLower(p.tok.text); op {
	case "is":
		return p.isTest(left)
	case "not", "in", "between", "like":
		return p.membership(left)
	case "and", "or":
		return p.chain(left, op, prec)
	default:
		t := p.advance()
		if op == "!=" {
			op = "<>"
		}
		right := p.expr(prec + 1)
		if prec == precCompare && infixPrec[p.tok.text] == precCompare {
			return p.fail(syntax(p.tok.start, p.tok.end, "comparisons do not chain", "write a < b and b < c"))
		}
		return p.call(op, t, left.Start, left, right)
	}
}

func (p *parser) call(name string, at token, start int, args ...*Node) *Node {
	return p.finish(&Node{kind: callNode, name: name, nameStart: at.start, nameEnd: at.end, args: args}, start)
}

// chain reads a and b and c as one node of three arguments: both operators are associative, and conditions written by programs are long.
func (p *parser) chain(left *Node, op string, prec int) *Node {
	n := &Node{kind: callNode, name: op, nameStart: p.tok.start, nameEnd: p.tok.end}
	add := func(m *Node) {
		if m.kind == callNode && m.name == op {
			n.args = append(n.args, m.args...)
		} else {
			n.args = append(n.args, m)
		}
	}
	add(left)
	for p.tok.is(op) {
		p.advance()
		add(p.expr(prec + 1))
	}
	return p.finish(n, left.Start)
}

func (p *parser) negated(not bool, at token, n *Node) *Node {
	if !not {
		return n
	}
	end := n.End
	m := p.call("not", at, n.Start, n)
	m.End = max(m.End, end)
	return m
}

func (p *parser) isTest(left *Node) *Node {
	at := p.advance()
	not := p.tok.is("not")
	if not {
		p.advance()
	}
	var n *Node
	switch t := p.tok; {
	case t.is("null"), t.is("true"), t.is("false"):
		p.advance()
		at.end = t.end
		n = p.call("is "+strings.ToLower(t.text), at, left.Start, left)
	case t.is("distinct"):
		p.advance()
		p.expect("from", "is distinct from")
		n = p.call("is distinct from", at, left.Start, left, p.expr(precIs+1))
	default:
		return p.unexpected("after is, where null, true, false or distinct from should be")
	}
	return p.negated(not, at, n)
}

func (p *parser) membership(left *Node) *Node {
	at := p.tok
	not := p.tok.is("not")
	if not {
		p.advance()
	}
	t := p.tok
	var n *Node
	switch {
	case t.is("in"):
		p.advance()
		open := p.expect("(", "in (…)")
		n = &Node{kind: callNode, name: "in", nameStart: t.start, nameEnd: t.end, args: append([]*Node{left}, p.list(open, "in (…)")...)}
		end := p.past // of the parenthesis
		if p.err == nil && len(n.args) == 1 {
			return p.fail(syntax(t.start, p.tok.start, "in () has no values", ""))
		}
		n = p.finish(n, left.Start)
		n.End = max(n.End, end)
	case t.is("between"):
		p.advance()
		low := p.expr(precAdd)
		p.expect("and", "between … and …")
		n = p.call("between", t, left.Start, left, low, p.expr(precAdd))
	case t.is("like"):
		p.advance()
		args := []*Node{left, p.expr(precAdd)}
		if p.tok.is("escape") {
			p.advance()
			args = append(args, p.expr(precAdd))
		}
		n = p.call("like", t, left.Start, args...)
	default:
		return p.unexpected("where in, between or like should be after not")
	}
	return p.negated(not, at, n)
}

func (p *parser) postfix(left *Node) *Node {
	at := p.advance()
	if at.text == "[" {
		index := p.expr(0)
		at.end = p.expect("]", "the index").end
		return p.call("[]", at, left.Start, left, index)
	}
	f := p.tok
	if f.kind != tokName && f.kind != tokQuoted {
		return p.unexpected("where the name of a field should be")
	}
	p.advance()
	return p.call(".", token{start: at.start, end: f.end}, left.Start, left, p.literal(f, value.String, value.OfString(f.text)))
}
