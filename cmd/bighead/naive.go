package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// naive holds the training set that a join by day would make against the point-in-time one, over the features of one-day windows: a day's
// table joined on the day of the flight gives each row the whole of its day, the hours after it was asked included.
type naive struct {
	values, future int64
	names          []string
	rows           [][]string // a few rows: at, then ours and the naive one by feature
}

// naiveFeature is the feature that is shown row by row.
const naiveFeature = "carrier__late_1d"

// compareNaive asks the same rows three times: at their own time, at the midnight before and at the midnight after. A value of the
// day's table comes from the future where rows of its key lie between the row's own time and the midnight after: where the running
// count of its group grows between the two.
func compareNaive(ctx context.Context, c *cli, l *loaded, t *feature.TrainingSet) (*naive, error) {
	midnight, errs := expr.Check("date_trunc('day', sched_dep) + interval '1 day'", t.Spine.Schema)
	if errs != nil {
		return nil, errs
	}
	day := *t
	day.Spine.At = midnight
	ours, names, err := c.oneDay(ctx, l, t)
	if err != nil {
		return nil, err
	}
	theirs, _, err := c.oneDay(ctx, l, &day)
	if err != nil {
		return nil, err
	}
	n := &naive{names: names}
	n.compare(ours, theirs)
	return n, nil
}

// oneDay computes the features of one-day windows, each group with a running count of its rows beside, as value batches.
func (c *cli) oneDay(ctx context.Context, l *loaded, t *feature.TrainingSet) ([]*value.Batch, []string, error) {
	counter, _ := agg.Lookup("count")
	_, params, err := counter.Check(value.Null, false, agg.Args{})
	if err != nil {
		return nil, nil, err
	}
	v := *t.View
	v.Columns, v.Derived = nil, nil
	var names []string
	for j, use := range t.View.Joins {
		running := &feature.Feature{Name: "rows", Agg: counter, Params: params, Window: feature.Window{Unbounded: true}, Type: value.Int, Group: use.Group}
		any := false
		for _, col := range t.View.Columns {
			if col.Kind == feature.FeatureColumn && col.Join == j && col.Feature.Window.Size == value.DayMS && col.Feature.By == "" {
				v.Columns = append(v.Columns, col)
				names = append(names, col.Name)
				any = true
			}
		}
		if any {
			v.Columns = append(v.Columns, feature.ViewColumn{Name: fmt.Sprintf("rows %d", j), Type: value.Int, Kind: feature.FeatureColumn, Join: j, Feature: running})
		}
	}
	set := *t
	set.View, set.Labels, set.LabelTime, set.Spine.Keep = &v, nil, nil, []string{"carrier"}
	b := plan.ForTrainingSet(&set)
	var out []*value.Batch
	_, err = c.runPlan(ctx, l, b, nil, func(rows *value.Batch) error {
		out = append(out, rows)
		return nil
	})
	return out, names, err
}

// naiveRows is how many rows are shown side by side.
const naiveRows = 4

func (n *naive) compare(ours, theirs []*value.Batch) {
	for i, a := range ours {
		b := theirs[i]
		var names []string
		for col, f := range a.Schema {
			if !strings.HasPrefix(f.Name, "rows ") {
				if f.Type.Numeric() && strings.Contains(f.Name, "__") {
					names = append(names, f.Name)
				}
				continue
			}
			for row := range a.N {
				n.values += int64(len(names))
				if b.Columns[col].At(row).Int() > a.Columns[col].At(row).Int() {
					n.future += int64(len(names))
				}
			}
			names = nil
		}
		n.sample(a, b)
	}
}

// sample keeps some rows whose value differs, spread over the year.
func (n *naive) sample(a, b *value.Batch) {
	at, x, y := a.Column(plan.AtColumn), a.Column(naiveFeature), b.Column(naiveFeature)
	for row := a.N / 2; row < a.N && len(n.rows) < naiveRows; row += max(1, a.N/3) {
		if !x.IsNull(row) && !y.IsNull(row) && x.At(row) != y.At(row) {
			n.rows = append(n.rows, []string{a.Column("carrier").At(row).String(), at.At(row).String(), fmt.Sprintf("%.3f", x.At(row).Float()), fmt.Sprintf("%.3f", y.At(row).Float())})
		}
	}
}

func (n *naive) text() string {
	t := newTable("carrier", "at", naiveFeature, "join by day")
	t.right[2], t.right[3] = true, true
	for _, r := range n.rows {
		t.add(r...)
	}
	var b strings.Builder
	_ = t.print(&b)
	return b.String()
}
