package expr

import (
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Made is a null that an expression may make (X1), in an engine's SQL.
type Made struct {
	Reason Reason
	// When is true of a row where the expression comes to what makes it and it is made; false or null else.
	When string
}

// PrintMade writes the nulls that the expression may make, each as a condition over the same columns as [Expr.Print] reads, so that an engine
// counts what Compile counts. There are none where no part of the expression can make one.
//
// A part makes a null where it is reached, none of its arguments is null, and it is. What and, or, case, if and coalesce do not reach, from
// left to right, makes none; everything else evaluates all of its arguments. An error is a *PrintError.
func (e *Expr) PrintMade(d Dialect, column func(name string) string) ([]Made, error) {
	m := &maderPrinter{printer: printer{dialect: d, column: column}}
	m.walk(e.tree, nil)
	return m.made, m.err
}

type maderPrinter struct {
	printer
	made   []Made
	length int
	err    error
}

// text is SQL for a part's value; after an error it is of no use.
func (m *maderPrinter) text(t *tree) string {
	s, err := m.tree(t, false)
	if m.err == nil {
		m.err = err
	}
	return s
}

// walk adds what a part makes where all of some conditions are true.
func (m *maderPrinter) walk(t *tree, reached []string) {
	if m.err != nil || t.fn == nil {
		return
	}
	if t.fixed { // it makes the same nulls wherever it is reached
		var made Nulls
		t.compile(nil)(nil, &made)
		for _, r := range Reasons() {
			for range made[r] {
				m.add(t, r, reached)
			}
		}
		return
	}
	m.arguments(t, reached)
	when := slices.Clone(reached)
	var args []string
	for _, a := range t.args {
		args = append(args, m.text(a))
		switch {
		case !a.fixed:
			when = append(when, args[len(args)-1]+" IS NOT NULL")
		case a.compile(nil)(nil, nil).IsNull():
			return // so that nothing is made here
		}
	}
	switch f := t.fn; {
	case t.over == intToFloat, f.makes == nil:
	default:
		when = append(when, m.text(t)+" IS NULL")
		reasons, divides := f.makes(t)
		switch {
		case len(reasons) == 0:
		case len(reasons) == 1:
			m.add(t, reasons[0], when)
		default: // the first where its condition is true, else the second, if there is one
			first := fill(divides, args)
			m.add(t, reasons[0], append(slices.Clone(when), first))
			if reasons[1] != 0 {
				m.add(t, reasons[1], append(when, "NOT "+first))
			}
		}
	}
}

// arguments walks those of a call, each where it is reached.
func (m *maderPrinter) arguments(t *tree, reached []string) {
	for i, a := range t.args[t.kernel.first:] {
		before := reached
		if reaches := lazily[t.fn.Name]; reaches != nil {
			before = append(slices.Clone(reached), reaches(i, m.texts(t.args[:i]))...)
		}
		m.walk(a, before)
	}
}

func (m *maderPrinter) texts(ts []*tree) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = m.text(t)
	}
	return out
}

// lazily are the functions that do not evaluate every argument, each with what must be true of the arguments before the i-th.
var lazily = map[string]func(i int, before []string) []string{
	"and":      eachOf("COALESCE(", ", TRUE)"),
	"or":       eachOf("NOT COALESCE(", ", FALSE)"),
	"coalesce": eachOf("", " IS NULL"),
	"case":     reachedCase,
	"if":       reachedCase,
}

func eachOf(prefix, suffix string) func(int, []string) []string {
	return func(_ int, before []string) []string {
		var out []string
		for _, x := range before {
			out = append(out, prefix+x+suffix)
		}
		return out
	}
}

// reachedCase has conditions at even places, with their values after them; what comes last without a condition is for the rest.
func reachedCase(i int, before []string) []string {
	var out []string
	for n := 0; n < len(before); n += 2 {
		if i%2 == 1 && n == len(before)-1 { // the value of this condition
			return append(out, "COALESCE("+before[n]+", FALSE)")
		}
		out = append(out, "NOT COALESCE("+before[n]+", FALSE)")
	}
	return out
}

func (m *maderPrinter) add(t *tree, r Reason, when []string) {
	text := "TRUE"
	if len(when) > 0 {
		text = "(" + strings.Join(when, ") AND (") + ")"
	}
	if m.length += len(text); m.err == nil && m.length > MaxPrinted {
		m.err = &PrintError{Dialect: m.dialect, Name: t.fn.Name, Start: t.start, End: t.end, Message: "what says when it makes nulls is longer than the planner of " + m.dialect.String() + " takes"}
	}
	m.made = append(m.made, Made{r, text})
}

// makes is which nulls a function makes of arguments that are not null, where it does: none, one reason, or two, of which the first holds where
// a template over its arguments is true.
type makes func(t *tree) (reasons []Reason, first string)

// beyond is of results that leave their type.
func beyond(t *tree) ([]Reason, string) {
	switch t.typ.Kind {
	case value.KindTimestamp, value.KindDate:
		return []Reason{TimeRange}, ""
	case value.KindInt, value.KindFloat:
		return []Reason{Overflow}, ""
	}
	return nil, ""
}

// only is one reason, whatever the arguments.
func only(r Reason) makes { return func(*tree) ([]Reason, string) { return []Reason{r}, "" } }

// byZero is of divisions, which may also leave their type.
func byZero(t *tree) ([]Reason, string) { return []Reason{DivisionByZero, Overflow}, "($2 = 0)" }

// outOfDomain is pow's.
func outOfDomain(t *tree) ([]Reason, string) {
	return []Reason{Domain, Overflow}, "($1 = 0 AND $2 < 0 OR $1 < 0 AND $2 % 1 <> 0)"
}

// badCast is of casts that read text, or of floats what is no int.
func badCast(t *tree) ([]Reason, string) {
	if from := t.args[0].typ.Kind; from == value.KindString || from == value.KindFloat && t.typ.Kind == value.KindInt {
		return []Reason{BadCast}, ""
	}
	return nil, ""
}

// outOfList is of elements of lists, which may be null themselves.
func outOfList(t *tree) ([]Reason, string) {
	if t.args[0].typ.Kind != value.KindList {
		return nil, ""
	}
	return []Reason{IndexRange, 0}, "($2 < 1 OR $2 > cardinality($1))"
}
