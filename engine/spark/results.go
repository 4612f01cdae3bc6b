package spark

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// results turns the query's rows into batches of the plan's output, and counts.
type results struct {
	plan   *plan.Batch
	query  *Query
	report *engine.Report
	schema value.Schema
	months map[string]*engine.MonthReport
	timed  bool  // report.EarliestAt is one
	seen   int64 // rows of the spine
	// stays are the rows that are handed out, by their numbers; noRow counts for each value those without an event in its window.
	stays value.Bitmap
	noRow []int64
}

func newResults(p *plan.Batch, q *Query, report *engine.Report) *results {
	r := &results{plan: p, query: q, report: report, months: map[string]*engine.MonthReport{}}
	for _, o := range p.Output {
		r.schema = append(r.schema, value.Field{Name: o.Name, Type: o.Type})
	}
	for _, v := range q.values {
		report.Values = append(report.Values, &engine.ValueReport{Name: v})
	}
	r.stays, r.noRow = value.NewBitmap(int(report.SpineRows)), make([]int64, len(q.values))
	return r
}

// The columns of the query before the plan's output.
const (
	numberAt = iota
	whyAt
	atAt
	outputAt
)

// batch takes in some rows, in the spine's order; nil where none of them stays.
func (r *results) batch(res *connect.Result) (*value.Batch, error) {
	for _, c := range res.Altered {
		return nil, fmt.Errorf("spark: row %s, column %s: not a value of the contract (V2), which is a defect of the printed query", res.Rows[c.Row][numberAt], res.Schema[c.Column].Name)
	}
	var kept [][]value.Value
	for _, row := range res.Rows {
		stays, err := r.row(row)
		if err != nil {
			return nil, err
		}
		if !stays {
			continue
		}
		cells := make([]value.Value, len(r.schema))
		for i, f := range r.schema {
			v, ok := logical(f.Type, row[outputAt+i])
			if !ok {
				return nil, fmt.Errorf("spark: row %s, column %s: %s is no %s, which is a defect of the printed query", row[numberAt], f.Name, row[outputAt+i], f.Type)
			}
			cells[i] = v
		}
		kept = append(kept, cells)
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return value.BatchOf(r.schema, kept), nil
}

// row counts a row, and tells whether it stays.
func (r *results) row(row []value.Value) (bool, error) {
	at := row[atAt]
	if r.seen++; row[numberAt].Int() >= r.report.SpineRows {
		return false, nil // somebody writes the spine's table, which Run says once it has counted the rows
	}
	r.nulls(row)
	if why := row[whyAt]; !why.IsNull() {
		if why.Int() == noTime {
			return false, fmt.Errorf("row %d of the spine of %s: %w", row[numberAt].Int()+1, r.plan.Name, engine.ErrNoTime)
		}
		r.report.Dropped[reasons[why.Int()-1]]++
		r.earliest(at)
		return false, nil
	}
	r.earliest(at)
	r.report.Rows++
	r.stays.Set(int(row[numberAt].Int()))
	m := r.month(at.Int())
	m.Rows++
	for i, v := range r.report.Values {
		m.Cells++
		switch row[outputAt+len(r.schema)+i].Int() {
		case isPresent:
			m.Filled++
			continue
		case isDefault:
			v.Defaults++
			continue
		case isNoRow:
			r.noRow[i]++
		case isNullInput:
			v.NullInput++
		case isComputed:
			v.Computed++
		}
		v.Nulls++
	}
	return true, nil
}

// nulls counts those that expressions made of a row.
func (r *results) nulls(row []value.Value) {
	if len(r.query.made) == 0 {
		return
	}
	why, timeless := engine.DropReason(""), false
	if code := row[whyAt]; !code.IsNull() {
		if timeless = code.Int() == noTime; !timeless {
			why = reasons[code.Int()-1]
		}
	}
	list := row[outputAt+len(r.schema)+len(r.report.Values)]
	for i := range list.Len() {
		if m := r.query.made[list.At(i).Int()]; m.stage.comes(why, timeless) {
			addNulls(&r.report.ExpressionNulls, m, 1)
		}
	}
}

// tellUnknown tells of the values without an event in their window those whose key no event has (it is the same for all values of a join: what
// is nothing makes a value null, or it does not), and asks Spark which rows those are, where there are such values.
func (r *results) tellUnknown(ctx context.Context, session *connect.Session) error {
	if !slices.ContainsFunc(r.noRow, func(n int64) bool { return n > 0 }) {
		return nil
	}
	joins := r.plan.Joined()
	unknown := make([]int64, len(joins))
	if err := session.Results(ctx, r.query.unknown.String(), func(res *connect.Result) error {
		for _, row := range res.Rows {
			if row[1].Int() < r.report.SpineRows && r.stays.Get(int(row[1].Int())) {
				unknown[row[0].Int()]++
			}
		}
		return nil
	}); err != nil {
		return err
	}
	i := 0
	for n, j := range joins {
		for range j.Values {
			if v := r.report.Values[i]; r.noRow[i] > 0 {
				v.UnknownKey, v.NoEvent = unknown[n], r.noRow[i]-unknown[n]
			}
			i++
		}
	}
	return nil
}

func (r *results) earliest(at value.Value) {
	if !at.IsNull() && (!r.timed || at.Int() < r.report.EarliestAt) {
		r.report.EarliestAt, r.timed = at.Int(), true
	}
}

func (r *results) month(at int64) *engine.MonthReport {
	name := value.FormatTimestamp(at)[:len("2024-01")]
	m := r.months[name]
	if m == nil {
		m = &engine.MonthReport{Month: name}
		r.months[name] = m
	}
	return m
}

// logical gives a value in its physical type the type of the contract; false where it has none.
func logical(t value.Type, v value.Value) (value.Value, bool) {
	if v.IsNull() {
		return v, true
	}
	switch t.Kind {
	case value.KindTimestamp, value.KindDate:
		if v.Kind() != value.KindInt {
			return v, false
		}
		v = value.OfNumber(t.Kind, v.Int())
		return v, !v.IsNull()
	case value.KindList, value.KindMap, value.KindStruct:
		ok := v.Kind() == t.Kind
		if !ok {
			return v, false
		}
		return rebuilt(v, func(i int, part value.Value) value.Value {
			inner := t.Elem
			if t.Kind == value.KindStruct {
				inner = &t.Fields[i].Type
			}
			part, fine := logical(*inner, part)
			ok = ok && fine
			return part
		}), ok
	}
	return v, v.HasType(t)
}
