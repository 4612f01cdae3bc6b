// Package report prints the problems of definitions: as text with the line and a caret under it, as JSON, as annotations of GitHub's
// workflows, and as SARIF for code scanning. It decides nothing: what is wrong, where, and what to do instead stands in each
// feature.Problem.
//
// To add a format: a file with its function, and its line in formats.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/feature"
)

// Options say how a report is printed.
type Options struct {
	// Source gives the text of a definition file by the name that positions have, for the line under a problem. Nil or an error: the
	// line is left out.
	Source func(file string) (string, error)
	// Traceback shows Python's, where a file raised.
	Traceback bool
	// Version of the binary, for SARIF.
	Version string
}

var formats = map[string]func(w io.Writer, ps feature.Problems, o Options) error{
	"text": text, "json": asJSON, "github": github, "sarif": sarif,
}

// Formats lists the formats' names.
func Formats() []string {
	var names []string
	for n := range formats {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Write prints problems in one of Formats.
func Write(w io.Writer, format string, ps feature.Problems, o Options) error {
	print, ok := formats[format]
	if !ok {
		return fmt.Errorf("there is no format %q; formats are %s", format, strings.Join(Formats(), ", "))
	}
	return print(w, ps, o)
}

// Summary counts problems: "3 errors, 1 warning".
func Summary(ps feature.Problems) string {
	var parts []string
	for _, s := range []feature.Severity{feature.SeverityError, feature.SeverityWarning, feature.SeverityHint} {
		switch n := ps.Count(s); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+s.String())
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, s))
		}
	}
	return strings.Join(parts, ", ")
}

// files keeps the lines of files that were read.
type files struct {
	read  func(string) (string, error)
	lines map[string][]string
}

// line is a line of a file, from one, without its end.
func (f *files) line(file string, n int) (string, bool) {
	if f.read == nil || n < 1 {
		return "", false
	}
	lines, ok := f.lines[file]
	if !ok {
		if text, err := f.read(file); err == nil {
			lines = strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
		}
		f.lines[file] = lines
	}
	if n > len(lines) {
		return "", false
	}
	return strings.TrimSuffix(strings.ToValidUTF8(lines[n-1], "\ufffd"), "\r"), true
}
