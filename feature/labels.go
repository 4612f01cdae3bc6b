package feature

import (
	"slices"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// predictionID is the column of a label source that names a prediction.
const predictionID = "prediction_id"

// labelsFrom checks where the truth of an endpoint's predictions comes from, and how its rows find them; false: something of it is not right, which was reported,
// here or where the cause is.
func (c *checker) labelsFrom(d *LabelSourceDef, e *Endpoint, of *modelState) bool {
	defer c.within(d.Site)()
	mark := c.mark()
	if d.Word != nil {
		if c.word(d.Word, "labels", asTrained) != "" && of != nil && of.set != nil && of.set.sound {
			c.labelsAsTrained(d, e, of)
		}
		return c.soundSince(mark)
	}
	l := &LabelSource{Pos: d.At.Pos}
	rows, src := c.labelRows(d, l)
	if d.Value != nil {
		l.Value = c.sql(*d.Value, rows)
		if l.Value != nil && of != nil {
			c.labelValue(*d.Value, l.Value.Type(), of)
		}
	} else if !d.Flawed.Has("value") {
		c.missing(d.At, "the label source", "value=", `say what is true: a column, or SQL such as "arr_delay >= 15"`)
	}
	if d.AsOf != nil {
		l.At = c.time(*d.AsOf, rows, "at", false)
	} else if !d.Flawed.Has("at") {
		c.missing(d.At, "the label source", "at=", "say when a row's truth was known: a column, or SQL over the row")
	}
	l.Where = c.condition(d.Where, rows)
	c.labelsOn(d, l, rows, of)
	switch c.word(d.Take, "take", takes[:]...) {
	case takes[TakeFirst]:
		l.Take = TakeFirst
	case takes[TakeLast]:
		l.Take = TakeLast
	}
	if d.Take != nil && d.On == nil && !d.Flawed.Has("on") {
		c.meaningless(d.Take.At, "take=", "where rows name their predictions: of several the one that was known last holds, as of labels that are sent", "leave it out, or add on=")
	}
	e.Labels = l
	return c.soundSince(mark) && rows != nil && len(d.Flawed) == 0 && !d.Table.flawed() && (src == nil || src.sound)
}

// asTrained is the word for a truth that is computed as that of training is.
const asTrained = "training"

// labelsAsTrained checks that what the model learned can be computed of a prediction: of what happens after it, by what is recorded with it.
func (c *checker) labelsAsTrained(d *LabelSourceDef, e *Endpoint, of *modelState) {
	set := of.set.set
	i := slices.IndexFunc(set.Labels, func(l Label) bool { return l.Name == of.model.Label })
	if i < 0 { // there is none, or it has been reported
		if of.model.Label == "" && of.def.elsewhere() {
			c.nothingLearned(d.Word.At, of.model.Name)
		}
		return
	}
	l := &set.Labels[i]
	if l.Feature == nil {
		c.labelOfSpine(d.Word.At, l.Name, set.Name)
		return
	}
	asked := slices.Concat(set.View.Keys, set.View.Request)
	for k, on := range l.On {
		if !slices.ContainsFunc(asked, func(a Key) bool { return a.Name == on && a.Type.Equal(l.Keys[k].Type) }) {
			c.labelByKept(d.Word.At, l.Name, on, set.View, asked)
		}
	}
	e.Labels = &LabelSource{Pos: d.At.Pos, Trained: set, Label: l}
}

// labelRows finds the rows' place and columns; nil: they are not known.
func (c *checker) labelRows(d *LabelSourceDef, l *LabelSource) (*scope, *sourceState) {
	// A place is a spine's in all that matters here.
	s := &spineState{def: &SpineDef{Site: d.Site, Source: d.Source, Path: d.Path, Table: d.Table, AsOf: d.AsOf, Flawed: d.Flawed}}
	var place Spine
	c.placeOfRows(s, &place, "the label source")
	l.Source, l.Place, l.Schema = place.Source, place.Place, place.Schema
	if s.source != nil && s.source.src.Deleted != "" {
		c.meaningless(d.Source.At, "a source with deleted=", "as labels: a truth that is taken back is none", "make another source of the same place without deleted=")
	}
	if s.scope == nil {
		return nil, s.source
	}
	return newScope("the label source", l.Schema), s.source // its rows are read by us, whatever the engine of batch is
}

// labelValue checks that the truth is of the kind that the model answers.
func (c *checker) labelValue(t Text, got value.Type, of *modelState) {
	task := of.model.Task
	if task == "" {
		return
	}
	if !slices.Contains(labelKinds[task], got.Kind) {
		c.truthKind(t.At, t.Value, got, task)
		return
	}
	if of.set == nil || task == model.Regression || task == model.Ranking {
		return
	}
	for _, learned := range of.set.set.Labels {
		if learned.Name == of.model.Label && !learned.Type().Equal(got) {
			c.otherClasses(t.At, t.Value, got, learned.Name, learned.Type())
		}
	}
}

// labelsOn finds how rows find their predictions.
func (c *checker) labelsOn(d *LabelSourceDef, l *LabelSource, rows *scope, of *modelState) {
	if d.Flawed.Has("on") {
		return
	}
	if d.On == nil {
		typ, ok := rows.lookup(predictionID)
		switch {
		case rows == nil:
		case !ok:
			c.noPredictionID(d.At, rows.names)
		case typ.Kind != value.KindString:
			c.wrongType(d.At, "column "+predictionID+" of the label source", typ, "a string", "say by which keys and request fields rows find their predictions: on=[…]")
		default:
			l.ID = expr.Column(predictionID, typ)
		}
		return
	}
	if len(d.On) == 0 {
		c.meaningless(d.At, "on=[]", "as a way to find predictions", "name keys and request fields of the view, or leave it out where rows have a column "+predictionID)
	}
	var v *View
	if of != nil && of.set != nil && of.set.view != nil && of.set.view.sound {
		v = of.set.view.view
	}
	for i, n := range d.On {
		if slices.ContainsFunc(d.On[:i], func(x NamedSQL) bool { return x.Name.Value == n.Name.Value }) {
			c.columnTwice(n.Name.At, n.Name.Value, "on")
			continue
		}
		var asked []Key
		k := -1
		if v != nil {
			asked = slices.Concat(v.Keys, v.Request)
			k = slices.IndexFunc(asked, func(k Key) bool { return k.Name == n.Name.Value })
		}
		if v != nil && k < 0 {
			c.labelsOnUnknown(n.Name.At, n.Name.Value, v, asked)
			if n.Name.At == n.SQL.At { // a list's, of which enough is said
				continue
			}
		}
		e := c.sql(n.SQL, rows)
		switch {
		case e == nil, k < 0:
		case !asked[k].Type.Key():
			c.labelsOnNoKey(n.Name.At, n.Name.Value, asked[k].Type)
		case !e.Type().Equal(asked[k].Type):
			c.labelsOnType(n.SQL.At, n.Name.Value, asked[k].Type, e.Type(), n.SQL.Value)
		default:
			l.On = append(l.On, SpineColumn{Name: n.Name.Value, Expr: e})
		}
	}
}
