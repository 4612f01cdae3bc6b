package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet/format"
	"github.com/bighead-ml/bighead/value"
)

// Format is Parquet as a dataset.Format.
type Format struct{}

// Name is "parquet".
func (Format) Name() string { return "parquet" }

// Extensions are those of Parquet files.
func (Format) Extensions() []string { return []string{".parquet", ".parq", ".pqt"} }

// file is an opened file: its footer, and what follows from it.
type file struct {
	path     string
	size     int64
	modified time.Time
	groups   []format.RowGroup
	nodes    []*node // of the schema
	schema   value.Schema
	ids      []int32 // of the schema's columns
	warnings []dataset.Warning
	metadata dataset.Metadata
	stats    []dataset.Group
}

// maxFooter bounds what is read of a footer whose length is damaged; real ones of wide tables take some ten MB.
const maxFooter = 512 << 20

// Open reads the footer.
func (Format) Open(_ context.Context, path string, o dataset.Options) (_ dataset.File, err error) {
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
	foot, err := readFooter(in, f.size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := f.setup(foot, o); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// damaged turns a panic of the decoder into an error about the file. All lengths are checked, so none is known; a file is never a
// reason to end the user's program.
func damaged(path string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: the file is damaged: %v", path, p)
	}
}

func readFooter(in io.ReaderAt, size int64) (*format.Footer, error) {
	if size == 0 {
		return nil, errors.New("the file is empty (0 bytes), which is no Parquet; was it written to its end?")
	}
	var tail [8]byte
	if size >= 12 {
		if _, err := in.ReadAt(tail[:], size-8); err != nil {
			return nil, err
		}
	}
	switch string(tail[4:]) {
	case "PAR1":
	case "PARE":
		return nil, errors.New("the file is encrypted; write it again without encryption")
	default:
		return nil, errors.New("it is no Parquet file, or it was cut short: it does not end in PAR1")
	}
	n := int64(uint32(tail[0]) | uint32(tail[1])<<8 | uint32(tail[2])<<16 | uint32(tail[3])<<24)
	if n > size-12 || n > maxFooter {
		return nil, fmt.Errorf("damaged: its footer claims %d bytes of the file's %d", n, size)
	}
	b := make([]byte, n)
	if _, err := in.ReadAt(b, size-8-n); err != nil {
		return nil, err
	}
	foot, err := format.ParseFooter(b)
	if err != nil {
		return nil, fmt.Errorf("damaged: its footer: %w", err)
	}
	if !sumHolds(b, foot.CreatedBy) {
		return nil, errors.New("damaged: its footer is not what was written")
	}
	return foot, nil
}

func (f *file) setup(foot *format.Footer, o dataset.Options) error {
	b := &schemaBuilder{elements: foot.Schema, declared: o.Declared, units: o.TimeUnits}
	columns, err := b.columns()
	if err != nil {
		return err
	}
	for i, c := range columns {
		if slices.ContainsFunc(columns[:i], func(d column) bool { return d.name == c.name }) {
			return fmt.Errorf("column %q stands twice; write the file again with distinct names", c.name)
		}
		if c.why != "" {
			f.warnings = append(f.warnings, dataset.Warning{Column: c.name, Message: c.why, LeftOut: true})
			continue
		}
		f.nodes, f.ids = append(f.nodes, c.node), append(f.ids, c.id)
		f.schema = append(f.schema, value.Field{Name: c.name, Type: c.node.typ})
		c.node.leaves(func(l *leaf) {
			if l.conv.warning != "" {
				f.warnings = append(f.warnings, dataset.Warning{Column: c.name, Message: l.conv.warning})
			}
		})
	}
	rows := int64(0)
	for i := range foot.Groups {
		rows += foot.Groups[i].Rows
		if err := f.checkGroup(&foot.Groups[i], b.leaves); err != nil {
			return fmt.Errorf("row group %d: %w", i, err)
		}
		f.stats = append(f.stats, f.groupStats(&foot.Groups[i]))
	}
	if rows != foot.Rows {
		return fmt.Errorf("damaged: its footer speaks of %d rows, its row groups of %d", foot.Rows, rows)
	}
	f.groups = foot.Groups
	f.metadata, err = dataset.MetadataOf(foot.KeyValues)
	return err
}

// checkGroup compares what a row group says with the schema and the file's size, so that reading can rely on it.
func (f *file) checkGroup(g *format.RowGroup, leaves []*leaf) error {
	if len(g.Chunks) != len(leaves) {
		return fmt.Errorf("damaged: %d columns, but %d in the schema", len(g.Chunks), len(leaves))
	}
	if g.Rows < 0 || g.Rows > math.MaxInt64/2 {
		return fmt.Errorf("damaged: %d rows", g.Rows)
	}
	for i, l := range leaves {
		m := &g.Chunks[i]
		switch start := m.Start(); {
		case m.Encrypted:
			return fmt.Errorf("column %q is encrypted; write the file again without encryption", l.path)
		case m.File != "" || !m.Present:
			return fmt.Errorf("column %q stands in another file (%s), which is not read", l.path, m.File)
		case m.Physical != l.Physical:
			return fmt.Errorf("damaged: column %q is %s, but %s in the schema", l.path, m.Physical, l.Physical)
		case g.Rows > 0 && (start < 4 || m.Compressed < 0 || m.Compressed > f.size || start > f.size-8-m.Compressed):
			return fmt.Errorf("damaged: column %q lies outside the file (%d bytes at %d of %d)", l.path, m.Compressed, start, f.size)
		}
	}
	return nil
}

func (f *file) groupStats(g *format.RowGroup) dataset.Group {
	out := dataset.Group{Rows: g.Rows, Bounds: map[string]dataset.Bounds{}}
	for _, n := range f.nodes {
		if n.shape == shapeLeaf && n.leaf.maxRep == 0 {
			if b, ok := n.leaf.bounds(&g.Chunks[n.leaf.chunk]); ok {
				out.Bounds[n.name] = b
			}
		}
	}
	return out
}

func (f *file) Schema() value.Schema        { return f.schema }
func (f *file) Warnings() []dataset.Warning { return f.warnings }
func (f *file) Metadata() dataset.Metadata  { return f.metadata }

// FieldIDs are what a table format calls the schema's columns, 0 where the file says nothing: names change, these do not.
func (f *file) FieldIDs() []int32 { return f.ids }

func (f *file) Groups() []dataset.Group { return f.stats }

// rowReader reads a column's rows in order.
type rowReader interface {
	read(n int) (*value.Column, error)
}

// Read decodes a row group, all columns in step.
func (f *file) Read(ctx context.Context, group int, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) (err error) {
	defer damaged(f.path, &err)
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
		return fmt.Errorf("%s was changed while it was read; start again once its writer is done", f.path)
	}
	g := &f.groups[group]
	readers := make([]rowReader, len(columns))
	schema := make(value.Schema, len(columns))
	for i, c := range columns {
		readers[i] = newRowReader(in, f.nodes[c], g, counts)
		schema[i] = f.schema[c]
	}
	for left := g.Rows; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := int(min(int64(n), left))
		b := &value.Batch{Schema: schema, N: k, Columns: make([]*value.Column, len(columns))}
		for i, r := range readers {
			if b.Columns[i], err = r.read(k); err != nil {
				return fmt.Errorf("%s: column %q, row group %d: %w", f.path, schema[i].Name, group, described(err))
			}
		}
		if err := emit(b); err != nil {
			return err
		}
		left -= int64(k)
	}
	return nil
}

// described says of errors of the bytes that the file is at fault.
func described(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is damaged or cut short")
	}
	if pe := new(os.PathError); errors.As(err, &pe) {
		return err
	}
	return fmt.Errorf("the file is damaged, or of a kind that is not read: %w", err)
}

func newRowReader(in io.ReaderAt, n *node, g *format.RowGroup, counts *dataset.Counts) rowReader {
	if n.shape == shapeLeaf && n.leaf.maxRep == 0 {
		return &flat{name: n.name, counts: counts, chunk: newChunk(in, n.leaf, &g.Chunks[n.leaf.chunk], &counts.Bytes)}
	}
	r := &nested{node: n, cursors: map[*leaf]*cursor{}}
	n.leaves(func(l *leaf) {
		r.cursors[l] = &cursor{name: n.name, counts: counts, chunk: newChunk(in, l, &g.Chunks[l.chunk], &counts.Bytes)}
	})
	return r
}
