package text

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// source is a file on disk, decompressed by its extension.
type source struct {
	path     string
	size     int64
	modified time.Time
}

func newSource(path string) (source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return source{}, err
	}
	return source{path, info.Size(), info.ModTime()}, nil
}

// stream is an opened source; it counts the bytes that are read from disk.
type stream struct {
	io.Reader
	file  *os.File
	zstd  *zstd.Decoder
	count *int64
}

func (s source) open(count *int64) (*stream, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	st := &stream{file: f, count: count}
	info, err := f.Stat()
	if err == nil && (info.Size() != s.size || !info.ModTime().Equal(s.modified)) {
		err = fmt.Errorf("%s was changed while it was read; start again once its writer is done", s.path)
	}
	if err == nil {
		err = st.decompress(s.path)
	}
	if err != nil {
		st.close()
		return nil, err
	}
	return st, nil
}

func (st *stream) decompress(path string) (err error) {
	counted := countingReader{st.file, st.count}
	st.Reader = counted
	switch name := strings.ToLower(path); {
	case strings.HasSuffix(name, ".gz"):
		st.Reader, err = gzip.NewReader(counted)
	case strings.HasSuffix(name, ".zst"):
		st.zstd, err = zstd.NewReader(counted, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		st.Reader = st.zstd
	}
	if err != nil {
		return fmt.Errorf("%s: %w; does its extension tell the truth?", path, err)
	}
	return nil
}

func (st *stream) close() {
	if st.zstd != nil {
		st.zstd.Close()
	}
	st.file.Close()
}

type countingReader struct {
	r io.Reader
	n *int64
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	return n, err
}

// textFile is what CSV and NDJSON files have in common as a dataset.File: one group, no metadata.
type textFile struct {
	source
	schema  value.Schema
	options dataset.Options
}

func (f *textFile) Schema() value.Schema        { return f.schema }
func (f *textFile) Warnings() []dataset.Warning { return nil }
func (f *textFile) Metadata() dataset.Metadata  { return dataset.Metadata{} }
func (f *textFile) Groups() []dataset.Group     { return []dataset.Group{{Rows: -1}} }

// expanded is about how many bytes the text has: what a compressed file becomes is not known.
func (s source) expanded() int64 {
	if strings.HasSuffix(strings.ToLower(s.path), ".gz") || strings.HasSuffix(strings.ToLower(s.path), ".zst") {
		return 1 << 40
	}
	return s.size
}

// settled is the declared schema with the integers that have a unit of time as timestamps.
func settled(s value.Schema, o dataset.Options) value.Schema {
	out := append(value.Schema(nil), s...)
	for i, f := range out {
		if o.TimeUnits[f.Name] != "" && f.Type.Kind == value.KindInt {
			out[i].Type = value.Timestamp
		}
	}
	return out
}

// shown is a cell as errors print it: cut, and not at all where the column is personal.
func (f *textFile) shown(column string, cell []byte) string {
	for _, p := range f.options.Personal {
		if p == column {
			return "a cell"
		}
	}
	if len(cell) > 40 {
		return fmt.Sprintf("%q…", cell[:40])
	}
	return fmt.Sprintf("%q", cell)
}

// rowsOut gathers cells into batches and hands them over.
type rowsOut struct {
	builders []*cell.Builder
	schema   value.Schema
	size     int // rows of a batch
	n        int // rows in the open batch
	counts   *dataset.Counts
	emit     func(*value.Batch) error
}

func (f *textFile) newRows(columns []int, size int, counts *dataset.Counts, emit func(*value.Batch) error) *rowsOut {
	r := &rowsOut{schema: f.columns(columns), size: f.batchRows(size), counts: counts, emit: emit}
	for _, c := range columns {
		r.builders = append(r.builders, cell.New(f.schema[c], dataset.UnitOf(f.options.TimeUnits[f.schema[c].Name])))
	}
	return r
}

// columns are those at the indexes.
func (f *textFile) columns(at []int) value.Schema {
	out := make(value.Schema, len(at))
	for i, c := range at {
		out[i] = f.schema[c]
	}
	return out
}

// batchRows is how many rows a batch of at most n has room for. A row takes at least two bytes, so that a small file needs no columns of
// full size.
func (s source) batchRows(n int) int { return int(min(int64(n), s.expanded()/2+1)) }

// begin makes room for a row.
func (r *rowsOut) begin() {
	if r.n > 0 {
		return
	}
	for _, b := range r.builders {
		b.Begin(r.size)
	}
}

// row ends a row, all of whose cells were added.
func (r *rowsOut) row() error {
	r.n++
	if r.n < r.size {
		return nil
	}
	return r.flush()
}

func (r *rowsOut) flush() error {
	if r.n == 0 {
		return nil
	}
	b := &value.Batch{Schema: r.schema, N: r.n, Columns: make([]*value.Column, len(r.builders))}
	for i, builder := range r.builders {
		b.Columns[i] = builder.Finish(r.counts)
	}
	r.n = 0
	return r.emit(b)
}
