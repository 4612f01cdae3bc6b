package model

import (
	"context"
	"fmt"
)

// Answer says which of a model's numbers are the answer to its task (docs/models.md §2).
type Answer struct {
	Output int // of Info.Outputs
	Width  int // numbers a row: 1, or the classes of a multiclass model

	whole int // numbers a row that the output has
	// unsure says that the numbers are to be probabilities, and that nobody but the task says so.
	unsure bool
}

// Answer finds what of a model's outputs the task means. A model that answers nothing of the kind was trained for another task. Of outputs that
// do not say what they are, the one that has as many numbers as the task answers is meant; two of them are a mistake, for which of them is not known.
func (t Task) Answer(info *Info) (Answer, error) {
	kinds, width := []Kind{Value}, 1
	switch t {
	case Binary:
		kinds = []Kind{Probability}
	case Multiclass:
		kinds, width = []Kind{Probability}, 0
	case Regression:
	case Ranking:
		kinds = []Kind{Value, Margin, Probability}
	default:
		return Answer{}, fmt.Errorf("task %q is not known: it is binary, multiclass, regression or ranking", t)
	}
	for _, k := range kinds {
		i := info.Output(k)
		if i < 0 {
			continue
		}
		a := Answer{Output: i, Width: width, whole: info.Outputs[i].Width}
		switch {
		case width == 0 && a.whole > 1:
			a.Width = a.whole
			return a, nil
		case a.whole == width, t == Binary && a.whole == 2:
			return a, nil
		}
	}
	if a, err := t.untold(info, width); a.whole > 0 || err != nil {
		return a, err
	}
	return Answer{}, fmt.Errorf("a model for task %q has an output of kind %s, of %s; this one (%s) has %s", t, kinds[0], []string{"two numbers or more", "one number"}[width], info.Format, listOutputs(info))
}

// untold finds the answer among outputs that do not say what they are; whole 0: there is none.
func (t Task) untold(info *Info, width int) (a Answer, err error) {
	for i, o := range info.Outputs {
		switch {
		case o.Kind != Untold, width == 0 && o.Width < 2, width == 1 && o.Width != 1 && !(t == Binary && o.Width == 2):
			continue
		case a.whole > 0:
			return Answer{}, fmt.Errorf("the model has several outputs that could be the answer to task %q, and does not say which: %s; name the one in its address: ?output=%s", t, listOutputs(info), o.Name)
		}
		a = Answer{Output: i, Width: max(width, 1), whole: o.Width, unsure: t == Binary || t == Multiclass}
		if width == 0 {
			a.Width = o.Width
		}
	}
	return a, nil
}

func listOutputs(info *Info) string {
	text := ""
	for i, o := range info.Outputs {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s (%s of %d)", o.Name, o.Kind, o.Width)
	}
	return text
}

// Predict has the model answer the rows of in: Width numbers a row, into out. scratch is used again from call to call; it grows to what it takes.
func (a Answer) Predict(ctx context.Context, m Model, in *Batch, out []float64, scratch *Scratch) error {
	if len(out) != in.Rows*a.Width {
		return fmt.Errorf("room for %d numbers, %d rows of %d were asked for", len(out), in.Rows, a.Width)
	}
	if cap(scratch.out) <= a.Output {
		scratch.out = make([][]float64, a.Output+1)
	}
	scratch.out = scratch.out[:a.Output+1]
	clear(scratch.out)
	target := out
	if a.whole != a.Width {
		if n := in.Rows * a.whole; cap(scratch.numbers) < n {
			scratch.numbers = make([]float64, n)
		}
		target = scratch.numbers[:in.Rows*a.whole]
	}
	scratch.out[a.Output] = target
	err := m.Predict(ctx, in, scratch.out)
	scratch.out[a.Output] = nil
	if err == nil && a.unsure {
		err = a.probabilities(m.Info(), target)
	}
	if err != nil || a.whole == a.Width {
		return err
	}
	for i := range out { // of two classes the second
		out[i] = target[i*a.whole+a.whole-1]
	}
	return nil
}

// probabilities refuses numbers that are none: a margin, a class's number.
func (a Answer) probabilities(info *Info, numbers []float64) error {
	for i, x := range numbers {
		if !(x >= 0 && x <= 1) {
			return fmt.Errorf("output %q of row %d is no probability, which the task takes it for: it is not between 0 and 1", info.Outputs[a.Output].Name, i/a.whole)
		}
	}
	return nil
}

// Scratch is the working memory of Answer.Predict, for one goroutine at a time. The zero Scratch is good.
type Scratch struct {
	out     [][]float64
	numbers []float64
}
