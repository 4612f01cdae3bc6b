package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// columnsOf are the columns of a log's table: the source's, then ours.
func columnsOf(schema value.Schema) value.Schema {
	return append(slices.Clip(schema), value.Field{Name: ArrivalColumn, Type: value.Timestamp},
		value.Field{Name: PartitionColumn, Type: value.Int}, value.Field{Name: OffsetColumn, Type: value.Int})
}

// Table is all there is as of now.
func (l *eventLog) Table(ctx context.Context) (dataset.Table, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, ErrClosed
	}
	var segments []segment
	for _, s := range l.segments {
		segments = append(segments, *s)
	}
	l.mu.Unlock()
	l.opening.Lock()
	defer l.opening.Unlock()
	return tableOf(ctx, l.dir, l.schema, l.o.Formats, segments, l.opened)
}

// OpenTable is the table of a log that another process may have open: all there is as of now, and perhaps what is about to be durable.
// A folder without a log has no rows.
func OpenTable(ctx context.Context, dir string, schema value.Schema, formats []dataset.Format) (dataset.Table, error) {
	if err := checkColumns(schema); err != nil {
		return nil, fmt.Errorf("read the event log %s: %w", dir, err)
	}
	listed, err := listSteady(filepath.Join(dir, walFolder))
	if err != nil {
		return nil, fmt.Errorf("read the event log %s: %w", dir, err)
	}
	var segments []segment
	for i, s := range listed {
		if err := agree(s, schema); err != nil {
			return nil, err
		}
		if i == len(listed)-1 {
			if err := s.measureSteady(); err != nil {
				return nil, err
			}
		}
		segments = append(segments, *s)
	}
	return tableOf(ctx, dir, schema, formats, segments, map[string]openedFile{})
}

// listSteady lists the segments of a log that is in use, in which they may go while we look.
func listSteady(wal string) ([]*segment, error) {
	for range 100 {
		if _, err := os.Stat(wal); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		segments, err := listSegments(wal)
		if !errors.Is(err, fs.ErrNotExist) {
			return segments, err
		}
	}
	return nil, errors.New("its segments are sealed faster than they can be listed; try again")
}

// measureSteady measures a segment that is being written to. A frame that was half there at one glance and whole at the next looks like
// damage; measured again, it is behind us.
func (s *segment) measureSteady() error {
	for at := int64(-1); ; at = s.bytes {
		_, err := s.measure()
		if !errors.Is(err, ErrDamaged) || s.bytes == at {
			return err
		}
	}
}

// openedFile is a sealed file whose foot was read. They do not change, and there may be thousands.
type openedFile struct {
	file dataset.File
	part dataset.Part
}

// tableOf makes the table of the segments that there were, and of the files sealed since: those were listed first, so that what is sealed
// meanwhile stands in both, and nothing in neither. It keeps in opened what it opens, and drops what is gone.
func tableOf(ctx context.Context, dir string, schema value.Schema, formats []dataset.Format, segments []segment, opened map[string]openedFile) (dataset.Table, error) {
	sealed, err := listSealed(dir)
	if err != nil {
		return nil, fmt.Errorf("read the event log %s: %w", dir, err)
	}
	maps.DeleteFunc(opened, func(path string, _ openedFile) bool {
		return !slices.ContainsFunc(sealed, func(s sealedName) bool { return s.path == path })
	})
	columns := columnsOf(schema)
	var files []dataset.File
	var parts []dataset.Part
	upTo := int64(0)
	for _, s := range sealed {
		if len(segments) > 0 && s.from >= segments[len(segments)-1].end {
			break // later than now
		}
		o, ok := opened[s.path]
		if !ok {
			o.file, o.part, err = s.open(ctx, formats, columns)
			if errors.Is(err, fs.ErrNotExist) {
				continue // older than the log's keep by now
			}
			if err != nil {
				return nil, err
			}
			opened[s.path] = o
		}
		files, parts, upTo = append(files, o.file), append(parts, o.part), s.to
	}
	for _, s := range segments {
		if s.end == s.base || s.base < upTo {
			continue
		}
		files = append(files, &unsealed{dir: dir, seg: s, schema: schema, columns: columns, formats: formats})
		part := dataset.Part{Path: s.path, Size: s.bytes, Grows: true}
		if info, err := os.Stat(s.path); err == nil {
			part.Modified = info.ModTime()
		}
		parts = append(parts, part)
	}
	return dataset.Of(columns, files, parts), nil
}

// unsealed is a segment as a file of a table: its records before end.
type unsealed struct {
	dir     string
	seg     segment
	schema  value.Schema // of the log
	columns value.Schema // and ours
	formats []dataset.Format
}

func (u *unsealed) Schema() value.Schema        { return u.columns }
func (u *unsealed) Warnings() []dataset.Warning { return nil }
func (u *unsealed) Metadata() dataset.Metadata  { return dataset.Metadata{} }
func (u *unsealed) Groups() []dataset.Group     { return []dataset.Group{{Rows: -1}} }

// Read gives the rows of the segment; where it was sealed meanwhile, those of its records in the file that it went to.
func (u *unsealed) Read(ctx context.Context, _ int, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) error {
	frames, err := u.seg.frames(u.seg.bytes)
	if errors.Is(err, fs.ErrNotExist) {
		return u.readSealed(ctx, columns, n, counts, emit)
	}
	if err != nil {
		return err
	}
	defer frames.Close()
	defer func() { counts.Bytes += frames.at }()
	g := &gathering{u: u, columns: columns, n: n, emit: emit}
	g.prepare()
	err = frames.each(func(h *head) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := g.rows(h)
		if err != nil {
			return damaged(u.seg.path, frames.at, err)
		}
		return g.add(b)
	})
	if err != nil {
		return err
	}
	return g.flush()
}

// gathering makes batches of a length of records of any.
type gathering struct {
	u       *unsealed
	columns []int
	n       int
	emit    func(*value.Batch) error
	schema  value.Schema
	want    []bool // by column of the segment
	from    []int  // by column wanted: its place in the segment, −1: it came later
	batches []*value.Batch
	held    int
}

func (g *gathering) prepare() {
	in := g.u.seg.schema
	g.want = make([]bool, len(in))
	for _, c := range g.columns {
		f := g.u.columns[c]
		g.schema = append(g.schema, f)
		i := -1
		if c < len(g.u.schema) {
			if i = in.Index(f.Name); i >= 0 {
				g.want[i] = true
			}
		}
		g.from = append(g.from, i)
	}
}

// rows are the wanted columns of a record.
func (g *gathering) rows(h *head) (*value.Batch, error) {
	r := reading{b: h.rows}
	b := r.some(g.u.seg.schema, h.n, g.want)
	if r.err != nil {
		return nil, r.err
	}
	out := &value.Batch{Schema: g.schema, N: h.n, Columns: make([]*value.Column, len(g.columns))}
	own := len(g.u.schema)
	for i, c := range g.columns {
		switch {
		case c >= own:
			out.Columns[i] = h.own(g.schema[i])
		case g.from[i] < 0:
			out.Columns[i] = nullColumn(g.schema[i].Type, h.n)
		default:
			out.Columns[i] = b.Columns[g.from[i]]
		}
	}
	return out, nil
}

// own is one of our columns.
func (h *head) own(f value.Field) *value.Column {
	c := value.NewColumn(f.Type, h.n)
	for i := range c.Ints {
		switch f.Name {
		case ArrivalColumn:
			c.Ints[i] = h.Arrival
		case PartitionColumn:
			c.Ints[i] = int64(h.Partition)
		case OffsetColumn:
			c.Ints[i] = h.Offset(i)
		default:
			c.Ints[i] = h.Sequence
		}
	}
	return c
}

func (g *gathering) add(b *value.Batch) error {
	g.batches, g.held = append(g.batches, b), g.held+b.N
	if g.held >= g.n {
		return g.flush()
	}
	return nil
}

func (g *gathering) flush() error {
	if g.held == 0 {
		return nil
	}
	b := concat(g.batches)
	g.batches, g.held = nil, 0
	return g.emit(b)
}

// readSealed reads the segment's records from the sealed file that has them.
func (u *unsealed) readSealed(ctx context.Context, columns []int, n int, counts *dataset.Counts, emit func(*value.Batch) error) error {
	sealed, err := listSealed(u.dir)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sealed, func(s sealedName) bool { return s.from <= u.seg.base && u.seg.end <= s.to })
	if i < 0 {
		return fmt.Errorf("%s: its records were let go meanwhile, being older than the log's keep; open the table again", u.seg.path)
	}
	with := append(slices.Clip(u.columns), value.Field{Name: recordColumn, Type: value.Int})
	file, _, err := sealed[i].open(ctx, u.formats, with)
	if err != nil {
		return err
	}
	wanted := append(slices.Clone(columns), len(with)-1)
	for g, group := range file.Groups() {
		if b, ok := group.Bounds[recordColumn]; ok && !b.Min.IsNull() && !b.Max.IsNull() && (b.Min.Int() >= u.seg.end || b.Max.Int() < u.seg.base) {
			continue
		}
		if err := file.Read(ctx, g, wanted, n, counts, func(b *value.Batch) error {
			return emitRecords(b, u.seg.base, u.seg.end, emit)
		}); err != nil {
			return err
		}
	}
	return nil
}

// emitRecords hands on the rows of records from ≤ _record < to, without that column, which is the last.
func emitRecords(b *value.Batch, from, to int64, emit func(*value.Batch) error) error {
	records := b.Columns[len(b.Columns)-1].Ints
	b = &value.Batch{Schema: b.Schema[:len(b.Schema)-1], Columns: b.Columns[:len(b.Columns)-1], N: b.N}
	lo, _ := slices.BinarySearch(records, from)
	hi, _ := slices.BinarySearch(records, to)
	switch {
	case lo == hi:
		return nil
	case hi-lo == b.N:
		return emit(b)
	}
	return emit(slice(b, lo, hi))
}
