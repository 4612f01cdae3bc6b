package feature

import (
	"strings"
)

// unknownColumn is a name that no column of a source, a spine or a view has.
func (r *reporter) unknownColumn(at Span, name, in string, columns []string) {
	r.add(codeUnknownColumn, at, "column %q is not in %s", name, in).choose(name, "columns", columns).prefixed(name, columns)
}

// dottedFeature is a feature written as group.feature.
func (r *reporter) dottedFeature(at Span, text, name string) {
	r.add(codeUnknownColumn, at, "%q is not a column of a view", text).cure("a feature is written with two underscores: %s", name)
}

// badName is a name that could not stand in an expression, a path or an address.
func (r *reporter) badName(at Span, what, name string) {
	p := r.add(codeBadName, at, "%q is not a name for %s", name, what)
	if n := asName(name); n != "" && badNameReason(n) == "" {
		p.cure("%s: %q", badNameReason(name), n)
		return
	}
	p.cure("%s", badNameReason(name))
}

// badUnnamed is a column whose name would become part of a feature's name and cannot.
func (r *reporter) badUnnamed(at Span, name string) {
	r.add(codeBadName, at, "the feature would be called %q, which is not a name", name).cure("%s: give it one with name=", badNameReason(name))
}

// maxName is how long a name can be, in bytes: names become files and columns of other programs.
const maxName = 200

// badNameReason says what a name has to look like, where this one does not; "" where it does.
func badNameReason(name string) string {
	switch {
	case name == "":
		return "a name has at least one letter"
	case len(name) > maxName:
		return "a name has at most 200 letters"
	case strings.Trim(name, nameLetters) != "":
		return "a name has letters a to z, digits and _ only"
	case name[0] >= '0' && name[0] <= '9':
		return "a name begins with a letter or _"
	}
	return ""
}

const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// asName is the nearest text that is a name; "" where letters would be lost.
func asName(s string) string {
	if strings.ContainsFunc(s, func(c rune) bool { return c > 0x7f }) {
		return ""
	}
	out := strings.Map(func(c rune) rune {
		if strings.ContainsRune(nameLetters, c) {
			return c
		}
		return '_'
	}, s)
	if out != "" && out[0] >= '0' && out[0] <= '9' {
		out = "_" + out
	}
	return out
}

// nameTwice is a second definition of a name in one namespace.
func (r *reporter) nameTwice(at Span, what, name string, first Span) {
	r.add(codeNameTwice, at, "there are two %ss called %q", what, name).cure("give one another name").related(first, "the first is here")
}

// featureTwice is a second feature of a name in a group.
func (r *reporter) featureTwice(at Span, name, group string, first Span, named bool) {
	p := r.add(codeFeatureTwice, at, "two features of group %q are called %q", group, name).related(first, "the first is here")
	if named {
		p.cure("give one another name")
		return
	}
	p.cure("name= tells them apart")
}

// needsName is a feature whose input is an expression, and that nobody named.
func (r *reporter) needsName(at Span, aggregation string) {
	r.add(codeNeedsName, at, "the input of %s is an expression, so the feature needs a name", aggregation).cure(`add name="…"`)
}

// columnTwice is a name that stands twice in one list or dictionary.
func (r *reporter) columnTwice(at Span, name, list string) {
	r.add(codeColumnTwice, at, "%q stands twice in %s", name, list).cure("leave one out")
}

// reserved is a name that means something of its own.
func (r *reporter) reserved(at Span, name, means string) {
	r.add(codeReserved, at, "%q is %s and cannot be the name of anything else", name, means).cure("choose another name")
}
