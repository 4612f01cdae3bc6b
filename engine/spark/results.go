package spark

import (
	"fmt"

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
	timed  bool // report.EarliestAt is one
}

func newResults(p *plan.Batch, q *Query, report *engine.Report) *results {
	r := &results{plan: p, query: q, report: report, months: map[string]*engine.MonthReport{}}
	for _, o := range p.Output {
		r.schema = append(r.schema, value.Field{Name: o.Name, Type: o.Type})
	}
	for _, v := range q.values {
		report.Values = append(report.Values, &engine.ValueReport{Name: v})
	}
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
		case isNullInput:
			v.NullInput++
		case isComputed:
			v.Computed++
		}
		v.Nulls++
	}
	return true, nil
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
