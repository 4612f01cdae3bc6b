package kafka

import (
	"context"
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bighead-ml/bighead/value"
)

// Rows as Protobuf: a proto3 message with a field for each column, in their order. What is optional can say null; repeated fields and maps can
// not, nor can their elements, so that a null there is refused rather than made an empty list or a zero.

// protoPackage is the package of the messages.
const protoPackage = "bighead"

// protoRows is the schema of rows: the message `row`, the first of the file, and one for each struct.
func protoRows(s value.Schema) (string, error) {
	w := &protoText{}
	if err := w.message("row", s, ""); err != nil {
		return "", err
	}
	head := "syntax = \"proto3\";\npackage " + protoPackage + ";\n"
	if w.times {
		head += "import \"google/protobuf/timestamp.proto\";\n"
	}
	return head + strings.Join(w.messages, ""), nil
}

// protoText gathers the messages of a schema.
type protoText struct {
	messages []string
	times    bool
}

func (w *protoText) message(name string, fields []value.Field, within string) error {
	at := len(w.messages)
	w.messages = append(w.messages, "")
	text := "message " + name + " {\n"
	for i, f := range fields {
		if !avroName.MatchString(f.Name) {
			return fmt.Errorf("column %q has no name for Protobuf, which takes letters, digits and _; write json, or rename it", within+f.Name)
		}
		typ, err := w.field(f.Type, within+f.Name)
		if err != nil {
			return err
		}
		text += fmt.Sprintf("  %s %s = %d;\n", typ, f.Name, i+1)
	}
	w.messages[at] = text + "}\n"
	return nil
}

// field is the type of a field, and whether it is optional or repeated.
func (w *protoText) field(t value.Type, column string) (string, error) {
	switch t.Kind {
	case value.KindList:
		of, err := w.one(*t.Elem, column)
		return "repeated " + of, err
	case value.KindMap:
		of, err := w.one(*t.Elem, column)
		return "map<string, " + of + ">", err
	}
	of, err := w.one(t, column)
	return "optional " + of, err
}

// one is the type of one value.
func (w *protoText) one(t value.Type, column string) (string, error) {
	switch t.Kind {
	case value.KindBool:
		return "bool", nil
	case value.KindInt:
		return "int64", nil
	case value.KindFloat:
		return "double", nil
	case value.KindString:
		return "string", nil
	case value.KindBytes:
		return "bytes", nil
	case value.KindTimestamp:
		w.times = true
		return ".google.protobuf.Timestamp", nil
	case value.KindStruct:
		name := fmt.Sprintf("struct%d", len(w.messages))
		return "." + protoPackage + "." + name, w.message(name, t.Fields, column+".")
	}
	return "", fmt.Errorf("column %q: a %s there has no type in Protobuf; write json or avro, or leave it out", column, t)
}

// protoRegistered gives the schema of rows, once it is known to be one: two columns that differ by an underscore alone are one in its JSON.
func protoRegistered(ctx context.Context, s value.Schema) (string, error) {
	text, err := protoRows(s)
	if err != nil {
		return "", err
	}
	if _, err := parseProtobuf(ctx, text, nil, []int{0}); err != nil {
		return "", fmt.Errorf("the rows have no schema in Protobuf: %w; write json or avro, or rename the column", err)
	}
	return text, nil
}

// appendProto writes the fields of a message.
func appendProto(b []byte, fields []value.Field, row func(i int) value.Value) ([]byte, error) {
	var err error
	for i, f := range fields {
		if b, err = appendProtoField(b, protowire.Number(i+1), f.Type, row(i)); err != nil {
			return nil, fmt.Errorf("%s%w", f.Name, err)
		}
	}
	return b, nil
}

// nullInProto is where a null is that Protobuf can't say, behind a column's name.
func nullInProto(where string) error {
	return fmt.Errorf(": %s is null, which Protobuf cannot say; write json or avro, or fill it in", where)
}

func appendProtoField(b []byte, n protowire.Number, t value.Type, v value.Value) ([]byte, error) {
	var err error
	switch t.Kind {
	case value.KindList:
		if v.IsNull() {
			return nil, nullInProto("a list")
		}
		for i := range v.Len() {
			if v.At(i).IsNull() {
				return nil, nullInProto("an element of a list")
			}
			if b, err = appendProtoOne(b, n, *t.Elem, v.At(i)); err != nil {
				return nil, err
			}
		}
		return b, nil
	case value.KindMap:
		if v.IsNull() {
			return nil, nullInProto("a map")
		}
		for i := range v.Len() {
			if v.At(i).IsNull() {
				return nil, nullInProto("a value of a map")
			}
			entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), v.KeyAt(i))
			if entry, err = appendProtoOne(entry, 2, *t.Elem, v.At(i)); err != nil {
				return nil, err
			}
			b = protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), entry)
		}
		return b, nil
	}
	if v.IsNull() {
		return b, nil
	}
	return appendProtoOne(b, n, t, v)
}

// appendProtoOne writes one value, its zero too: what is optional is there or is null.
func appendProtoOne(b []byte, n protowire.Number, t value.Type, v value.Value) ([]byte, error) {
	switch t.Kind {
	case value.KindBool:
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), protowire.EncodeBool(v.Bool())), nil
	case value.KindInt:
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v.Int())), nil
	case value.KindFloat:
		return protowire.AppendFixed64(protowire.AppendTag(b, n, protowire.Fixed64Type), math.Float64bits(v.Float())), nil
	case value.KindTimestamp:
		seconds := value.FloorDiv(v.Int(), 1000)
		stamp := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(seconds))
		stamp = protowire.AppendVarint(protowire.AppendTag(stamp, 2, protowire.VarintType), uint64(v.Int()-seconds*1000)*1_000_000)
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), stamp), nil
	case value.KindStruct:
		inner, err := appendProto(nil, t.Fields, v.At)
		if err != nil {
			return nil, fmt.Errorf(".%w", err)
		}
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), inner), nil
	}
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v.Str()), nil
}
