package sift

import (
	"slices"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Sifter sifts the batches of one source and schema, for one goroutine.
type Sifter struct {
	source   *feature.Source
	schema   value.Schema
	time     *Program // nil: a snapshot table, or true since ever
	where    *Program
	known    *Program
	deleted  int // columns of the schema, −1: none
	snapshot int
	nulls    *Nulls
}

// New makes a sifter of a source's batches, which have the columns of the schema: at least those of the source's time or snapshot, where,
// known_at and deleted, and the keys that will be asked for. Nulls that these expressions make are added to nulls, which may be nil.
func New(s *feature.Source, schema value.Schema, nulls *Nulls) *Sifter {
	f := &Sifter{source: s, schema: schema, nulls: nulls, deleted: -1, snapshot: -1}
	f.time = NewProgram(s.Name+": time", s.Time, schema)
	f.where = NewProgram(s.Name+": where", s.Where, schema)
	f.known = NewProgram(s.Name+": known_at", s.KnownAt, schema)
	if s.Deleted != "" {
		f.deleted = schema.Index(s.Deleted)
	}
	if s.Kind == feature.Snapshots {
		f.snapshot = schema.Index(s.Snapshot)
	}
	return f
}

// Columns are the places of a group's key columns in the schema.
func (f *Sifter) Columns(names []string) []int {
	out := make([]int, len(names))
	for i, n := range names {
		out[i] = f.schema.Index(n)
	}
	return out
}

// Counts is how many rows were left out, each by the first reason that holds. Those without a time are not in it: they have none for any key.
type Counts struct{ NullKey, Where, NullKnownAt int64 }

// Rows are rows of a batch, in its order.
type Rows struct {
	*value.Batch
	Times []int64 // ts of each, ms
	From  []int32 // which row of the batch that came each is; nil: all are there
	Known []int64 // known_at of each, ms; nil: before Events, or where the source has none and rows are known at once

	where *value.Column // computed once for all keys
}

// Row is which row of the batch that came row i is.
func (r *Rows) Row(i int) int {
	if r.From == nil {
		return i
	}
	return int(r.From[i])
}

// Timed are the rows that have a time; the others are those that are missing. Rows of a source without a time are true since ever
// (E5); those of a snapshot table have the ends of their partitions (E6).
func (f *Sifter) Timed(b *value.Batch) *Rows {
	r := &Rows{Batch: b}
	switch {
	case f.snapshot >= 0:
		return f.partitions(r)
	case f.time == nil:
		r.Times = make([]int64, b.N)
		for i := range r.Times {
			r.Times[i] = plan.MinTime
		}
		return r
	}
	t := f.time.Eval(b, f.nulls)
	r.Times = t.Ints
	if !t.Nulls.Any() {
		return r
	}
	return r.Keep(func(i int) bool { return !t.Nulls.Get(i) })
}

func (f *Sifter) partitions(r *Rows) *Rows {
	c := r.Columns[f.snapshot]
	r.Times = make([]int64, r.N)
	ok := make([]bool, r.N)
	var name value.Value
	var end int64
	valid := false
	for i := range r.Times {
		if v := c.At(i); i == 0 || !value.Equal(v, name) { // partitions come whole, so the last name is mostly the next
			name = v
			end, valid = plan.PartitionEnd(v)
		}
		r.Times[i], ok[i] = end, valid
	}
	return r.Keep(func(i int) bool { return ok[i] })
}

// Events are those of the timed rows that count under a key, whose columns are at those places; why others do not is added to the
// counts. It may be called for one key after the other; rows that were timed are not changed.
func (f *Sifter) Events(timed *Rows, keys []int, counts *Counts) *Rows {
	out := timed
	missing := nullKeys(timed.Batch, keys)
	pass := f.passes(timed)
	if missing != nil || pass != nil {
		out = timed.Keep(func(i int) bool {
			switch {
			case missing.Get(i):
				counts.NullKey++
			case pass != nil && !pass(i):
				counts.Where++
			default:
				return true
			}
			return false
		})
	}
	if f.known == nil {
		return out
	}
	k := f.known.Eval(out.Batch, f.nulls)
	known := *out
	known.Known = k.Ints
	if !k.Nulls.Any() || fault.Planted("local: a null known_at is known since ever") {
		return &known
	}
	all := out.N
	out = known.Keep(func(i int) bool { return !k.Nulls.Get(i) })
	counts.NullKnownAt += int64(all - out.N)
	return out
}

// passes is the source's where for timed rows, which a deletion is exempt from (E5); nil: all pass.
func (f *Sifter) passes(r *Rows) func(i int) bool {
	if f.where == nil {
		return nil
	}
	if r.where == nil {
		r.where = f.where.Eval(r.Batch, f.nulls)
	}
	w := r.where
	var deleted *value.Column
	if f.deleted >= 0 && !fault.Planted("local: a deletion must pass where") {
		deleted = r.Columns[f.deleted]
	}
	nulls := fault.Planted("local: a null where of the source keeps its row")
	return func(i int) bool {
		if nulls && w.Nulls.Get(i) {
			return true
		}
		return w.Bools[i] && !w.Nulls.Get(i) || deleted != nil && deleted.Bools[i] && !deleted.Nulls.Get(i)
	}
}

// nullKeys are the rows of which a part of the key is null; nil: none.
func nullKeys(b *value.Batch, keys []int) value.Bitmap {
	var all value.Bitmap
	for _, k := range keys {
		nulls := b.Columns[k].Nulls
		switch {
		case !nulls.Any():
		case all == nil:
			all = nulls
		default:
			all = slices.Clone(all)
			for w := range all {
				all[w] |= nulls[w]
			}
		}
	}
	return all
}

// Keep are the rows of which test is true.
func (r *Rows) Keep(test func(i int) bool) *Rows {
	kept := make([]int32, 0, r.N)
	for i := range r.N {
		if test(i) {
			kept = append(kept, int32(i))
		}
	}
	if len(kept) == r.N {
		return r
	}
	out := &Rows{Batch: take(r.Batch, kept), Times: taken(r.Times, kept), From: kept}
	if r.Known != nil {
		out.Known = taken(r.Known, kept)
	}
	if r.From != nil {
		out.From = taken(r.From, kept)
	}
	return out
}

func take(b *value.Batch, rows []int32) *value.Batch {
	out := &value.Batch{Schema: b.Schema, N: len(rows), Columns: make([]*value.Column, len(b.Columns))}
	for i, c := range b.Columns {
		out.Columns[i] = c.Take(rows)
	}
	return out
}

func taken[T any](src []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = src[r]
	}
	return out
}

// RowText is the columns of each row as one text, which compares as the rows do, column by column (E3, E5).
func RowText(b *value.Batch, columns []int) *value.Column {
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
