package agg_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// columnsOf are what a finish's text reads: the columns of the folds in their order, then as_of.
func columnsOf(t failer, folds []agg.Fold) value.Schema {
	var schema value.Schema
	for _, f := range folds {
		schema = append(schema, f.Columns()...)
	}
	schema = append(schema, value.Field{Name: "as_of", Type: value.Int})
	for i, f := range schema {
		if schema.Index(f.Name) != i {
			t.Fatalf("two columns are named %q", f.Name)
		}
	}
	return schema
}

// A finish's text is the finish: the same type and the same value to the last bit.
func TestTextIsFinish(t *testing.T) {
	var ours []string
	for _, a := range agg.All() {
		if _, ok := a.Text(value.Int, agg.Params{}); !ok {
			ours = append(ours, a.Name)
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { checkText(t, drawCall(t, a)) })
		})
	}
	if want := []string{"approx_count_distinct", "approx_quantile", "histogram"}; !slices.Equal(ours, want) {
		t.Errorf("finished by functions of ours: %v, want %v", ours, want)
	}
}

func checkText(t *rapid.T, c call) {
	text, _ := c.a.Text(c.in, c.p)
	schema := columnsOf(t, c.folds())
	e, mistakes := expr.Check(text, schema)
	if mistakes != nil {
		t.Fatalf("%s: %v", text, mistakes)
	}
	output := c.output
	if c.p.By {
		output = *output.Elem
	}
	if !e.Type().Equal(output) {
		t.Fatalf("%s is %s, the value is %s", text, e.Type(), output)
	}
	finish := e.Compile(schema)
	evaluate := func(states []agg.State) value.Value {
		var row []value.Value
		for i, s := range states {
			row = s.Cells(row)
			for j, f := range c.folds()[i].Columns() {
				if cell := row[len(row)-len(c.folds()[i].Columns())+j]; !cell.HasType(f.Type) {
					t.Fatalf("%s shows %s = %s, which is no %s", c.folds()[i].ID(), f.Name, cell, f.Type)
				}
			}
		}
		return finish(append(row, value.OfInt(c.asOf)), &expr.Nulls{})
	}
	states := c.states(c.events)
	var got value.Value
	if c.p.By {
		got = evaluateGroups(states, evaluate)
	} else {
		got = evaluate(states)
	}
	if want := c.finish(states); !value.Equal(got, want) {
		t.Fatalf("%s of %s: %s gives %s, finish %s", c.a.Name, c.in, text, got, want)
	}
}

func evaluateGroups(states []agg.State, evaluate func([]agg.State) value.Value) value.Value {
	var entries []value.Entry
	for key := range states[0].(*agg.ByState).Groups {
		var inner []agg.State
		for _, s := range states {
			inner = append(inner, s.(*agg.ByState).Groups[key])
		}
		entries = append(entries, value.Entry{Key: key, Value: evaluate(inner)})
	}
	return value.OfMap(entries)
}

var expressionsInCures = regexp.MustCompile(`(?:cast|extract)\((?:[^()]|\([^()]*\))*\)`)

// A cure that is an expression is one of the language, and of a type that the aggregation takes.
func TestCuresAreExpressions(t *testing.T) {
	tried := 0
	for _, a := range agg.All() {
		for _, in := range allKinds {
			if a.Input.Allows(in) {
				continue
			}
			_, _, err := a.Check(in, true, agg.Args{K: new(1), Q: new(0.5)})
			var problems agg.Problems
			if !errors.As(err, &problems) || problems[0].Arg != "input" {
				t.Errorf("%s takes a %s, which its rule does not", a.Name, in)
				continue
			}
			cure := expressionsInCures.FindString(problems[0].Cure)
			if cure == "" {
				if !strings.Contains(problems[0].Cure, "count(") && !strings.Contains(problems[0].Cure, "count_distinct") {
					t.Errorf("%s of %s: the cure %q says nothing to write", a.Name, in, problems[0].Cure)
				}
				continue
			}
			tried++
			e, mistakes := expr.Check(cure, value.Schema{{Name: "x", Type: in}})
			if mistakes != nil || !a.Input.Allows(e.Type()) {
				t.Errorf("%s of %s: the cure %q does not work: %v", a.Name, in, cure, mistakes)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d cures are expressions", tried)
	}
}
