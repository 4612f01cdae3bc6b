package stream

import (
	"context"
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// found is what a reader has of one place.
type found struct {
	start int64
	tile  *tile.Tile
	rows  *tile.Rows
}

// look answers all values of a space for a key at a time by the letter of plan.Cover: the plainest reader there can be.
func look(ctx context.Context, st store.Store, x *plan.Space, key string, t int64) ([]value.Value, *plan.Cover, error) {
	marks, err := readMarks(ctx, st, x.MarksName())
	if err != nil {
		return nil, nil, err
	}
	err = st.Meta(ctx, plan.StateName(x.ID), func(_ string, b []byte) (err error) {
		marks.Rolled, err = plan.DecodeRolled(b)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	values := make([]int, len(x.Values))
	for i := range values {
		values[i] = i
	}
	c := x.Cover(t, marks, values)
	got := make([][]found, len(c.Needs))
	ranges := make([]store.Range, len(c.Needs))
	for i, n := range c.Needs {
		ranges[i] = store.Range{Space: x.StoreSpace(n.Batch, marks), Key: key, Step: n.Step, From: n.From, To: n.To}
	}
	err = st.Read(ctx, ranges, func(i int, start int64, b []byte) error {
		f, err := found{start: start}, error(nil)
		if s := c.Needs[i].Step; s < plan.BaseStep {
			f.rows, err = x.RowLayout().Decode(b)
		} else {
			f.tile, err = x.Layout().Decode(b)
		}
		got[i] = append(got[i], f)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for i, n := range c.Needs {
		for _, f := range got[i] {
			newest := int64(0)
			if f.tile != nil {
				newest = f.tile.Newest
			} else {
				newest = f.rows.Newest
			}
			if newest >= t {
				return nil, nil, fmt.Errorf("space %s, step %d, start %d: an event at %d is in, and it is %d", x.ID, n.Step, f.start, newest, t)
			}
		}
	}
	out := make([]value.Value, len(values))
	for i := range values {
		if out[i], err = finish(x, c, got, i, t); err != nil {
			return nil, nil, err
		}
	}
	return out, c, nil
}

func finish(x *plan.Space, c *plan.Cover, got [][]found, i int, t int64) (value.Value, error) {
	v := &x.Values[i]
	_, asOf := v.Window.AsOf(t)
	if x.Group.Source.Kind == feature.Entities {
		return version(x, c, got, i), nil
	}
	var states []agg.State
	for _, f := range v.Folds {
		states = append(states, x.Folds[f].New())
	}
	through := int64(math.MinInt64)
	for _, u := range c.Uses[i] {
		for _, f := range got[u.Need] {
			if f.tile != nil && f.tile.Through != tile.None {
				through = f.tile.Through
			}
		}
	}
	if through > c.Ends[i] {
		return value.Value{}, fmt.Errorf("the base goes through %d, and the window ends at %d", through, c.Ends[i])
	}
	for _, u := range c.Uses[i] {
		for _, f := range got[u.Need] {
			base := c.Needs[u.Need].Step == plan.BaseStep
			if f.start < u.From || f.start >= u.To || f.tile != nil && !base && f.start < through {
				continue
			}
			if f.rows != nil {
				addRows(x, c, states, f.rows, i)
				continue
			}
			for k, n := range v.Folds {
				states[k].Merge(f.tile.State(n))
			}
		}
	}
	in := value.Null
	if v.Feature.Input != nil {
		in = v.Feature.Input.Type()
	}
	return agg.Default(v.Feature.Agg.Finish(in, v.Feature.Params, states, asOf), v.Feature.Default), nil
}

// cell is where an input, where or by of the space lies in kept rows.
func cell(x *plan.Space, input, where, by int) (in, wh, b int) {
	r := x.Rows
	in, wh, b = -1, -1, -1
	for k, n := range r.Inputs {
		if n == input {
			in = k
		}
	}
	for k, n := range r.Wheres {
		if n == where {
			wh = len(r.Inputs) + k
		}
	}
	for k, n := range r.Bys {
		if n == by {
			b = len(r.Inputs) + len(r.Wheres) + k
		}
	}
	return in, wh, b
}

func addRows(x *plan.Space, c *plan.Cover, states []agg.State, rows *tile.Rows, i int) {
	v := &x.Values[i]
	in, wh, by := cell(x, v.Input, v.Where, v.By)
	for _, r := range rows.Rows {
		if r.TS < c.Starts[i] || r.TS >= c.Ends[i] || wh >= 0 && !r.Cells[wh].Bool() {
			continue
		}
		e := agg.Event{TS: r.TS, Tie: r.Tie}
		if in >= 0 {
			e.Value = r.Cells[in]
		}
		if by >= 0 {
			e.By = r.Cells[by]
		}
		for _, s := range states {
			s.Add(&e)
		}
	}
}

// version is the newest version of an entity before the window's end.
func version(x *plan.Space, c *plan.Cover, got [][]found, i int) value.Value {
	v := &x.Values[i]
	in, _, _ := cell(x, v.Input, -1, -1)
	var last *tile.Row
	for _, u := range c.Uses[i] {
		for _, f := range got[u.Need] {
			for k := range f.rows.Rows {
				r := &f.rows.Rows[k]
				if r.TS < c.Ends[i] && (last == nil || last.Compare(r) <= 0) {
					last = r
				}
			}
		}
	}
	if last == nil || last.Deleted {
		return v.Feature.Default
	}
	return agg.Default(last.Cells[in], v.Feature.Default)
}
