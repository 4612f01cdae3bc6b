package feature

import (
	"path"
	"slices"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// leaks finds what would teach a model the future, as far as definitions alone can show it: only what is certain is said, so that each
// warning is worth reading. What needs the data is in Revised and ShortHistory, for reports.
func (c *checker) leaks(t *trainingState) {
	if t.set.Spine.Where != nil && len(t.view.open) == 0 && len(t.view.flawed) == 0 {
		c.whereReadsAhead(t)
	}
	c.requestHoldsLabel(t)
	c.labelTimes(t)
	if t.set.Spine.At != nil {
		for i := range t.view.view.Joins {
			c.holdsOwnRow(t, &t.view.view.Joins[i])
		}
	}
}

// whereReadsAhead: a spine's where may read keys, what at reads, and what request fields are made of.
func (c *checker) whereReadsAhead(t *trainingState) {
	known := map[string]bool{}
	read := func(e *expr.Expr) {
		if e != nil {
			for _, name := range e.Columns() {
				known[name] = true
			}
		}
	}
	read(t.set.Spine.At)
	for _, col := range t.set.Spine.Columns {
		read(col.Expr)
	}
	var ahead []string
	for _, name := range t.set.Spine.Where.Columns() {
		if !known[name] {
			ahead = append(ahead, name)
		}
	}
	if len(ahead) > 0 && t.set.Spine.At != nil {
		c.whereAhead(t.spine.def.Where.At, ahead)
	}
}

// requestHoldsLabel: a label that is a function of columns that the request hands to the model.
func (c *checker) requestHoldsLabel(t *trainingState) {
	field := map[string]string{} // spine column → request field that is that column
	same := map[string]string{}  // canonical text → request field
	used := t.used()
	for _, r := range t.view.view.Request {
		if !used[r.Name] {
			continue
		}
		for _, col := range t.set.Spine.Columns {
			if col.Name != r.Name {
				continue
			}
			same[col.Expr.String()] = r.Name
			if name, ok := col.Expr.Column(); ok {
				field[name] = r.Name
			}
		}
	}
	for i := range t.set.Labels {
		l := &t.set.Labels[i]
		if l.Expr == nil {
			continue
		}
		if name, ok := same[l.Expr.String()]; ok {
			c.labelInRequest(t.labelAt(l.Name), l.Name, []string{name})
			continue
		}
		var fields []string
		columns := l.Expr.Columns()
		for _, name := range columns {
			if f, ok := field[name]; ok && !slices.Contains(fields, f) {
				fields = append(fields, f)
			}
		}
		if len(columns) > 0 && !slices.ContainsFunc(columns, func(n string) bool { return field[n] == "" }) {
			c.labelInRequest(t.labelAt(l.Name), l.Name, fields)
		}
	}
	if t.set.LabelTime != nil {
		if name, ok := same[t.set.LabelTime.String()]; ok {
			c.labelTimeInRequest(t.def.LabelTime.At, name)
		}
	}
}

func (t *trainingState) labelAt(name string) Span {
	for _, l := range t.def.Labels {
		if l.Name.Value == name && l.SQL != nil {
			return l.SQL.At
		}
	}
	return t.def.At
}

// labelTimes: a label that is known before it is asked for, and an end that cannot tell which labels were known by then.
func (c *checker) labelTimes(t *trainingState) {
	if t.set.LabelTime != nil && t.set.Spine.At != nil {
		if g := gapOf(t.set.Spine.At, t.set.LabelTime, t.set.Spine.Schema); g.known && g.least > 0 {
			c.labelKnown(t.def.LabelTime.At, g.text("label_time"))
		}
	}
	if t.def.LabelTime != nil || t.def.End == nil {
		return
	}
	var without []string
	for _, l := range t.set.Labels {
		if l.Expr != nil {
			without = append(without, l.Name)
		}
	}
	if len(without) > 0 {
		c.noLabelTime(t.def.End.At, without)
	}
}

// holdsOwnRow: the spine's rows are the source's events, asked for a time that is later than theirs; then a window that ends there
// holds the event that the row is.
func (c *checker) holdsOwnRow(t *trainingState, j *Join) {
	s := j.Group.Source
	if s == nil || s.Kind != Events || s.Time == nil || !c.samePlace(t.spine, s) || !t.joinsItself(j) {
		return
	}
	at, schema := t.set.Spine.At, t.set.Spine.Schema
	g := gapOf(at, s.Time, schema)
	if !g.known {
		return
	}
	if s.KnownAt != nil {
		if k := gapOf(at, s.KnownAt, schema); !k.known || k.least <= 0 {
			return
		}
	}
	used := t.used()
	var features []string
	for _, f := range j.Group.Features {
		if name := j.Prefix + "__" + f.Name; used[name] && f.Window.mayHold(g.least-s.Delay) {
			features = append(features, name)
		}
	}
	if len(features) > 0 {
		c.ownRow(t.spine.def.AsOf.At, features, s.Name, g.text("their time"))
	}
}

// mayHold tells whether a window holds an event that lies so far before the time at which it is evaluated, by W1: on the grid of tiles
// and days, for some times.
func (w Window) mayHold(before int64) bool {
	before -= w.Offset
	if before <= 0 {
		return false
	}
	reach := w.Size
	if w.Tumbling {
		reach *= 2
	}
	if w.Daily {
		reach += value.DayMS
	}
	return w.Unbounded || before <= reach
}

// used is the columns of the view that reach the model: those of the set, and what derived ones among them read.
func (t *trainingState) used() map[string]bool {
	if t.reach != nil {
		return t.reach
	}
	t.reach = map[string]bool{}
	for _, col := range t.view.view.Columns {
		t.reach[col.Name] = t.set.Features == nil
	}
	for _, name := range t.set.Features {
		t.reach[name] = true
	}
	for _, d := range slices.Backward(t.view.view.Derived) { // each stands after those it reads
		if t.reach[d.Name] {
			for _, name := range d.Expr.Columns() {
				t.reach[name] = true
			}
		}
	}
	return t.reach
}

// samePlace tells whether the spine's rows are those of a source.
func (c *checker) samePlace(sp *spineState, s *Source) bool {
	if sp.source != nil {
		for _, other := range c.sources {
			if other.src == s && other.root == sp.source.root {
				return true
			}
		}
	}
	p := sp.def.Path
	if sp.source != nil {
		p = sp.source.def.Path
	}
	if p != nil && s.Place.Path != "" {
		return path.Clean(p.Value) == path.Clean(s.Place.Path)
	}
	t := sp.def.Table
	return t != nil && s.Place.Table != "" && t.Name.Value == s.Place.Table
}

// joinsItself tells whether a row of the spine has, for the group, the key of its own event.
func (t *trainingState) joinsItself(j *Join) bool {
	for i, k := range j.Group.Keys {
		own := false
		for _, col := range t.set.Spine.Columns {
			if name, ok := col.Expr.Column(); ok && col.Name == j.On[i] && name == k.Name {
				own = true
			}
		}
		if !own {
			return false
		}
	}
	return len(j.Group.Keys) > 0
}
