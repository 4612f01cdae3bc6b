package spark

import (
	"context"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// Session is the engine's session, for tests that ask the server.
func (e *Engine) Session() *connect.Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.session
}

// InPlace is what stands behind `from` for the files of a source that may hold events in [from, to).
func InPlace(t dataset.Table, s *feature.Source, from, to int64) (string, bool) {
	table, _, ok := inPlace(t, s, s.Schema.Names(), span{from, to, true, true})
	return table.From, ok
}

// Failed is what a run says of an error of Spark's.
func Failed(ctx context.Context, q *Query, p *plan.Batch, err error) error {
	return q.failed(ctx, p.Name, err)
}

// Uncounted are the expressions whose nulls a query does not count.
func (q *Query) Uncounted() []string { return q.uncounted }
