package oracle

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"fmt"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Oracle computes plans by definition. It may be used by many at once.
type Oracle struct {
	// Aggregate makes an aggregated value of its events, which are in the order of E2 and must not be changed; nil: Plain. A test may
	// look at them here, or go about it in another way. row counts the rows handed out before; a row that is dropped gives its number to
	// the next.
	Aggregate func(row int, v *plan.Value, events []agg.Event, asOf int64) value.Value
}

// Plain is the aggregation's plain definition.
func Plain(v *plan.Value, events []agg.Event, asOf int64) value.Value {
	f := v.Feature
	in := value.Null
	if f.Input != nil {
		in = f.Input.Type()
	}
	return f.Agg.Plain(in, f.Params, events, asOf)
}

// Name is "oracle".
func (Oracle) Name() string { return "oracle" }

// Run computes the plan, a spine row after the other, and hands out one batch.
func (o Oracle) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	r := &run{plan: p, report: &engine.Report{Dropped: map[engine.DropReason]int64{}}}
	spine, err := r.open(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, j := range p.Joined() {
		a, err := newJoin(ctx, in, j, &r.nulls)
		if err != nil {
			return nil, err
		}
		r.joins, r.report.Sources = append(r.joins, a), append(r.report.Sources, a.report)
	}
	labels := len(p.Joins)
	for _, l := range p.Labels {
		if l.Join != nil {
			r.joins[labels].within = l.Within
			labels++
		}
	}
	r.compile()
	var rows [][]value.Value
	for i, row := range spine {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		cells, why, err := r.row(row, func(v *plan.Value, events []agg.Event, asOf int64) value.Value {
			if o.Aggregate != nil {
				return o.Aggregate(len(rows), v, events, asOf)
			}
			return Plain(v, events, asOf)
		})
		if err != nil {
			return nil, fmt.Errorf("row %d of the spine of %s: %w", i+1, p.Name, err)
		}
		if why != "" {
			r.report.Dropped[why]++
			continue
		}
		rows = append(rows, r.output(cells))
	}
	for _, j := range r.joins {
		j.count()
	}
	r.report.SpineRows, r.report.Rows = int64(len(spine)), int64(len(rows))
	r.report.ExpressionNulls = r.nulls.made
	if len(rows) == 0 {
		return r.report, nil
	}
	return r.report, out(value.BatchOf(r.outputs, rows))
}

// run is one Run: what is compiled once for all rows.
type run struct {
	plan    *plan.Batch
	report  *engine.Report
	nulls   nulls
	joins   []*join
	spine   value.Schema // of the rows read
	where   expr.RowFunc // nil: all rows
	at      expr.RowFunc
	columns []expr.RowFunc // of Spine.Columns
	sampled []int          // columns of the spine that decide on the sample

	// cells is the row as it grows: the spine's columns, at, values, derived columns, labels.
	cells   value.Schema
	derived []expr.RowFunc
	outputs value.Schema
}

// open reads the spine's rows.
func (r *run) open(ctx context.Context, in engine.Inputs) ([][]value.Value, error) {
	s := &r.plan.Spine
	table, err := in.SpineRows(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("spine of %s: %w", r.plan.Name, err)
	}
	for _, name := range s.Read {
		r.spine = append(r.spine, s.Schema[s.Schema.Index(name)])
	}
	rows, _, err := readAll(ctx, table, r.spine)
	if err != nil {
		return nil, fmt.Errorf("spine of %s: %w", r.plan.Name, err)
	}
	return rows, nil
}

// compile lays out the row and compiles what is evaluated over it.
func (r *run) compile() {
	s := &r.plan.Spine
	r.where = r.nulls.each("where of the spine", compiled(s.Where, r.spine))
	r.at = r.nulls.each("at of the spine", s.At.Compile(r.spine))
	for _, name := range s.SampleBy {
		r.sampled = append(r.sampled, r.spine.Index(name))
	}
	for _, c := range s.Columns {
		f := c.Expr.Compile(r.spine)
		if c.Name != plan.AtColumn { // which at is
			f = r.nulls.each(c.Name+" of the spine", f)
		}
		r.columns = append(r.columns, f)
		r.cell(c.Name, c.Expr.Type())
	}
	r.cell(plan.AtColumn, value.Timestamp)
	for _, j := range r.plan.Joined() {
		for _, v := range j.Values {
			r.cell(v.Name, v.Feature.Type)
			r.report.Values = append(r.report.Values, &engine.ValueReport{Name: v.Name})
		}
	}
	for _, d := range r.plan.Derive {
		r.cell(d.Name, d.Expr.Type())
	}
	for _, d := range r.plan.Derive {
		r.derived = append(r.derived, r.nulls.each("derived "+d.Name, d.Expr.Compile(r.cells)))
	}
	for _, o := range r.plan.Output {
		r.outputs = append(r.outputs, value.Field{Name: o.Name, Type: o.Type})
	}
}

func (r *run) cell(name string, t value.Type) {
	if r.cells.Index(name) < 0 {
		r.cells = append(r.cells, value.Field{Name: name, Type: t})
	}
}

// row computes all cells of one spine row, or says why a training set drops it.
func (r *run) row(spine []value.Value, aggregate aggregate) (cells []value.Value, why engine.DropReason, err error) {
	s := &r.plan.Spine
	if r.where != nil && !r.where(spine, nil).Bool() {
		return nil, engine.DropWhere, nil
	}
	at := r.at(spine, nil)
	switch {
	case at.IsNull():
		return nil, "", engine.ErrNoTime
	case s.Start != nil && at.Int() < *s.Start, s.End != nil && at.Int() >= *s.End:
		return nil, engine.DropRange, nil
	case s.Sample > 0 && !r.inSample(spine):
		return nil, engine.DropSample, nil
	}
	cells, set := r.newCells(spine, at)
	var found []outcome
	for _, j := range r.joins {
		for i, v := range j.plan.Values {
			got, how := j.value(i, r.cells, cells, at.Int(), aggregate)
			set(v.Name, got)
			found = append(found, how)
		}
	}
	for i, d := range r.plan.Derive {
		set(d.Name, r.derived[i](cells, nil))
	}
	if why := r.drop(cells, at.Int()); why != "" {
		return nil, why, nil
	}
	r.count(found, at.Int())
	return cells, "", nil
}

// newCells is a row with the spine's columns and at, and how to set the others.
func (r *run) newCells(spine []value.Value, at value.Value) (cells []value.Value, set func(name string, v value.Value)) {
	cells = make([]value.Value, len(r.cells))
	set = func(name string, v value.Value) { cells[r.cells.Index(name)] = v }
	for i, c := range r.plan.Spine.Columns {
		set(c.Name, r.columns[i](spine, nil))
	}
	set(plan.AtColumn, at)
	return cells, set
}

// inSample keeps a row by the hash of what sample_by names: the first 8 bytes of the MD5 of the canonical encoding, over 2^64 (W5).
func (r *run) inSample(spine []value.Value) bool {
	var key []byte
	for _, i := range r.sampled {
		key = value.Append(key, spine[i])
	}
	sum := md5.Sum(key)
	return float64(binary.BigEndian.Uint64(sum[:8])) < r.plan.Spine.Sample*(1<<64)
}

// drop applies I2 and Q5: the first rule that a row breaks is the reason.
func (r *run) drop(cells []value.Value, at int64) engine.DropReason {
	d, end := &r.plan.Drop, r.plan.Spine.End
	get := func(name string) value.Value { return cells[r.cells.Index(name)] }
	labelled := false
	for _, l := range r.plan.Labels {
		labelled = labelled || !get(l.Name).IsNull()
	}
	if d.Unlabelled && !labelled {
		return engine.DropUnlabelled
	}
	if d.LabelTime != "" && end != nil {
		if known := get(d.LabelTime); known.IsNull() || known.Int() >= *end {
			return engine.DropLabelLate
		}
	}
	forward := r.joins[len(r.plan.Joins):]
	for _, j := range forward {
		if end != nil && at+j.within > *end {
			return engine.DropLabelLate
		}
	}
	for _, j := range forward {
		if d.WithinData && at+j.within > j.events.newest {
			return engine.DropWithin
		}
	}
	for _, name := range d.RequiredValue {
		if get(name).IsNull() {
			return engine.DropRequiredValue
		}
	}
	return ""
}

// count adds a row that is handed out to the report.
func (r *run) count(found []outcome, at int64) {
	month := value.FormatTimestamp(at)[:len("2024-01")]
	i := 0
	for i < len(r.report.Months) && r.report.Months[i].Month < month {
		i++
	}
	if i == len(r.report.Months) || r.report.Months[i].Month != month {
		r.report.Months = append(r.report.Months[:i], append([]engine.MonthReport{{Month: month}}, r.report.Months[i:]...)...)
	}
	m := &r.report.Months[i]
	m.Rows++
	for n, how := range found {
		m.Cells++
		if how == present {
			m.Filled++
		}
		how.count(r.report.Values[n])
	}
}

func (r *run) output(cells []value.Value) []value.Value {
	out := make([]value.Value, len(r.outputs))
	for i, f := range r.outputs {
		out[i] = cells[r.cells.Index(f.Name)]
	}
	return out
}

var _ engine.Engine = Oracle{}
