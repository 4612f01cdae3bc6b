package transform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Fit learns the constants of the steps over training rows. target is the label's column, for the steps that want one; "" where there is
// none. What steps learn does not depend on how the rows are cut into batches.
//
// It reads the rows as seldom as the steps allow: one pass for all that can be learnt at once, another for what is made of it. A learner
// that keeps a column's numbers, for a median or a quantile, keeps them whole: 8 bytes a row. Beyond keptNumbers in all, columns wait for
// another pass, so that the most that is held is that, or one column.
//
// The error is an *Unfit, of the mistakes of Check and of what the rows do not allow (each step and column by name), a *RowError of a row that a
// step refuses, or that of rows or ctx.
func Fit(ctx context.Context, in value.Schema, steps []Step, target string, rows Rows) (*Pipeline, error) {
	return fit(ctx, in, steps, target, rows, keptNumbers)
}

func fit(ctx context.Context, in value.Schema, steps []Step, target string, rows Rows, memory int) (*Pipeline, error) {
	if _, problems := Check(in, steps); problems != nil {
		return nil, problemsError(problems)
	}
	f := &fitting{ctx: ctx, steps: steps, target: target, rows: rows, memory: memory, p: newPipeline(slices.Clone(in))}
	for f.next < len(steps) {
		if err := f.pass(); err != nil {
			return nil, err
		}
	}
	f.p.seal()
	f.p.fitted = true
	return f.p, nil
}

func problemsError(problems []Problem) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = fmt.Errorf("step %d: %s", p.Step+1, p.Message)
		if p.Cure != "" {
			errs[i] = fmt.Errorf("%w; %s", errs[i], p.Cure)
		}
	}
	return &Unfit{problems, errors.Join(errs...)}
}

// Unfit is what is wrong with steps over the rows that there are: a value too many, none at all, a name that two columns would have.
type Unfit struct {
	Problems []Problem
	err      error
}

// Error says it with the steps' numbers.
func (e *Unfit) Error() string { return e.err.Error() }

// unfits are several as one; any other error goes first.
func unfits(errs []error) error {
	all := &Unfit{err: errors.Join(errs...)}
	for _, err := range errs {
		one := (*Unfit)(nil)
		if !errors.As(err, &one) {
			return err
		}
		all.Problems = append(all.Problems, one.Problems...)
	}
	if len(errs) == 0 {
		return nil
	}
	return all
}

type fitting struct {
	ctx    context.Context
	steps  []Step
	next   int // the first step that is not fitted
	target string
	rows   Rows
	memory int // numbers that a pass may keep
	p      *Pipeline
}

// student is a draft whose learner still sees rows.
type student struct {
	*draft
	learner learner
	slots   []int // of what it reads
	op      op
	names   []string
	done    bool
}

// pass fits as many of the next steps as can be at once: until one reads a column that another of them has yet to learn.
func (f *fitting) pass() error {
	class, err := f.gather()
	if err != nil {
		return err
	}
	for slices.ContainsFunc(class, func(s *student) bool { return !s.done }) {
		if err := f.round(class); err != nil {
			return err
		}
	}
	for _, s := range class {
		u := &unit{step: s.step, kind: s.kind, in: namesOf(s.in), out: s.names, keep: s.keep, op: s.op}
		if err := f.p.add(u); err != nil {
			if twice := (*nameTwice)(nil); errors.As(err, &twice) {
				return s.failed(fmt.Errorf("%w: %s", err, twice.cure()))
			}
			return fmt.Errorf("step %d, %s of %s: %w", s.step+1, s.kind.Name, listed(namesOf(s.in)), err)
		}
	}
	return nil
}

// failed is a mistake that the rows show. What the error says behind its colon is the cure.
func (d *draft) failed(err error) error {
	what := d.kind.Name + " of " + listed(namesOf(d.in)) + ": "
	message, cure, _ := strings.Cut(err.Error(), ": ")
	return &Unfit{[]Problem{{Step: d.step, Column: d.in[0].asked, Message: what + message, Cure: cure}}, fmt.Errorf("step %d, %s%w", d.step+1, what, err)}
}

func (f *fitting) gather() ([]*student, error) {
	scratch := &frame{cols: slices.Clone(f.p.frame.cols), slots: f.p.frame.slots}
	pending := map[string]bool{}
	var class []*student
	memory := &budget{left: f.memory}
	for open := false; f.next < len(f.steps) && !open; f.next++ {
		drafts, problems := scratch.bind(f.next, f.steps[f.next])
		if problems != nil {
			return nil, problemsError(problems)
		}
		if reads(drafts, pending) {
			break
		}
		for _, d := range drafts {
			if problems := scratch.place(d); problems != nil {
				return nil, problemsError(problems)
			}
			s, err := f.enrol(d, memory)
			if err != nil {
				return nil, err
			}
			for _, c := range d.out {
				pending[c.Name] = true
			}
			open = open || d.open
			class = append(class, s)
		}
	}
	return class, nil
}

func reads(drafts []*draft, pending map[string]bool) bool {
	return slices.ContainsFunc(drafts, func(d *draft) bool {
		return slices.ContainsFunc(d.in, func(c bound) bool { return pending[c.Name] })
	})
}

func (f *fitting) enrol(d *draft, memory *budget) (*student, error) {
	s := &student{draft: d, op: d.op, done: d.learn == nil}
	for _, c := range d.out {
		s.names = append(s.names, c.Name)
	}
	if s.done {
		return s, nil
	}
	if d.kind.Target && f.target == "" {
		return nil, d.failed(errors.New("it is fitted to the label, and none is named"))
	}
	for _, c := range d.in {
		s.slots = append(s.slots, f.p.frame.cols[f.p.frame.index(c.Name)].slot)
	}
	s.learner = d.learn(memory)
	return s, nil
}

// round shows all rows to those who are not done.
func (f *fitting) round(class []*student) error {
	a := f.p.NewApplier()
	var first int64
	for batch, err := range f.rows() {
		if err == nil {
			err = f.ctx.Err()
		}
		if err == nil {
			err = a.run(batch, first)
		}
		if err != nil {
			return fmt.Errorf("training rows from %d on: %w", first, err)
		}
		s := &sample{n: batch.N, first: first}
		if f.target != "" {
			if s.target = batch.Column(f.target); s.target == nil {
				return fmt.Errorf("the training rows have no column %q, the label", f.target)
			}
		}
		if err := f.show(class, a, s); err != nil {
			return err
		}
		first += int64(batch.N)
	}
	return f.examine(class)
}

func (f *fitting) show(class []*student, a *Applier, s *sample) error {
	for _, st := range class {
		if st.done {
			continue
		}
		s.in = s.in[:0]
		for _, slot := range st.slots {
			s.in = append(s.in, a.slots[slot])
		}
		if err := st.learner.add(s); err != nil {
			return st.failed(err)
		}
	}
	return nil
}

// examine asks what was learnt, and tells of all who could not learn.
func (f *fitting) examine(class []*student) error {
	var errs []error
	for _, s := range class {
		if s.done {
			continue
		}
		learned, names, again, err := s.learner.finish()
		switch {
		case err != nil:
			errs = append(errs, s.failed(err))
		case !again:
			s.op, s.done, s.learner = learned, true, nil
			if s.open {
				s.name(names)
			}
		}
	}
	return unfits(errs)
}

// name puts what was learnt, as names have it, in place of the star of the family's name.
func (s *student) name(members []string) {
	stem := s.names[0][:len(s.names[0])-1]
	s.names = s.names[:0]
	for _, m := range memberNames(members) {
		s.names = append(s.names, stem+m)
	}
}
