package enginetest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// How nulls are counted (X1) is compared as far as it is settled. What is computed of the spine's rows must be counted alike, less what
// is derived from values that may be right and differ. Of a source's rows an engine may compute what no answer needs, columns at a time,
// and may leave out rows that no answer can see: it counts at least the rows that answers are made of, which the oracle counts, and at
// most all rows.

// sourceNulls is what is computed of a source's rows under one name, over all of them.
type sourceNulls struct {
	most expr.Nulls
	join int  // of the plan: the first that computes it
	own  bool // the source's own expression, which decides which rows are events
}

// allNulls evaluates what the joins compute over every row of their sources.
func allNulls(ctx context.Context, p *plan.Batch, in engine.Inputs) (map[string]*sourceNulls, error) {
	out := map[string]*sourceNulls{}
	done := map[*feature.Source]bool{}
	for n, j := range p.Joined() {
		s := j.Scan.Source
		rows, err := rowsOf(ctx, in, s)
		if err != nil {
			return nil, err
		}
		add := func(what string, own bool, e *expr.Expr) {
			if e == nil {
				return
			}
			if out[what] == nil {
				out[what] = &sourceNulls{join: n, own: own}
			}
			f := e.Compile(s.Schema)
			for _, row := range rows {
				f(row, &out[what].most)
			}
		}
		if !done[s] {
			add(s.Name+": time", true, s.Time)
			add(s.Name+": where", true, s.Where)
		}
		done[s] = true
		add(s.Name+": known_at", true, s.KnownAt) // of each key's rows
		for _, e := range s.OrderBy {
			add(j.Name+": order_by", false, e)
		}
		for _, e := range j.Inputs {
			add(j.Name+": "+e.String(), false, e)
		}
		for _, e := range j.Wheres {
			add(j.Name+": where "+e.String(), false, e)
		}
	}
	return out, nil
}

func rowsOf(ctx context.Context, in engine.Inputs, s *feature.Source) (rows [][]value.Value, err error) {
	table, err := in.Open(ctx, s.Place, s.Schema)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	r, err := table.Scan(ctx, dataset.Scan{Columns: s.Schema.Names()})
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Name, err)
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", s.Name, err)
		}
		for i := range b.N {
			rows = append(rows, b.Row(i))
		}
	}
}

// compareNulls compares the nulls that expressions made.
func (j *Judge) compareNulls(got *engine.Report) []Difference {
	var out []Difference
	names := map[string]bool{}
	for _, counts := range []map[string]expr.Nulls{j.Want.Report.ExpressionNulls, got.ExpressionNulls} {
		for name := range counts {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		least, is := j.Want.Report.ExpressionNulls[name], got.ExpressionNulls[name]
		most := least
		switch s := j.nulls[name]; {
		case s != nil:
			most = s.most
			if !j.sawAll(s, got) {
				least = expr.Nulls{}
			}
		case !j.settled(name):
			continue
		}
		for _, reason := range expr.Reasons() {
			if n := is[reason]; n < least[reason] || n > most[reason] {
				out = append(out, Difference{
					Column: fmt.Sprintf("nulls that %s made: %s", name, reason), Want: value.OfInt(least[reason]), Got: value.OfInt(n),
					Why: fmt.Sprintf("from %d to %d are right", least[reason], most[reason]),
				})
			}
		}
	}
	return out
}

// sawAll tells whether an engine has read the rows that the oracle counts: its tiles stand for none, and it passed over none where the
// count is of all rows.
func (j *Judge) sawAll(s *sourceNulls, got *engine.Report) bool {
	if s.join >= len(got.Sources) {
		return true // compared elsewhere
	}
	is := got.Sources[s.join]
	return is.TileDays == 0 && (!s.own || is.Rows == j.Want.Report.Sources[s.join].Rows)
}

// settled tells whether what is computed under the name is computed of the same values on every road. It is not where a derived column
// reads what may differ.
func (j *Judge) settled(name string) bool {
	for _, d := range j.plan.Derive {
		if "derived "+d.Name == name {
			return !j.approximate(d.Expr)
		}
	}
	return true
}

func (j *Judge) approximate(e *expr.Expr) bool {
	return slices.ContainsFunc(e.Columns(), func(name string) bool {
		switch r := j.rules[name]; {
		case r.derived != nil:
			return j.approximate(r.derived)
		case r.feature == nil || r.feature.Feature.Input == nil:
			return false
		default:
			f := r.feature.Feature
			return f.Input.Transcendental() || f.Agg.Promise(f.Input.Type(), f.Params).Rule != agg.Exact
		}
	})
}
