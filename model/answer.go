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
}

// Answer finds what of a model's outputs the task means. A model that answers nothing of the kind was trained for another task.
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
	return Answer{}, fmt.Errorf("a model for task %q has an output of kind %s, of %s; this one (%s) has %s", t, kinds[0], []string{"two numbers or more", "one number"}[width], info.Format, listOutputs(info))
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
	if err != nil || a.whole == a.Width {
		return err
	}
	for i := range out { // of two classes the second
		out[i] = target[i*a.whole+a.whole-1]
	}
	return nil
}

// Scratch is the working memory of Answer.Predict, for one goroutine at a time. The zero Scratch is good.
type Scratch struct {
	out     [][]float64
	numbers []float64
}
