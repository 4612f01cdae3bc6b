// Package servetest is what tests and benchmarks of serving stand on: definitions of a text, a store whose faults a test sets, and a
// filler that writes what batch and stream would have written of some rows, in the plainest way.
package servetest

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// patience is how long a machine that stands still may take over definitions: they are short.
const patience = 10 * time.Minute

// Definitions records and checks a text. Each source gets a place of its own name, so that tables can be found.
func Definitions(t testing.TB, text string) *feature.Project {
	t.Helper()
	text = "import bighead as bh\n" + text
	defs, err := project.RecordUnits(context.Background(), project.Python{Timeout: patience}, []project.Unit{{Name: "features.py", Text: &text}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := feature.Check(defs[0], feature.Options{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	for _, s := range p.Sources {
		s.Place.Path = s.Name
	}
	return p
}

// filler writes what batch and stream would have written of a source's rows: every event into its tile of each level, by its owner
// (docs/data-path.md §1). It is written to be read, not to be fast.
type filler struct {
	space *plan.Space
	marks plan.Marks
	roll  int64 // the stream's base tiles go through this; MinTime: there are none
	tiles map[place]*tile.Tile
	rows  map[place]*tile.Rows

	time, where, known     expr.RowFunc
	inputs, wheres, orders []expr.RowFunc
}

// longest is beyond the reach of every window in the tests, ms.
const longest = 16 * value.DayMS

type place struct {
	batch       bool
	key         string
	step, start int64
}

func compile(e *expr.Expr, s value.Schema) expr.RowFunc {
	if e == nil {
		return nil
	}
	return e.Compile(s)
}

// Fill puts the rows of a group's source that are known before a time into the store, under the marks.
func Fill(t testing.TB, st store.Store, g *feature.Group, rows [][]value.Value, before int64, m plan.Marks, roll int64) {
	t.Helper()
	s, src := plan.SpaceOf(g), g.Source
	f := &filler{space: s, marks: m, roll: roll, tiles: map[place]*tile.Tile{}, rows: map[place]*tile.Rows{},
		time: compile(src.Time, src.Schema), where: compile(src.Where, src.Schema), known: compile(src.KnownAt, src.Schema)}
	for _, e := range s.Inputs {
		f.inputs = append(f.inputs, e.Compile(src.Schema))
	}
	for _, e := range s.Wheres {
		f.wheres = append(f.wheres, e.Compile(src.Schema))
	}
	for _, e := range src.OrderBy {
		f.orders = append(f.orders, e.Compile(src.Schema))
	}
	for _, row := range rows {
		f.add(row, before)
	}
	w := &store.Write{Meta: []store.MetaPut{{Name: s.MarksName(), Bytes: m.Append(nil)}, {Name: plan.StateName(s.ID), Bytes: state(roll)}}}
	for p, x := range f.tiles {
		w.Puts = append(w.Puts, store.Put{Space: s.StoreSpace(p.batch, m), Key: p.key, Step: p.step, Start: p.start, Bytes: s.Layout().Append(nil, x)})
	}
	for p, x := range f.rows {
		w.Puts = append(w.Puts, store.Put{Space: s.StoreSpace(p.batch, m), Key: p.key, Step: p.step, Start: p.start, Bytes: s.RowLayout().Append(nil, x)})
	}
	if err := st.Write(context.Background(), w); err != nil {
		t.Fatal(err)
	}
}

// state is one of the stream's, of which readers take up to when days are rolled.
func state(rolled int64) []byte {
	s := plan.NoState
	s.Rolled = rolled
	return s.Append(nil)
}

func (f *filler) add(row []value.Value, before int64) {
	src := f.space.Group.Source
	ts, newest := int64(math.MinInt64), int64(math.MinInt64)
	if f.time != nil {
		x := f.time(row, nil)
		if x.IsNull() {
			return
		}
		ts, newest = x.Int(), x.Int()
	}
	deleted := src.Deleted != "" && row[src.Schema.Index(src.Deleted)].Bool()
	if f.where != nil && !deleted && !f.where(row, nil).Bool() {
		return
	}
	tie := make([]value.Value, 0, 4)
	for _, o := range f.orders {
		tie = append(tie, o(row, nil))
	}
	if f.known != nil {
		known := f.known(row, nil)
		newest = max(newest, known.Int())
		tie = append(tie, known)
	}
	var key []value.Value
	for _, k := range f.space.Group.Keys {
		v := row[src.Schema.Index(k.Name)]
		if v.IsNull() {
			return
		}
		key = append(key, v)
	}
	if newest >= before && src.Kind == feature.Events {
		return // it has not happened yet, or is not known
	}
	f.place(string(value.AppendKey(nil, key)), row, ts, newest, tie, deleted)
}

func (f *filler) place(key string, row []value.Value, ts, newest int64, tie []value.Value, deleted bool) {
	s := f.space
	batch := ts < f.marks.Batch || s.Replaced()
	for _, l := range s.Levels {
		if !batch && s.Base && l.Step == value.DayMS && f.roll > plan.MinTime && ts < f.roll-longest {
			continue // merged into the base, and no window's any more
		}
		f.fold(place{batch, key, l.Step, value.Floor(ts, l.Step)}, row, ts, newest, tie)
	}
	if s.Base && f.marks.Batch > plan.MinTime && ts < s.BaseEnd(f.marks.Batch) {
		f.fold(place{true, key, plan.BaseStep, f.marks.Batch}, row, ts, newest, tie).Through = s.BaseEnd(f.marks.Batch)
	}
	if s.Base && f.marks.Batch == plan.MinTime && ts < f.roll {
		f.fold(place{false, key, plan.BaseStep, 0}, row, ts, newest, tie).Through = f.roll
	}
	if s.Rows == nil {
		return
	}
	r := tile.Row{TS: ts, Tie: slices.Clone(tie), Deleted: deleted}
	if s.Rows.AllTied {
		r.Tie = append(r.Tie, value.OfList(byName(s.Group.Source.Schema, row)))
	}
	for _, i := range s.Rows.Inputs {
		r.Cells = append(r.Cells, f.inputs[i](row, nil))
	}
	for _, i := range s.Rows.Wheres {
		r.Cells = append(r.Cells, f.wheres[i](row, nil))
	}
	for _, i := range s.Rows.Bys {
		r.Cells = append(r.Cells, row[s.Group.Source.Schema.Index(s.Bys[i])])
	}
	p := place{batch, key, s.Rows.RowStep(), s.Rows.Start(ts)}
	if f.rows[p] == nil {
		f.rows[p] = &tile.Rows{Header: tile.Header{Newest: tile.None, Through: tile.None}}
	}
	f.rows[p].Add(r)
	f.rows[p].Newest = max(f.rows[p].Newest, newest)
}

func byName(s value.Schema, row []value.Value) []value.Value {
	names := s.Names()
	slices.Sort(names)
	var out []value.Value
	for _, n := range names {
		out = append(out, row[s.Index(n)])
	}
	return out
}

func (f *filler) fold(p place, row []value.Value, ts, newest int64, tie []value.Value) *tile.Tile {
	x := f.tiles[p]
	if x == nil {
		x = f.space.Layout().New()
		f.tiles[p] = x
	}
	x.Newest = max(x.Newest, newest)
	for i, d := range f.space.Folds[:f.space.Tiled] {
		if d.Where >= 0 && !f.wheres[d.Where](row, nil).Bool() {
			continue
		}
		e := agg.Event{TS: ts, Tie: tie}
		if d.Input >= 0 {
			e.Value = f.inputs[d.Input](row, nil)
		}
		if d.By >= 0 {
			e.By = row[f.space.Group.Source.Schema.Index(f.space.Bys[d.By])]
		}
		x.State(i).Add(&e)
	}
	return x
}

// EmptyRows is the encoding of no rows of a space.
func EmptyRows(s *plan.Space) []byte {
	return s.RowLayout().Append(nil, &tile.Rows{Header: tile.Header{Newest: tile.None, Through: tile.None}})
}
