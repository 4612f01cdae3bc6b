package expr

import (
	"cmp"
	"slices"
	"strings"
)

// Kind says what an Error is about, for callers that word it in their own terms (a column "is not in source flights").
type Kind uint8

// The kinds of mistakes.
const (
	Syntax Kind = iota
	UnknownColumn
	UnknownFunction
	TypeMismatch
	BadConstant // a constant argument out of its range: a unit, a zone, a pattern
	TooLarge
)

// Error is one mistake of the author, at the bytes [Start, End) of the source text.
type Error struct {
	Kind       Kind
	Start, End int
	Message    string
	Cure       string // what to write instead; empty where the message says it
	Name       string // the unknown column or function
}

// Error is the message and the cure, without the place.
func (e *Error) Error() string {
	if e.Cure == "" {
		return e.Message
	}
	return e.Message + "; " + e.Cure
}

// Errors are all mistakes of one text, by place. A nil Errors is no error, so test len rather than comparing an error with nil.
type Errors []*Error

// Error joins the mistakes, one a line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is the mistakes as an error, nil when there are none.
func (es Errors) Err() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
	return slices.CompactFunc(es, func(a, b *Error) bool { return *a == *b }) // the subject of a case is typed once for each when
}

// Nearest lists the names that one may have meant by name, best first and at most three: those within a third of its length in
// edits (insert, delete, replace, swap neighbours), or that differ in case alone; where there is none, those that begin or end with it.
func Nearest(name string, among []string) []string {
	type near struct {
		name string
		d    int
	}
	var found []near
	limit := (len([]rune(name)) + 1) / 3
	for _, n := range among {
		d := edits([]rune(strings.ToLower(name)), []rune(strings.ToLower(n)), limit)
		if d <= limit && n != name {
			found = append(found, near{n, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Or(cmp.Compare(a.d, b.d), strings.Compare(a.name, b.name)) })
	out := make([]string, 0, 3)
	for _, f := range found[:min(3, len(found))] {
		if f.d > found[0].d+1 {
			break
		}
		out = append(out, f.name)
	}
	if len(out) == 0 && len(name) >= 3 {
		return longer(name, among)
	}
	return out
}

// longer lists at most three names that begin or end with name, the shortest first.
func longer(name string, among []string) []string {
	var out []string
	word := strings.ToLower(name)
	for _, n := range among {
		if l := strings.ToLower(n); strings.HasPrefix(l, word) || strings.HasSuffix(l, word) {
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	return out[:min(3, len(out))]
}

// edits is the optimal string alignment distance, cut off beyond limit.
func edits(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}

// clip shortens what the author wrote for a message.
func clip(s string) string {
	const most = 60
	if r := []rune(s[:min(len(s), 4*most+4)]); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// didYouMean is the cure for an unknown name: the nearest ones, quoted.
func didYouMean(near []string) string {
	if len(near) == 0 {
		return ""
	}
	quoted := make([]string, len(near))
	for i, n := range near {
		quoted[i] = `"` + n + `"`
	}
	return "did you mean " + strings.Join(quoted, " or ") + "?"
}
