package transform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// Pipeline is steps as they were fitted. It never changes and may be used by many.
type Pipeline struct {
	input  value.Schema
	frame  *frame
	units  []*unit
	types  []value.Type // by slot
	schema value.Schema // of what Apply gives
	fitted bool         // here, so that it still knows the folds
}

// unit is a fitted part of a step over a few columns.
type unit struct {
	step      int
	kind      *Kind
	in, out   []string
	keep      bool
	op        op
	ins, outs []int // slots
}

func newPipeline(in value.Schema) *Pipeline {
	p := &Pipeline{input: in, frame: newFrame(in)}
	for _, c := range in {
		p.types = append(p.types, c.Type)
	}
	return p
}

// Input is the schema of the rows that go in.
func (p *Pipeline) Input() value.Schema { return slices.Clone(p.input) }

// Columns are those that come out, with what they are made of.
func (p *Pipeline) Columns() []Column { return p.frame.columns() }

// Names are the columns' names, "feature_names_out": those of the steps' documentation, the same for the same training rows.
func (p *Pipeline) Names() []string { return p.frame.names() }

// add lets a unit take its place behind the others, if it fits there.
func (p *Pipeline) add(u *unit) error {
	types := make([]value.Type, len(u.in))
	in := make([]bound, len(u.in))
	for i, name := range u.in {
		at := p.frame.index(name)
		if at < 0 {
			return fmt.Errorf("no column is called %q there", name)
		}
		in[i] = bound{Column: p.frame.cols[at].Column}
		types[i] = in[i].Type
		if !u.kind.takes(types[i]) {
			return fmt.Errorf("%q is %s", name, value.An(types[i].String()))
		}
		u.ins = append(u.ins, p.frame.cols[at].slot)
	}
	if len(in) == 0 || len(in) > 1 && !u.kind.Many {
		return fmt.Errorf("it reads %d columns", len(in))
	}
	outputs, err := u.op.outputs(types)
	if err != nil {
		return err
	}
	if len(outputs) != len(u.out) {
		return fmt.Errorf("%d columns, where %d are made", len(u.out), len(outputs))
	}
	from := lineage(in)
	columns := make([]held, len(outputs))
	for j, o := range outputs {
		slot := p.frame.slots + j
		columns[j] = held{Column{Name: u.out[j], Type: o.Type, From: from, Categorical: o.Categorical}, slot}
		u.outs, p.types = append(u.outs, slot), append(p.types, o.Type)
	}
	if err := p.frame.replace(u.in, columns, u.keep); err != nil {
		return err
	}
	p.frame.slots += len(outputs)
	p.units = append(p.units, u)
	return nil
}

// seal fixes the schema of what comes out.
func (p *Pipeline) seal() {
	p.schema = make(value.Schema, len(p.frame.cols))
	for i, c := range p.frame.cols {
		p.schema[i] = value.Field{Name: c.Name, Type: c.Type}
	}
}

// pipelineVersion is the format of a pipeline's JSON.
const pipelineVersion = 1

type pipelineFile struct {
	Version int         `json:"version"`
	Input   []fieldFile `json:"input"`
	Units   []unitFile  `json:"units"`
}

type fieldFile struct {
	Name string     `json:"name"`
	Type value.Type `json:"type"`
}

type unitFile struct {
	Step   int             `json:"step"`
	Kind   string          `json:"kind"`
	In     []string        `json:"in"`
	Out    []string        `json:"out"`
	Keep   bool            `json:"keep,omitempty"`
	Fitted json.RawMessage `json:"fitted"`
}

// MarshalJSON writes the pipeline's constants, numbers as the shortest decimals that read back the same. What is known of folds, which
// training alone needs, is not written.
func (p *Pipeline) MarshalJSON() ([]byte, error) {
	f := pipelineFile{Version: pipelineVersion, Input: []fieldFile{}, Units: []unitFile{}}
	for _, c := range p.input {
		f.Input = append(f.Input, fieldFile{c.Name, c.Type})
	}
	for _, u := range p.units {
		fitted, err := json.Marshal(u.op)
		if err != nil {
			return nil, fmt.Errorf("step %d, %s: %w", u.step+1, u.kind.Name, err)
		}
		f.Units = append(f.Units, unitFile{u.step, u.kind.Name, u.in, u.out, u.keep, fitted})
	}
	return json.Marshal(f)
}

// Decode reads what MarshalJSON writes. Anything else is an error, and never a pipeline that fails later.
func Decode(data []byte) (*Pipeline, error) {
	var f pipelineFile
	if err := strict(data, &f); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	if f.Version != pipelineVersion {
		return nil, fmt.Errorf("pipeline: format %d, this bighead reads %d", f.Version, pipelineVersion)
	}
	in := make(value.Schema, len(f.Input))
	seen := make(map[string]bool, len(f.Input))
	for i, c := range f.Input {
		if seen[c.Name] || c.Type.Kind == value.KindNull {
			return nil, fmt.Errorf("pipeline: input %q is there twice, or has no type", c.Name)
		}
		in[i], seen[c.Name] = value.Field{Name: c.Name, Type: c.Type}, true
	}
	p := newPipeline(in)
	for i, uf := range f.Units {
		if err := p.decodeUnit(uf); err != nil {
			return nil, fmt.Errorf("pipeline: unit %d, %s: %w", i, uf.Kind, err)
		}
	}
	p.seal()
	return p, nil
}

func (p *Pipeline) decodeUnit(f unitFile) error {
	kind, ok := Lookup(f.Kind)
	if !ok {
		return errors.New("no step is called that")
	}
	if last := len(p.units) - 1; f.Step < 0 || last >= 0 && f.Step < p.units[last].step {
		return fmt.Errorf("of step %d, out of order", f.Step)
	}
	o := kind.op()
	if err := strict(f.Fitted, o); err != nil {
		return err
	}
	return p.add(&unit{step: f.Step, kind: kind, in: f.In, out: f.Out, keep: f.Keep, op: o})
}

// strict reads one JSON value without fields that are not known, and nothing behind it.
func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after its end")
	}
	return nil
}
