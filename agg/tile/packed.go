package tile

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/bighead-ml/bighead/value"
)

// Packed is rows of a key, in their order, each as the bytes that it is in a store: for who keeps millions of rows and seldom looks into one. A row of
// a few numbers takes some thirty bytes so, where it takes a hundred and more as a Row; the collector finds no pointers in it; and to write the rows
// is to copy them.
//
// Rows are compared as they lie there: the encoding of values is ordered and self-delimiting (docs/semantics.md V4), so that the bytes of two rows' ties
// differ where the ties do, and first in what decides.
type Packed struct {
	Header
	rows []byte
	ends []uint32 // of each row in rows
}

// MostPacked is up to how many bytes rows may lie together. No store takes so many, and who adds rows asks Bytes before: further ones are still
// held, up to three times as many.
const MostPacked = 1 << 30

// Bytes is how many bytes the rows are.
func (p *Packed) Bytes() int { return len(p.rows) }

// Len is how many rows there are.
func (p *Packed) Len() int { return len(p.ends) }

// Size is how many bytes of memory the rows take, those they have room for included.
func (p *Packed) Size() int64 { return int64(cap(p.rows)) + 4*int64(cap(p.ends)) }

// start is where row i begins.
func (p *Packed) start(i int) int {
	if i == 0 {
		return 0
	}
	return int(p.ends[i-1])
}

// At is when row i happened, and whether it is a deletion.
func (p *Packed) At(i int) (ts int64, deleted bool) {
	ts, deleted, _ = open(p.rows[p.start(i):p.ends[i]])
	return ts, deleted
}

// open takes the time and the flag of an encoded row apart from its values.
func open(row []byte) (ts int64, deleted bool, values []byte) {
	ts, n := binary.Varint(row)
	return ts, row[n] == 1, row[n+1:]
}

// Add puts a row into its place, behind those that compare equal, and keeps nothing of it.
func (p *Packed) Add(r *Row) {
	from := len(p.rows)
	p.rows = appendOrder(p.rows, r)
	ts, deleted, tie := open(p.rows[from:])
	i := len(p.ends)
	if i > 0 && p.after(i-1, ts, deleted, tie) { // mostly it is the last
		i = sort.Search(i-1, func(i int) bool { return p.after(i, ts, deleted, tie) })
	}
	p.rows = value.AppendKey(p.rows, r.Cells)
	if i == len(p.ends) {
		p.ends = append(p.ends, uint32(len(p.rows)))
		return
	}
	at := p.start(i)
	row := bytes.Clone(p.rows[from:])
	copy(p.rows[at+len(row):], p.rows[at:from])
	copy(p.rows[at:], row)
	p.ends = slices.Insert(p.ends, i, uint32(at))
	for j := i; j < len(p.ends); j++ {
		p.ends[j] += uint32(len(row))
	}
}

// after reports whether row i comes after one of this time and tie.
func (p *Packed) after(i int, ts int64, deleted bool, tie []byte) bool {
	its, gone, values := open(p.rows[p.start(i):p.ends[i]])
	switch {
	case its != ts:
		return its > ts
	case gone != deleted:
		return gone
	}
	return bytes.Compare(values[:min(len(tie), len(values))], tie) > 0
}

// Drop takes the first n rows out.
func (p *Packed) Drop(n int) {
	if n == 0 {
		return
	}
	from := p.start(n)
	p.rows = slices.Delete(p.rows, 0, from)
	p.ends = slices.Delete(p.ends, 0, n)
	for i := range p.ends {
		p.ends[i] -= uint32(from)
	}
}

// AppendPacked adds the encoding of rows in a version that is read still: the one that AppendAs gives of them.
func (l *RowLayout) AppendPacked(dst []byte, p *Packed, version byte) []byte {
	from := len(dst)
	dst = l.begin(dst, &p.Header, len(p.ends), version)
	return seal(append(dst, p.rows...), from)
}

// DecodePacked is Decode into packed rows, whose bytes are copied.
func (l *RowLayout) DecodePacked(b []byte) (*Packed, error) {
	r := reader{}
	if err := r.open(b, l.mark); err != nil {
		return nil, err
	}
	p := &Packed{}
	r.header(&p.Header)
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail("number of rows")
	}
	all, last := r.b, Row{}
	for i := uint64(0); i < n && r.err == nil; i++ {
		row := l.row(&r)
		if r.err == nil && i > 0 && last.Compare(&row) > 0 {
			r.fail("rows out of order")
		}
		p.ends, last = append(p.ends, uint32(len(all)-len(r.b))), row
	}
	if err := r.close(); err != nil {
		return nil, err
	}
	p.rows = bytes.Clone(all)
	p.ends = slices.Clip(p.ends)
	return p, nil
}
