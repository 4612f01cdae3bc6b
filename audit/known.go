package audit

import (
	"cmp"
	"context"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// This file knows which rows an online store could have known of when it answered.

// pastRow is a row of a source with how it came.
type pastRow struct {
	cells     []value.Value // in the source's order
	ts        int64         // MinTime where it has none
	due       int64         // when it happened or became known, whatever is later
	logged    bool          // it is in the event log, and what follows is known
	arrival   int64
	partition int32
	offset    int64
	tooLate   bool // it came later than lateness allows
	hidden    bool // history shows the files' rows in its place
	other     bool // it is of another key, and a copy of one of this
	index     int32
}

// keyRows are the rows of a key, and the copies of theirs that other keys have; or some of them.
type keyRows struct {
	rows    []*pastRow
	columns *value.Batch // made when needed
	byTime  []*pastRow   // the same
	whole   *keyRows     // what they are some of; nil: they are all
}

func (k *keyRows) add(r *pastRow) {
	r.index = int32(len(k.rows))
	k.rows = append(k.rows, r)
}

// within are the rows that happened in [from, to), in the order that they have. A key has all its history here, and of most values a day matters.
func (k *keyRows) within(from, to int64) *keyRows {
	if k.byTime == nil {
		k.byTime = slices.Clone(k.rows)
		slices.SortFunc(k.byTime, func(a, b *pastRow) int { return cmp.Compare(a.ts, b.ts) })
	}
	at := func(ts int64) int {
		i, _ := slices.BinarySearchFunc(k.byTime, ts, func(r *pastRow, ts int64) int { return cmp.Compare(r.ts, ts) })
		return i
	}
	first, end := at(from), at(to)
	if end-first == len(k.rows) {
		return k
	}
	some := &keyRows{rows: slices.Clone(k.byTime[first:max(first, end)]), whole: k}
	slices.SortFunc(some.rows, func(a, b *pastRow) int { return cmp.Compare(a.index, b.index) })
	return some
}

// all is how many rows the key has: their indexes lie below.
func (k *keyRows) all() int {
	if k.whole != nil {
		return len(k.whole.rows)
	}
	return len(k.rows)
}

// batch are all rows of the key as columns, by their index.
func (k *keyRows) batch(schema value.Schema) *value.Batch {
	if k.whole != nil {
		return k.whole.batch(schema)
	}
	if k.columns == nil {
		cells := make([][]value.Value, len(k.rows))
		for i, r := range k.rows {
			cells[i] = r.cells
		}
		k.columns = value.BatchOf(schema, cells)
	}
	return k.columns
}

// span is a value's window as of a time.
type span struct{ start, end, at int64 }

func spanOf(pv *plan.Value, at int64) span {
	start, end := windowOf(pv, at)
	return span{start, end, at}
}

// has reports whether a row lies in the window, and was known by then.
func (s span) has(r *pastRow) bool { return r.ts >= s.start && r.ts < s.end && r.due < s.at }

// windowOf is a value's window. An entity's rows hold until they are replaced, and its end is never floored (E5).
func windowOf(pv *plan.Value, at int64) (start, end int64) {
	if pv.Feature.Group.Source.Kind == feature.Events {
		return pv.Window.Bounds(at)
	}
	u, _ := pv.Window.AsOf(at)
	return plan.MinTime, u
}

// gathering reads the rows of some keys out of a source's history.
type gathering struct {
	join   *plan.Join
	past   *Past
	events bool // the clock is that of the events
	keys   map[string]bool
	before int64 // rows from then on matter to no value
	rows   map[string]*keyRows
	newest int64 // of the log so far: its clock

	source             *feature.Source
	keyed              []int
	time, known, where expr.RowFunc
	id, deleted        int
}

func newGathering(j *plan.Join, past *Past, events bool) *gathering {
	s := j.Scan.Source
	g := &gathering{join: j, past: past, events: events, keys: map[string]bool{}, rows: map[string]*keyRows{}, newest: plan.MinTime, before: plan.MinTime, source: s,
		time: compiled(s.Time, s.Schema), known: compiled(s.KnownAt, s.Schema), where: compiled(s.Where, s.Schema), id: s.Schema.Index(s.ID), deleted: s.Schema.Index(s.Deleted)}
	for _, k := range j.Keys {
		g.keyed = append(g.keyed, s.Schema.Index(k))
	}
	return g
}

func compiled(e *expr.Expr, s value.Schema) expr.RowFunc {
	if e == nil {
		return nil
	}
	return e.Compile(s)
}

func (g *gathering) want(key string, before int64) {
	g.keys[key], g.before = true, max(g.before, before)
}

// of are the rows of a key; none of a key that is null.
func (g *gathering) of(key string) *keyRows {
	if g.rows[key] == nil {
		g.rows[key] = &keyRows{}
	}
	return g.rows[key]
}

// read reads all rows of the wanted keys, and the copies of theirs that other keys have (E3).
func (g *gathering) read(ctx context.Context) error {
	if err := g.scan(ctx, g.past.Table, g.past.Arrival != "", func(r *pastRow, key string) {
		if g.keys[key] {
			g.of(key).add(r)
		}
	}); err != nil {
		return err
	}
	if g.past.Log != nil {
		g.newest = plan.MinTime
		if err := g.scan(ctx, g.past.Log, true, func(r *pastRow, key string) {
			if g.keys[key] && r.ts < g.past.Cut {
				r.hidden = true
				g.of(key).add(r)
			}
		}); err != nil {
			return err
		}
	}
	return g.copies(ctx)
}

// copies reads the rows of other keys that have an id of the rows there are.
func (g *gathering) copies(ctx context.Context) error {
	if g.id < 0 {
		return nil
	}
	of := map[string][]string{} // keys by id
	for key, k := range g.rows {
		for _, r := range k.rows {
			if id := r.cells[g.id]; !id.IsNull() {
				text := string(value.Append(nil, id))
				of[text] = append(of[text], key)
			}
		}
	}
	if len(of) == 0 {
		return nil
	}
	g.newest = plan.MinTime
	return g.scan(ctx, g.past.Table, g.past.Arrival != "", func(r *pastRow, key string) {
		id := r.cells[g.id]
		if id.IsNull() {
			return
		}
		var buf [64]byte
		keys := of[string(value.Append(buf[:0], id))]
		for i, k := range keys {
			if k != key && !slices.Contains(keys[:i], k) {
				x := *r
				x.other = true
				g.of(k).add(&x)
			}
		}
	})
}

// scan hands over each row that has a time and a key.
func (g *gathering) scan(ctx context.Context, t dataset.Table, log bool, do func(r *pastRow, key string)) error {
	columns := g.source.Schema.Names()
	if log {
		columns = append(slices.Clip(columns), g.past.Arrival, g.past.Partition, g.past.Offset)
	}
	n := len(g.source.Schema)
	var key []byte
	return eachBatch(ctx, t, dataset.Scan{Columns: columns}, func(b *value.Batch) error {
	rows:
		for i := range b.N {
			key = key[:0]
			for _, k := range g.keyed {
				cell := b.Columns[k].At(i)
				if cell.IsNull() {
					continue rows
				}
				key = value.Append(key, cell)
			}
			cells := b.Row(i)
			r := &pastRow{cells: cells[:n:n]}
			if log && !cells[n].IsNull() {
				r.logged, r.arrival, r.partition, r.offset = true, cells[n].Int(), int32(cells[n+1].Int()), cells[n+2].Int()
			}
			if g.timed(r) && r.ts < g.before {
				do(r, string(key))
			}
		}
		return nil
	})
}

// timed says when a row happened, and whether it came too late; false: it is no event. Rows of the log come in the order of the log.
func (g *gathering) timed(r *pastRow) bool {
	at := g.time(r.cells, nil)
	if at.IsNull() {
		return false
	}
	r.ts, r.due = at.Int(), at.Int()
	gone := g.deleted >= 0 && r.cells[g.deleted].Bool()
	if g.where != nil && !gone && !g.where(r.cells, nil).Bool() {
		return false
	}
	if g.known != nil {
		known := g.known(r.cells, nil)
		if known.IsNull() {
			return false
		}
		r.due = max(r.due, known.Int())
	}
	if !r.logged {
		return true
	}
	now := r.arrival
	if g.events {
		now = plan.MinTime
		if g.newest > plan.MinTime {
			now = g.newest + 1
		}
	}
	g.newest = max(g.newest, r.due)
	r.tooLate = now > plan.MinTime && r.ts < now-g.source.Lateness
	return true
}

const (
	// loadSlack is how near to the moment at which batch began to read a row's arrival leaves open whether batch has it, ms.
	loadSlack = 1000
	// maxWaited is how many rows that had to wait for their time may still have been waiting.
	maxWaited = 16
)

// waysOfKnowing are the rows that the store may have known of, in each way that the record leaves open: rows that came at the very moment when batch began
// to read, and rows whose time had come but that may have been on their way still.
func (e *evidence) waysOfKnowing() []*set {
	var sure, near, waited []*pastRow
	for _, r := range e.all.rows {
		switch e.knew(r) {
		case yes:
			sure = append(sure, r)
		case perhapsBatch:
			near = append(near, r)
		case perhapsWaited:
			waited = append(waited, r)
		}
	}
	slices.SortStableFunc(waited, func(x, y *pastRow) int { return int(min(max(x.due-y.due, -1), 1)) })
	first := max(0, len(waited)-maxWaited)
	var out []*set
	for n := len(waited); n >= first; n-- {
		some := slices.Concat(sure, waited[:n])
		out = append(out, &set{rows: some, at: e.read.At})
		if len(near) > 0 {
			out = append(out, &set{rows: slices.Concat(some, near), at: e.read.At})
		}
	}
	return out
}

type knowledge uint8

const (
	no knowledge = iota
	yes
	perhapsBatch
	perhapsWaited
)

// knew says whether the store could know of a row when it answered. What is before the watermark is as batch has read it: the files' rows, and
// those of the log that had arrived by then. What is not is as the stream has read it: exactly the rows up to the positions in what was
// read of the key, and at least those up to the place that the space had come to before.
func (e *evidence) knew(r *pastRow) knowledge {
	m := e.read
	batch := r.ts < m.Batch
	switch {
	case batch && !r.logged:
		return yes
	case !r.logged:
		return no
	case batch && (m.Loaded == 0 || r.arrival >= m.Loaded-loadSlack && r.arrival < m.Loaded+loadSlack):
		return perhapsBatch
	case batch && r.arrival < m.Loaded:
		return yes
	case batch && e.plan.join.Scan.Source.Kind == feature.Events:
		return no // the stream leaves it to the next backfill
	case r.tooLate:
		return no
	case !m.Applied.Covers(r.partition, r.offset) && !m.Read.Covers(r.partition, r.offset):
		return no
	case !e.a.task.Events && r.due >= r.arrival:
		return perhapsWaited
	}
	return yes
}
