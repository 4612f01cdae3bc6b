package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet/format"
	"github.com/bighead-ml/bighead/value"
)

// defaultGroupRows and groupBytes end a row group, whichever comes first.
const (
	defaultGroupRows = 1 << 20
	groupBytes       = 128 << 20
)

// Encode starts a Parquet file. Columns are nullable; timestamps are TIMESTAMP(MILLIS, UTC), lists and maps have the three levels of
// the standard. Integers, times and dates are DELTA_BINARY_PACKED, strings dictionary-encoded, floats plain.
func (Format) Encode(w io.Writer, s value.Schema, m dataset.Metadata, o dataset.WriteOptions) (dataset.Encoder, error) {
	e := &encoder{w: w, schema: s, metadata: m, groupRows: o.RowGroupRows, parallel: o.Parallel, pause: o.Pause}
	if e.groupRows <= 0 {
		e.groupRows = defaultGroupRows
	}
	if e.parallel <= 0 {
		e.parallel = runtime.GOMAXPROCS(0)
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("a Parquet file needs at least one column")
	}
	for _, f := range s {
		c, err := newShredder(f, o.Compression)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		e.columns = append(e.columns, c)
		e.leaves = append(e.leaves, c.leaves...)
	}
	return e, e.put([]byte("PAR1"))
}

type encoder struct {
	w         io.Writer
	schema    value.Schema
	metadata  dataset.Metadata
	groupRows int
	parallel  int
	pause     func() // nil: there is none
	columns   []*shredder
	leaves    []*leafWriter
	offset    int64
	rows      int64 // of the open row group
	total     int64
	groups    []writtenGroup
}

type writtenGroup struct {
	rows   int64
	at     int64
	chunks []writtenChunk
}

type writtenChunk struct {
	dict, data       int64 // offsets; dict 0: none
	compressed, size int64
	values, nulls    int64
	coded, uncoded   bool
	codec            int32
	statMin, statMax string
	haveStat         bool
}

func (e *encoder) put(b []byte) error {
	n, err := e.w.Write(b)
	e.offset += int64(n)
	return err
}

// Write adds a batch, cut where a row group ends.
func (e *encoder) Write(b *value.Batch) error {
	for at := 0; at < b.N; {
		to := min(b.N, at+e.groupRows-int(e.rows))
		err := e.each(func(i int) error { return e.columns[i].add(b.Columns[i], at, to) }, (to-at)*len(e.columns))
		if err != nil {
			return err
		}
		e.rows += int64(to - at)
		at = to
		buffered := 0
		for _, l := range e.leaves {
			buffered += l.held + len(l.dictText)
		}
		if int(e.rows) >= e.groupRows || buffered > groupBytes {
			if err := e.endGroup(); err != nil {
				return err
			}
		}
	}
	return nil
}

// each runs f for each column, on several goroutines where there is enough to do. The error is that of the first column.
func (e *encoder) each(f func(i int) error, cells int) error {
	workers := min(e.parallel, len(e.columns))
	if cells < 1<<14 {
		workers = 1
	}
	errs := make([]error, len(e.columns))
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(errs) {
				return
			}
			errs[i] = f(i)
			if e.pause != nil {
				e.pause()
			}
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// endGroup writes the open row group.
func (e *encoder) endGroup() error {
	if e.rows == 0 {
		return nil
	}
	dictionaries := make([][]byte, len(e.leaves))
	first := make([]int, len(e.columns)) // each column's first leaf
	for i := 1; i < len(first); i++ {
		first[i] = first[i-1] + len(e.columns[i-1].leaves)
	}
	err := e.each(func(i int) (err error) {
		for j, l := range e.columns[i].leaves {
			if dictionaries[first[i]+j], err = l.finish(); err != nil {
				return err
			}
		}
		return nil
	}, math.MaxInt)
	if err != nil {
		return err
	}
	g := writtenGroup{rows: e.rows, at: e.offset}
	for i, l := range e.leaves {
		c := writtenChunk{values: l.values, nulls: l.nulls, size: l.size, codec: l.codec, coded: l.coded, uncoded: l.uncoded,
			compressed: int64(len(dictionaries[i]) + l.held)}
		c.statMin, c.statMax, c.haveStat = l.statistics()
		if dictionaries[i] != nil {
			c.dict = e.offset
		}
		if err := e.put(dictionaries[i]); err != nil {
			return err
		}
		c.data = e.offset
		for _, page := range l.pages {
			if err := e.put(page); err != nil {
				return err
			}
		}
		g.chunks = append(g.chunks, c)
		l.reset()
	}
	e.groups = append(e.groups, g)
	e.total += e.rows
	e.rows = 0
	return nil
}

// Close writes the last row group and the footer.
func (e *encoder) Close() error {
	if err := e.endGroup(); err != nil {
		return err
	}
	foot := e.footer()
	addSum(foot)
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(foot)))
	for _, l := range e.leaves {
		l.release()
	}
	return e.put(append(foot, "PAR1"...))
}

func (e *encoder) footer() []byte {
	t := &format.Writer{}
	t.Begin()
	t.I32(1, 2)
	elements := 1
	for _, c := range e.columns {
		elements += c.elements()
	}
	t.List(2, format.TStruct, elements)
	t.Begin()
	t.Binary(4, "schema")
	t.I32(5, int32(len(e.columns)))
	t.End()
	for _, c := range e.columns {
		c.writeSchema(t)
	}
	t.I64(3, e.total)
	t.List(4, format.TStruct, len(e.groups))
	for i := range e.groups {
		e.group(t, i)
	}
	if pairs := e.metadata.Pairs(); len(pairs) > 0 {
		t.List(5, format.TStruct, len(pairs))
		for _, k := range slices.Sorted(maps.Keys(pairs)) {
			t.Begin()
			t.Binary(1, k)
			t.Binary(2, pairs[k])
			t.End()
		}
	}
	t.Binary(6, createdBy(noSum))
	t.List(7, format.TStruct, len(e.leaves)) // each column's statistics are in its type's own order
	for range e.leaves {
		t.Begin()
		t.Structure(1, func() {})
		t.End()
	}
	t.End()
	return t.Bytes()
}

func (e *encoder) group(t *format.Writer, i int) {
	g := &e.groups[i]
	size, compressed := int64(0), int64(0)
	t.Begin()
	t.List(1, format.TStruct, len(g.chunks))
	for j := range g.chunks {
		size, compressed = size+g.chunks[j].size, compressed+g.chunks[j].compressed
		e.chunk(t, &g.chunks[j], e.leaves[j])
	}
	t.I64(2, size)
	t.I64(3, g.rows)
	t.I64(5, g.at)
	t.I64(6, compressed)
	t.I16(7, int16(i))
	t.End()
}

func (e *encoder) chunk(t *format.Writer, c *writtenChunk, l *leafWriter) {
	t.Begin()
	t.I64(2, 0) // no metadata of its own beside the footer's
	t.Structure(3, func() {
		t.I32(1, int32(l.physical()))
		encodings := l.encodings(c)
		t.List(2, format.TI32, len(encodings))
		for _, x := range encodings {
			t.Varint(int64(x))
		}
		t.List(3, format.TBinary, len(l.path))
		for _, p := range l.path {
			t.Text(p)
		}
		t.I32(4, c.codec)
		t.I64(5, c.values)
		t.I64(6, c.size)
		t.I64(7, c.compressed)
		t.I64(9, c.data)
		if c.dict > 0 {
			t.I64(11, c.dict)
		}
		t.Structure(12, func() {
			t.I64(3, c.nulls)
			if c.haveStat {
				t.Binary(5, c.statMax)
				t.Binary(6, c.statMin)
			}
		})
	})
	t.End()
}

func (l *leafWriter) physical() format.Physical {
	switch l.kind {
	case value.KindBool:
		return format.Boolean
	case value.KindDate:
		return format.Int32
	case value.KindFloat:
		return format.Double
	case value.KindString, value.KindBytes:
		return format.ByteArray
	}
	return format.Int64
}

func (l *leafWriter) encodings(c *writtenChunk) []int {
	out := []int{format.EncRLE}
	if c.coded {
		out = append(out, format.EncPlain, format.EncDict)
	} else if c.uncoded && l.physical() != format.Int64 && l.physical() != format.Int32 {
		out = append(out, format.EncPlain)
	}
	if c.uncoded && (l.physical() == format.Int64 || l.physical() == format.Int32) {
		out = append(out, format.EncDelta)
	}
	return out
}

// maxStatistic is how long a string may be to stand in the footer.
const maxStatistic = 256

// statistics are the chunk's least and greatest value, as PLAIN without a length.
func (l *leafWriter) statistics() (least, most string, ok bool) {
	s := &l.stats
	if !s.any {
		return "", "", false
	}
	switch l.physical() {
	case format.Boolean:
		return string([]byte{byte(s.minInt)}), string([]byte{byte(s.maxInt)}), true
	case format.Int32:
		return le(uint64(s.minInt), 4), le(uint64(s.maxInt), 4), true
	case format.Int64:
		return le(uint64(s.minInt), 8), le(uint64(s.maxInt), 8), true
	case format.Double:
		lo, hi := math.Float64bits(s.minF), math.Float64bits(s.maxF)
		if s.minF == 0 {
			lo = 1 << 63 // the format wants −0 as a least zero
		}
		return le(lo, 8), le(hi, 8), true
	}
	if len(s.minS) > maxStatistic || len(s.maxS) > maxStatistic {
		return "", "", false
	}
	return s.minS, s.maxS, true
}

func le(u uint64, n int) string {
	return string(binary.LittleEndian.AppendUint64(nil, u)[:n])
}
