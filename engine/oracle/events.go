package oracle

import (
	"cmp"
	"context"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// event is a row of a source that counts.
type event struct {
	ts      int64
	known   int64         // known_at; before all times where the source declares none
	tie     []value.Value // the parts of order_by, then known_at (E2)
	row     []value.Value // every column, in the source's order
	key     string        // canonical encoding
	deleted bool          // E5
}

// events are the rows of a source under one key definition, after E1.
type events struct {
	source *feature.Source
	all    []event
	ends   []int64 // when the partitions of a snapshot table end, those without rows too (E6)
	newest int64   // the greatest ts of any row, kept or not
}

// load reads every row and column of a source and applies E1, in its order.
func load(ctx context.Context, in engine.Inputs, s *feature.Source, keys []string, rep *engine.SourceReport, made *nulls) (*events, error) {
	table, err := in.Rows(ctx, s)
	if err != nil {
		return nil, engine.OfSource(s, err)
	}
	rows, counts, err := readAll(ctx, table, s.Schema)
	if err != nil {
		return nil, engine.OfSource(s, err)
	}
	rep.Read, rep.Rows = counts, int64(len(rows))
	es := &events{source: s, newest: math.MinInt64}
	read := reader(s, keys, made)
	for _, row := range rows {
		e, lost := read(row)
		if lost != nullTime {
			es.newest = max(es.newest, e.ts)
		}
		switch lost {
		case nullTime:
			rep.NullTime++
		case nullKey:
			rep.NullKey++
		case notWhere:
			rep.Where++
		case nullKnownAt:
			rep.NullKnownAt++
		default:
			es.all = append(es.all, e)
		}
	}
	es.dropCopies(rep)
	es.partitions(table, rows)
	return es, nil
}

// loss says why a row is no event (E1).
type loss uint8

const (
	kept loss = iota
	nullTime
	nullKey
	notWhere
	nullKnownAt
)

// reader makes events of a source's rows.
func reader(s *feature.Source, keys []string, made *nulls) func(row []value.Value) (event, loss) {
	time, where := made.each(s.Name+": time", compiled(s.Time, s.Schema)), made.each(s.Name+": where", compiled(s.Where, s.Schema))
	knownAt := made.each(s.Name+": known_at", compiled(s.KnownAt, s.Schema))
	var orderBy []expr.RowFunc
	for _, e := range s.OrderBy {
		orderBy = append(orderBy, e.Compile(s.Schema))
	}
	return func(row []value.Value) (event, loss) {
		e := event{ts: math.MinInt64, known: math.MinInt64, row: row} // a source without a time column: true since ever (E5)
		switch {
		case s.Kind == feature.Snapshots:
			end, ok := partitionEnd(column(s.Schema, row, s.Snapshot))
			if !ok {
				return e, nullTime
			}
			e.ts = end
		case time != nil:
			ts := time(row, nil)
			if ts.IsNull() {
				return e, nullTime
			}
			e.ts = ts.Int()
		}
		whole := false
		if e.key, whole = keyOf(s.Schema, row, keys); !whole {
			return e, nullKey
		}
		e.deleted = s.Deleted != "" && column(s.Schema, row, s.Deleted).Bool()
		if where != nil && !e.deleted && !where(row, nil).Bool() {
			return e, notWhere
		}
		for _, f := range orderBy {
			e.tie = append(e.tie, f(row, nil))
		}
		if knownAt != nil {
			known := knownAt(row, nil)
			if known.IsNull() {
				return e, nullKnownAt
			}
			e.known, e.tie = known.Int(), append(e.tie, known)
		}
		return e, kept
	}
}

// compiled is the row evaluator of an expression, nil of none.
func compiled(e *expr.Expr, s value.Schema) expr.RowFunc {
	if e == nil {
		return nil
	}
	return e.Compile(s)
}

// keyOf is the canonical encoding of a row's key; false where a part is null.
func keyOf(s value.Schema, row []value.Value, names []string) (string, bool) {
	var key []byte
	for _, name := range names {
		v := column(s, row, name)
		if v.IsNull() {
			return "", false
		}
		key = value.Append(key, v)
	}
	return string(key), true
}

// dropCopies leaves of the rows of one id and ts the least by known_at and columns (E3).
func (es *events) dropCopies(rep *engine.SourceReport) {
	if es.source.ID == "" {
		return
	}
	type idAt struct {
		id string
		ts int64
	}
	var out []event
	at := map[idAt]int{}        // where the copy that counts stands in out
	first := map[string]int64{} // the ts of an id's first row
	for _, e := range es.all {
		id := column(es.source.Schema, e.row, es.source.ID)
		if id.IsNull() {
			out = append(out, e)
			continue
		}
		k := idAt{string(value.Append(nil, id)), e.ts}
		if i, ok := at[k]; ok {
			rep.Duplicates++
			if cmp.Or(cmp.Compare(e.known, out[i].known), es.compareColumns(e, out[i])) < 0 {
				out[i] = e
			}
			continue
		}
		if _, ok := first[k.id]; ok {
			rep.Conflicts++
		}
		first[k.id] = e.ts
		at[k] = len(out)
		out = append(out, e)
	}
	es.all = out
}

// compareColumns orders rows by all their columns in name order, each by §1.
func (es *events) compareColumns(a, b event) int {
	names := es.source.Schema.Names()
	slices.Sort(names)
	for _, n := range names {
		i := es.source.Schema.Index(n)
		if c := value.Compare(a.row[i], b.row[i]); c != 0 {
			return c
		}
	}
	return 0
}

// partitions notes when each partition of a snapshot table ends: those that the table names, and those that rows name (E6).
func (es *events) partitions(table dataset.Table, rows [][]value.Value) {
	if es.source.Kind != feature.Snapshots {
		return
	}
	var names []value.Value
	for _, p := range table.Parts() {
		names = append(names, p.Partition[es.source.Snapshot])
	}
	for _, row := range rows {
		names = append(names, column(es.source.Schema, row, es.source.Snapshot))
	}
	for _, n := range names {
		if end, ok := partitionEnd(n); ok {
			es.ends = append(es.ends, end)
		}
	}
}

// partitionEnd is when the partition of a day or an hour ends; false where the value names none.
func partitionEnd(v value.Value) (int64, bool) {
	if v.Kind() == value.KindDate {
		return (v.Int() + 1) * day, true
	}
	if v.Kind() != value.KindString {
		return 0, false
	}
	date, hour, hourly := v.Str(), "", len(v.Str()) == len("2024-01-31-23") && v.Str()[10] == '-'
	if hourly {
		date, hour = date[:10], date[11:]
	}
	days, ok := value.ParseDate(date)
	if !hourly {
		return (days + 1) * day, ok
	}
	h, err := strconv.ParseUint(hour, 10, 8)
	return days*day + (int64(h)+1)*3600e3, ok && err == nil && h < 24
}

// column is the cell of that column.
func column(s value.Schema, row []value.Value, name string) value.Value {
	i := s.Index(name)
	if i < 0 {
		panic("oracle: no column " + name)
	}
	return row[i]
}

// readAll gives the rows of a table under the schema.
func readAll(ctx context.Context, table dataset.Table, schema value.Schema) ([][]value.Value, dataset.Counts, error) {
	r, err := table.Scan(ctx, dataset.Scan{Columns: schema.Names()})
	if err != nil {
		return nil, dataset.Counts{}, err
	}
	defer r.Close()
	var rows [][]value.Value
	for {
		b, err := r.Next()
		if err == io.EOF {
			return rows, r.Counts(), nil
		}
		if err != nil {
			return nil, dataset.Counts{}, err
		}
		for i := range b.N {
			rows = append(rows, b.Row(i))
		}
	}
}
