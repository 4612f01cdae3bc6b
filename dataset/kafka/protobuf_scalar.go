package kafka

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.Fixed32Type
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.Fixed64Type
	}
	return protowire.VarintType
}

// scalar reads a value that is no message; false: of another wire type.
func (in *protoIn) scalar(f *protoField, typ protowire.Type, raw []byte, at *cell.Builder) (value.Value, bool) {
	kind := f.desc.Kind()
	if typ != wireType(kind) {
		return value.Value{}, false
	}
	switch kind {
	case protoreflect.StringKind:
		b, _ := protowire.ConsumeBytes(raw)
		return keptText(at, b, false), true
	case protoreflect.BytesKind:
		b, _ := protowire.ConsumeBytes(raw)
		return value.OfBytes(b), true
	case protoreflect.FloatKind:
		x, _ := protowire.ConsumeFixed32(raw)
		return keptFloat(at, float64(math.Float32frombits(x))), true
	case protoreflect.DoubleKind:
		x, _ := protowire.ConsumeFixed64(raw)
		return keptFloat(at, math.Float64frombits(x)), true
	}
	x := number(kind, raw)
	switch {
	case kind == protoreflect.BoolKind:
		return value.OfBool(x != 0), true
	case kind == protoreflect.EnumKind && f.want.Kind == value.KindString:
		return enumName(f.desc, protoreflect.EnumNumber(int32(x))), true
	case (kind == protoreflect.Uint64Kind || kind == protoreflect.Fixed64Kind) && x < 0:
		if f.want.Kind == value.KindFloat {
			return value.OfFloat(float64(uint64(x))), true
		}
		return kept(at, value.Value{}, dataset.Overflow), true
	}
	switch f.want.Kind {
	case value.KindFloat:
		return value.OfFloat(float64(x)), true
	case value.KindTimestamp:
		return kept(at, value.OfTimestamp(at.Unit().Millis(x)), dataset.OutOfRange), true
	}
	return value.OfInt(x), true
}

// number is an integer's bits, narrower ones widened as their kind has them.
func number(kind protoreflect.Kind, raw []byte) int64 {
	switch wireType(kind) {
	case protowire.Fixed32Type:
		x, _ := protowire.ConsumeFixed32(raw)
		if kind == protoreflect.Sfixed32Kind {
			return int64(int32(x))
		}
		return int64(x)
	case protowire.Fixed64Type:
		x, _ := protowire.ConsumeFixed64(raw)
		return int64(x)
	}
	x, _ := protowire.ConsumeVarint(raw)
	switch kind {
	case protoreflect.Int32Kind, protoreflect.EnumKind:
		return int64(int32(x))
	case protoreflect.Uint32Kind:
		return int64(uint32(x))
	case protoreflect.Sint32Kind:
		return int64(int32(protowire.DecodeZigZag(x & math.MaxUint32)))
	case protoreflect.Sint64Kind:
		return protowire.DecodeZigZag(x)
	}
	return int64(x)
}
