package transform

import (
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// binding is a step that is being bound to the columns that it finds.
type binding struct {
	kind     *Kind
	step     int
	declared Step
	frame    *frame
	args     arguments
	columns  []bound
	drafts   []*draft
	problems []Problem
}

// draft is a part of a step over a few columns, before it is fitted.
type draft struct {
	step  int
	kind  *Kind
	in    []bound
	keep  bool     // the columns stay beside what is made of them
	out   []Column // by name and type
	open  bool     // out is a family, whose members' names are learnt: the family's, with what is learnt in place of its star
	op    op       // where nothing is to be learnt
	learn func(*budget) learner
}

// Check says what columns the steps leave of a table of that schema, before anything is fitted: a family (Column.Family) stands for those
// that fitting finds. It reports every mistake of every step; what follows from a mistake is not reported again, as far as that can be told.
// With problems the columns mean nothing.
func Check(in value.Schema, steps []Step) ([]Column, []Problem) {
	f := newFrame(in)
	var problems []Problem
	for i, step := range steps {
		drafts, found := f.bind(i, step)
		problems = append(problems, found...)
		for _, d := range drafts {
			problems = append(problems, f.place(d)...)
		}
	}
	return f.columns(), problems
}

// Reads are the columns of a table that the steps make something of, or leave: whoever applies them may give columns of nulls for the others, and
// need not read them. The steps must be ones that Check finds nothing wrong with.
func Reads(in value.Schema, steps []Step) []string {
	f := newFrame(in)
	made := map[string]bool{}
	mark := func(from []string) {
		for _, name := range from {
			made[name] = true
		}
	}
	for i, step := range steps {
		drafts, _ := f.bind(i, step)
		for _, d := range drafts {
			if len(d.out) > 0 || d.learn != nil {
				mark(lineage(d.in))
			}
			f.place(d)
		}
	}
	for _, c := range f.cols {
		mark(c.From)
	}
	return slices.DeleteFunc(in.Names(), func(name string) bool { return !made[name] })
}

// bind makes the drafts of a step over the columns of the frame, which it does not change.
func (f *frame) bind(i int, step Step) ([]*draft, []Problem) {
	kind, ok := Lookup(step.Kind)
	b := &binding{kind: kind, step: i, declared: step, frame: f}
	if !ok {
		b.reportName(-1, "", step.Kind, KindNames(), "no step is called %q", step.Kind)
		return nil, b.problems
	}
	b.readArgs(step.Args)
	b.choose(step.Columns)
	if len(b.columns) > 0 && b.problems == nil {
		kind.draft(b)
	}
	if b.problems != nil {
		b.drafts = nil
	}
	return b.drafts, b.problems
}

// place lets a draft's columns into the frame.
func (f *frame) place(d *draft) []Problem {
	out := make([]held, len(d.out))
	for j, c := range d.out {
		c.From = lineage(d.in)
		out[j] = held{c, f.slots}
		f.slots++
	}
	if err := f.replace(namesOf(d.in), out, d.keep); err != nil { // which is all that it says
		return []Problem{{Step: d.step, Column: d.in[0].asked, Message: err.Error(), Cure: "rename or drop one of them before this step"}}
	}
	return nil
}

func namesOf(in []bound) []string {
	names := make([]string, len(in))
	for i, c := range in {
		names[i] = c.Name
	}
	return names
}

func (b *binding) add(d *draft) {
	d.step, d.kind = b.step, b.kind
	for i := range d.out { // what is made of a family is one
		d.out[i].Family = d.open || slices.ContainsFunc(d.in, func(c bound) bool { return c.Family })
	}
	b.drafts = append(b.drafts, d)
}

// each adds a draft for each of the columns.
func (b *binding) each(make func(c bound) *draft) {
	for _, c := range b.columns {
		if d := make(c); d != nil {
			d.in = []bound{c}
			b.add(d)
		}
	}
}

// report notes a mistake at one of the step's columns, or at -1, and at an argument, or at "".
func (b *binding) report(column int, arg, cure, format string, args ...any) {
	b.problems = append(b.problems, Problem{Step: b.step, Column: column, Arg: arg, Message: fmt.Sprintf(format, args...), Cure: cure})
}

func (b *binding) reportArg(arg, cure, format string, args ...any) {
	b.report(-1, arg, cure, format, args...)
}

// reportName notes a name that is not known, beside those that are.
func (b *binding) reportName(column int, arg, got string, names []string, format string, args ...any) {
	b.problems = append(b.problems, Problem{Step: b.step, Column: column, Arg: arg, Message: fmt.Sprintf(format, args...), Got: got, Names: names})
}

// as is a column that keeps its name and gets another type.
func (c bound) as(t value.Type) Column { return Column{Name: c.Name, Type: t} }

// family stands for columns of a type whose names begin with the column's.
func (c bound) family(t value.Type) []Column { return []Column{{Name: c.Name + "_*", Type: t}} }
