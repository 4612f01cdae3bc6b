package local

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// spine is the rows that ask, in their order, as columns: those of plan.Spine, then at.
type spine struct {
	n       int
	at      []int64
	first   int64 // the least and the greatest at
	last    int64
	byTime  []int32 // the rows by at, then by number
	schema  value.Schema
	columns []*value.Column
}

func (s *spine) column(name string) *value.Column { return s.columns[s.schema.Index(name)] }

func (s *spine) bytes() int64 {
	n := int64(4 * len(s.byTime))
	for _, c := range s.columns {
		n += exchange.ColumnBytes(c)
	}
	return n
}

// spineReader turns batches of the spine's source into rows.
type spineReader struct {
	plan    *plan.Spine
	report  *engine.Report
	nulls   *sift.Nulls
	where   *sift.Program
	at      *sift.Program
	columns []*sift.Program
	sample  []int // columns of the batch
	parts   [][]*value.Column
	read    int64 // rows before the batch
}

// readSpine reads the rows and keeps those that the plan wants.
func (r *run) readSpine(ctx context.Context) (*spine, error) {
	p := &r.plan.Spine
	table, err := r.in.SpineRows(ctx, p)
	if err != nil {
		return nil, engine.OfSpine(r.plan, err)
	}
	schema := make(value.Schema, len(p.Read))
	for i, name := range p.Read {
		schema[i].Name = name
		schema[i].Type, _ = p.Schema.Lookup(name)
	}
	sr := &spineReader{plan: p, report: r.report, nulls: &r.nulls}
	sr.where = sift.NewProgram("where of the spine", p.Where, schema)
	sr.at = sift.NewProgram("at of the spine", p.At, schema)
	out := &spine{}
	for _, c := range p.Columns {
		sr.columns = append(sr.columns, sift.NewProgram(c.Name+" of the spine", c.Expr, schema))
		if c.Name != plan.AtColumn {
			out.schema = append(out.schema, value.Field{Name: c.Name, Type: c.Expr.Type()})
		}
	}
	out.schema = append(out.schema, value.Field{Name: plan.AtColumn, Type: value.Timestamp})
	for _, name := range p.SampleBy {
		sr.sample = append(sr.sample, schema.Index(name))
	}
	if err := sr.read1(ctx, table, r.options); err != nil {
		return nil, engine.OfSpine(r.plan, err)
	}
	r.report.SpineRows = sr.read
	sr.finish(out)
	return out, nil
}

func (sr *spineReader) read1(ctx context.Context, table dataset.Table, o Options) error {
	reader, err := table.Scan(ctx, dataset.Scan{Columns: sr.plan.Read, BatchRows: o.BatchRows, Parallel: o.Threads})
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		b, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := sr.batch(b); err != nil {
			return err
		}
	}
}

// batch keeps the rows of one batch that pass where, the bounds of at and the sample, in that order.
func (sr *spineReader) batch(b *value.Batch) error {
	numbers := make([]int32, b.N)
	for i := range numbers {
		numbers[i] = int32(i)
	}
	keep := func(why engine.DropReason, test func(i int) bool) {
		kept := make([]int32, 0, b.N)
		for i := range b.N {
			if test(i) {
				kept = append(kept, int32(i))
			}
		}
		if len(kept) < b.N {
			sr.report.Dropped[why] += int64(b.N - len(kept))
			b, numbers = take(b, kept), taken(numbers, kept)
		}
	}
	rows := b.N
	if sr.where != nil {
		w := sr.where.Eval(b, sr.nulls)
		keep(engine.DropWhere, func(i int) bool { return w.Bools[i] && !w.Nulls.Get(i) })
	}
	at := sr.at.Eval(b, sr.nulls)
	for i := range b.N {
		if at.Nulls.Get(i) {
			return fmt.Errorf("row %d: %w", sr.read+int64(numbers[i])+1, engine.ErrNoTime)
		}
	}
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if sr.plan.Start != nil {
		from = *sr.plan.Start
	}
	if sr.plan.End != nil {
		to = *sr.plan.End
	}
	all := b.N
	if fault.Planted("local: a row at end stays") && to < math.MaxInt64 {
		to++
	}
	kept := at.Ints
	keep(engine.DropRange, func(i int) bool { return kept[i] >= from && kept[i] < to })
	if sr.plan.Sample > 0 {
		keep(engine.DropSample, func(i int) bool { return sampled(b, sr.sample, i, sr.plan.Sample) })
	}
	if b.N < all {
		at = sr.at.Eval(b, nil)
	}
	sr.keep(b, at)
	sr.read += int64(rows)
	return nil
}

func (sr *spineReader) keep(b *value.Batch, at *value.Column) {
	if b.N == 0 {
		return
	}
	var part []*value.Column
	for i, c := range sr.columns {
		if sr.plan.Columns[i].Name != plan.AtColumn {
			part = append(part, exchange.Own(c.Eval(b, sr.nulls)))
		}
	}
	sr.parts = append(sr.parts, append(part, at))
}

// sampled keeps a row by the hash of its sample_by: the first 8 bytes of the MD5 of the canonical encoding, over 2^64.
func sampled(b *value.Batch, columns []int, row int, share float64) bool {
	var key []byte
	for _, c := range columns {
		key = value.Append(key, b.Columns[c].At(row))
	}
	sum := md5.Sum(key)
	return float64(binary.BigEndian.Uint64(sum[:8])) < share*(1<<64)
}

// finish makes one column of the parts of each.
func (sr *spineReader) finish(s *spine) {
	for i, f := range s.schema {
		parts := make([]*value.Column, len(sr.parts))
		for p := range sr.parts {
			parts[p] = sr.parts[p][i]
			sr.parts[p][i] = nil
		}
		s.columns = append(s.columns, concat(f.Type, parts))
	}
	s.at = s.columns[len(s.columns)-1].Ints
	s.n = len(s.at)
	s.first, s.last = int64(math.MaxInt64), int64(math.MinInt64)
	for _, t := range s.at {
		s.first, s.last = min(s.first, t), max(s.last, t)
	}
	s.byTime = byTime(s.at, s.first, s.last)
}

// byTime lists the rows by their times, equal ones by number: a radix sort over as many digits as the times between first and last have.
func byTime(at []int64, first, last int64) []int32 {
	const digit = 11 // bits
	rows, out := make([]int32, len(at)), make([]int32, len(at))
	for i := range rows {
		rows[i] = int32(i)
	}
	for shift := 0; shift < 64 && len(at) > 0 && uint64(last-first)>>shift > 0; shift += digit {
		var next [1<<digit + 1]int32
		for _, t := range at {
			next[uint64(t-first)>>shift&(1<<digit-1)+1]++
		}
		for d := range 1 << digit {
			next[d+1] += next[d]
		}
		for _, row := range rows {
			d := uint64(at[row]-first) >> shift & (1<<digit - 1)
			out[next[d]] = row
			next[d]++
		}
		rows, out = out, rows
	}
	return rows
}
