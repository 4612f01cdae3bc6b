package script

import (
	"fmt"
	"slices"
	"strings"
)

// Answer is what an eval gives now, for Rewrite: rows under a header as FormatCell writes them, or a refusal.
type Answer struct {
	Header  []string
	Rows    [][]string
	Refused *Refusal
	Counts  []Count // in the script's order
}

const indent = "    "

// Rewrite gives the script's text with these answers in place of those it has. Evals without an entry, comments and all else stay as
// they are, byte for byte; comments within replaced rows stay before the row of the same number.
func (f *File) Rewrite(answers map[*Eval]Answer) string {
	lines := slices.Clone(f.lines)
	evals := f.Evals()
	for i := len(evals) - 1; i >= 0; i-- { // from the end, so that earlier line numbers stay right
		e := evals[i]
		a, ok := answers[e]
		if !ok {
			continue
		}
		for _, c := range slices.Backward(e.Expect.Counts) {
			for _, now := range a.Counts {
				if now.Name == c.Name && now.N != c.N {
					lines[c.Line-1] = indent + fmt.Sprintf("%s | %d", c.Name, now.N)
				}
			}
		}
		lines = f.replace(lines, e, a)
	}
	return strings.Join(lines, "\n")
}

func (f *File) replace(lines []string, e *Eval, a Answer) []string {
	x := e.Expect
	if x.Line == 0 { // no ---- yet: after the eval's last line
		after := e.Name.Line
		if h := e.Table.Header; h != nil {
			after = h[0].Line
		}
		if n := len(e.Table.Rows); n > 0 {
			after = e.Table.Rows[n-1][0].Line
		}
		return slices.Insert(lines, after, append([]string{"----"}, f.answer(a, indent, nil)...)...)
	}
	if x.last < x.first {
		return slices.Insert(lines, x.Line, f.answer(a, indent, nil)...)
	}
	first := f.lines[x.first-1]
	margin := first[:len(first)-len(strings.TrimLeft(first, " \t"))]
	if margin == "" && a.Refused == nil {
		margin = indent
	}
	return slices.Replace(lines, x.first-1, x.last, f.answer(a, margin, f.lines[x.first-1:x.last])...)
}

// answer writes an answer's lines, with the comments and blank lines that stood between the old ones.
func (f *File) answer(a Answer, margin string, old []string) []string {
	var now []string
	if a.Refused != nil {
		now = []string{"error " + a.Refused.String()}
	} else {
		now = FormatTable(a.Header, a.Rows)
	}
	var out []string
	n := 0
	for _, line := range old {
		if comment(line) || blank(line) {
			out = append(out, line)
		} else if n < len(now) {
			out = append(out, margin+now[n])
			n++
		}
	}
	for _, line := range now[n:] {
		out = append(out, margin+line)
	}
	return out
}
