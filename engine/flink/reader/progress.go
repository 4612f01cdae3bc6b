package reader

import "github.com/bighead-ml/bighead/plan"

// look is what was asked of the brokers at a time, in the order of its fields.
type look struct {
	at        int64           // by the clock
	ends      map[int32]int64 // of the source's topic, and its beginnings
	begins    map[int32]int64
	committed map[int32]int64 // by the job's group; nil: there is no job
	group     string
	parts     map[int32]int64 // ends of the topic of tile parts, and its beginnings
	first     map[int32]int64
}

// has reports whether all records before the ends are had.
func has(had, ends, begins map[int32]int64) bool {
	for p, end := range ends {
		next := begins[p]
		if h, ok := had[p]; ok {
			next = max(next, h+1)
		}
		if next < end {
			return false
		}
	}
	return true
}

// progress notes what a look says, once all parts are had that were written before it: what the job had committed then is in the tiles.
func (x *space) progress() {
	l := x.look
	if l == nil || !has(x.place.Had, l.parts, l.first) {
		return
	}
	x.look = nil
	x.reached = true
	if l.committed == nil || l.group != *x.group.Load() {
		return
	}
	for p, next := range l.committed {
		if next > 0 && !x.applied.Covers(p, next-1) {
			x.applied.Advance(p, next-1)
			x.moved = true
		}
	}
	x.lag = 0
	for p, end := range l.ends {
		x.lag += max(end-max(l.committed[p], l.begins[p]), 0)
	}
	if x.goal == nil {
		x.goal = l
	}
	// A source that is written to all the time is never read to its end: what ended it a while ago is had, in time.
	for _, g := range []*look{x.goal, l} {
		if l.covers(g) {
			x.asOf, x.goal = max(x.asOf, g.at), l
			x.fill()
		}
	}
}

// covers reports whether the job had committed, when it was asked, all that the source had as of another look.
func (l *look) covers(g *look) bool {
	for p, end := range g.ends {
		if max(l.committed[p], l.begins[p]) < end {
			return false
		}
	}
	return true
}

// fill notes that the space has had all of its source once. It is only then that values of it are whole from S on.
func (x *space) fill() {
	if x.st.Next > 0 {
		return
	}
	x.st.Next, x.moved = 1, true
	if x.marks.Complete == plan.MaxTime && x.place.Since != nil {
		x.marks.Complete, x.marked = *x.place.Since, true
	}
}

// filled reports whether the space has had all of its source once, and in this process all that its topic had.
func (x *space) filled() bool { return x.st.Next > 0 && x.reached }
