package train

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// evaluated is how many rows are answered at once: what one core keeps at hand.
const evaluated = 4096

// answering gives the answers to the rows of a batch, which stand in the sample from a place on.
type answering func(ctx context.Context, in *model.Batch, from int) ([][]float64, error)

// byFramework are the framework's own answers.
func (t *training) byFramework(_ context.Context, in *model.Batch, from int) ([][]float64, error) {
	all := t.returned.Answers
	if from+in.Rows > len(all) {
		return nil, fmt.Errorf("%s answered %d rows, and more were asked", t.returned.Framework, len(all))
	}
	return all[from : from+in.Rows], nil
}

// checkRows are the sample's rows as they go into the model, with their answers.
func (t *training) checkRows(ctx context.Context, answer answering) ([]model.CheckRow, error) {
	info := t.opened.Model.Info()
	numbers, texts := info.Widths()
	var out []model.CheckRow
	var in model.Batch
	err := t.filled(ctx, t.sample, nil, &in, func(*value.Batch) error {
		answers, err := answer(ctx, &in, len(out))
		if err != nil {
			return err
		}
		for i := range in.Rows {
			row := model.CheckRow{Answer: answers[i], Texts: append([]string(nil), in.Texts[i*texts:(i+1)*texts]...)}
			for _, x := range in.Numbers[i*numbers : (i+1)*numbers] {
				if math.IsNaN(x) {
					row.Numbers = append(row.Numbers, nil)
				} else {
					row.Numbers = append(row.Numbers, &x)
				}
			}
			out = append(out, row)
		}
		return nil
	})
	return out, err
}

// answers are a part's labels beside what the runtime answers.
func (t *training) answers(ctx context.Context, part *Part) (model.Truth, error) {
	a := t.opened.Answer
	truth := model.Truth{Width: a.Width}
	var in model.Batch
	var scratch model.Scratch
	err := t.filled(ctx, partFile(t.Folder, part.Name), []string{labelColumn}, &in, func(b *value.Batch) error {
		label := b.Columns[len(b.Columns)-1]
		for i := range b.N {
			truth.Labels = append(truth.Labels, label.At(i).Number())
		}
		from := len(truth.Answers)
		truth.Answers = append(truth.Answers, make([]float64, in.Rows*a.Width)...)
		return a.Predict(ctx, t.opened.Model, &in, truth.Answers[from:], &scratch)
	})
	if err != nil {
		return truth, fmt.Errorf("answer the rows for %s: %w", part.Name, err)
	}
	return truth, nil
}

// filled reads the rows of a part's file, the model's inputs in its order and more columns behind them, into a batch of the model, which do is
// called with.
func (t *training) filled(ctx context.Context, path string, more []string, in *model.Batch, do func(*value.Batch) error) error {
	table, err := dataset.Open(ctx, t.Formats, path, dataset.Options{})
	if err != nil {
		return err
	}
	inputs := t.returned.Inputs
	columns := append(append([]string(nil), inputs...), more...)
	for b, err := range scan(ctx, table, dataset.Scan{Columns: columns, BatchRows: evaluated}) {
		if err != nil {
			return err
		}
		if err := in.Fill(t.opened.Model.Info(), b.Columns[:len(inputs)], b.N); err != nil {
			return err
		}
		if err := do(b); err != nil {
			return err
		}
	}
	return nil
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(path, append(text, '\n'))
}
