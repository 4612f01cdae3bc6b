package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/bighead-ml/bighead/engine/local/eventlog/seen"
	"github.com/bighead-ml/bighead/value"
)

// How a record lies in its frame (segment.go):
//
//	uvarint: the length of what follows
//	a byte of flags; varint partition; varint first; uvarint rows
//	offsetsListed: for each row but the first the distance to the offset before, as a uvarint
//	named:         Once, a length and bytes
//	identified:    for each row seen.Key of its id (16 bytes; zeros: none), then the prints of the rows (4 bytes), then their ts as an
//	               int column. They are written down, since the definition by which they were computed may change.
//	the rows (batch.go)
const (
	offsetsListed = 1 << iota
	named
	identified
	allFlags = 1<<iota - 1
)

// Limits of one Append. They bound what a reader has to hold; a batch beyond them is to be split.
const (
	maxRows        = 1 << 20
	maxRecordBytes = 256 << 20
	maxOnce        = 1 << 10
)

// identity is what tells copies of a record's rows: of each row the key of its id (zero: none), a print of its cells, and ts.
type identity struct {
	keys   []seen.Key
	prints []uint32
	times  []int64
}

func (id *identity) entry(i int) seen.Entry {
	return seen.Entry{Key: id.keys[i], Time: id.times[i], Print: id.prints[i]}
}

// appendRecord adds a record whose rows are encoded already.
func appendRecord(dst []byte, r *Record, id *identity, rows []byte) []byte {
	start := len(dst)
	flags := byte(0)
	if r.Offsets != nil {
		flags |= offsetsListed
	}
	if r.Once != "" {
		flags |= named
	}
	if id != nil {
		flags |= identified
	}
	dst = binary.AppendVarint(append(dst, flags), int64(r.Partition))
	dst = binary.AppendUvarint(binary.AppendVarint(dst, r.First), uint64(r.Rows.N))
	for i := 1; i < len(r.Offsets); i++ {
		dst = binary.AppendUvarint(dst, uint64(r.Offsets[i]-r.Offsets[i-1]))
	}
	if r.Once != "" {
		dst = append(binary.AppendUvarint(dst, uint64(len(r.Once))), r.Once...)
	}
	if id != nil {
		for i := range id.keys {
			dst = append(dst, id.keys[i][:]...)
		}
		for _, p := range id.prints {
			dst = binary.LittleEndian.AppendUint32(dst, p)
		}
		dst = appendInts(dst, id.times, nil)
	}
	// The length goes before, once it is known: the head is short, and is moved.
	n := len(dst) - start
	var length [binary.MaxVarintLen64]byte
	l := binary.PutUvarint(length[:], uint64(n+len(rows)))
	dst = append(dst, length[:l]...)
	copy(dst[start+l:], dst[start:start+n])
	copy(dst[start:], length[:l])
	return append(dst, rows...)
}

// head is a record before its rows are decoded.
type head struct {
	Record
	n    int
	id   *identity
	rows []byte
}

// record reads one record's head; its rows stay bytes, of r.
func (r *reading) record() head {
	in := reading{b: r.take(r.length())}
	h := head{}
	flags := in.byte()
	if flags&^allFlags != 0 {
		in.fail(fmt.Errorf("flags %#x", flags))
	}
	partition := in.varint()
	h.First = in.varint()
	n := in.uvarint()
	if n == 0 || n > maxRows || partition < Pushed || partition > math.MaxInt32 {
		in.fail(errors.New("its partition or number of rows"))
	}
	h.Partition, h.n = int32(partition), int(n)
	if in.err == nil && flags&offsetsListed != 0 {
		h.Offsets = in.offsets(h.First, h.n)
	}
	if flags&named != 0 {
		h.Once = in.text()
	}
	if in.err == nil && flags&identified != 0 {
		h.id = in.identity(h.n)
	}
	h.rows = in.b
	if in.err != nil && r.err == nil {
		r.fail(in.err)
	}
	return h
}

func (r *reading) offsets(first int64, n int) []int64 {
	if n-1 > len(r.b) {
		r.fail(errShort)
		return nil
	}
	out := make([]int64, n)
	out[0] = first
	for i := 1; i < n; i++ {
		out[i] = out[i-1] + int64(r.uvarint())
		if out[i] <= out[i-1] {
			r.fail(errors.New("offsets that do not ascend"))
			return nil
		}
	}
	return out
}

func (r *reading) identity(n int) *identity {
	keys, prints := r.take(n*len(seen.Key{})), r.take(4*n)
	if r.err != nil {
		return nil
	}
	id := &identity{keys: make([]seen.Key, n), prints: make([]uint32, n), times: r.ints(n)}
	for i := range n {
		copy(id.keys[i][:], keys[i*len(seen.Key{}):])
		id.prints[i] = binary.LittleEndian.Uint32(prints[4*i:])
	}
	return id
}

// decode makes the record with its rows, which have the columns of from.
func (h *head) decode(from value.Schema) (*Record, error) {
	r := reading{b: h.rows}
	h.Rows = r.batch(from, h.n)
	if r.err == nil && len(r.b) > 0 {
		r.fail(errors.New("bytes behind the rows"))
	}
	if r.err != nil {
		return nil, r.err
	}
	return &h.Record, nil
}
