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
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
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
		return engine.OfSource(lead.source, err)
	}
	defer reader.Close()
	batches := make(chan numbered, r.options.Threads)
	var nulls sift.Nulls
	err = team.Run(ctx, r.options.Threads+1, func(ctx context.Context, worker int) error {
		if worker == 0 {
			defer close(batches)
			return r.feed(ctx, reader, batches)
		}
		return r.filter(ctx, group, batches, &nulls)
	})
	if err != nil {
		return engine.OfSource(lead.source, err)
	}
	if !lead.wide { // else they were counted when the source was read the first time
		r.nulls.Merge(&nulls)
	}
	counts := reader.Counts()
	for _, j := range group {
		j.report.Read, j.report.Rows = counts, counts.Rows
		j.scanned()
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

// filter is one worker: it handles batches until there are no more, then adds what it counted to the jobs, and the nulls of the source's
// own expressions to those that the jobs share.
func (r *run) filter(ctx context.Context, group []*job, batches <-chan numbered, nulls *sift.Nulls) error {
	var w *scanner
	for b := range batches {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if w == nil {
			w = newScanner(group, b.batch.Schema)
		}
		if err := w.batch(ctx, b); err != nil {
			return err
		}
	}
	if w == nil {
		return nil
	}
	r.adding.Lock()
	defer r.adding.Unlock()
	w.add()
	nulls.Merge(&w.nulls)
	return nil
}

// scanner sifts a source's batches for all jobs of a scan, for one goroutine.
type scanner struct {
	sifter   *sift.Sifter
	nulls    sift.Nulls // that the source's expressions make
	sharers  []*sharer
	coding   *encoders
	nullTime int64
	newest   int64
	oldest   int64
	ends     map[int64]bool // of a snapshot table's partitions
}

func newScanner(group []*job, schema value.Schema) *scanner {
	w := &scanner{coding: newEncoders(), newest: math.MinInt64, oldest: math.MaxInt64, ends: map[int64]bool{}}
	w.sifter = sift.New(group[0].source, schema, &w.nulls)
	for _, j := range group {
		w.sharers = append(w.sharers, w.newSharer(j, schema))
	}
	return w
}

// batch finds the events of a batch (E1) and shares them out, for one job after the other.
func (w *scanner) batch(ctx context.Context, b numbered) error {
	clear(w.coding.done)
	timed := w.sifter.Timed(b.batch)
	w.nullTime += int64(b.batch.N - timed.N)
	w.history(timed.Times)
	for _, s := range w.sharers {
		if err := s.batch(ctx, timed, b.number); err != nil {
			return fmt.Errorf("%s: %w", s.job.plan.Name, err)
		}
	}
	return nil
}

func (w *scanner) history(times []int64) {
	snapshots := w.sharers[0].job.source.Kind == feature.Snapshots
	for i, t := range times {
		w.newest, w.oldest = max(w.newest, t), min(w.oldest, t)
		if snapshots && (i == 0 || t != times[i-1]) {
			w.ends[t] = true
		}
	}
}

// add adds what the scanner counted to the jobs; one scanner at a time.
func (w *scanner) add() {
	for _, s := range w.sharers {
		j := s.job
		s.report.NullTime = w.nullTime
		s.report.NullKey, s.report.Where, s.report.NullKnownAt = s.counts.NullKey, s.counts.Where, s.counts.NullKnownAt
		addReport(j.report, &s.report)
		j.nulls.Merge(&s.nulls)
		j.newest, j.oldest = max(j.newest, w.newest), min(j.oldest, w.oldest)
		for i, seen := range s.seen {
			j.seen[i] = j.seen[i] || seen
		}
		for end := range w.ends {
			j.ends = append(j.ends, end)
		}
	}
}

// sharer shares the events of batches out to a job's buckets.
type sharer struct {
	job     *job
	sifter  *sift.Sifter
	report  engine.SourceReport
	counts  sift.Counts
	nulls   sift.Nulls
	seen    []bool
	columns []*sift.Program // of the layout
	keys    []int
	coding  *encoders
	rowed   []int // all columns in name order
	reads   []int // columns of the batch that the layout reads
}

func (w *scanner) newSharer(j *job, schema value.Schema) *sharer {
	s := &sharer{job: j, sifter: w.sifter, coding: w.coding, seen: make([]bool, len(j.seen)), keys: w.sifter.Columns(j.plan.Keys)}
	for i, e := range j.layout.exprs {
		s.columns = append(s.columns, sift.NewProgram(j.plan.Name+": "+j.layout.names[i], e, schema))
	}
	s.reads = j.layoutReads(schema)
	if j.wide {
		s.rowed = w.sifter.Columns(sortedNames(j.source.Schema))
	}
	return s
}

// events are the rows of a batch that count for the job, with their keys' codes.
type events struct {
	*sift.Rows
	codes []int32
}

// batch looks the events' keys up; events that no spine row can see are left out.
func (s *sharer) batch(ctx context.Context, timed *sift.Rows, number int) error {
	e := &events{Rows: s.sifter.Events(timed, s.keys, &s.counts)}
	columns := make([]*value.Column, len(s.keys))
	for i, k := range s.keys {
		columns[i] = e.Columns[k]
	}
	e.codes = make([]int32, e.N)
	s.job.asking.table.Lookup(columns, e.codes)
	store, share := s.job.store, s.byKey
	if s.job.copies != nil {
		store, share = s.job.copies, s.byID
	}
	p, err := share(e)
	if err != nil {
		return err
	}
	return store.Put(ctx, number, p)
}

// byKey makes the packet of the rows that a spine row can see, by the buckets of their keys.
func (s *sharer) byKey(e *events) (*exchange.Packet, error) {
	j := s.job
	bucketOf := make([]int32, len(e.Times))
	for i, t := range e.Times {
		code := e.codes[i]
		if code >= 0 {
			s.seen[code] = true
		}
		bucketOf[i] = exchange.Out
		if j.sees(t) {
			bucketOf[i] = j.bucketOf(code, t, &s.report)
		}
	}
	order, from := exchange.Arrange(bucketOf, j.asking.buckets)
	columns, err := s.laidOut(e, order)
	return &exchange.Packet{From: from, Codes: j.numbers(e.codes, order), Times: taken(e.Times, order), Columns: columns}, err
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
func (s *sharer) byID(e *events) (*exchange.Packet, error) {
	j := s.job
	id := s.columns[j.layout.id].Eval(e.Batch, nil)
	bucketOf := make([]int32, len(e.Times))
	for i, t := range e.Times {
		if j.sees(t) {
			bucketOf[i] = idBucket(id, i, j.copies.Buckets())
			continue
		}
		bucketOf[i] = exchange.Out
		if e.codes[i] >= 0 {
			s.seen[e.codes[i]] = true
		}
	}
	order, from := exchange.Arrange(bucketOf, j.copies.Buckets())
	columns, err := s.laidOut(e, order)
	return &exchange.Packet{From: from, Codes: taken(e.codes, order), Times: taken(e.Times, order), Columns: columns}, err
}

// laidOut computes the layout's columns for the rows, in that order. Only what they read is brought into it.
func (s *sharer) laidOut(e *events, rows []int32) ([]*value.Column, error) {
	b := &value.Batch{Schema: e.Schema, N: len(rows), Columns: make([]*value.Column, len(e.Columns))}
	to := &inverse{rows: rows, total: len(e.Times)}
	for _, c := range s.reads {
		b.Columns[c] = exchange.Own(to.gather(e.Columns[c]))
	}
	var out []*value.Column
	for i, c := range s.columns {
		coder, nulls := s.job.layout.coders[i], &s.nulls
		if i == s.job.layout.known {
			nulls = nil // the sifter has counted them
		}
		var column *value.Column
		var err error
		switch name, bare := s.job.layout.exprs[i].Column(); {
		case coder != nil && bare:
			column, err = s.coding.encode(coder, e.Column(name)) // of the whole batch, once for all jobs
			if err == nil {
				column = to.gather(column)
			}
		case coder != nil:
			column, err = s.coding.encode(coder, c.Eval(b, nulls))
		default:
			column = c.Eval(b, nulls)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, column)
	}
	if s.rowed != nil {
		out = append(out, sift.RowText(b, s.rowed))
	}
	return out, nil
}
