package transform

import (
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// Narrow is the pipeline over those columns alone of its input that have a reader: a step that makes something of them, whatever becomes of
// that (it may refuse a row), or who is given the wanted of the pipeline's columns. A new name is no reader, nor is leaving out. What comes
// of the wanted columns is the same; columns that are not wanted and of which nothing was made are not there any more. Where all are read it
// is the pipeline itself. Nothing else may use the pipeline meanwhile.
func (p *Pipeline) Narrow(wanted []string) (*Pipeline, error) {
	there := p.there(wanted)
	var in value.Schema
	for i, f := range p.input {
		if there[i] {
			in = append(in, f)
		}
	}
	if len(in) == len(p.input) {
		return p, nil
	}
	n := newPipeline(in)
	for _, u := range p.units {
		var names []string
		for j, slot := range u.ins {
			if there[slot] { // of a step that makes something all are
				names = append(names, u.in[j])
			}
		}
		if len(names) == 0 {
			continue
		}
		if err := n.add(&unit{step: u.step, kind: u.kind, in: names, out: u.out, keep: u.keep, op: u.op}); err != nil {
			return nil, err
		}
	}
	n.seal()
	return n, nil
}

// makes reports whether a unit computes anything, and not only names or leaves out.
func (u *unit) makes() bool {
	_, renames := u.op.(*identity)
	return len(u.outs) > 0 && !renames
}

// there are the slots that there are where columns of the input without a reader are not.
func (p *Pipeline) there(wanted []string) []bool {
	read := make([]bool, p.frame.slots)
	for _, c := range p.frame.cols {
		read[c.slot] = slices.Contains(wanted, c.Name)
	}
	for _, u := range slices.Backward(p.units) {
		for _, slot := range u.ins {
			read[slot] = read[slot] || u.makes() || len(u.outs) > 0 && read[u.outs[0]] // by the new name
		}
	}
	for _, u := range p.units {
		for _, slot := range u.outs {
			read[slot] = read[u.ins[0]] // what is made, or named, is there until it is left out, whoever reads it
		}
	}
	return read
}
