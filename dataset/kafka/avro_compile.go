package kafka

import (
	"fmt"

	"github.com/twmb/avro"

	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// avroReading reads one value, which goes into the column at.
type avroReading func(in *avroIn, at *cell.Builder) (value.Value, error)

// avroCompiler makes readings of one schema.
type avroCompiler struct {
	s      *avroSchema
	units  map[string]string
	absent func(path []string) error
}

// avroStep is a field of a record, in the order in which it is written.
type avroStep struct {
	name string
	slot int // −1: passed over
	read avroReading
	node avroNode
}

func (s *avroSchema) compile(fields value.Schema, units map[string]string, absent func(path []string) error) (reading, error) {
	c := &avroCompiler{s: s, units: units, absent: absent}
	root := s.root
	if !root.record() {
		if len(fields) != 1 {
			return nil, &mismatch{nil, "it is a " + root.shown() + " and no record, so it has no columns"}
		}
		read, err := c.value(root, fields[0].Type, []string{fields[0].Name}, true)
		if err != nil {
			return nil, err
		}
		return runAvro(s, []avroStep{{fields[0].Name, 0, read, root}}), nil
	}
	for _, f := range fields {
		if _, _, ok := s.field(root, f.Name); !ok {
			if err := absent([]string{f.Name}); err != nil {
				return nil, err
			}
		}
	}
	var steps []avroStep
	for i := range root.Fields {
		f := &root.Fields[i]
		step := avroStep{name: f.Name, slot: fields.Index(f.Name), node: s.resolve(avroNode{&f.Type, root.space})}
		if step.slot >= 0 {
			var err error
			if step.read, err = c.value(step.node, fields[step.slot].Type, []string{f.Name}, true); err != nil {
				return nil, err
			}
		}
		steps = append(steps, step)
	}
	return runAvro(s, steps), nil
}

// runAvro is the reading of a root record.
func runAvro(s *avroSchema, steps []avroStep) reading {
	in := &avroIn{s: s}
	return func(payload []byte, into *cells) (err error) {
		in.start(payload)
		for i := range steps {
			step := &steps[i]
			if step.slot < 0 {
				err = in.skip(step.node, 0)
			} else {
				into.slots[step.slot], err = step.read(in, into.builders[step.slot])
			}
			if err != nil {
				return fmt.Errorf("field %q: %w", step.name, err)
			}
		}
		if len(in.b) > 0 {
			return fmt.Errorf("%d bytes follow the record", len(in.b))
		}
		return nil
	}
}

// value makes the reading of a node as a type. top: the value goes into a column, which copies texts.
func (c *avroCompiler) value(n avroNode, want value.Type, path []string, top bool) (avroReading, error) {
	if n.Type == "union" {
		return c.union(n, want, path, top)
	}
	wrong := func() (avroReading, error) {
		return nil, &mismatch{path, fmt.Sprintf("it is %s in this version, and %s in the source; declare the column as what it is, or convert it with select=", value.An(n.shown()), value.An(want.String()))}
	}
	switch want.Kind {
	case value.KindList:
		if n.Type != "array" {
			return wrong()
		}
		elem, err := c.value(c.s.resolve(avroNode{n.Items, n.space}), *want.Elem, path, false)
		return readAvroList(elem), err
	case value.KindMap:
		if n.Type != "map" {
			return wrong()
		}
		elem, err := c.value(c.s.resolve(avroNode{n.Values, n.space}), *want.Elem, path, false)
		return readAvroMap(elem), err
	case value.KindStruct:
		if !n.record() {
			return wrong()
		}
		return c.record(n, want, path)
	}
	if n.Type == "null" {
		return func(*avroIn, *cell.Builder) (value.Value, error) { return value.Value{}, nil }, nil
	}
	have, problem := c.s.ours(n, map[*avro.SchemaNode]bool{})
	if problem != "" {
		return nil, &mismatch{path, problem}
	}
	if have.Kind == value.KindInt && want.Kind == value.KindTimestamp && c.units[path[0]] == "" {
		return nil, &mismatch{path, `integers as times need a unit: time_unit="s", "ms", "us" or "ns"`}
	}
	if read := scalarAvro(n, have, want, top); read != nil {
		return read, nil
	}
	return wrong()
}

func (c *avroCompiler) union(n avroNode, want value.Type, path []string, top bool) (avroReading, error) {
	readings := make([]avroReading, len(n.Branches))
	for i := range n.Branches {
		b := c.s.resolve(avroNode{&n.Branches[i], n.space})
		if b.Type == "null" {
			readings[i] = func(*avroIn, *cell.Builder) (value.Value, error) { return value.Value{}, nil }
			continue
		}
		var err error
		if readings[i], err = c.value(b, want, path, top); err != nil {
			return nil, err
		}
	}
	return func(in *avroIn, at *cell.Builder) (value.Value, error) {
		i, err := in.long()
		if err == nil && (i < 0 || i >= int64(len(readings))) {
			err = fmt.Errorf("branch %d of a union of %d", i, len(readings))
		}
		if err != nil {
			return value.Value{}, err
		}
		return readings[i](in, at)
	}, nil
}

func (c *avroCompiler) record(n avroNode, want value.Type, path []string) (avroReading, error) {
	for _, f := range want.Fields {
		if _, _, ok := c.s.field(n, f.Name); !ok {
			if err := c.absent(append(path[:len(path):len(path)], f.Name)); err != nil {
				return nil, err
			}
		}
	}
	var steps []avroStep
	for i := range n.Fields {
		f := &n.Fields[i]
		step := avroStep{name: f.Name, slot: value.Schema(want.Fields).Index(f.Name), node: c.s.resolve(avroNode{&f.Type, n.space})}
		if step.slot >= 0 {
			var err error
			if step.read, err = c.value(step.node, want.Fields[step.slot].Type, append(path[:len(path):len(path)], f.Name), false); err != nil {
				return nil, err
			}
		}
		steps = append(steps, step)
	}
	return readAvroRecord(want.Fields, steps), nil
}
