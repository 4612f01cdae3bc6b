package dataset

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/bighead-ml/bighead/value"
)

// item is what a decoding goroutine hands over: a batch, or the end of a unit with its counts, or an error.
type item struct {
	batch  *value.Batch
	part   int
	counts *Counts
	err    error
}

// reader gives the batches of units that several goroutines decode.
//
// In order, each unit has a stream of its own, and order holds the streams as units are begun, so the consumer drains unit k while
// k+1 … k+P−1 fill theirs. A stream holds about bufferedCells cells before its goroutine waits: enough for a row group of a few
// columns, so that goroutines do not wait for each other, and a bound where row groups are huge. Unordered, all share one stream.
type reader struct {
	table   *table
	schema  value.Schema
	scan    Scan
	hive    []int // for each column of schema: its index among partition columns, or −1
	ctx     context.Context
	cancel  context.CancelFunc
	order   chan chan item
	shared  chan item
	current chan item
	wg      sync.WaitGroup
	counts  Counts
	part    int
	err     error
}

const bufferedCells = 6 << 20

func newReader(ctx context.Context, t *table, schema value.Schema, units []unit, counts Counts, s Scan) *reader {
	if s.BatchRows <= 0 {
		s.BatchRows = DefaultBatchRows
	}
	if s.Parallel <= 0 {
		s.Parallel = runtime.GOMAXPROCS(0)
	}
	r := &reader{table: t, schema: schema, scan: s, counts: counts, part: -1, hive: make([]int, len(schema))}
	for i, f := range schema {
		r.hive[i] = t.hive.schema.Index(f.Name)
	}
	r.ctx, r.cancel = context.WithCancel(ctx)
	workers := max(1, min(s.Parallel, len(units)))
	depth := min(max(bufferedCells/(s.BatchRows*max(1, len(schema))), 2), 256)
	type task struct {
		unit   unit
		stream chan item
	}
	tasks := make(chan task)
	if s.Unordered {
		r.shared = make(chan item, 2*workers)
	} else {
		r.order = make(chan chan item, workers)
	}
	for range workers {
		r.wg.Go(func() {
			for task := range tasks {
				r.decode(task.unit, task.stream)
			}
		})
	}
	go func() {
		defer func() {
			close(tasks)
			r.wg.Wait()
			if r.shared != nil {
				close(r.shared)
			}
		}()
		if r.order != nil {
			defer close(r.order)
		}
		for _, u := range units {
			stream := r.shared
			if stream == nil {
				stream = make(chan item, depth)
				select {
				case r.order <- stream:
				case <-r.ctx.Done():
					return
				}
			}
			select {
			case tasks <- task{u, stream}:
			case <-r.ctx.Done():
				return
			}
		}
	}()
	return r
}

// decode reads one unit into its stream. The last item has the counts or the error.
func (r *reader) decode(u unit, stream chan item) {
	counts := &Counts{}
	last := item{part: u.part, counts: counts}
	last.err = r.readUnit(u, counts, func(b *value.Batch) error {
		select {
		case stream <- item{batch: b, part: u.part}:
			return nil
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	})
	select {
	case stream <- last:
	case <-r.ctx.Done():
	}
}

func (r *reader) readUnit(u unit, counts *Counts, emit func(*value.Batch) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			// A panic in this goroutine would end the user's program; the stack makes it a report that can be acted upon.
			err = fmt.Errorf("%s: reading failed by a defect of bighead: %v\n%s", r.table.parts[u.part].Path, p, debug.Stack())
		}
	}()
	file := r.table.files[u.part]
	inFile := file.Schema()
	var columns []int
	for i, f := range r.schema {
		if r.hive[i] < 0 {
			columns = append(columns, inFile.Index(f.Name))
		}
	}
	constants := map[int][]*value.Column{}
	return file.Read(r.ctx, u.group, columns, r.scan.BatchRows, counts, func(b *value.Batch) error {
		return emit(r.assemble(u.part, b, constants))
	})
}

// assemble puts the file's columns and the partition's constants into the scan's order.
func (r *reader) assemble(part int, b *value.Batch, constants map[int][]*value.Column) *value.Batch {
	out := &value.Batch{Schema: r.schema, N: b.N, Columns: make([]*value.Column, len(r.schema))}
	fixed := constants[b.N]
	if fixed == nil && len(constants) < 2 {
		fixed = r.constants(part, b.N)
		constants[b.N] = fixed
	} else if fixed == nil {
		fixed = r.constants(part, b.N)
	}
	next := 0
	for i := range r.schema {
		if h := r.hive[i]; h >= 0 {
			out.Columns[i] = fixed[h]
			continue
		}
		out.Columns[i] = b.Columns[next]
		next++
	}
	return out
}

// constants are the partition columns that the scan wants, n rows long.
func (r *reader) constants(part, n int) []*value.Column {
	out := make([]*value.Column, len(r.table.hive.schema))
	for _, h := range r.hive {
		if h < 0 {
			continue
		}
		c := value.NewColumn(r.table.hive.schema[h].Type, n)
		v := r.table.hive.rows[part][h]
		for i := range n {
			c.Set(i, v)
		}
		out[h] = c
	}
	return out
}

// Next takes the next batch in the scan's order.
func (r *reader) Next() (*value.Batch, error) {
	for r.err == nil {
		it, ok := r.take()
		switch {
		case r.err != nil:
		case !ok:
			r.err = io.EOF
		case it.err != nil:
			r.err = it.err
		case it.batch == nil:
			it.counts.Rows = 0 // counted as they are handed over
			r.counts.Add(*it.counts)
			r.current = nil
		default:
			r.part = it.part
			r.counts.Rows += int64(it.batch.N)
			return it.batch, nil
		}
	}
	if r.err != io.EOF {
		r.cancel()
	}
	return nil, r.err
}

// take receives the next item; not ok: there are no more.
func (r *reader) take() (it item, ok bool) {
	if r.shared != nil {
		return r.receive(r.shared)
	}
	if r.current == nil {
		select {
		case r.current, ok = <-r.order:
			if !ok {
				r.err = r.ctx.Err()
				return item{}, false
			}
		case <-r.ctx.Done():
			r.err = r.ctx.Err()
			return item{}, false
		}
	}
	return r.receive(r.current)
}

func (r *reader) receive(from chan item) (it item, ok bool) {
	select {
	case it, ok = <-from:
		if !ok {
			r.err = r.ctx.Err()
		}
	case <-r.ctx.Done():
		r.err = r.ctx.Err()
	}
	return it, ok
}

// Part is the part of the last batch.
func (r *reader) Part() int { return r.part }

// Counts are of what was handed over; those of a group come with its end.
func (r *reader) Counts() Counts {
	var c Counts
	c.Add(r.counts)
	return c
}

// Close stops the decoding goroutines and waits for them.
func (r *reader) Close() error {
	r.cancel()
	r.wg.Wait()
	if r.err == nil {
		r.err = errClosed
	}
	return nil
}
