package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// Cut is the event time at which a source without an id goes over from its path to its log (docs/data-path.md §3): rows with ts < At are
// the path's to give, all others the log's, so that each event counts once on whichever road it came.
type Cut struct {
	At int64 // ms
	// Time is the ts of each row of a batch that has the Columns, in that order: the source's time expression.
	Columns []string
	Time    func(*value.Batch) (*value.Column, error)
	// Bare is the column that Time gives as it is, "" where it computes: by it files are passed over.
	Bare string
}

// History is the one history of a source: its path (nil: it has none) and its log's table as one table. Without a cut both are given whole,
// which is right for a source with an id, whose copies are told by whoever reads (E3), and for entities, in whose state a row counts once
// however often it comes (E5). A source without an id and with a path needs the cut. A row whose ts is null is given by either: it is to be
// dropped and counted (E1).
//
// The schema is the source's. The log's three columns may be asked for by name in a scan; rows of the path have nulls there.
func History(path, log dataset.Table, cut *Cut) (dataset.Table, error) {
	columns := log.Schema()
	own := len(columns) - 3
	if own < 0 || columns[own].Name != ArrivalColumn {
		panic("eventlog: History of a table that is no log's")
	}
	h := &history{schema: columns[:own:own], columns: columns}
	if path != nil {
		for _, f := range h.schema {
			t, ok := path.Schema().Lookup(f.Name)
			if !ok || !t.Equal(f.Type) {
				return nil, fmt.Errorf("the log has column %q (%s), and the files of the source's path do not have it so: write them again with it, or declare the columns with columns=", f.Name, f.Type)
			}
		}
		h.sides = append(h.sides, newSide(path, cut, false))
	} else {
		cut = nil
	}
	h.sides = append(h.sides, newSide(log, cut, true))
	for _, s := range h.sides {
		h.parts, h.warnings = append(h.parts, s.parts...), append(h.warnings, s.table.Warnings()...)
	}
	return h, nil
}

// history is two tables in a row.
type history struct {
	schema   value.Schema
	columns  value.Schema // and the log's own
	sides    []*side
	parts    []dataset.Part
	warnings []dataset.Warning
}

func (h *history) Schema() value.Schema        { return h.schema }
func (h *history) Warnings() []dataset.Warning { return h.warnings }
func (h *history) Parts() []dataset.Part       { return h.parts }

// side is one of the tables, and what of it is shown.
type side struct {
	table dataset.Table
	cut   *Cut
	after bool  // rows from the cut on; else those before it
	at    []int // by part shown: its place in the table
	parts []dataset.Part
}

func newSide(table dataset.Table, cut *Cut, after bool) *side {
	s := &side{table: table, cut: cut, after: after}
	for i, p := range table.Parts() {
		if p, any := s.part(p); any {
			s.at, s.parts = append(s.at, i), append(s.parts, p)
		}
	}
	return s
}

// part is what a part is when the cut is taken into account; false: nothing of it is shown.
func (s *side) part(p dataset.Part) (dataset.Part, bool) {
	if s.cut == nil {
		return p, true
	}
	b, known := p.Bounds[s.cut.Bare]
	known = known && !b.Min.IsNull() && !b.Max.IsNull()
	at := s.cut.At
	switch {
	case !known:
	case s.after && b.Max.Int() < at, !s.after && b.Min.Int() >= at:
		return p, false
	case s.after && b.Min.Int() >= at, !s.after && b.Max.Int() < at:
		return p, true
	}
	p.Rows, p.Shown = -1, "before "+value.FormatTimestamp(at)
	if s.after {
		p.Shown = "from " + value.FormatTimestamp(at)
	}
	bounds := make(map[string]dataset.Bounds, len(p.Bounds))
	for c, b := range p.Bounds {
		b.Nulls = -1
		bounds[c] = b
	}
	if known && s.after {
		b.Min = value.OfTimestamp(at)
	} else if known {
		b.Max = value.OfTimestamp(at - 1)
	}
	if known {
		b.Nulls = -1
		bounds[s.cut.Bare] = b
	}
	p.Bounds = bounds
	return p, true
}

// ranges pass over what the cut leaves out, where a column says so.
func (s *side) ranges() []dataset.Range {
	switch {
	case s.cut == nil || s.cut.Bare == "":
		return nil
	case s.after:
		return []dataset.Range{{Column: s.cut.Bare, Min: value.OfTimestamp(s.cut.At)}}
	}
	return []dataset.Range{{Column: s.cut.Bare, Max: value.OfTimestamp(s.cut.At - 1)}}
}

// shows reports whether a row of that ts is this side's to give.
func (s *side) shows(ts int64) bool { return ts >= s.cut.At == s.after }

// Scan reads one side after the other.
func (h *history) Scan(ctx context.Context, s dataset.Scan) (dataset.Reader, error) {
	if s.Columns == nil {
		s.Columns = h.schema.Names()
	}
	r := &historyReader{ctx: ctx, scan: s, current: -1, part: -1}
	for i, name := range s.Columns {
		c := h.columns.Index(name)
		if c < 0 {
			return nil, fmt.Errorf("the source's history has no column %q; it has %v", name, h.columns.Names())
		}
		if slices.Contains(s.Columns[:i], name) {
			return nil, fmt.Errorf("column %q is asked for twice", name)
		}
		r.schema = append(r.schema, h.columns[c])
	}
	base := 0
	for _, side := range h.sides {
		r.add(side, base, s)
		base += len(side.parts)
	}
	for _, p := range s.Parts {
		if p < 0 || p >= base {
			return nil, fmt.Errorf("the source's history has no part %d", p)
		}
	}
	return r, nil
}

// historyReader is a scan on its way.
type historyReader struct {
	ctx     context.Context
	scan    dataset.Scan
	schema  value.Schema
	sides   []sideScan
	current int
	reader  dataset.Reader
	part    int
	counts  dataset.Counts // of sides that are done
	rows    int64
	err     error
}

// sideScan is what is read of a side.
type sideScan struct {
	*side
	scan  dataset.Scan
	from  []int // by column asked for: its place in the scan of the side, −1: the side has none, null
	times []int // the columns of the cut
	shown map[int]int
}

// add plans the scan of a side, whose parts begin at base.
func (r *historyReader) add(s *side, base int, scan dataset.Scan) {
	for _, rg := range scan.Ranges {
		if s.table.Schema().Index(rg.Column) < 0 { // null in all its rows
			r.counts.PartsSkipped += len(s.parts)
			return
		}
	}
	out := sideScan{side: s, scan: scan, shown: map[int]int{}}
	out.scan.Ranges, out.scan.Parts = append(slices.Clone(scan.Ranges), s.ranges()...), []int{}
	out.choose(r.schema)
	for i, at := range s.at {
		out.shown[at] = base + i
		if scan.Parts == nil {
			out.scan.Parts = append(out.scan.Parts, at)
		}
	}
	for _, p := range scan.Parts {
		if p >= base && p < base+len(s.at) {
			out.scan.Parts = append(out.scan.Parts, s.at[p-base])
		}
	}
	if len(out.scan.Parts) > 0 {
		r.sides = append(r.sides, out)
	}
}

// choose makes the columns to be read of those asked for and those of the cut.
func (s *sideScan) choose(asked value.Schema) {
	s.scan.Columns = []string{}
	place := func(name string) int {
		i := slices.Index(s.scan.Columns, name)
		if i < 0 {
			i = len(s.scan.Columns)
			s.scan.Columns = append(s.scan.Columns, name)
		}
		return i
	}
	for _, f := range asked {
		i := -1
		if s.table.Schema().Index(f.Name) >= 0 {
			i = place(f.Name)
		}
		s.from = append(s.from, i)
	}
	if s.cut != nil {
		for _, name := range s.cut.Columns {
			s.times = append(s.times, place(name))
		}
	}
}

// Next is the next batch with rows that are shown.
func (r *historyReader) Next() (*value.Batch, error) {
	for r.err == nil {
		if r.reader == nil && !r.open() {
			break
		}
		side := &r.sides[r.current]
		b, err := r.reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			r.done()
		case err != nil:
			r.err = err
		default:
			r.part = side.shown[r.reader.Part()]
			out, err := side.show(b, r.schema)
			if err != nil {
				r.err = err
			} else if out.N > 0 {
				r.rows += int64(out.N)
				return out, nil
			}
		}
	}
	return nil, r.err
}

// open begins with the next side; false: there is none, or it cannot be read.
func (r *historyReader) open() bool {
	if r.current++; r.current == len(r.sides) {
		r.err = io.EOF
		return false
	}
	side := &r.sides[r.current]
	r.reader, r.err = side.table.Scan(r.ctx, side.scan)
	return r.err == nil
}

func (r *historyReader) done() {
	r.counts.Add(r.reader.Counts())
	r.reader.Close()
	r.reader = nil
}

// show takes the rows and columns that were asked for.
func (s *sideScan) show(b *value.Batch, schema value.Schema) (*value.Batch, error) {
	out := &value.Batch{Schema: schema, N: b.N, Columns: make([]*value.Column, len(schema))}
	for i, at := range s.from {
		if at < 0 {
			out.Columns[i] = nullColumn(schema[i].Type, b.N)
		} else {
			out.Columns[i] = b.Columns[at]
		}
	}
	if s.cut == nil {
		return out, nil
	}
	in := &value.Batch{N: b.N}
	for _, at := range s.times {
		in.Schema, in.Columns = append(in.Schema, b.Schema[at]), append(in.Columns, b.Columns[at])
	}
	ts, err := s.cut.Time(in)
	if err != nil {
		return nil, err
	}
	rows := make([]int32, 0, b.N)
	for i, t := range ts.Ints {
		if ts.Nulls.Get(i) || s.shows(t) {
			rows = append(rows, int32(i))
		}
	}
	if len(rows) == b.N {
		return out, nil
	}
	return takeRows(out, rows), nil
}

func (r *historyReader) Part() int { return r.part }

// Counts are of both sides; rows that are the other side's to give are not among them.
func (r *historyReader) Counts() dataset.Counts {
	var c dataset.Counts
	c.Add(r.counts)
	if r.reader != nil {
		c.Add(r.reader.Counts())
	}
	c.Rows = r.rows
	return c
}

func (r *historyReader) Close() error {
	if r.reader != nil {
		r.done()
	}
	if r.err == nil {
		r.err = errors.New("the reader is closed")
	}
	return nil
}
