package stream

import (
	"context"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// history is the rows of a source's log that are no later than its lateness allows.
func (d *drawn) history(s *plan.Stream) [][]value.Value {
	var out [][]value.Value
	src := s.Source
	ts, known := src.Time.Compile(src.Schema), func([]value.Value) value.Value { return value.Value{} }
	if src.KnownAt != nil {
		f := src.KnownAt.Compile(src.Schema)
		known = func(row []value.Value) value.Value { return f(row, nil) }
	}
	newest := int64(plan.MinTime)
	for _, r := range d.logs[src.Name].rows() {
		for i := range r.Rows.N {
			row := r.Rows.Row(i)
			at := ts(row, nil)
			if at.IsNull() {
				continue
			}
			limit := plus(r.Arrival, -src.Lateness)
			if d.o.Events {
				limit = plus(newest+1, -src.Lateness)
				if newest == plan.MinTime {
					limit = plan.MinTime
				}
				if !events(src, row) || slices.ContainsFunc(s.Spaces[0].Group.Keys, func(k feature.Key) bool { return row[src.Schema.Index(k.Name)].IsNull() }) {
					continue
				}
				newest = max(newest, at.Int())
				if k := known(row); !k.IsNull() {
					newest = max(newest, k.Int())
				}
			}
			if at.Int() < limit {
				d.seen.late++
				continue
			}
			out = append(out, row)
		}
	}
	return out
}

// events tells whether a row is an event but for its key (E1).
func events(src *feature.Source, row []value.Value) bool {
	deleted := src.Deleted != "" && row[src.Schema.Index(src.Deleted)].Bool()
	if src.Where != nil && !deleted && !src.Where.Compile(src.Schema)(row, nil).Bool() {
		return false
	}
	return src.KnownAt == nil || !src.KnownAt.Compile(src.Schema)(row, nil).IsNull()
}

// check compares what a reader sees now with the oracle.
func (d *drawn) check(now int64) {
	st := d.Status()
	for i, s := range d.live {
		for _, x := range s.Spaces {
			n := slices.IndexFunc(st.Sources[i].Groups, func(g GroupStatus) bool { return g.Space == x.ID })
			g := st.Sources[i].Groups[n]
			if g.CatchingUp || g.Lag > 0 {
				d.t.Fatalf("seed %d: %+v after all was written", d.seed, g)
			}
			d.seen.waited += int(g.Counts.Waiting)
			if g.Rolled > plan.MinTime {
				d.seen.rolled++
			}
			at := now
			if d.o.Events {
				if at = d.Now(); at == plan.MinTime {
					at = now
				}
			}
			d.compare(s, x, at)
		}
	}
}

// steady keeps the store in reach until what it returns is called.
func (d *drawn) steady() func() {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	flaky := d.store.flaky
	d.store.flaky = nil
	return func() {
		d.store.mu.Lock()
		defer d.store.mu.Unlock()
		d.store.flaky = flaky
	}
}

func (d *drawn) compare(s *plan.Stream, x *plan.Space, at int64) {
	defer d.steady()()
	keys := d.asked[x.Group.Name]
	if len(keys) == 0 || at > value.MaxTimestamp {
		return
	}
	var spine value.Schema
	for _, k := range x.Group.Keys {
		spine = append(spine, value.Field{Name: k.Name, Type: k.Type})
	}
	spine = append(spine, value.Field{Name: plan.AtColumn, Type: value.Timestamp})
	var rows [][]value.Value
	for _, k := range keys {
		rows = append(rows, append(slices.Clone(k), value.OfTimestamp(at)))
	}
	part := &plan.Stream{Source: s.Source, Spaces: []*plan.Space{x}}
	table := enginetest.NewTable(s.Source.Schema, enginetest.Part{Rows: d.history(part)})
	in := engine.Inputs{
		Open:  func(context.Context, feature.Place, value.Schema) (dataset.Table, error) { return table, nil },
		Spine: enginetest.NewTable(spine, enginetest.Part{Rows: rows}),
	}
	j, err := enginetest.NewJudge(d.t.Context(), plan.ForGroup(x.Group, nil), in, spine, rows)
	if err != nil {
		d.t.Fatalf("seed %d: the oracle: %v", d.seed, err)
	}
	got := &enginetest.Answer{Schema: j.Want.Schema, Report: j.Want.Report}
	for _, k := range keys {
		values, cover, err := look(d.t.Context(), d.store, x, string(value.AppendKey(nil, k)), at)
		if err != nil {
			d.t.Fatalf("seed %d, group %s, key %v at %s: %v", d.seed, x.Group.Name, k, value.FormatTimestamp(at), err)
		}
		if slices.Contains(cover.Partial, true) {
			d.t.Fatalf("seed %d: partial", d.seed)
		}
		row := make([]value.Value, len(got.Schema))
		for i, f := range got.Schema {
			if n := slices.IndexFunc(x.Values, func(v plan.Value) bool { return v.Name == f.Name }); n >= 0 {
				row[i] = values[n]
			} else if n := spine.Index(f.Name); n >= 0 {
				row[i] = append(slices.Clone(k), value.OfTimestamp(at))[n]
			} else {
				d.t.Fatalf("no column %q", f.Name)
			}
		}
		got.Rows = append(got.Rows, row)
		d.seen.answers += len(values)
		for _, v := range values {
			if !v.IsNull() {
				d.seen.filled++
			}
		}
	}
	for _, diff := range j.Compare(got) {
		diff.Road = "stream"
		d.t.Errorf("seed %d, atomic %v, events %v, group %s, key %v at %s (%d): %s", d.seed, d.store.atomic, d.o.Events, x.Group.Name, keys[max(diff.Row-1, 0)], value.FormatTimestamp(at), at, diff)
	}
}
