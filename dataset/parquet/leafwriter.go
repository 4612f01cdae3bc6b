package parquet

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/bighead-ml/bighead/dataset/parquet/coding"
	"github.com/bighead-ml/bighead/dataset/parquet/format"
	"github.com/bighead-ml/bighead/value"
)

// Sizes of what is written: a page ends when it has so many entries or bytes, a dictionary is given up when it is larger.
const (
	pageEntries    = 1 << 16
	pageBytes      = 1 << 20
	dictionaryMost = 1 << 20
)

// leafWriter encodes one leaf column: entries go into the open page, full pages into the chunk's bytes, the chunk to the file when
// its row group ends.
type leafWriter struct {
	path           []string
	kind           value.Kind
	maxDef, maxRep int
	compress       func(dst, src []byte) ([]byte, error)
	codec          int32

	// The open page.
	*room
	entries int
	levels  bool // there are defs: an entry is not there, or the leaf is not flat

	// The chunk.
	coding  bool // by the dictionary: there is one for the column, and it was not given up
	dictN   int
	pages   [][]byte
	held    int // bytes of the pages
	values  int64
	nulls   int64
	size    int64 // of the pages, decompressed, headers included
	coded   bool  // some page has codes
	uncoded bool  // some page has none
	stats   leafStats
}

// room is memory of a leafWriter, which writers of other files use after it: small files of many columns, written one after the other, are
// otherwise made of it.
type room struct {
	defs   []byte
	reps   []byte
	ints   []int64
	floats []float64
	bools  []bool
	codes  []uint32
	text   []byte // PLAIN byte strings, once the dictionary is given up

	dict     map[string]uint32
	dictText []byte
}

// rooms are those that nobody uses, by the kind of column, for each needs other parts.
var rooms [value.KindStruct + 1]sync.Pool

func roomFor(k value.Kind) *room {
	if r, ok := rooms[k].Get().(*room); ok {
		return r
	}
	return &room{dict: map[string]uint32{}}
}

// release lets the writer's memory go; all its pages are closed, and it is of no use after it.
func (w *leafWriter) release() {
	w.reset()
	rooms[w.kind].Put(w.room)
	w.room = nil
}

// scratch is what a page is encoded and compressed in.
type scratch struct{ plain, packed []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// leafStats are the least and greatest value of a chunk.
type leafStats struct {
	any            bool
	minInt, maxInt int64
	minF, maxF     float64
	minS, maxS     string
}

func (w *leafWriter) reset() {
	clear(w.dict)
	w.dictText, w.dictN = w.dictText[:0], 0
	w.coding = w.kind == value.KindString || w.kind == value.KindBytes
	w.pages, w.held, w.values, w.nulls, w.size, w.coded, w.uncoded, w.stats = nil, 0, 0, 0, 0, false, false, leafStats{}
}

// null adds entries that are not there.
func (w *leafWriter) null(def, rep byte) {
	w.entry(def, rep)
	w.nulls++
}

// entry adds levels; where def is full a value follows.
func (w *leafWriter) entry(def, rep byte) {
	if w.maxDef > 1 || w.maxRep > 0 || def < byte(w.maxDef) {
		w.fillDefs()
	}
	if w.levels {
		w.defs = append(w.defs, def)
	}
	if w.maxRep > 0 {
		w.reps = append(w.reps, rep)
	}
	w.entries++
}

// fillDefs writes out the levels that were full so far.
func (w *leafWriter) fillDefs() {
	if w.levels {
		return
	}
	w.levels, w.defs = true, w.defs[:0]
	for range w.entries {
		w.defs = append(w.defs, byte(w.maxDef))
	}
}

// value adds the value of the entry just made.
func (w *leafWriter) value(v value.Value) {
	switch w.kind {
	case value.KindBool:
		w.addBools(v.Bool())
	case value.KindFloat:
		w.addFloats(v.Float())
	case value.KindString, value.KindBytes:
		w.addText(v.Str())
	default:
		w.addInts(v.Int())
	}
}

// column adds rows [at, end) of a flat column.
func (w *leafWriter) column(c *value.Column, at, end int) error {
	for at < end {
		to := min(end, at+pageEntries-w.entries)
		if c.Strs != nil {
			to = cutText(c.Strs, at, to)
		}
		w.rows(c, at, to)
		at = to
		if err := w.endPage(); err != nil {
			return err
		}
	}
	return nil
}

// cutText ends a part where its strings would make a page too long; it has at least one.
func cutText(strs []string, at, to int) int {
	size := 0
	for i := at; i < to; i++ {
		if size += len(strs[i]); size > pageBytes {
			return i + 1
		}
	}
	return to
}

func (w *leafWriter) rows(c *value.Column, at, to int) {
	if c.Nulls == nil {
		if w.levels {
			for range to - at {
				w.defs = append(w.defs, 1)
			}
		}
		w.entries += to - at
		w.dense(c, at, to)
		return
	}
	w.fillDefs()
	for i := at; i < to; { // stretches alike at once
		null, from := c.Nulls.Get(i), i
		for i < to && c.Nulls.Get(i) == null {
			i++
		}
		def := byte(1)
		if null {
			def = 0
			w.nulls += int64(i - from)
		} else {
			w.dense(c, from, i)
		}
		for range i - from {
			w.defs = append(w.defs, def)
		}
	}
	w.entries += to - at
}

func (w *leafWriter) dense(c *value.Column, from, to int) {
	switch w.kind {
	case value.KindBool:
		w.addBools(c.Bools[from:to]...)
	case value.KindFloat:
		w.addFloats(c.Floats[from:to]...)
	case value.KindString, value.KindBytes:
		for _, s := range c.Strs[from:to] {
			w.addText(s)
		}
	default:
		w.addInts(c.Ints[from:to]...)
	}
}

func (w *leafWriter) addBools(xs ...bool) {
	w.bools = append(w.bools, xs...)
	for _, x := range xs {
		i := int64(0)
		if x {
			i = 1
		}
		w.stats.int(i)
	}
}

func (w *leafWriter) addInts(xs ...int64) {
	w.ints = append(w.ints, xs...)
	for _, x := range xs {
		w.stats.int(x)
	}
}

func (w *leafWriter) addFloats(xs ...float64) {
	w.floats = append(w.floats, xs...)
	s := &w.stats
	for _, x := range xs {
		if !s.any {
			s.any, s.minF, s.maxF = true, x, x
		}
		s.minF, s.maxF = min(s.minF, x), max(s.maxF, x)
	}
}

func (w *leafWriter) addText(x string) {
	if !w.coding {
		w.stats.Text(x)
		w.text = append(binary.LittleEndian.AppendUint32(w.text, uint32(len(x))), x...)
		return
	}
	code, ok := w.dict[x]
	if !ok {
		x = strings.Clone(x) // it may be a view of something large
		code = uint32(w.dictN)
		w.dict[x] = code
		w.dictN++
		w.dictText = append(binary.LittleEndian.AppendUint32(w.dictText, uint32(len(x))), x...)
		w.stats.Text(x)
	}
	w.codes = append(w.codes, code)
}

func (s *leafStats) int(x int64) {
	if !s.any {
		s.any, s.minInt, s.maxInt = true, x, x
	}
	s.minInt, s.maxInt = min(s.minInt, x), max(s.maxInt, x)
}

func (s *leafStats) Text(x string) {
	if !s.any {
		s.any, s.minS, s.maxS = true, strings.Clone(x), strings.Clone(x)
		return
	}
	if x < s.minS {
		s.minS = strings.Clone(x)
	}
	if x > s.maxS {
		s.maxS = strings.Clone(x)
	}
}

// full reports whether the open page should end. A dictionary that has grown too large ends it too, and is then given up.
func (w *leafWriter) full() bool {
	return w.entries >= pageEntries || len(w.text) >= pageBytes || w.coding && len(w.dictText) > dictionaryMost
}

// endPage closes the open page if it is full. It may only be called between rows.
func (w *leafWriter) endPage() error {
	if !w.full() {
		return nil
	}
	return w.closePage()
}

// closePage encodes the open page into the chunk.
func (w *leafWriter) closePage() error {
	if w.entries == 0 {
		return nil
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	b := s.plain[:0]
	if w.maxRep > 0 {
		b = appendLevels(b, w.reps, w.maxRep)
	}
	if !w.levels {
		b = appendFull(b, w.entries, w.maxDef)
	} else {
		b = appendLevels(b, w.defs, w.maxDef)
	}
	encoding := int32(format.EncPlain)
	switch {
	case w.coding:
		encoding = format.EncDict
		width := uint(bits.Len(uint(max(w.dictN-1, 0))))
		b = coding.AppendHybrid(append(b, byte(width)), w.codes, width)
	case w.kind == value.KindBool:
		b = coding.AppendBools(b, w.bools)
	case w.kind == value.KindFloat:
		for _, f := range w.floats {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
		}
	case w.kind == value.KindString || w.kind == value.KindBytes:
		b = append(b, w.text...)
	default:
		encoding = format.EncDelta
		b = coding.AppendDelta(b, w.ints)
	}
	s.plain = b
	err := w.addPage(format.DataPage, encoding, w.entries, b)
	w.values += int64(w.entries)
	w.coded, w.uncoded = w.coded || w.coding, w.uncoded || !w.coding
	if len(w.dictText) > dictionaryMost {
		w.coding = false // pages so far keep their codes
		clear(w.dict)
	}
	w.entries, w.levels, w.defs, w.reps = 0, false, w.defs[:0], w.reps[:0]
	w.ints, w.floats, w.bools, w.codes, w.text = w.ints[:0], w.floats[:0], w.bools[:0], w.codes[:0], w.text[:0]
	return err
}

// appendLevels adds levels after their length in 4 bytes.
func appendLevels(dst, levels []byte, most int) []byte {
	at := len(dst)
	dst = coding.AppendHybrid(append(dst, 0, 0, 0, 0), levels, coding.LevelWidth(most))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// appendFull adds n levels that are all full.
func appendFull(dst []byte, n, most int) []byte {
	at := len(dst)
	dst = binary.AppendUvarint(append(dst, 0, 0, 0, 0), uint64(n)<<1)
	dst = append(dst, byte(most))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// addPage compresses a page and adds it to the chunk.
func (w *leafWriter) addPage(kind, encoding int32, n int, b []byte) error {
	if len(b) > math.MaxInt32 {
		return fmt.Errorf("column %s: a page of %d bytes; a value is too long for Parquet", strings.Join(w.path, "."), len(b))
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	packed, err := w.compress(s.packed[:0], b)
	if err != nil {
		return err
	}
	s.packed = packed
	header := pageHeaderBytes(kind, encoding, n, len(b), packed)
	w.pages = append(w.pages, slices.Concat(header, packed))
	w.held += len(header) + len(packed)
	w.size += int64(len(header) + len(b))
	return nil
}

func pageHeaderBytes(kind, encoding int32, n, size int, packed []byte) []byte {
	t := format.Writer{}
	t.Begin()
	t.I32(1, kind)
	t.I32(2, int32(size))
	t.I32(3, int32(len(packed)))
	t.I32(4, int32(crc32.ChecksumIEEE(packed)))
	if kind == format.DictionaryPage {
		t.Structure(7, func() {
			t.I32(1, int32(n))
			t.I32(2, format.EncPlain)
		})
	} else {
		t.Structure(5, func() {
			t.I32(1, int32(n))
			t.I32(2, encoding)
			t.I32(3, format.EncRLE)
			t.I32(4, format.EncRLE)
		})
	}
	t.End()
	return t.Bytes()
}

// finish closes the last page and gives the chunk's pages: those of data, and the dictionary's, which come before them in the file.
func (w *leafWriter) finish() (dictionary []byte, err error) {
	if err := w.closePage(); err != nil || !w.coded {
		return nil, err
	}
	if err := w.addPage(format.DictionaryPage, format.EncPlain, w.dictN, w.dictText); err != nil {
		return nil, err
	}
	last := len(w.pages) - 1
	dictionary = w.pages[last]
	w.pages, w.held = w.pages[:last], w.held-len(dictionary)
	return dictionary, nil
}

// The encoders of all columns of all files: each is tables of hundreds of kilobytes, which small files of many columns would make anew.
var (
	zstdOfAll    = sync.OnceValues(func() (*zstd.Encoder, error) { return newZstd(false) })
	zstdOfFloats = sync.OnceValues(func() (*zstd.Encoder, error) { return newZstd(true) })
)

func newZstd(floats bool) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithNoEntropyCompression(floats))
}

// compressor chooses a codec by its name. Of floats zstd looks for what comes again and does not code their bytes by how frequent they are:
// most of them are noise, and that took a fifth of the time for a thirtieth of the size.
func compressor(name string, kind value.Kind) (codec int32, compress func(dst, src []byte) ([]byte, error), err error) {
	switch name {
	case "", "zstd":
		shared := zstdOfAll
		if kind == value.KindFloat {
			shared = zstdOfFloats
		}
		e, err := shared()
		if err != nil {
			return 0, nil, err
		}
		return coding.CodecZstd, func(dst, src []byte) ([]byte, error) { return e.EncodeAll(src, dst), nil }, nil
	case "snappy":
		return coding.CodecSnappy, func(dst, src []byte) ([]byte, error) { return snappy.Encode(dst[:cap(dst)], src), nil }, nil
	case "none":
		return coding.CodecNone, func(dst, src []byte) ([]byte, error) { return append(dst, src...), nil }, nil
	case "gzip":
		g := gzip.NewWriter(nil)
		return coding.CodecGzip, func(dst, src []byte) ([]byte, error) {
			out := appender{dst}
			g.Reset(&out)
			if _, err := g.Write(src); err != nil {
				return nil, err
			}
			err := g.Close()
			return out.b, err
		}, nil
	}
	return 0, nil, fmt.Errorf("compression %q: choose zstd, snappy, gzip or none", name)
}

// appender is a byte slice as an io.Writer.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
