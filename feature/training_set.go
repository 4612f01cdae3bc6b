package feature

import (
	"fmt"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// trainingState is a training set while it is checked.
type trainingState struct {
	def   *TrainingSetDef
	set   *TrainingSet
	view  *viewState
	spine *spineState
	reach map[string]bool // see used

	flawed bool // of a label something could not be recorded
	sound  bool
	// columnsKnown says that which of the view's columns the set has is right, whatever else is not.
	columnsKnown bool
}

// trainingSet checks one training set.
func (c *checker) trainingSet(d *TrainingSetDef) *trainingState {
	defer c.within(d.Site)()
	mark := c.mark()
	what := fmt.Sprintf("training set %q", d.Name.Value)
	c.named("training set", d.Name)
	t := &trainingState{def: d, set: &TrainingSet{Name: d.Name.Value, Pos: d.At.Pos}}
	if d.View != nil {
		t.view = c.views[d.View.View.Index]
		t.set.View = t.view.view
	} else if !d.Flawed.Has("view") {
		c.missing(d.At, what, "view=", "name the view whose columns it holds")
	}
	if d.Spine != nil {
		t.spine = c.spine(t, d.Spine)
	} else if !d.Flawed.Has("spine") {
		c.missing(d.At, what, "spine=", `give it rows: bh.Spine("data/….parquet", at="…")`)
	}
	for i := range d.Labels {
		c.label(t, &d.Labels[i])
	}
	c.trainingArguments(t)
	before := c.mark()
	c.trainingColumns(t)
	t.columnsKnown = c.soundSince(before) && t.view != nil && t.view.sound && !d.Flawed.Has("features")
	if t.view != nil && t.spine != nil {
		c.tableNames(t)
		c.requestOnEngine(t)
		c.leaks(t)
	}
	if c.soundSince(mark) && len(d.Flawed) == 0 && !t.flawed && t.view.sound && t.spine.sound {
		fingerprintTrainingSet(t.set)
		t.sound = true
	}
	return t
}

// scope is what labels, label_time and weight read.
func (t *trainingState) scope() *scope {
	if t.spine == nil {
		return nil
	}
	return t.spine.scope
}

func (c *checker) trainingArguments(t *trainingState) {
	d := t.def
	if d.LabelTime != nil {
		t.set.LabelTime = c.time(*d.LabelTime, t.scope(), "label_time", false)
	}
	t.set.KeepNull = c.word(d.Unlabelled, "unlabelled", "drop", "keep") == "keep"
	if d.Weight != nil {
		if e := c.sql(*d.Weight, t.scope()); e != nil {
			if !e.Type().Numeric() {
				c.wrongType(d.Weight.At, "weight", e.Type(), "an int or a float", "name a column of numbers")
			}
			c.onEngines(*d.Weight, e, t.scope(), "")
			t.set.Weight = e
		}
	}
	t.set.Start, t.set.End = c.instant(d.Start, "start"), c.instant(d.End, "end")
	if t.set.Start != nil && t.set.End != nil && *t.set.Start >= *t.set.End {
		c.outOfRange(d.End.At, "start is the first time that is in, end the first that is not", "end=%q is not after start=%q", d.End.Value, d.Start.Value)
	}
}

// trainingColumns checks which of the view's columns the set has: .select() on the view, then features=.
func (c *checker) trainingColumns(t *trainingState) {
	if t.view == nil {
		return
	}
	var selected map[string]bool
	if t.def.View.Select != nil {
		t.set.Features = c.viewColumns(t.view, t.def.View.Select, "select")
		selected = map[string]bool{}
		for _, n := range t.set.Features {
			selected[n] = true
		}
	}
	if t.def.Features == nil {
		return
	}
	t.set.Features = c.viewColumns(t.view, t.def.Features, "features")
	for _, f := range t.def.Features {
		if _, ok := t.view.index[f.Value]; ok && selected != nil && !selected[f.Value] {
			c.notSelected(f.At, f.Value)
		}
	}
}

func (c *checker) viewColumns(v *viewState, names []Text, argument string) []string {
	seen := map[string]bool{}
	out := []string{}
	for _, t := range names {
		switch _, ok := v.index[t.Value]; {
		case seen[t.Value]:
			c.columnTwice(t.At, t.Value, argument)
		case ok:
			out = append(out, t.Value)
		case !v.mayHave(t.Value):
			c.unknownViewColumn(t.At, t.Value, v.view.Name, v.columnNames())
		}
		seen[t.Value] = true
	}
	return out
}

// weightName is the column of a training set's weights.
const weightName = "weight"

// tableNames finds two columns of one name in the table: kept columns, keys, at, the view's columns, labels, weight.
func (c *checker) tableNames(t *trainingState) {
	names := map[string]string{AsOf: "the time that is asked for"}
	for _, k := range t.view.view.Keys {
		names[k.Name] = "a key of the view"
	}
	for _, col := range t.view.view.Columns {
		names[col.Name] = "a column of the view"
	}
	take := func(at Span, name, what string) {
		if taken, ok := names[name]; ok {
			c.tableClash(at, name, what, taken)
			return
		}
		names[name] = what
	}
	kept := map[string]bool{}
	for _, k := range t.spine.def.Keep {
		if !t.keepsKey(k.Value) && !kept[k.Value] {
			take(k.At, k.Value, "the kept column")
		}
		kept[k.Value] = true
	}
	labels := map[string]bool{AsOf: true} // reported already, as is a label named twice
	for _, l := range t.def.Labels {
		if !labels[l.Name.Value] {
			take(l.Name.At, l.Name.Value, "the label")
		}
		labels[l.Name.Value] = true
	}
	for _, l := range t.set.Labels {
		for i, on := range l.On {
			if what, ok := names[on]; ok && what == "the label" {
				c.tableClash(t.labelKeyAt(l.Name, i), on, "the key column", what)
			}
		}
	}
	if t.def.Weight != nil {
		take(t.def.Weight.At, weightName, "the weights' column")
	}
}

// keepsKey tells a kept column that is a key of the view already, the same cell: it is kept once.
func (t *trainingState) keepsKey(name string) bool {
	for _, k := range t.view.view.Keys {
		if k.Name != name {
			continue
		}
		for _, col := range t.set.Spine.Columns {
			if column, ok := col.Expr.Column(); col.Name == name && ok && column == name {
				return true
			}
		}
	}
	return false
}

func (t *trainingState) labelKeyAt(label string, i int) Span {
	for _, l := range t.def.Labels {
		if l.Name.Value == label && l.Within != nil && i < len(l.Within.Keys) {
			return l.Within.Keys[i].At
		}
	}
	return t.def.At
}

// nullOf is the expression of a column that is absent and may be: null of its type.
func nullOf(t value.Type) (*expr.Expr, bool) {
	e, errs := expr.Check("cast(null as "+t.String()+")", value.Schema{})
	return e, len(errs) == 0
}
