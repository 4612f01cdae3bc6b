package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Comparison is two roads' answers to the same rows of a view.
type Comparison struct {
	View *feature.View
	// Asked are the rows' keys and request fields, in the order of View.Asked, and At when they ask, ms.
	Asked [][]value.Value
	At    []int64
	// Want and Got are the answers, by the view's columns; nil: a row that a road did not answer, which is not compared.
	Want, Got [][]value.Value
	// ByDefinition and Inputs are as of Task: the events behind a value say how far two right ones may lie apart.
	ByDefinition func(hear func(row int, v *plan.Value, events []agg.Event)) engine.Engine
	Inputs       engine.Inputs
}

// Compare compares the answers by the promise. What differs is of the class Skew, whichever road is wrong.
func Compare(ctx context.Context, c *Comparison) (*Report, error) {
	r := &Report{View: c.View.Name, Classes: map[Class]int64{}, Damaged: []string{}}
	events, err := c.events(ctx)
	if err != nil {
		return nil, err
	}
	s := plan.ForServe(c.View)
	a := &auditor{view: c.View, serve: s, joins: make([]*joinPlan, len(c.View.Joins))}
	derive := map[string]expr.RowFunc{}
	for _, d := range s.Derive {
		derive[d.Derived.Name] = d.Derived.Expr.Compile(s.Row)
	}
	for n := range c.Asked {
		if c.Want[n] == nil || c.Got[n] == nil {
			continue
		}
		r.Rows++
		for i := range c.View.Columns {
			col := &c.View.Columns[i]
			var differs error
			switch col.Kind {
			case feature.RequestColumn:
				continue
			case feature.FeatureColumn:
				p := a.joinPlan(col.Join).value(col.Name).Promise()
				differs = p.Check(c.Want[n][i], c.Got[n][i], p.Scale(events[cellAt{n, col.Name}]))
			default:
				differs = c.derived(s, n, i, derive[col.Name])
			}
			class := Same
			if differs != nil {
				class = Skew
			}
			r.count(col.Name, class, func() *Example { return c.example(n, i, differs) })
		}
	}
	return r, nil
}

type cellAt struct {
	row  int
	name string
}

// events are those behind the values whose promise depends on them.
func (c *Comparison) events(ctx context.Context) (map[cellAt][]agg.Event, error) {
	out := map[cellAt][]agg.Event{}
	var rows []int
	for n := range c.Asked {
		if c.Want[n] == nil || c.Got[n] == nil {
			continue
		}
		for i, col := range c.View.Columns {
			if col.Kind == feature.FeatureColumn && !value.Equal(c.Want[n][i], c.Got[n][i]) {
				rows = append(rows, n)
				break
			}
		}
	}
	if len(rows) == 0 {
		return out, nil
	}
	b := plan.ForView(c.View, nil)
	a := &auditor{view: c.View, serve: plan.ForServe(c.View)}
	spine := make([][]value.Value, len(rows))
	for k, n := range rows {
		spine[k] = a.spineRow(b.Spine.Schema, c.Asked[n], c.At[n])
	}
	in := c.Inputs
	in.Spine = dataset.Memory(b.Spine.Schema, value.BatchOf(b.Spine.Schema, spine))
	e := c.ByDefinition(func(row int, v *plan.Value, events []agg.Event) {
		out[cellAt{rows[row], v.Name}] = slices.Clone(events)
	})
	_, err := e.Run(ctx, b, in, func(*value.Batch) error { return nil })
	return out, err
}

// derived compares a derived column: each road's is right over its own inputs (Q2).
func (c *Comparison) derived(s *plan.Serve, n, i int, f expr.RowFunc) error {
	for _, side := range [][]value.Value{c.Want[n], c.Got[n]} {
		row := make([]value.Value, len(s.Row))
		copy(row, c.Asked[n])
		row[s.At] = value.OfTimestamp(c.At[n])
		for k, at := range s.Columns {
			if c.View.Columns[k].Kind != feature.RequestColumn {
				row[at] = side[k]
			}
		}
		if own := f(row, nil); !value.Equal(own, side[i]) && !agg.Close(own, side[i]) {
			return fmt.Errorf("it is %s over the road's own inputs", own)
		}
	}
	return nil
}

func (c *Comparison) example(n, i int, differs error) *Example {
	e := &Example{Why: differs.Error(), Key: keyOfRow(c.View, c.Asked[n]), At: value.FormatTimestamp(c.At[n]),
		Value: value.AppendJSON(nil, c.Got[n][i]), History: value.AppendJSON(nil, c.Want[n][i]), size: distance(c.Want[n][i], c.Got[n][i])}
	return e
}
