package serve

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// Made is what one value of an answer is made of, as it lies in the store.
type Made struct {
	At           int64
	Value        value.Value
	Status       Status
	From, Before int64      // the window; From is MinTime where it has no beginning
	Marks        plan.Marks // zero where nothing fills the space
	Filled       bool
	Pieces       []Piece
}

// Piece is one value of the store that is read for it: a tile, a base tile, or rows.
type Piece struct {
	Batch       bool  // it is batch's; else the stream's
	Step, Start int64 // of a tile; plan.BaseStep: all before Through; else rows
	Through     int64
	Newest      int64
	Read        tile.Positions
	Alone       value.Value // of a tile: what the feature would be of it alone
	Rows        []tile.Row  // of rows: those that may lie in the window
	Err         error       // it cannot be used
}

// Explain answers one feature of the view for one row, which is not recorded, and shows what the store has for it. The store is read once more for
// that, so that under a stream what is shown may be a moment younger than the value.
func (v *View) Explain(ctx context.Context, column string, row Row) (*Made, error) {
	i := slices.Index(v.names, column)
	if i < 0 {
		return nil, v.unknownFeature(column)
	}
	if v.Plan.View.Columns[i].Kind != feature.FeatureColumn {
		return nil, fmt.Errorf("serve: %s is no feature of a group", column)
	}
	var out Response
	if err := v.Answer(ctx, Request{Rows: []Row{row}, Features: []string{column}, unrecorded: true}, &out); err != nil {
		return nil, err
	}
	if p := out.Rows[0].Problem; p != nil {
		return nil, p
	}
	sel, err := v.choose([]string{column})
	if err != nil {
		return nil, err
	}
	p := sel.parts[0]
	m := &Made{At: out.At, Value: out.Rows[0].Values[0], Status: out.Rows[0].Statuses[0]}
	w := &p.windows[0]
	m.From, m.Before = w.Bounds(m.At)
	if p.kind == ofVersions {
		m.Before, _ = w.AsOf(m.At)
		m.From = plan.MinTime
	}
	marks := p.space.marks.Load()
	if marks == nil {
		return m, nil
	}
	m.Marks, m.Filled = *marks, true
	return m, p.explain(ctx, v.server.store, row, m)
}

// explain reads the pieces.
func (p *part) explain(ctx context.Context, st store.Store, row Row, m *Made) error {
	var key []byte
	for _, on := range p.on {
		if row.Values[on].IsNull() {
			return nil
		}
		key = value.Append(key, row.Values[on])
	}
	c := p.coverAt(m.At, m.Marks)
	var ranges []store.Range
	for n, need := range c.Needs {
		ranges = append(ranges, store.Range{Space: c.spaces[n], Key: string(key), Step: need.Step, From: need.From, To: need.To})
	}
	_, a := p.windows[0].AsOf(m.At)
	return st.Read(ctx, ranges, func(n int, start int64, b []byte) error {
		x := Piece{Batch: c.Needs[n].Batch, Step: c.Needs[n].Step, Start: start}
		if p.kind == ofTiles {
			x.tile(p, b, a)
		} else if rows, err := p.of.RowLayout().Decode(b); err != nil {
			x.Err = err
		} else {
			x.Newest, x.Read = rows.Newest, rows.Positions
			for _, r := range rows.Rows {
				if r.TS >= m.From && r.TS < m.Before {
					x.Rows = append(x.Rows, r)
				}
			}
		}
		m.Pieces = append(m.Pieces, x)
		return nil
	})
}

// tile takes a tile apart: what it holds, and what the feature would be of it alone.
func (x *Piece) tile(p *part, b []byte, a int64) {
	t, err := p.of.Layout().Decode(b)
	if err != nil {
		x.Err = err
		return
	}
	x.Newest, x.Through, x.Read = t.Newest, t.Through, t.Positions
	v := &p.values[0]
	var states []agg.State
	for _, s := range v.states {
		states = append(states, t.State(p.windows[0].folds[s]))
	}
	x.Alone = v.feature.Agg.Finish(v.in, v.feature.Params, states, a)
}
