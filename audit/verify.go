package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Verification compares what roads answer to the same rows of a view, by the promise. It takes the rows in chunks, of which it keeps nothing
// but counts and the first difference of each column, so that a sample may be as long as it likes. Used by one goroutine.
type Verification struct {
	// Found is what was found so far: each road but the first against the first.
	Found []*Against

	view         *feature.View
	byDefinition func(hear func(row int, v *plan.Value, events []agg.Event)) engine.Engine
	inputs       engine.Inputs
	serve        *plan.Serve
	derive       map[string]expr.RowFunc
	joins        auditor // makes the plans of joins, nothing else
	rows         int64   // before the chunk
}

// Chunk is some rows of a sample in their order.
type Chunk struct {
	// Asked are the rows' keys and request fields, in the order of View.Asked, and At when they ask, ms.
	Asked [][]value.Value
	At    []int64
	// Roads are the answers, in the order of the verification's roads.
	Roads []Answers
}

// Answers are what one road gives for the rows of a chunk.
type Answers struct {
	Rows     [][]value.Value    // by the view's columns; nil: a row that was not answered
	Statuses [][]feature.Status // the same; nil: a road that knows no failure, such as an engine
}

// Against is one road against another.
type Against struct {
	Road    string      `json:"road"`
	Against string      `json:"against"`
	Rows    int64       `json:"rows"`
	Missing int64       `json:"missing_rows"` // of them: not answered by both
	Columns []*Verified `json:"features"`
	Compared
}

// Compared counts values.
type Compared struct {
	Compared  int64 `json:"compared"`
	Equal     int64 `json:"equal"`
	Within    int64 `json:"within"` // not equal, and both right by the promise
	Differing int64 `json:"differing"`
	// Missing are values that a road did not have: of a row that it did not answer, or failed.
	Missing int64 `json:"missing"`
	// Said are values that differ and whose status had said that they might: partial, stale, fallback. Not compared.
	Said map[string]int64 `json:"said,omitempty"`
}

// Verified is what was found of one column.
type Verified struct {
	Name       string `json:"name"`
	Definition string `json:"definition"` // file:line:col
	Compared
	First *Difference `json:"first,omitempty"`
}

// Difference is the first value of a column in which two roads differ.
type Difference struct {
	Row  int64                      `json:"row"` // of the sample, from one
	Key  map[string]json.RawMessage `json:"key"` // and request fields
	At   string                     `json:"at"`
	Want json.RawMessage            `json:"against_value"`
	Got  json.RawMessage            `json:"road_value"`
	Why  string                     `json:"why"`

	Asked  []value.Value `json:"-"` // in the order of View.Asked
	AskedT int64         `json:"-"` // At, ms
}

// NewVerification begins to compare roads, of which there are two at least. byDefinition and inputs are as of Task: the events behind a value
// say how far two right ones may lie apart.
func NewVerification(v *feature.View, roads []string, byDefinition func(hear func(row int, v *plan.Value, events []agg.Event)) engine.Engine, inputs engine.Inputs) *Verification {
	s := plan.ForServe(v)
	x := &Verification{view: v, byDefinition: byDefinition, inputs: inputs, serve: s, derive: map[string]expr.RowFunc{},
		joins: auditor{view: v, serve: s, joins: make([]*joinPlan, len(v.Joins))}}
	for _, d := range s.Derive {
		x.derive[d.Derived.Name] = d.Derived.Expr.Compile(s.Row)
	}
	for _, road := range roads[1:] {
		a := &Against{Road: road, Against: roads[0], Columns: []*Verified{}}
		for i := range v.Columns {
			if c := &v.Columns[i]; c.Kind != feature.RequestColumn {
				a.Columns = append(a.Columns, &Verified{Name: c.Name, Definition: definedAt(v, c)})
			}
		}
		x.Found = append(x.Found, a)
	}
	return x
}

func definedAt(v *feature.View, c *feature.ViewColumn) string {
	if c.Kind == feature.FeatureColumn {
		return c.Feature.Pos.String()
	}
	i := slices.IndexFunc(v.Derived, func(d feature.Derived) bool { return d.Name == c.Name })
	return v.Derived[i].Pos.String()
}

// Add compares a chunk.
func (x *Verification) Add(ctx context.Context, c *Chunk) error {
	for i, a := range x.Found {
		p := &pair{Verification: x, Against: a, chunk: c, want: &c.Roads[0], got: &c.Roads[i+1]}
		if err := p.compare(ctx); err != nil {
			return err
		}
	}
	x.rows += int64(len(c.Asked))
	return nil
}

// pair is two roads' answers to a chunk.
type pair struct {
	*Verification
	*Against
	chunk     *Chunk
	want, got *Answers
	scales    map[cellAt]agg.Scale // of the values that need it
}

type cellAt struct {
	row  int
	name string
}

func (p *pair) compare(ctx context.Context) error {
	if err := p.measure(ctx); err != nil {
		return err
	}
	for n := range p.chunk.Asked {
		p.Against.Rows++
		answered := p.want.Rows[n] != nil && p.got.Rows[n] != nil
		if !answered {
			p.Against.Missing++
		}
		k := 0
		for i := range p.view.Columns {
			if p.view.Columns[i].Kind == feature.RequestColumn {
				continue
			}
			col := p.Columns[k]
			k++
			if !answered || p.status(n, i) == feature.Failed {
				col.Missing++
				p.Against.Compared.Missing++
				continue
			}
			p.value(col, n, i)
		}
	}
	return nil
}

// status is the worse of both sides'.
func (p *pair) status(n, i int) feature.Status {
	return max(p.want.status(n, i), p.got.status(n, i))
}

func (a *Answers) status(n, i int) feature.Status {
	if a.Statuses == nil {
		return feature.Present
	}
	return a.Statuses[n][i].Derived()
}

// value compares one value and counts it.
func (p *pair) value(col *Verified, n, i int) {
	want, got := p.want.Rows[n][i], p.got.Rows[n][i]
	count := func(add func(*Compared)) { add(&col.Compared); add(&p.Against.Compared) }
	differs := p.differs(n, i)
	switch status := p.status(n, i); {
	case differs == nil && value.Equal(want, got):
		count(func(c *Compared) { c.Compared++; c.Equal++ })
	case differs == nil:
		count(func(c *Compared) { c.Compared++; c.Within++ })
	case status >= feature.Partial:
		count(func(c *Compared) {
			if c.Said == nil {
				c.Said = map[string]int64{}
			}
			c.Said[status.String()]++
		})
	default:
		count(func(c *Compared) { c.Compared++; c.Differing++ })
		if col.First == nil {
			asked := p.chunk.Asked[n]
			col.First = &Difference{Row: p.rows + int64(n) + 1, Key: keyOfRow(p.view, asked), At: value.FormatTimestamp(p.chunk.At[n]),
				Want: value.AppendJSON(nil, want), Got: value.AppendJSON(nil, got), Why: differs.Error(), Asked: slices.Clone(asked), AskedT: p.chunk.At[n]}
		}
	}
}

// differs says why two values are not both right; nil: they are.
func (p *pair) differs(n, i int) error {
	col := &p.view.Columns[i]
	if col.Kind == feature.DerivedColumn {
		return p.derived(n, i, p.derive[col.Name])
	}
	promise := p.joins.joinPlan(col.Join).value(col.Name).Promise()
	if promise.Within(p.want.Rows[n][i], p.got.Rows[n][i]) {
		return nil
	}
	return promise.Check(p.want.Rows[n][i], p.got.Rows[n][i], p.scales[cellAt{n, col.Name}])
}

// derived compares a derived column: each road's is right over its own inputs (Q2).
func (p *pair) derived(n, i int, f expr.RowFunc) error {
	for _, side := range []struct {
		road string
		row  []value.Value
	}{{p.Against.Against, p.want.Rows[n]}, {p.Road, p.got.Rows[n]}} {
		row := make([]value.Value, len(p.serve.Row))
		copy(row, p.chunk.Asked[n])
		row[p.serve.At] = value.OfTimestamp(p.chunk.At[n])
		for k, at := range p.serve.Columns {
			if p.view.Columns[k].Kind != feature.RequestColumn {
				row[at] = side.row[k]
			}
		}
		if own := f(row, nil); !value.Equal(own, side.row[i]) && !agg.Close(own, side.row[i]) {
			return fmt.Errorf("over the inputs that %s has it is %s", side.road, own)
		}
	}
	return nil
}

// measure looks for the events behind the values whose promise depends on them and that are not so near that any events would do.
func (p *pair) measure(ctx context.Context) error {
	p.scales = map[cellAt]agg.Scale{}
	open := map[string]bool{}
	var rows []int
	for n := range p.chunk.Asked {
		if p.want.Rows[n] == nil || p.got.Rows[n] == nil {
			continue
		}
		before := len(rows)
		for i := range p.view.Columns {
			col := &p.view.Columns[i]
			if col.Kind != feature.FeatureColumn {
				continue
			}
			promise := p.joins.joinPlan(col.Join).value(col.Name).Promise()
			if promise.Rule == agg.Exact || promise.Within(p.want.Rows[n][i], p.got.Rows[n][i]) {
				continue
			}
			p.scales[cellAt{n, col.Name}], open[col.Name] = agg.Scale{}, true
			if len(rows) == before {
				rows = append(rows, n)
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	only := *p.view
	only.Derived, only.Columns = nil, slices.DeleteFunc(slices.Clone(p.view.Columns), func(c feature.ViewColumn) bool { return !open[c.Name] })
	b := plan.ForView(&only, nil)
	spine := make([][]value.Value, len(rows))
	for k, n := range rows {
		spine[k] = p.joins.spineRow(b.Spine.Schema, p.chunk.Asked[n], p.chunk.At[n])
	}
	in := p.inputs
	in.Spine = dataset.Memory(b.Spine.Schema, value.BatchOf(b.Spine.Schema, spine))
	e := p.byDefinition(func(row int, v *plan.Value, events []agg.Event) {
		at := cellAt{rows[row], v.Name}
		if _, wanted := p.scales[at]; wanted {
			promise := v.Promise()
			p.scales[at] = promise.Scale(events)
		}
	})
	_, err := e.Run(ctx, b, in, func(*value.Batch) error { return nil })
	return err
}

// Differing is how many values differ with no word about it, over all pairs of roads.
func (x *Verification) Differing() int64 {
	n := int64(0)
	for _, a := range x.Found {
		n += a.Differing
	}
	return n
}
