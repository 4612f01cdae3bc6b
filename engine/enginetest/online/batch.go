package online

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/local/upload"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// take makes tiles where there are any to be made, and loads the group's part anew.
func (l load) take(ctx context.Context, w *world) error {
	g, x := w.q.groups[l.group], w.spaces[l.group]
	tiles := tiletable.Open(filepath.Join(w.dir, "tiles"))
	if len(x.Levels) > 0 {
		e := local.New(local.Options{Threads: 1, TempDir: w.dir})
		if _, err := e.Backfill(ctx, plan.ForBackfill(w.q.groups[l.group:l.group+1]), w.in, tiles); err != nil {
			return fmt.Errorf("backfill group %s: %w", g.Name, err)
		}
	}
	table, err := w.table(ctx, g)
	if err != nil {
		return err
	}
	w.loaded[l.group]++
	u := &upload.Load{Space: x, Store: w.store, Watermark: l.watermark, Generation: w.loaded[l.group]}
	if _, err := u.All(ctx, tiles, table, l.earliest); err != nil {
		return fmt.Errorf("load group %s: %w", g.Name, err)
	}
	if err := l.mark(ctx, w); err != nil {
		return err
	}
	if err := w.asker.Refresh(ctx); err != nil {
		return err
	}
	if old := w.loaded[l.group] - 1; old > 0 {
		return w.store.Drop(ctx, x.BatchSpace(old))
	}
	return nil
}

// mark switches readers to the load.
func (l load) mark(ctx context.Context, w *world) error {
	x := w.spaces[l.group]
	if !x.Replaced() {
		return w.stream.SetBatch(ctx, x.ID, l.watermark, w.loaded[l.group], 0)
	}
	m := plan.NoMarks
	m.Generation = w.loaded[l.group]
	return w.store.Write(ctx, &store.Write{Meta: []store.MetaPut{{Name: x.MarksName(), Bytes: m.Append(nil)}}, Sync: true})
}
