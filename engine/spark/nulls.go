package spark

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
)

// Nulls that expressions make (X1) are counted by conditions that say when each is made. What is computed of a row that asks is told by the row,
// in a column that lists the numbers of those that hold there: Spark computes rows that are left out too, of which not everything counts. What
// is computed of a source's rows is counted by the query of counts.

// nullsColumn lists the nulls that were made of a row that asks, by their numbers in Query.made.
const nullsColumn = "#nulls"

// made is one null that an expression may make.
type made struct {
	what   string // as reports call it
	reason expr.Reason
	stage  stageOfRow
}

// stageOfRow is how far a row that asks must have come for an expression to count.
type stageOfRow uint8

const (
	ofEvery  stageOfRow = iota
	ofTrue              // those for which the spine's where is true
	ofAsking            // those that ask, whatever becomes of them
)

// comes tells whether a row has come so far, by why it is left out; 0: it is not.
func (s stageOfRow) comes(why engine.DropReason, timeless bool) bool {
	switch {
	case s == ofEvery:
		return true
	case s == ofTrue:
		return why != engine.DropWhere
	}
	return !timeless && why != engine.DropWhere && why != engine.DropRange && why != engine.DropSample
}

// madeBy is when an expression makes nulls. What is too long to say is listed as uncounted.
func (p *printer) madeBy(e *expr.Expr, what string) []expr.Made {
	if e == nil {
		return nil
	}
	out, err := e.PrintMade(dialect, name)
	var long *expr.PrintError
	switch {
	case errors.As(err, &long):
		if !slices.Contains(p.query.uncounted, what) {
			p.query.uncounted = append(p.query.uncounted, what)
		}
		return nil
	case err != nil:
		p.fail(err)
	}
	return out
}

// rowNulls collects what is made of a row that asks, in one step.
type rowNulls struct {
	p     *printer
	items []string
}

func (r *rowNulls) add(e *expr.Expr, what string, stage stageOfRow) {
	for _, m := range r.p.madeBy(e, what) {
		r.items = append(r.items, fmt.Sprintf("if(%s, %d, null)", m.When, len(r.p.query.made)))
		r.p.query.made = append(r.p.query.made, made{what, m.Reason, stage})
	}
}

// into adds the column, where anything can be made.
func (r *rowNulls) into(out *columns) {
	if len(r.items) == 0 {
		return
	}
	as := fmt.Sprintf("%s%d", nullsColumn, len(r.p.nullColumns))
	r.p.nullColumns = append(r.p.nullColumns, name(as))
	out.add("filter(array("+strings.Join(r.items, ",\n    ")+"), n -> n is not null)", as)
}

// sourceNulls is what is made of the rows of a join's source: of all that are read, and of those that count. own are the source's own
// expressions, which the first join of it counts.
func (p *printer) sourceNulls(j *joined, own bool) (read, counting []string) {
	if s := j.plan.Scan.Source; own {
		read = p.nullsOf(j, read, s.Time, s.Name+": time", "")
		read = p.nullsOf(j, read, s.Where, s.Name+": where", "")
		read = p.nullsOf(j, read, s.KnownAt, s.Name+": known_at", "")
	}
	return read, p.keptNulls(j, j.plan.Name)
}

// keptNulls is what is made of the rows that count, under a name for the whole.
func (p *printer) keptNulls(j *joined, whole string) (out []string) {
	if !j.unordered {
		for _, e := range j.plan.Scan.Source.OrderBy {
			out = p.nullsOf(j, out, e, whole+": order_by", "")
		}
	}
	for _, e := range j.plan.Inputs {
		out = p.nullsOf(j, out, e, whole+": "+e.String(), "")
	}
	for _, e := range j.plan.Wheres {
		out = p.nullsOf(j, out, e, whole+": where "+e.String(), "")
	}
	return out
}

// nullsOf adds the counts of what an expression makes, of the rows of which a condition is true; "": of all.
func (p *printer) nullsOf(j *joined, to []string, e *expr.Expr, what, of string) []string {
	for _, m := range p.madeBy(e, what) {
		when := m.When
		if of != "" {
			when = of + " and (" + when + ")"
		}
		to = append(to, "count_if("+when+")")
		j.made = append(j.made, made{what: what, reason: m.Reason})
	}
	return to
}

// arrayOf is counts as one column.
func arrayOf(counts []string) string {
	return "cast(array(" + strings.Join(counts, ", ") + ") as array<bigint>)"
}

// addNulls adds to a report's.
func addNulls(all *map[string]expr.Nulls, m made, n int64) {
	if n == 0 {
		return
	}
	if *all == nil {
		*all = map[string]expr.Nulls{}
	}
	counts := (*all)[m.what]
	counts[m.reason] += n
	(*all)[m.what] = counts
}

// unknown prints the rows that ask for a key that no event of a source has.
func (p *printer) unknown() {
	var union []string
	for i, j := range p.joins {
		union = append(union, fmt.Sprintf("select %d as `join`, a.%s\nfrom %s a\nleft anti join %s e on %s", i, name(rowNumber), j.name("asked"), j.name("events"), j.sameKey("e", "a")))
	}
	if len(union) == 0 {
		return
	}
	q := &Query{steps: slices.Clone(p.query.steps)}
	q.steps = append(q.steps, step{of: "who asks for keys that no event has", sql: strings.Join(union, "\nunion all\n")})
	p.query.unknown = q
}
