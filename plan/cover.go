package plan

import (
	"fmt"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Marks are the two times that part the work of batch and stream in a space (docs/data-path.md §4).
type Marks struct {
	// Batch is B: what ends at or before it is batch's; MinTime: the stream owns all. It is a midnight.
	Batch int64
	// Complete is S: the time from which the stream has seen every event; MinTime: since ever.
	Complete int64
	// Generation tells apart what batch has loaded one time from what it loads the next: each load fills a part of the store of its own, and
	// readers switch to it in one step, with the watermark; 0: nothing is loaded.
	Generation int64
	// Loaded is when that load began to take its rows, ms by the wall's clock: what arrived later is not in it; 0: not known.
	Loaded int64
	// Rolled is a midnight before which everything of the stream's lies in its base tiles, for all keys, so that unbounded windows read days
	// from there on alone; MinTime: not known. It is not among the bytes of marks: the stream says it in its state (DecodeRolled). One that
	// is out of date is too early, which costs a reader names that are not there, and no truth.
	Rolled int64
}

// NoMarks are those of a space that the stream owns alone and has seen from the first event on.
var NoMarks = Marks{Batch: MinTime, Complete: MinTime, Rolled: MinTime}

// FirstDay is the first that a tile can be of.
const FirstDay = value.MinTimestamp

// partial reports whether a part of [from, to) was never seen.
func (m Marks) partial(from, to int64) bool {
	return m.Batch < m.Complete && from < m.Complete && to > m.Batch
}

// Replaced reports whether the space's rows are a table that is loaded and replaced as a whole, by batch alone.
func (s *Space) Replaced() bool { return s.Group.Source.Time == nil }

// StoreSpace is the name in the store of what batch, or the stream, has written for the space.
func (s *Space) StoreSpace(batch bool, m Marks) string {
	if batch {
		return s.BatchSpace(m.Generation)
	}
	return s.ID
}

// BatchSpace is the name in the store of one load of batch's.
func (s *Space) BatchSpace(generation int64) string { return BatchSpace(s.ID, generation) }

// BatchSpace is the name in the store of one load of batch's for the space of that ID.
func BatchSpace(id string, generation int64) string { return fmt.Sprintf("%s/b%d", id, generation) }

// Need is places of one owner and step to be read of a key: those that start in [From, To).
type Need struct {
	Batch    bool // of batch's; else the stream's
	Step     int64
	From, To int64
}

// Use is a stretch of a need that a value is made of.
type Use struct {
	Need     int
	From, To int64
}

// Cover is what makes up a space's values for a key as of a time.
type Cover struct {
	T     int64
	Marks Marks
	// Needs are disjoint and sorted by owner, step, start: what a reader fetches, once for all values.
	Needs []Need
	// Values are which of the space's values are covered; what follows is by their order.
	Values []int
	// Uses are what of the needs a value merges. Where one of them is a base tile with a Through, tiles of the others
	// that start before it are in it already and must be left out; and where its Through lies after the value's end and its Newest is not before that
	// end, the value cannot be had: the store cannot look back.
	Uses [][]Use
	// Starts and Ends are each value's window at T. Kept rows outside are to be left out; tiles have none outside, but for an end at T
	// itself, after which nothing may have been applied.
	Starts, Ends []int64
	// Partial says of each value that a part of its window was never seen.
	Partial []bool
}

// Cover plans what to read of the space for a key as of t, for some of its values.
func (s *Space) Cover(t int64, m Marks, values []int) *Cover {
	n := len(values)
	c := &Cover{T: t, Marks: m, Values: values, Uses: make([][]Use, n), Starts: make([]int64, n), Ends: make([]int64, n), Partial: make([]bool, n)}
	runs := make([][]Need, n)
	for i, v := range values {
		w := s.Values[v].Window
		from, to := w.Bounds(t)
		if s.Rows != nil && s.Rows.Step == 0 {
			to, _ = w.AsOf(t) // never floored (E5)
		}
		c.Starts[i], c.Ends[i] = from, to
		c.Partial[i] = m.partial(from, to)
		switch {
		case s.Rows != nil && s.Rows.Step == 0:
			runs[i] = s.versions(m)
		case !s.window[v]:
			runs[i] = s.rowNeeds(from, to, m.Batch)
		default:
			runs[i] = s.tileNeeds(w, from, to, m)
		}
	}
	c.share(runs)
	return c
}

// versions is where the versions of an entity lie.
func (s *Space) versions(m Marks) []Need {
	batch, stream := Need{true, WholeStep, 0, 1}, Need{false, WholeStep, 0, 1}
	switch {
	case s.Replaced():
		return []Need{batch}
	case m.Batch > MinTime:
		return []Need{batch, stream}
	}
	return []Need{stream}
}

// rowNeeds are the chunks that hold [from, to), parted at b.
func (s *Space) rowNeeds(from, to, b int64) []Need {
	var out []Need
	step := s.Rows.Step
	add := func(batch bool, from, to int64) {
		if from < to {
			out = append(out, Need{batch, -step, value.Floor(from, step), value.Floor(to-1, step) + step})
		}
	}
	add(true, from, min(to, b))
	add(false, max(from, b), to)
	return out
}

// tileNeeds are the tiles that make up [from, to), parted at B.
func (s *Space) tileNeeds(w Window, from, to int64, m Marks) []Need {
	var out []Need
	open, b, coarsest := w.Open(), m.Batch, int64(math.MaxInt64)
	if from == MinTime {
		coarsest = value.DayMS // days are kept until batch has them, however old; longer tiles are not
		base := Need{b > MinTime, BaseStep, 0, 1}
		if b > MinTime {
			from = s.BaseEnd(b)
			base.From, base.To = b, b+1
		}
		out = append(out, base)
		day := value.Floor(to, value.DayMS)
		if from == MinTime { // the base says from when on days are read, and Rolled when that is at the earliest
			if from = max(m.Rolled, FirstDay); from < day {
				out = append(out, Need{false, value.DayMS, from, day})
			}
			from = day
		}
	}
	if from < min(to, b) {
		out = s.cover(out, true, w.coverStep(), coarsest, from, min(to, b), false)
	}
	if from = max(from, b); from < to && !(b > MinTime && fault.Planted("online: a cover ends where batch does")) {
		out = s.cover(out, false, w.coverStep(), coarsest, from, to, open)
	}
	return out
}

// cover adds the tiles that make up [from, to), from a multiple of the finest step: at each place the longest that begins there and fits, of
// those that are multiples of the finest and not beyond the coarsest, so that it never comes to a place where none begins. An open end fits any tile: nothing after it
// has been applied.
func (s *Space) cover(out []Need, batch bool, finest, coarsest, from, to int64, open bool) []Need {
	for from < to {
		step := finest
		for _, l := range s.Levels {
			if l.Step <= coarsest && l.Step%finest == 0 && value.Floor(from, l.Step) == from && (open || from+l.Step <= to) {
				step = l.Step
			}
		}
		if n := len(out); n > 0 && out[n-1] == (Need{batch, step, out[n-1].From, from}) {
			out[n-1].To += step
		} else {
			out = append(out, Need{batch, step, from, from + step})
		}
		from += step
	}
	return out
}

// share makes needs of all values' runs: overlapping and touching ones of one owner and step are one.
func (c *Cover) share(runs [][]Need) {
	var all []Need
	for _, r := range runs {
		all = append(all, r...)
	}
	slices.SortFunc(all, compareNeeds)
	for _, n := range all {
		if k := len(c.Needs) - 1; k >= 0 && c.Needs[k].Batch == n.Batch && c.Needs[k].Step == n.Step && n.From <= c.Needs[k].To {
			c.Needs[k].To = max(c.Needs[k].To, n.To)
		} else {
			c.Needs = append(c.Needs, n)
		}
	}
	for i, r := range runs {
		for _, n := range r {
			k := slices.IndexFunc(c.Needs, func(x Need) bool { return x.Batch == n.Batch && x.Step == n.Step && x.From <= n.From && n.To <= x.To })
			c.Uses[i] = append(c.Uses[i], Use{k, n.From, n.To})
		}
	}
}

func compareNeeds(a, b Need) int {
	switch {
	case a.Batch != b.Batch:
		if a.Batch {
			return -1
		}
		return 1
	case a.Step != b.Step:
		if a.Step < b.Step {
			return -1
		}
		return 1
	case a.From < b.From:
		return -1
	case a.From > b.From:
		return 1
	}
	return 0
}

// Holds reports whether the cover is also that of another time under other marks: every edge is where it was.
func (c *Cover) Holds(s *Space, t int64, m Marks) bool {
	if m != c.Marks {
		return false
	}
	if t == c.T {
		return true
	}
	for i, v := range c.Values {
		w := s.Values[v].Window
		from, to := w.Bounds(t)
		if from != c.Starts[i] && !fault.Planted("online: a cover holds though a window begins later") || to != c.Ends[i] && (!w.Open() || s.reach(to) != s.reach(c.Ends[i])) {
			return false
		}
	}
	return true
}

// HoldsSince reports whether what was merged by the cover is also what would be merged as of a later time under other marks, where nothing
// was written meanwhile: oldest is, of each value, where the earliest tile begins that was there, and until before when none was ahead of the cover
// (Ahead). A window that begins later has lost nothing that begins behind it, and one that ends with now has gained nothing before until.
func (c *Cover) HoldsSince(s *Space, t int64, m Marks, oldest, until []int64) bool {
	if m != c.Marks || t < c.T {
		return false
	}
	for i, v := range c.Values {
		w := s.Values[v].Window
		from, to := w.Bounds(t)
		if from != c.Starts[i] && from > oldest[i] || to != c.Ends[i] && (!w.Open() || to > until[i]) {
			return false
		}
		if c.Partial[i] != m.partial(from, to) {
			return false
		}
	}
	return true
}

// tilesAhead is how many tiles are looked at behind the end of a cover.
const tilesAhead = 4

// Ahead is where tiles would lie behind what an open cover takes in: a clock that is behind the one that events went by does not see them yet, and
// what is merged now holds only until it does. From and Until say of each value of which stretch that is; where they are the same, of none.
func (s *Space) Ahead(c *Cover) (needs []Need, from, until []int64) {
	from, until = make([]int64, len(c.Values)), make([]int64, len(c.Values))
	for i, v := range c.Values {
		from[i] = c.Ends[i]
		for _, u := range c.Uses[i] {
			if n := c.Needs[u.Need]; !n.Batch && n.Step > 0 {
				from[i] = max(from[i], u.To)
			}
		}
		until[i] = from[i]
		w := s.Values[v].Window
		if !w.Open() || len(s.Levels) == 0 || value.Floor(from[i], s.Levels[0].Step) != from[i] {
			continue
		}
		for range tilesAhead { // as cover has them
			step := s.Levels[0].Step
			for _, l := range s.Levels {
				if value.Floor(until[i], l.Step) == until[i] {
					step = l.Step
				}
			}
			n := Need{false, step, until[i], until[i] + step}
			if !slices.Contains(needs, n) {
				needs = append(needs, n)
			}
			until[i] += step
		}
	}
	return needs, from, until
}

// reach is the end of the finest tile that holds an open end.
func (s *Space) reach(to int64) int64 {
	if len(s.Levels) == 0 {
		return to
	}
	return value.Floor(to-1, s.Levels[0].Step)
}
