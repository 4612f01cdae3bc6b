package serve

import (
	"errors"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// cell is one value with its status, before anything stands in for it.
type cell struct {
	value  value.Value
	status Status
}

// merger makes the values of one job after the other out of what was read. For one goroutine at a time.
type merger struct {
	part    *part
	cover   *cover
	t, now  int64 // the as-of time and the clock's
	windows []merged
	args    [][]agg.State // of each value: the states in the order of Finish
	scratch *tile.Tile
	folds   []int          // that a tile is decoded for
	newest  int64          // latest time in anything that was taken in; tile.None: nothing was
	waits   bool           // a version is there that does not hold yet
	latest  tile.Positions // the last of the stream's positions in what was taken in
	late    bool           // a base tile holds more than a window may: the store cannot look back so far
}

// merged is what a window has taken in.
type merged struct {
	states     []agg.State
	start, end int64 // of the window at t
	u, a       int64
	seen       bool // a row is in E(k, t)
	bad        bool // something of it could not be read
	through    int64
	oldest     int64 // where the earliest tile begins that was there
	until      int64 // before when none begins ahead of the cover
	version    *tile.Row
}

func (p *part) newMerger() *merger {
	m := &merger{part: p, windows: make([]merged, len(p.windows)), args: make([][]agg.State, len(p.values))}
	for i, w := range p.windows {
		for _, f := range w.folds {
			m.windows[i].states = append(m.windows[i].states, p.of.Folds[f].New())
		}
	}
	for i, v := range p.values {
		for _, s := range v.states {
			m.args[i] = append(m.args[i], m.windows[v.window].states[s])
		}
	}
	if p.kind == ofTiles {
		m.scratch = p.of.Layout().New()
	}
	return m
}

// begin forgets the job before.
func (m *merger) begin(t, now int64, c *cover) {
	m.t, m.now, m.cover, m.newest, m.late, m.waits, m.latest = t, now, c, tile.None, false, false, m.latest[:0]
	for i := range m.windows {
		w := &m.windows[i]
		for _, s := range w.states {
			s.Reset()
		}
		w.seen, w.bad, w.through, w.oldest, w.version = false, false, tile.None, plan.MaxTime, nil
		if m.part.kind == ofTiles {
			w.until = c.until[i]
		}
		w.start, w.end = m.part.windows[i].Bounds(t)
		w.u, w.a = m.part.windows[i].AsOf(t)
	}
}

// take takes in what lies at a place.
func (m *merger) take(need int, start int64, b []byte) {
	switch m.part.kind {
	case ofTiles:
		m.tile(need, start, b)
	case ofChunks:
		m.chunk(need, start, b)
	default:
		m.versions(need, b)
	}
}

// wants reports whether a window takes in what starts there: it is in the use, and not in the base tile already.
func (m *merger) wants(u use, start int64) bool {
	return u.from <= start && start < u.to && (start >= m.windows[u.window].through || fault.Planted("serve: days that the base holds count again"))
}

func (m *merger) tile(need int, start int64, b []byte) {
	for i := range m.windows { // what lies ahead is none of theirs yet
		if start >= m.cover.from[i] {
			m.windows[i].until = min(m.windows[i].until, start)
		}
	}
	if need < 0 {
		return
	}
	uses := m.cover.uses[need]
	m.folds = m.folds[:0]
	for _, u := range uses {
		if m.wants(u, start) {
			m.folds = union(m.folds, m.part.windows[u.window].wanted)
		}
	}
	if len(m.folds) == 0 {
		return
	}
	err := m.part.of.Layout().DecodeFolds(m.scratch, b, m.folds)
	m.refused(err)
	base := m.cover.Needs[need].Step == plan.BaseStep
	for _, u := range uses {
		if !m.wants(u, start) {
			continue
		}
		w := &m.windows[u.window]
		w.seen, w.oldest = true, min(w.oldest, start)
		if err != nil {
			w.bad = true
			continue
		}
		for k, f := range m.part.windows[u.window].folds {
			w.states[k].Merge(m.scratch.State(f))
		}
		if base {
			m.through(w)
		}
	}
	if err == nil {
		m.newest = max(m.newest, m.scratch.Newest)
		m.advance(need, m.scratch.Positions)
	}
}

// advance notes how far something of the stream's has read its source.
func (m *merger) advance(need int, read tile.Positions) {
	if m.cover.Needs[need].Batch {
		return
	}
	for _, p := range read {
		m.latest.Advance(p.Partition, p.Offset)
	}
}

// union adds ascending numbers to ascending ones.
func union(a, b []int) []int {
	if len(a) == 0 {
		return append(a, b...)
	}
	for _, x := range b {
		if i, ok := slices.BinarySearch(a, x); !ok {
			a = slices.Insert(a, i, x)
		}
	}
	return a
}

// through notes how far a base tile goes: what starts before is in it.
func (m *merger) through(w *merged) {
	w.through = m.scratch.Through
	if w.through > w.end && m.scratch.Newest >= w.end {
		w.bad, m.late = true, true
	}
}

// refused counts a tile that is no good. Its values fail: a part of them would be a guess.
func (m *merger) refused(err error) {
	switch {
	case err == nil:
	case errors.Is(err, tile.ErrOther):
		m.part.counts.other.Inc()
	default:
		m.part.counts.damaged.Inc()
	}
}

// chunk takes in the rows of an exact window. Chunks divide a day and B is a midnight, so each has one owner.
func (m *merger) chunk(need int, start int64, b []byte) {
	rows, err := m.part.of.RowLayout().Decode(b)
	m.refused(err)
	for _, u := range m.cover.uses[need] {
		if !m.wants(u, start) {
			continue
		}
		if err != nil {
			m.windows[u.window].bad = true
			continue
		}
		for i := range rows.Rows {
			m.row(u.window, &rows.Rows[i])
		}
	}
	if err == nil {
		m.newest = max(m.newest, rows.Newest)
		m.advance(need, rows.Positions)
	}
}

// row folds a row into a window that it lies in.
func (m *merger) row(window int, r *tile.Row) {
	w := &m.windows[window]
	if r.TS < w.start || r.TS >= w.end && !fault.Planted("serve: an exact window ends with its chunk") {
		return
	}
	w.seen = true
	for k, f := range m.part.windows[window].rows {
		if f.where >= 0 && !r.Cells[f.where].Bool() {
			continue
		}
		e := agg.Event{TS: r.TS, Tie: r.Tie}
		if f.input >= 0 {
			e.Value = r.Cells[f.input]
		}
		if f.by >= 0 {
			e.By = r.Cells[f.by]
		}
		w.states[k].Add(&e)
	}
}

// versions takes in the rows of an entity: of each window the last that holds at u.
func (m *merger) versions(need int, b []byte) {
	rows, err := m.part.of.RowLayout().Decode(b)
	m.refused(err)
	if err == nil {
		m.advance(need, rows.Positions)
	}
	src := m.part.of.Group.Source
	for _, u := range m.cover.uses[need] {
		w := &m.windows[u.window]
		if err != nil {
			w.bad = true
			continue
		}
		for i := len(rows.Rows) - 1; i >= 0; i-- {
			r := &rows.Rows[i]
			known := r.TS
			if src.KnownAt != nil {
				known = r.Tie[len(src.OrderBy)].Int()
			}
			if (r.TS < w.u || fault.Planted("serve: the newest version counts, whenever it became true")) && (src.KnownAt == nil || known < m.t) {
				if w.version == nil || w.version.Compare(r) < 0 {
					w.version, w.seen = r, !r.Deleted
				}
				break
			}
			m.waits = true
			// A row of the clock's very moment counts from the next on; one of the future is no news yet.
			if last := max(known, r.TS); last <= m.now && src.Time != nil {
				m.newest = max(m.newest, last)
			}
		}
	}
}

// finish makes the values.
func (m *merger) finish(out []cell) {
	for i := range m.part.values {
		v := &m.part.values[i]
		w := &m.windows[v.window]
		if w.bad {
			out[i] = cell{status: Failed}
			continue
		}
		var x value.Value
		if m.part.kind != ofVersions {
			x = v.feature.Agg.Finish(v.in, v.feature.Params, m.args[i], w.a)
		} else if w.version != nil && !w.version.Deleted {
			x = w.version.Cells[v.cell]
		}
		out[i] = cell{x, Present}
		switch {
		case m.cover != nil && m.cover.Partial[v.window]:
			out[i].status = Partial
		case x.IsNull() && !v.feature.Default.IsNull():
			out[i].status = Default
		case !w.seen:
			out[i].status = Empty
		}
		if out[i].value = agg.Default(x, v.feature.Default); fault.Planted("serve: a default is left to the caller") {
			out[i].value = x
		}
	}
}
