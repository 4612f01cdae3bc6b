package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/bighead-ml/bighead/feature"
)

// text prints each problem as its place, what is wrong, the line with a caret under it, and the cure:
//
//	features.py:21:16: error[BH012]: column "dep_dlay" is not in source "flights"
//	   21 |         bh.avg("dep_dlay", windows=["1h"]),
//	      |                ^^^^^^^^^^
//	   did you mean "dep_delay"?  columns: air_time, arr_delay, arr_time, carrier, dep_delay, …
func text(w io.Writer, ps feature.Problems, o Options) error {
	b := bufio.NewWriter(w)
	f := &files{read: o.Source, lines: map[string][]string{}}
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		one(b, f, p, o)
	}
	return b.Flush()
}

func one(b *bufio.Writer, f *files, p feature.Problem, o Options) {
	if p.At.IsValid() {
		fmt.Fprintf(b, "%s: ", p.At)
	}
	fmt.Fprintf(b, "%s[%s]: %s\n", p.Severity, p.Code, p.Message)
	if line, ok := f.line(p.At.File, p.At.Line); ok && p.At.IsValid() {
		quote(b, line, p.At)
	}
	fmt.Fprintf(b, "   %s\n", p.Advice())
	for _, r := range p.Related {
		fmt.Fprintf(b, "   %s: %s\n", r.At, r.Message)
	}
	for i, v := range p.Via {
		fmt.Fprintf(b, "   called from %s\n", v)
		if line, ok := f.line(v.File, v.Line); ok && i == 0 {
			fmt.Fprintf(b, "%5d | %s\n", v.Line, printable(cut(line)))
		}
	}
	if p.More > 0 {
		fmt.Fprintf(b, "   and %d more like it from this place\n", p.More)
	}
	if o.Traceback && p.Traceback != "" {
		for _, line := range strings.Split(strings.TrimRight(p.Traceback, "\n"), "\n") {
			fmt.Fprintf(b, "   | %s\n", line)
		}
	}
}

// The width of what is shown of a line: of a longer one, the part around the caret.
const (
	maxWidth = 160
	before   = 60
)

// quote prints a line and the caret under the span in it.
func quote(b *bufio.Writer, line string, at feature.Span) {
	runes := []rune(line)
	from := min(max(at.Col-1, 0), len(runes))
	to := len([]rune(strings.TrimRightFunc(line, unicode.IsSpace)))
	if at.EndLine == at.Line {
		to = min(max(at.EndCol-1, from), len(runes))
	}
	prefix := ""
	if len(runes) > maxWidth {
		start := max(0, min(from-before, len(runes)-maxWidth))
		end := min(len(runes), start+maxWidth)
		suffix := ""
		if end < len(runes) {
			suffix = "…"
		}
		if start > 0 {
			prefix = "…"
		}
		line = prefix + string(runes[start:end]) + suffix
		from, to = from-start, min(to, end)-start
		runes = runes[start:]
	}
	gutter := fmt.Sprintf("%5d", at.Line)
	fmt.Fprintf(b, "%s | %s\n", gutter, printable(line))
	fmt.Fprintf(b, "%s | %s%s\n", strings.Repeat(" ", len(gutter)), blank(prefix+string(runes[:from])), strings.Repeat("^", max(1, width(runes[from:max(from, to)]))))
}

// cut shortens a long line from its end.
func cut(line string) string {
	if r := []rune(line); len(r) > maxWidth {
		return string(r[:maxWidth]) + "…"
	}
	return line
}

// printable keeps control characters of a hostile file from the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

// blank is a text's width in blanks, tabs kept.
func blank(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteString(strings.Repeat(" ", columns(r)))
		}
	}
	return b.String()
}

func width(runes []rune) int {
	n := 0
	for _, r := range runes {
		n += columns(r)
	}
	return n
}

// columns is how many columns of a terminal a character takes: none for a combining mark, two for an ideograph or an emoji.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana), r >= 0xFF01 && r <= 0xFF60, r >= 0x1F300 && r <= 0x1FAFF:
		return 2
	}
	return 1
}
