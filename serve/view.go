package serve

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// View is a view as a server answers it: one plan, compiled. It never changes and is safe for concurrent use.
type View struct {
	Plan *plan.Serve

	server *Server
	names  []string // of its columns
	derive []expr.RowFunc
	spaces []*space       // by fetch
	counts []*groupCounts // by fetch
	whole  *selection

	mu     sync.Mutex
	chosen map[string]*selection // of other columns than all of them
}

// maxChosen is how many choices of columns a view remembers.
const maxChosen = 256

func (s *Server) newView(f *feature.View, space func(id string) *space) *View {
	v := &View{Plan: plan.ForServe(f), server: s, chosen: map[string]*selection{}}
	for _, fetch := range v.Plan.Fetches {
		v.spaces = append(v.spaces, space(fetch.Space.ID))
		v.counts = append(v.counts, s.options.Metrics.group(fetch.Space.Group.Name))
	}
	for _, d := range v.Plan.Derive {
		v.derive = append(v.derive, d.Derived.Expr.Compile(v.Plan.Row))
	}
	all := make([]int, len(f.Columns))
	for i, c := range f.Columns {
		v.names, all[i] = append(v.names, c.Name), i
	}
	v.whole = v.selection(all)
	return v
}

// Name is the view's.
func (v *View) Name() string { return v.Plan.View.Name }

// Fingerprint is the view's (I1).
func (v *View) Fingerprint() string { return v.Plan.View.Fingerprint }

// Asked are the keys and request fields of a row, in the order of Row.Values. The slice is shared.
func (v *View) Asked() []feature.Key { return v.Plan.Asked }

// Columns are the view's. The slice is shared.
func (v *View) Columns() []feature.ViewColumn { return v.Plan.View.Columns }

// choose finds what it takes to answer the columns.
func (v *View) choose(features []string) (*selection, error) {
	if features == nil {
		return v.whole, nil
	}
	id := strings.Join(features, "\x00")
	v.mu.Lock()
	s := v.chosen[id]
	v.mu.Unlock()
	if s != nil {
		return s, nil
	}
	columns := make([]int, len(features))
	for i, name := range features {
		if columns[i] = slices.Index(v.names, name); columns[i] < 0 {
			return nil, v.unknownFeature(name)
		}
	}
	s = v.selection(columns)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.chosen) < maxChosen {
		v.chosen[id] = s
	}
	return s, nil
}

// selection is what it takes to answer some columns of a view.
type selection struct {
	view     *View
	features []string
	columns  []feature.ViewColumn
	rows     []int // of each column: where in the row it stands
	derive   []int // of Plan.Derive
	parts    []*part
	recorded []int // of the view's columns: those asked for and what they are derived of, less the request's own
}

func (v *View) selection(columns []int) *selection {
	s := &selection{view: v}
	needed := make([]bool, len(v.Plan.Row))
	for _, i := range columns {
		s.features = append(s.features, v.names[i])
		s.columns = append(s.columns, v.Plan.View.Columns[i])
		s.rows = append(s.rows, v.Plan.Columns[i])
		needed[v.Plan.Columns[i]] = true
	}
	for i := len(v.Plan.Derive) - 1; i >= 0; i-- {
		if d := v.Plan.Derive[i]; needed[d.Row] {
			s.derive = append(s.derive, i)
			for _, in := range d.Inputs {
				needed[in] = true
			}
		}
	}
	slices.Reverse(s.derive)
	for i, col := range v.Plan.View.Columns {
		if needed[v.Plan.Columns[i]] && col.Kind != feature.RequestColumn {
			s.recorded = append(s.recorded, i)
		}
	}
	for i := range v.Plan.Fetches {
		s.parts = append(s.parts, v.parts(i, needed)...)
	}
	// Those that may take less time are read first, so that a slow store fails as few as can be.
	slices.SortStableFunc(s.parts, func(a, b *part) int { return int(a.deadline - b.deadline) })
	return s
}

// parts are the values of a fetch that are needed, parted by what they are made of.
func (v *View) parts(fetch int, needed []bool) []*part {
	f := v.Plan.Fetches[fetch]
	var out []*part
	for _, kind := range []kind{ofTiles, ofChunks, ofVersions} {
		p := &part{kind: kind, fetch: fetch, on: f.On, of: f.Space, space: v.spaces[fetch], counts: v.counts[fetch]}
		if !v.server.options.Patient {
			p.deadline = time.Duration(f.Space.Group.Deadline) * time.Millisecond
		}
		for _, x := range f.Values {
			if needed[x.Row] && kindOf(f.Space, x.Value) == kind {
				p.add(x)
			}
		}
		if len(p.values) > 0 {
			p.timed = p.timedValues()
			p.pool.New = func() any { return p.newMerger() }
			out = append(out, p)
		}
	}
	return out
}

// limit is when a part is waited for no longer: at its own deadline, less what making the answer of the last that is known takes, or at the whole request's
// where the group has none.
func (p *part) limit(began, whole time.Time) time.Time {
	if p.deadline <= 0 {
		return whole
	}
	if own := began.Add(p.deadline - min(p.deadline/20, 2*time.Millisecond)); own.Before(whole) {
		return own
	}
	return whole
}

// typeOf is the type of a feature's input.
func typeOf(f *feature.Feature) value.Type {
	if f.Input == nil {
		return value.Null
	}
	return f.Input.Type()
}
