package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// ForGroup plans one group over rows that are handed in: its key columns and `at`. The answer is keep, then the group's features
// under their own names.
func ForGroup(g *feature.Group, keep value.Schema) *Batch {
	b := &Batch{Name: g.Name, Pos: g.Pos, Group: g}
	b.handedIn(g.Keys, nil, keep)
	on := make([]string, len(g.Keys))
	for i, k := range g.Keys {
		on[i] = k.Name
	}
	j := b.join(g, "", on)
	for _, f := range g.Features {
		j.add(f.Name, f, NewWindow(f.Window, g.Source.Delay))
		b.Output = append(b.Output, Output{Name: f.Name, Type: f.Type, Role: Column, Doc: f.Description, Fingerprint: f.Fingerprint})
	}
	return b.finish()
}

// ForView plans a view over rows that are handed in: its keys, its request fields and `at`. The answer is keep, then the view's columns.
func ForView(v *feature.View, keep value.Schema) *Batch {
	b := &Batch{Name: v.Name, Pos: v.Pos, View: v}
	b.handedIn(v.Keys, v.Request, keep)
	b.view(v, nil)
	if !fault.Planted("plan: a view drops rows without a required value") {
		b.Drop = Drop{} // only a training set drops rows (W5)
	}
	return b.finish()
}

// ForTrainingSet plans a training set over its own spine, or over rows that an engine is handed in its place.
func ForTrainingSet(t *feature.TrainingSet) *Batch {
	b := &Batch{Name: t.Name, Pos: t.Pos}
	s := &t.Spine
	b.Spine = Spine{Source: s.Source, Place: s.Place, Schema: s.Schema, Where: s.Where, At: s.At, Start: t.Start, End: t.End, Sample: s.Sample, SampleBy: s.SampleBy}
	for _, name := range s.Keep {
		typ, _ := s.Schema.Lookup(name)
		b.spineColumn(name, expr.Column(name, typ))
		b.Output = append(b.Output, Output{Name: name, Type: typ, Role: Kept})
	}
	named := map[string]*expr.Expr{}
	for _, c := range s.Columns {
		named[c.Name] = c.Expr
		b.spineColumn(c.Name, c.Expr)
	}
	for _, k := range t.View.Keys {
		if !b.outputs(k.Name) {
			b.Output = append(b.Output, Output{Name: k.Name, Type: k.Type, Role: Key})
		}
	}
	b.Output = append(b.Output, Output{Name: AtColumn, Type: value.Timestamp, Role: At})
	if b.Spine.Sample > 0 && len(b.Spine.SampleBy) == 0 {
		b.Spine.SampleBy = askedBy(t)
	}
	b.view(t.View, t.Features)
	b.labels(t)
	if t.Weight != nil {
		b.spineColumn(weightColumn, t.Weight)
		b.Output = append(b.Output, Output{Name: weightColumn, Type: t.Weight.Type(), Role: Weight})
	}
	return b.finish()
}

// ForLabel plans one label of a training set, an aggregation within a span, over rows that are handed in: keep, what the label goes by, and `at`. The answer is keep and
// the label; rows whose span passes the end of the data are dropped, as of the training set.
func ForLabel(t *feature.TrainingSet, l *feature.Label, keep value.Schema) *Batch {
	b := &Batch{Name: t.Name, Pos: l.Pos}
	keys := make([]feature.Key, len(l.On))
	for i, on := range l.On {
		keys[i] = feature.Key{Name: on, Type: l.Keys[i].Type}
	}
	b.handedIn(keys, nil, keep)
	b.label(l)
	return b.finish()
}

// askedBy are the columns of the spine that say who asks when: those that the view's keys and at read, in the order of their names. A
// sample without sample_by goes by them, so that it stays the same whatever features are asked for.
func askedBy(t *feature.TrainingSet) []string {
	c := collector{}
	c.exprs(t.Spine.At)
	for _, k := range t.View.Keys {
		for _, col := range t.Spine.Columns {
			if col.Name == k.Name {
				c.exprs(col.Expr)
			}
		}
	}
	return slices.Sorted(maps.Keys(c))
}

// weightColumn and labelTimeColumn name what no column of a user can be called, and a column of the output.
const (
	weightColumn    = "weight"
	labelTimeColumn = "label time"
)

func (b *Batch) handedIn(keys, request []feature.Key, keep value.Schema) {
	b.Spine.At = expr.Column(AtColumn, value.Timestamp)
	for _, f := range keep {
		b.spineColumn(f.Name, expr.Column(f.Name, f.Type))
		b.Output = append(b.Output, Output{Name: f.Name, Type: f.Type, Role: Kept})
	}
	for _, k := range slices.Concat(keys, request) {
		b.spineColumn(k.Name, expr.Column(k.Name, k.Type))
	}
	b.Spine.Schema = value.Schema{{Name: AtColumn, Type: value.Timestamp}}
	for _, c := range b.Spine.Columns {
		if c.Name != AtColumn {
			b.Spine.Schema = append(b.Spine.Schema, value.Field{Name: c.Name, Type: c.Expr.Type()})
		}
	}
}

// spineColumn adds a column to the row, once.
func (b *Batch) spineColumn(name string, e *expr.Expr) {
	for _, c := range b.Spine.Columns {
		if c.Name == name {
			return
		}
	}
	b.Spine.Columns = append(b.Spine.Columns, SpineColumn{name, e})
}

func (b *Batch) outputs(name string) bool {
	return slices.ContainsFunc(b.Output, func(o Output) bool { return o.Name == name })
}

// view adds the joins, derived columns and outputs of a view; of its columns only those named, or all.
func (b *Batch) view(v *feature.View, names []string) {
	joins := make([]*Join, len(v.Joins))
	for i, use := range v.Joins {
		joins[i] = b.join(use.Group, use.Prefix, use.On)
	}
	for _, c := range v.Columns {
		if c.Kind == feature.FeatureColumn {
			j := joins[c.Join]
			j.add(c.Name, c.Feature, NewWindow(c.Feature.Window, j.Scan.Source.Delay))
		}
		if c.RequiredValue {
			b.Drop.RequiredValue = append(b.Drop.RequiredValue, c.Name)
		}
		if names != nil && !slices.Contains(names, c.Name) {
			continue
		}
		doc := ""
		if c.Feature != nil {
			doc = c.Feature.Description
		}
		b.Output = append(b.Output, Output{Name: c.Name, Type: c.Type, Role: Column, Doc: doc, Fingerprint: c.Fingerprint})
	}
	for _, d := range v.Derived {
		b.Derive = append(b.Derive, Derive{d.Name, d.Expr})
	}
}

func (b *Batch) labels(t *feature.TrainingSet) {
	for i := range t.Labels {
		b.label(&t.Labels[i])
	}
	b.Drop.Unlabelled = len(t.Labels) > 0 && !t.KeepNull && !fault.Planted("plan: rows without a label stay")
	if t.LabelTime != nil && t.End != nil {
		b.spineColumn(labelTimeColumn, t.LabelTime)
		b.Drop.LabelTime = labelTimeColumn
	}
}

// label adds one label, and what it reads of the spine.
func (b *Batch) label(l *feature.Label) {
	label := &Label{Name: l.Name, Within: l.Within}
	var typ value.Type
	if l.Expr != nil {
		typ = l.Expr.Type()
		b.spineColumn(l.Name, l.Expr)
	} else {
		typ = l.Feature.Type
		keys := make([]string, len(l.Keys))
		for i, k := range l.Keys {
			keys[i] = k.Name
		}
		label.Join = newJoin(l.Name, l.Source, keys, l.On)
		label.Join.Forward = true
		if !fault.Planted("plan: a label waits until its events are known") {
			label.Join.Scan.KnownAt = nil
		}
		label.Join.Scan.Delay = 0
		label.Join.add(l.Name, l.Feature, NewForward(l.Within))
		b.Drop.WithinData = true
		for i, on := range l.On {
			b.spineColumn(on, expr.Column(on, l.Keys[i].Type))
		}
	}
	b.Labels = append(b.Labels, label)
	b.Output = append(b.Output, Output{Name: l.Name, Type: typ, Role: LabelColumn})
}

func (b *Batch) join(g *feature.Group, prefix string, on []string) *Join {
	keys := make([]string, len(g.Keys))
	for i, k := range g.Keys {
		keys[i] = k.Name
	}
	name := g.Name
	if prefix != "" && prefix != g.Name {
		name = fmt.Sprintf("%s as %s", g.Name, prefix)
	}
	j := newJoin(name, g.Source, keys, on)
	b.Joins = append(b.Joins, j)
	return j
}

func newJoin(name string, s *feature.Source, keys, on []string) *Join {
	return &Join{Name: name, Keys: keys, On: on, Scan: Scan{Source: s, KnownAt: s.KnownAt, Delay: s.Delay, Read: s.Schema.Names()}}
}

// add puts a feature into the join with inputs and folds of its own; share.go finds what is the same.
func (j *Join) add(name string, f *feature.Feature, w Window) {
	v := Value{Name: name, Feature: f, Window: w, Input: -1, Where: -1, By: -1}
	in := value.Null
	if f.Input != nil {
		v.Input, in = len(j.Inputs), f.Input.Type()
		j.Inputs = append(j.Inputs, f.Input)
	}
	if f.Where != nil {
		v.Where = len(j.Wheres)
		j.Wheres = append(j.Wheres, f.Where)
	}
	if f.By != "" {
		v.By = len(j.Bys)
		j.Bys = append(j.Bys, f.By)
	}
	for _, fold := range f.Agg.Folds(in, f.Params) {
		v.Folds = append(v.Folds, len(j.Folds))
		j.Folds = append(j.Folds, Fold{Fold: fold, Input: v.Input, Where: v.Where, By: v.By})
	}
	j.Values = append(j.Values, v)
}

// Joined is every join of the plan, the labels' among them.
func (b *Batch) Joined() []*Join {
	all := slices.Clone(b.Joins)
	for _, l := range b.Labels {
		if l.Join != nil {
			all = append(all, l.Join)
		}
	}
	return all
}

// Passes are applied in this order; each keeps the meaning of the plan.
var Passes = []struct {
	Name  string
	Apply func(*Batch)
}{
	{"share", Share},
	{"prune", Prune},
	{"reach", SetReach},
}

func (b *Batch) finish() *Batch {
	for _, p := range Passes {
		p.Apply(b)
	}
	return b
}

// AskAt makes rows that are handed in ask at the time in another of their columns than `at`.
func (b *Batch) AskAt(name string) {
	b.Spine.At = expr.Column(name, value.Timestamp)
	i := b.Spine.Schema.Index(AtColumn)
	if b.Spine.Schema.Index(name) < 0 {
		b.Spine.Schema[i].Name = name
	} else if name != AtColumn {
		b.Spine.Schema = slices.Delete(b.Spine.Schema, i, i+1)
	}
	b.Spine.Read = b.Spine.columns()
}
