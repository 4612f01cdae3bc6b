package eventlog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// A segment is a file of the write-ahead log, wal/<first sequence number>.wal, version 1; numbers are little-endian:
//
//	magic (its last byte is the version); length of the head (4 bytes); CRC-32C of the head (4 bytes); the head: first sequence number,
//	    the schema, the last offset of each partition before the segment
//	frames, each written and synced at once: frameMark (4), length of the body (4), sequence number of its first record (8), arrival (8),
//	    CRC-32C of the body (4), CRC-32C of these 28 bytes (4); the body: records (record.go)
//
// The head is staged and renamed, so that a segment has one. Frames only ever go to the last segment. A segment's records arrived within
// one hour, so that it is sealed as a whole. A reader of version N reads N−1 too; there is none before the first.
const (
	segmentMagic  = "BHevents\x01"
	segmentSuffix = ".wal"
	frameMark     = 0xb1c4e7f2
	frameHead     = 32
	maxHead       = 16 << 20
	maxBody       = 1 << 30
	sector        = 512 // what a disk writes whole
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is one file. path, base and schema do not change; the rest is the log's to guard.
type segment struct {
	path   string
	base   int64 // sequence number of its first record
	schema value.Schema
	end    int64 // sequence number behind its last
	bytes  int64 // up to the last whole frame
	hour   int64 // of arrival, in hours since the epoch; meaningless while the segment is empty
	before map[int32]int64
}

// hourOf is the hour since the epoch that a time in ms lies in.
func hourOf(ms int64) int64 { return value.FloorDiv(ms, 3_600_000) }

func segmentPath(dir string, base int64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", base, segmentSuffix))
}

// damaged says what is wrong, and where.
func damaged(path string, at int64, err error) error {
	return fmt.Errorf("%s at byte %d: %w: %w", path, at, err, ErrDamaged)
}

// createSegment makes an empty segment, durable.
func createSegment(dir string, base int64, schema value.Schema, positions map[int32]int64) (*segment, error) {
	head := binary.AppendUvarint(nil, uint64(base))
	head = binary.AppendUvarint(head, uint64(len(schema)))
	for _, f := range schema {
		head = appendText(appendText(head, f.Name), f.Type.String())
	}
	partitions := make([]int32, 0, len(positions))
	for p := range positions {
		partitions = append(partitions, p)
	}
	slices.Sort(partitions)
	head = binary.AppendUvarint(head, uint64(len(partitions)))
	for _, p := range partitions {
		head = binary.AppendVarint(binary.AppendVarint(head, int64(p)), positions[p])
	}
	b := binary.LittleEndian.AppendUint32([]byte(segmentMagic), uint32(len(head)))
	b = append(binary.LittleEndian.AppendUint32(b, crc32.Checksum(head, castagnoli)), head...)
	path := segmentPath(dir, base)
	staged, err := dataset.Stage(path)
	if err != nil {
		return nil, err
	}
	if _, err := staged.Write(b); err != nil {
		staged.Abort()
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	if err := staged.Commit(); err != nil {
		return nil, err
	}
	before := make(map[int32]int64, len(positions))
	for p, o := range positions {
		before[p] = o
	}
	return &segment{path: path, base: base, schema: schema, end: base, bytes: int64(len(b)), before: before}, nil
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// openSegment reads the head of a segment, and the hour of its first record. end and bytes are not known yet: they are its base and where
// its frames begin.
func openSegment(path string) (*segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fixed := make([]byte, len(segmentMagic)+8)
	if _, err := io.ReadFull(f, fixed); err != nil {
		return nil, unreadable(path, 0, err)
	}
	version := len(segmentMagic) - 1
	if string(fixed[:version]) != segmentMagic[:version] {
		return nil, damaged(path, 0, errors.New("it is no file of an event log"))
	}
	if fixed[version] != segmentMagic[version] {
		return nil, fmt.Errorf("%s is of version %d, and this bighead reads %d: use the bighead that wrote it", path, fixed[version], segmentMagic[version])
	}
	n := binary.LittleEndian.Uint32(fixed[version+1:])
	if n > maxHead {
		return nil, damaged(path, 0, errors.New("the length of its head"))
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, unreadable(path, int64(len(fixed)), err)
	}
	if crc32.Checksum(head, castagnoli) != binary.LittleEndian.Uint32(fixed[version+5:]) {
		return nil, damaged(path, 0, errors.New("wrong checksum of its head"))
	}
	s := &segment{path: path, bytes: int64(len(fixed)) + int64(n)}
	if err := s.parseHead(head); err != nil {
		return nil, damaged(path, 0, err)
	}
	if filepath.Base(path) != filepath.Base(segmentPath("", s.base)) {
		return nil, damaged(path, 0, fmt.Errorf("it begins with record %d, which its name does not say", s.base))
	}
	var first [frameHead]byte
	if _, err := f.ReadAt(first[:], s.bytes); err == nil {
		if h, ok := parseFrameHead(first[:]); ok {
			s.hour = hourOf(h.arrival)
		}
	}
	return s, nil
}

func (s *segment) parseHead(b []byte) error {
	r := reading{b: b}
	s.base = int64(r.uvarint())
	for range min(r.uvarint(), uint64(len(b))) {
		name, text := r.text(), r.text()
		if r.err != nil {
			break
		}
		t, err := value.ParseType(text)
		if err != nil && text == value.Null.String() {
			err = nil
		}
		if err != nil {
			return err
		}
		s.schema = append(s.schema, value.Field{Name: name, Type: t})
	}
	s.before = map[int32]int64{}
	for range min(r.uvarint(), uint64(len(b))) {
		p := r.varint()
		s.before[int32(p)] = r.varint()
	}
	if r.err == nil && len(r.b) > 0 || s.base < 1 {
		return errors.New("its head")
	}
	s.end = s.base
	return r.err
}

// unreadable tells a file that is too short from a disk that cannot be read.
func unreadable(path string, at int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged(path, at, errShort)
	}
	return fmt.Errorf("read %s: %w", path, err)
}

type frame struct {
	length  int
	first   int64
	arrival int64
	crc     uint32
}

// sealFrame fills in the head of a frame whose body stands behind room for it.
func sealFrame(b []byte, first, arrival int64) {
	binary.LittleEndian.PutUint32(b, frameMark)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-frameHead))
	binary.LittleEndian.PutUint64(b[8:], uint64(first))
	binary.LittleEndian.PutUint64(b[16:], uint64(arrival))
	binary.LittleEndian.PutUint32(b[24:], crc32.Checksum(b[frameHead:], castagnoli))
	binary.LittleEndian.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
}

// parseFrameHead reads a frame's head; false: these bytes are none.
func parseFrameHead(b []byte) (frame, bool) {
	h := frame{int(binary.LittleEndian.Uint32(b[4:])), int64(binary.LittleEndian.Uint64(b[8:])), int64(binary.LittleEndian.Uint64(b[16:])), binary.LittleEndian.Uint32(b[24:])}
	ok := binary.LittleEndian.Uint32(b) == frameMark && crc32.Checksum(b[:28], castagnoli) == binary.LittleEndian.Uint32(b[28:]) && h.length <= maxBody
	return h, ok
}

// frames reads the frames of a segment up to a place in it.
type frames struct {
	seg  *segment
	file *os.File
	in   *bufio.Reader
	at   int64 // of the next frame
	till int64 // where reading ends: behind a whole frame
	read int64 // from the file so far
	next int64 // sequence number of the next record
	body []byte
}

func (s *segment) frames(till int64) (*frames, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	fixed := make([]byte, len(segmentMagic)+4)
	if _, err := f.ReadAt(fixed, 0); err != nil {
		f.Close()
		return nil, unreadable(s.path, 0, err)
	}
	start := int64(len(segmentMagic)) + 8 + int64(binary.LittleEndian.Uint32(fixed[len(segmentMagic):]))
	r := &frames{seg: s, file: f, at: start, read: start, till: till, next: s.base}
	r.in = bufio.NewReaderSize(fileTill{r}, 1<<18)
	return r, nil
}

// fileTill gives the file's bytes before till, which may move on between reads.
type fileTill struct{ r *frames }

func (t fileTill) Read(p []byte) (int, error) {
	if t.r.read >= t.r.till {
		return 0, io.EOF
	}
	n, err := t.r.file.ReadAt(p[:min(int64(len(p)), t.r.till-t.r.read)], t.r.read)
	t.r.read += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Next reads a frame; its body is good until the next call. io.EOF: there is none before till.
func (r *frames) Next() (frame, *reading, error) {
	if r.at >= r.till {
		return frame{}, nil, io.EOF
	}
	var b [frameHead]byte
	if _, err := io.ReadFull(r.in, b[:]); err != nil {
		return frame{}, nil, unreadable(r.seg.path, r.at, err)
	}
	h, ok := parseFrameHead(b[:])
	if !ok {
		return h, nil, damaged(r.seg.path, r.at, errors.New("no frame begins there"))
	}
	if h.first != r.next {
		return h, nil, damaged(r.seg.path, r.at, fmt.Errorf("record %d where %d should be", h.first, r.next))
	}
	if int64(h.length) > r.till-r.at-frameHead {
		return h, nil, damaged(r.seg.path, r.at, errShort)
	}
	r.body = slices.Grow(r.body[:0], h.length)[:h.length]
	if _, err := io.ReadFull(r.in, r.body); err != nil {
		return h, nil, unreadable(r.seg.path, r.at, err)
	}
	if crc32.Checksum(r.body, castagnoli) != h.crc {
		return h, nil, damaged(r.seg.path, r.at, errors.New("wrong checksum"))
	}
	return h, &reading{b: r.body}, nil
}

// done says that the frame that Next gave is behind us: it had so many records.
func (r *frames) done(h frame, records int64) {
	r.at += frameHead + int64(h.length)
	r.next += records
}

// each calls f with every record of the frames that are left, its sequence number and arrival filled in.
func (r *frames) each(f func(h *head) error) error {
	for {
		h, body, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		n := int64(0)
		for len(body.b) > 0 && body.err == nil {
			rec := body.record()
			rec.Sequence, rec.Arrival = h.first+n, h.arrival
			if body.err == nil {
				if err := f(&rec); err != nil {
					return err
				}
				n++
			}
		}
		if body.err != nil {
			return damaged(r.seg.path, r.at, body.err)
		}
		r.done(h, n)
	}
}

func (r *frames) Close() { r.file.Close() }

// torn decides what a place is from which on a last segment cannot be read: the end that a crash tore, which nobody was told of, or
// damage. What a process that was killed leaves is the beginning of a frame. What a machine without power leaves may be as long as it should
// and hold sectors of zeros. Anything else, and anything that a whole frame follows, was written and synced, and is no longer what it was.
func torn(path string, at int64) (bool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	rest := b[at:]
	if len(rest) < frameHead {
		return true, nil
	}
	h, ok := parseFrameHead(rest)
	if ok && len(rest)-frameHead < h.length {
		return true, nil
	}
	var mark [4]byte
	binary.LittleEndian.PutUint32(mark[:], frameMark)
	for from := 1; ; from++ {
		i := bytes.Index(rest[from:], mark[:])
		if i < 0 {
			break
		}
		from += i
		if len(rest)-from >= frameHead {
			h, ok := parseFrameHead(rest[from:])
			if ok && len(rest)-from-frameHead >= h.length && crc32.Checksum(rest[from+frameHead:from+frameHead+h.length], castagnoli) == h.crc {
				return false, nil
			}
		}
	}
	zeros := make([]byte, sector)
	for i := value.FloorDiv(at, sector) * sector; i < int64(len(b)); i += sector {
		piece := b[max(i, at):min(i+sector, int64(len(b)))]
		if bytes.Equal(piece, zeros[:len(piece)]) {
			return true, nil
		}
	}
	return false, nil
}

// listSegments are the segments of a folder, oldest first, each with its end but the last, whose frames have to be read for it.
func listSegments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []*segment
	for _, e := range entries { // by name, which is by sequence number
		text, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if _, err := strconv.ParseInt(text, 10, 64); !ok || err != nil {
			continue
		}
		s, err := openSegment(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if len(out) > 0 {
			out[len(out)-1].end = s.base
			if err := out[len(out)-1].stat(); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// stat takes the file's size for where its frames end, which it is of a segment that another follows.
func (s *segment) stat() error {
	info, err := os.Stat(s.path)
	if err == nil {
		s.bytes = info.Size()
	}
	return err
}
