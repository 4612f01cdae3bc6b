package random

import (
	"fmt"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// view draws a view over all groups of the case.
func (d *draw) view(c *Case) {
	v := feature.ViewDef{Name: text("v")}
	for g := range c.Defs.Groups {
		use := feature.GroupUse{Group: feature.Ref{Index: g}}
		if d.one(3) {
			use.Prefix = some(fmt.Sprintf("p%d", g))
		}
		if d.one(5) {
			use.On = []feature.KeyUse{{Key: text("k"), Column: text("other")}}
		}
		v.Groups = append(v.Groups, use)
	}
	if d.one(2) {
		v.Request = append(v.Request, feature.ColumnDef{Name: text("r"), Type: feature.TypeDef{Type: "int"}})
	}
	if d.one(4) {
		v.Request = append(v.Request, feature.ColumnDef{Name: text("q"), Type: feature.TypeDef{Type: "float"}}, feature.ColumnDef{Name: text("w"), Type: feature.TypeDef{Type: "timestamp"}})
	}
	if d.one(6) {
		v.Request = append(v.Request, feature.ColumnDef{Name: text("k"), Type: feature.TypeDef{Type: d.types["k"].String(), Optional: d.one(2)}})
	}
	c.Defs.Views = []feature.ViewDef{v}
	d.derive(c)
}

// viewOf is the case's view as check sees it.
func (c *Case) viewOf() *feature.View {
	p, problems := feature.Check(c.Defs, feature.Options{})
	if problems.Failed() {
		panic(fmt.Sprintf("random: seed %d draws what check refuses: %v", c.Seed, problems.Err()))
	}
	return p.Views[0]
}

// derive adds derived columns over what the view has, by the types that check gives.
func (d *draw) derive(c *Case) {
	if d.one(3) {
		return
	}
	v := c.viewOf()
	def := &c.Defs.Views[0]
	scope := value.Schema{{Name: "at", Type: value.Timestamp}}
	for _, k := range v.Keys {
		scope = append(scope, value.Field{Name: k.Name, Type: k.Type})
	}
	for _, col := range v.Columns {
		scope = append(scope, value.Field{Name: col.Name, Type: col.Type})
		if d.one(8) && col.Kind == feature.FeatureColumn && !floating(col.Feature.Agg, col.Feature.Input) {
			def.RequiredValue = append(def.RequiredValue, text(col.Name))
		}
	}
	for n := range 1 + d.IntN(3) {
		name := fmt.Sprintf("d%d", n)
		sql, t := d.derived(scope)
		def.Derive = append(def.Derive, feature.NamedSQL{Name: text(name), SQL: text(sql)})
		scope = append(scope, value.Field{Name: name, Type: t})
	}
}

// floating tells an aggregation of which null is a right value too where a sum overflows: no row may be dropped for it.
func floating(a *agg.Aggregation, in *expr.Expr) bool {
	return in != nil && a.Promise(in.Type(), agg.Params{}).Rule != agg.Exact
}

// derived draws an expression over columns of the scope, and its type.
func (d *draw) derived(scope value.Schema) (string, value.Type) {
	a, b := scope[d.IntN(len(scope))], scope[d.IntN(len(scope))]
	if a.Type.Numeric() && b.Type.Numeric() {
		t := value.Float
		if a.Type.Kind == value.KindInt && b.Type.Kind == value.KindInt {
			t = value.Int
		}
		sql := pick(d, "%s + %s", "%s - %s", "coalesce(%s, %s)", "case when %[1]s > %[2]s then %[1]s else %[2]s end", "greatest(%s, %s)")
		return fmt.Sprintf(sql, a.Name, b.Name), t
	}
	switch a.Type.Kind {
	case value.KindInt, value.KindFloat:
		return fmt.Sprintf(pick(d, "%s / 3", "%s * 0.5", "10 / %s"), a.Name), value.Float
	case value.KindString:
		return "length(" + a.Name + ")", value.Int
	case value.KindList, value.KindMap:
		return "size(" + a.Name + ")", value.Int
	case value.KindTimestamp:
		return "extract(epoch_ms from " + a.Name + ") % 1000", value.Int
	case value.KindBool:
		return "not " + a.Name, value.Bool
	}
	return a.Name + " is null", value.Bool
}

// asks are the columns of rows that are handed in.
func (c *Case) asks() value.Schema {
	p, problems := feature.Check(c.Defs, feature.Options{})
	if problems.Failed() {
		panic(fmt.Sprintf("random: seed %d draws what check refuses: %v", c.Seed, problems.Err()))
	}
	return c.ask(p).Spine.Schema
}

// trainingSet draws a training set over the case's view and the rows of its spine.
func (d *draw) trainingSet(c *Case) {
	v := c.viewOf()
	schema := value.Schema{{Name: "row", Type: value.Int}, {Name: "ask", Type: value.Timestamp}, {Name: "seen", Type: value.Timestamp}, {Name: "z", Type: value.Int}}
	for _, k := range append(append([]feature.Key{}, v.Keys...), v.Request...) {
		schema = append(schema, value.Field{Name: k.Name, Type: k.Type})
	}
	spine := feature.SpineDef{AsOf: some(pick(d, "ask", "ask", "ask + interval '1 millisecond'", "ask - interval '1 hour'")), Keep: []feature.Text{text("row")}}
	if len(v.Keys) > 0 && d.one(6) {
		spine.Where = some(v.Keys[0].Name + " is not null")
	}
	if d.one(6) {
		spine.Sample = number(0.5)
		if d.one(2) {
			spine.SampleBy = some("row")
		}
	}
	spine.Source = &feature.Ref{Index: len(c.Defs.Sources)}
	t := feature.TrainingSetDef{Name: text("ts"), View: &feature.ViewUse{}, Spine: &spine}
	if d.one(4) {
		t.Unlabelled = some("keep")
	}
	d.labels(c, &t, v)
	d.bounds(&t)
	if n := len(v.Columns); n > 1 && d.one(4) {
		t.Features = []feature.Text{text(v.Columns[d.IntN(n)].Name)}
	}
	c.Defs.Sources = append(c.Defs.Sources, feature.SourceDef{Kind: feature.EventSource, Name: text("spine"), Columns: declare(schema), Time: some("ask")})
	c.Defs.TrainingSets = []feature.TrainingSetDef{t}
	d.ownSpine(c, schema)
}

// ownSpine draws the rows of a training set's spine.
func (d *draw) ownSpine(c *Case, schema value.Schema) {
	var rows [][]value.Value
	for n := range max(d.IntN(14), d.least) {
		rows = append(rows, d.asking(schema, n))
	}
	c.Tables["spine"] = &Data{Schema: schema, Parts: []enginetest.Part{{Rows: rows}}}
}

// asking draws a row of a training set's spine. A row that asks at no time is refused, so there is seldom one.
func (d *draw) asking(schema value.Schema, n int) []value.Value {
	row := make([]value.Value, len(schema))
	keys, at := d.asker()
	for i, f := range schema {
		switch f.Name {
		case "row":
			row[i] = value.OfInt(int64(n))
		case "ask":
			if row[i] = at; d.one(1000) {
				row[i] = value.Value{}
			}
		case "k", "j", "other":
			row[i] = d.askedKey(keys, keyOf(f.Name))
		default:
			row[i] = d.value(f.Type)
		}
	}
	return row
}

func (d *draw) labels(c *Case, t *feature.TrainingSetDef, v *feature.View) {
	if d.one(2) {
		t.Labels = append(t.Labels, feature.LabelDef{Name: text("label"), SQL: some(pick(d, "z > 1", "z"))})
	}
	for i := range c.Defs.Sources {
		s := &c.Defs.Sources[i]
		if s.Kind != feature.EventSource || !keyed(v, "k") || len(t.Labels) > 0 && d.one(2) {
			continue
		}
		f := d.call(pick(d, "count", "sum", "last", "avg", "time_since_last", "first_k", "max"))
		if f.Aggregation == "sum" || f.Aggregation == "avg" {
			t.Unlabelled = some("keep") // null is a right value too where a sum of floats overflows
		}
		f.Source, f.Within = &feature.Ref{Index: i}, some(pick(d, d.scale.windows...))
		f.Keys = []feature.Text{text("k")}
		d.spans = append(d.spans, ms(f.Within.Value))
		if hasColumn(s, "j") && keyed(v, "j") && d.one(2) {
			f.Keys = append(f.Keys, text("j"))
		}
		if d.one(4) {
			f.Where = some(pick(d, wheres...))
		}
		t.Labels = append(t.Labels, feature.LabelDef{Name: text(fmt.Sprintf("within%d", i)), Within: &f})
	}
	if len(t.Labels) == 0 {
		t.Labels = append(t.Labels, feature.LabelDef{Name: text("label"), SQL: some("z")})
	}
	if d.one(3) {
		t.LabelTime = some("seen")
	}
}

func keyed(v *feature.View, name string) bool {
	for _, k := range append(append([]feature.Key{}, v.Keys...), v.Request...) {
		if k.Name == name {
			return true
		}
	}
	return false
}

// bounds draws start and end, the start before the end.
func (d *draw) bounds(t *feature.TrainingSetDef) {
	start, end := d.time(), d.time()
	if start >= end {
		start, end = end, start
	}
	if d.one(3) {
		t.Start = some(value.FormatTimestamp(start))
	}
	if start < end && d.one(3) {
		t.End = some(value.FormatTimestamp(end))
	}
}
