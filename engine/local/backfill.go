package local

import (
	"context"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/backfill"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/plan"
)

var _ engine.Tiler = (*Engine)(nil)

func (e *Engine) backfill() backfill.Options {
	return backfill.Options{Threads: e.options.Threads, Memory: e.options.Memory, TempDir: e.options.TempDir, BatchRows: e.options.BatchRows}
}

// Survey says what Backfill would make and read.
func (e *Engine) Survey(ctx context.Context, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	return backfill.Survey(ctx, e.backfill(), p, in, tiles)
}

// Backfill makes the tiles that are missing or whose source files changed.
func (e *Engine) Backfill(ctx context.Context, p *plan.Backfill, in engine.Inputs, tiles *tiletable.Table) (*engine.BackfillReport, error) {
	return backfill.Backfill(ctx, e.backfill(), p, in, tiles)
}
