package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/value"
)

func trainingSetLines(t *feature.TrainingSet) []string {
	return append([]string{"training set " + t.Name + "  " + feature.Short(t.Fingerprint)}, viewLines(t.View)...)
}

// modelLines are a model's: what it learns by what, its pipeline step by step, and what goes in, each column with those of the view that
// it is made of.
func modelLines(m *feature.Model) []string {
	does := "learns " + m.Label
	if m.Remote != "" {
		does = "answers elsewhere about rows"
	}
	lines := []string{fmt.Sprintf("model %s %s of training set %s, %s  %s  (%s)", m.Name, does, m.TrainingSet.Name, m.Task, feature.Short(m.Fingerprint), m.Pos)}
	if m.Description != "" {
		lines = append(lines, "  "+m.Description)
	}
	if m.Remote != "" {
		lines = append(lines, "  at "+m.Remote)
	} else {
		lines = append(lines, fmt.Sprintf("  train %s of %s rows  (%s)", m.Train.Name, m.Train.As, m.Train.Pos))
	}
	if !m.Split.Whole() {
		lines = append(lines, "  "+splitText(m.Split))
	}
	if e := m.Environment; e != nil {
		on := ""
		if e.Python != "" {
			on = " on Python " + e.Python
		}
		lines = append(lines, "  environment "+strings.Join(e.Packages, ", ")+on)
	}
	if len(m.Params) > 0 {
		params, _ := json.Marshal(m.Params) // what was JSON before
		lines = append(lines, "  params "+string(params)+", seed "+strconv.FormatInt(m.Seed, 10))
	}
	if len(m.Metrics) > 0 {
		lines = append(lines, "  metrics "+strings.Join(m.Metrics, ", "))
	}
	if m.Gate != nil {
		lines = append(lines, "  gate "+m.Gate.Text)
	}
	in := m.TrainingSet.ModelSchema()
	lines = append(lines, fmt.Sprintf("  pipeline: %s in, %s out", plural(len(in), "column"), outText(m.Inputs)))
	for i, s := range m.Steps {
		lines = append(lines, fmt.Sprintf("    step %d %s of %s%s", i+1, s.Kind, strings.Join(s.Columns, ", "), argsText(s)))
	}
	for _, c := range m.Inputs {
		lines = append(lines, "    "+inputText(c))
	}
	return lines
}

func splitText(s feature.TimeSplit) string {
	text := "split before " + value.FormatTimestamp(s.Valid) + " for training, then to " + value.FormatTimestamp(s.Test) + " for validation, then for the test"
	if s.End != nil {
		text += " to " + value.FormatTimestamp(*s.End)
	}
	return text
}

// outText counts columns; of a family nobody knows how many before it is fitted.
func outText(columns []transform.Column) string {
	families := 0
	for _, c := range columns {
		if c.Family {
			families++
		}
	}
	if families == 0 {
		return strconv.Itoa(len(columns))
	}
	return fmt.Sprintf("%d and those that fitting finds of %d", len(columns)-families, families)
}

func argsText(s transform.Step) string {
	if len(s.Args) == 0 {
		return ""
	}
	return "  " + string(s.Args)
}

func inputText(c transform.Column) string {
	text := c.Name + " " + c.Type.String()
	if c.Categorical {
		text += ", the code of a category"
	}
	if !slices.Equal(c.From, []string{c.Name}) {
		text += " of " + strings.Join(c.From, ", ")
	}
	return text
}

func endpointLines(e *feature.Endpoint) []string {
	lines := []string{fmt.Sprintf("endpoint %s asks model %s  (%s)", e.Name, e.Model.Name, e.Pos)}
	if e.Description != "" {
		lines = append(lines, "  "+e.Description)
	}
	traffic := []string{"all to champion"}
	if len(e.Traffic) > 0 {
		traffic = nil
		for _, w := range e.Traffic {
			traffic = append(traffic, w.Version+" "+strconv.FormatFloat(w.Weight, 'g', -1, 64))
		}
	}
	lines = append(lines, "  traffic "+strings.Join(traffic, ", "))
	if e.Shadow != "" {
		lines = append(lines, "  shadow "+e.Shadow)
	}
	switch {
	case e.FallbackLast:
		lines = append(lines, "  fallback: the last version that was good")
	case e.FallbackPopular:
		lines = append(lines, "  fallback: what most of the training says")
	case !e.Fallback.IsNull():
		lines = append(lines, "  fallback "+e.Fallback.String())
	}
	lines = append(lines, "  degraded when "+bareText(e.DegradedWhen), "  deadline "+value.FormatDuration(e.Deadline))
	if l := e.Labels; l != nil {
		lines = append(lines, labelSourceLines(l)...)
	}
	return lines
}

// labelSourceLines are what a label source's rows are the truth of.
func labelSourceLines(l *feature.LabelSource) []string {
	if l.Trained != nil {
		return []string{fmt.Sprintf("  labels of training set %s: %s of the %s after a prediction, computed of history as for training  (%s)", l.Trained.Name, l.Label.Name, value.FormatDuration(l.Label.Within), l.Pos)}
	}
	of := "source "
	if l.Source == nil {
		of = ""
	}
	lines := []string{fmt.Sprintf("  labels of %s%s: %s, known at %s  (%s)", of, l.Name(), bareText(l.Value), bareText(l.At), l.Pos)}
	if l.Where != nil {
		lines = append(lines, "    where "+bareText(l.Where))
	}
	if l.ID != nil {
		return append(lines, "    each of the prediction that its "+bareText(l.ID)+" names; of several the one that was known last")
	}
	var on []string
	for _, c := range l.On {
		if name, ok := c.Expr.Column(); ok && name == c.Name {
			on = append(on, c.Name)
		} else {
			on = append(on, c.Name+" = "+bareText(c.Expr))
		}
	}
	take := map[feature.Take]string{feature.TakeOnly: "which must be the only one", feature.TakeFirst: "the first of several", feature.TakeLast: "the last of several"}
	return append(lines, "    of predictions with the same "+strings.Join(on, ", ")+" that asked as of then or before; "+take[l.Take])
}
