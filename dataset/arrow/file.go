package arrow

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Format is the Arrow IPC file as a dataset.Format.
type Format struct{}

// Name is "arrow".
func (Format) Name() string { return "arrow" }

// Extensions are those of IPC files.
func (Format) Extensions() []string { return []string{".arrow", ".feather", ".ipc"} }

// Open reads the schema of a file or stream.
func (Format) Open(_ context.Context, path string, o dataset.Options) (dataset.File, error) {
	return open(path, o)
}

// Stream is the Arrow IPC stream as a dataset.Format: it can be written to a pipe and read as it comes.
type Stream struct{}

// Name is "arrow-stream".
func (Stream) Name() string { return "arrow-stream" }

// Extensions are those of IPC streams.
func (Stream) Extensions() []string { return []string{".arrows"} }

// Open reads the schema of a file or stream.
func (Stream) Open(_ context.Context, path string, o dataset.Options) (dataset.File, error) {
	return open(path, o)
}

type file struct {
	path     string
	size     int64
	modified time.Time
	begin    int64 // of the stream in the file
	end      int64
	places   []int // of our columns among the fields
	schema   value.Schema
	units    []dataset.Unit
	warnings []dataset.Warning
	metadata dataset.Metadata
	groups   []dataset.Group
}

func (f *file) Schema() value.Schema        { return f.schema }
func (f *file) Warnings() []dataset.Warning { return f.warnings }
func (f *file) Metadata() dataset.Metadata  { return f.metadata }
func (f *file) Groups() []dataset.Group     { return f.groups }

// damaged turns a panic of the decoder on a damaged file into an error.
func damaged(path string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: the file is damaged: %v", path, p)
	}
}

func open(path string, o dataset.Options) (_ dataset.File, err error) {
	defer damaged(path, &err)
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	f := &file{path: path, size: info.Size(), modified: info.ModTime()}
	if err := f.readSchema(in, o); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

var fileMagic = []byte("ARROW1")

// readSchema finds out which of the two formats it is. A file is a stream between two marks, with a footer that serves random access;
// it is read as the stream.
func (f *file) readSchema(in *os.File, o dataset.Options) error {
	if f.size == 0 {
		return errors.New("the file is empty (0 bytes), which is no Arrow IPC; was it written to its end?")
	}
	head := make([]byte, len(fileMagic))
	if _, err := in.ReadAt(head, 0); err != nil {
		return errors.New("it is no Arrow IPC, or it was cut short")
	}
	f.end = f.size
	if slices.Equal(head, fileMagic) {
		f.begin = 8
		tail := make([]byte, 10)
		if _, err := in.ReadAt(tail, max(f.size-10, 0)); err != nil || !slices.Equal(tail[4:], fileMagic) {
			return errors.New("the Arrow file was cut short: it does not end in ARROW1")
		}
		f.end = f.size - 10 - int64(int32(binary.LittleEndian.Uint32(tail)))
		if f.end < f.begin || f.end > f.size {
			return errors.New("damaged: its footer's length")
		}
	}
	r, err := f.reader(in)
	if err != nil {
		return fmt.Errorf("it is no Arrow IPC, or it is damaged: %w", err)
	}
	f.groups = []dataset.Group{{Rows: -1}}
	return f.setup(r.Schema(), o)
}

func (f *file) reader(in io.ReaderAt) (*ipc.Reader, error) {
	m := &messages{in: bufio.NewReaderSize(io.NewSectionReader(in, f.begin, f.end-f.begin), 1<<16), left: f.end - f.begin}
	return ipc.NewReaderFromMessageReader(m, ipc.WithAllocator(&allocator{left: 64<<20 + 1000*f.size}))
}

// setup makes our schema of Arrow's.
func (f *file) setup(s *arrow.Schema, o dataset.Options) error {
	pairs := map[string]string{}
	for k, v := range s.Metadata().ToMap() {
		pairs[k] = v
	}
	for i, field := range s.Fields() {
		if slices.ContainsFunc(s.Fields()[:i], func(g arrow.Field) bool { return g.Name == field.Name }) {
			return fmt.Errorf("column %q stands twice; write the file again with distinct names", field.Name)
		}
		t, warning, err := typeOf(field.Type)
		if declared, ok := o.Declared.Lookup(field.Name); ok && field.Type.ID() == arrow.NULL {
			t, err = declared, nil
		}
		if err != nil {
			f.warnings = append(f.warnings, dataset.Warning{Column: field.Name, Message: err.Error(), LeftOut: true})
			continue
		}
		unit := dataset.UnitOf(o.TimeUnits[field.Name])
		if unit != 0 {
			if t.Kind != value.KindInt {
				return fmt.Errorf("column %q is %s, which has no unit; take its time_unit away", field.Name, t)
			}
			t = value.Timestamp
		}
		if warning != "" {
			f.warnings = append(f.warnings, dataset.Warning{Column: field.Name, Message: warning})
		}
		f.places = append(f.places, i)
		f.units = append(f.units, unit)
		f.schema = append(f.schema, value.Field{Name: field.Name, Type: t})
	}
	var err error
	f.metadata, err = dataset.MetadataOf(pairs)
	return err
}

// Read decodes the stream.
func (f *file) Read(ctx context.Context, _ int, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) (err error) {
	var outside error // errors of the consumer, which are not the file's
	err = f.read(ctx, columns, n, counts, func(b *value.Batch) error {
		outside = emit(b)
		return outside
	})
	if outside != nil {
		return outside
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return err
}

func (f *file) read(ctx context.Context, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	in, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if info.Size() != f.size || !info.ModTime().Equal(f.modified) {
		return errors.New("it was changed while it was read; start again once its writer is done")
	}
	r, err := f.reader(&countingFile{File: in, n: &counts.Bytes})
	if err != nil {
		return fmt.Errorf("damaged or cut short: %w", err)
	}
	for r.Next() {
		if err := f.record(ctx, r.RecordBatch(), columns, n, counts, emit); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("damaged or cut short: %w", err)
	}
	return nil
}

// record converts a record batch part by part.
func (f *file) record(ctx context.Context, rec arrow.RecordBatch, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) error {
	schema := make(value.Schema, len(columns))
	readings := make([]*reading, len(columns))
	for i, c := range columns {
		schema[i] = f.schema[c]
		readings[i] = &reading{name: f.schema[c].Name, typ: f.schema[c].Type, unit: f.units[c], counts: counts}
		if err := validate(rec.Column(f.places[c])); err != nil {
			return fmt.Errorf("column %q: damaged: %w", schema[i].Name, err)
		}
	}
	for from := 0; from < int(rec.NumRows()); from += n {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(from+n, int(rec.NumRows()))
		b := &value.Batch{Schema: schema, N: to - from, Columns: make([]*value.Column, len(columns))}
		for i, c := range columns {
			var err error
			if b.Columns[i], err = readings[i].column(rec.Column(f.places[c]), from, to); err != nil {
				return fmt.Errorf("column %q: %w", schema[i].Name, err)
			}
		}
		if err := emit(b); err != nil {
			return err
		}
	}
	return nil
}

// validate checks an array's lengths and offsets at their ends. Not the full validation, to which text that is no UTF-8 is an error;
// offsets that lie in the middle become a panic, and that an error. Arrays of nulls have nothing to check, but fail.
func validate(a arrow.Array) error {
	if a.DataType().ID() == arrow.NULL {
		return nil
	}
	return array.Validate(a)
}

// countingFile counts what is read.
type countingFile struct {
	*os.File
	n *int64
}

func (c *countingFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.File.ReadAt(p, off)
	*c.n += int64(n)
	return n, err
}

// allocator is Go's memory with a bound: a compressed buffer says how long it becomes, and may lie.
type allocator struct{ left int64 }

func (a *allocator) Allocate(size int) []byte {
	if a.left -= int64(size); size < 0 || a.left < 0 {
		panic(fmt.Sprintf("a length of %d bytes is more than the file can hold", size))
	}
	return make([]byte, size)
}

func (a *allocator) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	out := a.Allocate(size)
	copy(out, b)
	return out
}

// Free does nothing: columns are views of the memory, and the garbage collector knows when they are gone.
func (a *allocator) Free([]byte) {}
