// Package exchange shares rows out to buckets and keeps them, as columns, until a bucket is asked for; what does not fit the memory
// limit goes to disk and comes back bucket by bucket.
//
// Rows come in packets, one for each batch that was read, already arranged by bucket. A bucket is then a run of rows in every packet, in
// the packets' order, so nothing depends on which goroutine was first. When a pool holds more than its limit, the packets of a store
// are written to one file, bucket after bucket, so that writing is sequential and a bucket is one read in each file.
//
// The package knows rows, and neither keys nor times: what their codes and times mean is the caller's.
package exchange

import (
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Packet is rows arranged by bucket: those of bucket b are [From[b], From[b+1]). Columns have as many cells as there are rows, and so have
// Times, unless the rows of a store have none.
type Packet struct {
	From    []int32
	Codes   []int32
	Times   []int64
	Columns []*value.Column
}

// Run is rows of one bucket: [Lo, Hi) of a packet. Packets that were put are not changed.
type Run struct {
	*Packet
	Lo, Hi int
}

// Out is the bucket of a row that is left out.
const Out = -1

// Arrange groups rows by bucket, keeping their order: order lists indexes into bucketOf, and from is the Packet's.
func Arrange(bucketOf []int32, buckets int) (order, from []int32) {
	counts := make([]int32, buckets+1)
	for _, b := range bucketOf {
		counts[b+1]++ // those left out are counted first
	}
	from = make([]int32, buckets+1)
	for b := range buckets {
		from[b+1] = from[b] + counts[b+1]
	}
	next := counts[:buckets]
	copy(next, from)
	order = make([]int32, from[buckets])
	for i, b := range bucketOf {
		if b != Out {
			order[next[b]] = int32(i)
			next[b]++
		}
	}
	return order, from
}

// Own makes the strings of a column its own: copied together, so that they do not keep alive the buffers that they are views of.
func Own(c *value.Column) *value.Column {
	if c.Strs == nil {
		return c
	}
	size := 0
	for i, s := range c.Strs {
		if !c.Nulls.Get(i) {
			size += len(s)
		}
	}
	var all strings.Builder
	all.Grow(size)
	ends := make([]int, len(c.Strs))
	for i, s := range c.Strs {
		if !c.Nulls.Get(i) {
			all.WriteString(s)
		}
		ends[i] = all.Len()
	}
	own := *c
	own.Strs = make([]string, len(c.Strs))
	text, from := all.String(), 0
	for i, end := range ends {
		own.Strs[i] = text[from:end]
		from = end
	}
	return &own
}

// Bytes is about what the packet holds.
func (p *Packet) Bytes() int64 {
	n := int64(4*len(p.From) + 4*len(p.Codes) + 8*len(p.Times))
	for _, c := range p.Columns {
		n += ColumnBytes(c)
	}
	return n
}

// ColumnBytes is about what a column holds.
func ColumnBytes(c *value.Column) int64 {
	n := int64(8*len(c.Nulls) + len(c.Bools) + 8*len(c.Ints) + 8*len(c.Floats))
	for _, s := range c.Strs {
		n += 16 + int64(len(s))
	}
	for _, v := range c.Values {
		n += valueBytes(v)
	}
	return n
}

func valueBytes(v value.Value) int64 {
	n := 40 + int64(len(v.Str()))
	for i := range v.Len() {
		n += valueBytes(v.At(i))
		if v.Kind() != value.KindList {
			n += 16 + int64(len(v.KeyAt(i)))
		}
	}
	return n
}
