package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/oracle"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Tiles is the road of states that are split and merged: it finds the events of a value as the oracle does, and makes the value of them
// as tiles would: by the folds of the plan, over parts of the events, written and read back, merged in any order, and finished.
type Tiles struct {
	Seed uint64 // of how events are split
}

// Name is "tiles".
func (Tiles) Name() string { return "tiles" }

// Run computes the plan.
func (t Tiles) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	joins := map[*plan.Value]*plan.Join{}
	for _, j := range p.Joined() {
		for i := range j.Values {
			joins[&j.Values[i]] = j
		}
	}
	r := rand.New(rand.NewPCG(t.Seed, 0))
	var failed error
	o := oracle.Oracle{Aggregate: func(_ int, v *plan.Value, events []agg.Event, asOf int64) value.Value {
		var in value.Type
		if v.Feature.Input != nil {
			in = v.Feature.Input.Type()
		}
		states := make([]agg.State, len(v.Folds))
		for i, f := range v.Folds {
			var err error
			if states[i], err = foldInParts(r, joins[v].Folds[f].Fold, events); err != nil && failed == nil {
				failed = fmt.Errorf("%s: %w", v.Name, err)
			}
		}
		if failed != nil {
			return value.Value{}
		}
		return v.Feature.Agg.Finish(in, v.Feature.Params, states, asOf)
	}}
	var batches []*value.Batch
	report, err := o.Run(ctx, p, in, func(b *value.Batch) error { batches = append(batches, b); return nil })
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		if err := out(b); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// foldInParts deals the events out to a few states, writes each and reads it back, and merges them in a drawn order and grouping.
func foldInParts(r *rand.Rand, f agg.Fold, events []agg.Event) (agg.State, error) {
	parts := make([]agg.State, 1+r.IntN(4))
	for i := range parts {
		parts[i] = f.New()
	}
	for _, i := range r.Perm(len(events)) {
		parts[r.IntN(len(parts))].Add(&events[i])
	}
	for i, s := range parts {
		again, rest, err := f.DecodeState(agg.AppendState(nil, s))
		if err != nil {
			return nil, err
		}
		if len(rest) > 0 {
			return nil, fmt.Errorf("%s leaves %d bytes", f.ID(), len(rest))
		}
		parts[i] = again
	}
	for len(parts) > 1 {
		from := 1 + r.IntN(len(parts)-1)
		parts[r.IntN(from)].Merge(parts[from])
		parts = append(parts[:from], parts[from+1:]...)
	}
	return parts[0], nil
}
