package predict

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// endpoint is the state of an endpoint from one change to the next. It never changes, but for what it counts.
type endpoint struct {
	def      *feature.Endpoint
	traffic  *catalog.Traffic // that the routes are of
	routes   []route
	champion int64    // the version that is called so, whoever is asked; 0: none is
	reserve  *version // asked where a route's version fails, by fallback "last"; nil: none
	shadows  []*version
	all      []*version // each once
	trial    *trial     // of the canary; nil: none
	wrong    string     // why it is not answered as it is deployed; "": it is
	unopened []unopened // versions that it should ask, and that cannot be had
	fallback []float64  // nil: none
	classes  []string   // of the fallback, where it is of several
	degraded expr.RowFunc
	seed     uint64
	width    int // the widest answer of its versions
	bound    atomic.Pointer[bound]
	refs     atomic.Int64
	batchers map[*version]*batcher // of those whose requests are not answered by themselves
}

// route is a version with its part of the keys.
type route struct {
	*version
	weight float64
	salt   uint64
	canary bool
}

// unopened is a version that cannot be had, and why.
type unopened struct {
	number int64
	reason string
}

// shareSchema is what degraded_when reads.
var shareSchema = value.Schema{{Name: "share_defaulted", Type: value.Float}}

func newEndpoint(d *feature.Endpoint) *endpoint {
	e := &endpoint{def: d, seed: hashText(hashText(hashStart, d.Name), "\x00"), width: 1}
	if d.DegradedWhen != nil {
		e.degraded = d.DegradedWhen.Compile(shareSchema)
	}
	switch f := d.Fallback; f.Kind() {
	case value.KindFloat, value.KindInt:
		e.fallback = []float64{f.Number()}
	case value.KindList:
		for i := range f.Len() {
			e.fallback = append(e.fallback, f.At(i).Number())
		}
	}
	e.refs.Store(1)
	return e
}

// take takes in what the endpoint should ask; open gives a version, or nil where it cannot be had.
func (e *endpoint) take(r *routing, open func(int64) *version, trialOf func(*catalog.Traffic) *trial) {
	t := r.traffic
	e.traffic = t
	whole, share := 0.0, 0.0
	if t.Canary != nil && t.Canary.Step < len(t.Canary.Steps) {
		share = t.Canary.Steps[t.Canary.Step]
	}
	for _, x := range t.Routes {
		whole += x.Weight
	}
	for _, x := range t.Routes {
		if v := open(x.Number); v != nil && x.Weight > 0 && share < 1 {
			e.addRoute(v, x.Weight/whole*(1-share), false)
		}
	}
	if share > 0 {
		if v := open(t.Canary.Number); v != nil {
			e.addRoute(v, share, true)
			e.trial = trialOf(t)
		}
	}
	for _, n := range t.Shadows {
		if v := open(n); v != nil && !slices.Contains(e.shadows, v) {
			e.shadows = append(e.shadows, v)
			e.add(v)
		}
	}
	if r.reserve != 0 {
		wrong, missing := e.wrong, e.unopened
		if e.reserve = open(r.reserve); e.reserve == nil { // it is asked by nobody now
			e.wrong, e.unopened = wrong, missing
		} else {
			e.add(e.reserve)
		}
	}
}

// takeFrom asks what another state asks.
func (e *endpoint) takeFrom(old *endpoint) {
	e.traffic, e.routes, e.reserve, e.shadows, e.trial = old.traffic, old.routes, old.reserve, old.shadows, old.trial
	for _, v := range old.all {
		e.add(v)
	}
}

func (e *endpoint) addRoute(v *version, weight float64, canary bool) {
	e.add(v)
	if i := slices.IndexFunc(e.routes, func(r route) bool { return r.version == v && r.canary == canary }); i >= 0 {
		e.routes[i].weight += weight // two aliases of one version
		return
	}
	e.routes = append(e.routes, route{version: v, weight: weight, salt: mixed(uint64(v.number) * 0x9e3779b97f4a7c15), canary: canary})
}

func (e *endpoint) add(v *version) {
	if !slices.Contains(e.all, v) {
		e.all = append(e.all, v)
		e.width = max(e.width, v.artifact.Answer.Width)
		if e.def.MaxBatch > 0 && !v.artifact.Model.Info().Light {
			if e.batchers == nil {
				e.batchers = map[*version]*batcher{}
			}
			e.batchers[v] = &batcher{v: v, max: e.def.MaxBatch, delay: time.Duration(e.def.MaxDelay) * time.Millisecond}
		}
	}
}

// wants reports whether a row of which such a share of the columns was defaulted is degraded.
func (e *endpoint) wants(share float64) bool {
	if e.degraded == nil {
		return false
	}
	row := [1]value.Value{value.OfFloat(share)}
	return e.degraded(row[:], nil).Bool()
}

// others are the versions to ask where one fails, the best first.
func (e *endpoint) others(failed *version) []*version {
	if !e.def.FallbackLast {
		return nil
	}
	byWeight := slices.SortedStableFunc(slices.Values(e.routes), func(a, b route) int { return cmp.Compare(b.weight, a.weight) })
	var out []*version
	for _, r := range byWeight {
		if r.version != failed && !r.canary && !slices.Contains(out, r.version) {
			out = append(out, r.version)
		}
	}
	if e.reserve != nil && e.reserve != failed && !slices.Contains(out, e.reserve) {
		out = append(out, e.reserve)
	}
	return out
}

func (e *endpoint) acquire() bool {
	for {
		n := e.refs.Load()
		if n == 0 {
			return false
		}
		if e.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (e *endpoint) release() {
	if e.refs.Add(-1) == 0 {
		for _, v := range e.all {
			v.release()
		}
	}
}

// deadline is how long a request may take; 0: as long as the server's own lets it.
func (e *endpoint) deadline() time.Duration { return time.Duration(e.def.Deadline) * time.Millisecond }

// bound is an endpoint's state over a view as it is served.
type bound struct {
	view     *serve.View
	features []string // to ask the view for; nil: all of its columns
	names    []string // of them
	at       map[*version][]int
	foreign  map[*version]string // why a version cannot read the view as it is now
	sticky   []int               // of the row's keys and request fields
	asked    []int               // of those too: what is recorded with a prediction (View.AskedKeys)
}

// bind finds where the versions' columns stand in the view's answers. Columns that are others now than those that a version learned from make it
// one that cannot answer: it would take them for what they were.
func (e *endpoint) bind(view *serve.View) *bound {
	if b := e.bound.Load(); b != nil && b.view == view {
		return b
	}
	b := &bound{view: view, at: map[*version][]int{}, foreign: map[*version]string{}}
	columns := view.Columns()
	place := make(map[string]int, len(columns))
	for i, c := range columns {
		place[c.Name] = i
	}
	needed := make([]bool, len(columns))
	for _, v := range e.all {
		if why := foreignIn(v.columns, columns); len(why) > 0 {
			b.foreign[v] = why[0].String()
			continue
		}
		for _, c := range v.columns {
			needed[place[c.Name]] = true
		}
	}
	stands := make([]int, len(columns))
	for i, c := range columns {
		if needed[i] {
			stands[i] = len(b.names)
			b.names = append(b.names, c.Name)
		}
	}
	if len(b.names) < len(columns) {
		b.features = append([]string{}, b.names...)
	}
	for _, v := range e.all {
		if b.foreign[v] == "" {
			for _, c := range v.columns {
				b.at[v] = append(b.at[v], stands[place[c.Name]])
			}
		}
	}
	b.sticky = e.stickyOf(view)
	for i, k := range view.Asked() {
		if k.Type.Key() {
			b.asked = append(b.asked, i)
		}
	}
	e.bound.Store(b)
	return b
}

// Foreign is a column that a version reads and that a view does not have as the version learned it.
type Foreign struct {
	Column string
	Gone   bool // or else it is another now, by its fingerprint or its type
}

// String says it in words.
func (f Foreign) String() string {
	if f.Gone {
		return "the view has no column " + f.Column + " any more"
	}
	return "the view's column " + f.Column + " is another now than it learned from"
}

// Reads says which of a view's columns keep a version from reading it; nil: it can, and so is asked.
func Reads(m *model.Manifest, columns []feature.ViewColumn) []Foreign {
	return foreignIn(ReadColumns(m), columns)
}

func foreignIn(reads []model.ManifestColumn, columns []feature.ViewColumn) []Foreign {
	place := make(map[string]int, len(columns))
	for i, c := range columns {
		place[c.Name] = i
	}
	var out []Foreign
	for _, c := range reads {
		i, ok := place[c.Name]
		if !ok || columns[i].Fingerprint != c.Fingerprint || !columns[i].Type.Equal(c.Type) {
			out = append(out, Foreign{Column: c.Name, Gone: !ok})
		}
	}
	return out
}

// stickyOf is where in a row the values stand by whose hash its version is chosen: the view's keys, where nothing else is said.
func (e *endpoint) stickyOf(view *serve.View) []int {
	var out []int
	for i, k := range view.Asked() {
		if k.Name == e.def.Sticky || e.def.Sticky == "" && slices.ContainsFunc(view.Plan.View.Keys, func(x feature.Key) bool { return x.Name == k.Name }) {
			out = append(out, i)
		}
	}
	if len(out) == 0 { // a view of request fields alone
		for i := range view.Asked() {
			out = append(out, i)
		}
	}
	return out
}
