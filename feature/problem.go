package feature

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says what a problem means: an error stops everything that would run the definition, a warning names what is probably
// wrong, a hint what is good to know.
type Severity uint8

// The severities, worst first.
const (
	SeverityError Severity = iota
	SeverityWarning
	SeverityHint
)

// String is the word that reports print.
func (s Severity) String() string { return [...]string{"error", "warning", "hint"}[s] }

// Problem is one numbered mistake of an author, or one thing that an author should know, at its place in a definition file.
type Problem struct {
	Code     Code
	Severity Severity
	At       Span  // invalid where it has no place in a file: a setting, a recording that was cut off
	Via      []Pos // the calls that led to At, innermost first, where At stands in a helper
	Message  string
	Near     []string // what may have been meant, best first
	Names    []string // all that could have been written, where that is a set of names
	What     string   // what Names are: "columns"
	Cure     string   // what to write instead; empty where Near and Names say it
	Related  []Related
	// Traceback is Python's, of a file that raised; reports show it when asked to.
	Traceback string
	// More is how many further problems of this number stand at this very place: a helper called in a loop.
	More int
}

// Related is another place that a problem is about, such as the first of two definitions of one name.
type Related struct {
	At      Span
	Message string
}

// maxNames is how many names Advice lists.
const maxNames = 5

// Advice is the cure in a line: the nearest names, what could have been written, and what to do; where the message says all of that,
// where more can be read.
func (p Problem) Advice() string {
	var parts []string
	if len(p.Near) > 0 {
		parts = append(parts, "did you mean "+quotedList(p.Near, " or ")+"?")
	}
	if p.Cure != "" {
		parts = append(parts, p.Cure)
	}
	if len(p.Names) > 0 {
		names := slices.Clone(p.Names)
		slices.Sort(names)
		more := ""
		if len(names) > maxNames {
			names, more = names[:maxNames], ", …"
		}
		parts = append(parts, p.What+": "+strings.Join(names, ", ")+more)
	}
	if len(parts) == 0 {
		return "bighead help " + p.Code.String() + " explains it"
	}
	return strings.Join(parts, "  ")
}

// Error is the problem in a line, with its place and its advice.
func (p Problem) Error() string {
	text := fmt.Sprintf("%s[%s]: %s", p.Severity, p.Code, p.Message)
	if p.At.IsValid() {
		text = p.At.String() + ": " + text
	}
	return text + " (" + p.Advice() + ")"
}

// Problems are all of one run, in file order.
type Problems []Problem

// Failed reports whether one of them is an error.
func (ps Problems) Failed() bool { return ps.Count(SeverityError) > 0 }

// Count is how many have the severity, those at the same place included.
func (ps Problems) Count(s Severity) int {
	n := 0
	for _, p := range ps {
		if p.Severity == s {
			n += 1 + p.More
		}
	}
	return n
}

// Err is the errors among them as one error, nil where there is none.
func (ps Problems) Err() error {
	var errs Problems
	for _, p := range ps {
		if p.Severity == SeverityError {
			errs = append(errs, p)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// Error is one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// maxAlike is how many problems of one number are kept at one place; a loop over a helper can make thousands.
const maxAlike = 3

// Settle puts problems into file order, drops those said twice, and counts those beyond the first few at one place.
func Settle(ps Problems) Problems {
	slices.SortStableFunc(ps, comparePlaces)
	type place struct {
		code Code
		at   Span
	}
	said := map[string]bool{}
	alike := map[place][]int{}
	var out Problems
	for _, p := range ps {
		key := fmt.Sprintf("%d\x00%s\x00%d:%d\x00%s", p.Code, p.At, p.At.EndLine, p.At.EndCol, p.Message)
		if said[key] {
			continue
		}
		said[key] = true
		at := place{p.Code, p.At}
		if kept := alike[at]; p.At.IsValid() && len(kept) >= maxAlike {
			out[kept[len(kept)-1]].More++
			continue
		}
		alike[at] = append(alike[at], len(out))
		out = append(out, p)
	}
	return out
}

func comparePlaces(a, b Problem) int {
	return cmp.Or(
		strings.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Col, b.At.Col),
		cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Code, b.Code), strings.Compare(a.Message, b.Message),
	)
}

// quotedList joins names as "a", "b" or "c".
func quotedList(names []string, last string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + n + `"`
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + last + quoted[len(quoted)-1]
}
