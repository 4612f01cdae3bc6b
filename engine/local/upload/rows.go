package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Rows writes the rows that a space keeps, out of the source itself: of events those that exact windows may still see, of entities the
// versions of each key, of a snapshot table its newest partitions, as versions that end where a key is absent. Events and versions at or
// after the watermark are the stream's; a table without times is batch's whole. now is when it is asked for at the earliest, ms.
//
// All of it is in memory at once: what is kept online of rows is small, or is to be in tiles.
func (l *Load) Rows(ctx context.Context, table dataset.Table, now int64) (*Report, error) {
	r := &rower{Load: l, keys: map[string]map[int64]*tile.Rows{}, copies: map[string]*kept{}, ends: map[int64]bool{}}
	if err := r.scan(ctx, table, now); err != nil {
		return nil, fmt.Errorf("group %q: %w", l.Space.Group.Name, err)
	}
	for _, id := range slices.Sorted(maps.Keys(r.copies)) {
		r.add(r.copies[id].key, r.copies[id].row)
	}
	if l.Space.Group.Source.Kind == feature.Snapshots {
		r.absent(table, now)
	}
	out := &putter{store: l.Store, epoch: l.Epoch}
	for _, key := range slices.Sorted(maps.Keys(r.keys)) {
		for _, start := range slices.Sorted(maps.Keys(r.keys[key])) {
			b := l.Space.RowLayout().AppendAs(nil, r.keys[key][start], l.version())
			p := store.Put{Space: l.Space.BatchSpace(l.Generation), Key: key, Step: l.Space.Rows.RowStep(), Start: start, Bytes: b}
			if err := out.put(ctx, p); err != nil {
				return nil, err
			}
		}
	}
	err := out.flush(ctx)
	return &Report{Space: l.Space.ID, Keys: int64(len(r.keys)), Puts: out.Puts, Bytes: out.Bytes}, err
}

// rower gathers the rows of a space by key and place.
type rower struct {
	*Load
	keys   map[string]map[int64]*tile.Rows
	copies map[string]*kept // by id and ts (E3)
	ends   map[int64]bool   // of the partitions that hold rows

	sifter  *sift.Sifter
	cells   []*sift.Program
	ties    []*sift.Program
	by      []int // columns
	key     []int
	deleted int
	id      int
	all     []int // all columns in name order
}

// kept is the copy of an event that counts so far: the least by known_at, then by its columns in name order.
type kept struct {
	order []value.Value
	key   string
	row   tile.Row
}

func (r *rower) scan(ctx context.Context, table dataset.Table, now int64) error {
	reader, err := table.Scan(ctx, dataset.Scan{Columns: r.Space.Group.Source.Schema.Names()})
	if err != nil {
		return err
	}
	defer reader.Close()
	from, to := r.bounds(table, now)
	for {
		b, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if r.sifter == nil {
			r.prepare(b.Schema)
		}
		r.batch(b, from, to)
	}
}

// bounds is which rows matter: [from, to) of their ts.
func (r *rower) bounds(table dataset.Table, now int64) (from, to int64) {
	switch src := r.Space.Group.Source; {
	case src.Kind == feature.Snapshots:
		from = plan.MinTime
		for _, end := range partitionEnds(table, src.Snapshot) {
			if end < now-r.lag() {
				from = end // the newest that holds as of the earliest time that is asked for
			}
		}
		return from, plan.MaxTime
	case r.Space.Replaced():
		return plan.MinTime, plan.MaxTime
	case r.Space.Rows.Step > 0:
		return r.Watermark - r.Space.Rows.Keep, r.Watermark
	}
	return plan.MinTime, r.Watermark
}

// lag is how long ago the rows that are asked for may have to hold.
func (r *rower) lag() int64 {
	lag := r.Space.Group.Source.Lateness // how far back a request's at may lie
	for _, v := range r.Space.Values {
		lag = max(lag, r.Space.Group.Source.Lateness+v.Window.Lag())
	}
	return lag
}

func partitionEnds(table dataset.Table, column string) []int64 {
	var ends []int64
	for _, p := range table.Parts() {
		if end, ok := plan.PartitionEnd(p.Partition[column]); ok && !slices.Contains(ends, end) {
			ends = append(ends, end)
		}
	}
	slices.Sort(ends)
	return ends
}

// prepare makes the expressions ready for the batches of a schema.
func (r *rower) prepare(schema value.Schema) {
	s, src := r.Space, r.Space.Group.Source
	r.sifter = sift.New(src, schema, nil)
	name := s.Group.Name
	for _, i := range s.Rows.Inputs {
		r.cells = append(r.cells, sift.NewProgram(name, s.Inputs[i], schema))
	}
	for _, i := range s.Rows.Wheres {
		r.cells = append(r.cells, sift.NewProgram(name, s.Wheres[i], schema))
	}
	for _, i := range s.Rows.Bys {
		r.by = append(r.by, schema.Index(s.Bys[i]))
	}
	for _, e := range s.Rows.Tie {
		r.ties = append(r.ties, sift.NewProgram(name, e, schema))
	}
	for _, k := range s.Group.Keys {
		r.key = append(r.key, schema.Index(k.Name))
	}
	r.deleted, r.id = -1, -1
	if src.Deleted != "" {
		r.deleted = schema.Index(src.Deleted)
	}
	if src.ID != "" {
		r.id = schema.Index(src.ID)
	}
	for _, n := range slices.Sorted(slices.Values(schema.Names())) {
		r.all = append(r.all, schema.Index(n))
	}
}

// batch takes in the rows that count and matter.
func (r *rower) batch(b *value.Batch, from, to int64) {
	var counts sift.Counts
	timed := r.sifter.Timed(b)
	if r.Space.Group.Source.Kind == feature.Snapshots {
		for _, end := range timed.Times { // a partition exists though none of its rows counts (E6)
			r.ends[end] = true
		}
	}
	rows := r.sifter.Events(timed, r.key, &counts)
	if fault.Planted("upload: a row of the watermark's day is batch's too") && to < plan.MaxTime {
		to += value.DayMS
	}
	rows = rows.Keep(func(i int) bool { return rows.Times[i] >= from && rows.Times[i] < to })
	if rows.N == 0 {
		return
	}
	columns := func(programs []*sift.Program) []*value.Column {
		var out []*value.Column
		for _, p := range programs {
			out = append(out, p.Eval(rows.Batch, nil))
		}
		return out
	}
	cells, ties := columns(r.cells), columns(r.ties)
	for _, c := range r.by {
		cells = append(cells, rows.Columns[c])
	}
	text := (*value.Column)(nil)
	if r.Space.Rows.AllTied || r.id >= 0 {
		text = sift.RowText(rows.Batch, r.all)
	}
	if r.Space.Rows.AllTied {
		ties = append(ties, text)
	}
	var buf []byte
	for i := range rows.N {
		row := tile.Row{TS: rows.Times[i], Tie: at(ties, i), Cells: at(cells, i)}
		if r.deleted >= 0 {
			d := rows.Columns[r.deleted]
			row.Deleted = d.Bools[i] && !d.IsNull(i)
		}
		buf = buf[:0]
		for _, k := range r.key {
			buf = value.Append(buf, rows.Columns[k].At(i))
		}
		if r.id >= 0 && !rows.Columns[r.id].IsNull(i) {
			r.copyOf(rows, i, string(buf), row, text)
			continue
		}
		r.add(string(buf), row)
	}
}

func at(columns []*value.Column, i int) []value.Value {
	out := make([]value.Value, len(columns))
	for k, c := range columns {
		out[k] = c.At(i)
	}
	return out
}

// copyOf keeps of the rows with one id and ts the one that counts (E3).
func (r *rower) copyOf(rows *sift.Rows, i int, key string, row tile.Row, text *value.Column) {
	id := string(value.Append(value.Append(nil, rows.Columns[r.id].At(i)), value.OfInt(row.TS)))
	order := []value.Value{text.At(i)}
	if rows.Known != nil {
		order = []value.Value{value.OfTimestamp(rows.Known[i]), text.At(i)}
	}
	if have := r.copies[id]; have == nil || value.CompareRows(order, have.order) < 0 || fault.Planted("upload: of copies the last that is read counts") {
		r.copies[id] = &kept{order, key, row}
	}
}

// add puts a row into its place.
func (r *rower) add(key string, row tile.Row) {
	places := r.keys[key]
	if places == nil {
		places = map[int64]*tile.Rows{}
		r.keys[key] = places
	}
	start := r.Space.Rows.Start(row.TS)
	if places[start] == nil {
		places[start] = &tile.Rows{Header: tile.Header{Newest: tile.None, Through: tile.None}}
	}
	places[start].Add(row)
}

// absent ends a key of a snapshot table where a partition does not have it.
func (r *rower) absent(table dataset.Table, now int64) {
	from, _ := r.bounds(table, now)
	for _, end := range partitionEnds(table, r.Space.Group.Source.Snapshot) {
		if !fault.Planted("upload: a partition without rows is none") { // it exists all the same
			r.ends[end] = true
		}
	}
	ends := slices.DeleteFunc(slices.Sorted(maps.Keys(r.ends)), func(end int64) bool { return end < from })
	rows := r.Space.Rows
	gone := tile.Row{Deleted: true, Tie: make([]value.Value, len(r.ties)+1), Cells: make([]value.Value, len(rows.Inputs)+len(rows.Wheres)+len(rows.Bys))}
	for _, places := range r.keys {
		for _, t := range places {
			for _, end := range ends {
				if !slices.ContainsFunc(t.Rows, func(x tile.Row) bool { return x.TS == end }) {
					row := gone
					row.TS = end
					t.Add(row)
				}
			}
		}
	}
}
