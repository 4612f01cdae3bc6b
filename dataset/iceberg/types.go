package iceberg

import (
	"fmt"

	"github.com/apache/iceberg-go"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// columns are the fields of a schema as our types (V5), with their ids; of those that have none there is a warning.
func columns(s *iceberg.Schema) (out value.Schema, ids []int, warnings []dataset.Warning) {
	for _, f := range s.Fields() {
		t, err := typeOf(f.Type)
		if err != nil {
			warnings = append(warnings, dataset.Warning{Column: f.Name, LeftOut: true, Message: fmt.Sprintf("is %s in Iceberg, and %v; it is left out", f.Type, err)})
			continue
		}
		if _, ok := f.Type.(iceberg.DecimalType); ok {
			warnings = append(warnings, dataset.Warning{Column: f.Name, Message: fmt.Sprintf("%s is read as float, which keeps about 15 digits", f.Type)})
		}
		out, ids = append(out, value.Field{Name: f.Name, Type: t}), append(ids, f.ID)
	}
	return out, ids, warnings
}

func typeOf(t iceberg.Type) (value.Type, error) {
	switch x := t.(type) {
	case iceberg.BooleanType:
		return value.Bool, nil
	case iceberg.Int32Type, iceberg.Int64Type:
		return value.Int, nil
	case iceberg.Float32Type, iceberg.Float64Type, iceberg.DecimalType:
		return value.Float, nil
	case iceberg.StringType:
		return value.String, nil
	case iceberg.BinaryType, iceberg.FixedType:
		return value.Bytes, nil
	case iceberg.DateType:
		return value.Date, nil
	case iceberg.TimestampType, iceberg.TimestampTzType, iceberg.TimestampNsType, iceberg.TimestampTzNsType:
		return value.Timestamp, nil
	case *iceberg.ListType:
		of, err := typeOf(x.Element)
		return value.ListOf(of), err
	case *iceberg.MapType:
		if _, ok := x.KeyType.(iceberg.StringType); !ok {
			return value.Type{}, fmt.Errorf("a map with keys of %s has no type of ours", x.KeyType)
		}
		of, err := typeOf(x.ValueType)
		return value.MapOf(of), err
	case *iceberg.StructType:
		var fields []value.Field
		for _, f := range x.FieldList {
			of, err := typeOf(f.Type)
			if err != nil {
				return of, err
			}
			fields = append(fields, value.Field{Name: f.Name, Type: of})
		}
		return value.StructOf(fields...), nil
	}
	return value.Type{}, fmt.Errorf("%s has no type of ours", t)
}

// written is the type that a column of a table must have for rows of ours.
func written(t value.Type, id *int) (iceberg.Type, error) {
	next := func() int { *id++; return *id }
	switch t.Kind {
	case value.KindBool:
		return iceberg.PrimitiveTypes.Bool, nil
	case value.KindInt:
		return iceberg.PrimitiveTypes.Int64, nil
	case value.KindFloat:
		return iceberg.PrimitiveTypes.Float64, nil
	case value.KindString:
		return iceberg.PrimitiveTypes.String, nil
	case value.KindBytes:
		return iceberg.PrimitiveTypes.Binary, nil
	case value.KindTimestamp:
		return iceberg.PrimitiveTypes.TimestampTz, nil
	case value.KindDate:
		return iceberg.PrimitiveTypes.Date, nil
	case value.KindList:
		n := next()
		of, err := written(*t.Elem, id)
		return &iceberg.ListType{ElementID: n, Element: of}, err
	case value.KindMap:
		k, v := next(), next()
		of, err := written(*t.Elem, id)
		return &iceberg.MapType{KeyID: k, KeyType: iceberg.PrimitiveTypes.String, ValueID: v, ValueType: of}, err
	case value.KindStruct:
		var fields []iceberg.NestedField
		for _, f := range t.Fields {
			n := next()
			of, err := written(f.Type, id)
			if err != nil {
				return nil, err
			}
			fields = append(fields, iceberg.NestedField{ID: n, Name: f.Name, Type: of})
		}
		return &iceberg.StructType{FieldList: fields}, nil
	}
	return nil, fmt.Errorf("%s has no type in Iceberg", t)
}
