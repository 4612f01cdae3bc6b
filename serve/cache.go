package serve

import (
	"fmt"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/maypok86/otter/v2"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// cache is L1: what the jobs of earlier requests came to, decoded, merged and finished. It is good where nothing was written under
// the key since (Watch, store.Versions) and no window has lost or gained a tile that is there (plan.Cover.HoldsSince); for so long as the group's max_staleness allows
// anything older; and where the store fails, as a stale answer.
type cache struct {
	of       *otter.Cache[cacheKey, *known]
	staleFor int64 // ms
}

type cacheKey struct {
	part *part
	key  string
}

// known is what a job came to. It never changes, but for told.
type known struct {
	cover   *cover
	version uint64
	at, now int64 // what it was computed for, and what the clock said
	newest  int64
	place   position // as of the reading
	latest  tile.Positions
	fixed   bool // of versions: no row that is there waits for its time
	cells   cells
	timed   []agg.State  // of the part's timed values, one after the other
	told    atomic.Int64 // what the clock said when L2 was told last
	oldest  []int64      // of each window made of tiles: where the earliest begins that was there
	until   []int64      // the same: before when none lay ahead
}

// cells are the cells of a job as they are kept: the numbers packed, which takes a quarter and leaves the garbage collector nothing to
// follow, and the rest as it is, so that no answer makes it anew.
type cells struct {
	packed string        // of each cell its status, and its value's canonical encoding or whole
	others []value.Value // texts, lists, maps, structs
}

// whole stands where a value is the next of the others.
const whole = 0xff

// pack makes them of cells, with a copy of the key they are of, for both are one piece of memory. buffer is for the caller to keep.
func pack(buffer []byte, key string, from []cell) (string, cells, []byte) {
	var out cells
	others := 0
	for i := range from {
		if !packable(from[i].value) {
			others++
		}
	}
	if others > 0 {
		out.others = make([]value.Value, 0, others)
	}
	buffer = append(buffer, key...)
	for i := range from {
		v := from[i].value
		buffer = append(buffer, byte(from[i].status))
		if packable(v) {
			buffer = value.Append(buffer, v)
			continue
		}
		buffer = append(buffer, whole)
		out.others = append(out.others, v)
	}
	all := string(buffer)
	out.packed = all[len(key):]
	return all[:len(key)], out, buffer
}

// packable reports whether a value is kept by its encoding: the others would be made anew each time.
func packable(v value.Value) bool {
	return v.Kind() < value.KindString || v.Kind() == value.KindTimestamp || v.Kind() == value.KindDate
}

// unpack fills as many cells as were packed.
func (c *cells) unpack(to []cell) {
	b, others := unsafe.Slice(unsafe.StringData(c.packed), len(c.packed)), c.others // Decode neither changes nor keeps what it reads
	for i := range to {
		to[i].status = Status(b[0])
		if b[1] == whole {
			to[i].value, others, b = others[0], others[1:], b[2:]
			continue
		}
		var err error
		if to[i].value, b, err = value.Decode(b[1:]); err != nil {
			panic(fmt.Sprintf("what L1 has packed does not come apart: %v", err))
		}
	}
}

// size estimates the bytes that they take.
func (c *cells) size() int {
	n := len(c.packed) + len(c.others)*int(unsafe.Sizeof(value.Value{}))
	for _, v := range c.others {
		n += weigh(v)
	}
	return n
}

// weigh is what a value takes beside itself.
func weigh(v value.Value) int {
	n := len(v.Str())
	for i := range v.Len() {
		n += int(unsafe.Sizeof(v)) + weigh(v.At(i))
		if v.Kind() != value.KindList {
			n += int(unsafe.Sizeof("")) + len(v.KeyAt(i))
		}
	}
	return n
}

func newCache(bytes, staleFor int64) *cache {
	return &cache{staleFor: staleFor, of: otter.Must(&otter.Options[cacheKey, *known]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(k cacheKey, x *known) uint32 { return uint32(min(x.size(k), 1<<31)) },
	})}
}

const (
	entrySize = 200 // of an entry, without what it holds
	stateSize = 64  // of a state of times
)

// size estimates the bytes that an entry takes.
func (x *known) size(k cacheKey) int {
	return entrySize + len(k.key) + x.cells.size() + 16*len(x.oldest) + len(x.timed)*stateSize
}

// holds reports whether it is what a reading would come to, if nothing was written since.
func (x *known) holds(j *job, at int64) bool {
	switch j.part.kind {
	case ofTiles:
		// Counts of writes compare only where they are of the same spaces.
		return x.cover == j.cover || slices.Equal(x.cover.owners, j.cover.owners) && x.cover.HoldsSince(j.part.of, at, j.cover.Marks, x.oldest, x.until)
	case ofVersions:
		return x.fixed && x.at <= at && x.cover.Marks == j.cover.Marks && j.cover.Marks.Complete <= j.cover.Marks.Batch
	}
	return false // an exact window moves with every millisecond
}

// age is how long ago it was computed, ms; what was computed before a clock of events had begun is older than all.
func (x *known) age(now int64) int64 {
	if x.now == plan.MinTime && now > plan.MinTime {
		return plan.MaxTime
	}
	return now - x.now
}

// look fills in what is known of a job, if it is good enough, and reports whether it was. What would be if the store says that nothing was
// written since becomes the job's.
func (c *call) look(j *job) bool {
	s := c.sel.view.server
	x, ok := s.cache.of.GetIfPresent(cacheKey{j.part, j.key})
	if !ok {
		c.misses++
		return false
	}
	holds := (s.watched != nil || s.versions != nil) && x.holds(j, c.at)
	switch {
	case holds && s.watched != nil && x.version == j.version:
		c.again(j, x)
		return true
	case c.asked == nil && x.cover.Marks == j.cover.Marks && c.now >= x.now && x.age(c.now) < j.part.of.Group.MaxStaleness:
		c.hits++
		c.use(j, x, x.place)
		j.as = x.at
		return true
	case holds && s.versions != nil:
		j.known = x
	default:
		c.misses++
	}
	return false
}

// again answers a job with what is known of it: nothing has been written since, so it is as good as read now.
func (c *call) again(j *job, x *known) {
	c.hits++
	c.use(j, x, j.place)
	c.tellSecond(j, x, c.sel.view.server.cache.staleFor/4) // what stays good is not to be forgotten there
}

// compared takes in what the store says of a job's version, and reports whether that answers it.
func (c *call) compared(j *job, sums []uint64) bool {
	if j.asked < 0 {
		return false
	}
	if len(sums) > 0 {
		j.version = sums[j.asked]
	}
	switch {
	case j.known == nil:
		return false
	case len(sums) > 0 && j.known.version == j.version:
		c.again(j, j.known)
		return true
	}
	c.misses++
	return false
}

// use answers a job with what is known, which is good as of a place of the stream.
func (c *call) use(j *job, x *known, place position) {
	cells := c.cells[j.cells : j.cells+len(j.part.values)]
	x.cells.unpack(cells)
	j.done, j.newest, j.place, j.latest = true, x.newest, place, x.latest
	if x.at == c.at {
		return
	}
	rest := x.timed
	for _, i := range j.part.timed {
		v := &j.part.values[i]
		states := rest[:len(v.states)]
		rest = rest[len(v.states):]
		_, a := j.part.windows[v.window].AsOf(c.at)
		cells[i].value = agg.Default(v.feature.Agg.Finish(v.in, v.feature.Params, states, a), v.feature.Default)
	}
}

// keepEvery is how often what is good for stale answers alone is renewed, ms.
const keepEvery = 1000

// keep remembers what a job came to.
func (c *call) keep(j *job, m *merger) {
	s := c.sel.view.server
	if c.asked != nil {
		return // not what a stale answer should say
	}
	values := c.cells[j.cells : j.cells+len(j.part.values)]
	for i := range values {
		if values[i].status == Failed {
			return
		}
	}
	k := cacheKey{j.part, j.key}
	if s.watched == nil && s.versions == nil || j.part.kind == ofChunks {
		if x, ok := s.cache.of.GetIfPresent(k); ok && x.age(c.now) < min(keepEvery, j.part.of.Group.MaxStaleness+1) {
			return
		}
	}
	var packed cells
	k.key, packed, c.packed = pack(c.packed[:0], k.key, values) // the key is a part of all the request's keys
	x := &known{cover: j.cover, version: j.version, at: c.at, now: c.now, newest: j.newest, place: j.place, latest: slices.Clone(j.latest), fixed: !m.waits, cells: packed}
	if j.part.kind == ofTiles {
		times := make([]int64, 2*len(m.windows))
		x.oldest, x.until = times[:len(m.windows)], times[len(m.windows):]
		for i := range m.windows {
			x.oldest[i], x.until[i] = m.windows[i].oldest, m.windows[i].until
		}
	}
	states := 0
	for _, i := range j.part.timed {
		states += len(m.args[i])
	}
	x.timed = make([]agg.State, 0, states)
	for _, i := range j.part.timed {
		for _, st := range m.args[i] {
			x.timed = append(x.timed, st.Clone())
		}
	}
	if old, ok := s.cache.of.GetIfPresent(k); ok {
		x.told.Store(old.told.Load())
	}
	s.cache.of.Set(k, x)
	c.tellSecond(j, x, keepEvery)
}

// stale answers a job that could not be had with the last that is known of it, and says so.
func (c *call) stale(j *job) bool {
	s := c.sel.view.server
	if c.asked != nil || j.key == "" {
		return false
	}
	x, ok := s.cache.of.GetIfPresent(cacheKey{j.part, j.key})
	if !ok || x.age(c.now) > s.cache.staleFor {
		return false
	}
	cells := c.cells[j.cells : j.cells+len(j.part.values)]
	x.cells.unpack(cells)
	for i := range cells {
		cells[i].status = Stale
	}
	c.stales++
	return true
}

// timedValues are those whose value depends on the as-of time itself, and not only on what lies in their window.
func (p *part) timedValues() []int {
	var out []int
	for i, v := range p.values {
		for _, f := range v.states {
			if p.of.Folds[p.windows[v.window].folds[f]].Kind == agg.KindTimeBound {
				out = append(out, i)
				break
			}
		}
	}
	return out
}

// versionOf is the count of writes that a job's answer stands on; it must be taken before the reading.
func (s *Server) versionOf(j *job) uint64 {
	if s.watched == nil || fault.Planted("serve: what is known of a key stays good when it is written") {
		return 0
	}
	return s.watched.version(j.cover.owners, j.key)
}
