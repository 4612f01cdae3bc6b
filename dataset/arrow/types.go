package arrow

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/bighead-ml/bighead/value"
)

// unreadable is why a column has no type of ours.
type unreadable string

func (u unreadable) Error() string { return string(u) }

// typeOf is our type for one of Arrow's, and a warning where something is lost on the way.
func typeOf(t arrow.DataType) (typ value.Type, warning string, err error) {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return value.Bool, "", nil
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		return value.Int, "", nil
	case *arrow.Float16Type, *arrow.Float32Type, *arrow.Float64Type:
		return value.Float, "", nil
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return value.String, "", nil
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType, *arrow.FixedSizeBinaryType:
		return value.Bytes, "", nil
	case *arrow.TimestampType:
		return value.Timestamp, "", nil
	case *arrow.Date32Type, *arrow.Date64Type:
		return value.Date, "", nil
	case arrow.DecimalType:
		return value.Float, fmt.Sprintf("%s is read as float, which keeps about 15 digits", t), nil
	case *arrow.DictionaryType:
		return typeOf(t.ValueType)
	case arrow.ExtensionType:
		return typeOf(t.StorageType())
	case *arrow.StructType:
		return structOf(t)
	case *arrow.MapType:
		return mapOf(t)
	case arrow.ListLikeType:
		elem, warning, err := typeOf(t.Elem())
		if err != nil {
			return typ, "", unreadable("its elements: " + err.Error())
		}
		return value.ListOf(elem), warning, nil
	case *arrow.NullType:
		return typ, "", unreadable("it has no type, all its cells are null; declare its type with columns=")
	}
	return typ, "", unreadable(fmt.Sprintf("it is %s, for which there is no type", t))
}

func structOf(t *arrow.StructType) (typ value.Type, warning string, err error) {
	typ.Kind = value.KindStruct
	for _, f := range t.Fields() {
		ft, w, err := typeOf(f.Type)
		if err != nil {
			return typ, "", unreadable(fmt.Sprintf("its field %q: %s", f.Name, err))
		}
		if value.Schema(typ.Fields).Index(f.Name) >= 0 {
			return typ, "", unreadable(fmt.Sprintf("its field %q stands twice", f.Name))
		}
		if w != "" {
			warning = w
		}
		typ.Fields = append(typ.Fields, value.Field{Name: f.Name, Type: ft})
	}
	if len(typ.Fields) == 0 {
		return typ, "", unreadable("it is a struct without fields")
	}
	return typ, warning, nil
}

func mapOf(t *arrow.MapType) (typ value.Type, warning string, err error) {
	key, _, err := typeOf(t.KeyType())
	if err != nil {
		return typ, "", unreadable("its keys: " + err.Error())
	}
	if key.Kind != value.KindString {
		return typ, "", unreadable(fmt.Sprintf("it is a map whose keys are %s; keys of maps are strings", key))
	}
	elem, warning, err := typeOf(t.ItemType())
	if err != nil {
		return typ, "", unreadable("its values: " + err.Error())
	}
	return value.MapOf(elem), warning, nil
}

// arrowType is the type that one of ours is written as.
func arrowType(t value.Type) (arrow.DataType, error) {
	switch t.Kind {
	case value.KindBool:
		return arrow.FixedWidthTypes.Boolean, nil
	case value.KindInt:
		return arrow.PrimitiveTypes.Int64, nil
	case value.KindFloat:
		return arrow.PrimitiveTypes.Float64, nil
	case value.KindString:
		return arrow.BinaryTypes.String, nil
	case value.KindBytes:
		return arrow.BinaryTypes.Binary, nil
	case value.KindTimestamp:
		return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, nil
	case value.KindDate:
		return arrow.FixedWidthTypes.Date32, nil
	case value.KindList, value.KindMap:
		elem, err := arrowType(*t.Elem)
		if err != nil {
			return nil, err
		}
		if t.Kind == value.KindMap {
			return arrow.MapOf(arrow.BinaryTypes.String, elem), nil
		}
		return arrow.ListOf(elem), nil
	case value.KindStruct:
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			ft, err := arrowType(f.Type)
			if err != nil {
				return nil, err
			}
			fields[i] = arrow.Field{Name: f.Name, Type: ft, Nullable: true}
		}
		return arrow.StructOf(fields...), nil
	}
	return nil, fmt.Errorf("it has no type; cast the null to one")
}
