package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// comparedCells is how many values of each road are compared together, about: what a verification holds at a time.
var comparedCells = 1 << 19

// compare goes through the rows of all roads side by side.
func (x *verification) compare(ctx context.Context) error {
	in := x.applied.raw()
	v := audit.NewVerification(x.view, x.options.roads, byDefinition, in)
	asked, err := x.sample.rows.open(ctx)
	if err != nil {
		return err
	}
	defer asked.close()
	var roads []*rowCursor
	for _, n := range x.options.roads {
		c, err := x.answers[n].open(ctx)
		if err != nil {
			return err
		}
		defer c.close()
		roads = append(roads, c)
	}
	for most := max(1, comparedCells/(len(x.view.Columns)+1)); ; {
		chunk, err := x.chunk(asked, roads, most)
		if err != nil {
			return err
		}
		if len(chunk.Asked) == 0 {
			break
		}
		if err := v.Add(ctx, chunk); err != nil {
			return err
		}
	}
	x.report.Found, x.report.Ended = v.Found, value.FormatTimestamp(time.Now().UnixMilli())
	x.report.Verdict = verdictOf(v.Found)
	return nil
}

// verdictOf is the worst that was found of any pair.
func verdictOf(found []*audit.Against) string {
	verdicts := []string{verdictEqual, verdictPartly, verdictNothing, verdictDiffers}
	worst := 0
	for _, a := range found {
		switch {
		case a.Differing > 0:
			worst = max(worst, 3)
		case a.Compared.Compared == 0:
			worst = max(worst, 2)
		case a.Compared.Missing > 0 || len(a.Said) > 0:
			worst = max(worst, 1)
		}
	}
	return verdicts[worst]
}

// chunk reads the next rows, none at the end.
func (x *verification) chunk(asked *rowCursor, roads []*rowCursor, most int) (*audit.Chunk, error) {
	c := &audit.Chunk{Roads: make([]audit.Answers, len(roads))}
	for len(c.Asked) < most {
		row, err := asked.next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		c.At, c.Asked = append(c.At, row[0].Int()), append(c.Asked, row[1:])
		for i, r := range roads {
			if err := x.answer(&c.Roads[i], r); err != nil {
				return nil, fmt.Errorf("the answers of road %s: %w", x.options.roads[i], err)
			}
		}
	}
	return c, nil
}

// answer reads a road's next row.
func (x *verification) answer(a *audit.Answers, r *rowCursor) error {
	row, err := r.next()
	if err != nil {
		return err
	}
	n := len(x.view.Columns)
	if len(row) == n {
		a.Rows = append(a.Rows, row)
		return nil
	}
	if row[n].IsNull() {
		a.Rows, a.Statuses = append(a.Rows, nil), append(a.Statuses, nil)
		return nil
	}
	statuses := make([]feature.Status, n)
	for i, word := range row[n:] {
		s, ok := feature.ParseStatus(word.Str())
		if !ok {
			return fmt.Errorf("%q is no status", word.Str())
		}
		statuses[i] = s
	}
	a.Rows, a.Statuses = append(a.Rows, row[:n]), append(a.Statuses, statuses)
	return nil
}

// whyDiffering is what a value is made of that differs: by history, and online now where that was asked.
func (x *verification) whyDiffering(ctx context.Context, col *audit.Verified) (history *answer, online *madeAnswer, err error) {
	i := slices.IndexFunc(x.view.Columns, func(c feature.ViewColumn) bool { return c.Name == col.Name })
	row := map[string]value.Value{}
	for k, q := range x.view.Asked() {
		row[q.Name] = col.First.Asked[k]
	}
	if history, err = x.whyOf(ctx, x.applied.loaded, x.view, x.view.Columns[i], row, col.First.AskedT); err != nil {
		return nil, nil, err
	}
	if !x.sample.online || x.view.Columns[i].Kind != feature.FeatureColumn {
		return history, nil, nil
	}
	for name, v := range row {
		if v.IsNull() {
			delete(row, name)
		}
	}
	online, err = x.madeOnline(ctx, col.Name, row)
	return history, online, err
}
