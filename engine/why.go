package engine

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Why is what one value was made of: the interval and the rows in it.
type Why struct {
	Start, End int64 // ms; Start is plan.MinTime where the window is unbounded
	Rows       []WhyRow
	InWindow   int64 // rows in the interval that count, also those that Rows leaves out
	Copies     int64 // rows in it that are copies of one that counts (E3), which may be a row of another key
	Contested  bool  // whether there are copies, of whatever key, that are not equal in all columns
	KeyRows    int64 // rows of the key at any time, copies too
	NotYet     int64 // rows in the interval that were not known at t (E4)
}

// WhyRow is one row of the source within the interval, in the order of time.
type WhyRow struct {
	TS      int64
	Input   value.Value // null where the feature has none
	Counts  bool        // whether the feature's where is true of it
	Columns []value.Value

	number int64 // of the row, in the order of the table
	id     idAt
	notYet bool
}

// idAt is what copies have in common. The id of a row without one is "", and it is no copy.
type idAt struct {
	id string
	ts int64
}

// whyRows is how many rows a Why shows: the newest of the interval.
const whyRows = 1000

// Explain finds what made one value of a join: for the key (in the join's order) at t. It reads the source's rows of that key and
// evaluates row by row; where the source has an id it reads the source twice, for a copy that counts may be a row of another key.
// columns names what else of a row to show.
func Explain(ctx context.Context, j *plan.Join, v *plan.Value, key []value.Value, t int64, columns []string, in Inputs) (*Why, error) {
	w := &Why{}
	w.Start, w.End = v.Window.Bounds(t)
	if j.Scan.Source.Kind != feature.Events {
		u, _ := v.Window.AsOf(t)
		w.Start, w.End = plan.MinTime, u
	}
	table, err := in.Rows(ctx, j.Scan.Source)
	if err != nil {
		return nil, err
	}
	read := slices.Clone(j.Scan.Read)
	for _, c := range append(slices.Clone(columns), j.Scan.Source.ID, j.Scan.Source.Deleted) {
		if c != "" && !slices.Contains(read, c) {
			read = append(read, c)
		}
	}
	e := newExplainer(j, v, read, columns, key, t)
	if err := e.scan(ctx, table, read, func(b *value.Batch, i int, number int64) { e.row(b, i, number, w) }); err != nil {
		return nil, err
	}
	if err := e.dropCopies(ctx, table, w); err != nil {
		return nil, err
	}
	w.Rows = slices.DeleteFunc(w.Rows, func(r WhyRow) bool {
		if r.notYet {
			w.NotYet++
		}
		return r.notYet
	})
	w.InWindow = int64(len(w.Rows))
	slices.SortStableFunc(w.Rows, func(a, b WhyRow) int { return cmp.Compare(a.TS, b.TS) })
	w.Rows = w.Rows[max(0, len(w.Rows)-whyRows):]
	return w, nil
}

// explainer holds the compiled expressions of one join over the columns read.
type explainer struct {
	join         *plan.Join
	key          []value.Value
	keys, show   []int
	t            int64
	where, input expr.RowFunc
	of           eventOf
	id           int
}

// eventOf holds what decides whether a row is an event, and when (E1).
type eventOf struct {
	keys               []int
	deleted            int
	time, known, where expr.RowFunc
}

func newExplainer(j *plan.Join, v *plan.Value, read, columns []string, key []value.Value, t int64) *explainer {
	schema := columnsOf(j.Scan.Source, read)
	e := &explainer{join: j, key: key, t: t, of: newEventOf(j, schema), id: schema.Index(j.Scan.Source.ID)}
	e.keys = e.of.keys
	for _, c := range columns {
		e.show = append(e.show, schema.Index(c))
	}
	if v.Where >= 0 {
		e.where = compiled(j.Wheres[v.Where], schema)
	}
	if v.Input >= 0 {
		e.input = compiled(j.Inputs[v.Input], schema)
	}
	return e
}

func columnsOf(s *feature.Source, names []string) value.Schema {
	schema := make(value.Schema, len(names))
	for i, n := range names {
		typ, _ := s.Schema.Lookup(n)
		schema[i] = value.Field{Name: n, Type: typ}
	}
	return schema
}

// compiled is the row evaluator of an expression, nil of none.
func compiled(x *expr.Expr, schema value.Schema) expr.RowFunc {
	if x == nil {
		return nil
	}
	return x.Compile(schema)
}

func newEventOf(j *plan.Join, schema value.Schema) eventOf {
	s := j.Scan.Source
	of := eventOf{deleted: schema.Index(s.Deleted), time: compiled(s.Time, schema), known: compiled(j.Scan.KnownAt, schema), where: compiled(s.Where, schema)}
	for _, k := range j.Keys {
		of.keys = append(of.keys, schema.Index(k))
	}
	return of
}

// event is when a row happened and was known, both before all times where the source does not say; false of a row that is no event.
func (of *eventOf) event(row []value.Value) (ts, known int64, ok bool) {
	ts, known = plan.MinTime, plan.MinTime
	if of.time != nil {
		at := of.time(row, nil)
		if at.IsNull() {
			return 0, 0, false
		}
		ts = at.Int()
	}
	for _, k := range of.keys {
		if row[k].IsNull() {
			return 0, 0, false
		}
	}
	if of.where != nil && !(of.deleted >= 0 && row[of.deleted].Bool()) && !of.where(row, nil).Bool() {
		return 0, 0, false
	}
	if of.known != nil {
		at := of.known(row, nil)
		if at.IsNull() {
			return 0, 0, false
		}
		known = at.Int()
	}
	return ts, known, true
}

// scan hands over every row of the source, in the order of the table.
func (e *explainer) scan(ctx context.Context, table dataset.Table, read []string, row func(b *value.Batch, i int, number int64)) error {
	r, err := table.Scan(ctx, dataset.Scan{Columns: read})
	if err != nil {
		return err
	}
	defer r.Close()
	number := int64(0)
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return OfSource(e.join.Scan.Source, err)
		}
		for i := range b.N {
			row(b, i, number)
			number++
		}
	}
}

// row takes a row of the key into w.
func (e *explainer) row(b *value.Batch, i int, number int64, w *Why) {
	if !e.hasKey(b, i) {
		return
	}
	row := b.Row(i)
	ts, known, ok := e.of.event(row)
	if !ok {
		return
	}
	w.KeyRows++
	if ts >= w.End || ts < w.Start {
		return
	}
	out := WhyRow{TS: ts, Counts: true, number: number, notYet: known >= e.t}
	if e.id >= 0 && !row[e.id].IsNull() {
		out.id = idAt{string(value.Append(nil, row[e.id])), ts}
	}
	if e.where != nil {
		out.Counts = e.where(row, nil).Bool()
	}
	if e.input != nil {
		out.Input = e.input(row, nil)
	}
	for _, c := range e.show {
		out.Columns = append(out.Columns, row[c])
	}
	w.Rows = append(w.Rows, out)
}

func (e *explainer) hasKey(b *value.Batch, row int) bool {
	for i, c := range e.keys {
		if v := b.Columns[c].At(row); v.IsNull() || !value.Equal(v, e.key[i]) {
			return false
		}
	}
	return true
}

// dropCopies leaves of the rows of one id and time the one that counts, where it is of the key (E3).
func (e *explainer) dropCopies(ctx context.Context, table dataset.Table, w *Why) error {
	type candidate struct {
		number, known int64
		row           []value.Value
	}
	least, ids := map[idAt]*candidate{}, map[string]bool{}
	for _, r := range w.Rows {
		if r.id.id != "" {
			least[r.id], ids[r.id.id] = nil, true
		}
	}
	if len(least) == 0 {
		return nil
	}
	source := e.join.Scan.Source
	names := source.Schema.Names()
	slices.Sort(names)
	var buf []byte
	of, id := newEventOf(e.join, columnsOf(source, names)), slices.Index(names, source.ID)
	if err := e.scan(ctx, table, names, func(b *value.Batch, i int, number int64) {
		if cell := b.Columns[id].At(i); cell.IsNull() {
			return
		} else if buf = value.Append(buf[:0], cell); !ids[string(buf)] {
			return
		}
		row := b.Row(i)
		ts, known, ok := of.event(row)
		at := idAt{string(buf), ts}
		best, asked := least[at]
		if !ok || !asked {
			return
		}
		order := -1
		if best != nil {
			order = cmp.Or(cmp.Compare(known, best.known), slices.CompareFunc(row, best.row, value.Compare))
			w.Contested = w.Contested || order != 0
		}
		if order < 0 {
			least[at] = &candidate{number, known, row}
		}
	}); err != nil {
		return err
	}
	w.Rows = slices.DeleteFunc(w.Rows, func(r WhyRow) bool {
		best := least[r.id]
		if r.id.id == "" || best == nil || best.number == r.number {
			return false
		}
		w.Copies++
		return true
	})
	return nil
}
