package random

import (
	"context"
	"fmt"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Case is definitions, the rows that they are asked about, and a question.
type Case struct {
	Seed   uint64
	Defs   *feature.Definitions
	Kind   script.Kind
	Name   string
	Tables map[string]*Data // by source
	Spine  *Data            // rows handed in; nil: a training set over its own
}

// Data is rows of a table, in parts.
type Data struct {
	Schema value.Schema
	Parts  []enginetest.Part
}

// Rows counts the rows of all parts.
func (d *Data) Rows() int {
	n := 0
	for _, p := range d.Parts {
		n += len(p.Rows)
	}
	return n
}

// compiled is a case made ready: planned, with its tables.
type compiled struct {
	plan *plan.Batch
	in   engine.Inputs
	rows [][]value.Value // of the spine that is handed in
}

// errInvalid wraps what check says of a case whose definitions are not right.
type errInvalid struct{ error }

// compile checks and plans a case.
func (c *Case) compile() (*compiled, error) {
	p, problems := feature.Check(c.Defs, feature.Options{})
	if problems.Failed() {
		return nil, errInvalid{fmt.Errorf("seed %d: %w", c.Seed, problems.Err())}
	}
	for _, s := range p.Sources {
		s.Place.Path = s.Name
		for _, f := range s.Schema {
			if c.Tables[s.Name].Schema.Index(f.Name) < 0 {
				return nil, errInvalid{fmt.Errorf("seed %d: the table of %q lacks %q", c.Seed, s.Name, f.Name)}
			}
		}
	}
	for _, t := range p.TrainingSets {
		t.Spine.Place.Path = t.Spine.Source.Name
	}
	out := &compiled{plan: c.ask(p)}
	if out.plan == nil {
		return nil, errInvalid{fmt.Errorf("seed %d: no %s %q", c.Seed, c.Kind, c.Name)}
	}
	out.in.Open = func(_ context.Context, at feature.Place, schema value.Schema) (dataset.Table, error) {
		d, ok := c.Tables[at.Path]
		if !ok {
			return nil, fmt.Errorf("no table %q", at.Path)
		}
		return enginetest.NewTable(d.Schema, d.Parts...), nil
	}
	if c.Spine != nil {
		for _, f := range out.plan.Spine.Schema {
			if c.Spine.Schema.Index(f.Name) < 0 {
				return nil, errInvalid{fmt.Errorf("seed %d: the spine lacks %q", c.Seed, f.Name)}
			}
		}
		out.in.Spine = enginetest.NewTable(c.Spine.Schema, c.Spine.Parts...)
		for _, part := range c.Spine.Parts {
			out.rows = append(out.rows, part.Rows...)
		}
	}
	return out, nil
}

func (c *Case) ask(p *feature.Project) *plan.Batch {
	for _, g := range p.Groups {
		if c.Kind == script.Group && g.Name == c.Name {
			return plan.ForGroup(g, nil)
		}
	}
	for _, v := range p.Views {
		if c.Kind == script.View && v.Name == c.Name {
			return plan.ForView(v, nil)
		}
	}
	for _, t := range p.TrainingSets {
		if c.Kind == script.TrainingSet && t.Name == c.Name {
			return plan.ForTrainingSet(t)
		}
	}
	return nil
}

// judge asks the oracle.
func (c *Case) judge(ctx context.Context, k *compiled) (*enginetest.Judge, error) {
	var schema value.Schema
	if c.Spine != nil {
		schema = c.Spine.Schema
	}
	return enginetest.NewJudge(ctx, k.plan, k.in, schema, k.rows)
}
