// Package modeltest is the contract suite of model runtimes: what model.Model promises, sentence by sentence.
package modeltest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// A Case is an artifact with rows that it can answer.
type Case struct {
	Name     string
	Open     model.Open
	Location string
	Batch    model.Batch // at least two rows, of which two have different answers
	// Tolerance is by how much a row's answer may differ, absolutely or relatively, with the rows beside it; 0 where Info().Invariant is true.
	Tolerance float64
	// Allocates says that Predict allocates: it waits for another process.
	Allocates bool
}

// Run checks a runtime with its cases, and that it leaves what is not its own to others. foreign is the location of an artifact that is
// of no format of the runtime.
func Run(t *testing.T, cases []Case, foreign string) {
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	t.Run("foreign", func(t *testing.T) {
		m, err := cases[0].Open(context.Background(), foreign)
		if m != nil || !errors.Is(err, model.ErrForeign) || !strings.Contains(err.Error(), foreign) {
			t.Errorf("%v, %v: want ErrForeign that names %s", m, err, foreign)
		}
	})
	t.Run("absent", func(t *testing.T) {
		m, err := cases[0].Open(context.Background(), foreign+".absent")
		if m != nil || err == nil || errors.Is(err, model.ErrForeign) || !strings.Contains(err.Error(), foreign+".absent") {
			t.Errorf("%v, %v: want an error that names what is absent, and leaves it to no other runtime", m, err)
		}
	})
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { run(t, c) })
	}
}

func run(t *testing.T, c Case) {
	m, err := c.Open(context.Background(), c.Location)
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{Case: c, t: t, m: m, info: m.Info()}
	s.numbers, s.texts = s.info.Widths()
	if c.Batch.Rows < 2 {
		t.Fatal("fewer than two rows")
	}
	if c.Tolerance != 0 && s.info.Invariant {
		t.Error("a tolerance for a model whose answers depend on nothing else")
	}
	for _, part := range []struct {
		name string
		run  func()
	}{
		{"info", s.testInfo}, {"outputs", s.testOutputs}, {"rows beside", s.testRowsBeside}, {"shapes", s.testShapes}, {"nothing is kept", s.testKept},
		{"context", s.testContext}, {"concurrency", s.testConcurrent}, {"allocations", s.testAllocations},
	} {
		t.Run(part.name, func(t *testing.T) { s.t = t; part.run() })
	}
	if err := m.Health(context.Background()); err != nil {
		t.Errorf("health: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

type suite struct {
	Case
	t              *testing.T
	m              model.Model
	info           *model.Info
	numbers, texts int
}

// room makes slices for all outputs of n rows, filled with what no model answers.
func (s *suite) room(n int) [][]float64 {
	out := make([][]float64, len(s.info.Outputs))
	for i, o := range s.info.Outputs {
		out[i] = slices.Repeat([]float64{math.Inf(-1)}, n*o.Width)
	}
	return out
}

// part is the rows [from, to) of the case's.
func (s *suite) part(from, to int) *model.Batch {
	return &model.Batch{Rows: to - from, Numbers: s.Batch.Numbers[from*s.numbers : to*s.numbers], Texts: s.Batch.Texts[from*s.texts : to*s.texts]}
}

// columns are one for each input, with no rows.
func (s *suite) columns() []*value.Column {
	out := make([]*value.Column, len(s.info.Inputs))
	for i, in := range s.info.Inputs {
		out[i] = value.NewColumn(in.Type, 0)
	}
	return out
}

func (s *suite) predict(in *model.Batch) [][]float64 {
	s.t.Helper()
	out := s.room(in.Rows)
	if err := s.m.Predict(context.Background(), in, out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *suite) same(what string, got, want []float64) {
	s.t.Helper()
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) && !(math.Abs(got[i]-want[i]) <= s.Tolerance*max(1, math.Abs(want[i]))) {
			s.t.Errorf("%s: at %d: %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func (s *suite) testInfo() {
	if s.info != s.m.Info() {
		s.t.Error("another Info at the second call")
	}
	if s.info.Format == "" || len(s.info.Inputs) == 0 || len(s.info.Outputs) == 0 {
		s.t.Errorf("%+v", s.info)
	}
	names := map[string]bool{}
	for _, in := range s.info.Inputs {
		if in.Name == "" || names[in.Name] {
			s.t.Errorf("input %q has no name, or another's", in.Name)
		}
		names[in.Name] = true
		if k := in.Type.Kind; k != value.KindFloat && k != value.KindInt && k != value.KindString {
			s.t.Errorf("input %s is %s", in.Name, in.Type)
		}
	}
	clear(names)
	for _, o := range s.info.Outputs {
		if o.Name == "" || names[o.Name] || o.Width < 1 {
			s.t.Errorf("output %+v", o)
		}
		names[o.Name] = true
	}
}

// testOutputs sees that what is wanted is written, whole, and what is not wanted changes nothing; that probabilities are such, and classes.
func (s *suite) testOutputs() {
	all := s.predict(&s.Batch)
	for i, o := range s.info.Outputs {
		alone := make([][]float64, i+1)
		alone[i] = s.room(s.Batch.Rows)[i]
		if err := s.m.Predict(context.Background(), &s.Batch, alone); err != nil {
			s.t.Fatal(err)
		}
		s.same(o.Name+" alone", alone[i], all[i])
		for _, x := range all[i] {
			if math.IsInf(x, -1) || o.Kind == model.Probability && !(x >= 0 && x <= 1) || o.Kind == model.Class && (x < 0 || x != math.Trunc(x) || s.info.Classes != nil && int(x) >= len(s.info.Classes)) {
				s.t.Errorf("%s %s is %v", o.Kind, o.Name, x)
			}
		}
	}
	varied := false
	for i := range all[0][:len(all[0])-s.info.Outputs[0].Width] {
		varied = varied || all[0][i] != all[0][i+s.info.Outputs[0].Width]
	}
	if !varied {
		s.t.Error("all rows have one answer: the case shows nothing")
	}
	if err := s.m.Predict(context.Background(), &s.Batch, nil); err != nil {
		s.t.Errorf("nothing wanted: %v", err)
	}
}

// testRowsBeside sees that a row's answer is the same whatever rows stand beside it, and however many.
func (s *suite) testRowsBeside() {
	all := s.predict(&s.Batch)
	for _, n := range []int{1, 2, 7, 8, 9, 31, 33} {
		for from := 0; from < s.Batch.Rows; from += n {
			to := min(from+n, s.Batch.Rows)
			for i, got := range s.predict(s.part(from, to)) {
				w := s.info.Outputs[i].Width
				s.same(s.info.Outputs[i].Name, got, all[i][from*w:to*w])
			}
			if s.t.Failed() {
				s.t.Fatalf("%d rows from %d", n, from)
			}
		}
	}
}

func (s *suite) testShapes() {
	ctx := context.Background()
	if err := s.m.Predict(ctx, &model.Batch{}, s.room(0)); err != nil {
		s.t.Errorf("no rows: %v", err)
	}
	for _, in := range []*model.Batch{{}, s.part(0, s.Batch.Rows)} { // the second has the memory of rows
		filled := model.Batch{Numbers: slices.Clone(in.Numbers), Texts: slices.Clone(in.Texts)}
		if err := filled.Fill(s.info, s.columns(), 0); err != nil {
			s.t.Errorf("columns of no rows: %v", err)
		} else if err := s.m.Predict(ctx, &filled, s.room(0)); err != nil {
			s.t.Errorf("no rows, of columns: %v", err)
		}
	}
	short := s.room(s.Batch.Rows)
	short[0] = short[0][1:]
	for what, call := range map[string]struct {
		in  model.Batch
		out [][]float64
	}{
		"a row more":        {model.Batch{Rows: s.Batch.Rows + 1, Numbers: s.Batch.Numbers, Texts: s.Batch.Texts}, s.room(s.Batch.Rows + 1)},
		"rows below 0":      {model.Batch{Rows: -1}, nil},
		"rows without end":  {model.Batch{Rows: math.MaxInt, Numbers: s.Batch.Numbers, Texts: s.Batch.Texts}, nil},
		"a number more":     {model.Batch{Rows: s.Batch.Rows, Numbers: append(slices.Clone(s.Batch.Numbers), 1), Texts: s.Batch.Texts}, s.room(s.Batch.Rows)},
		"a text more":       {model.Batch{Rows: s.Batch.Rows, Numbers: s.Batch.Numbers, Texts: append(slices.Clone(s.Batch.Texts), "x")}, s.room(s.Batch.Rows)},
		"too short a slice": {s.Batch, short},
		"an output more":    {s.Batch, append(s.room(s.Batch.Rows), []float64{})},
	} {
		if err := s.m.Predict(ctx, &call.in, call.out); err == nil {
			s.t.Errorf("%s: no error", what)
		}
	}
}

// testKept sees that a batch is not changed, and not looked at later.
func (s *suite) testKept() {
	numbers, texts := slices.Clone(s.Batch.Numbers), slices.Clone(s.Batch.Texts)
	in := &model.Batch{Rows: s.Batch.Rows, Numbers: numbers, Texts: texts}
	want := s.predict(in)
	if !slices.EqualFunc(numbers, s.Batch.Numbers, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) || !slices.Equal(texts, s.Batch.Texts) {
		s.t.Error("the batch was changed")
	}
	clear(numbers)
	clear(texts)
	s.same("after the batch was used again", s.predict(&s.Batch)[0], want[0])
}

func (s *suite) testContext() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.m.Predict(ended, &s.Batch, s.room(s.Batch.Rows)); !errors.Is(err, context.Canceled) {
		s.t.Errorf("a context that has ended: %v", err)
	}
	if err := s.m.Health(ended); !errors.Is(err, context.Canceled) {
		s.t.Errorf("health under a context that has ended: %v", err)
	}
	late, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	if err := s.m.Predict(late, &s.Batch, s.room(s.Batch.Rows)); !errors.Is(err, context.DeadlineExceeded) {
		s.t.Errorf("a deadline that has passed: %v", err)
	}
}

func (s *suite) testConcurrent() {
	want := s.predict(&s.Batch)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 20 {
				from := (g*20 + i) % (s.Batch.Rows - 1)
				in := s.part(from, s.Batch.Rows)
				out := s.room(in.Rows)
				if err := s.m.Predict(context.Background(), in, out); err != nil {
					s.t.Error(err)
					return
				}
				for k := range out {
					s.same("beside other calls", out[k], want[k][from*s.info.Outputs[k].Width:])
				}
			}
		})
	}
	wg.Wait()
}

func (s *suite) testAllocations() {
	if s.Allocates {
		s.t.Skip("waits for another process")
	}
	in, out, ctx := s.part(0, 1), s.room(1), context.Background()
	// What is kept for the next call may be gone: the garbage collector empties pools, and the race detector throws away a part of what is put
	// into them. So there must be a call without, and what every call allocates shows in each.
	least := math.Inf(1)
	for range 50 {
		least = min(least, testing.AllocsPerRun(1, func() {
			if err := s.m.Predict(ctx, in, out); err != nil {
				s.t.Error(err)
			}
		}))
	}
	if least > 0 {
		s.t.Errorf("each call allocates %v times for a row", least)
	}
}
