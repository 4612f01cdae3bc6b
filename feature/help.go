package feature

import (
	_ "embed"
	"strings"
	"sync"
)

// Help explains a number: what is wrong, and an example before and after.
type Help struct {
	Code          Code
	Title         string
	Severity      Severity
	Text          string // paragraphs, parted by an empty line
	Before, After string // Python
}

//go:embed help.md
var helpText string

// HelpOf finds the explanation of a number.
func HelpOf(c Code) (Help, bool) {
	h, ok := helps()[c]
	return h, ok
}

// String is the explanation as `bighead help BH012` prints it.
func (h Help) String() string {
	return h.Code.String() + ": " + h.Title + " (" + h.Severity.String() + ")\n\n" + h.Text + "\n\nBefore:\n\n" + indent(h.Before) + "\nAfter:\n\n" + indent(h.After)
}

// Markdown is the explanation for viewers that show it formatted.
func (h Help) Markdown() string {
	lang := "python"
	if h.Code.OfRequest() {
		lang = ""
	}
	return "**" + h.Title + "**\n\n" + h.Text + "\n\nBefore:\n\n```" + lang + "\n" + h.Before + "\n```\n\nAfter:\n\n```" + lang + "\n" + h.After + "\n```\n"
}

func indent(s string) string {
	return "    " + strings.ReplaceAll(s, "\n", "\n    ") + "\n"
}

// helps reads help.md: a section "## BH012: title" for each number, with paragraphs, "Before:" and "After:", each with an indented block.
var helps = sync.OnceValue(func() map[Code]Help {
	out := map[Code]Help{}
	for _, section := range strings.Split("\n"+helpText, "\n## ")[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		number, title, _ := strings.Cut(heading, ": ")
		c, ok := ParseCode(number)
		if !ok {
			panic("feature: help.md explains " + number + ", which is no number of codes.go")
		}
		text, examples, _ := strings.Cut(body, "\nBefore:\n")
		before, after, _ := strings.Cut(examples, "\nAfter:\n")
		out[c] = Help{Code: c, Title: title, Severity: c.Severity(), Text: strings.TrimSpace(text), Before: dedent(before), After: dedent(after)}
	}
	return out
})

func dedent(s string) string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "    ")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
