package feature

import (
	"math"
	"regexp"
	"slices"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// champion is the name under which a gate reads the metrics of the version that is champion.
const champion = "champion"

// championMetric is a metric of the champion's in a gate.
var championMetric = regexp.MustCompile(`\b` + champion + `\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)`)

// gateSchema is what a gate of a task's models may read.
func gateSchema(t model.Task) value.Schema {
	var schema, fields value.Schema
	for _, m := range model.MetricsOf(t) {
		schema = append(schema, value.Field{Name: m.Name, Type: value.Float})
	}
	fields = slices.Clone(schema)
	return append(schema, value.Field{Name: champion, Type: value.StructOf(fields...)})
}

// gate checks what a version must hold.
func (c *checker) gate(m *modelState) {
	t := m.def.Gate
	if t == nil {
		return
	}
	names := metricNames(m.model.Task)
	wrong := false
	for _, at := range championMetric.FindAllStringSubmatchIndex(t.Value, -1) {
		if name := t.Value[at[2]:at[3]]; !slices.Contains(names, name) {
			c.unknownMetric(part(*t, at[2], at[3]), name, m.model.Task, names)
			wrong = true
		}
	}
	e, errs := expr.Check(t.Value, gateSchema(m.model.Task))
	for _, x := range errs {
		switch {
		case x.Kind == expr.UnknownColumn:
			c.unknownMetric(part(*t, x.Start, x.End), x.Name, m.model.Task, names)
		case !wrong || x.Kind == expr.Syntax:
			c.badSQL(*t, x)
		}
	}
	if len(errs) > 0 || wrong {
		return
	}
	if e.Type().Kind != value.KindBool {
		c.wrongType(t.At, "gate", e.Type(), "a bool", `write a condition, such as "`+names[0]+` >= champion.`+names[0]+`"`)
		return
	}
	m.model.Gate = &Gate{Text: t.Value, Expr: e, task: m.model.Task}
}

// Holds tells whether a version passes, by its metrics and the champion's, which are nil where there is none. What is compared with a
// champion that is not there, or that lacks the metric, holds; a metric of the version itself that is missing or no number fails the gate.
func (g *Gate) Holds(metrics, champions map[string]float64) bool {
	schema := gateSchema(g.task)
	row := make([]value.Value, len(schema))
	var theirs []value.Entry
	for i, f := range schema[:len(schema)-1] {
		x, ok := metrics[f.Name]
		if ok = ok && !math.IsNaN(x); ok {
			row[i] = value.OfFloat(x)
		}
		if !ok && slices.Contains(g.Expr.Columns(), f.Name) {
			return false
		}
		theirs = append(theirs, value.Entry{Key: f.Name, Value: number(champions, f.Name)})
	}
	if champions != nil {
		row[len(row)-1] = value.OfStruct(theirs)
	}
	held := g.Expr.Compile(schema)(row, nil)
	return held.IsNull() || held.Bool()
}

// number is a figure, null where there is none.
func number(of map[string]float64, name string) value.Value {
	if x, ok := of[name]; ok && !math.IsNaN(x) {
		return value.OfFloat(x)
	}
	return value.Value{}
}
