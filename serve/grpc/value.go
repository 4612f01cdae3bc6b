package grpc

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/value"
)

// kindNames are the fields of Value by kind.
var kindNames = [...]string{value.KindBool: "bool_value", value.KindInt: "int_value", value.KindFloat: "float_value", value.KindString: "string_value", value.KindBytes: "bytes_value",
	value.KindTimestamp: "timestamp_ms", value.KindDate: "date_days", value.KindList: "list_value", value.KindMap: "map_value", value.KindStruct: "struct_value"}

// wireTypes are how the fields of Value are written.
var wireTypes = [...]protowire.Type{value.KindBool: protowire.VarintType, value.KindInt: protowire.VarintType, value.KindFloat: protowire.Fixed64Type, value.KindString: protowire.BytesType,
	value.KindBytes: protowire.BytesType, value.KindTimestamp: protowire.VarintType, value.KindDate: protowire.VarintType, value.KindList: protowire.BytesType, value.KindMap: protowire.BytesType,
	value.KindStruct: protowire.BytesType}

// readValue reads a Value as one of a type; got, where it is none, is what it is. Its field numbers are those of the kinds. Of several that
// are set the last holds, as everywhere in protobuf.
func readValue(b []byte, t value.Type) (v value.Value, got string, err error) {
	var set value.Kind
	var bits uint64
	var part []byte
	nested := false
	err = walk(b, func(num protowire.Number, typ protowire.Type, x uint64, bytes []byte) error {
		if num > protowire.Number(value.KindStruct) || typ != wireTypes[num] {
			return nil
		}
		set, bits, part = value.Kind(num), x, bytes
		nested = nested || set >= value.KindList
		if set == value.KindString {
			return checkText(text(part), "string_value")
		}
		return nil
	})
	switch {
	case err != nil:
		return value.Value{}, "", err
	case nested:
		var m pb.Value
		if err := proto.Unmarshal(b, &m); err != nil {
			return value.Value{}, "", err
		}
		v, got = fromMessage(&m, t)
		return v, got, nil
	case set == value.KindNull:
		return value.Value{}, "", nil
	}
	v, got = scalar(set, bits, part, t)
	return v, got, nil
}

// scalar makes a value of what was set.
func scalar(set value.Kind, bits uint64, part []byte, t value.Type) (v value.Value, got string) {
	if set != t.Kind {
		return value.Value{}, kindNames[set]
	}
	switch set {
	case value.KindBool:
		return value.OfBool(bits != 0), ""
	case value.KindFloat:
		return value.OfFloat(math.Float64frombits(bits)), ""
	case value.KindString:
		return value.OfString(text(part)), ""
	case value.KindBytes:
		return value.OfBytesString(text(part)), ""
	case value.KindDate:
		bits &= math.MaxUint32 // as of a sint32
	}
	n := protowire.DecodeZigZag(bits)
	if v = value.OfNumber(set, n); v.IsNull() {
		return v, fmt.Sprintf("%s %d, beyond the years 1 to 9999", kindNames[set], n)
	}
	return v, ""
}

// fromMessage makes a value of a type of a message, for what is nested.
func fromMessage(m *pb.Value, t value.Type) (v value.Value, got string) {
	switch x := m.GetKind().(type) {
	case nil:
		return value.Value{}, ""
	case *pb.Value_BoolValue:
		return scalar(value.KindBool, protowire.EncodeBool(x.BoolValue), nil, t)
	case *pb.Value_IntValue:
		return scalar(value.KindInt, protowire.EncodeZigZag(x.IntValue), nil, t)
	case *pb.Value_FloatValue:
		return scalar(value.KindFloat, math.Float64bits(x.FloatValue), nil, t)
	case *pb.Value_StringValue:
		return scalar(value.KindString, 0, []byte(x.StringValue), t)
	case *pb.Value_BytesValue:
		return scalar(value.KindBytes, 0, x.BytesValue, t)
	case *pb.Value_TimestampMs:
		return scalar(value.KindTimestamp, protowire.EncodeZigZag(x.TimestampMs), nil, t)
	case *pb.Value_DateDays:
		return scalar(value.KindDate, protowire.EncodeZigZag(int64(x.DateDays)), nil, t)
	case *pb.Value_ListValue:
		return listOf(x.ListValue.GetValues(), t)
	case *pb.Value_MapValue:
		return mapOf(x.MapValue.GetEntries(), t)
	case *pb.Value_StructValue:
		return structOf(x.StructValue.GetEntries(), t)
	}
	panic("grpc: a kind of value that is not known")
}

func listOf(values []*pb.Value, t value.Type) (value.Value, string) {
	if t.Kind != value.KindList {
		return value.Value{}, kindNames[value.KindList]
	}
	out := make([]value.Value, len(values))
	for i, m := range values {
		var got string
		if out[i], got = fromMessage(m, *t.Elem); got != "" {
			return value.Value{}, "list_value of " + got
		}
	}
	return value.OfList(out), ""
}

func mapOf(entries []*pb.Entry, t value.Type) (value.Value, string) {
	if t.Kind != value.KindMap {
		return value.Value{}, kindNames[value.KindMap]
	}
	out := make([]value.Entry, len(entries))
	for i, e := range entries {
		v, got := fromMessage(e.GetValue(), *t.Elem)
		if got != "" {
			return value.Value{}, "map_value of " + got
		}
		out[i] = value.Entry{Key: e.GetKey(), Value: v}
	}
	return value.OfMap(out), ""
}

// structOf makes a struct of fields by name, in any order; one that is not there is null.
func structOf(entries []*pb.Entry, t value.Type) (value.Value, string) {
	if t.Kind != value.KindStruct {
		return value.Value{}, kindNames[value.KindStruct]
	}
	out := make([]value.Entry, len(t.Fields))
	for i, f := range t.Fields {
		out[i].Key = f.Name
	}
	for _, e := range entries {
		i := slices.IndexFunc(t.Fields, func(f value.Field) bool { return f.Name == e.GetKey() })
		if i < 0 {
			return value.Value{}, "struct_value with " + strconv.Quote(e.GetKey())
		}
		var got string
		if out[i].Value, got = fromMessage(e.GetValue(), t.Fields[i].Type); got != "" {
			return value.Value{}, "struct_value of " + got
		}
	}
	return value.OfStruct(out), ""
}
