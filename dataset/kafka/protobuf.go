package kafka

import (
	"context"
	"fmt"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/bighead-ml/bighead/value"
)

// protoSchema is a message of a parsed .proto file as a message.
type protoSchema struct {
	root protoreflect.MessageDescriptor
}

// parseProtobuf parses a file and finds the message at the place.
func parseProtobuf(ctx context.Context, text string, references map[string]string, index []int) (*protoSchema, error) {
	const name = "schema of the topic.proto"
	files := map[string]string{name: text}
	for ref, text := range references {
		files[ref] = text
	}
	c := protocompile.Compiler{MaxParallelism: 1, Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(files)})}
	found, err := c.Compile(ctx, name)
	if err != nil {
		return nil, err
	}
	var within interface {
		Messages() protoreflect.MessageDescriptors
	} = found[0]
	var m protoreflect.MessageDescriptor
	for _, i := range index {
		if i >= within.Messages().Len() {
			return nil, &poison{fmt.Sprintf("its schema has no message at place %v", index)}
		}
		m = within.Messages().Get(i)
		within = m
	}
	return &protoSchema{m}, nil
}

// find follows a path through messages.
func (s *protoSchema) find(path []string) protoreflect.FieldDescriptor {
	m := s.root
	var f protoreflect.FieldDescriptor
	for _, name := range path {
		if m == nil {
			return nil
		}
		if f = m.Fields().ByName(protoreflect.Name(name)); f == nil {
			return nil
		}
		if m = f.Message(); f.IsList() || f.IsMap() {
			m = nil
		}
	}
	return f
}

func (s *protoSchema) typeOf(path []string) (t value.Type, problem string, ok bool) {
	f := s.find(path)
	if f == nil {
		return t, "", false
	}
	t, problem = oursProto(f, nil)
	return t, problem, true
}

func (s *protoSchema) required(path []string) bool {
	f := s.find(path)
	return f != nil && f.Cardinality() == protoreflect.Required
}

func (s *protoSchema) names() []string {
	var out []string
	for i := range s.root.Fields().Len() {
		out = append(out, string(s.root.Fields().Get(i).Name()))
	}
	return out
}

var protoKinds = map[protoreflect.Kind]value.Type{
	protoreflect.BoolKind: value.Bool, protoreflect.EnumKind: value.String, protoreflect.StringKind: value.String, protoreflect.BytesKind: value.Bytes,
	protoreflect.FloatKind: value.Float, protoreflect.DoubleKind: value.Float,
	protoreflect.Int32Kind: value.Int, protoreflect.Sint32Kind: value.Int, protoreflect.Sfixed32Kind: value.Int, protoreflect.Uint32Kind: value.Int, protoreflect.Fixed32Kind: value.Int,
	protoreflect.Int64Kind: value.Int, protoreflect.Sint64Kind: value.Int, protoreflect.Sfixed64Kind: value.Int, protoreflect.Uint64Kind: value.Int, protoreflect.Fixed64Kind: value.Int,
}

const (
	protoTimestamp = "google.protobuf.Timestamp"
	protoDuration  = "google.protobuf.Duration"
)

// wrapped is the field of a wrapper message, whose absence is null.
func wrapped(m protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	switch m.FullName() {
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value", "google.protobuf.UInt64Value",
		"google.protobuf.Int32Value", "google.protobuf.UInt32Value", "google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
		return m.Fields().ByNumber(1)
	}
	return nil
}

// oursProto is a field's type as ours, or why there is none.
func oursProto(f protoreflect.FieldDescriptor, within []protoreflect.FullName) (t value.Type, problem string) {
	if f.IsMap() {
		if f.MapKey().Kind() != protoreflect.StringKind {
			return t, "it is a map whose keys are not strings, which is no type of ours"
		}
		t, problem = oneOfOurs(f.MapValue(), within)
		return value.MapOf(t), problem
	}
	t, problem = oneOfOurs(f, within)
	if f.IsList() {
		t = value.ListOf(t)
	}
	return t, problem
}

// oneOfOurs is the type of one value of a field.
func oneOfOurs(f protoreflect.FieldDescriptor, within []protoreflect.FullName) (t value.Type, problem string) {
	m := f.Message()
	if m == nil {
		return protoKinds[f.Kind()], ""
	}
	switch {
	case m.FullName() == protoTimestamp:
		return value.Timestamp, ""
	case m.FullName() == protoDuration:
		return t, "it is a duration, which is no type of ours"
	case wrapped(m) != nil:
		return oneOfOurs(wrapped(m), nil)
	}
	for _, name := range within {
		if name == m.FullName() {
			return t, "it holds itself, which no type of ours does"
		}
	}
	within = append(within[:len(within):len(within)], m.FullName())
	var fields []value.Field
	for i := range m.Fields().Len() { // what has no type of ours is left out
		inner := m.Fields().Get(i)
		if t, problem := oursProto(inner, within); problem == "" {
			fields = append(fields, value.Field{Name: string(inner.Name()), Type: t})
		}
	}
	return value.StructOf(fields...), ""
}

// protoCompiler makes readings of one schema.
type protoCompiler struct {
	units  map[string]string
	absent func(path []string) error
}

// protoMessage is how a message is read into slots.
type protoMessage struct {
	fields map[protowire.Number]*protoField
	slots  int
	names  []string      // of the slots
	init   []value.Value // of the slots before anything is read
	lists  []*protoField // that gather elements
	oneofs map[int][]int // by slot: the others of its oneof
	inner  []*protoField // that are messages, read at the end, since a message that comes in pieces is merged
}

// protoField is a field that is read.
type protoField struct {
	slot  int
	desc  protoreflect.FieldDescriptor
	want  value.Type    // of one value
	value *protoField   // of a map: its values
	msg   *protoMessage // of a message that is a struct
	wrap  *protoField   // of a wrapper
	name  string
}

func (s *protoSchema) compile(fields value.Schema, units map[string]string, absent func(path []string) error) (reading, error) {
	c := &protoCompiler{units: units, absent: absent}
	m, err := c.message(s.root, fields, nil)
	if err != nil {
		return nil, err
	}
	return func(payload []byte, into *cells) error {
		in := protoIn{into: into, slots: slotsOf(payload)}
		row, err := in.message(m, payload, -1, 0)
		copy(into.slots, row)
		return err
	}, nil
}

func (c *protoCompiler) message(d protoreflect.MessageDescriptor, fields []value.Field, path []string) (*protoMessage, error) {
	m := &protoMessage{fields: map[protowire.Number]*protoField{}, slots: len(fields), init: make([]value.Value, len(fields)), oneofs: map[int][]int{}}
	for slot, f := range fields {
		m.names = append(m.names, f.Name)
		at := append(path[:len(path):len(path)], f.Name)
		desc := d.Fields().ByName(protoreflect.Name(f.Name))
		if desc == nil {
			if err := c.absent(at); err != nil {
				return nil, err
			}
			continue
		}
		one, err := c.field(desc, f.Type, at)
		if err != nil {
			return nil, err
		}
		one.slot, one.name = slot, f.Name
		m.fields[desc.Number()] = one
		m.init[slot] = unset(one)
		switch {
		case desc.IsList() || desc.IsMap():
			m.lists = append(m.lists, one)
		case desc.Message() != nil:
			m.inner = append(m.inner, one)
		}
	}
	for _, f := range m.fields {
		for _, g := range m.fields {
			if o := f.desc.ContainingOneof(); o != nil && f != g && g.desc.ContainingOneof() == o {
				m.oneofs[f.slot] = append(m.oneofs[f.slot], g.slot)
			}
		}
	}
	return m, nil
}

// field makes the reading of a field as a type.
func (c *protoCompiler) field(d protoreflect.FieldDescriptor, want value.Type, path []string) (*protoField, error) {
	wrong := func() (*protoField, error) {
		return nil, &mismatch{path, fmt.Sprintf("it is %s in this version, and %s in the source; declare the column as what it is, or convert it with select=", value.An(shownProto(d)), value.An(want.String()))}
	}
	switch {
	case d.IsMap():
		if want.Kind != value.KindMap || d.MapKey().Kind() != protoreflect.StringKind {
			return wrong()
		}
		v, err := c.one(d.MapValue(), *want.Elem, path, wrong)
		return &protoField{desc: d, want: want, value: v}, err
	case d.IsList():
		if want.Kind != value.KindList {
			return wrong()
		}
		return c.one(d, *want.Elem, path, wrong)
	}
	return c.one(d, want, path, wrong)
}

// one makes the reading of one value of a field.
func (c *protoCompiler) one(d protoreflect.FieldDescriptor, want value.Type, path []string, wrong func() (*protoField, error)) (*protoField, error) {
	f := &protoField{desc: d, want: want}
	m := d.Message()
	switch {
	case m == nil:
	case m.FullName() == protoTimestamp:
		if want.Kind != value.KindTimestamp {
			return wrong()
		}
		return f, nil
	case wrapped(m) != nil:
		var err error
		f.wrap, err = c.one(wrapped(m), want, path, wrong)
		return f, err
	case want.Kind != value.KindStruct || m.FullName() == protoDuration:
		return wrong()
	default:
		var err error
		f.msg, err = c.message(m, want.Fields, path)
		return f, err
	}
	have := protoKinds[d.Kind()]
	switch {
	case have.Equal(want), have.Kind == value.KindInt && want.Kind == value.KindFloat, d.Kind() == protoreflect.EnumKind && want.Kind == value.KindInt:
	case have.Kind == value.KindInt && want.Kind == value.KindTimestamp:
		if c.units[path[0]] == "" {
			return nil, &mismatch{path, `integers as times need a unit: time_unit="s", "ms", "us" or "ns"`}
		}
	default:
		return wrong()
	}
	return f, nil
}

func shownProto(d protoreflect.FieldDescriptor) string {
	one := d.Kind().String()
	switch {
	case d.IsMap():
		return "map"
	case d.Message() != nil:
		one = string(d.Message().FullName())
	case d.Enum() != nil:
		one = "enum " + string(d.Enum().Name())
	}
	if d.IsList() {
		return "repeated " + one
	}
	return one
}
