package audit

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// askedID is the column of a spine of predictions that says which; no column of a user can be called so.
const askedID = "prediction id"

// spineRows is how many rows a batch of such a spine has.
const spineRows = 8192

// compute computes of history what the model learned, for the keys and times of the predictions: the plan of the training set's label, over another spine. In parts by
// their ids, which are random, each of which reads history again.
func (x *evaluating) compute(ctx context.Context, files []*logFile) error {
	p := plan.ForLabel(x.From.Trained, x.From.Label, value.Schema{{Name: askedID, Type: value.String}})
	parts := 1 + uint64(x.out.Predictions)/uint64(labelsAtOnce)
	for part := range parts {
		if err := x.computePart(ctx, files, p, func(id uuid.UUID) bool { return binary.BigEndian.Uint64(id[8:])%parts == part }); err != nil {
			return fmt.Errorf("%s: labels of %s: %w", x.From.Pos, x.From.Name(), err)
		}
	}
	s := x.out.Source
	s.Keyless = x.out.Predictions - s.Labelled - s.Waiting
	return nil
}

func (x *evaluating) computePart(ctx context.Context, files []*logFile, p *plan.Batch, of func(uuid.UUID) bool) error {
	spine, at, err := x.spineOf(ctx, files, of)
	if err != nil || len(at) == 0 {
		return err
	}
	s, label, here := x.out.Source, x.From.Label, int64(0)
	texts := map[string]string{}
	report, err := x.From.Compute(ctx, p, spine, func(b *value.Batch) error {
		ids, truth := b.Columns[b.Schema.Index(askedID)], b.Columns[b.Schema.Index(label.Name)]
		for i := range b.N {
			if truth.IsNull(i) {
				continue
			}
			id, err := uuid.Parse(ids.Strs[i])
			if err != nil {
				return err
			}
			x.found = append(x.found, found{id, at[id] + label.Within, interned(texts, labelText(truth.At(i), true))})
			here++
		}
		return x.fewEnough()
	})
	if err != nil {
		return err
	}
	s.Labelled += here
	s.Waiting += int64(len(at)) - here
	s.NotOver += report.Dropped[engine.DropWithin]
	return nil
}

// spineOf is the predictions of a part with what the label goes by, as rows of a training set's spine, and as of when each of them asked. Those whose keys are not to be had
// (askedFiles) are not among them, nor those that asked before the clock of the events had a time.
func (x *evaluating) spineOf(ctx context.Context, files []*logFile, of func(uuid.UUID) bool) (dataset.Table, map[uuid.UUID]int64, error) {
	schema := value.Schema{{Name: plan.AtColumn, Type: value.Timestamp}, {Name: askedID, Type: value.String}}
	var on value.Schema
	for i, name := range x.From.Label.On {
		on = append(on, value.Field{Name: name, Type: x.From.Label.Keys[i].Type})
	}
	schema = append(schema, on...)
	var batches []*value.Batch
	var cells [][]value.Value
	asked, at, before := askedOf(files, on), map[uuid.UUID]int64{}, map[uuid.UUID]int64{}
	add := func(id uuid.UUID, when int64, by []*value.Column, i int) {
		if _, there := at[id]; there { // each once
			return
		}
		at[id] = when
		row := []value.Value{value.OfTimestamp(when), value.OfString(id.String())}
		for _, c := range by {
			row = append(row, c.At(i)) // null too: what that has is the empty set, in training as here
		}
		if cells = append(cells, row); len(cells) == spineRows {
			batches, cells = append(batches, value.BatchOf(schema, cells)), nil
		}
	}
	err := x.eachAsked(ctx, asked, on, func(id uuid.UUID, when int64, by []*value.Column, i int) error {
		switch {
		case !of(id), when <= value.MinTimestamp:
		case by == nil:
			before[id] = when
		default:
			add(id, when, by, i)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = x.eachVector(ctx, asked, on, func(id uuid.UUID, by []*value.Column, i int) error {
		if when, ok := before[id]; ok {
			add(id, when, by, i)
		}
		return nil
	})
	if len(cells) > 0 {
		batches = append(batches, value.BatchOf(schema, cells))
	}
	return dataset.Memory(schema, batches...), at, err
}
