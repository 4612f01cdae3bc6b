package backfill

import (
	"context"

	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/keys"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/value"
)

// Copies of a row have its id and its ts (E3), so they lie in one day; their keys may differ. Where the rows of a day are shared out by
// key, they are shared out by id first, and what is left after telling copies goes on to the buckets of keys.
//
// Which copy counts is decided by all columns of the source. Reading all of them for this would be slow, and copies mostly are equal in
// what is used; only days in which two are met that are not are read again, whole.

// tellCopies moves rows from the buckets of ids to those of keys.
func (t *target) tellCopies(ctx context.Context) error {
	if t.copies == nil {
		return nil
	}
	t.copies.Seal()
	return team.Each(ctx, t.job.run.options.Threads, t.copies.Buckets(), func(_, b int) error {
		p, release, err := t.load(t.copies, b)
		if err != nil {
			return err
		}
		defer release()
		return t.store.Put(ctx, b, t.arrange(t.survivors(p), t.keyBucket))
	})
}

// load brings a bucket together.
func (t *target) load(store *exchange.Store, bucket int) (p *exchange.Packet, release func(), err error) {
	runs, bytes, err := store.Runs(bucket)
	if err != nil {
		return nil, nil, err
	}
	p = exchange.Join(runs, t.layout.types)
	bytes += p.Bytes()
	pool := t.job.run.pool
	pool.Hold(bytes)
	return p, func() { pool.Release(bytes) }, nil
}

// survivors leaves of the rows of one id and ts the one that counts, in the order in which ids were first met. Rows without an id are no
// copies. A day in which copies differ in what is used is put aside.
func (t *target) survivors(p *exchange.Packet) *exchange.Packet {
	if t.layout.id < 0 {
		return p
	}
	id := p.Columns[t.layout.id]
	if !id.Type.Key() {
		id = encoded(id)
	}
	table := keys.NewTable([]value.Type{id.Type, value.Timestamp})
	codes := make([]int32, len(p.Codes))
	table.Insert([]*value.Column{id, {Type: value.Timestamp, N: len(p.Times), Ints: p.Times}}, codes)
	at := make([]int32, table.Len()) // by code: its place in out, + 1
	out := make([]int32, 0, len(codes))
	var contested []int64
	for row, code := range codes {
		switch {
		case code == keys.None:
			out = append(out, int32(row))
		case at[code] == 0:
			out = append(out, int32(row))
			at[code] = int32(len(out))
		default:
			least, differ := t.least(p, out[at[code]-1], int32(row))
			out[at[code]-1] = least
			if differ {
				contested = append(contested, t.job.Days[0].From+int64(p.Codes[row]))
			}
		}
	}
	t.job.mu.Lock()
	defer t.job.mu.Unlock()
	if !t.job.wide { // the same rows were counted before
		t.Set.Report.Copies += int64(len(codes) - len(out))
	}
	t.job.contested = append(t.job.contested, contested...)
	if len(out) == len(codes) {
		return p
	}
	left := &exchange.Packet{Codes: make([]int32, len(out)), Times: make([]int64, len(out))}
	for i, r := range out {
		left.Codes[i], left.Times[i] = p.Codes[r], p.Times[r]
	}
	for _, c := range p.Columns {
		left.Columns = append(left.Columns, c.Take(out))
	}
	return left
}

// least is the copy that counts, the least by its columns in name order, and whether that is not known: where whole rows are not there,
// copies must be equal in what is.
func (t *target) least(p *exchange.Packet, a, b int32) (least int32, differ bool) {
	if row := t.layout.row; row >= 0 {
		if texts := p.Columns[row].Strs; texts[b] < texts[a] {
			return b, false
		}
		return a, false
	}
	for _, c := range p.Columns {
		if !value.Equal(c.At(int(a)), c.At(int(b))) {
			return a, true
		}
	}
	return a, false
}

// encoded are the cells as canonical bytes, for ids of types that cannot be keys.
func encoded(c *value.Column) *value.Column {
	out := value.NewColumn(value.Bytes, c.N)
	for i := range c.N {
		if c.IsNull(i) {
			out.SetNull(i)
			continue
		}
		out.Strs[i] = string(value.Append(nil, c.At(i)))
	}
	return out
}
