package random

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Python writes definitions as the Python that records them.
func Python(d *feature.Definitions) string {
	p := &printer{defs: d}
	for i := range d.Sources {
		p.source(&d.Sources[i])
	}
	for i := range d.Groups {
		p.group(&d.Groups[i])
	}
	for i := range d.Views {
		p.view(&d.Views[i])
	}
	for i := range d.TrainingSets {
		p.trainingSet(&d.TrainingSets[i])
	}
	return p.b.String()
}

type printer struct {
	b    strings.Builder
	defs *feature.Definitions
}

// arguments are written "name=value", in order; what is empty is left out.
type arguments []string

func (a *arguments) raw(name, text string) {
	if text != "" {
		*a = append(*a, name+"="+text)
	}
}

func (a *arguments) text(name string, t *feature.Text) {
	if t != nil {
		a.raw(name, quote(t.Value))
	}
}

func (a *arguments) texts(name string, ts []feature.Text) {
	if ts != nil {
		a.raw(name, list(ts))
	}
}

// quote is a Python string: JSON's escapes are Python's too.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(b)
}

func list(ts []feature.Text) string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = quote(t.Value)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// typeOf is a type as the SDK writes it.
func typeOf(t value.Type) string {
	switch t.Kind {
	case value.KindList:
		return "bh.List(" + typeOf(*t.Elem) + ")"
	case value.KindMap:
		return "bh.Map(" + typeOf(*t.Elem) + ")"
	}
	name := t.String()
	return "bh." + strings.ToUpper(name[:1]) + name[1:]
}

func columnsOf(columns []feature.ColumnDef) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		t, err := value.ParseType(c.Type.Type)
		if err != nil {
			panic(err) // of our own making
		}
		out[i] = quote(c.Name.Value) + ": " + typeOf(t)
		if c.Type.Optional {
			out[i] = quote(c.Name.Value) + ": bh.optional(" + typeOf(t) + ")"
		}
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func (p *printer) source(s *feature.SourceDef) {
	class := "EventSource"
	if s.Kind == feature.EntitySource {
		class = "EntitySource"
	}
	a := arguments{quote(s.Name.Value), "columns=" + columnsOf(s.Columns)}
	a.texts("keys", s.Keys)
	a.text("time", s.Time)
	a.text("id", s.ID)
	a.text("where", s.Where)
	a.texts("order_by", s.OrderBy)
	a.text("known_at", s.KnownAt)
	a.text("deleted", s.Deleted)
	a.text("snapshot", s.Snapshot)
	a.text("delay", s.Delay)
	fmt.Fprintf(&p.b, "%s = bh.%s(%s)\n", s.Name.Value, class, strings.Join(a, ", "))
}

func (p *printer) group(g *feature.GroupDef) {
	a := arguments{quote(g.Name.Value), "source=" + p.defs.Sources[g.Source.Index].Name.Value}
	a.texts("keys", g.Keys)
	fmt.Fprintf(&p.b, "%s = bh.FeatureGroup(%s, features=[\n", g.Name.Value, strings.Join(a, ", "))
	for i := range g.Features {
		fmt.Fprintf(&p.b, "    %s,\n", p.call(&g.Features[i]))
	}
	p.b.WriteString("])\n")
}

func (p *printer) call(f *feature.FeatureDef) string {
	var a arguments
	if f.Input != nil {
		a = append(a, quote(f.Input.Value))
	}
	if f.Source != nil {
		a.raw("source", p.defs.Sources[f.Source.Index].Name.Value)
	}
	a.texts("keys", f.Keys)
	a.text("within", f.Within)
	a.texts("windows", f.Windows)
	a.text("name", f.Name)
	a.text("where", f.Where)
	a.text("by", f.By)
	for _, n := range []struct {
		name string
		arg  *feature.Arg[int64]
	}{{"by_max", f.ByMax}, {"k", f.K}, {"max", f.Max}, {"lg_k", f.LgK}} {
		if n.arg != nil {
			a.raw(n.name, strconv.FormatInt(n.arg.Value, 10))
		}
	}
	for _, n := range []struct {
		name string
		arg  *feature.Arg[float64]
	}{{"q", f.Q}, {"accuracy", f.Accuracy}} {
		if n.arg != nil {
			a.raw(n.name, string(value.AppendFloat(nil, n.arg.Value)))
		}
	}
	for _, n := range []struct {
		name string
		arg  *feature.Arg[bool]
	}{{"sample", f.Sample}, {"tumbling", f.Tumbling}} {
		if n.arg != nil && n.arg.Value {
			a.raw(n.name, "True")
		}
	}
	if f.Default != nil {
		a.raw("default", constantText(f.Default.Value))
	}
	a.text("resolution", f.Resolution)
	a.text("offset", f.Offset)
	a.text("refresh", f.Refresh)
	a.text("origin", f.Origin)
	return "bh." + f.Aggregation + "(" + strings.Join(a, ", ") + ")"
}

func constantText(v any) string {
	switch x := v.(type) {
	case bool:
		if x {
			return "True"
		}
		return "False"
	case string:
		return quote(x)
	case float64:
		return string(value.AppendFloat(nil, x))
	}
	return fmt.Sprint(v)
}

func (p *printer) view(v *feature.ViewDef) {
	var uses []string
	for _, u := range v.Groups {
		text := p.defs.Groups[u.Group.Index].Name.Value
		if u.Prefix != nil {
			text += ".prefix(" + quote(u.Prefix.Value) + ")"
		}
		for _, on := range u.On {
			text += ".on(" + on.Key.Value + "=" + quote(on.Column.Value) + ")"
		}
		uses = append(uses, text)
	}
	a := arguments{quote(v.Name.Value), "groups=[" + strings.Join(uses, ", ") + "]"}
	if len(v.Request) > 0 {
		a.raw("request", columnsOf(v.Request))
	}
	a.raw("derive", expressions(v.Derive))
	if len(v.RequiredValue) > 0 {
		a.texts("required_value", v.RequiredValue)
	}
	fmt.Fprintf(&p.b, "%s = bh.FeatureView(%s)\n", v.Name.Value, strings.Join(a, ", "))
}

func expressions(all []feature.NamedSQL) string {
	if len(all) == 0 {
		return ""
	}
	out := make([]string, len(all))
	for i, n := range all {
		out[i] = quote(n.Name.Value) + ": " + quote(n.SQL.Value)
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func (p *printer) trainingSet(t *feature.TrainingSetDef) {
	s := t.Spine
	spine := arguments{p.defs.Sources[s.Source.Index].Name.Value}
	spine.text("at", s.AsOf)
	spine.text("where", s.Where)
	spine.raw("columns", expressions(s.Columns))
	spine.texts("keep", s.Keep)
	if s.Sample != nil {
		spine.raw("sample", string(value.AppendFloat(nil, s.Sample.Value)))
	}
	spine.text("sample_by", s.SampleBy)
	var labels []string
	for _, l := range t.Labels {
		text := ""
		if l.SQL != nil {
			text = quote(l.SQL.Value)
		} else {
			text = p.call(l.Within)
		}
		labels = append(labels, quote(l.Name.Value)+": "+text)
	}
	a := arguments{quote(t.Name.Value), "view=" + p.defs.Views[t.View.View.Index].Name.Value, "spine=bh.Spine(" + strings.Join(spine, ", ") + ")",
		"labels={" + strings.Join(labels, ", ") + "}"}
	a.text("label_time", t.LabelTime)
	a.text("unlabelled", t.Unlabelled)
	a.text("start", t.Start)
	a.text("end", t.End)
	a.texts("features", t.Features)
	fmt.Fprintf(&p.b, "bh.TrainingSet(%s)\n", strings.Join(a, ", "))
}
