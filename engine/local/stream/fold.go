package stream

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// moment is rows of one partition that are applied together.
type moment struct {
	rows      *sift.Rows
	partition int32
	record    *eventlog.Record // gives offsets; nil: offsets does, by row of the batch
	offsets   []int64
}

func (m *moment) offset(i int) int64 {
	if m.record != nil {
		return m.record.Offset(m.rows.Row(i))
	}
	return m.offsets[m.rows.Row(i)]
}

// scratch is what fold uses again from batch to batch.
type scratch struct {
	key     []byte
	keys    []*key   // by row
	rows    []int32  // in the order of their keys, those of a key together
	after   []int32  // by row, the next of its key; -1: none
	entries []*entry // by row, then slot: where each row goes; nil: nowhere
	nowhere []*entry // where no row goes, by slot
	event   agg.Event
	inputs  []*value.Column
	wheres  []*value.Column
	bys     []*value.Column
	order   []*value.Column
	ties    []*value.Column
	tied    *value.Column // all columns as one value
	values  []value.Value // of a row that is kept
	encoded []byte        // of a write, as what follows
	puts    []store.Put
	ends    []int
}

// fold puts the rows into their tiles and chunks: all, or after an error none.
func (x *space) fold(ctx context.Context, m *moment) error {
	n := m.rows.N
	if n == 0 {
		return nil
	}
	if err := x.find(ctx, m.rows); err != nil {
		return err
	}
	x.evaluate(m.rows.Batch)
	slots := x.cache.slots
	for _, row := range x.scratch.rows {
		i := int(row)
		to := x.scratch.entries[i*slots : (i+1)*slots]
		if !x.enter(i, m, to) {
			continue
		}
		if len(x.groups) > 0 {
			x.add(i, m.rows, to)
		}
		if e := to[slots-1]; e != nil {
			r := x.row(i, m.rows)
			e.rows.Add(&r)
			if x.Rows.Step == 0 {
				x.prune(e.rows)
			}
		}
	}
	return nil
}

// enter notes row i in the headers of where it goes, and takes out where it is already; false: nowhere is left.
func (x *space) enter(i int, m *moment, to []*entry) bool {
	last := m.rows.Times[i]
	if m.rows.Known != nil {
		last = max(last, m.rows.Known[i])
	}
	offset, some := m.offset(i), false
	for s, e := range to {
		if e == nil {
			continue
		}
		h := e.header()
		if !h.Positions.Take(m.partition, offset) {
			to[s] = nil
			continue
		}
		h.Newest = max(h.Newest, last)
		x.cache.touch(e)
		some = true
	}
	return some
}

// evaluate computes all expressions of the space over the batch.
func (x *space) evaluate(b *value.Batch) {
	s := &x.scratch
	eval := func(to *[]*value.Column, programs []*sift.Program) {
		*to = (*to)[:0]
		for _, p := range programs {
			*to = append(*to, p.Eval(b, &x.nulls))
		}
	}
	eval(&s.inputs, x.inputs)
	eval(&s.wheres, x.wheres)
	if x.ordered {
		eval(&s.order, x.order)
	}
	s.bys = s.bys[:0]
	for _, c := range x.bys {
		s.bys = append(s.bys, b.Columns[c])
	}
	if x.Rows == nil {
		return
	}
	eval(&s.ties, x.ties)
	if x.Rows.AllTied {
		s.tied = sift.RowText(b, x.named)
	}
}

// add folds row i into the tiles: of each level, and of the base.
func (x *space) add(i int, rows *sift.Rows, to []*entry) {
	s := &x.scratch
	e := &s.event
	e.TS, e.Tie = rows.Times[i], e.Tie[:0]
	for _, c := range s.order {
		e.Tie = append(e.Tie, c.At(i))
	}
	if rows.Known != nil && x.ordered {
		e.Tie = append(e.Tie, value.OfTimestamp(rows.Known[i]))
	}
	tiles := to[:len(to)-1]
	for g := range x.groups {
		group := &x.groups[g]
		if group.where >= 0 {
			if w := s.wheres[group.where]; !w.Bools[i] || w.IsNull(i) {
				continue
			}
		}
		e.Value, e.By = value.Value{}, value.Value{}
		if group.input >= 0 {
			e.Value = s.inputs[group.input].At(i)
		}
		if group.by >= 0 {
			e.By = s.bys[group.by].At(i)
		}
		for _, t := range tiles {
			if t == nil {
				continue
			}
			for _, f := range group.folds {
				t.tile.State(f).Add(e)
			}
		}
	}
}

// row is row i as it is kept, good until the next.
func (x *space) row(i int, rows *sift.Rows) tile.Row {
	s, kept := &x.scratch, x.Rows
	ties := len(s.ties)
	if kept.AllTied {
		ties++
	}
	values := s.values[:0]
	for _, c := range s.ties {
		values = append(values, c.At(i))
	}
	if kept.AllTied {
		values = append(values, s.tied.At(i))
	}
	for _, k := range kept.Inputs {
		values = append(values, s.inputs[k].At(i))
	}
	for _, k := range kept.Wheres {
		values = append(values, s.wheres[k].At(i))
	}
	for _, k := range kept.Bys {
		values = append(values, s.bys[k].At(i))
	}
	s.values = values
	out := tile.Row{TS: rows.Times[i], Tie: values[:ties:ties], Cells: values[ties:]}
	if x.deleted >= 0 {
		d := rows.Columns[x.deleted]
		out.Deleted = d.Bools[i] && !d.IsNull(i)
	}
	return out
}

// prune lets versions go that nobody asks for any more.
func (x *space) prune(t *tile.Packed) {
	t.Drop(prunable(t, x.prunedFrom(), x.hiddenFrom()))
}

// prunedFrom is the time before which all but the newest version may go. It goes by when the last record arrived, not by now: what is still
// in the log may be as old as lateness allowed when it came, and a deletion must be there to hide it.
func (x *space) prunedFrom() int64 {
	from := x.clock()
	if !x.s.o.Events {
		from = min(from, x.heard)
	}
	return plus(from, -x.Rows.Keep)
}

// hiddenFrom is the time before which a deletion has nothing left to hide: nothing that waits is older, and batch's part, where there is one,
// has the deletion itself. One that is loaded later has it too, for its watermark lies less than a day behind what is let go.
func (x *space) hiddenFrom() int64 {
	from := min(x.prunedFrom(), x.waiting.oldest)
	if x.marks.Batch > plan.MinTime {
		return min(from, x.marks.Batch)
	}
	return plus(from, -value.DayMS)
}

// prunable is how many versions may go: those after which another became true before the time, and of these the newest too where it is a
// deletion from before it has nothing left to hide.
func prunable(t *tile.Packed, before, hidden int64) int {
	time := func(i int) int64 { ts, _ := t.At(i); return ts }
	n := 0
	for n+1 < t.Len() && (time(n+1) < before || fault.Planted("stream: a version goes as soon as there is another")) {
		n++
	}
	if n < t.Len() {
		if ts, deleted := t.At(n); deleted && ts < min(before, hidden) {
			n++
		}
	}
	return n
}

// find gives each row its places in memory, reading from the store what is not there.
func (x *space) find(ctx context.Context, rows *sift.Rows) error {
	c, s := &x.cache, &x.scratch
	x.arrange(rows)
	s.entries = slices.Grow(s.entries[:0], rows.N*c.slots)[:rows.N*c.slots]
	clear(s.entries)
	var from []int64
	for l := range x.Levels {
		from = append(from, x.keptFrom(l))
	}
	var old []late
	rowsFrom := int64(plan.MinTime)
	if x.Rows != nil {
		rowsFrom = x.rowsFrom()
	}
	daily := x.daily
	var before *key     // of the row before
	var beside []*entry // where that row goes
	for _, row := range s.rows {
		i := int(row)
		k, ts, to := s.keys[i], rows.Times[i], s.entries[i*c.slots:(i+1)*c.slots]
		if k != before {
			before, beside = k, x.scratch.nowhere
		}
		if x.places(k, ts, daily, from, beside, to) {
			old = append(old, late{i, k})
		}
		beside = to
		if x.Rows != nil {
			if start := x.Rows.Start(ts); start >= rowsFrom {
				to[c.slots-1] = c.entry(k, c.slots-1, start)
			}
		}
	}
	if err := c.load(ctx); err != nil {
		return err
	}
	if x.Rows != nil {
		if err := x.room(); err != nil {
			return err
		}
	}
	return x.findBases(ctx, old)
}

// room sees that where rows go there is room for them.
func (x *space) room() error {
	most := x.s.o.mostRows
	for i := x.cache.slots - 1; i < len(x.scratch.entries); i += x.cache.slots {
		switch e := x.scratch.entries[i]; {
		case e == nil || e.rows.Bytes() < most:
		case x.Rows.Step == 0:
			return fmt.Errorf("group %s: the versions of one key take %d bytes, more than are kept together (%d): a shorter lateness or delay of source %s keeps fewer", x.Group.Name, e.rows.Bytes(), most, x.Group.Source.Name)
		default:
			return fmt.Errorf("group %s: the rows of one key take %d bytes in the %s from %s on, more than are kept together (%d): windows with a resolution of tiles keep no rows", x.Group.Name, e.rows.Bytes(),
				value.FormatDuration(x.Rows.Step), value.FormatTimestamp(e.start), most)
		}
	}
	return nil
}

// arrange finds the keys of the rows, and orders the rows so that those of a key are together, each key's as they came: what is known of a key
// is then fetched from memory once.
func (x *space) arrange(rows *sift.Rows) {
	s := &x.scratch
	s.keys, s.after, s.rows = s.keys[:0], s.after[:0], s.rows[:0]
	firsts := make([]int32, 0, rows.N)
	for i := range rows.N {
		k := x.cache.key(x.keyOf(rows.Batch, i))
		if k.last == 0 {
			firsts = append(firsts, int32(i))
		} else {
			s.after[k.last-1] = int32(i)
		}
		k.last = int32(i) + 1
		s.keys, s.after = append(s.keys, k), append(s.after, -1)
	}
	for _, i := range firsts {
		s.keys[i].last = 0
		for ; i >= 0; i = s.after[i] {
			s.rows = append(s.rows, i)
		}
	}
}

// places gives a row its tile of each level that needs it: often that of the row beside it. old: it goes into the base tile of its key.
func (x *space) places(k *key, ts int64, daily int, from []int64, beside, to []*entry) (old bool) {
	base := x.marks.Batch == plan.MinTime
	for l := range x.Levels {
		start, dead := value.Floor(ts, x.Levels[l].Step), false
		if fault.Planted("stream: an event at a tile's edge lies in the tile before") {
			start = value.Floor(ts-1, x.Levels[l].Step)
		}
		switch {
		case l != daily:
			dead = start < from[l]
		case !base:
			dead = start < min(from[l], x.marks.Batch)
		case start < x.at.target:
			old = true
			dead = start < from[l]
		}
		switch e := beside[l]; {
		case dead:
		case e != nil && e.start == start:
			to[l] = e
		default:
			to[l] = x.cache.entry(k, l, start)
		}
	}
	return old
}

// late is a row that goes into the base tile of its key.
type late struct {
	row int
	key *key
}

// findBases gives rows of days that are rolled the base tiles of their keys, once all of these days are in them.
func (x *space) findBases(ctx context.Context, rows []late) error {
	if len(rows) == 0 {
		return nil
	}
	keys := make([]*key, 0, len(rows))
	for _, r := range rows {
		keys = append(keys, r.key)
	}
	if err := x.rollKeys(ctx, keys); err != nil {
		return err
	}
	slots := x.cache.slots
	for _, r := range rows {
		x.scratch.entries[r.row*slots+x.cache.base] = x.cache.entry(r.key, x.cache.base, 0)
	}
	return nil
}

// keyOf is the canonical encoding of row i's key, good until the next.
func (x *space) keyOf(b *value.Batch, i int) []byte {
	buf := x.scratch.key[:0]
	for _, k := range x.keyed {
		buf = value.Append(buf, b.Columns[k].At(i))
	}
	x.scratch.key = buf
	return buf
}
