package random

import (
	"fmt"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// columns are what every source has beside its keys and times; expressions over them are in inputs.
var columns = value.Schema{
	{Name: "i", Type: value.Int}, {Name: "n", Type: value.Int}, {Name: "f", Type: value.Float}, {Name: "s", Type: value.String}, {Name: "c", Type: value.String},
	{Name: "b", Type: value.Bool}, {Name: "t", Type: value.Timestamp}, {Name: "d", Type: value.Date}, {Name: "y", Type: value.Bytes}, {Name: "l", Type: value.ListOf(value.Int)},
}

// inputs are expressions by the kind of their type.
var inputs = map[value.Kind][]string{
	value.KindBool:      {"b", "i > n", "s is null", "c like 'a%'"},
	value.KindInt:       {"i", "n", "i", "i + n", "i div n", "i * 3", "length(s)", "case when b then i else n end"},
	value.KindFloat:     {"f", "f", "i / n", "f * 2", "sqrt(f)", "ln(f)", "coalesce(f, i)"},
	value.KindString:    {"s", "c", "upper(s)", "s || c", "coalesce(s, 'none')"},
	value.KindBytes:     {"y"},
	value.KindTimestamp: {"t", "t + interval '1 hour'"},
	value.KindDate:      {"d", "date(t)"},
	value.KindList:      {"l"},
}

var types = map[value.Kind]value.Type{
	value.KindBool: value.Bool, value.KindInt: value.Int, value.KindFloat: value.Float, value.KindString: value.String, value.KindBytes: value.Bytes,
	value.KindTimestamp: value.Timestamp, value.KindDate: value.Date, value.KindList: value.ListOf(value.Int),
}

// wheres are conditions over a source's row, some of them often null.
var wheres = []string{"b", "not b", "i > 0", "s <> 'a'", "f is not null", "i > n or b", "c in ('a', 'b', null)", "i % 2 = 0"}

// New draws the case of a seed.
func New(seed uint64) *Case {
	c, _ := drawn(seed)
	return c
}

// drawn is the case of a seed, and what its data was drawn by.
func drawn(seed uint64) (*Case, *draw) {
	d := newDraw(seed)
	c := &Case{Seed: seed, Defs: &feature.Definitions{Version: feature.FormatVersion}, Tables: map[string]*Data{}}
	groups := 1
	if !d.one(3) {
		groups += d.IntN(3)
	}
	for range 1 + d.IntN(min(groups, 2)) {
		d.source(c)
	}
	for g := range groups {
		c.Defs.Groups = append(c.Defs.Groups, d.group(c, g))
	}
	c.Kind, c.Name = script.Group, "g0"
	if groups > 1 || d.one(2) {
		c.Kind, c.Name = script.View, "v"
		d.view(c)
		if d.one(2) {
			c.Kind, c.Name = script.TrainingSet, "ts"
			d.trainingSet(c)
			return c, d
		}
	}
	d.spine(c)
	return c, d
}

// declare makes the declared columns of a schema.
func declare(s value.Schema) []feature.ColumnDef {
	out := make([]feature.ColumnDef, len(s))
	for i, f := range s {
		out[i] = feature.ColumnDef{Name: text(f.Name), Type: feature.TypeDef{Type: f.Type.String()}}
	}
	return out
}

// source draws a source and its rows.
func (d *draw) source(c *Case) {
	n := len(c.Defs.Sources)
	s := feature.SourceDef{Kind: feature.EventSource, Name: text(fmt.Sprintf("e%d", n))}
	d.key("k")
	schema := value.Schema{{Name: "k", Type: d.types["k"]}}
	if d.one(2) {
		d.key("j")
		schema = append(schema, value.Field{Name: "j", Type: d.types["j"]})
	}
	schema = append(schema, columns...)
	switch d.IntN(8) {
	case 0:
		d.entity(&s, &schema)
	case 1:
		d.snapshot(&s, &schema)
	default:
		d.events(&s, &schema)
	}
	s.Columns = declare(schema)
	if d.one(5) {
		s.Where = some(pick(d, wheres...))
	}
	if d.one(3) {
		s.Delay = some(pick(d, d.scale.delays...))
	}
	if d.one(2) {
		s.OrderBy = []feature.Text{text(pick(d, "n", "s", "-n", "f", "coalesce(b, false)"))}
		if d.one(3) {
			s.OrderBy = append(s.OrderBy, text("c"))
		}
	}
	c.Defs.Sources = append(c.Defs.Sources, s)
	c.Tables[s.Name.Value] = d.rows(&s, schema)
}

func (d *draw) events(s *feature.SourceDef, schema *value.Schema) {
	*schema = append(*schema, value.Field{Name: "ts", Type: value.Timestamp})
	s.Time = some("ts")
	if d.one(8) {
		s.Time = some(pick(d, "coalesce(ts, t)", "ts + interval '1 minute'", "greatest(ts, t)"))
	}
	if d.one(3) {
		id := pick(d, value.Int, value.String)
		*schema = append(*schema, value.Field{Name: "id", Type: id})
		s.ID = some("id")
	}
	if d.one(3) {
		*schema = append(*schema, value.Field{Name: "known", Type: value.Timestamp})
		s.KnownAt = some(pick(d, "known", "known", "coalesce(known, ts)"))
	}
}

func (d *draw) entity(s *feature.SourceDef, schema *value.Schema) {
	s.Kind = feature.EntitySource
	if !d.one(4) {
		*schema = append(*schema, value.Field{Name: "ts", Type: value.Timestamp})
		s.Time = some("ts")
	}
	if d.one(2) {
		s.Deleted = some("b")
	}
	if d.one(3) {
		*schema = append(*schema, value.Field{Name: "known", Type: value.Timestamp})
		s.KnownAt = some("known")
	}
	for _, k := range []string{"k", "j"} {
		if schema.Index(k) >= 0 {
			s.Keys = append(s.Keys, text(k))
		}
	}
}

func (d *draw) snapshot(s *feature.SourceDef, schema *value.Schema) {
	s.Kind = feature.EntitySource
	*schema = append(*schema, value.Field{Name: "ds", Type: pick(d, value.Date, value.String)})
	s.Snapshot = some("ds")
	for _, k := range []string{"k", "j"} {
		if schema.Index(k) >= 0 {
			s.Keys = append(s.Keys, text(k))
		}
	}
}

// group draws a group over one of the sources.
func (d *draw) group(c *Case, n int) feature.GroupDef {
	at := d.IntN(len(c.Defs.Sources))
	s := &c.Defs.Sources[at]
	g := feature.GroupDef{Name: text(fmt.Sprintf("g%d", n)), Source: &feature.Ref{Index: at}}
	if s.Kind == feature.EventSource {
		g.Keys = []feature.Text{text("k")}
		if hasColumn(s, "j") && !d.one(3) {
			g.Keys = append(g.Keys, text("j"))
		}
	}
	for f := range 1 + d.IntN(4) {
		def := d.feature(s.Kind == feature.EntitySource)
		def.Name = some(fmt.Sprintf("f%d", f))
		d.cut(&def, s.Delay)
		g.Features = append(g.Features, def)
	}
	return g
}

// cut notes how a feature's windows lie, for the times that are asked at.
func (d *draw) cut(f *feature.FeatureDef, delay *feature.Text) {
	back := int64(0)
	for _, t := range []*feature.Text{f.Offset, delay} {
		if t != nil {
			back += ms(t.Value)
		}
	}
	for _, w := range f.Windows {
		d.cuts = append(d.cuts, cut{ms(w.Value), back})
	}
	if f.Windows == nil {
		d.cuts = append(d.cuts, cut{d.reach + 1, back})
	}
}

func hasColumn(s *feature.SourceDef, name string) bool {
	for _, c := range s.Columns {
		if c.Name.Value == name {
			return true
		}
	}
	return false
}

// feature draws a call of an aggregation.
func (d *draw) feature(entity bool) feature.FeatureDef {
	if entity {
		f := d.call("latest")
		if d.one(3) {
			f.Offset = some(pick(d, d.scale.offsets...))
		}
		return f
	}
	names := agg.Names()
	name := names[d.IntN(len(names)-1)] // latest is the last
	f := d.call(name)
	if d.one(6) {
		f.Where = some(pick(d, wheres...))
	}
	if d.one(5) {
		f.By = some(pick(d, "s", "c"))
		f.Default = nil // of another type
		if d.one(3) {
			f.ByMax = number(int64(1 + d.IntN(3)))
		}
	}
	d.window(&f)
	return f
}

// call draws an aggregation's input, parameters and default.
func (d *draw) call(name string) feature.FeatureDef {
	f := feature.FeatureDef{Aggregation: name}
	a, ok := agg.Lookup(name)
	if !ok {
		panic("random: no aggregation " + name)
	}
	in := value.Null
	if a.Input.Need == agg.Required || d.one(2) {
		var kinds []value.Kind
		for k := value.KindBool; k <= value.KindList; k++ {
			if a.Input.Allows(types[k]) {
				kinds = append(kinds, k)
			}
		}
		k := kinds[d.IntN(len(kinds))]
		in = types[k]
		f.Input = some(pick(d, inputs[k]...))
	}
	for _, p := range a.Params {
		d.param(&f, p)
	}
	if d.one(5) {
		f.Default = d.constant(a, in, &f)
	}
	return f
}

func (d *draw) param(f *feature.FeatureDef, p agg.Param) {
	if p.Default != "" && d.one(3) {
		return
	}
	switch p.Name {
	case "k":
		f.K = number(int64(1 + d.IntN(4)))
	case "max":
		f.Max = number(int64(1 + d.IntN(3)))
	case "q":
		f.Q = number(pick(d, 0, 0.25, 0.5, 0.9, 1))
	case "accuracy":
		f.Accuracy = number(pick(d, 0.01, 0.5, 0.1, 1e-9))
	case "lg_k":
		f.LgK = number(pick[int64](d, 8, 12))
	case "sample":
		f.Sample = number(true)
	default:
		panic("random: a parameter that it does not know: " + p.Name)
	}
}

// constant is a default of the value's type, where it has a simple one.
func (d *draw) constant(a *agg.Aggregation, in value.Type, f *feature.FeatureDef) *feature.Literal {
	args := agg.Args{}
	whole := func(p *feature.Arg[int64]) *int {
		if p == nil {
			return nil
		}
		n := int(p.Value)
		return &n
	}
	args.K, args.Max, args.LgK = whole(f.K), whole(f.Max), whole(f.LgK)
	if f.Q != nil {
		args.Q = &f.Q.Value
	}
	if f.Accuracy != nil {
		args.Accuracy = &f.Accuracy.Value
	}
	out, _, err := a.Check(in, in.Kind != value.KindNull, args)
	if err != nil {
		panic(fmt.Sprintf("random: seed %d: %v", d.seed, err))
	}
	switch out.Kind {
	case value.KindInt:
		return &feature.Literal{Kind: feature.IntLiteral, Value: int64(-7)}
	case value.KindFloat:
		return &feature.Literal{Kind: feature.FloatLiteral, Value: 0.5}
	case value.KindString:
		return &feature.Literal{Kind: feature.StringLiteral, Value: "none"}
	case value.KindBool:
		return &feature.Literal{Kind: feature.BoolLiteral, Value: true}
	}
	return nil
}

// window draws what a feature's rows are cut by.
func (d *draw) window(f *feature.FeatureDef) {
	if d.one(3) {
		f.Offset = some(pick(d, d.scale.offsets...))
	}
	if d.one(5) {
		f.Refresh = some("daily")
	}
	if d.one(3) {
		return // unbounded
	}
	w := pick(d, d.scale.windows...)
	if more := pick(d, d.scale.windows...); ms(more) > ms(w) && d.one(2) {
		w = more
	}
	f.Windows = []feature.Text{text(w)}
	if d.one(3) {
		if more := pick(d, d.scale.windows...); ms(more) != ms(w) {
			f.Windows = append(f.Windows, text(more))
		}
	}
	switch d.IntN(5) {
	case 0:
		f.Resolution = some("exact")
	case 1:
		if r := pick(d, d.scale.resolutions...); divides(r, f.Windows) {
			f.Resolution = some(r)
		}
	case 2:
		f.Tumbling = number(true)
		if d.one(2) {
			f.Origin = some(value.FormatTimestamp(d.time()))
		}
	}
}

func divides(resolution string, windows []feature.Text) bool {
	for _, w := range windows {
		if ms(w.Value)%ms(resolution) != 0 {
			return false
		}
	}
	return true
}
