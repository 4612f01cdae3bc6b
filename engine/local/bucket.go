package local

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/ranges"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// bucket is the events of some keys in the order (key, ts, tie), and the spine's rows of those keys in the order (key, at).
type bucket struct {
	job     *job
	n       int
	keys    []int32 // events of key l are [keys[l], keys[l+1])
	times   []int64
	columns []*value.Column // of the layout
	ties    int64           // events that share key and ts with another

	rows    []int32 // of the spine
	rowKeys []int32 // rows of key l are [rowKeys[l], rowKeys[l+1])
	at      []int64 // of each row
	seen    []bool  // of each key

	views   map[viewKey]*view
	edges   []edge
	scratch *scratch
}

// load brings a bucket together.
func (j *job) load(b int, mem *scratch) (*bucket, int64, error) {
	runs, bytes, err := j.store.Runs(b)
	if err != nil {
		return nil, 0, err
	}
	bk := &bucket{job: j, views: map[viewKey]*view{}, scratch: mem}
	bk.rows, bk.rowKeys, bk.at = j.asking.bucket(b, j.run.spine.at)
	bk.seen = make([]bool, j.asking.perKeys)
	for l := range bk.seen {
		if code := l<<j.asking.shift + b; code < len(j.seen) {
			bk.seen[l] = j.seen[code]
		}
	}
	n := 0
	for _, r := range runs {
		n += r.Hi - r.Lo
	}
	if n > ranges.MaxLen {
		return nil, 0, fmt.Errorf("%d events of a few keys are more than fit one bucket; leave out keys such as an empty or default one with where", n)
	}
	bk.n = n
	s := sorter{bucket: bk, runs: runs}
	s.byKey(j.asking.perKeys)
	s.byTime()
	if j.ordered() {
		s.byTie(j.tieParts())
	}
	bk.ties = s.ties()
	for i := range j.layout.kept {
		bk.columns = append(bk.columns, s.column(i))
	}
	return bk, bytes + bk.bytes(), nil
}

// lookSeen notes the keys that have events here; of a source with an id the scan could not know yet which rows are copies.
func (b *bucket) lookSeen() {
	for l := range b.seen {
		b.seen[l] = b.seen[l] || b.keys[l] < b.keys[l+1]
	}
}

func (b *bucket) bytes() int64 {
	n := int64(8*len(b.times) + 4*len(b.rows) + 8*len(b.at))
	for _, c := range b.columns {
		n += exchange.ColumnBytes(c)
	}
	return n
}

// sorter finds the order of a bucket's events: pos is for each event, in the order of the runs, its place. Events of a key mostly come in
// the order of time, so that the sort by key is a count and the sort by time mostly a look.
type sorter struct {
	*bucket
	runs []exchange.Run
	pos  []int32
	src  []int32 // the event at each place: pos the other way round; nil until it is needed
}

func (s *sorter) byKey(keys int) {
	s.keys = make([]int32, keys+1)
	for _, r := range s.runs {
		for _, c := range r.Codes[r.Lo:r.Hi] {
			s.keys[c+1]++
		}
	}
	for l := range keys {
		s.keys[l+1] += s.keys[l]
	}
	next := slices.Clone(s.keys)
	s.pos, s.times = s.scratch.i32.make(s.n), s.scratch.i64.make(s.n)
	at := s.pos
	for _, r := range s.runs {
		times := r.Times[r.Lo:r.Hi]
		for i, c := range r.Codes[r.Lo:r.Hi] {
			p := next[c]
			next[c]++
			at[i] = p
			s.times[p] = times[i]
		}
		at = at[r.Hi-r.Lo:]
	}
}

// invert makes src.
func (s *sorter) invert() {
	if s.src != nil {
		return
	}
	s.src = s.scratch.i32.make(s.n)
	for i, p := range s.pos {
		s.src[p] = int32(i)
	}
}

func (s *sorter) byTime() {
	for l := range len(s.keys) - 1 {
		lo, hi := int(s.keys[l]), int(s.keys[l+1])
		if slices.IsSorted(s.times[lo:hi]) {
			continue
		}
		s.invert()
		sortTimed(s.times[lo:hi], s.src[lo:hi])
		for i, src := range s.src[lo:hi] {
			s.pos[src] = int32(lo + i)
		}
	}
}

// sortTimed sorts events, by their times and where they were met, by both. Where they are only a little out of order, moving each back a
// few places is the fastest; where that takes too many moves, a general sort.
func sortTimed(times []int64, src []int32) {
	moves := 8 * len(times)
	for i := 1; i < len(times); i++ {
		t, at := times[i], src[i]
		k := i
		for k > 0 && times[k-1] > t {
			times[k], src[k] = times[k-1], src[k-1]
			k--
		}
		times[k], src[k] = t, at
		if moves -= i - k; moves < 0 {
			sortMuch(times, src)
			return
		}
	}
}

func sortMuch(times []int64, src []int32) {
	type timed struct {
		ts  int64
		src int32
	}
	x := make([]timed, len(times))
	for i := range x {
		x[i] = timed{times[i], src[i]}
	}
	slices.SortFunc(x, func(a, b timed) int { return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(a.src, b.src)) })
	for i, e := range x {
		times[i], src[i] = e.ts, e.src
	}
}

// eachTie calls f for the places of events that share key and ts.
func (s *sorter) eachTie(f func(lo, hi int)) {
	for l := range len(s.keys) - 1 {
		end := int(s.keys[l+1])
		for lo := int(s.keys[l]); lo < end; {
			hi := lo + 1
			for hi < end && s.times[hi] == s.times[lo] {
				hi++
			}
			if hi-lo > 1 {
				f(lo, hi)
			}
			lo = hi
		}
	}
}

func (s *sorter) ties() (n int64) {
	if len(s.job.source.OrderBy) > 0 {
		return 0
	}
	s.eachTie(func(lo, hi int) { n += int64(hi - lo) })
	return n
}

// byTie sorts events of one key and ts by the parts that decide between them (E2).
func (s *sorter) byTie(parts []int) {
	if len(parts) == 0 || fault.Planted("local: order_by ignored") {
		return
	}
	var columns []*value.Column
	s.eachTie(func(lo, hi int) {
		if columns == nil {
			s.invert()
			for _, part := range parts {
				columns = append(columns, s.column(part))
			}
		}
		places := make([]int32, hi-lo)
		for i := range places {
			places[i] = int32(lo + i)
		}
		slices.SortStableFunc(places, func(a, b int32) int {
			for _, c := range columns {
				if d := value.Compare(c.At(int(a)), c.At(int(b))); d != 0 {
					return d
				}
			}
			return 0
		})
		from := slices.Clone(s.src[lo:hi])
		for i, p := range places {
			s.src[lo+i] = from[int(p)-lo]
		}
	})
	if columns == nil {
		return
	}
	for p, i := range s.src {
		s.pos[i] = int32(p)
	}
}

// column is column i of the layout, each cell at its place, coded strings as ranks.
func (s *sorter) column(i int) *value.Column {
	c := s.scratch.column(s.job.layout.types[i], s.n)
	place(c, s.runs, i, s.pos)
	if coder := s.job.layout.coder(i); coder != nil {
		coder.ranked(c)
	}
	return c
}

// place writes column i of the runs, each cell at its place: pos is for each row of the runs, one after the other.
func place(out *value.Column, runs []exchange.Run, i int, pos []int32) {
	at := 0
	for _, r := range runs {
		c, p := r.Columns[i], pos[at:at+r.Hi-r.Lo]
		putAt(out.Bools, c.Bools, r, p)
		putAt(out.Ints, c.Ints, r, p)
		putAt(out.Floats, c.Floats, r, p)
		putAt(out.Strs, c.Strs, r, p)
		putAt(out.Values, c.Values, r, p)
		if c.Nulls != nil && out.Type.Kind != value.KindNull {
			eachBit(c.Nulls, r.Lo, r.Hi, func(i int) { out.SetNull(int(p[i-r.Lo])) })
		}
		at += r.Hi - r.Lo
	}
}

func putAt[T any](dst, src []T, r exchange.Run, pos []int32) {
	if src == nil {
		return
	}
	for k, v := range src[r.Lo:r.Hi] {
		dst[pos[k]] = v
	}
}
