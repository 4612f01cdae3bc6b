package tiletable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/bighead-ml/bighead/value"
)

// ErrDamaged says that a file is not what was written. The tiles in it are made again by a backfill once it is removed.
var ErrDamaged = errors.New("the tile file is damaged; remove it and run `bighead backfill`")

var errShort = errors.New("cut short")

// File reads a tile file. It may be used by many at once, and must be closed.
type File struct {
	Header
	path    string
	f       *os.File
	buckets []bucketInfo
}

// OpenFile reads what the file says about itself.
func OpenFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	out := &File{path: path, f: f}
	if err := out.readFooter(); err != nil {
		f.Close()
		return nil, out.damaged("footer", err)
	}
	return out, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// damaged tells damage from a disk that cannot be read.
func (f *File) damaged(what string, err error) error {
	var disk *os.PathError
	if errors.As(err, &disk) {
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	return fmt.Errorf("%s: %s: %w: %w", f.path, what, err, ErrDamaged)
}

func (f *File) readFooter() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size < int64(len(magic)+tailLength) {
		return errShort
	}
	head, tail := make([]byte, len(magic)), make([]byte, tailLength)
	if _, err := f.f.ReadAt(head, 0); err != nil {
		return err
	}
	if _, err := f.f.ReadAt(tail, size-int64(tailLength)); err != nil {
		return err
	}
	if string(head) != magic || string(tail[8:]) != magic {
		return errors.New("it is no tile file of this version")
	}
	length := int64(binary.LittleEndian.Uint32(tail[4:]))
	end := size - int64(tailLength) - length
	if end < int64(len(magic)) {
		return errShort
	}
	foot := make([]byte, length)
	if _, err := f.f.ReadAt(foot, end); err != nil {
		return err
	}
	if crc32.Checksum(foot, castagnoli) != binary.LittleEndian.Uint32(tail) {
		return errors.New("wrong checksum")
	}
	return f.parseFooter(foot, end)
}

// parseFooter reads the footer; end is where the sections end.
func (f *File) parseFooter(b []byte, end int64) error {
	r := &reader{b}
	if v := r.uvarint(); v != version {
		return fmt.Errorf("version %d is not %d", v, version)
	}
	f.Day, f.Step, f.Bits = r.varint(), int64(r.uvarint()), int(r.uvarint())
	for range r.length() {
		t, err := value.ParseType(string(r.text()))
		if err != nil {
			return err
		}
		f.Keys = append(f.Keys, t)
	}
	for range r.length() {
		f.Columns = append(f.Columns, Column{string(r.text()), string(r.text())})
	}
	if r.b == nil || f.Bits > maxBits || f.Step <= 0 || value.DayMS%f.Step != 0 || len(f.Keys) == 0 {
		return errShort
	}
	at := int64(len(magic))
	for range 1 << f.Bits {
		i := bucketInfo{keys: r.count(), rows: r.count()}
		for range 1 + len(f.Columns) {
			s := section{at: at, stored: r.count(), plain: r.count(), crc: r.fixed()}
			at += int64(s.stored)
			if r.b == nil {
				return errShort
			}
			i.sections = append(i.sections, s)
		}
		f.buckets = append(f.buckets, i)
	}
	if r.b == nil || len(r.b) != 0 || at != end {
		return errShort
	}
	return nil
}

// Buckets is how many buckets there are.
func (f *File) Buckets() int { return len(f.buckets) }

// Column is where the fold's states stand, or −1.
func (f *File) Column(fingerprint string) int {
	return slices.IndexFunc(f.Columns, func(c Column) bool { return c.Fingerprint == fingerprint })
}

// Bucket is some keys of a day, in the order of their hash, with their tiles.
type Bucket struct {
	Keys  [][]byte // canonical encodings
	From  []int32  // tiles of key i are [From[i], From[i+1])
	Times []int64  // the beginning of each tile, ms, ascending within a key
	// States holds, for each column asked for, the state of each tile: agg.AppendState's bytes, empty where no event was folded.
	States [][][]byte
	// Bytes is how many bytes of the file were read.
	Bytes int64
}

// Load reads a bucket: its keys, and the columns at the indexes. Nothing is returned that does not match its checksum.
func (f *File) Load(bucket int, columns []int) (*Bucket, error) {
	info := &f.buckets[bucket]
	b := &Bucket{}
	keys, err := f.section(&info.sections[0], b)
	if err == nil {
		err = b.readKeys(keys, info, &f.Header)
	}
	if err != nil {
		return nil, f.damaged("keys", err)
	}
	for _, c := range columns {
		s := &info.sections[1+c]
		plain, err := f.section(s, b)
		if err == nil {
			err = b.readStates(plain, info.rows)
		}
		if err != nil {
			return nil, f.damaged("fold "+f.Columns[c].Fingerprint, err)
		}
	}
	return b, nil
}

// section reads, checks and unpacks a section.
func (f *File) section(s *section, b *Bucket) ([]byte, error) {
	stored := make([]byte, s.stored)
	if _, err := f.f.ReadAt(stored, s.at); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errShort
		}
		return nil, err
	}
	b.Bytes += int64(s.stored)
	if crc32.Checksum(stored, castagnoli) != s.crc {
		return nil, errors.New("wrong checksum")
	}
	if s.stored == s.plain {
		return stored, nil
	}
	z := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(z)
	plain, err := z.DecodeAll(stored, make([]byte, 0, min(s.plain, 1<<20)))
	if err == nil && len(plain) != s.plain {
		err = errShort
	}
	return plain, err
}

func (b *Bucket) readKeys(plain []byte, info *bucketInfo, h *Header) error {
	r := &reader{plain}
	perDay := value.DayMS / h.Step
	b.From = append(b.From, 0)
	for range info.keys {
		b.Keys = append(b.Keys, r.text())
		index := int64(-1)
		for n := range r.length() {
			d := int64(r.uvarint())
			if n > 0 && d <= 0 || d < 0 || d >= perDay {
				return errors.New("tiles out of order")
			}
			index = max(index, 0) + d
			if index >= perDay {
				return errors.New("a tile beyond the day")
			}
			b.Times = append(b.Times, h.Day*value.DayMS+index*h.Step)
		}
		b.From = append(b.From, int32(len(b.Times)))
	}
	if r.b == nil || len(r.b) != 0 || len(b.Times) != info.rows {
		return errShort
	}
	return nil
}

func (b *Bucket) readStates(plain []byte, rows int) error {
	r := &reader{plain}
	if rows > len(plain) {
		return errShort
	}
	states := make([][]byte, rows)
	for i := range states {
		states[i] = r.text()
	}
	if r.b == nil || len(r.b) != 0 {
		return errShort
	}
	b.States = append(b.States, states)
	return nil
}

// reader takes bytes apart from the front. Past the end, or after a number that is none, b is nil and everything is zero.
type reader struct{ b []byte }

func (r *reader) skip(n int) {
	if n <= 0 {
		r.b = nil
		return
	}
	r.b = r.b[n:]
}

func (r *reader) uvarint() uint64 {
	u, n := binary.Uvarint(r.b)
	r.skip(n)
	return u
}

func (r *reader) varint() int64 {
	u, n := binary.Varint(r.b)
	r.skip(n)
	return u
}

// count is a number that fits 31 bits.
func (r *reader) count() int {
	u := r.uvarint()
	if u >= 1<<31 {
		r.b = nil
		return 0
	}
	return int(u)
}

// length is the number of things that follow, each of at least a byte.
func (r *reader) length() int {
	n := r.count()
	if n > len(r.b) {
		r.b = nil
		return 0
	}
	return n
}

func (r *reader) text() []byte {
	n := r.length()
	if r.b == nil {
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) fixed() uint32 {
	if len(r.b) < 4 {
		r.b = nil
		return 0
	}
	u := binary.LittleEndian.Uint32(r.b)
	r.b = r.b[4:]
	return u
}

// maxSection bounds what a section may unpack to.
const maxSection = 1 << 30

var decoders = sync.Pool{New: func() any {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSection))
	if err != nil {
		panic(fmt.Sprintf("tiletable: %v", err)) // the options are constants
	}
	return z
}}
