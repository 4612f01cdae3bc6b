package backfill

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/value"
)

// numbered is a batch with its place in the order of the scan.
type numbered struct {
	batch  *value.Batch
	number int
}

// scan reads the job's files once for all of its targets. Packets carry the batch's number, so that it does not matter which worker is
// first.
func (j *job) scan(ctx context.Context, parts []int) error {
	o := &j.run.options
	reader, err := j.Source.Table.Scan(ctx, dataset.Scan{Columns: j.Columns, Parts: parts, Ranges: j.Ranges(), BatchRows: o.BatchRows, Parallel: o.Threads})
	if err != nil {
		return err
	}
	defer reader.Close()
	batches := make(chan numbered, o.Threads)
	err = team.Run(ctx, o.Threads+1, func(ctx context.Context, worker int) error {
		if worker == 0 {
			defer close(batches)
			return j.feed(ctx, reader, batches)
		}
		return j.sift(ctx, batches)
	})
	if err != nil {
		return err
	}
	j.Scanned(reader.Counts())
	return nil
}

func (j *job) feed(ctx context.Context, reader dataset.Reader, batches chan<- numbered) error {
	for n := 0; ; n++ {
		b, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		j.run.progress(b.N)
		select {
		case batches <- numbered{b, n}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// scanner finds the events of batches and shares them out, for one goroutine.
type scanner struct {
	job      *job
	sifter   *sift.Sifter
	columns  [][]*sift.Program // by target, of its layout
	keys     [][]int
	rowed    []int // all columns in name order
	nulls    *sift.Nulls
	nullTime int64
	counts   []sift.Counts // by target
}

func (j *job) sift(ctx context.Context, batches <-chan numbered) error {
	var s *scanner
	for b := range batches {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if s == nil {
			s = j.newScanner(b.batch.Schema)
		}
		if err := s.batch(ctx, b); err != nil {
			return err
		}
	}
	if s == nil || j.wide { // the rows of a wide job were counted before
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.Source.Report.NullTime += s.nullTime
	for i, c := range s.counts {
		rep := j.targets[i].Set.Report
		rep.NullKey += c.NullKey
		rep.Where += c.Where
	}
	return nil
}

func (j *job) newScanner(schema value.Schema) *scanner {
	s := &scanner{job: j, counts: make([]sift.Counts, len(j.targets)), nulls: &j.run.nulls}
	if j.wide {
		s.nulls = nil
	}
	s.sifter = sift.New(j.Source.Source, schema, s.nulls)
	for _, t := range j.targets {
		var columns []*sift.Program
		for i, e := range t.layout.exprs {
			columns = append(columns, sift.NewProgram(t.layout.names[i], e, schema))
		}
		s.columns, s.keys = append(s.columns, columns), append(s.keys, s.sifter.Columns(t.Set.KeyNames()))
	}
	if j.wide {
		s.rowed = s.sifter.Columns(slices.Sorted(slices.Values(j.Source.Source.Schema.Names())))
	}
	return s
}

// batch finds the rows that lie in the days to make, and of them for each target the events (E1).
func (s *scanner) batch(ctx context.Context, b numbered) error {
	j := s.job
	timed := s.sifter.Timed(b.batch)
	s.nullTime += int64(b.batch.N - timed.N)
	timed = timed.Keep(func(i int) bool { return j.StretchOf(value.FloorDiv(timed.Times[i], value.DayMS)) != nil })
	for i, t := range j.targets {
		events := s.sifter.Events(timed, s.keys[i], &s.counts[i])
		if err := t.put(ctx, b.number, s.packet(i, events)); err != nil {
			return err
		}
	}
	return nil
}

// packet is a target's events with the columns of its layout. Codes are days, from the job's first on.
func (s *scanner) packet(target int, events *sift.Rows) *exchange.Packet {
	p := &exchange.Packet{Codes: make([]int32, events.N), Times: events.Times}
	first := s.job.Days[0].From
	for i, t := range events.Times {
		p.Codes[i] = int32(value.FloorDiv(t, value.DayMS) - first)
	}
	for _, c := range s.columns[target] {
		p.Columns = append(p.Columns, c.Eval(events.Batch, s.nulls))
	}
	if s.rowed != nil {
		p.Columns = append(p.Columns, sift.RowText(events.Batch, s.rowed))
	}
	return p
}

// put shares a packet out: by day and id where copies are told first, else by day and key.
func (t *target) put(ctx context.Context, number int, p *exchange.Packet) error {
	if t.copies != nil {
		return t.copies.Put(ctx, number, t.arrange(p, t.idBucket))
	}
	return t.store.Put(ctx, number, t.arrange(p, t.keyBucket))
}

// arrange makes the packet of the rows by bucket; its columns are its own.
func (t *target) arrange(p *exchange.Packet, within func(p *exchange.Packet, row int, buf []byte) (uint64, []byte)) *exchange.Packet {
	j := t.job
	buckets := make([]int32, len(p.Codes))
	var buf []byte
	for i, code := range p.Codes {
		buckets[i] = int32(j.slot(j.Days[0].From+int64(code)) << j.bits)
		if j.bits > 0 {
			var hash uint64
			hash, buf = within(p, i, buf)
			buckets[i] += int32(hash >> (64 - j.bits))
		}
	}
	order, from := exchange.Arrange(buckets, j.slots<<j.bits)
	out := &exchange.Packet{From: from, Codes: make([]int32, len(order)), Times: make([]int64, len(order))}
	for i, o := range order {
		out.Codes[i], out.Times[i] = p.Codes[o], p.Times[o]
	}
	for _, c := range p.Columns {
		out.Columns = append(out.Columns, exchange.Own(c.Take(order)))
	}
	return out
}

// keyBucket is the hash that keys lie in a file by.
func (t *target) keyBucket(p *exchange.Packet, row int, buf []byte) (uint64, []byte) {
	buf = t.appendKey(buf[:0], p, row)
	return tiletable.Hash(buf), buf
}

func (t *target) idBucket(p *exchange.Packet, row int, buf []byte) (uint64, []byte) {
	buf = value.Append(buf[:0], p.Columns[t.layout.id].At(row))
	return tiletable.Hash(buf), buf
}

func (t *target) appendKey(dst []byte, p *exchange.Packet, row int) []byte {
	for k := range t.layout.keys {
		dst = value.Append(dst, p.Columns[k].At(row))
	}
	return dst
}
