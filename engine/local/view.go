package local

import (
	"slices"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// view is some of a bucket's events, in segments: the events of one key, or under by of one key and string. What a row of the spine sees
// through a window is a range of positions within one segment.
type view struct {
	n      int
	pos    []int32 // the place of each position in the bucket; nil: the bucket itself
	rank   []int32 // for each position of the parent (and its end) how many before it are in this view; nil: all are
	parent *view   // that rank is of
	segs   []int32 // positions of segment s are [segs[s], segs[s+1])

	groups *groups // under by
	known  []int64 // known_at of each position, where rows of the source are not known at once; made when needed
}

// groups says which segments under by belong to a key, and which string each is.
type groups struct {
	names []string // ascending
	of    []int32  // the group of each segment
	keys  []int32  // segments of key l are [keys[l], keys[l+1])
}

// viewKey says which events a view has: those that pass a where, that have a by, that have an input; −1: all.
type viewKey struct{ where, by, input int }

// view makes a view, or finds it made.
func (b *bucket) view(k viewKey) *view {
	if v := b.views[k]; v != nil {
		return v
	}
	var v *view
	l := &b.job.layout
	switch {
	case k.input >= 0:
		parent := b.view(viewKey{k.where, k.by, -1})
		nulls := b.columns[l.inputs[k.input]].Nulls
		v = parent
		if nulls != nil {
			v = parent.present(b.scratch, nulls)
		}
	case k.by >= 0:
		v = b.group(b.view(viewKey{k.where, -1, -1}), l.bys[k.by])
	case k.where >= 0:
		c := b.columns[l.wheres[k.where]]
		nulls := fault.Planted("local: a null where keeps its row")
		v = b.view(viewKey{-1, -1, -1}).filter(b.scratch, func(p int32) bool { return c.Bools[p] && !c.Nulls.Get(int(p)) || nulls && c.Nulls.Get(int(p)) })
	default:
		v = &view{n: b.n, segs: b.keys}
	}
	b.views[k] = v
	return v
}

// at is the place in the bucket of a position.
func (v *view) at(p int32) int32 {
	if v.pos == nil {
		return p
	}
	return v.pos[p]
}

// filter is the view of those positions whose places pass the test.
func (v *view) filter(mem *scratch, test func(place int32) bool) *view {
	out := &view{rank: mem.i32.make(v.n + 1), parent: v, groups: v.groups, segs: make([]int32, len(v.segs)), pos: mem.i32.make(v.n)[:0]}
	for p := range int32(v.n) {
		out.rank[p] = int32(len(out.pos))
		if place := v.at(p); test(place) {
			out.pos = append(out.pos, place)
		}
	}
	out.n = len(out.pos)
	out.rank[v.n] = int32(out.n)
	for s, p := range v.segs {
		out.segs[s] = out.rank[p]
	}
	return out
}

// present is the view of those positions whose places are not null.
func (v *view) present(mem *scratch, nulls value.Bitmap) *view {
	out := &view{rank: mem.i32.make(v.n + 1), parent: v, groups: v.groups, segs: make([]int32, len(v.segs)), pos: mem.i32.make(v.n)}
	n := int32(0)
	for p := range out.pos {
		place := v.at(int32(p))
		out.rank[p] = n
		out.pos[n] = place
		n += 1 - int32(nulls[place>>6]>>(place&63)&1)
	}
	out.rank[v.n] = n
	out.n, out.pos = int(n), out.pos[:n]
	for s, p := range v.segs {
		out.segs[s] = out.rank[p]
	}
	return out
}

// group arranges the positions of a view by key and string; those whose string is null are left out.
func (b *bucket) group(v *view, by int) *view {
	c := b.column(v, by)
	g := &grouping{from: v, of: make([]int32, v.n), out: &view{groups: &groups{keys: []int32{0}}, pos: make([]int32, 0, v.n), segs: []int32{0}}}
	there := make([]int32, 0, v.n) // positions with a string
	for p := range int32(v.n) {
		if g.of[p] = -1; !c.Nulls.Get(int(p)) || fault.Planted("local: a null by is a group") {
			there = append(there, p)
		}
	}
	ranked, names := rank(gather(c, there))
	for i, p := range there {
		g.of[p] = ranked.ranks[i]
	}
	g.out.groups.names = b.cells(by, names).Strs
	g.counts = make([]int32, ranked.size)
	for l := range len(v.segs) - 1 {
		g.key(v.segs[l], v.segs[l+1])
	}
	g.out.n = len(g.out.pos)
	return g.out
}

// grouping arranges the positions of a view by key and string.
type grouping struct {
	from   *view
	of     []int32 // the string of each position, −1: none
	counts []int32 // scratch: of each string
	out    *view
}

// key appends the positions [lo, hi), one key, by string.
func (g *grouping) key(lo, hi int32) {
	var met []int32 // strings of this key
	for _, c := range g.of[lo:hi] {
		if c < 0 {
			continue
		}
		if g.counts[c] == 0 {
			met = append(met, c)
		}
		g.counts[c]++
	}
	slices.Sort(met)
	v := g.out
	at := int32(len(v.pos))
	for _, c := range met {
		n := g.counts[c]
		g.counts[c] = at // from here on: where the next one goes
		at += n
		v.segs, v.groups.of = append(v.segs, at), append(v.groups.of, c)
	}
	v.pos = append(v.pos, make([]int32, int(at)-len(v.pos))...)
	for p := lo; p < hi; p++ {
		if c := g.of[p]; c >= 0 {
			v.pos[g.counts[c]] = g.from.at(p)
			g.counts[c]++
		}
	}
	for _, c := range met {
		g.counts[c] = 0
	}
	v.groups.keys = append(v.groups.keys, int32(len(v.groups.of)))
}

// column is the cells of a column of the layout at the view's positions.
func (b *bucket) column(v *view, i int) *value.Column {
	if v.pos == nil {
		return b.columns[i]
	}
	return b.scratch.gather(b.columns[i], v.pos)
}

// cells are cells of a column of the layout as what they are: strings again where they are coded.
func (b *bucket) cells(i int, c *value.Column) *value.Column {
	if coder := b.job.layout.coder(i); coder != nil {
		return coder.text(value.String, c)
	}
	return c
}

// knownAt is known_at of each position, nil where every row is known at once.
func (b *bucket) knownAt(v *view) []int64 {
	if b.job.plan.Scan.KnownAt == nil {
		return nil
	}
	if v.known == nil {
		v.known = b.column(v, b.job.layout.known).Ints
	}
	return v.known
}

// asked is what a window asks of a view: for each query a range of positions, ascending within a segment. Only what is known before a query's
// at counts.
type asked struct {
	view   *view
	lo, hi []int32
	rows   []int32 // the bucket's row of each query; nil: query i is row i
	segs   []int32 // queries of segment s are [segs[s], segs[s+1])
	at     []int64 // of each query
	known  []int64 // of the view's positions; nil: all are known at once
}

func (a *asked) len() int { return len(a.lo) }

// sees reports whether the query at time at sees the position, which is in its range.
func (a *asked) sees(p int32, at int64) bool {
	if a.known == nil {
		return true
	}
	if fault.Planted("local: known_at at t counts") {
		return a.known[p] <= at
	}
	return a.known[p] < at
}

// any reports whether the query sees anything.
func (a *asked) any(q int) bool {
	if a.known == nil {
		return a.lo[q] < a.hi[q]
	}
	for p := a.lo[q]; p < a.hi[q]; p++ {
		if a.sees(p, a.at[q]) {
			return true
		}
	}
	return false
}

// asking is the questions of one window, by view.
type asking struct {
	bucket *bucket
	made   map[viewKey]*asked
	byMax  map[viewKey]int
}

// window finds the range that each row of the bucket sees through a window, over all of its events.
func (b *bucket) window(w *plan.Window) *asking {
	a := &asked{view: b.view(viewKey{-1, -1, -1}), segs: b.rowKeys, at: b.at}
	a.known = b.knownAt(a.view)
	starts, ends := b.scratch.i64.make(len(b.rows)), b.scratch.i64.make(len(b.rows))
	w.EachBounds(b.at, starts, ends)
	a.lo, a.hi = b.places(starts), b.places(ends)
	return &asking{b, map[viewKey]*asked{{-1, -1, -1}: a}, map[viewKey]int{}}
}

// edge is one side of a window: a time for each row, and the place of the first event of its key that is not before it.
type edge struct {
	times  []int64
	places []int32
}

// places finds the place of each row's time, which never decreases within a key. Windows mostly share an end, so the edges that were found
// are kept.
func (b *bucket) places(times []int64) []int32 {
	for _, e := range b.edges {
		if slices.Equal(e.times, times) {
			return e.places
		}
	}
	places := b.scratch.i32.make(len(times))
	for l := range len(b.rowKeys) - 1 {
		p, end := b.keys[l], b.keys[l+1]
		for q := b.rowKeys[l]; q < b.rowKeys[l+1]; q++ {
			p = seek(b.times, p, end, times[q])
			places[q] = p
		}
	}
	b.edges = append(b.edges, edge{times, places})
	return places
}

// seek is the first place from p on, before end, whose time is not before t. Windows move on little from row to row, so the step
// doubles until it is past, and the last one is searched (Bentley and Yao, 1976).
func seek(times []int64, p, end int32, t int64) int32 {
	step := int32(1)
	lo := p
	for p < end && times[p] < t {
		lo = p + 1
		if end-p <= step {
			p = end
			break
		}
		p += step
		step *= 2
	}
	for lo < p {
		if mid := lo + (p-lo)/2; times[mid] < t {
			lo = mid + 1
		} else {
			p = mid
		}
	}
	return lo
}

// of is the window's questions of one view. Under by a query is for a row and a string, and there is one for each entry of the row's map: at
// most byMax, the least by key (A3).
func (a *asking) of(k viewKey, byMax int) *asked {
	if q := a.made[k]; q != nil && (k.by < 0 || a.byMax[k] == byMax) {
		return q
	}
	var q *asked
	v := a.bucket.view(k)
	switch {
	case k.by >= 0 && k.input < 0:
		q = a.grouped(a.of(viewKey{k.where, -1, -1}, 0), v, byMax)
	case k.by >= 0:
		q = a.bucket.mapped(a.of(viewKey{k.where, k.by, -1}, byMax), v)
	case k.input >= 0:
		q = a.bucket.mapped(a.of(viewKey{k.where, -1, -1}, 0), v)
	default:
		q = a.bucket.mapped(a.of(viewKey{-1, -1, -1}, 0), v)
	}
	a.made[k], a.byMax[k] = q, byMax
	return q
}

// mapped is the same questions of a view that leaves positions out.
func (b *bucket) mapped(a *asked, v *view) *asked {
	if v == a.view {
		return a
	}
	q := &asked{view: v, rows: a.rows, segs: a.segs, at: a.at, lo: b.scratch.i32.make(a.len()), hi: b.scratch.i32.make(a.len()), known: b.knownAt(v)}
	for i := range a.lo {
		q.lo[i], q.hi[i] = v.rank[a.lo[i]], v.rank[a.hi[i]]
	}
	return q
}

// grouped asks, for each row, each string of its key that the row sees.
func (a *asking) grouped(parent *asked, v *view, byMax int) *asked {
	b, g := a.bucket, v.groups
	q := &asked{view: v, rows: []int32{}, segs: []int32{0}, known: b.knownAt(v)}
	entries := make([]int, len(b.rows))
	for l := range len(b.rowKeys) - 1 {
		for s := g.keys[l]; s < g.keys[l+1]; s++ {
			lo, hi := v.segs[s], v.segs[s]
			for r := b.rowKeys[l]; r < b.rowKeys[l+1]; r++ {
				lo = seekPlace(v.pos, lo, v.segs[s+1], parent, parent.lo[r])
				hi = seekPlace(v.pos, hi, v.segs[s+1], parent, parent.hi[r])
				if (entries[r] < byMax || fault.Planted("local: by_max ignored")) && (&asked{lo: []int32{lo}, hi: []int32{max(lo, hi)}, at: b.at[r : r+1], known: q.known}).any(0) {
					entries[r]++
					q.lo, q.hi = append(q.lo, lo), append(q.hi, hi)
					q.rows, q.at = append(q.rows, r), append(q.at, b.at[r])
				}
			}
			q.segs = append(q.segs, int32(len(q.lo)))
		}
	}
	return q
}

// seekPlace is the first position from p on, before end, whose place is not before that of a position of the parent.
func seekPlace(pos []int32, p, end int32, parent *asked, of int32) int32 {
	if int(of) >= parent.view.n {
		return end
	}
	place := parent.view.at(of)
	for p < end && pos[p] < place {
		p++
	}
	return p
}
