package seen

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
	"slices"
	"sort"

	"github.com/bighead-ml/bighead/dataset"
)

// A run is a file of entries sorted by key, version 1; numbers are little-endian:
//
//	blocks of 4096 bytes: 146 entries (key, time, print: 28 bytes), their number (4), CRC-32C of the block before it (4)
//	the filter: for each key 6 bits in one of its pieces of 64 bytes
//	the fences: the first 8 bytes of the first key of each block
//	the foot (footBytes): magic, entries, blocks, pieces of the filter, first and last record, the greatest time, the middle of all times (8
//	    each), CRC-32C of the filter and of the fences, CRC-32C of the foot before it, zeros (4 each)
//
// In memory are the filter and the fences, 1.6 bytes an entry. A key that was not met costs a glance at the filter, which is wrong about
// one in a hundred; the others read a block. A reader of version N reads N−1 too; there is none before the first.
const (
	runMagic     = "BHseen\x00\x01"
	entryBytes   = 28
	blockEntries = 146
	blockBytes   = 4096
	footBytes    = 8*8 + 16
	pieceWords   = 8
	filterBits   = 12 // an entry
	samples      = 1024
)

// ErrDamaged says that a run is not what was written.
var ErrDamaged = errors.New("the memory of ids is damaged; remove the file, and copies of what it holds are not told apart any more where they come again")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// run is a file that is open for reading, by many at once.
type run struct {
	path         string
	from, to     int64 // records that it covers: [from, to)
	file         *os.File
	entries      int64
	filter       []uint64
	fences       []uint64
	last, middle int64 // the greatest time, and one that half of the entries lie before
	bytes        int64
}

func damaged(path string, at int64, err error) error {
	return fmt.Errorf("%s at byte %d: %w: %w", path, at, err, ErrDamaged)
}

func prefix(k *Key) uint64 { return binary.BigEndian.Uint64(k[:8]) }

// piece is where a key's bits stand in a filter, and which.
func piece(k *Key, pieces int) (at int, mask [pieceWords]uint64) {
	high, _ := bits.Mul64(binary.LittleEndian.Uint64(k[8:]), uint64(pieces))
	h := binary.LittleEndian.Uint64(k[:8])
	for range 6 {
		mask[h>>6&7] |= 1 << (h & 63)
		h >>= 9
	}
	return int(high) * pieceWords, mask
}

func (r *run) mayHave(k *Key) bool {
	if len(r.filter) == 0 {
		return false
	}
	at, mask := piece(k, len(r.filter)/pieceWords)
	words := r.filter[at : at+pieceWords]
	for i, m := range mask {
		if words[i]&m != m {
			return false
		}
	}
	return true
}

// look says what an event is beside the run's from the horizon on.
func (r *run) look(e *Entry, horizon int64) (Verdict, error) {
	v, k := New, &e.Key
	if !r.mayHave(k) {
		return v, nil
	}
	p := prefix(k)
	b := max(sort.Search(len(r.fences), func(i int) bool { return r.fences[i] >= p })-1, 0)
	var buf [blockBytes]byte
	for ; b < len(r.fences) && r.fences[b] <= p && !v.firm(); b++ {
		block, err := r.block(int64(b), buf[:])
		if err != nil {
			return v, err
		}
		i := sort.Search(len(block)/entryBytes, func(i int) bool { return bytes.Compare(block[i*entryBytes:i*entryBytes+16], k[:]) >= 0 })
		for ; i < len(block)/entryBytes; i++ {
			met := entryAt(block[i*entryBytes:])
			if met.Key != *k {
				return v, nil
			}
			v = max(v, e.judge(&met, horizon))
		}
	}
	return v, nil
}

func entryAt(b []byte) Entry {
	e := Entry{Time: int64(binary.LittleEndian.Uint64(b[16:])), Print: binary.LittleEndian.Uint32(b[24:])}
	copy(e.Key[:], b)
	return e
}

// block reads one block's entries into buf.
func (r *run) block(i int64, buf []byte) ([]byte, error) {
	if _, err := r.file.ReadAt(buf, i*blockBytes); err != nil {
		return nil, fmt.Errorf("read %s: %w", r.path, err)
	}
	return checkBlock(r.path, i, buf)
}

func checkBlock(path string, i int64, buf []byte) ([]byte, error) {
	body := buf[:blockBytes-4]
	n := binary.LittleEndian.Uint32(buf[blockBytes-8:])
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(buf[blockBytes-4:]) || n > blockEntries {
		return nil, damaged(path, i*blockBytes, errors.New("wrong checksum"))
	}
	return buf[:n*entryBytes], nil
}

// cursor gives all entries, sorted by key.
func (r *run) cursor() *runCursor {
	return &runCursor{run: r, in: bufio.NewReaderSize(io.NewSectionReader(r.file, 0, int64(len(r.fences))*blockBytes), 64*blockBytes), buf: make([]byte, blockBytes)}
}

// runCursor gives a run's entries in order.
type runCursor struct {
	run   *run
	in    *bufio.Reader
	buf   []byte
	block int64
	left  []byte
	Entry Entry
}

// next moves on; false: there are no more.
func (c *runCursor) next() (bool, error) {
	for len(c.left) == 0 {
		if c.block == int64(len(c.run.fences)) {
			return false, nil
		}
		if _, err := io.ReadFull(c.in, c.buf); err != nil {
			return false, fmt.Errorf("read %s: %w", c.run.path, err)
		}
		var err error
		if c.left, err = checkBlock(c.run.path, c.block, c.buf); err != nil {
			return false, err
		}
		c.block++
	}
	c.Entry = entryAt(c.left)
	c.left = c.left[entryBytes:]
	return true, nil
}

// runWriter writes a run; entries come sorted by key.
type runWriter struct {
	staged *dataset.Staged
	path   string
	block  []byte
	filter []uint64
	fences []uint64
	n      int64
	last   int64
	sample []int64
	stride int64
}

// newRun starts a run of at most so many entries.
func newRun(path string, most int64) (*runWriter, error) {
	staged, err := dataset.Stage(path)
	if err != nil {
		return nil, err
	}
	pieces := max(1, (most*filterBits+511)/512)
	return &runWriter{staged: staged, path: path, filter: make([]uint64, pieces*pieceWords), stride: max(1, most/samples)}, nil
}

func (w *runWriter) add(e Entry) error {
	if len(w.block) == 0 {
		w.fences = append(w.fences, prefix(&e.Key))
	}
	if w.n%w.stride == 0 {
		w.sample = append(w.sample, e.Time)
	}
	if w.n == 0 || e.Time > w.last {
		w.last = e.Time
	}
	w.n++
	at, mask := piece(&e.Key, len(w.filter)/pieceWords)
	for i, m := range mask {
		w.filter[at+i] |= m
	}
	w.block = append(w.block, e.Key[:]...)
	w.block = binary.LittleEndian.AppendUint64(w.block, uint64(e.Time))
	w.block = binary.LittleEndian.AppendUint32(w.block, e.Print)
	if len(w.block) == blockEntries*entryBytes {
		return w.flush()
	}
	return nil
}

func (w *runWriter) flush() error {
	if len(w.block) == 0 {
		return nil
	}
	n := len(w.block) / entryBytes
	w.block = append(w.block, make([]byte, blockEntries*entryBytes-len(w.block))...)
	w.block = binary.LittleEndian.AppendUint32(w.block, uint32(n))
	w.block = binary.LittleEndian.AppendUint32(w.block, crc32.Checksum(w.block, castagnoli))
	_, err := w.staged.Write(w.block)
	w.block = w.block[:0]
	return err
}

// commit ends the run and gives it its name.
func (w *runWriter) commit(from, to int64) error {
	err := w.flush()
	filter, fences := wordsOf(w.filter), wordsOf(w.fences)
	slices.Sort(w.sample)
	middle := int64(0)
	if len(w.sample) > 0 {
		middle = w.sample[len(w.sample)/2]
	}
	foot := []byte(runMagic)
	for _, x := range []int64{w.n, int64(len(w.fences)), int64(len(w.filter) / pieceWords), from, to, w.last, middle} {
		foot = binary.LittleEndian.AppendUint64(foot, uint64(x))
	}
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(filter, castagnoli))
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(fences, castagnoli))
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(foot, castagnoli))
	foot = append(foot, 0, 0, 0, 0)
	for _, b := range [][]byte{filter, fences, foot} {
		if err == nil {
			_, err = w.staged.Write(b)
		}
	}
	if err != nil {
		w.staged.Abort()
		return fmt.Errorf("write %s: %w", w.path, err)
	}
	return w.staged.Commit()
}

func wordsOf(xs []uint64) []byte {
	out := make([]byte, 0, 8*len(xs))
	for _, x := range xs {
		out = binary.LittleEndian.AppendUint64(out, x)
	}
	return out
}

// openRun opens a run of those records.
func openRun(path string, from, to int64) (*run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &run{path: path, from: from, to: to, file: f}
	if err := r.load(); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

func (r *run) load() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	r.bytes = info.Size()
	at := r.bytes - footBytes
	foot := make([]byte, footBytes)
	if at < 0 {
		return damaged(r.path, 0, errors.New("cut short"))
	}
	if _, err := r.file.ReadAt(foot, at); err != nil {
		return fmt.Errorf("read %s: %w", r.path, err)
	}
	version := len(runMagic) - 1
	if string(foot[:version]) == runMagic[:version] && foot[version] != runMagic[version] {
		return fmt.Errorf("%s is of version %d, and this bighead reads %d: use the bighead that wrote it", r.path, foot[version], runMagic[version])
	}
	number := func(i int) int64 { return int64(binary.LittleEndian.Uint64(foot[8*i:])) }
	sum := func(i int) uint32 { return binary.LittleEndian.Uint32(foot[64+4*i:]) }
	blocks, pieces := number(2), number(3)
	r.entries, r.last, r.middle = number(1), number(6), number(7)
	if string(foot[:8]) != runMagic || crc32.Checksum(foot[:72], castagnoli) != sum(2) || number(4) != r.from || number(5) != r.to ||
		blocks < 0 || pieces < 0 || blocks > at/blockBytes || pieces > at/64 || blocks*(blockBytes+8)+pieces*64 != at {
		return damaged(r.path, at, errors.New("it is no memory of ids, or not of the records that its name says"))
	}
	if r.filter, err = r.words(blocks*blockBytes, pieces*pieceWords, sum(0)); err == nil {
		r.fences, err = r.words(blocks*blockBytes+pieces*64, blocks, sum(1))
	}
	return err
}

func (r *run) words(at, n int64, sum uint32) ([]uint64, error) {
	b := make([]byte, 8*n)
	if _, err := r.file.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read %s: %w", r.path, err)
	}
	if crc32.Checksum(b, castagnoli) != sum {
		return nil, damaged(r.path, at, errors.New("wrong checksum"))
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return out, nil
}
