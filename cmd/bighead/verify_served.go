package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// This file is the road of `verify` that asks what is online now.

// askTogether is how many rows are asked online in one request.
const askTogether = 100

// askServed asks the rows online, as of now, and notes as of when they were answered.
func (x *verification) askServed(ctx context.Context) error {
	k, done, err := x.reach(ctx, x.applied.Project, "")
	if err != nil {
		return err
	}
	defer done()
	answers, err := keepRows(x.dir, "of-"+servedRoad, x.answerSchema(true))
	if err != nil {
		return err
	}
	defer answers.writer.Abort()
	asked, err := keepRows(x.dir, "asked", x.sample.rows.schema)
	if err != nil {
		return err
	}
	defer asked.writer.Abort()
	var together [][]value.Value
	ask := func() error {
		err := x.askRows(ctx, k, together, asked, answers)
		together = together[:0]
		return err
	}
	err = x.sample.rows.each(ctx, func(row []value.Value) error {
		if together = append(together, row); len(together) == askTogether {
			return ask()
		}
		return nil
	})
	if err == nil && len(together) > 0 {
		err = ask()
	}
	if err = errors.Join(err, answers.done(), asked.done()); err != nil {
		return err
	}
	x.answers[servedRoad], x.sample.rows = answers, asked
	return nil
}

// askRows asks some rows in one request.
func (x *verification) askRows(ctx context.Context, k *caller, rows [][]value.Value, asked, answers *keptRows) error {
	var names []string
	for _, q := range x.view.Asked() {
		names = append(names, q.Name)
	}
	body := []byte(`{"rows":[`)
	for i, row := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendObject(body, names, row[1:])
	}
	var answer featuresAnswer
	if err := k.call(ctx, "POST", "/v1/features/"+url.PathEscape(x.view.Name), "application/json", bytes.NewReader(append(body, "]}"...)), &answer); err != nil {
		return err
	}
	at, ok := value.ParseTimestamp(answer.At)
	if answer.Fingerprint != x.view.Fingerprint || len(answer.Rows) != len(rows) || !ok {
		return mistakef("view %s is served in another version than was applied: try again in a moment", x.view.Name)
	}
	for i, r := range answer.Rows {
		row := slices.Clone(rows[i])
		row[0] = value.OfTimestamp(at)
		if err := asked.add(row); err != nil {
			return err
		}
		n := len(x.view.Columns)
		out := make([]value.Value, 2*n) // all null: not answered
		if r.Error == nil {
			statuses, err := statusesOf(r.Status, n)
			if err != nil {
				return err
			}
			for c, col := range x.view.Columns {
				if out[c], err = fromJSON(col.Type, r.Values[c]); err != nil {
					return fmt.Errorf("column %s: %w", col.Name, err)
				}
				out[n+c] = value.OfString(statuses[c])
			}
		}
		if err := answers.add(out); err != nil {
			return err
		}
	}
	return nil
}
