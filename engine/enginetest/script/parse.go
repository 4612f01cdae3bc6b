package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads a script. All its mistakes come at once, joined, each an *Error; the File is nil then.
func Parse(path, text string) (*File, error) {
	p := &parser{file: &File{Path: path, lines: strings.Split(text, "\n")}}
	if !utf8.ValidString(text) {
		p.fail(1, 1, "the script is not UTF-8")
		return nil, errors.Join(p.errs...)
	}
	p.rules()
	for p.next < len(p.file.lines) {
		p.statement()
	}
	if p.file.Define == nil && len(p.file.Uses) == 0 && len(p.errs) == 0 {
		p.fail(1, 1, "nothing is defined: write `define` with Python under it, or `use features.py`")
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return p.file, nil
}

type parser struct {
	file *File
	next int // index of the line to read next
	errs []error
	// last is the Expect's owner that a ---- would belong to, and what it is called.
	eval    *Eval
	expects string
}

func (p *parser) fail(line, col int, format string, args ...any) {
	p.errs = append(p.errs, &Error{p.file.Path, line, col, fmt.Sprintf(format, args...)})
}

var cited = regexp.MustCompile(`\([^()]*\)`)
var rule = regexp.MustCompile(`\b[VXEWAQI][0-9]{1,2}\b`)

// rules collects what comments cite: rule numbers between parentheses.
func (p *parser) rules() {
	for _, line := range p.file.lines {
		if !comment(line) {
			continue
		}
		for _, c := range cited.FindAllString(line, -1) {
			p.file.Rules = append(p.file.Rules, rule.FindAllString(c, -1)...)
		}
	}
	slices.Sort(p.file.Rules)
	p.file.Rules = slices.Compact(p.file.Rules)
}

func comment(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "#") }

func blank(line string) bool { return strings.TrimSpace(line) == "" }

func indented(line string) bool { return line != "" && (line[0] == ' ' || line[0] == '\t') }

// statement reads one line at the margin and the indented lines that belong to it.
func (p *parser) statement() {
	line := strings.TrimRight(p.file.lines[p.next], " \t\r")
	p.next++
	n := p.next // 1-based number of this line
	if blank(line) || comment(line) {
		return
	}
	if indented(line) {
		p.fail(n, 1, "an indented line that belongs to nothing: statements begin at the margin")
		return
	}
	word, rest, _ := strings.Cut(line, " ")
	arg := Cell{strings.TrimSpace(rest), n, utf8.RuneCountInString(line) - utf8.RuneCountInString(strings.TrimLeft(rest, " ")) + 1}
	switch word {
	case "define":
		p.define(arg)
	case "use":
		p.use(arg)
	case "skip":
		p.skip(arg)
	case "load":
		p.load(arg)
	case "eval":
		p.evaluate(arg)
	case "----":
		p.expect(n)
	case "error", "warning", "counts":
		p.fail(n, 1, "`%s` without a ---- before it", word)
	default:
		p.fail(n, 1, "unknown statement %q: there are define, use, load, eval, ----, skip", word)
	}
}

// body takes the indented lines that follow, blank and comment lines among them, and gives their range [first, last) of indexes.
func (p *parser) body() (first, last int) {
	first, last = p.next, p.next
	for i := p.next; i < len(p.file.lines); i++ {
		line := p.file.lines[i]
		if blank(line) || (comment(line) && !indented(line)) {
			continue
		}
		if !indented(line) {
			break
		}
		last = i + 1
	}
	p.next = last
	return first, last
}

func (p *parser) define(arg Cell) {
	first, last := p.body()
	switch {
	case arg.Text != "":
		p.fail(arg.Line, arg.Col, "nothing stands after `define`: its Python follows, indented")
	case first == last:
		p.fail(arg.Line, 1, "`define` without anything under it")
	case p.file.Define != nil:
		p.fail(arg.Line, 1, "a second `define`: a script has one")
	case len(p.file.Uses) > 0:
		p.fail(arg.Line, 1, "`define` beside `use`: a script has one or the other")
	default:
		p.file.Define = p.dedent(first, last)
	}
	p.eval, p.expects = nil, "define"
}

// dedent removes the indentation of the first line from all; a line that has less is a mistake, unless it is blank.
func (p *parser) dedent(first, last int) *Block {
	lines := slices.Clone(p.file.lines[first:last])
	head := lines[0]
	for _, l := range lines {
		if !blank(l) && indented(l) {
			head = l
			break
		}
	}
	indent := head[:len(head)-len(strings.TrimLeft(head, " \t"))]
	for i, l := range lines {
		rest, ok := strings.CutPrefix(strings.TrimRight(l, "\r"), indent)
		if !ok && !blank(l) && !comment(l) {
			p.fail(first+i+1, 1, "indented otherwise than the first line under `define`")
		}
		if !ok {
			rest = strings.TrimLeft(l, " \t")
		}
		lines[i] = rest
	}
	return &Block{Text: strings.Join(lines, "\n") + "\n", Line: first + 1, Indent: len(indent)}
}

func (p *parser) use(arg Cell) {
	switch {
	case arg.Text == "":
		p.fail(arg.Line, 1, "`use` without a file: write `use features.py`")
	case p.file.Define != nil:
		p.fail(arg.Line, 1, "`use` beside `define`: a script has one or the other")
	default:
		p.file.Uses = append(p.file.Uses, arg)
	}
	p.eval, p.expects = nil, "use"
}

func (p *parser) skip(arg Cell) {
	engine, reason, ok := strings.Cut(arg.Text, ":")
	engine, reason = strings.TrimSpace(engine), strings.TrimSpace(reason)
	if !ok || engine == "" || reason == "" {
		p.fail(arg.Line, 1, "write `skip ENGINE: reason`")
		return
	}
	p.file.Skips = append(p.file.Skips, Skip{engine, reason, arg.Line})
}

func (p *parser) load(arg Cell) {
	l := &Load{Name: arg}
	if name, rest, ok := strings.Cut(arg.Text, " "); ok {
		l.Name.Text = name
		column, v, ok := strings.Cut(strings.TrimSpace(rest), "=")
		if !ok || column == "" || v == "" {
			p.fail(arg.Line, arg.Col, "after the name comes only a partition: write `load %s ds=2024-01-02`", name)
		}
		at := arg.Col + utf8.RuneCountInString(arg.Text) - utf8.RuneCountInString(v)
		l.Partition = Partition{column, Cell{v, arg.Line, at}}
	}
	first, last := p.body()
	l.Table, _, _ = p.table(first, last)
	if arg.Text == "" {
		p.fail(arg.Line, 1, "`load` without a name: write `load SOURCE`")
	} else if len(l.Table.Header) == 0 {
		p.fail(arg.Line, arg.Col, "`load %s` without a header: write its columns under it, also where there are no rows", l.Name.Text)
	}
	p.file.Steps = append(p.file.Steps, Step{Load: l})
	p.eval, p.expects = nil, ""
}

func (p *parser) evaluate(arg Cell) {
	e := &Eval{Name: arg}
	for _, k := range []Kind{TrainingSet, Group, View} {
		if rest, ok := strings.CutPrefix(arg.Text, string(k)+" "); ok {
			e.Kind = k
			e.Name.Text = strings.TrimSpace(rest)
			e.Name.Col += utf8.RuneCountInString(arg.Text) - utf8.RuneCountInString(strings.TrimLeft(rest, " "))
			break
		}
	}
	if e.Name.Text == "" {
		p.fail(arg.Line, 1, "`eval` without a name: write `eval GROUP`, `eval VIEW` or `eval training set NAME`")
	}
	first, last := p.body()
	e.Table, _, _ = p.table(first, last)
	p.file.Steps = append(p.file.Steps, Step{Eval: e})
	p.eval, p.expects = e, "eval"
}

// table reads a header and its rows from the lines [first, last), and says at which lines (1-based) they begin and end.
func (p *parser) table(first, last int) (t Table, from, to int) {
	for i := first; i < last; i++ {
		line := strings.TrimRight(p.file.lines[i], "\r")
		if blank(line) || comment(line) {
			continue
		}
		cells := splitCells(line, i+1)
		if t.Header == nil {
			t.Header, from = p.header(cells), i+1
		} else {
			t.Rows = append(t.Rows, p.row(t.Header, cells))
		}
		to = i + 1
	}
	return t, from, to
}

func (p *parser) header(cells []Cell) []Cell {
	seen := map[string]bool{}
	for i, c := range cells {
		if strings.HasPrefix(c.Text, `"`) {
			if err := json.Unmarshal([]byte(c.Text), &cells[i].Text); err != nil {
				p.fail(c.Line, c.Col, "%s is not a JSON string", c.Text)
			}
		}
		if cells[i].Text == "" {
			p.fail(c.Line, c.Col, "a column without a name")
		} else if seen[cells[i].Text] {
			p.fail(c.Line, c.Col, "column %q twice", cells[i].Text)
		}
		seen[cells[i].Text] = true
	}
	return cells
}

func (p *parser) row(header, cells []Cell) Row {
	if len(cells) != len(header) {
		p.fail(cells[0].Line, cells[0].Col, "%d cells under a header of %d", len(cells), len(header))
		return Row(cells)
	}
	for _, c := range cells {
		if c.Text == "" {
			p.fail(c.Line, c.Col, `an empty cell: write null, or "" for an empty string`)
		}
	}
	return Row(cells)
}

// expect reads what stands under ----: refusals at the margin or indented, or a table; then, perhaps, counts.
func (p *parser) expect(n int) {
	x := &Expect{Line: n, first: n + 1, last: n}
	switch {
	case p.expects == "eval" && p.eval.Expect.Line == 0:
		x = &p.eval.Expect
		*x = Expect{Line: n, first: n + 1, last: n}
	case (p.expects == "define" || p.expects == "use") && p.file.Expect == nil:
		p.file.Expect = x
	default:
		p.fail(n, 1, "a ---- that answers nothing: it follows an eval, or define")
	}
	first, last := p.body()
	for refused := true; refused; {
		refused = p.refusals(x, &first, &last)
	}
	if t, from, to := p.table(first, last); t.Header != nil {
		switch {
		case p.expects != "eval":
			p.fail(from, 1, "rows under the ---- of `%s`: only errors and warnings are expected there", p.expects)
		case len(x.Errors) > 0:
			p.fail(from, 1, "rows beside an error: what is refused has none")
		default:
			x.Table, x.first, x.last = t, from, to
		}
	}
	p.counts(x)
}

// refusals reads one line `error …` or `warning …` at the head of [first, last), or at the margin after it.
func (p *parser) refusals(x *Expect, first, last *int) bool {
	i := p.content(*first)
	if i >= *last {
		i = p.content(*last)
	}
	if i == len(p.file.lines) {
		return false
	}
	word, rest, ok := strings.Cut(strings.TrimSpace(p.file.lines[i]), " ")
	if word = strings.TrimSuffix(word, ":"); !ok || (word != "error" && word != "warning") {
		return false
	}
	r := Refusal{Line: i + 1, Message: strings.TrimSpace(rest)}
	if code, message, _ := strings.Cut(r.Message, ":"); number.MatchString(code) {
		r.Code, r.Message = code, strings.TrimSpace(message)
	}
	if word == "error" {
		x.Errors = append(x.Errors, r)
	} else {
		if p.expects == "eval" {
			p.fail(i+1, 1, "a warning under an eval: warnings are of the definitions, under a ---- that follows them")
		}
		x.Warnings = append(x.Warnings, r)
	}
	if x.last < x.first {
		x.first = i + 1
	}
	x.last = i + 1
	if *first = i + 1; i >= *last {
		p.next = i + 1
		*first, *last = p.body()
	}
	return true
}

// content is the index of the next line from i on that is neither blank nor a comment.
func (p *parser) content(i int) int {
	for i < len(p.file.lines) && (blank(p.file.lines[i]) || comment(p.file.lines[i])) {
		i++
	}
	return i
}

var number = regexp.MustCompile(`^BH[0-9]+$`)

// counts reads the block `counts` at the margin, if it comes next.
func (p *parser) counts(x *Expect) {
	i := p.content(p.next)
	if i == len(p.file.lines) || strings.TrimRight(p.file.lines[i], " \r") != "counts" {
		return
	}
	p.next = i + 1
	first, last := p.body()
	for i := first; i < last; i++ {
		if line := p.file.lines[i]; !blank(line) && !comment(line) {
			cells := splitCells(strings.TrimRight(line, "\r"), i+1)
			n, err := strconv.ParseInt(cells[len(cells)-1].Text, 10, 64)
			if len(cells) != 2 || err != nil {
				p.fail(i+1, cells[0].Col, "write `what is counted | number`")
				continue
			}
			x.Counts = append(x.Counts, Count{cells[0].Text, n, i + 1})
		}
	}
	if len(x.Counts) == 0 {
		p.fail(p.next, 1, "`counts` without anything under it")
	}
}
