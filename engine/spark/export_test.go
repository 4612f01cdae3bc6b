package spark

import (
	"context"
	"errors"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
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

// Printed is the query that a run of the plan hands to Spark, which is asked for hot keys as the run asks.
func (e *Engine) Printed(ctx context.Context, p *plan.Batch, in engine.Inputs) (_ *Query, err error) {
	s := &stage{options: &e.options, engine: e}
	defer func() { err = errors.Join(err, s.remove()) }()
	q, _, err := e.print(ctx, s, p, in, &engine.Report{Dropped: map[engine.DropReason]int64{}})
	return q, err
}

// InPlace is what stands behind `from` for the files of a source that may hold events in [from, to).
func InPlace(t dataset.Table, s *feature.Source, from, to int64) (string, bool) {
	table, _, ok := inPlace(t, s, s.Schema.Names(), span{from, to, true, true})
	return table.From, ok
}

// Failed is what a run says of an error of Spark's.
func Failed(ctx context.Context, q *Query, p *plan.Batch, err error) error {
	return q.failed(ctx, p.Name, p.Pos, err)
}

// Uncounted are the expressions whose nulls a query does not count.
func (q *Query) Uncounted() []string { return q.uncounted }

// ByName is what stands behind `from` for some parts of a table of a catalog, and in a bundle.
func ByName(n *dataset.Named, s *feature.Source, parts []dataset.Part) (run, standing string, err error) {
	if run, err = byName(n, s, s.Schema.Names(), ofParts(n.Keys, parts), true); err == nil {
		standing, err = byName(n, s, s.Schema.Names(), conditionsOf(n), false)
	}
	return run, standing, err
}

// SameLocation and PlainType are how Spark's table is compared with the catalog's.
var SameLocation, PlainType = sameLocation, plainType

// Caseless refuses names that differ by case alone.
func Caseless(names []string) error { return caseless("source e", feature.Pos{}, names) }
