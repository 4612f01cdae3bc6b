package enginetest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/oracle"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Answer is all that a road gives for a plan.
type Answer struct {
	Schema value.Schema
	Rows   [][]value.Value
	Report *engine.Report
	// Counted tells what the report counts; nil: all.
	Counted func(name string) bool
}

// Declined is the error of a road that is not for what it was asked, and says why by the contract: it neither answers nor refuses.
type Declined string

func (d Declined) Error() string { return "not for this road: " + string(d) }

// ValuesOnly is implemented by a road that is no engine of batch, so that its reports count little.
type ValuesOnly interface {
	// Counts tells whether a road's reports have a count, by the name that Counts has for it.
	Counts(name string) bool
}

// Ask runs a plan on a road and collects its rows. Rows of another shape than the plan's output are an error.
func Ask(ctx context.Context, road engine.Engine, p *plan.Batch, in engine.Inputs) (*Answer, error) {
	a := &Answer{}
	for _, o := range p.Output {
		a.Schema = append(a.Schema, value.Field{Name: o.Name, Type: o.Type})
	}
	report, err := road.Run(ctx, p, in, func(b *value.Batch) error {
		for i, f := range a.Schema {
			if i >= len(b.Schema) || b.Schema[i].Name != f.Name || !b.Schema[i].Type.Equal(f.Type) || b.Columns[i].N != b.N {
				return fmt.Errorf("a batch with the columns %v where the plan has %v", b.Schema, a.Schema)
			}
		}
		for i := range b.N {
			a.Rows = append(a.Rows, b.Row(i))
			for c, f := range a.Schema {
				if n := len(a.Rows) - 1; !plain(a.Rows[n][c]) || f.Type.Kind == value.KindFloat && !b.Columns[c].IsNull(i) && !plainFloat(b.Columns[c].Floats[i]) {
					return fmt.Errorf("row %d, column %s: %v is no value (V2)", n+1, f.Name, a.Rows[n][c])
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.Report = report
	if few, ok := road.(ValuesOnly); ok {
		a.Counted = few.Counts
	}
	return a, nil
}

// plainFloat tells a float that may be a value: neither NaN nor infinite nor −0.0.
func plainFloat(f float64) bool { return f-f == 0 && (f != 0 || !math.Signbit(f)) }

// plain looks for floats inside lists, maps and structs too.
func plain(v value.Value) bool {
	if v.Kind() == value.KindFloat {
		return plainFloat(v.Float())
	}
	for i := range v.Len() {
		if !plain(v.At(i)) {
			return false
		}
	}
	return true
}

// Judge knows the oracle's answer to one plan and tells whether another is right too.
type Judge struct {
	Want *Answer

	plan   *plan.Batch
	spine  value.Schema // of rows handed in
	rows   [][]value.Value
	events map[cell][]agg.Event // behind each value
	rules  map[string]rule      // of each column of the output
	nulls  map[string]*sourceNulls
}

type cell struct {
	row  int
	name string
}

// rule is how a column is compared: by the promise of its aggregation, by evaluating a derived column over each side's own inputs (Q2),
// or exactly.
type rule struct {
	feature *plan.Value
	derived *expr.Expr
}

// NewJudge asks the oracle. spine and rows are what is handed in as the plan's spine; nil where it has its own.
//
// It adds to the plan's output the inputs of derived columns that a training set leaves out, since comparing needs them.
func NewJudge(ctx context.Context, p *plan.Batch, in engine.Inputs, spine value.Schema, rows [][]value.Value) (*Judge, error) {
	j := &Judge{plan: p, spine: spine, rows: rows, events: map[cell][]agg.Event{}, rules: map[string]rule{}}
	for _, join := range p.Joined() {
		for i := range join.Values {
			j.rules[join.Values[i].Name] = rule{feature: &join.Values[i]}
		}
	}
	for _, d := range p.Derive {
		j.rules[d.Name] = rule{derived: d.Expr}
	}
	j.showInputs()
	var err error
	j.Want, err = Ask(ctx, oracle.Oracle{Aggregate: func(row int, v *plan.Value, events []agg.Event, asOf int64) value.Value {
		j.events[cell{row, v.Name}] = events
		return oracle.Plain(v, events, asOf)
	}}, p, in)
	if err != nil {
		return j, err
	}
	j.nulls, err = allNulls(ctx, p, in)
	return j, err
}

// showInputs adds what derived columns read, where neither the output nor the rows handed in have it.
func (j *Judge) showInputs() {
	types := map[string]value.Type{plan.AtColumn: value.Timestamp}
	for _, c := range j.plan.Spine.Columns {
		types[c.Name] = c.Expr.Type()
	}
	for name, r := range j.rules {
		if r.feature != nil {
			types[name] = r.feature.Feature.Type
		} else {
			types[name] = r.derived.Type()
		}
	}
	for _, d := range j.plan.Derive {
		for _, name := range d.Expr.Columns() {
			shown := slices.ContainsFunc(j.plan.Output, func(o plan.Output) bool { return o.Name == name })
			if !shown && j.spine.Index(name) < 0 {
				j.plan.Output = append(j.plan.Output, plan.Output{Name: name, Type: types[name], Role: plan.Column})
			}
		}
	}
}

// Compare lists where got is not a right answer.
func (j *Judge) Compare(got *Answer) []Difference {
	out := j.CompareRows(got)
	if len(got.Rows) != len(j.Want.Rows) {
		return out
	}
	return append(out, j.CompareReports(got)...)
}

// CompareRows lists where the rows of an answer are not right.
func (j *Judge) CompareRows(got *Answer) []Difference {
	if len(got.Rows) != len(j.Want.Rows) {
		return []Difference{{Why: fmt.Sprintf("%d rows where %d are right", len(got.Rows), len(j.Want.Rows))}}
	}
	var out []Difference
	for n := range got.Rows {
		for c, f := range j.Want.Schema {
			want, is := j.Want.Rows[n][c], got.Rows[n][c]
			if err := j.compare(n, f.Name, want, is, got.Rows[n]); err != nil {
				out = append(out, Difference{Row: n + 1, Column: f.Name, Want: want, Got: is, Why: err.Error()})
			}
		}
	}
	return out
}

// compare tells whether a cell is right; row is the road's own.
func (j *Judge) compare(n int, name string, want, got value.Value, row []value.Value) error {
	r := j.rules[name]
	switch {
	case value.Equal(want, got):
		return nil
	case r.feature != nil:
		return j.Promise(n, r.feature, want, got)
	case r.derived != nil:
		return j.derived(n, r.derived, got, row)
	}
	return fmt.Errorf("differs")
}

// Promise compares two values of a feature in row n by the promise of §4; want need not be the oracle's.
func (j *Judge) Promise(n int, v *plan.Value, want, got value.Value) error {
	p := v.Promise()
	return p.Check(want, got, p.Scale(j.events[cell{n, v.Name}]))
}

// derived compares a derived value with its expression over the road's own row.
func (j *Judge) derived(n int, e *expr.Expr, got value.Value, row []value.Value) error {
	schema, cells := j.Want.Schema, row
	if j.rows != nil {
		schema, cells = slices.Clone(schema), slices.Clone(row)
		for i, f := range j.spine {
			if schema.Index(f.Name) < 0 {
				schema, cells = append(schema, f), append(cells, j.rows[n][i])
			}
		}
	}
	own := e.Compile(schema)(cells, nil)
	if value.Equal(own, got) || e.Transcendental() && agg.Close(own, got) {
		return nil
	}
	return fmt.Errorf("%s is %s over this road's own inputs", e, own)
}

// CompareReports compares what every road must count alike: rows, and nulls and defaults by column. Counts of the rows of sources
// depend on what a road needs to read.
func (j *Judge) CompareReports(a *Answer) []Difference {
	var out []Difference
	differ := func(what string, want, is int64) {
		if want != is {
			out = append(out, Difference{Column: what, Want: value.OfInt(want), Got: value.OfInt(is), Why: "the reports count differently"})
		}
	}
	want, got := j.Want.Report, a.Report
	if got == nil {
		return []Difference{{Why: "no report"}}
	}
	differ("spine rows", want.SpineRows, got.SpineRows)
	differ("rows", want.Rows, got.Rows)
	for _, why := range dropReasons {
		differ("dropped: "+string(why), want.Dropped[why], got.Dropped[why])
	}
	if len(want.Values) != len(got.Values) {
		differ("values reported", int64(len(want.Values)), int64(len(got.Values)))
		return out
	}
	for i, v := range want.Values {
		if j.floating(v.Name) {
			continue // null is right too where a sum overflows
		}
		differ("nulls of "+v.Name, v.Nulls, got.Values[i].Nulls)
		differ("defaults of "+v.Name, v.Defaults, got.Values[i].Defaults)
	}
	if a.Counted != nil && !a.Counted(engine.ExpressionNulls) {
		return out
	}
	return append(out, j.compareNulls(got)...)
}

// floating tells whether two right answers may be null in one and not in the other.
func (j *Judge) floating(name string) bool {
	v := j.rules[name].feature
	if v == nil || v.Feature.Input == nil {
		return false
	}
	return v.Feature.Agg.Promise(v.Feature.Input.Type(), v.Feature.Params).Rule != agg.Exact
}

var dropReasons = []engine.DropReason{engine.DropWhere, engine.DropRange, engine.DropSample, engine.DropUnlabelled, engine.DropLabelLate,
	engine.DropWithin, engine.DropRequiredValue}

// Difference is one place where a road is not right.
type Difference struct {
	Road   string
	Line   int    // of the script; 0: none
	Row    int    // of the answer, from one; 0: all of it
	Column string // or what the report counts
	Want   value.Value
	Got    value.Value
	Why    string
}

// String is the difference in a line.
func (d Difference) String() string {
	at := ""
	if d.Line > 0 {
		at = fmt.Sprintf("line %d: ", d.Line)
	}
	switch {
	case d.Column == "":
		return fmt.Sprintf("%s: %s%s", d.Road, at, d.Why)
	case d.Row == 0:
		return fmt.Sprintf("%s: %s%s: want %s, got %s (%s)", d.Road, at, d.Column, d.Want, d.Got, d.Why)
	}
	return fmt.Sprintf("%s: %srow %d, column %s: want %s, got %s (%s)", d.Road, at, d.Row, d.Column, d.Want, d.Got, d.Why)
}
