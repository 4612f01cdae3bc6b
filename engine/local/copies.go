package local

import (
	"context"
	"hash/fnv"
	"math/bits"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/keys"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Copies of a row have its id and its ts (E3); they may differ in everything else, their key too. So rows of a source with an id are first
// shared out by id, each bucket tells its copies, and what is left goes on to the buckets of keys.
//
// Which copy counts is decided by known_at and then by all columns of the source. Reading all of them for this would be slow, and
// copies mostly are equal in the columns that are used; only where two are met that are not, the source is read again with all columns.

// idBucket is the bucket of a row by its id. Rows with a null id are never copies, so that it does not matter where they are.
func idBucket(id *value.Column, row, buckets int) int32 {
	if id.Nulls.Get(row) {
		return 0
	}
	high, _ := bits.Mul64(hashCell(id, row), uint64(buckets))
	return int32(high)
}

// hashCell is a hash that is the same in every process, so that floats are added in the same order.
func hashCell(c *value.Column, i int) uint64 {
	switch c.Type.Kind {
	case value.KindInt, value.KindTimestamp, value.KindDate:
		return mix(uint64(c.Ints[i]))
	case value.KindString, value.KindBytes:
		h := fnv.New64a()
		h.Write([]byte(c.Strs[i]))
		return mix(h.Sum64())
	}
	h := fnv.New64a()
	h.Write(value.Append(nil, c.At(i)))
	return mix(h.Sum64())
}

// mix spreads the bits of a number over all of them (the finaliser of MurmurHash3, Appleby, 2011).
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// dropCopies tells the copies of each bucket of ids, and puts the rows that count into the buckets of keys. again is whether whole rows
// are needed to decide.
func (j *job) dropCopies(ctx context.Context) (again bool, err error) {
	reports := make([]engine.SourceReport, j.copies.Buckets())
	contested := make([]bool, j.copies.Buckets())
	err = team.Each(ctx, j.run.options.Threads, j.copies.Buckets(), func(_, b int) error {
		runs, bytes, err := j.copies.Runs(b)
		if err != nil {
			return err
		}
		j.run.pool.Hold(bytes)
		defer j.run.pool.Release(bytes)
		p := exchange.Join(runs, j.layout.types)
		c := &copies{job: j, packet: p, report: &reports[b]}
		rows := c.survivors()
		if contested[b] = c.contested; contested[b] {
			return nil
		}
		return j.store.Put(ctx, b, j.keyed(p, rows, &reports[b]))
	})
	for b := range reports {
		addReport(j.report, &reports[b])
		again = again || contested[b]
	}
	j.copies.Drop()
	return again, err
}

// keyed is the packet of those rows by the buckets of their keys; rows of keys that the spine has not are counted and left out.
func (j *job) keyed(p *exchange.Packet, rows []int32, report *engine.SourceReport) *exchange.Packet {
	bucketOf := make([]int32, len(rows))
	for i, row := range rows {
		bucketOf[i] = j.bucketOf(p.Codes[row], p.Times[row], report)
	}
	order, from := exchange.Arrange(bucketOf, j.asking.buckets)
	for i, o := range order {
		order[i] = rows[o]
	}
	out := &exchange.Packet{From: from, Codes: j.numbers(p.Codes, order), Times: taken(p.Times, order)}
	for _, c := range p.Columns[:j.layout.kept] {
		out.Columns = append(out.Columns, exchange.Own(gather(c, order)))
	}
	return out
}

// copies tells the copies among the rows of one bucket of ids.
type copies struct {
	job       *job
	packet    *exchange.Packet
	report    *engine.SourceReport
	contested bool
}

// survivors are the rows that count: of each id and ts one, in the order in which they were first met.
func (c *copies) survivors() []int32 {
	p := c.packet
	id := p.Columns[c.job.layout.id]
	table := keys.NewTable([]value.Type{value.Bytes})
	if id.Type.Key() {
		table = keys.NewTable([]value.Type{id.Type})
	} else {
		id = encoded(id)
	}
	codes := make([]int32, len(p.Codes))
	table.Insert([]*value.Column{id}, codes)
	first := make([]int32, max(1, table.Len())) // by id: its last place in out, + 1
	before := make([]int32, 0, len(codes))
	revised := make([]bool, max(1, table.Len()))
	out := make([]int32, 0, len(codes))
	for row, code := range codes {
		if code == keys.None && !fault.Planted("local: null ids are one id") {
			out, before = append(out, int32(row)), append(before, 0)
			continue
		}
		code = max(code, 0)
		at := first[code]
		for at > 0 && !fault.Planted("local: copies have one id at any time") && p.Times[out[at-1]] != p.Times[row] {
			at = before[at-1]
		}
		if at > 0 {
			c.report.Duplicates++
			if c.differ(out[at-1], int32(row)) && !revised[code] {
				revised[code] = true
				c.report.Revised++
			}
			out[at-1] = c.least(out[at-1], int32(row))
			continue
		}
		if first[code] > 0 {
			c.report.Conflicts++
		}
		out, before = append(out, int32(row)), append(before, first[code])
		first[code] = int32(len(out))
	}
	return out
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

// least is the copy that counts: the least by known_at, then by its columns in name order.
func (c *copies) least(a, b int32) int32 {
	l, columns := &c.job.layout, c.packet.Columns
	if l.known >= 0 && !fault.Planted("local: copies ignore known_at") {
		x, y := columns[l.known].Ints[a], columns[l.known].Ints[b]
		if x != y {
			if y < x {
				return b
			}
			return a
		}
	}
	if l.row >= 0 {
		if columns[l.row].Strs[b] < columns[l.row].Strs[a] != fault.Planted("local: the greatest copy counts") {
			return b
		}
		return a
	}
	c.contested = c.contested || c.differ(a, b) && !fault.Planted("local: the first of differing copies counts")
	return a
}

// differ reports whether two copies differ in a column that the join reads.
func (c *copies) differ(a, b int32) bool {
	if c.packet.Codes[a] != c.packet.Codes[b] {
		return true
	}
	for i, col := range c.packet.Columns {
		if i != c.job.layout.row && !value.Equal(col.At(int(a)), col.At(int(b))) {
			return true
		}
	}
	return false
}
