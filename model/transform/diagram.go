package transform

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Diagram shows a pipeline as text: each step with the columns that it reads and those that it makes, then what comes out.
//
//	input    x float, c string
//	  1 impute         x → in place
//	  2 one_hot        c → c_AA, c_UA, c_null
//	output   x float, c_AA bool, c_UA bool, c_null bool
func (p *Pipeline) Diagram() string {
	var b strings.Builder
	fmt.Fprintf(&b, "input    %s\n", wrapped(typedInput(p)))
	for _, s := range p.shown() {
		fmt.Fprintf(&b, "%3d %-14s %s → %s\n", s.step+1, s.kind, listed(s.in), made(s))
	}
	fmt.Fprintf(&b, "output   %s\n", wrapped(typedOutput(p)))
	return b.String()
}

// shownStep is the units of a step together.
type shownStep struct {
	step    int
	kind    string
	in, out []string
	keep    bool
}

func (p *Pipeline) shown() []shownStep {
	var steps []shownStep
	for _, u := range p.units {
		if n := len(steps); n == 0 || steps[n-1].step != u.step {
			steps = append(steps, shownStep{step: u.step, kind: u.kind.Name})
		}
		s := &steps[len(steps)-1]
		s.in, s.out, s.keep = append(s.in, u.in...), append(s.out, u.out...), s.keep || u.keep
	}
	return steps
}

func made(s shownStep) string {
	switch {
	case len(s.out) == 0:
		return "left out"
	case strings.Join(s.in, "\x00") == strings.Join(s.out, "\x00"):
		return "in place"
	case s.keep:
		return "beside " + listed(s.out)
	}
	return listed(s.out)
}

func typedInput(p *Pipeline) []string {
	out := make([]string, len(p.input))
	for i, c := range p.input {
		out[i] = c.Name + " " + c.Type.String()
	}
	return out
}

func typedOutput(p *Pipeline) []string {
	out := make([]string, len(p.frame.cols))
	for i, c := range p.frame.cols {
		out[i] = c.Name + " " + c.Type.String()
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

// The measures of an SVG, in px.
const (
	svgWidth  = 640
	boxHeight = 46
	boxGap    = 22
	boxLeft   = 20
)

// SVG shows the same as Diagram as a picture: a box by step, from the input to the output. It has its own colours and fonts, and stands in a
// page or a notebook as it is.
func (p *Pipeline) SVG() string {
	type box struct{ title, text, fill string }
	boxes := []box{{fmt.Sprintf("input: %d columns", len(p.input)), wrapped(typedInput(p)), "#e8eef7"}}
	for _, s := range p.shown() {
		boxes = append(boxes, box{fmt.Sprintf("%d  %s", s.step+1, s.kind), listed(s.in) + " → " + made(s), "#ffffff"})
	}
	boxes = append(boxes, box{fmt.Sprintf("output: %d columns", len(p.frame.cols)), wrapped(typedOutput(p)), "#e6f3ea"})
	height := len(boxes)*(boxHeight+boxGap) + boxGap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="ui-sans-serif, system-ui, sans-serif" role="img" aria-label="pipeline">`+"\n", svgWidth, height)
	b.WriteString(`<rect width="100%" height="100%" fill="#fafafa"/>` + "\n")
	for i, x := range boxes {
		y := boxGap + i*(boxHeight+boxGap)
		if i > 0 {
			fmt.Fprintf(&b, `<path d="M%d %d v%d m-4 -6 l4 6 l4 -6" fill="none" stroke="#8a94a6" stroke-width="1.5"/>`+"\n", svgWidth/2, y-boxGap, boxGap)
		}
		fmt.Fprintf(&b, `<g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="#8a94a6"/>`, escaped(x.text), boxLeft, y, svgWidth-2*boxLeft, boxHeight, x.fill)
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="14" font-weight="600" fill="#1c2430">%s</text>`, boxLeft+12, y+19, escaped(x.title))
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="12" fill="#4a5568">%s</text></g>`+"\n", boxLeft+12, y+36, escaped(shortened(x.text)))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// shortened cuts a line that would not fit into a box; the whole stands in its title.
func shortened(s string) string {
	const most = 88
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
