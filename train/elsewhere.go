package train

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/value"
)

// This file makes a version of a model that was trained, and answers, elsewhere: there is nothing to train, and its own answers are what later
// ones are compared with.

// remoteRuntime is what opens models elsewhere.
const remoteRuntime = "remote"

// askElsewhere opens the model at its address, finds which columns its inputs are, and has it answer the sample's rows, twice.
func (t *training) askElsewhere(ctx context.Context) (string, error) {
	start, err := t.runtime(remoteRuntime)
	if err != nil {
		return "", fmt.Errorf("runtime %s: %w", remoteRuntime, err)
	}
	opened, err := start(ctx, t.Model.Remote)
	switch {
	case errors.Is(err, model.ErrUnavailable), err != nil && ctx.Err() != nil:
		return "", err
	case err != nil:
		return "", mistakef("model %s: %v", t.Model.Name, err)
	}
	t.opened = &model.Artifact{Model: opened}
	if t.opened.Answer, err = t.Model.Task.Answer(opened.Info()); err != nil {
		return "", mistakef("model %s: %v", t.Model.Name, err)
	}
	if n := t.parts.count; t.Model.Task == model.Multiclass && n > 0 && t.opened.Answer.Width != n {
		return "", mistakef("model %s: it tells %d classes apart, and label %s has %d", t.Model.Name, t.opened.Answer.Width, t.Model.Label, n)
	}
	t.returned = &returned{File: t.Model.Remote, Framework: "the model elsewhere"}
	if t.returned.Inputs, err = columnsFor(opened.Info(), t.fitted.columns); err != nil {
		return "", mistakef("model %s: %v", t.Model.Name, err)
	}
	if t.manifest, err = t.newManifest(remoteRuntime); err != nil {
		return "", err
	}
	t.opened.Manifest = t.manifest
	if err := t.opened.Takes(t.parts.schema(t.fitted)[:len(t.fitted.columns)]); err != nil {
		return "", mistakef("model %s: %v", t.Model.Name, err)
	}
	if t.manifest.Check, err = t.checkRows(ctx, t.byModel); err != nil {
		var row *model.RowError
		if errors.As(err, &row) {
			return "", mistakef("model %s: a row of its training set cannot be asked: %v; impute or cast it in the pipeline", t.Model.Name, row)
		}
		return "", fmt.Errorf("model %s: %w", t.Model.Name, err)
	}
	if err := t.opened.Check(ctx); err != nil {
		return "", fmt.Errorf("model %s, asked the same again: %w", t.Model.Name, err)
	}
	return fmt.Sprintf("%s answers %d rows", opened.Info().Format, len(t.manifest.Check)), nil
}

// byModel are the model's own answers.
func (t *training) byModel(ctx context.Context, in *model.Batch, _ int) ([][]float64, error) {
	width := t.opened.Answer.Width
	numbers := make([]float64, in.Rows*width)
	if err := t.opened.Answer.Predict(ctx, t.opened.Model, in, numbers, &model.Scratch{}); err != nil {
		return nil, err
	}
	out := make([][]float64, in.Rows)
	for i := range out {
		out[i] = numbers[i*width : (i+1)*width]
	}
	return out, nil
}

// columnsFor finds the columns that a model's inputs are: by their names where it has such for each, all of them in their order where it takes
// them in one tensor, whose columns have no names (f0, f1, …). A column too many would be one that somebody believes to be used.
func columnsFor(info *model.Info, columns []transform.Column) ([]string, error) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	inputs := make([]string, len(info.Inputs))
	byPlace := len(inputs) > 1
	for i, in := range info.Inputs {
		inputs[i] = in.Name
		byPlace = byPlace && in.Name == fmt.Sprintf("f%d", i) && in.Type.Kind != value.KindString
	}
	if byPlace && len(names) != len(inputs) {
		return nil, fmt.Errorf("the model takes %d columns in one tensor, and %d go in: %s; leave some out, or order them, with bh.select in the pipeline", len(inputs), len(names), strings.Join(names, ", "))
	}
	if byPlace {
		return names, nil
	}
	has := map[string]bool{}
	for _, name := range names {
		has[name] = true
	}
	var absent []string
	for _, name := range inputs {
		if !has[name] {
			absent = append(absent, name)
		}
		delete(has, name)
	}
	if len(absent) > 0 {
		near := ""
		if n := expr.Nearest(absent[0], names); len(n) > 0 {
			near = fmt.Sprintf("; is %s what is called %s here?", absent[0], n[0])
		}
		return nil, fmt.Errorf("the model takes %s, which are no columns that go in: %s%s; bh.rename in the pipeline gives a column the model's name", strings.Join(absent, ", "), strings.Join(names, ", "), near)
	}
	for _, name := range names {
		if has[name] {
			return nil, fmt.Errorf("column %s goes in, and the model takes %s alone: leave it out with bh.drop in the pipeline, or features= of the training set", name, strings.Join(inputs, ", "))
		}
	}
	return inputs, nil
}
