package model

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/value"
)

// resolve finds what the model's inputs and answer are by the manifest, and asks it the rows of check.
func (a *Artifact) resolve(ctx context.Context) (err error) {
	m, info := a.Manifest, a.Model.Info()
	if len(m.Inputs) != len(info.Inputs) {
		return fmt.Errorf("the model takes %d inputs, and its manifest names %d", len(info.Inputs), len(m.Inputs))
	}
	if a.Answer, err = m.Task.Answer(info); err != nil {
		return err
	}
	if n := len(m.Classes); n > 0 && n != max(a.Answer.Width, 2) {
		return fmt.Errorf("the manifest names %d classes, and the model has %d", n, max(a.Answer.Width, 2))
	}
	if n := len(m.Popular); n > 0 && n != a.Answer.Width {
		return fmt.Errorf("the manifest's popular are %d numbers, and the model answers with %d", n, a.Answer.Width)
	}
	if m.Pipeline == nil { // what a pipeline leaves is for who knows pipelines
		if err := a.Takes(m.Schema()); err != nil {
			return err
		}
	}
	return a.Check(ctx)
}

// Takes says why the model's inputs cannot be had from columns, which the pipeline leaves, or where there is none the view; nil: they can.
func (a *Artifact) Takes(columns value.Schema) error {
	info := a.Model.Info()
	for i, name := range a.Manifest.Inputs {
		at := columns.Index(name)
		if at < 0 {
			return fmt.Errorf("input %q is column %q, which is not there", info.Inputs[i].Name, name)
		}
		if err := info.Inputs[i].Takes(name, columns[at].Type); err != nil {
			return err
		}
	}
	return nil
}

// Schema is the columns of the view that go in.
func (m *Manifest) Schema() value.Schema {
	s := make(value.Schema, len(m.Columns))
	for i, c := range m.Columns {
		s[i] = value.Field{Name: c.Name, Type: c.Type}
	}
	return s
}

// Check asks the model the rows of the manifest's check and says which it answers otherwise than the framework did, by the promise of its
// runtime. It also makes a model warm that has not answered yet.
func (a *Artifact) Check(ctx context.Context) error {
	b, err := a.checkBatch()
	if err != nil {
		return err
	}
	got := make([]float64, b.Rows*a.Answer.Width)
	if err := a.Answer.Predict(ctx, a.Model, b, got, &Scratch{}); err != nil {
		return fmt.Errorf("the model does not answer the rows of check: %w", err)
	}
	want := make([]float64, 0, len(got))
	for i, row := range a.Manifest.Check {
		if len(row.Answer) != a.Answer.Width {
			return fmt.Errorf("row %d of check has %d answers, the task has %d", i, len(row.Answer), a.Answer.Width)
		}
		want = append(want, row.Answer...)
	}
	holds := promise(a.Manifest.Runtime, want)
	for i := range want {
		if !holds(got[i], want[i]) {
			return fmt.Errorf("the model answers row %d of check with %v, and %s answered %v: it is not the model that was trained, or this runtime does not run it rightly",
				i/a.Answer.Width, got[i], frameworkOf(a.Manifest), want[i])
		}
	}
	return nil
}

func frameworkOf(m *Manifest) string {
	if m.Framework == "" {
		return "the framework"
	}
	return m.Framework
}

// checkBatch are the rows of check as the model takes them.
func (a *Artifact) checkBatch() (*Batch, error) {
	if len(a.Manifest.Check) == 0 {
		return nil, errors.New("the manifest has no rows of check: nothing says that the model answers as its framework did")
	}
	numbers, texts := a.Model.Info().Widths()
	b := &Batch{Rows: len(a.Manifest.Check)}
	for i, row := range a.Manifest.Check {
		if len(row.Numbers) != numbers || len(row.Texts) != texts {
			return nil, fmt.Errorf("row %d of check has %d numbers and %d texts, the model takes %d and %d", i, len(row.Numbers), len(row.Texts), numbers, texts)
		}
		for _, x := range row.Numbers {
			if x == nil {
				b.Numbers = append(b.Numbers, math.NaN())
			} else {
				b.Numbers = append(b.Numbers, *x)
			}
		}
		b.Texts = append(b.Texts, row.Texts...)
	}
	return b, nil
}

// promise is how equal two answers are by docs/models.md §4, of a runtime by its name; answers are a framework's own. A framework that answers
// in float32 is told by that: all of its answers are such numbers.
func promise(runtime string, answers []float64) func(got, want float64) bool {
	absolute, relative := 1e-6, 1e-6
	switch runtime {
	case "tree":
		absolute, relative = 0, 1e-14
		if allNarrow(answers) {
			absolute, relative = 2e-7, 2e-7
		}
	case "onnx":
		absolute, relative = 2e-6, 2e-6
	}
	return func(got, want float64) bool {
		return got == want || math.Abs(got-want) <= max(absolute, relative*math.Abs(want)) // false of a NaN
	}
}

func allNarrow(numbers []float64) bool {
	for _, x := range numbers {
		if float64(float32(x)) != x {
			return false
		}
	}
	return true
}
