package main

import (
	"context"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// setBatch moves the batch watermark of a space that Flink folds; false: it does not. Of a space whose job was never begun nothing is read yet, and whoever
// begins it goes on from these marks.
func (f *flinkSide) setBatch(ctx context.Context, s *plan.Space, watermark, generation, loaded int64) (bool, error) {
	if f == nil || flinkLack(s) != nil {
		return false, nil
	}
	f.adding.Lock()
	defer f.adding.Unlock()
	if known, err := f.reader.SetBatch(ctx, s.ID, watermark, generation, loaded); known || err != nil {
		return true, err
	}
	return true, f.mark(ctx, s, plan.Marks{Batch: watermark, Complete: plan.MaxTime, Rolled: plan.MinTime, Generation: generation, Loaded: loaded})
}

// unseen notes of a space of which the store knows nothing that no job has read its source: values are partial until one does.
func (f *flinkSide) unseen(ctx context.Context, s *plan.Space) error {
	f.adding.Lock()
	defer f.adding.Unlock()
	known := false
	err := f.store.Meta(ctx, s.MarksName(), func(name string, _ []byte) error {
		known = known || name == s.MarksName()
		return nil
	})
	if err != nil || known {
		return err
	}
	return f.mark(ctx, s, plan.Marks{Batch: plan.MinTime, Complete: plan.MaxTime, Rolled: plan.MinTime})
}

func (f *flinkSide) mark(ctx context.Context, s *plan.Space, m plan.Marks) error {
	return f.store.Write(ctx, &store.Write{Epoch: f.epoch, Meta: []store.MetaPut{{Name: s.MarksName(), Bytes: m.Append(nil)}}, Sync: true})
}
