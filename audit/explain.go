package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// This file explains what differs: it computes values by definition, once of all rows that history has, and once of those that the online store
// could know of.

// joinPlan is the plan of some columns of one join of the view.
type joinPlan struct {
	batch *plan.Batch
	join  *plan.Join
	tiled map[string]bool // by column: it is made of tiles, and not of kept rows
}

// joinPlan plans all columns of a join.
func (a *auditor) joinPlan(j int) *joinPlan {
	if a.joins[j] == nil {
		a.joins[j] = a.planOf(j, func(string) bool { return true })
	}
	return a.joins[j]
}

// planOf plans the columns of a join that are wanted, one at least.
func (a *auditor) planOf(j int, wanted func(column string) bool) *joinPlan {
	only := *a.view
	only.Columns, only.Derived = nil, nil
	p := &joinPlan{tiled: map[string]bool{}}
	f := a.serve.Fetches[j]
	for _, x := range f.Values {
		if c := a.view.Columns[x.Column]; wanted(c.Name) {
			only.Columns = append(only.Columns, c)
			p.tiled[c.Name] = f.Space.FromTiles(x.Value)
		}
	}
	p.batch = plan.ForView(&only, nil)
	p.join = p.batch.Joins[slices.IndexFunc(p.batch.Joins, func(x *plan.Join) bool { return len(x.Values) > 0 })]
	return p
}

func (p *joinPlan) value(name string) *plan.Value {
	i := slices.IndexFunc(p.join.Values, func(v plan.Value) bool { return v.Name == name })
	return &p.join.Values[i]
}

// bounds are where the rows lie that any of the plan's values may see.
func (p *joinPlan) bounds(at int64) (from, to int64) {
	from, to = plan.MaxTime, plan.MinTime
	for i := range p.join.Values {
		start, end := windowOf(&p.join.Values[i], at)
		from, to = min(from, start), max(to, end)
	}
	return from, to
}

// finding is why a value has its class.
type finding struct {
	why     string
	missing []*pastRow // rows that history has and the store could not know of
	rows    []*pastRow // the key's rows in the window, by history
}

// set is rows of which values may have been made.
type set struct {
	rows   []*pastRow
	at     int64
	values map[string]value.Value // nil: not computed yet
	events map[string][]agg.Event // behind them, the same
}

// compute computes a set's values on an engine.
func (e *evidence) compute(ctx context.Context, on engine.Engine, s *set) (map[string]value.Value, error) {
	p := e.plan
	source, schema := p.join.Scan.Source, p.batch.Spine.Schema
	from, to := p.bounds(s.at)
	var picked []int32
	for _, r := range s.rows {
		if r.ts >= from && r.ts < to {
			picked = append(picked, r.index)
		}
	}
	all := &value.Batch{Schema: source.Schema, N: len(picked), Columns: make([]*value.Column, len(source.Schema))}
	for i, c := range e.all.batch(source.Schema).Columns {
		all.Columns[i] = c.Take(picked)
	}
	table := dataset.Memory(source.Schema, all)
	row := e.a.spineRow(schema, e.vector.asked, s.at)
	in := engine.Inputs{Spine: dataset.Memory(schema, value.BatchOf(schema, [][]value.Value{row})),
		Open: func(context.Context, feature.Place, value.Schema) (dataset.Table, error) { return table, nil }}
	out := map[string]value.Value{}
	_, err := on.Run(ctx, p.batch, in, func(b *value.Batch) error {
		for i, o := range p.batch.Output {
			out[o.Name] = b.Columns[i].At(0)
		}
		return nil
	})
	return out, err
}

// gives tells whether a value is a right one of a set's rows; why not, where it is not. The events are looked for only where the promise
// allows a difference that depends on them.
func (e *evidence) gives(ctx context.Context, s *set, pv *plan.Value, got value.Value) (why, err error) {
	if s.values == nil {
		if s.values, err = e.compute(ctx, e.a.task.Few, s); err != nil {
			return nil, err
		}
	}
	want, promise := s.values[pv.Name], pv.Promise()
	if promise.Within(want, got) {
		return nil, nil
	}
	if promise.Rule == agg.Exact {
		return promise.Check(want, got, agg.Scale{}), nil
	}
	if s.events == nil {
		s.events = map[string][]agg.Event{}
		by := e.a.task.ByDefinition(func(_ int, v *plan.Value, events []agg.Event) { s.events[v.Name] = slices.Clone(events) })
		exact, err := e.compute(ctx, by, s)
		if err != nil {
			return nil, err
		}
		for name, x := range exact {
			if pv := e.plan.find(name); pv != nil {
				if p := pv.Promise(); p.Check(x, s.values[name], p.Scale(s.events[name])) != nil {
					return fmt.Errorf("the batch engine gives %s for %s where the definition gives %s", s.values[name], name, x), nil
				}
			}
		}
	}
	return promise.Check(want, got, promise.Scale(s.events[pv.Name])), nil
}

func (p *joinPlan) find(name string) *plan.Value {
	for i := range p.join.Values {
		if p.join.Values[i].Name == name {
			return &p.join.Values[i]
		}
	}
	return nil
}

// explain decides on the values of a join that differ.
func (a *auditor) explain(ctx context.Context, j int, vectors []*vector) error {
	if len(vectors) == 0 {
		return nil
	}
	p := a.joinPlan(j)
	past, err := a.past(ctx, p.join.Scan.Source)
	if err != nil {
		return err
	}
	if p.join.Scan.Source.Time == nil {
		a.explainTable(j, p, past, vectors)
		return nil
	}
	g := newGathering(p.join, past, a.task.Events)
	for _, v := range vectors {
		if key, ok := a.keyOf(p, v); ok {
			_, before := p.bounds(v.at)
			g.want(key, before)
		}
	}
	if err := g.read(ctx); err != nil {
		return err
	}
	for _, v := range vectors {
		if err := a.explainRow(ctx, j, p, past, g, v); err != nil {
			return err
		}
	}
	return nil
}

func (a *auditor) past(ctx context.Context, s *feature.Source) (*Past, error) {
	if p := a.pasts[s]; p != nil {
		return p, nil
	}
	p, err := a.task.Past(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	a.pasts[s] = p
	return p, nil
}

// keyOf is a vector's key in a join, in canonical encoding; false where a part of it is null.
func (a *auditor) keyOf(p *joinPlan, v *vector) (string, bool) {
	var key []byte
	for _, on := range p.join.On {
		k := slices.IndexFunc(a.serve.Asked, func(k feature.Key) bool { return k.Name == on })
		if v.asked[k].IsNull() {
			return "", false
		}
		key = value.Append(key, v.asked[k])
	}
	return string(key), true
}

// explainTable decides on values of a table that is loaded whole: it may have been written anew since.
func (a *auditor) explainTable(j int, p *joinPlan, past *Past, vectors []*vector) {
	for _, v := range vectors {
		for k, i := range a.shape.columns {
			c := &a.view.Columns[i]
			if c.Join != j || c.Kind != feature.FeatureColumn || !v.has[k] || v.classes[k] != "" {
				continue
			}
			r := v.readOf(j, !p.tiled[c.Name])
			if r != nil && changedSince(past, r) {
				v.classes[k], v.found[k] = Behind, finding{why: "the source's files were written anew after batch had loaded them"}
			} else {
				v.classes[k], v.found[k] = Skew, finding{why: "the source's files are those that batch had loaded"}
			}
		}
	}
}

func changedSince(p *Past, r *feature.ServedRead) bool {
	return p.FilesChanged > 0 && r.Loaded > 0 && p.FilesChanged > r.Loaded
}

// readOf is what a vector's values of one kind of a join were read by.
func (v *vector) readOf(j int, rows bool) *feature.ServedRead {
	for i := range v.reads {
		if v.reads[i].Join == j && v.reads[i].Rows == rows {
			return &v.reads[i]
		}
	}
	return nil
}

// explainRow decides on the values of one join in one vector, those of tiles and those of kept rows apart: they were read apart.
func (a *auditor) explainRow(ctx context.Context, j int, p *joinPlan, past *Past, g *gathering, v *vector) error {
	key, _ := a.keyOf(p, v)
	for _, rows := range []bool{false, true} {
		open := map[string]int{} // columns of the shape, by name
		for k, i := range a.shape.columns {
			c := &a.view.Columns[i]
			if c.Kind == feature.FeatureColumn && c.Join == j && v.has[k] && v.classes[k] == "" && p.tiled[c.Name] != rows {
				open[c.Name] = k
			}
		}
		if len(open) == 0 {
			continue
		}
		e := &evidence{a: a, past: past, all: g.of(key), vector: v, read: v.readOf(j, rows)}
		e.plan = a.planOf(j, func(name string) bool { _, ok := open[name]; return ok })
		e.narrow()
		e.history = &set{rows: inHistory(e.all.rows), at: v.at, values: map[string]value.Value{}}
		for name, k := range open {
			e.history.values[name] = v.history[k]
		}
		for _, k := range open {
			if err := e.decide(ctx, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// evidence is what is known of the values of one kind of a join in one vector.
type evidence struct {
	a       *auditor
	plan    *joinPlan // of those that are not decided
	past    *Past
	all     *keyRows // those that a value may see
	vector  *vector
	read    *feature.ServedRead
	history *set
	ways    []*set // what the store could know of, in the ways that it could
	ahead   []*set // of what Flink folds, where its job had read on
}

// narrow leaves out the rows that no value can see, neither as of its time nor as of the one that the store was read at: there are values for which a
// day matters, of a key with years, and all rows are gone through several times. Of what Flink folds none are left out: how far its job may have read
// on is counted in all of the key's rows.
func (e *evidence) narrow() {
	from, to := e.plan.bounds(e.vector.at)
	if e.read != nil {
		if e.onFlink() {
			return
		}
		start, end := e.plan.bounds(e.read.At)
		from, to = min(from, start), max(to, end)
	}
	e.all = e.all.within(from, to)
}

// decide finds the class of a value.
func (e *evidence) decide(ctx context.Context, k int) error {
	v := e.vector
	pv, served := e.plan.value(e.a.view.Columns[e.a.shape.columns[k]].Name), v.values[k]
	differs, err := e.gives(ctx, e.history, pv, served)
	if err != nil {
		return err
	}
	if differs == nil {
		v.classes[k] = e.a.equal(v, k)
		return nil
	}
	v.found[k] = finding{why: differs.Error(), rows: e.inWindow(pv)}
	if e.read == nil {
		v.classes[k], v.found[k].why = Skew, "nothing says what it was read by"
		return nil
	}
	if e.ways == nil {
		e.ways = e.waysOfKnowing()
	}
	for _, s := range e.ways {
		why, err := e.gives(ctx, s, pv, served)
		if err != nil {
			return err
		}
		switch {
		case why != nil:
		case v.statuses[k] == feature.Partial:
			v.classes[k], v.found[k].why = Partial, "it was served as partial, of the rows that were seen"
			return nil
		default:
			return e.cause(ctx, k, pv, s)
		}
	}
	s, all, err := e.folded(ctx, pv, k)
	switch {
	case err != nil:
		return err
	case s != nil:
		return e.cause(ctx, k, pv, s)
	}
	v.classes[k], v.found[k].why = e.unexplained(pv, v.found[k].why, all)
	return nil
}

// cause names what made a value that the rows which the store knew give another than history's: the rows of the log that it did not know.
func (e *evidence) cause(ctx context.Context, k int, pv *plan.Value, s *set) error {
	v := e.vector
	if s.at != v.at {
		v.classes[k], v.found[k].why = Stale, "it was known as of "+value.FormatTimestamp(s.at)+", which max_staleness allows"
		return nil
	}
	knew := make([]bool, e.all.all()) // by index
	for _, r := range s.rows {
		knew[r.index] = true
	}
	var late, behind []*pastRow
	window := spanOf(pv, v.at)
	for _, r := range e.all.rows {
		switch {
		case !r.logged || !window.has(r) || knew[r.index]:
		case r.ts < e.read.Batch && e.plan.join.Scan.Source.Kind == feature.Events:
			behind = append(behind, r)
		default:
			late = append(late, r)
		}
	}
	for _, c := range []struct {
		class Class
		rows  []*pastRow
	}{{Late, late}, {Behind, behind}, {Late, slices.Concat(late, behind)}} {
		if len(c.rows) == 0 {
			continue
		}
		why, err := e.gives(ctx, &set{rows: slices.Concat(s.rows, c.rows), at: v.at}, pv, v.history[k])
		if err != nil {
			return err
		}
		if why == nil {
			v.classes[k], v.found[k] = c.class, finding{why: e.reason(c.class, c.rows), missing: c.rows, rows: v.found[k].rows}
			return nil
		}
	}
	v.classes[k] = Skew
	v.found[k].why += "; the source's files have rows of this window that its stream never had"
	return nil
}

// reason says of rows that were not known why not.
func (e *evidence) reason(c Class, rows []*pastRow) string {
	n := fmt.Sprintf("%d rows", len(rows))
	if len(rows) == 1 {
		n = "1 row"
	}
	if c == Behind {
		return n + " before the batch watermark came after batch had read"
	}
	old := 0
	for _, r := range rows {
		if r.tooLate {
			old++
		}
	}
	if old == len(rows) {
		return n + " came later than the source's lateness allows"
	}
	return n + " came after it was read"
}

// inHistory are the rows that history shows.
func inHistory(rows []*pastRow) []*pastRow {
	return slices.DeleteFunc(slices.Clone(rows), func(r *pastRow) bool { return r.hidden })
}

// inWindow are the key's rows in a value's window, by history, in the order of time.
func (e *evidence) inWindow(pv *plan.Value) []*pastRow {
	var out []*pastRow
	window := spanOf(pv, e.vector.at)
	for _, r := range e.all.rows {
		if !r.hidden && !r.other && window.has(r) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(x, y *pastRow) int { return int(min(max(x.ts-y.ts, -1), 1)) })
	return out
}
