package oracle

import (
	"cmp"
	"context"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// join answers for one group's features, or for one label.
type join struct {
	plan    *plan.Join
	events  *events
	report  *engine.SourceReport
	within  int64 // of a label (I2); 0: a group's features
	inputs  []expr.RowFunc
	counted []expr.RowFunc // the same, their nulls counted
	wheres  []expr.RowFunc
	asked   map[string]bool // keys that spine rows have
}

func newJoin(ctx context.Context, in engine.Inputs, p *plan.Join, made *nulls) (*join, error) {
	s := p.Scan.Source
	j := &join{plan: p, asked: map[string]bool{}, report: &engine.SourceReport{Join: p.Name, Source: s.Name}}
	var err error
	if j.events, err = load(ctx, in, s, p.Keys, j.report, made.of(s)); err != nil {
		return nil, err
	}
	for _, v := range p.Values {
		input, where := compiled(v.Feature.Input, s.Schema), compiled(v.Feature.Where, s.Schema)
		j.inputs = append(j.inputs, input)
		if input != nil {
			input = made.once(p.Name+": "+v.Feature.Input.String(), input)
		}
		if where != nil {
			where = made.once(p.Name+": where "+v.Feature.Where.String(), where)
		}
		j.counted, j.wheres = append(j.counted, input), append(j.wheres, where)
	}
	return j, nil
}

// aggregate makes a value of events in the order of E2.
type aggregate func(v *plan.Value, events []agg.Event, asOf int64) value.Value

// outcome says what became of a value.
type outcome uint8

const (
	present outcome = iota
	defaulted
	unknownKey
	noEvent
	nullInput
	computed
)

func (o outcome) count(r *engine.ValueReport) {
	switch o {
	case defaulted:
		r.Defaults++
		return
	case unknownKey:
		r.UnknownKey++
	case noEvent:
		r.NoEvent++
	case nullInput:
		r.NullInput++
	case computed:
		r.Computed++
	}
	if o != present {
		r.Nulls++
	}
}

// value is the i-th value of the join for a row at t (§4), after its default (A4).
func (j *join) value(i int, schema value.Schema, row []value.Value, t int64, aggregate aggregate) (value.Value, outcome) {
	f := j.plan.Values[i].Feature
	rows, seen := j.rows(i, schema, row, t)
	_, a := asOf(f.Window, j.events.source.Delay, t)
	if j.plan.Forward {
		a = t + j.within
	}
	var v value.Value
	if j.events.source.Kind == feature.Events {
		v = aggregate(&j.plan.Values[i], j.inOrder(i, rows), a)
	} else {
		v = j.latest(i, rows)
	}
	how := present
	switch {
	case !v.IsNull():
	case !f.Default.IsNull():
		return f.Default, defaulted
	case !seen:
		how = unknownKey
	case len(rows) == 0:
		how = noEvent
	case !slices.ContainsFunc(rows, func(e event) bool { return !e.deleted && j.inputs[i] != nil && !j.inputs[i](e.row, nil).IsNull() }):
		how = nullInput
	default:
		how = computed
	}
	return v, how
}

// rows are E(k, t) of the i-th value; seen is whether the source has the key at all.
func (j *join) rows(i int, schema value.Schema, row []value.Value, t int64) (rows []event, seen bool) {
	f, s := j.plan.Values[i].Feature, j.events.source
	key, whole := keyOf(schema, row, j.plan.On)
	if !whole {
		return nil, false // the empty set (W5)
	}
	j.asked[key] = true
	start, end := edges(f.Window, s.Delay, t)
	switch {
	case j.plan.Forward:
		start, end = t, t+j.within
	case s.Kind != feature.Events:
		end, _ = asOf(f.Window, s.Delay, t) // never floored (E5)
	}
	for _, e := range j.events.all {
		if e.key != key {
			continue
		}
		seen = true
		inTime := e.ts < end && (e.ts >= start || s.Kind != feature.Events)
		known := e.known < t || j.plan.Forward
		if inTime && known && (j.wheres[i] == nil || j.wheres[i](e.row, nil).Bool()) {
			rows = append(rows, e)
		}
	}
	if s.Kind == feature.Snapshots {
		rows = j.events.newestPartition(rows, end)
	}
	return rows, seen
}

// inOrder are the rows as the aggregation sees them, in the order of E2.
func (j *join) inOrder(i int, rows []event) []agg.Event {
	f := j.plan.Values[i].Feature
	events := make([]agg.Event, len(rows))
	for n, e := range rows {
		events[n] = agg.Event{TS: e.ts, Tie: e.tie}
		if f.Input != nil {
			events[n].Value = j.counted[i](e.row, nil)
		}
		if f.By != "" {
			events[n].By = column(j.events.source.Schema, e.row, f.By)
		}
	}
	slices.SortStableFunc(events, func(a, b agg.Event) int {
		return cmp.Or(cmp.Compare(a.TS, b.TS), value.CompareRows(a.Tie, b.Tie), value.Compare(a.Value, b.Value))
	})
	return events
}

// latest is the input in the last of an entity's rows, by (ts, order_by, known_at, all columns in name order); a deletion wins its
// millisecond (E5).
func (j *join) latest(i int, rows []event) value.Value {
	if len(rows) == 0 {
		return value.Value{}
	}
	last := slices.MaxFunc(rows, func(a, b event) int {
		deleted := cmp.Compare(value.OfBool(a.deleted).Int(), value.OfBool(b.deleted).Int())
		return cmp.Or(cmp.Compare(a.ts, b.ts), deleted, value.CompareRows(a.tie, b.tie), j.events.compareColumns(a, b))
	})
	if last.deleted {
		return value.Value{}
	}
	return j.counted[i](last.row, nil)
}

// count adds the events to the report, once all rows have asked.
func (j *join) count() {
	r := j.report
	type moment struct {
		key string
		ts  int64
	}
	at := map[moment]int64{}
	for _, e := range j.events.all {
		if !j.asked[e.key] {
			r.OtherKeys++
			continue
		}
		if r.Used == 0 {
			r.Earliest, r.Latest = e.ts, e.ts
		}
		r.Used++
		r.Earliest, r.Latest = min(r.Earliest, e.ts), max(r.Latest, e.ts)
		at[moment{e.key, e.ts}]++
	}
	for _, n := range at {
		if n > 1 && len(j.events.source.OrderBy) == 0 {
			r.Ties += n
		}
	}
}

// newestPartition leaves the rows of the newest partition of the whole table that ends before u (E6).
func (es *events) newestPartition(rows []event, u int64) []event {
	var newest *int64
	for i, end := range es.ends {
		if end < u && (newest == nil || end > *newest) {
			newest = &es.ends[i]
		}
	}
	return slices.DeleteFunc(rows, func(e event) bool { return newest == nil || e.ts != *newest })
}
