package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/keys"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// numbered is a batch with its place in the order of the scan.
type numbered struct {
	batch  *value.Batch
	number int
}

// scan reads a source once for all jobs over it. One goroutine takes batches in the source's order, several filter and share them out;
// packets carry the batch's number, so that the order in which they are done does not matter.
func (r *run) scan(ctx context.Context, group []*job) error {
	lead := group[0]
	r.giveCoders(group)
	columns, ranges, parts := lead.read, lead.ranges(), lead.parts()
	for _, j := range group[1:] {
		for _, c := range j.read {
			if !slices.Contains(columns, c) {
				columns = append(slices.Clone(columns), c)
			}
		}
		if more := j.parts(); parts != nil && len(parts) == 0 { // the others' read nothing
			ranges, parts = j.ranges(), more
		} else if more == nil || len(more) > 0 {
			ranges, parts = widest(ranges, j.ranges()), either(parts, more)
		}
	}
	s := dataset.Scan{Columns: columns, Ranges: ranges, Parts: parts, BatchRows: r.options.BatchRows, Parallel: r.options.Threads}
	reader, err := lead.table.Scan(ctx, s)
	if err != nil {
		return fmt.Errorf("source %q: %w", lead.source.Name, err)
	}
	defer reader.Close()
	batches := make(chan numbered, r.options.Threads)
	err = team.Run(ctx, r.options.Threads+1, func(ctx context.Context, worker int) error {
		if worker == 0 {
			defer close(batches)
			return r.feed(ctx, reader, batches)
		}
		return r.filter(ctx, group, batches)
	})
	if err != nil {
		return fmt.Errorf("source %q: %w", lead.source.Name, err)
	}
	counts := reader.Counts()
	for _, j := range group {
		j.report.Read, j.report.Rows = counts, counts.Rows
		if err := j.scanned(ctx); err != nil {
			return fmt.Errorf("%s: %w", j.plan.Name, err)
		}
	}
	return nil
}

// widest is the ranges of two jobs over one column: what either may need.
func widest(a, b []dataset.Range) []dataset.Range {
	if a == nil || b == nil {
		return nil
	}
	w := a[0]
	if w.Min.IsNull() || b[0].Min.IsNull() {
		w.Min = value.Value{}
	} else if value.Compare(b[0].Min, w.Min) < 0 {
		w.Min = b[0].Min
	}
	if w.Max.IsNull() || b[0].Max.IsNull() { // beyond the last time there is
		w.Max = value.Value{}
	} else if value.Compare(b[0].Max, w.Max) > 0 {
		w.Max = b[0].Max
	}
	return []dataset.Range{w}
}

// either is the files that either of two jobs reads; nil: all.
func either(a, b []int) []int {
	if a == nil || b == nil {
		return nil
	}
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

func (r *run) feed(ctx context.Context, reader dataset.Reader, batches chan<- numbered) error {
	for number := 0; ; number++ {
		b, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.progress(b.N)
		select {
		case batches <- numbered{b, number}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// filter is one worker: it handles batches until there are no more, then adds what it counted to the jobs.
func (r *run) filter(ctx context.Context, group []*job, batches <-chan numbered) error {
	var sifters []*sifter
	es := newEncoders()
	for b := range batches {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if sifters == nil {
			for _, j := range group {
				sifters = append(sifters, j.newSifter(b.batch.Schema, es))
			}
		}
		clear(es.done)
		for _, s := range sifters {
			if err := s.batch(ctx, b); err != nil {
				return fmt.Errorf("%s: %w", s.job.plan.Name, err)
			}
		}
	}
	r.adding.Lock()
	defer r.adding.Unlock()
	for _, s := range sifters {
		s.add()
	}
	return nil
}

// sifter applies E1 to a job's batches, for one goroutine.
type sifter struct {
	job     *job
	report  engine.SourceReport
	nulls   nullCounts
	seen    []bool
	newest  int64
	oldest  int64
	ends    map[int64]bool // of a snapshot table's partitions
	time    *program
	where   *program
	known   *program
	columns []*program // of the layout
	keys    []int
	deleted int
	coding  *encoders
	rowed   []int // all columns in name order
	reads   []int // columns of the batch that the layout reads
}

func (j *job) newSifter(schema value.Schema, es *encoders) *sifter {
	s := &sifter{job: j, coding: es, seen: make([]bool, len(j.seen)), newest: math.MinInt64, oldest: math.MaxInt64, deleted: -1, ends: map[int64]bool{}}
	src := j.source
	what := func(name string) string { return j.plan.Name + ": " + name }
	s.time = newProgram(what("time"), src.Time, schema)
	s.where = newProgram(what("where"), src.Where, schema)
	s.known = newProgram(what("known_at"), src.KnownAt, schema)
	for i, e := range j.layout.exprs {
		s.columns = append(s.columns, newProgram(what(j.layout.names[i]), e, schema))
	}
	s.reads = j.layoutReads(schema)
	for _, k := range j.plan.Keys {
		s.keys = append(s.keys, schema.Index(k))
	}
	if src.Deleted != "" {
		s.deleted = schema.Index(src.Deleted)
	}
	if j.wide {
		for _, n := range sortedNames(src.Schema) {
			s.rowed = append(s.rowed, schema.Index(n))
		}
	}
	return s
}

// add adds what the sifter counted to the job; one sifter at a time.
func (s *sifter) add() {
	j := s.job
	addReport(j.report, &s.report)
	j.nulls.merge(&s.nulls)
	j.newest, j.oldest = max(j.newest, s.newest), min(j.oldest, s.oldest)
	for i, seen := range s.seen {
		j.seen[i] = j.seen[i] || seen
	}
	for end := range s.ends {
		j.ends = append(j.ends, end)
	}
}

// sifted is the rows of a batch that are left, with their keys' codes and times.
type sifted struct {
	batch *value.Batch
	codes []int32
	times []int64
}

// keep leaves the rows of which test is true, and says how many went.
func (f *sifted) keep(test func(i int) bool) (gone int64) {
	rows := make([]int32, 0, len(f.times))
	for i := range f.times {
		if test(i) {
			rows = append(rows, int32(i))
		}
	}
	if gone = int64(len(f.times) - len(rows)); gone > 0 {
		f.batch, f.codes, f.times = take(f.batch, rows), taken(f.codes, rows), taken(f.times, rows)
	}
	return gone
}

// batch applies E1 in its order: times, keys, where, known_at; then rows that no spine row can see are left out.
func (s *sifter) batch(ctx context.Context, b numbered) error {
	f := s.timed(b.batch)
	if s.nullKeys(f) {
		s.report.NullKey += f.keep(func(i int) bool { return f.codes[i] != keys.None })
	}
	if s.where != nil {
		w := s.where.eval(f.batch, &s.nulls)
		var deleted *value.Column
		if s.deleted >= 0 && !fault.Planted("local: a deletion must pass where") {
			deleted = f.batch.Columns[s.deleted]
		}
		s.report.Where += f.keep(func(i int) bool {
			if fault.Planted("local: a null where of the source keeps its row") && w.Nulls.Get(i) {
				return true
			}
			return w.Bools[i] && !w.Nulls.Get(i) || deleted != nil && deleted.Bools[i] && !deleted.Nulls.Get(i)
		})
	}
	if s.known != nil && !fault.Planted("local: a null known_at is known since ever") {
		k := s.known.eval(f.batch, &s.nulls)
		s.report.NullKnownAt += f.keep(func(i int) bool { return !k.Nulls.Get(i) })
	}
	store, share := s.job.store, s.byKey
	if s.job.copies != nil {
		store, share = s.job.copies, s.byID
	}
	p, err := share(f)
	if err != nil {
		return err
	}
	return store.Put(ctx, b.number, p)
}

// nullKeys reports whether a row has a key with a null part.
func (s *sifter) nullKeys(f *sifted) bool {
	return slices.ContainsFunc(s.keys, func(k int) bool { return f.batch.Columns[k].Nulls != nil })
}

// byKey makes the packet of the rows that a spine row can see, by the buckets of their keys.
func (s *sifter) byKey(f *sifted) (*exchange.Packet, error) {
	j := s.job
	bucketOf := make([]int32, len(f.times))
	for i, t := range f.times {
		code := f.codes[i]
		if code >= 0 {
			s.seen[code] = true
		}
		bucketOf[i] = exchange.Out
		if j.sees(t) {
			bucketOf[i] = j.bucketOf(code, t, &s.report)
		}
	}
	order, from := exchange.Arrange(bucketOf, j.asking.buckets)
	columns, err := s.laidOut(f, order)
	return &exchange.Packet{From: from, Codes: j.numbers(f.codes, order), Times: taken(f.times, order), Columns: columns}, err
}

// bucketOf is the bucket of a row by its key, and counts it.
func (j *job) bucketOf(code int32, t int64, report *engine.SourceReport) int32 {
	if code < 0 {
		report.OtherKeys++
		return exchange.Out
	}
	if report.Used == 0 {
		report.Earliest, report.Latest = t, t
	}
	report.Used++
	report.Earliest, report.Latest = min(report.Earliest, t), max(report.Latest, t)
	return code & int32(j.asking.buckets-1)
}

// numbers are the rows' keys as their numbers in their buckets.
func (j *job) numbers(codes, rows []int32) []int32 {
	out := make([]int32, len(rows))
	for i, r := range rows {
		out[i] = codes[r] >> j.asking.shift
	}
	return out
}

// byID makes the packet of the rows whose time a spine row can see, by the buckets of their ids. Codes are still those of the keys: a copy
// may have a key that the spine has not.
func (s *sifter) byID(f *sifted) (*exchange.Packet, error) {
	j := s.job
	id := s.columns[j.layout.id].eval(f.batch, nil)
	bucketOf := make([]int32, len(f.times))
	for i, t := range f.times {
		if j.sees(t) {
			bucketOf[i] = idBucket(id, i, j.copies.Buckets())
			continue
		}
		bucketOf[i] = exchange.Out
		if f.codes[i] >= 0 {
			s.seen[f.codes[i]] = true
		}
	}
	order, from := exchange.Arrange(bucketOf, j.copies.Buckets())
	columns, err := s.laidOut(f, order)
	return &exchange.Packet{From: from, Codes: taken(f.codes, order), Times: taken(f.times, order), Columns: columns}, err
}

// laidOut computes the layout's columns for the rows, in that order. Only what they read is brought into it.
func (s *sifter) laidOut(f *sifted, rows []int32) ([]*value.Column, error) {
	b := &value.Batch{Schema: f.batch.Schema, N: len(rows), Columns: make([]*value.Column, len(f.batch.Columns))}
	to := &inverse{rows: rows, total: len(f.times)}
	for _, c := range s.reads {
		b.Columns[c] = exchange.Own(to.gather(f.batch.Columns[c]))
	}
	var out []*value.Column
	for i, c := range s.columns {
		coder := s.job.layout.coders[i]
		var column *value.Column
		var err error
		switch name, bare := s.job.layout.exprs[i].Column(); {
		case coder != nil && bare:
			column, err = s.coding.encode(coder, f.batch.Column(name)) // of the whole batch, once for all jobs
			if err == nil {
				column = to.gather(column)
			}
		case coder != nil:
			column, err = s.coding.encode(coder, c.eval(b, &s.nulls))
		default:
			column = c.eval(b, &s.nulls)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, column)
	}
	if s.rowed != nil {
		out = append(out, rowText(b, s.rowed))
	}
	return out, nil
}

// timed leaves out rows without a time, and looks the keys of the others up.
func (s *sifter) timed(b *value.Batch) *sifted {
	f := &sifted{batch: b, codes: make([]int32, b.N)}
	switch {
	case s.job.source.Kind == feature.Snapshots:
		s.partitions(f)
	case s.time == nil:
		f.times = make([]int64, b.N)
		for i := range f.times {
			f.times[i] = plan.MinTime // true since ever (E5)
		}
	default:
		t := s.time.eval(b, &s.nulls)
		f.times = t.Ints
		if t.Nulls != nil {
			s.report.NullTime += f.keep(func(i int) bool { return !t.Nulls.Get(i) })
		}
	}
	for _, t := range f.times {
		s.newest, s.oldest = max(s.newest, t), min(s.oldest, t)
	}
	columns := make([]*value.Column, len(s.keys))
	for i, k := range s.keys {
		columns[i] = f.batch.Columns[k]
	}
	s.job.asking.table.Lookup(columns, f.codes)
	return f
}

// partitions gives the rows of a snapshot table the ends of their partitions as times (E6).
func (s *sifter) partitions(f *sifted) {
	c := f.batch.Column(s.job.source.Snapshot)
	f.times = make([]int64, f.batch.N)
	ok := make([]bool, f.batch.N)
	var name value.Value
	var end int64
	valid := false
	for i := range f.times {
		if v := c.At(i); i == 0 || !value.Equal(v, name) { // partitions come whole, so the last name is mostly the next
			name = v
			end, valid = plan.PartitionEnd(v)
			if valid {
				s.ends[end] = true
			}
		}
		f.times[i], ok[i] = end, valid
	}
	s.report.NullTime += f.keep(func(i int) bool { return ok[i] })
}

// rowText is the columns of each row as one text, which compares as the rows do, column by column.
func rowText(b *value.Batch, columns []int) *value.Column {
	out := value.NewColumn(value.Bytes, b.N)
	var buf []byte
	for i := range b.N {
		buf = buf[:0]
		for _, c := range columns {
			buf = value.Append(buf, b.Columns[c].At(i))
		}
		out.Strs[i] = string(buf)
	}
	return out
}
