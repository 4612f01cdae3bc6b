package transform

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
)

// Diagram is a pipeline as it is shown: the columns that go in, each step with those that it reads and makes, those that come out.
type Diagram struct {
	input, output []shownColumn
	steps         []shownStep
}

// shownColumn is a column by name and type; a family is one.
type shownColumn struct{ name, kind string }

// shownStep is what was made of a step, all its parts together.
type shownStep struct {
	step    int
	kind    string
	in, out []string
	keep    bool
	family  bool // how many columns it makes only fitting can tell
}

// Diagram shows a fitted pipeline.
func (p *Pipeline) Diagram() *Diagram {
	d := &Diagram{input: shownSchema(p.input), output: shownColumns(p.frame.columns())}
	for _, u := range p.units {
		d.add(u.step, u.kind, u.in, u.out, u.keep)
	}
	return d
}

// Draw shows steps before they are fitted; the error is the mistakes of Check.
func Draw(in value.Schema, steps []Step) (*Diagram, error) {
	if _, problems := Check(in, steps); problems != nil {
		return nil, problemsError(problems)
	}
	d, f := &Diagram{input: shownSchema(in)}, newFrame(in)
	for i, step := range steps {
		drafts, _ := f.bind(i, step)
		for _, x := range drafts {
			f.place(x)
			s := d.add(i, x.kind, namesOf(x.in), columnNames(x.out), x.keep)
			s.family = s.family || slices.ContainsFunc(x.out, func(c Column) bool { return c.Family })
		}
	}
	d.output = shownColumns(f.columns())
	return d, nil
}

func (d *Diagram) add(step int, kind *Kind, in, out []string, keep bool) *shownStep {
	if n := len(d.steps); n == 0 || d.steps[n-1].step != step {
		d.steps = append(d.steps, shownStep{step: step, kind: kind.Name})
	}
	s := &d.steps[len(d.steps)-1]
	s.in, s.out, s.keep = append(s.in, in...), append(s.out, out...), s.keep || keep
	return s
}

func columnNames(columns []Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name
	}
	return out
}

func shownSchema(in value.Schema) []shownColumn {
	out := make([]shownColumn, len(in))
	for i, c := range in {
		out[i] = shownColumn{c.Name, c.Type.String()}
	}
	return out
}

func shownColumns(columns []Column) []shownColumn {
	out := make([]shownColumn, len(columns))
	for i, c := range columns {
		out[i] = shownColumn{c.Name, c.Type.String()}
		if c.Categorical {
			out[i].kind += " code"
		}
	}
	return out
}

// Text shows it line by line:
//
//	input    x float, c string
//	  1 impute         x → in place
//	  2 one_hot        c → c_AA, c_UA, c_null
//	output   x float, c_AA bool, c_UA bool, c_null bool
func (d *Diagram) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "input    %s\n", wrapped(typed(d.input)))
	for _, s := range d.steps {
		fmt.Fprintf(&b, "%3d %-14s %s → %s\n", s.step+1, s.kind, wrapped(s.in), s.made())
	}
	fmt.Fprintf(&b, "output   %s\n", wrapped(typed(d.output)))
	return b.String()
}

// fate is what became of a step's columns where it makes no others: a phrase, else "".
func (s *shownStep) fate() string {
	switch {
	case len(s.out) == 0:
		return "left out"
	case slices.Equal(s.in, s.out):
		return "in place"
	}
	return ""
}

func (s *shownStep) made() string {
	switch fate := s.fate(); {
	case fate != "":
		return fate
	case s.keep:
		return "beside " + wrapped(s.out)
	}
	return wrapped(s.out)
}

func typed(columns []shownColumn) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.name + " " + c.kind
	}
	return out
}

// wrapped is a list that says how long it is where it is long.
func wrapped(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s, … (%d columns)", strings.Join(names[:most], ", "), len(names))
	}
	return strings.Join(names, ", ")
}

// The measures of the picture, in px: of a box its sides, of a line of its text how far it is from the next, and how many signs it takes.
const (
	svgWidth  = 720
	boxLeft   = 16
	boxPad    = 14
	boxHead   = 34
	boxGap    = 24
	lineStep  = 18
	lineSigns = 90 // of a font of fixed width, 12 px
	mostLines = 3  // of the columns that are read, and of those that are made
)

// box is a part of the picture: what it is, how many columns, and which.
type box struct {
	number      string // of a step
	title, size string
	fill, edge  string
	lines       []string
	whole       string // all of it, which a browser shows where the pointer rests
}

// SVG shows the same as a picture: a box by step, from the input to the output. It has its own colours and fonts, and stands in a page or a
// notebook, light or dark, as it is.
func (d *Diagram) SVG() string {
	boxes := []box{{title: "input", size: columnCount(len(d.input)), fill: "#e8f0fb", edge: "#a9bfdf", lines: lines(typed(d.input)), whole: strings.Join(typed(d.input), ", ")}}
	for i := range d.steps {
		boxes = append(boxes, d.steps[i].box())
	}
	boxes = append(boxes, box{title: "output", size: columnCount(len(d.output)), fill: "#e5f4ea", edge: "#a3cfb1", lines: lines(typed(d.output)), whole: strings.Join(typed(d.output), ", ")})
	height := boxGap
	for _, x := range boxes {
		height += x.height() + boxGap
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="ui-sans-serif, system-ui, 'Helvetica Neue', Arial, sans-serif" role="img" aria-label="pipeline">`+"\n", svgWidth, height)
	b.WriteString(`<rect width="100%" height="100%" rx="8" fill="#f7f8fa"/>` + "\n")
	y := boxGap
	for i, x := range boxes {
		if i > 0 {
			fmt.Fprintf(&b, `<path d="M%d %d v%d m-4 -5 l4 5 l4 -5" fill="none" stroke="#7c8798" stroke-width="1.5" stroke-linecap="round"/>`+"\n", svgWidth/2, y-boxGap+3, boxGap-6)
		}
		x.draw(&b, y)
		y += x.height() + boxGap
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (s *shownStep) box() box {
	x := box{number: fmt.Sprint(s.step + 1), title: s.kind, fill: "#ffffff", edge: "#cfd6e1", lines: lines(s.in)}
	x.whole = strings.Join(s.in, ", ") + " → " + s.fate()
	x.size = columnCount(len(s.in)) + " " + s.fate()
	if s.fate() != "" {
		return x
	}
	made := lines(s.out)
	made[0] = "→ " + made[0]
	for i := range made[1:] {
		made[i+1] = "  " + made[i+1]
	}
	x.lines, x.whole = append(x.lines, made...), x.whole+strings.Join(s.out, ", ")
	x.size = columnCount(len(s.in)) + " → " + columnCount(len(s.out))
	switch {
	case s.keep:
		x.size = columnCount(len(s.out)) + " beside " + columnCount(len(s.in))
	case s.family:
		x.size = columnCount(len(s.in)) + " → those that fitting finds"
	}
	return x
}

func (x *box) height() int { return boxHead + len(x.lines)*lineStep + boxPad/2 }

func (x *box) draw(b *strings.Builder, y int) {
	title := boxLeft + boxPad
	fmt.Fprintf(b, `<g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="7" fill="%s" stroke="%s"/>`, escaped(x.whole), boxLeft, y, svgWidth-2*boxLeft, x.height(), x.fill, x.edge)
	if x.number != "" {
		width := 10 + 8*len(x.number)
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="18" rx="9" fill="#e3e8f0"/><text x="%d" y="%d" font-size="11" font-weight="600" fill="#445065" text-anchor="middle">%s</text>`,
			title, y+8, width, title+width/2, y+21, x.number)
		title += width + 8
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="14" font-weight="600" fill="#1c2430">%s</text>`, title, y+22, escaped(x.title))
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="12" fill="#66718a" text-anchor="end">%s</text>`, svgWidth-boxLeft-boxPad, y+22, escaped(x.size))
	for i, line := range x.lines {
		fmt.Fprintf(b, `<text x="%d" y="%d" font-size="12" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" fill="#2f3a4d" xml:space="preserve">%s</text>`,
			boxLeft+boxPad, y+boxHead+12+i*lineStep, escaped(line))
	}
	b.WriteString("</g>\n")
}

func columnCount(n int) string {
	if n == 1 {
		return "1 column"
	}
	return fmt.Sprintf("%d columns", n)
}

// lines breaks a list into lines, the last of which says how many have no room.
func lines(words []string) []string {
	const room = lineSigns - 2 // an arrow stands before the first
	out := []string{""}
	for i, word := range words {
		word = shortened(word)
		if i < len(words)-1 {
			word += ","
		}
		last := &out[len(out)-1]
		more := fmt.Sprintf(" … and %d more", len(words)-i)
		if *last == "" {
			*last = word
			continue
		}
		wide := signs(*last) + 1 + signs(word)
		switch {
		case len(out) < mostLines && wide > room:
			out = append(out, word)
		case len(out) == mostLines && (wide > room || i < len(words)-1 && wide+signs(more) > room):
			*last += more
			return out
		default:
			*last += " " + word
		}
	}
	return out
}

func signs(s string) int { return utf8.RuneCountInString(s) }

// shortened cuts a name that would not fit into a line, and leaves room for how many more there are.
func shortened(s string) string {
	const most = 64
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func escaped(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err) // a builder takes all
	}
	return b.String()
}
