package kafka

import (
	"fmt"
	"strings"

	"github.com/twmb/avro"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// avroSchema is a parsed Avro schema as a message.
type avroSchema struct {
	root avroNode
	// defined are the named types by full name.
	defined map[string]*avro.SchemaNode
}

// avroNode is a node and the namespace that its names are looked up in.
type avroNode struct {
	*avro.SchemaNode
	space string
}

// parseAvro parses a schema and, before it, those that it refers to.
func parseAvro(text string, names []string, references map[string]string) (*avroSchema, error) {
	var cache avro.SchemaCache
	for _, name := range names {
		if _, err := cache.Parse(references[name]); err != nil {
			return nil, fmt.Errorf("%s, which it refers to: %w", name, err)
		}
	}
	s, err := cache.Parse(text)
	if err != nil {
		return nil, err
	}
	out := &avroSchema{defined: map[string]*avro.SchemaNode{}}
	root := s.Root()
	out.gather(root)
	out.root = out.resolve(avroNode{root, root.Namespace})
	return out, nil
}

// gather finds the named types.
func (s *avroSchema) gather(n *avro.SchemaNode) {
	switch n.Type {
	case "record", "error", "enum", "fixed":
		s.defined[fullName(n.Name, n.Namespace)] = n
	}
	for i := range n.Fields {
		s.gather(&n.Fields[i].Type)
	}
	for i := range n.Branches {
		s.gather(&n.Branches[i])
	}
	if n.Items != nil {
		s.gather(n.Items)
	}
	if n.Values != nil {
		s.gather(n.Values)
	}
}

func fullName(name, space string) string {
	if strings.Contains(name, ".") || space == "" {
		return name
	}
	return space + "." + name
}

// resolve follows a name to its type, and keeps the namespace for those within it.
func (s *avroSchema) resolve(n avroNode) avroNode {
	switch n.Type {
	case "null", "boolean", "int", "long", "float", "double", "string", "bytes", "array", "map", "union":
		return n
	}
	for _, name := range []string{fullName(n.Type, n.space), n.Type} {
		if d, ok := s.defined[name]; ok {
			n.SchemaNode = d
			break
		}
	}
	switch n.Type {
	case "record", "error", "enum", "fixed":
		n.space = n.Namespace
	}
	return n
}

func (n avroNode) record() bool { return n.Type == "record" || n.Type == "error" }

// field finds a field of a record, through null.
func (s *avroSchema) field(n avroNode, name string) (avroNode, *avro.SchemaField, bool) {
	n, _ = s.withoutNull(n)
	if !n.record() {
		return n, nil, false
	}
	for i := range n.Fields {
		if f := &n.Fields[i]; f.Name == name {
			return s.resolve(avroNode{&f.Type, n.space}), f, true
		}
	}
	return n, nil, false
}

// withoutNull is the one other branch of a union with null; any other node is itself.
func (s *avroSchema) withoutNull(n avroNode) (out avroNode, nullable bool) {
	if n.Type != "union" {
		return n, n.Type == "null"
	}
	others := s.branches(n)
	if len(others) == 1 {
		return others[0], len(n.Branches) > 1
	}
	return n, len(others) < len(n.Branches)
}

// branches are those of a union that are not null.
func (s *avroSchema) branches(n avroNode) []avroNode {
	var out []avroNode
	for i := range n.Branches {
		if b := s.resolve(avroNode{&n.Branches[i], n.space}); b.Type != "null" {
			out = append(out, b)
		}
	}
	return out
}

func (s *avroSchema) find(path []string) (n avroNode, f *avro.SchemaField, ok bool) {
	n = s.root
	for _, name := range path {
		if n, f, ok = s.field(n, name); !ok {
			return n, nil, false
		}
	}
	return n, f, ok
}

func (s *avroSchema) typeOf(path []string) (t value.Type, problem string, ok bool) {
	n, _, ok := s.find(path)
	if !ok {
		return t, "", false
	}
	t, problem = s.ours(n, map[*avro.SchemaNode]bool{})
	return t, problem, true
}

func (s *avroSchema) required(path []string) bool {
	n, f, ok := s.find(path)
	_, nullable := s.withoutNull(n)
	return ok && !nullable && !f.HasDefault
}

func (s *avroSchema) names() []string {
	var out []string
	for _, f := range s.root.Fields {
		out = append(out, f.Name)
	}
	return out
}

// plainTypes are Avro's as ours, by type and logical type.
var plainTypes = map[[2]string]value.Type{
	{"boolean", ""}: value.Bool, {"int", ""}: value.Int, {"long", ""}: value.Int, {"float", ""}: value.Float, {"double", ""}: value.Float,
	{"string", ""}: value.String, {"enum", ""}: value.String, {"bytes", ""}: value.Bytes, {"fixed", ""}: value.Bytes,
	{"string", "uuid"}: value.String, {"int", "date"}: value.Date, {"int", "time-millis"}: value.Int, {"long", "time-micros"}: value.Int,
	{"bytes", "decimal"}: value.Float, {"fixed", "decimal"}: value.Float,
}

// avroUnits are those of logical types that are times.
var avroUnits = map[string]dataset.Unit{
	"timestamp-millis": dataset.Millis, "timestamp-micros": dataset.Micros, "timestamp-nanos": dataset.Nanos,
	"local-timestamp-millis": dataset.Millis, "local-timestamp-micros": dataset.Micros, "local-timestamp-nanos": dataset.Nanos,
}

// ours is a node's type as ours, or why there is none.
func (s *avroSchema) ours(n avroNode, within map[*avro.SchemaNode]bool) (t value.Type, problem string) {
	n, _ = s.withoutNull(n)
	if n.Type == "long" && avroUnits[n.LogicalType] != 0 {
		return value.Timestamp, ""
	}
	if t, ok := plainTypes[[2]string{n.Type, n.LogicalType}]; ok {
		return t, ""
	}
	if t, ok := plainTypes[[2]string{n.Type, ""}]; ok && !(n.Type == "fixed" && n.LogicalType == "duration") {
		return t, "" // a logical type that Avro does not know is none, says its specification
	}
	switch n.Type {
	case "array", "map":
		inner := n.Items
		if n.Type == "map" {
			inner = n.Values
		}
		elem, problem := s.ours(s.resolve(avroNode{inner, n.space}), within)
		if n.Type == "map" {
			return value.MapOf(elem), problem
		}
		return value.ListOf(elem), problem
	case "record", "error":
		return s.oursRecord(n, within), ""
	case "union":
		return s.oursUnion(n, within)
	case "null":
		return value.String, ""
	}
	return t, "it is a " + n.shown() + ", which is no type of ours"
}

// oursRecord leaves out fields that hold the record itself, and those without a type of ours.
func (s *avroSchema) oursRecord(n avroNode, within map[*avro.SchemaNode]bool) value.Type {
	if within[n.SchemaNode] {
		return value.StructOf()
	}
	within[n.SchemaNode] = true
	defer delete(within, n.SchemaNode)
	var fields []value.Field
	for i := range n.Fields {
		f := s.resolve(avroNode{&n.Fields[i].Type, n.space})
		if inner, _ := s.withoutNull(f); within[inner.SchemaNode] {
			continue
		}
		if t, problem := s.ours(f, within); problem == "" {
			fields = append(fields, value.Field{Name: n.Fields[i].Name, Type: t})
		}
	}
	return value.StructOf(fields...)
}

// oursUnion is the type that all branches are read as, if there is one.
func (s *avroSchema) oursUnion(n avroNode, within map[*avro.SchemaNode]bool) (t value.Type, problem string) {
	for i, b := range s.branches(n) {
		one, problem := s.ours(b, within)
		switch {
		case problem != "":
			return t, problem
		case i == 0 || becomes(t, one):
			t = one
		case !becomes(one, t):
			return t, "it is a union of " + n.shown() + ", which is no type of ours"
		}
	}
	return t, ""
}

// shown is a node as messages call it.
func (n avroNode) shown() string {
	switch {
	case n.Type == "union":
		var names []string
		for _, b := range n.Branches {
			names = append(names, avroNode{SchemaNode: &b}.shown())
		}
		return strings.Join(names, " or ")
	case n.LogicalType != "":
		return n.Type + " (" + n.LogicalType + ")"
	case n.Name != "":
		return n.Type + " " + n.Name
	}
	return n.Type
}
