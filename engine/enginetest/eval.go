package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// eval asks one question on every road.
func (r *scriptRun) eval(ctx context.Context, e *script.Eval) {
	er := &EvalResult{Name: e.Name.Text, Line: e.Name.Line, eval: e}
	r.result.Evals = append(r.result.Evals, er)
	if len(r.broken) > 0 {
		if len(e.Expect.Errors) > 0 {
			r.refused(er, "check", r.broken)
		}
		return // the mistakes are reported once, for the script
	}
	q, err := r.ask(e)
	if err != nil {
		er.fail(err)
		return
	}
	schema, rows, err := r.spine(q, e)
	if err != nil {
		r.refused(er, "script", err)
		return
	}
	in := engine.Inputs{Open: r.open}
	if schema != nil {
		in.Spine = NewTable(schema, Part{Rows: rows})
	}
	shown := len(q.plan.Output) // before the judge adds what it needs
	j, err := NewJudge(ctx, q.plan, in, schema, rows)
	if err != nil {
		r.refused(er, "oracle", err)
	} else {
		er.answer(r.file, j, shown)
	}
	er.stale = er.Failed()
	for _, road := range r.suite.Roads {
		if why, ok := r.skips(road.Name()); ok {
			er.Roads = append(er.Roads, RoadResult{Road: road.Name(), Skipped: why})
			continue
		}
		got, roadErr := Ask(ctx, road, q.plan, in)
		var declined Declined
		switch {
		case errors.As(roadErr, &declined):
			er.Roads = append(er.Roads, RoadResult{Road: road.Name(), Declined: string(declined)})
		case roadErr != nil:
			r.refused(er, road.Name(), roadErr)
		case err != nil:
			er.fail(fmt.Errorf("%s gives rows where the oracle refuses", road.Name()))
		default:
			er.compare(r.file, j, road.Name(), got, shown)
		}
	}
	for _, m := range r.suite.Missing {
		er.Roads = append(er.Roads, RoadResult{Road: m.Road, Skipped: m.Reason})
	}
}

// skips tells whether the script leaves a road out, or check refuses it there.
func (r *scriptRun) skips(road string) (why string, ok bool) {
	for _, s := range r.file.Skips {
		if s.Engine == road {
			return s.Reason, true
		}
	}
	for _, s := range r.result.Refusals {
		if s.Road == road {
			return "refused: " + s.Reason, true
		}
	}
	return "", false
}

// spine types the rows that are handed in; nil where a training set has its own.
func (r *scriptRun) spine(q *question, e *script.Eval) (value.Schema, [][]value.Value, error) {
	t := &e.Table
	if t.Header == nil {
		if q.own {
			return nil, nil, nil
		}
		return nil, nil, r.file.ErrorAt(e.Name, "`eval %s` without rows: write its keys and at under it", e.Name.Text)
	}
	schema := q.plan.Spine.Schema
	for _, c := range t.Header {
		if schema.Index(c.Text) < 0 {
			return nil, nil, r.file.ErrorAt(c, "%q takes no column %q; it takes %s", e.Name.Text, c.Text, strings.Join(schema.Names(), ", "))
		}
	}
	for _, f := range schema {
		optional := slices.ContainsFunc(q.keys, func(k feature.Key) bool { return k.Name == f.Name && k.Optional })
		if t.Column(f.Name) < 0 && !optional && !q.own {
			return nil, nil, r.file.ErrorAt(e.Name, "column %q is missing; it takes %s", f.Name, strings.Join(schema.Names(), ", "))
		}
	}
	rows := make([][]value.Value, len(t.Rows))
	for i, cells := range t.Rows {
		row, err := r.row(t.Header, cells, schema)
		if err != nil {
			return nil, nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		rows[i] = row
	}
	return schema, rows, nil
}

// refused compares a refusal with what the script expects.
func (r *scriptRun) refused(er *EvalResult, road string, err error) {
	want := er.eval.Expect.Errors
	if er.refusal == nil {
		er.refusal = refusalOf(err)
	}
	if len(want) == 0 {
		er.fail(fmt.Errorf("%s: %w", road, err))
		return
	}
	for _, w := range want {
		if !meets(w, err) {
			er.fail(fmt.Errorf("%s: want error %s, got %w", road, w, err))
		}
	}
	er.Roads = append(er.Roads, RoadResult{Road: road, Refused: err.Error()})
}

// meets tells whether an error, or one of the mistakes that it is made of, is the refusal.
func meets(w script.Refusal, err error) bool {
	var problems feature.Problems
	if errors.As(err, &problems) {
		return matched(w, problems, feature.SeverityError)
	}
	return w.Matches("", err.Error())
}

func refusalOf(err error) *script.Refusal {
	var problems feature.Problems
	if errors.As(err, &problems) && len(problems) > 0 {
		return &script.Refusal{Code: problems[0].Code.String()}
	}
	return &script.Refusal{Message: err.Error()}
}
