package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/sift"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// emitRows is how many rows come out at once: a multiple of 64.
const emitRows = 1 << 15

// emitter puts the rows together again, in the spine's order.
type emitter struct {
	run     *run
	schema  value.Schema // the row: spine, values, derived columns
	derived []*sift.Program
	output  value.Schema
	picks   []int  // columns of the row
	pages   []page // of each join, of the chunk at hand
	months  map[string]*engine.MonthReport
	counts  [][][1 << outcomeBits]int64 // outcomes of each value of each join
	cells   int64                       // values in a row
}

// emit hands the rows out.
func (r *run) emit(ctx context.Context, out func(*value.Batch) error) error {
	e, err := r.newEmitter()
	if err != nil {
		return err
	}
	for chunk, size := 0, r.chunkRows(); chunk*size < r.spine.n; chunk++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := e.rows(chunk, chunk*size, min((chunk+1)*size, r.spine.n))
		if err != nil {
			return err
		}
		r.report.Rows += int64(b.N)
		if b.N == 0 {
			continue
		}
		if err := out(b); err != nil {
			return err
		}
	}
	e.report()
	return nil
}

// chunkRows is how many rows of the spine come out at once: a multiple of 64.
func (r *run) chunkRows() int {
	if n := r.options.BatchRows; n > 0 {
		return (n + 63) / 64 * 64
	}
	return emitRows
}

func (r *run) newEmitter() (*emitter, error) {
	e := &emitter{run: r, schema: slices.Clone(r.spine.schema), months: map[string]*engine.MonthReport{}}
	for _, a := range r.answers {
		for i := range a.values {
			e.schema = append(e.schema, value.Field{Name: a.values[i].Name, Type: a.types[i]})
		}
		e.counts = append(e.counts, make([][1 << outcomeBits]int64, len(a.values)))
		e.cells += int64(len(a.values))
	}
	for _, d := range r.plan.Derive {
		e.derived = append(e.derived, sift.NewProgram("derived "+d.Name, d.Expr, e.schema))
		e.schema = append(e.schema, value.Field{Name: d.Name, Type: d.Expr.Type()})
	}
	for _, o := range r.plan.Output {
		i := e.schema.Index(o.Name)
		if i < 0 {
			return nil, fmt.Errorf("plan %s: nothing makes the output %q", r.plan.Name, o.Name)
		}
		e.picks = append(e.picks, i)
		e.output = append(e.output, value.Field{Name: o.Name, Type: o.Type})
	}
	return e, nil
}

// rows is the output of a chunk, the spine's rows [from, to), less those that are dropped.
func (e *emitter) rows(chunk, from, to int) (*value.Batch, error) {
	r := e.run
	b := &value.Batch{N: to - from}
	for _, c := range r.spine.columns {
		b.Columns = append(b.Columns, slice(c, from, to))
	}
	e.pages = e.pages[:0]
	for _, a := range r.answers {
		p, bytes, err := a.page(chunk, to-from)
		if err != nil {
			return nil, err
		}
		r.pool.Hold(bytes)
		defer r.pool.Release(bytes)
		e.pages = append(e.pages, p)
		b.Columns = append(b.Columns, p.columns...)
	}
	for _, d := range e.derived {
		b.Schema = e.schema[:len(b.Columns)]
		b.Columns = append(b.Columns, d.Eval(b, &r.nulls))
	}
	b.Schema = e.schema
	kept := e.drop(b, from)
	e.count(from, kept)
	out := &value.Batch{Schema: e.output, N: b.N}
	for _, i := range e.picks {
		out.Columns = append(out.Columns, b.Columns[i])
	}
	if len(kept) < b.N {
		out = take(out, kept)
	}
	return out, nil
}

// drop finds the rows that stay; the first rule that a row breaks is the reason (I2, Q5).
func (e *emitter) drop(b *value.Batch, from int) []int32 {
	rules := e.rules(b, from)
	kept := make([]int32, 0, b.N)
rows:
	for i := range b.N {
		for _, rule := range rules {
			if rule.breaks(i) {
				e.run.report.Dropped[rule.why]++
				continue rows
			}
		}
		kept = append(kept, int32(i))
	}
	return kept
}

// rule says which rows a training set leaves out, and why.
type rule struct {
	why    engine.DropReason
	breaks func(i int) bool
}

func (e *emitter) rules(b *value.Batch, from int) (rules []rule) {
	p := e.run.plan
	add := func(why engine.DropReason, breaks func(i int) bool) { rules = append(rules, rule{why, breaks}) }
	at := e.run.spine.at[from:]
	if p.Drop.Unlabelled {
		var labels []*value.Column
		for _, l := range p.Labels {
			labels = append(labels, b.Column(l.Name))
		}
		add(engine.DropUnlabelled, func(i int) bool {
			return !slices.ContainsFunc(labels, func(c *value.Column) bool { return !c.IsNull(i) })
		})
	}
	if end := p.Spine.End; end != nil {
		if p.Drop.LabelTime != "" {
			known := b.Column(p.Drop.LabelTime)
			add(engine.DropLabelLate, func(i int) bool { return known.IsNull(i) || known.Ints[i] >= *end })
		}
		for _, l := range p.Labels {
			if l.Join != nil {
				add(engine.DropLabelLate, func(i int) bool { return at[i]+l.Within > *end })
			}
		}
	}
	for _, l := range p.Labels {
		if l.Join != nil && p.Drop.WithinData {
			newest := e.run.newest[l.Join]
			add(engine.DropWithin, func(i int) bool {
				return at[i]+l.Within > newest && !fault.Planted("local: labels reach past the end of the data")
			})
		}
	}
	for _, name := range p.Drop.RequiredValue {
		c := b.Column(name)
		add(engine.DropRequiredValue, c.IsNull)
	}
	return rules
}

// count adds the rows that stay to the report.
func (e *emitter) count(from int, kept []int32) {
	at := e.run.spine.at[from:]
	var month *engine.MonthReport
	var first, next int64 // of the month
	for _, i := range kept {
		if t := at[i]; month == nil || t < first || t >= next {
			month, first, next = e.month(t)
		}
		month.Rows++
		month.Cells += e.cells
		month.Filled += e.cells
		for p := range e.pages {
			month.Filled -= e.pages[p].count(int(i), e.counts[p])
		}
	}
}

// month is the report of a time's month, and the day that the time lies in.
func (e *emitter) month(t int64) (m *engine.MonthReport, from, to int64) {
	day := value.Floor(t, value.DayMS)
	name := value.FormatTimestamp(t)[:len("2024-01")]
	m = e.months[name]
	if m == nil {
		m = &engine.MonthReport{Month: name}
		e.months[name] = m
	}
	return m, day, day + value.DayMS
}

func (e *emitter) report() {
	r := e.run.report
	for j, a := range e.run.answers {
		for i := range a.values {
			v := &engine.ValueReport{Name: a.values[i].Name}
			countOutcomes(v, &e.counts[j][i])
			r.Values = append(r.Values, v)
		}
	}
	for _, m := range e.months {
		r.Months = append(r.Months, *m)
	}
	slices.SortFunc(r.Months, func(a, b engine.MonthReport) int {
		if a.Month < b.Month {
			return -1
		}
		return 1
	})
}
