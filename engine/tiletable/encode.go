package tiletable

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/bighead-ml/bighead/value"
)

// The layout of a tile file, version 1; integers are varints of encoding/binary, texts are a length and bytes:
//
//	magic
//	for each bucket: the section of keys, then a section for each column
//	footer: version, day, step, bits, the types of the key, the columns; for each bucket its numbers of keys and rows, and for each of
//	    its sections the stored length, the plain length and the CRC-32C of what is stored
//	CRC-32C of the footer, its length (4 bytes each, little-endian), magic
//
// A section whose stored length is less than its plain length is compressed by zstd. The section of keys: for each key its canonical
// encoding as a text, its number of tiles, the index within the day of the first, the distance to each further one. A column's section:
// for each tile the state as a text, empty where no event was folded. A reader of version N reads N−1 too; there is none before the first.
const (
	magic       = "BHtiles\x01"
	version     = 1
	tailLength  = 8 + len(magic)
	maxBits     = 12
	leastPacked = 64 // shorter sections are not worth compressing
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Hash is what keys are ordered and shared out to buckets by: the first 8 bytes of the MD5 of the key's canonical encoding.
func Hash(key []byte) uint64 {
	sum := md5.Sum(key)
	return binary.BigEndian.Uint64(sum[:8])
}

// Header says what a tile file holds.
type Header struct {
	Day     int64 // since the epoch
	Step    int64 // length of a tile, ms; it divides a day
	Bits    int   // there are 2^Bits buckets
	Keys    []value.Type
	Columns []Column
}

// Column is a fold as tables know it.
type Column struct {
	Fingerprint string // I1
	Fold        string // agg.Fold.ID: the kind and version of its states
}

// bucketOf is the bucket of a hash.
func (h *Header) bucketOf(hash uint64) int { return int(hash >> (64 - h.Bits)) }

// bucketInfo is what the footer says of a bucket.
type bucketInfo struct {
	keys, rows int
	sections   []section // keys, then columns
}

type section struct {
	at            int64
	stored, plain int
	crc           uint32
}

// encoder writes a tile file to w, bucket after bucket.
type encoder struct {
	h        Header
	w        io.Writer
	at       int64
	infos    []bucketInfo
	current  bucketInfo
	keys     []byte
	key      []byte // of the current key: the encoding, then its tiles
	tiles    int    // of the current key
	index    int64  // of its last tile
	hash     uint64 // of the current key
	columns  [][]byte
	packed   []byte
	rows     int64
	distinct int64
	err      error
}

func newEncoder(w io.Writer, h Header) *encoder {
	e := &encoder{h: h, w: w, columns: make([][]byte, len(h.Columns))}
	e.write([]byte(magic))
	return e
}

func (e *encoder) write(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
		e.at += int64(len(b))
	}
}

// startKey begins a key. Keys come in the order of (hash, key).
func (e *encoder) startKey(hash uint64, key []byte) {
	e.endKey()
	for len(e.infos) < e.h.bucketOf(hash) {
		e.flush()
	}
	e.hash, e.distinct = hash, e.distinct+1
	e.current.keys++
	e.keys = appendText(e.keys, key)
}

func (e *encoder) endKey() {
	if e.tiles > 0 {
		e.keys = append(binary.AppendUvarint(e.keys, uint64(e.tiles)), e.key...)
	}
	e.tiles, e.key, e.index = 0, e.key[:0], 0
}

// tile adds a tile of the current key: its index within the day, ascending, and the states of its columns, empty where there is none.
func (e *encoder) tile(index int64, states [][]byte) {
	e.key = binary.AppendUvarint(e.key, uint64(index-e.index))
	e.index, e.tiles = index, e.tiles+1
	e.current.rows++
	e.rows++
	for i, s := range states {
		e.columns[i] = appendText(e.columns[i], s)
	}
}

// flush writes a bucket.
func (e *encoder) flush() {
	e.endKey()
	e.section(e.keys)
	e.keys = e.keys[:0]
	for i, c := range e.columns {
		e.section(c)
		e.columns[i] = c[:0]
	}
	e.infos = append(e.infos, e.current)
	e.current = bucketInfo{}
}

func (e *encoder) section(plain []byte) {
	if len(plain) > maxSection && e.err == nil {
		e.err = fmt.Errorf("the states of one fold in a bucket of keys take %d bytes, more than a section of a tile file may have", len(plain))
	}
	stored := plain
	if len(plain) >= leastPacked {
		z := encoders.Get().(*zstd.Encoder)
		e.packed = z.EncodeAll(plain, e.packed[:0])
		encoders.Put(z)
		if len(e.packed) < len(plain) {
			stored = e.packed
		}
	}
	e.current.sections = append(e.current.sections, section{e.at, len(stored), len(plain), crc32.Checksum(stored, castagnoli)})
	e.write(stored)
}

// close writes the last buckets and the footer.
func (e *encoder) close() error {
	for len(e.infos) < 1<<e.h.Bits {
		e.flush()
	}
	foot := e.h.footer(e.infos)
	e.write(foot)
	tail := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(foot, castagnoli))
	tail = binary.LittleEndian.AppendUint32(tail, uint32(len(foot)))
	e.write(append(tail, magic...))
	return e.err
}

func (h *Header) footer(infos []bucketInfo) []byte {
	b := binary.AppendUvarint(nil, version)
	b = binary.AppendVarint(b, h.Day)
	b = binary.AppendUvarint(b, uint64(h.Step))
	b = binary.AppendUvarint(b, uint64(h.Bits))
	b = binary.AppendUvarint(b, uint64(len(h.Keys)))
	for _, t := range h.Keys {
		b = appendText(b, []byte(t.String()))
	}
	b = binary.AppendUvarint(b, uint64(len(h.Columns)))
	for _, c := range h.Columns {
		b = appendText(appendText(b, []byte(c.Fingerprint)), []byte(c.Fold))
	}
	for _, i := range infos {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(i.keys)), uint64(i.rows))
		for _, s := range i.sections {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.stored)), uint64(s.plain))
			b = binary.LittleEndian.AppendUint32(b, s.crc)
		}
	}
	return b
}

func appendText(dst, b []byte) []byte { return append(binary.AppendUvarint(dst, uint64(len(b))), b...) }

// encoders and decoders are kept: each holds some hundred kilobytes.
var encoders = sync.Pool{New: func() any {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(fmt.Sprintf("tiletable: %v", err)) // the options are constants
	}
	return z
}}
