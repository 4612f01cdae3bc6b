package feature

import (
	"errors"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// call is a checked call of an aggregation, before its windows: of a feature, or of a label within a span.
type call struct {
	agg         *agg.Aggregation
	params      agg.Params
	input       *expr.Expr
	where       *expr.Expr
	by          string
	column      string // the input, where it is nothing but a column
	expression  bool   // the input is an expression
	inexact     bool   // it came through a transcendental function on an engine that is not ours
	out         value.Type
	typed       bool // out is known
	byDefault   value.Value
	fallback    value.Value
	typical     bool // bh.typical stands in place of a constant
	pos         Pos
	description string
}

// feature is the call over one window.
func (a *call) feature(name string, g *Group, w Window) *Feature {
	return &Feature{
		Name: name, Pos: a.pos, Group: g, Agg: a.agg, Params: a.params, Input: a.input, Where: a.where, By: a.by, Window: w,
		Default: a.byDefault, Fallback: a.fallback, Typical: a.typical, Type: a.out, Description: a.description,
	}
}

// call checks an aggregation and its arguments over a source; with a source whose columns are not known, what can be.
func (c *checker) call(d *FeatureDef, src *sourceState) call {
	a := call{pos: d.At.Pos, description: textOf(d.Description)}
	var s *scope
	if src != nil {
		s = src.scope
	}
	var ok bool
	if a.agg, ok = agg.Lookup(d.Aggregation); !ok {
		c.unknownAggregation(d.At, d.Aggregation)
		a.agg = nil
	}
	c.callInput(&a, d, s)
	a.where = c.condition(d.Where, s)
	if d.By != nil {
		name, t, ok := c.column(*d.By, s, "by", "make a column of the expression in the file")
		if ok && t.Kind != value.KindString {
			c.wrongType(d.By.At, "by", t, "a string", "name a column of names; numbers can be made strings in the file")
		}
		a.by = name
	}
	if a.agg != nil {
		c.callParams(&a, d)
	}
	if a.typed {
		c.callDefaults(&a, d)
	}
	return a
}

func (c *checker) callInput(a *call, d *FeatureDef, s *scope) {
	if d.Input == nil {
		return
	}
	a.input = c.sql(*d.Input, s)
	if a.input != nil {
		name, ok := a.input.Column()
		a.column, a.expression = name, !ok
		decides := ""
		if a.agg != nil && a.agg.Chooses {
			decides = "what " + a.agg.Name + " gives"
		}
		c.onEngines(*d.Input, a.input, s, decides)
		a.inexact = s.carries(a.input)
		return
	}
	// What is wrong has been reported; whether it was meant to be a column decides the feature's name.
	n, errs := expr.Parse(d.Input.Value)
	a.expression = true
	if len(errs) == 0 {
		name, ok := n.Column()
		a.column, a.expression = name, !ok
	}
}

// callParams hands the call to the aggregation, which types it.
func (c *checker) callParams(a *call, d *FeatureDef) {
	in, has := value.Type{}, d.Input != nil || d.Flawed.Has("input")
	guessed := has && a.input == nil
	switch {
	case guessed && len(a.agg.Input.Kinds) > 0:
		in = value.Type{Kind: a.agg.Input.Kinds[0]} // one that it takes: only the parameters are to be checked
	case guessed:
		in = value.Int
	case has:
		in = a.input.Type()
	}
	args := agg.Args{K: intOf(d.K), Max: intOf(d.Max), LgK: intOf(d.LgK), ByMax: intOf(d.ByMax), Q: floatOf(d.Q), Accuracy: floatOf(d.Accuracy)}
	args.Sample = d.Sample != nil && d.Sample.Value
	if d.Input != nil {
		args.Input = shorten(d.Input.Value)
	}
	if d.By != nil || d.Flawed.Has("by") {
		t := value.String // another type has been reported
		args.By = &t
	}
	out, params, err := a.agg.Check(in, has, args)
	var problems agg.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			if !d.Flawed.Has(p.Arg) {
				c.callProblem(d, p)
			}
		}
		return
	}
	a.out, a.params = out, params
	a.typed = !guessed
}

func (c *checker) callProblem(d *FeatureDef, p agg.Problem) {
	at, code := d.At, codeParameter
	for _, arg := range []struct {
		name string
		at   Span
		ok   bool
	}{
		{"k", spanOf(d.K), d.K != nil}, {"max", spanOf(d.Max), d.Max != nil}, {"lg_k", spanOf(d.LgK), d.LgK != nil},
		{"by_max", spanOf(d.ByMax), d.ByMax != nil}, {"q", spanOf(d.Q), d.Q != nil}, {"accuracy", spanOf(d.Accuracy), d.Accuracy != nil},
		{"sample", spanOf(d.Sample), d.Sample != nil},
	} {
		if arg.name == p.Arg && arg.ok {
			at = arg.at
		}
	}
	switch {
	case p.Arg == "input":
		code = codeInput
		if d.Input != nil {
			at = d.Input.At
		}
	case p.Arg == "by" && d.By != nil:
		at = d.By.At
	}
	c.aggregation(code, at, p)
}

// callDefaults types default= and fallback= by the aggregation's output.
func (c *checker) callDefaults(a *call, d *FeatureDef) {
	a.byDefault = c.literal(d.Default, a.out, "default")
	if d.Fallback != nil && d.Fallback.Kind == TypicalLiteral {
		a.typical = c.typical(d.Fallback.At, a.out)
	} else {
		a.fallback = c.literal(d.Fallback, a.out, "fallback")
	}
	if d.Default == nil || a.byDefault.IsNull() {
		return
	}
	in := value.Type{}
	if a.input != nil {
		in = a.input.Type()
	}
	if empty := a.agg.Plain(in, a.params, nil, 0); !empty.IsNull() {
		what := d.Aggregation
		if a.by != "" {
			what += " with by"
		}
		c.defaultIdle(d.Default.At, what, empty.String())
	}
}

func intOf(a *Arg[int64]) *int {
	if a == nil {
		return nil
	}
	n := int(a.Value)
	return &n
}

func floatOf(a *Arg[float64]) *float64 {
	if a == nil {
		return nil
	}
	return &a.Value
}

func spanOf[T int64 | float64 | bool](a *Arg[T]) Span {
	if a == nil {
		return Span{}
	}
	return a.At
}
