package spark

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

const dialect = expr.SparkSQL

// Table is where Spark finds the rows of a table: what may stand behind `from`, with the columns in their physical types.
type Table struct {
	From string
	// Column is SQL for a column as the contract reads it; nil: the columns are so already.
	Column func(f value.Field) (string, error)
	// Parts are the names of a snapshot table's partitions, those without rows too (E6).
	Parts []value.Value
}

// Tables are where the tables of a plan are. The spine's has a column more, rowNumber, that counts its rows in their order.
type Tables struct {
	Spine Table
	Joins []Table // as plan.Batch.Joined
}

// Columns of the query that no column of a user can be called.
const (
	rowNumber = "#row"
	whyColumn = "#why"
	atColumn  = "#at"
	tsColumn  = "#ts"
)

// Query is a plan as Spark SQL.
type Query struct {
	steps []step
	// values are the names of the columns that say how each value came about, after rowNumber, whyColumn and the plan's Output.
	values []string
	// made are the nulls that expressions may make of a row that asks, by the numbers that nullsColumn lists.
	// uncounted are expressions of which it is too long to say when they make nulls.
	made      []made
	uncounted []string
	sources   [][]made // what the query of counts tells of each join
	counts    *Query   // of the sources' rows; nil where there is no source
	unknown   *Query   // which rows ask for keys that no event has
	hot       *Query   // how many keys of each join are hot
}

// step is one named table of the query.
type step struct {
	name string
	of   string // the definition that it stands for
	sql  string
}

// Print prints a plan. An error is *Unsupported.
func Print(b *plan.Batch, t Tables, shape Shape) (*Query, error) {
	p := &printer{plan: b, tables: t, shape: shape, query: &Query{}, finishes: map[*feature.Feature]*expr.Expr{}}
	p.spine()
	p.hotSteps = slices.Clone(p.query.steps)
	for i, j := range b.Joined() {
		p.began = len(p.query.steps)
		p.join(i, j)
	}
	p.query.hot = p.hotQuery()
	p.counts()
	p.unknown()
	p.row()
	if p.err != nil {
		return nil, p.err
	}
	return p.query, nil
}

// Explain is the query that Spark is handed for a plan, with each table under its source's name.
func Explain(b *plan.Batch) (string, error) {
	t := Tables{Spine: Table{From: name("rows of " + b.Name)}}
	for _, j := range b.Joined() {
		t.Joins = append(t.Joins, Table{From: name(j.Scan.Source.Name)})
	}
	q, err := Print(b, t, Shape{})
	if err != nil {
		return "", err
	}
	return q.shapes(b) + q.String(), nil
}

// shapes says in words which keys are answered otherwise.
func (q *Query) shapes(b *plan.Batch) string {
	var by, never []string
	for _, j := range b.Joined() {
		if tileable(&joined{plan: j}) {
			by = append(by, j.Name)
		} else {
			never = append(never, j.Name)
		}
	}
	out := ""
	if by != nil {
		out += fmt.Sprintf("-- keys of %s with more than %d events that more than %d rows ask for are answered by tiles, where there may be such: --bundle shows how\n", strings.Join(by, ", "), hotEvents, hotEvents/16)
	}
	if never != nil {
		out += "-- those of " + strings.Join(never, ", ") + " never: its source has known_at\n"
	}
	return out
}

// String is the query's text.
func (q *Query) String() string {
	texts := make([]string, len(q.steps))
	for i := range q.steps {
		texts[i] = q.text(i)
	}
	return strings.Join(texts, "")
}

// text is a step's part of the query.
func (q *Query) text(i int) string {
	var b strings.Builder
	s := &q.steps[i]
	last := i == len(q.steps)-1
	if i == 0 {
		b.WriteString("with\n")
	}
	for line := range strings.Lines(s.of) {
		b.WriteString("-- " + strings.TrimRight(line, "\n") + "\n")
	}
	if last {
		b.WriteString(s.sql + "\n")
		return b.String()
	}
	fmt.Fprintf(&b, "%s as (\n  %s\n)", s.name, strings.ReplaceAll(s.sql, "\n", "\n  "))
	if i < len(q.steps)-2 {
		b.WriteString(",")
	}
	b.WriteString("\n")
	return b.String()
}

// stepAt is the step that a line of the query, counted from one, belongs to.
func (q *Query) stepAt(line int) (*step, bool) {
	for i := range q.steps {
		if line -= strings.Count(q.text(i), "\n"); line <= 0 {
			return &q.steps[i], true
		}
	}
	return nil, false
}

// printer makes the steps. After the first error it goes on and makes nothing of use.
type printer struct {
	plan   *plan.Batch
	tables Tables
	shape  Shape
	query  *Query
	joins  []*joined
	// began is the first step of the join that is printed; hotSteps and hotKeys are what hotQuery is made of.
	began int
	// nullColumns tell what nulls were made of a row that asks, each in its step.
	nullColumns []string
	hotSteps    []step
	hotKeys     []string
	// finishes are those that have been typed; nil: a function of ours.
	finishes map[*feature.Feature]*expr.Expr
	err      error
}

func (p *printer) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *printer) step(name, of, sql string) {
	p.query.steps = append(p.query.steps, step{name, of, sql})
}

// expr prints an expression whose columns are those of the step before.
func (p *printer) expr(e *expr.Expr, of string, at feature.Pos) string {
	return p.exprOver(e, of, at, name)
}

func (p *printer) exprOver(e *expr.Expr, of string, at feature.Pos, column func(string) string) string {
	text, err := e.Print(dialect, column)
	var lack *expr.PrintError
	switch {
	case errors.As(err, &lack):
		p.fail(&Unsupported{What: lack.Message, Of: of, At: at, Cure: "write it otherwise, or compute it with engine = \"local\""})
	case err != nil:
		p.fail(err)
	}
	return text
}

// name writes an identifier.
func name(s string) string { return dialect.Name(s) }

// columns of a select list.
type columns []string

func (c *columns) add(sql, as string) {
	if as == "" || sql == name(as) {
		*c = append(*c, sql)
		return
	}
	*c = append(*c, sql+" as "+name(as))
}

// selects is a select list, an item a line, and what follows it.
func (c columns) selects(rest string) string {
	return "select\n  " + strings.Join(c, ",\n  ") + "\n" + rest
}

// milliseconds computes times as text of BIGINT.
type milliseconds struct{}

func (milliseconds) Add(x string, ms int64) string {
	switch {
	case ms == 0:
		return x
	case ms < 0:
		return fmt.Sprintf("(%s - %dL)", x, -ms)
	}
	return fmt.Sprintf("(%s + %dL)", x, ms)
}

func (milliseconds) Floor(x string, ms int64) string {
	return fmt.Sprintf("(%s - pmod(%s, %dL))", x, x, ms)
}

// long is a BIGINT.
func long(n int64) string { return dialect.Literal(value.Int, value.OfInt(n)) }

// text is a STRING.
func text(s string) string { return dialect.Literal(value.String, value.OfString(s)) }
