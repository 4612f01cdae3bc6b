package transform

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// frame is the columns as they stand between two steps, each in a slot of the applier.
type frame struct {
	cols  []held
	slots int // how many there are so far
}

// held is a column of a frame.
type held struct {
	Column
	slot int
}

func newFrame(in value.Schema) *frame {
	f := &frame{slots: len(in)}
	for i, c := range in {
		f.cols = append(f.cols, held{Column{Name: c.Name, Type: c.Type, From: []string{c.Name}}, i})
	}
	return f
}

func (f *frame) index(name string) int {
	return slices.IndexFunc(f.cols, func(c held) bool { return c.Name == name })
}

func (f *frame) names() []string {
	out := make([]string, len(f.cols))
	for i, c := range f.cols {
		out[i] = c.Name
	}
	return out
}

func (f *frame) columns() []Column {
	out := make([]Column, len(f.cols))
	for i, c := range f.cols {
		out[i] = c.Column
	}
	return out
}

// replace lets columns take the place of the first of those that are read, which go unless they are kept; what comes of kept ones stands
// at the end. It is an error if a name would be there twice.
func (f *frame) replace(in []string, out []held, keep bool) error {
	at := len(f.cols)
	if !keep {
		for i := len(f.cols) - 1; i >= 0; i-- {
			if slices.Contains(in, f.cols[i].Name) {
				f.cols = slices.Delete(f.cols, i, i+1)
				at = i
			}
		}
		at = min(at, len(f.cols))
	}
	taken := make(map[string]bool, len(f.cols)+len(out))
	for _, c := range f.cols {
		taken[c.Name] = true
	}
	for i, c := range out {
		if taken[c.Name] {
			own := slices.ContainsFunc(out[:i], func(o held) bool { return o.Name == c.Name })
			return &nameTwice{c.Name, own}
		}
		taken[c.Name] = true
	}
	f.cols = slices.Insert(f.cols, at, out...)
	return nil
}

// nameTwice is a name that two columns would have, or of one step's own.
type nameTwice struct {
	name string
	own  bool
}

func (e *nameTwice) Error() string { return fmt.Sprintf("two columns would be called %q", e.name) }

func (e *nameTwice) cure() string {
	if e.own { // of what steps make of one column no two are called alike but a value and null
		return `a value is called as the column for null is: missing="zeros" has none, or impute another word before`
	}
	return "rename or drop one of them before this step"
}

// lineage is the input's columns that columns are made of, sorted.
func lineage(in []bound) []string {
	var from []string
	for _, c := range in {
		from = append(from, c.From...)
	}
	slices.Sort(from)
	return slices.Compact(from)
}

// bound is a column that a step reads, and which of its Columns asked for it.
type bound struct {
	Column
	asked int
}

var selectors = map[string]func(Column) bool{
	"@numeric": func(c Column) bool { return c.Type.Numeric() && !c.Categorical },
	"@strings": func(c Column) bool { return c.Type.Kind == value.KindString },
	"@bools":   func(c Column) bool { return c.Type.Kind == value.KindBool },
	"@times":   func(c Column) bool { return c.Type.Kind == value.KindTimestamp || c.Type.Kind == value.KindDate },
	"@all":     func(Column) bool { return true },
}

// choose finds the columns that a step names, each once, those of one pattern in the frame's order, and reports what is not there.
func (b *binding) choose(patterns []string) {
	if len(patterns) == 0 {
		b.report(-1, "", `write its columns first: "x", ["x", "y"], bh.numeric or "wx__*"`, "%s names no column", b.kind.Name)
	}
	for i, pattern := range patterns {
		found := b.frame.matches(pattern)
		if len(found) == 0 {
			b.unmatched(i, pattern)
		}
		for _, c := range found {
			if slices.ContainsFunc(b.columns, func(o bound) bool { return o.Name == c.Name }) {
				continue
			}
			if !b.kind.takes(c.Type) {
				b.report(i, "", typeCure(pattern), "%s takes %s, and %q is %s", b.kind.Name, b.kind.types(), c.Name, value.An(c.Type.String()))
				continue
			}
			b.columns = append(b.columns, bound{c, i})
		}
	}
}

func (f *frame) matches(pattern string) []Column {
	want, glob := selectors[pattern]
	switch {
	case glob:
	case strings.ContainsAny(pattern, "*?["):
		want = func(c Column) bool {
			ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(c.Name, "/", "\x00"))
			return ok && err == nil
		}
	default:
		want = func(c Column) bool { return c.Name == pattern }
	}
	var out []Column
	for _, c := range f.cols {
		if want(c.Column) {
			out = append(out, c.Column)
		}
	}
	if out == nil && !glob {
		for _, c := range f.cols { // a member by its value, as Check lets it be named
			if strings.Contains(c.Name, "%") && spelled(c.Name) == pattern {
				return []Column{c.Column}
			}
		}
		out = f.member(pattern)
	}
	return out
}

// member is a column that a family may turn out to have, which only fitting can tell.
func (f *frame) member(pattern string) []Column {
	for _, c := range f.cols {
		if c.Family && familyHas(c.Name, pattern) {
			one := c.Column
			one.Name = pattern
			one.Family = strings.ContainsAny(pattern, "*?[")
			return []Column{one}
		}
	}
	return nil
}

// familyHas says whether a name, or a glob, may be of a family's members.
func familyHas(family, name string) bool {
	stem, _, _ := strings.Cut(family, "*")
	prefix := strings.TrimRight(name, "*?")
	return strings.HasPrefix(prefix, stem) && len(prefix) > len(stem)
}

func (b *binding) unmatched(i int, pattern string) {
	switch {
	case selectors[pattern] != nil:
		b.report(i, "", "leave the step out, or name columns", "%s finds no column of that type here", pattern)
	case strings.HasPrefix(pattern, "@"):
		b.reportName(i, "", pattern, sortedKeys(selectors), "%q is no selector", pattern)
	case strings.ContainsAny(pattern, "*?["):
		b.report(i, "", "columns here are "+listed(b.frame.names()), "%q matches no column here", pattern)
	default:
		b.reportName(i, "", pattern, b.frame.names(), "no column is called %q here", pattern)
	}
}

// listed is some names, for cures.
func listed(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

func (k *Kind) types() string {
	var words []string
	for _, t := range k.Takes {
		words = append(words, t.String())
	}
	if k.Texts {
		words = append(words, "list<string>")
	}
	if words == nil {
		return "any type"
	}
	return oneOf(words)
}

func typeCure(pattern string) string {
	if pattern == "@all" || strings.ContainsAny(pattern, "*?[") {
		return "name the columns, or take bh.numeric, bh.strings, bh.bools or bh.times"
	}
	return "take it out of the step, or make it another type in the view's derive"
}
