package local

import (
	"context"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// scanned ends a job's reading: what is known of the whole source now.
func (j *job) scanned() {
	for _, c := range j.layout.coders {
		if c != nil {
			c.seal()
		}
	}
	if j.source.Snapshot != "" {
		for _, p := range j.table.Parts() {
			if end, ok := plan.PartitionEnd(p.Partition[j.source.Snapshot]); ok {
				j.ends = append(j.ends, end)
			}
		}
		slices.Sort(j.ends)
		j.ends = slices.Compact(j.ends)
	}
	if column, ok := j.timeColumn(); ok { // files that were skipped have times too
		for _, p := range j.table.Parts() {
			if b, ok := p.Bounds[column]; ok && !b.Max.IsNull() {
				j.newest = max(j.newest, b.Max.Int())
			}
		}
	}
	if j.tiles != nil {
		first, last := j.tiles.Times()
		j.oldest, j.newest = min(j.oldest, first), max(j.newest, last)
	}
}

// timeColumn is the column that the source's time is, where it is nothing but one.
func (j *job) timeColumn() (string, bool) {
	if j.source.Time == nil {
		return "", false
	}
	return j.source.Time.Column()
}

// reportHistory notes where the source's history ends, and says where it begins, if that is known, and how many of the spine's rows ask
// for a time before.
func (j *job) reportHistory() {
	j.run.newest[j.plan] = j.newest
	j.reportTiles()
	first := j.oldest
	if c := j.report.Read; j.tiles == nil && (c.PartsSkipped > 0 || c.GroupsSkipped > 0) {
		first = j.firstByBounds()
	}
	j.report.First = first
	if first == plan.MaxTime {
		return
	}
	for _, t := range j.run.spine.at {
		if t < first {
			j.report.RowsBefore++
		}
	}
}

// firstByBounds is the least time that the source's files say they have; MaxTime where one does not say.
func (j *job) firstByBounds() int64 {
	column, ok := j.timeColumn()
	first := int64(plan.MaxTime)
	for _, p := range j.table.Parts() {
		b, said := p.Bounds[column]
		switch {
		case ok && said && !b.Min.IsNull():
			first = min(first, b.Min.Int())
		case p.Rows != 0:
			return plan.MaxTime
		}
	}
	return first
}

// answer computes the values of the job's features, bucket by bucket, the largest first so that no worker is left with it alone. again
// is whether whole rows are needed to decide between copies or rows of one millisecond.
func (j *job) answer(ctx context.Context) (again bool, err error) {
	if j.copies != nil {
		j.copies.Seal()
		if again, err = j.dropCopies(ctx); again || err != nil {
			return again, err
		}
	}
	j.store.Seal()
	order := make([]int, j.store.Buckets())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(j.store.Rows(b) - j.store.Rows(a)) })
	workers := make([]*sweeper, j.run.options.Threads)
	err = team.Each(ctx, j.run.options.Threads, len(order), func(w, i int) error {
		if workers[w] == nil {
			workers[w] = newSweeper(j)
		}
		return workers[w].bucket(ctx, order[i], i)
	})
	if err != nil {
		return false, err
	}
	for _, w := range workers {
		if w != nil {
			again = again || w.contested
			j.report.Ties += w.ties
		}
	}
	if !again {
		j.store.Drop()
		if j.tiles != nil {
			j.tiles.store.Drop()
		}
		j.run.nulls.Merge(j.nulls)
		j.answers.store.Seal()
	}
	return again, nil
}

// sweeper answers for buckets, in one goroutine.
type sweeper struct {
	job       *job
	finishers []*finisher
	windows   []plan.Window // distinct
	of        [][]int       // the values of each window
	ties      int64
	contested bool
	scratch   scratch
	sheet     *sheet // of the bucket at hand
}

func newSweeper(j *job) *sweeper {
	s := &sweeper{job: j}
	at := map[plan.Window]int{}
	for i := range j.plan.Values {
		s.finishers = append(s.finishers, j.fins[i].finisher())
		w := j.plan.Values[i].Window
		n, ok := at[w]
		if !ok {
			n = len(s.windows)
			at[w] = n
			s.windows, s.of = append(s.windows, w), append(s.of, nil)
		}
		s.of[n] = append(s.of[n], i)
	}
	return s
}

// bucket answers for a bucket, the number-th that is begun.
func (s *sweeper) bucket(ctx context.Context, n, number int) error {
	s.scratch.reset()
	b, bytes, err := s.job.load(n, &s.scratch)
	if err != nil {
		return err
	}
	s.job.run.pool.Hold(bytes)
	defer s.job.run.pool.Release(bytes)
	s.ties += b.ties
	b.lookSeen()
	s.sheet = s.job.answers.sheet(b)
	if len(b.rows) > 0 {
		if err := s.values(b, n); err != nil {
			return err
		}
	}
	return s.job.answers.store.Put(ctx, number, s.sheet.Packet)
}

// values answers for all values of a bucket.
func (s *sweeper) values(b *bucket, n int) error {
	switch {
	case isEntity(s.job.source):
		s.entities(b)
	case s.job.tiles != nil:
		return s.blended(b, n)
	default:
		kernels := make([]kernel, len(s.job.plan.Folds))
		for w := range s.windows {
			s.window(b, w, kernels)
		}
	}
	return nil
}

// window answers for all values of one window.
func (s *sweeper) window(b *bucket, w int, kernels []kernel) {
	q := b.window(&s.windows[w])
	folds := s.job.plan.Folds
	made := map[int][]*value.Column{}
	for _, i := range s.of[w] {
		v := &s.job.plan.Values[i]
		byMax := v.Feature.Params.ByMax
		kernelOf := func(f int) (kernel, *asked) {
			if kernels[f] == nil {
				kernels[f] = b.kernel(&folds[f])
			}
			return kernels[f], q.of(viewOf(&folds[f]), byMax)
		}
		columns := func(f int) []*value.Column {
			if made[f] == nil {
				k, a := kernelOf(f)
				made[f] = k.columns(a)
			}
			return made[f]
		}
		rows := q.of(viewKey{v.Where, v.By, -1}, byMax)
		c := s.finishers[i].values(rows, kernelOf, columns)
		if v.By >= 0 {
			c = b.entries(rows, c)
		}
		all, some := q.of(viewKey{v.Where, -1, -1}, 0), q.of(viewKey{v.Where, -1, v.Input}, 0)
		s.put(b, i, c, func(r int) outcome {
			if !all.any(r) {
				return noEvent
			}
			if !some.any(r) {
				return nullInput
			}
			return computed
		})
	}
}

// put writes a column of values, with its default, and why cells are null.
func (s *sweeper) put(b *bucket, i int, c *value.Column, why func(r int) outcome) {
	v := &s.job.plan.Values[i]
	var outcomes []outcome // all present
	if c.Nulls != nil {
		outcomes = make([]outcome, len(b.rows))
		fallback := v.Feature.Default
		if fault.Planted("local: defaults forgotten") {
			fallback = value.Value{}
		}
		if !fallback.IsNull() {
			c = withDefault(c, fallback)
		}
		l := 0 // the key of the row
		eachBit(c.Nulls, 0, len(b.rows), func(r int) {
			for r >= int(b.rowKeys[l+1]) {
				l++
			}
			switch {
			case !fallback.IsNull():
				outcomes[r] = defaulted
			case !b.seen[l]:
				outcomes[r] = unknownKey
			default:
				outcomes[r] = why(r)
			}
		})
	}
	s.sheet.put(i, c, outcomes)
}

// withDefault is the column with the value in place of null; its Nulls still say where.
func withDefault(c *value.Column, v value.Value) *value.Column {
	rows := make([]int32, c.N)
	for i := range rows {
		rows[i] = int32(i)
	}
	out := c.Take(rows)
	nulls := out.Nulls
	out.Nulls = nil
	for i := range c.N {
		if nulls.Get(i) {
			out.Set(i, v)
		}
	}
	out.Nulls = nulls
	return out
}

// entities answers latest (E5, E6): the last row that is true and known.
func (s *sweeper) entities(b *bucket) {
	for i := range s.job.plan.Values {
		v := &s.job.plan.Values[i]
		w := &v.Window
		in := b.columns[s.job.layout.inputs[v.Input]]
		lo, hi := s.truth(b, w)
		known := b.knownAt(b.view(viewKey{-1, -1, -1}))
		rows := make([]int32, len(b.rows))
		for r := range rows {
			rows[r] = s.latest(b, lo[r], hi[r], known, b.at[r])
			if p := rows[r]; p >= 0 && s.deleted(b, p) {
				rows[r] = -1
			}
		}
		s.put(b, i, b.cells(s.job.layout.inputs[v.Input], in.Take(rows)), func(r int) outcome {
			how := noEvent
			for p := lo[r]; p < hi[r]; p++ {
				switch {
				case known != nil && known[p] >= b.at[r]:
				case s.deleted(b, p) || in.IsNull(int(p)):
					how = max(how, nullInput)
				default:
					return computed
				}
			}
			return how
		})
	}
}

// truth is, for each row, the range of its key's rows that are true before u: of a snapshot table those of its newest partition.
func (s *sweeper) truth(b *bucket, w *plan.Window) (lo, hi []int32) {
	lo, hi = make([]int32, len(b.rows)), make([]int32, len(b.rows))
	for l := range len(b.rowKeys) - 1 {
		from, to, end := b.keys[l], b.keys[l], b.keys[l+1]
		for r := b.rowKeys[l]; r < b.rowKeys[l+1]; r++ {
			u, _ := w.AsOf(b.at[r])
			if fault.Planted("local: an entity's row at u counts") {
				u++
			}
			to = seek(b.times, to, end, u)
			lo[r], hi[r] = from, to
			if s.job.source.Snapshot != "" {
				i, _ := slices.BinarySearch(s.job.ends, u)
				newest := int64(math.MaxInt64) // no partition: nothing
				if i > 0 {
					newest = s.job.ends[i-1]
				}
				if fault.Planted("local: an absent entity keeps its older partition") {
					newest = math.MinInt64
				}
				from = seek(b.times, from, end, newest)
				lo[r] = min(from, to)
				if i == 0 {
					from = b.keys[l]
					lo[r] = to
				}
			}
		}
	}
	return lo, hi
}

// latest is the last row of the range that is known, or −1. Rows of one millisecond that nothing tells apart but columns that were not
// read must be equal in those that were; else the job is done anew with whole rows.
func (s *sweeper) latest(b *bucket, lo, hi int32, known []int64, t int64) int32 {
	for p := hi - 1; p >= lo; p-- {
		if known != nil && known[p] >= t {
			continue
		}
		s.contest(b, lo, p)
		return p
	}
	return -1
}

func (s *sweeper) contest(b *bucket, lo, p int32) {
	l := &s.job.layout
	if l.row >= 0 || s.contested || s.deleted(b, p) {
		return
	}
	for o := p - 1; o >= lo && b.times[o] == b.times[p]; o-- {
		for _, part := range s.job.tieParts() {
			if !value.Equal(b.columns[part].At(int(o)), b.columns[part].At(int(p))) {
				return
			}
		}
		for _, in := range l.inputs {
			if !value.Equal(b.columns[in].At(int(o)), b.columns[in].At(int(p))) {
				s.contested = true
			}
		}
	}
}

func (s *sweeper) deleted(b *bucket, p int32) bool {
	d := s.job.layout.deleted
	return d >= 0 && b.columns[d].Bools[p] && !b.columns[d].IsNull(int(p))
}
