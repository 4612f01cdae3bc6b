package engine

import (
	"context"
	"errors"
	"fmt"
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
	InWindow   int64 // rows in the interval, also those that Rows leaves out
	KeyRows    int64 // rows of the key at any time
	NotYet     int64 // rows in the interval that were not known at t (E4)
}

// WhyRow is one row of the source within the interval, in the order of time.
type WhyRow struct {
	TS      int64
	KnownAt value.Value // null where the source has none
	Input   value.Value // null where the feature has none
	Counts  bool        // whether the feature's where is true of it
	Columns []value.Value
}

// whyRows is how many rows a Why shows: the newest of the interval.
const whyRows = 1000

// Explain finds what made one value of a join: for the key (in the join's order) at t. It reads the source's rows of that key and
// evaluates row by row; duplicates of an id are shown as they are in the source. columns names what else of a row to show.
func Explain(ctx context.Context, j *plan.Join, v *plan.Value, key []value.Value, t int64, columns []string, in Inputs) (*Why, error) {
	w := &Why{}
	w.Start, w.End = v.Window.Bounds(t)
	if j.Scan.Source.Kind != feature.Events {
		u, _ := v.Window.AsOf(t)
		w.Start, w.End = plan.MinTime, u
	}
	table, err := in.Open(ctx, j.Scan.Source.Place, j.Scan.Source.Schema)
	if err != nil {
		return nil, err
	}
	read := slices.Clone(j.Scan.Read)
	for _, c := range columns {
		if !slices.Contains(read, c) {
			read = append(read, c)
		}
	}
	r, err := table.Scan(ctx, dataset.Scan{Columns: read})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	e := newExplainer(j, v, read, columns, key, t)
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read source %s: %w", j.Scan.Source.Name, err)
		}
		e.batch(b, w)
	}
	slices.SortStableFunc(w.Rows, func(a, b WhyRow) int { return int(min(max(a.TS-b.TS, -1), 1)) })
	w.Rows = w.Rows[max(0, len(w.Rows)-whyRows):]
	return w, nil
}

// explainer holds the compiled expressions of one join over the columns read.
type explainer struct {
	key                                 []value.Value
	keys, show                          []int
	t                                   int64
	time, known, rowWhere, where, input expr.RowFunc
}

func newExplainer(j *plan.Join, v *plan.Value, read, columns []string, key []value.Value, t int64) *explainer {
	schema := make(value.Schema, len(read))
	for i, n := range read {
		typ, _ := j.Scan.Source.Schema.Lookup(n)
		schema[i] = value.Field{Name: n, Type: typ}
	}
	compile := func(x *expr.Expr) expr.RowFunc {
		if x == nil {
			return nil
		}
		return x.Compile(schema)
	}
	e := &explainer{key: key, t: t, time: compile(j.Scan.Source.Time), known: compile(j.Scan.KnownAt), rowWhere: compile(j.Scan.Source.Where)}
	for _, k := range j.Keys {
		e.keys = append(e.keys, schema.Index(k))
	}
	for _, c := range columns {
		e.show = append(e.show, schema.Index(c))
	}
	if v.Where >= 0 {
		e.where = compile(j.Wheres[v.Where])
	}
	if v.Input >= 0 {
		e.input = compile(j.Inputs[v.Input])
	}
	return e
}

func (e *explainer) batch(b *value.Batch, w *Why) {
	for i := range b.N {
		if !e.hasKey(b, i) {
			continue
		}
		row := b.Row(i)
		if e.rowWhere != nil && !e.rowWhere(row, nil).Bool() {
			continue
		}
		ts := value.OfInt(plan.MinTime)
		if e.time != nil {
			ts = e.time(row, nil)
		}
		if ts.IsNull() {
			continue
		}
		w.KeyRows++
		if ts.Int() >= w.End || ts.Int() < w.Start {
			continue
		}
		out := WhyRow{TS: ts.Int(), Counts: true}
		if e.known != nil {
			out.KnownAt = e.known(row, nil)
			if out.KnownAt.IsNull() || out.KnownAt.Int() >= e.t {
				w.NotYet++
				continue
			}
		}
		w.InWindow++
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
}

func (e *explainer) hasKey(b *value.Batch, row int) bool {
	for i, c := range e.keys {
		if v := b.Columns[c].At(row); v.IsNull() || !value.Equal(v, e.key[i]) {
			return false
		}
	}
	return true
}
