package online

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// question is what is asked, as a server is asked it.
type question struct {
	plan   *plan.Batch
	view   *feature.View // in which no value is required
	strict *feature.View // the same with what is required; nil: nothing is
	serve  *plan.Serve
	groups []*feature.Group
	// sources are copies, whose lateness may be set; Place is where their rows are.
	sources []*feature.Source
	names   map[string]string // of a column of the view: in the answer

	spine value.Schema
	rows  [][]value.Value // as handed in
	asked [][]value.Value // as a server is asked
	times []int64         // of each row
	got   []Answered
}

// newQuestion reads the rows that ask.
func newQuestion(ctx context.Context, p *plan.Batch, in engine.Inputs) (*question, error) {
	q := &question{plan: p, names: map[string]string{}}
	view := p.View
	if view == nil {
		view = q.viewOf(p.Group)
	}
	q.copies(view)
	q.serve = plan.ForServe(q.view)
	if in.Spine == nil {
		return nil, fmt.Errorf("online: %s has no rows that ask", p.Name)
	}
	b, err := dataset.ReadAll(ctx, in.Spine)
	if err != nil {
		return nil, err
	}
	q.spine, q.rows = in.Spine.Schema(), b
	at := q.spine.Index(plan.AtColumn)
	for i, row := range q.rows {
		if row[at].IsNull() {
			return nil, fmt.Errorf("row %d: %w", i+1, engine.ErrNoTime)
		}
		q.times = append(q.times, row[at].Int())
		asked := make([]value.Value, len(q.serve.Asked))
		for k, key := range q.serve.Asked {
			if c := q.spine.Index(key.Name); c >= 0 {
				asked[k] = row[c]
			}
		}
		q.asked = append(q.asked, asked)
	}
	q.got = make([]Answered, len(q.rows))
	return q, nil
}

// viewOf is a view of nothing but a group, since only views are served.
func (q *question) viewOf(g *feature.Group) *feature.View {
	j := feature.Join{Group: g, Prefix: g.Name}
	v := &feature.View{Name: g.Name, Keys: g.Keys, Fingerprint: "of a group"}
	for _, k := range g.Keys {
		j.On = append(j.On, k.Name)
	}
	v.Joins = []feature.Join{j}
	for _, f := range g.Features {
		name := g.Name + "__" + f.Name
		q.names[name] = f.Name
		v.Columns = append(v.Columns, feature.ViewColumn{Name: name, Type: f.Type, Kind: feature.FeatureColumn, Feature: f, Fingerprint: f.Fingerprint})
	}
	return v
}

// deadline is that of the groups of copies, ms: whether a machine is slow is not what is asked.
const deadline = 600_000

// copies makes the question's own view, groups and sources of those of the project, which others use.
func (q *question) copies(of *feature.View) {
	view := *of
	view.Joins, view.Columns = slices.Clone(of.Joins), slices.Clone(of.Columns)
	sources, groups := map[*feature.Source]*feature.Source{}, map[*feature.Group]*feature.Group{}
	for i := range view.Joins {
		g := view.Joins[i].Group
		if groups[g] == nil {
			if sources[g.Source] == nil {
				s := *g.Source
				sources[g.Source] = &s
				q.sources = append(q.sources, &s)
			}
			c := *g
			c.Source, c.Deadline = sources[g.Source], deadline
			groups[g] = &c
			q.groups = append(q.groups, &c)
		}
		view.Joins[i].Group = groups[g]
	}
	q.view = &view
	required := func(c feature.ViewColumn) bool { return c.Required || c.RequiredValue }
	if slices.ContainsFunc(view.Columns, required) {
		strict := view
		strict.Columns = slices.Clone(view.Columns)
		strict.Name += " with what it requires"
		q.strict = &strict
	}
	for i := range view.Columns {
		view.Columns[i].Required, view.Columns[i].RequiredValue = false, false
	}
}

func (q *question) views() []*feature.View {
	if q.strict == nil {
		return []*feature.View{q.view}
	}
	return []*feature.View{q.view, q.strict}
}

// moments are the times that are asked for, ascending.
func (q *question) moments() []int64 {
	seen := map[int64]bool{}
	for _, t := range q.times {
		seen[t] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// answer is the rows as the plan wants them, and a report that counts them.
func (q *question) answer() (*value.Batch, *engine.Report) {
	var schema value.Schema
	for _, o := range q.plan.Output {
		schema = append(schema, value.Field{Name: o.Name, Type: o.Type})
	}
	rows := make([][]value.Value, len(q.rows))
	for i := range rows {
		rows[i] = make([]value.Value, len(schema))
		for c, f := range schema {
			if k := q.spine.Index(f.Name); k >= 0 {
				rows[i][c] = q.rows[i][k]
			}
		}
		for c, col := range q.view.Columns {
			name := col.Name
			if own, ok := q.names[name]; ok {
				name = own
			}
			if k := schema.Index(name); k >= 0 {
				rows[i][k] = q.got[i].Values[c]
			}
		}
	}
	return value.BatchOf(schema, rows), q.report()
}

// report counts rows, nulls and defaults.
func (q *question) report() *engine.Report {
	r := &engine.Report{SpineRows: int64(len(q.rows)), Rows: int64(len(q.rows)), Dropped: map[engine.DropReason]int64{}}
	for _, j := range q.plan.Joins {
		for _, v := range j.Values {
			x := &engine.ValueReport{Name: v.Name}
			for c, col := range q.view.Columns {
				if name, ok := q.names[col.Name]; col.Name != v.Name && !(ok && name == v.Name) {
					continue
				}
				for i := range q.got {
					if q.got[i].Statuses[c] == "default" {
						x.Defaults++
					} else if q.got[i].Values[c].IsNull() {
						x.Nulls++
					}
				}
			}
			r.Values = append(r.Values, x)
		}
	}
	return r
}
