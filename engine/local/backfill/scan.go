package backfill

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
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
	reader, err := j.src.table.Scan(ctx, dataset.Scan{Columns: j.columns, Parts: parts, Ranges: j.ranges(), BatchRows: o.BatchRows, Parallel: o.Threads})
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
	j.src.report.Read.Add(reader.Counts())
	j.src.noteColumns(j.columns)
	for _, p := range parts {
		j.src.used[p] = true
	}
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

// sifter applies E1 to batches, for one goroutine.
type sifter struct {
	job      *job
	time     *program
	where    *program
	columns  [][]*program // by target, of its layout
	keys     [][]int
	rowed    []int // all columns in name order
	nulls    *nullCounts
	nullTime int64
	dropped  []drops // by target
}

// drops counts the rows that a target leaves out.
type drops struct{ nullKey, where int64 }

func (j *job) sift(ctx context.Context, batches <-chan numbered) error {
	var s *sifter
	for b := range batches {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if s == nil {
			s = j.newSifter(b.batch.Schema)
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
	j.src.report.NullTime += s.nullTime
	for i, d := range s.dropped {
		rep := j.targets[i].set.report
		rep.NullKey += d.nullKey
		rep.Where += d.where
	}
	return nil
}

func (j *job) newSifter(schema value.Schema) *sifter {
	src := j.src.source
	s := &sifter{job: j, dropped: make([]drops, len(j.targets)), nulls: &j.run.nulls}
	if j.wide {
		s.nulls = &nullCounts{}
	}
	s.time = newProgram(src.Name+": time", src.Time, schema)
	if src.Where != nil {
		s.where = newProgram(src.Name+": where", src.Where, schema)
	}
	for _, t := range j.targets {
		var columns []*program
		for i, e := range t.layout.exprs {
			columns = append(columns, newProgram(t.layout.names[i], e, schema))
		}
		var keys []int
		for _, k := range t.set.plan.Keys {
			keys = append(keys, schema.Index(k.Name))
		}
		s.columns, s.keys = append(s.columns, columns), append(s.keys, keys)
	}
	if j.wide {
		for _, n := range slices.Sorted(slices.Values(src.Schema.Names())) {
			s.rowed = append(s.rowed, schema.Index(n))
		}
	}
	return s
}

// batch applies E1 in its order: a time, and one that lies in the days to make; for each target the keys, then where.
func (s *sifter) batch(ctx context.Context, b numbered) error {
	j := s.job
	times := s.time.eval(b.batch, s.nulls)
	rows := make([]int32, 0, b.batch.N)
	for i := range b.batch.N {
		if times.IsNull(i) {
			s.nullTime++
		} else if j.stretchOf(value.FloorDiv(times.Ints[i], value.DayMS)) != nil {
			rows = append(rows, int32(i))
		}
	}
	timed := take(b.batch, rows)
	at := make([]int64, len(rows))
	for i, r := range rows {
		at[i] = times.Ints[r]
	}
	var where *value.Column
	if s.where != nil {
		where = s.where.eval(timed, s.nulls)
	}
	for i, t := range j.targets {
		if err := t.put(ctx, b.number, s.packet(i, timed, at, where)); err != nil {
			return err
		}
	}
	return nil
}

// packet is the rows that count for a target, with the columns of its layout. Codes are days, from the job's first on.
func (s *sifter) packet(target int, timed *value.Batch, at []int64, where *value.Column) *exchange.Packet {
	rows := make([]int32, 0, timed.N)
	for i := range timed.N {
		switch {
		case slices.ContainsFunc(s.keys[target], func(k int) bool { return timed.Columns[k].IsNull(i) }):
			s.dropped[target].nullKey++
		case where != nil && (where.IsNull(i) || !where.Bools[i]):
			s.dropped[target].where++
		default:
			rows = append(rows, int32(i))
		}
	}
	b := take(timed, rows)
	p := &exchange.Packet{Codes: make([]int32, len(rows)), Times: make([]int64, len(rows))}
	first := s.job.days[0].from
	for i, r := range rows {
		p.Times[i] = at[r]
		p.Codes[i] = int32(value.FloorDiv(at[r], value.DayMS) - first)
	}
	for _, c := range s.columns[target] {
		p.Columns = append(p.Columns, c.eval(b, s.nulls))
	}
	if s.rowed != nil {
		p.Columns = append(p.Columns, rowText(b, s.rowed))
	}
	return p
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
		buckets[i] = int32(j.slot(j.days[0].from+int64(code)) << j.bits)
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

// program is an expression made ready for one goroutine.
type program struct {
	what    string
	program *expr.Program
	bare    bool
}

func newProgram(what string, e *expr.Expr, schema value.Schema) *program {
	_, bare := e.Column()
	return &program{what, e.Vectorise(schema), bare}
}

func (p *program) eval(b *value.Batch, nulls *nullCounts) *value.Column {
	if p.bare {
		return p.program.Eval(b, nil)
	}
	var made expr.Nulls
	c := p.program.Eval(b, &made)
	nulls.add(p.what, &made)
	return c
}

// take is the batch of the rows, in that order.
func take(b *value.Batch, rows []int32) *value.Batch {
	if len(rows) == b.N {
		return b
	}
	out := &value.Batch{Schema: b.Schema, N: len(rows), Columns: make([]*value.Column, len(b.Columns))}
	for i, c := range b.Columns {
		out.Columns[i] = c.Take(rows)
	}
	return out
}

func keyText(keys []feature.Key) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return strings.Join(names, ", ")
}
