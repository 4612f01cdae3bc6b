package local

import (
	"fmt"
	"slices"
	"sort"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/local/sliding"
	"github.com/bighead-ml/bighead/value"
)

// Windows over tiles and rows: of each key the tiles and the rows that count for a fold make one list, by time, a tile at its beginning. No
// edge of a window lies within a tile, so that a window is a range of the list, and its state slides along (package sliding).

// elements are the list of one fold and key.
type elements struct {
	times []int64
	rows  []int32 // a place in the bucket, or of a tile: −1 − its place among the tiles
}

// blend answers for a bucket of tiles and rows.
type blend struct {
	*sweeper
	bucket  *bucket
	tiles   *tileRows
	columns []*value.Column // of each value
	plain   []*value.Column // of the layout, strings as strings: what tiles hold is no rank
	folds   []*foldBlend    // of each fold of the join
	err     error
}

// foldBlend is one fold on the way over the keys.
type foldBlend struct {
	list    elements
	tile    *value.Column // encoded states of the tiles; nil: none
	state   agg.State     // scratch
	event   agg.Event
	windows []*sliding.Window // by window of the sweeper; nil: not asked
	lo, hi  []int
	now     []agg.State // the state at the current row, by window
}

// blended answers for all values of a bucket.
func (s *sweeper) blended(b *bucket, n int) error {
	t, bytes, err := s.job.loadTileRows(n)
	if err != nil {
		return err
	}
	s.job.run.pool.Hold(bytes)
	defer s.job.run.pool.Release(bytes)
	m := &blend{sweeper: s, bucket: b, tiles: t}
	m.prepare()
	for l := range len(b.rowKeys) - 1 {
		b.seen[l] = b.seen[l] || t.keys[l] < t.keys[l+1]
		if b.rowKeys[l] < b.rowKeys[l+1] {
			m.key(l)
		}
	}
	if m.err != nil {
		return m.err
	}
	for i, c := range m.columns {
		s.put(b, i, c, func(r int) outcome { return m.why(i, r) })
	}
	return nil
}

func (m *blend) prepare() {
	j := m.job
	for i, c := range m.bucket.columns {
		m.plain = append(m.plain, m.bucket.cells(i, c))
	}
	for i := range j.plan.Values {
		m.columns = append(m.columns, value.NewColumn(j.plan.Values[i].Feature.Type, len(m.bucket.rows)))
	}
	for i := range j.plan.Folds {
		f := &foldBlend{state: j.plan.Folds[i].New(), windows: make([]*sliding.Window, len(m.windows)), lo: make([]int, len(m.windows)), hi: make([]int, len(m.windows)), now: make([]agg.State, len(m.windows))}
		if at := j.tiles.place(i); at >= 0 {
			f.tile = m.tiles.states[at]
		}
		m.folds = append(m.folds, f)
	}
	for w, values := range m.of {
		for _, v := range values {
			for _, i := range j.plan.Values[v].Folds {
				if f := m.folds[i]; f.windows[w] == nil {
					f.windows[w] = sliding.New(j.plan.Folds[i].Fold, func(s agg.State, e int) { m.add(i, s, e) })
				}
			}
		}
	}
}

// add adds an element of a fold's list to a state.
func (m *blend) add(fold int, s agg.State, element int) {
	f, p, b := m.folds[fold], &m.job.plan.Folds[fold], m.bucket
	row := int(f.list.rows[element])
	if row < 0 {
		_, err := p.DecodeInto(f.state, []byte(f.tile.Strs[-1-row]))
		if err != nil {
			m.err = fmt.Errorf("a tile of %s: %w; remove the folder of its tiles and run `bighead backfill`", m.job.plan.Name, err)
			return
		}
		s.Merge(f.state)
		return
	}
	l, e := &m.job.layout, &f.event
	*e = agg.Event{TS: b.times[row], Tie: e.Tie[:0]}
	if p.Input >= 0 {
		e.Value = m.plain[l.inputs[p.Input]].At(row)
	}
	if p.By >= 0 {
		e.By = m.plain[l.bys[p.By]].At(row)
	}
	for _, part := range m.job.tieParts() {
		e.Tie = append(e.Tie, m.plain[part].At(row))
	}
	s.Add(e)
}

// counts reports whether a row of the bucket passes a condition of the join.
func (m *blend) counts(where int, row int32) bool {
	if where < 0 {
		return true
	}
	c := m.bucket.columns[m.job.layout.wheres[where]]
	return c.Bools[row] && !c.Nulls.Get(int(row))
}

// lists makes the lists of a key.
func (m *blend) lists(l int) {
	b, t := m.bucket, m.tiles
	for i, f := range m.folds {
		where := m.job.plan.Folds[i].Where
		f.list.times, f.list.rows = f.list.times[:0], f.list.rows[:0]
		put := func(ts int64, row int32) {
			f.list.times, f.list.rows = append(f.list.times, ts), append(f.list.rows, row)
		}
		p, q := b.keys[l], t.keys[l]
		for p < b.keys[l+1] || q < t.keys[l+1] {
			if q == t.keys[l+1] || p < b.keys[l+1] && b.times[p] < t.times[q] {
				if m.counts(where, p) {
					put(b.times[p], p)
				}
				p++
				continue
			}
			if f.tile != nil && !f.tile.IsNull(int(q)) {
				put(t.times[q], -1-q)
			}
			q++
		}
		for w, x := range f.windows {
			if x != nil {
				x.Reset()
				f.lo[w], f.hi[w] = 0, 0
			}
		}
	}
}

// key answers for the rows of a key, window by window.
func (m *blend) key(l int) {
	m.lists(l)
	b, states := m.bucket, []agg.State{}
	for w := range m.windows {
		window := &m.windows[w]
		for r := b.rowKeys[l]; r < b.rowKeys[l+1]; r++ {
			from, to := window.Bounds(b.at[r])
			_, asOf := window.AsOf(b.at[r])
			for _, f := range m.folds {
				if f.windows[w] != nil {
					f.slide(w, from, to)
				}
			}
			if m.err != nil {
				return
			}
			for _, i := range m.of[w] {
				v := &m.job.plan.Values[i]
				states = states[:0]
				for _, fold := range v.Folds {
					states = append(states, m.folds[fold].now[w])
				}
				m.columns[i].Set(int(r), v.Feature.Agg.Finish(m.finishers[i].in, v.Feature.Params, states, asOf))
			}
		}
	}
}

// slide moves a fold's window to those of its elements that lie in [from, to).
func (f *foldBlend) slide(w int, from, to int64) {
	lo, hi := f.lo[w], f.hi[w]
	for lo < len(f.list.times) && f.list.times[lo] < from {
		lo++
	}
	for hi = max(hi, lo); hi < len(f.list.times) && f.list.times[hi] < to; {
		hi++
	}
	f.lo[w], f.hi[w] = lo, hi
	f.now[w] = f.windows[w].To(lo, hi)
}

// why says how it came that a value is null. What rows a tile was made of is not known: where one has states, there were inputs; where it has
// none, its rows did not count or had no input.
func (m *blend) why(i, r int) outcome {
	b, v := m.bucket, &m.job.plan.Values[i]
	l := sort.Search(len(b.rowKeys)-1, func(l int) bool { return int(b.rowKeys[l+1]) > r })
	from, to := v.Window.Bounds(b.at[r])
	how := noEvent
	for p := b.keys[l] + within(b.times[b.keys[l]:b.keys[l+1]], from); p < b.keys[l+1] && b.times[p] < to; p++ {
		if !m.counts(v.Where, p) {
			continue
		}
		if v.Input < 0 || !b.columns[m.job.layout.inputs[v.Input]].IsNull(int(p)) {
			return computed
		}
		how = nullInput
	}
	t := m.tiles
	for q := t.keys[l] + within(t.times[t.keys[l]:t.keys[l+1]], from); q < t.keys[l+1] && t.times[q] < to; q++ {
		how = nullInput
		for _, fold := range v.Folds {
			if c := m.folds[fold].tile; c != nil && !c.IsNull(int(q)) {
				return computed
			}
		}
	}
	return how
}

// within is how many times lie before.
func within(times []int64, before int64) int32 {
	n, _ := slices.BinarySearch(times, before)
	return int32(n)
}
