package kafka

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"regexp"

	"github.com/bighead-ml/bighead/value"
)

var avroName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// avroRows is the schema of rows, each field of which may be null.
func avroRows(s value.Schema) (string, error) {
	records := 0
	r, err := avroRecord(s, &records)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(r)
	return string(b), err
}

func avroRecord(fields []value.Field, records *int) (map[string]any, error) {
	name := "row"
	if *records > 0 {
		name = fmt.Sprintf("struct%d", *records)
	}
	*records++
	var out []any
	for _, f := range fields {
		if !avroName.MatchString(f.Name) {
			return nil, fmt.Errorf("column %q has no name for Avro, which takes letters, digits and _; write json, or rename it", f.Name)
		}
		t, err := avroType(f.Type, records)
		if err != nil {
			return nil, err
		}
		out = append(out, map[string]any{"name": f.Name, "type": []any{"null", t}, "default": nil})
	}
	return map[string]any{"type": "record", "name": name, "namespace": "bighead", "fields": out}, nil
}

func avroType(t value.Type, records *int) (any, error) {
	switch t.Kind {
	case value.KindBool:
		return "boolean", nil
	case value.KindInt:
		return "long", nil
	case value.KindFloat:
		return "double", nil
	case value.KindString:
		return "string", nil
	case value.KindBytes:
		return "bytes", nil
	case value.KindTimestamp:
		return map[string]any{"type": "long", "logicalType": "timestamp-millis"}, nil
	case value.KindDate:
		return map[string]any{"type": "int", "logicalType": "date"}, nil
	case value.KindList:
		of, err := avroType(*t.Elem, records)
		return map[string]any{"type": "array", "items": []any{"null", of}}, err
	case value.KindMap:
		of, err := avroType(*t.Elem, records)
		return map[string]any{"type": "map", "values": []any{"null", of}}, err
	case value.KindStruct:
		return avroRecord(t.Fields, records)
	}
	return nil, fmt.Errorf("%s has no type in Avro", t)
}

// appendAvro writes a value, null or not, as a union of null and its type.
func appendAvro(b []byte, t value.Type, v value.Value) []byte {
	if v.IsNull() {
		return append(b, 0)
	}
	b = append(b, 2)
	switch t.Kind {
	case value.KindBool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case value.KindInt, value.KindTimestamp, value.KindDate:
		return binary.AppendVarint(b, v.Int())
	case value.KindFloat:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float()))
	case value.KindList:
		if v.Len() > 0 {
			b = binary.AppendVarint(b, int64(v.Len()))
		}
		for i := range v.Len() {
			b = appendAvro(b, *t.Elem, v.At(i))
		}
		return append(b, 0)
	case value.KindMap:
		if v.Len() > 0 {
			b = binary.AppendVarint(b, int64(v.Len()))
		}
		for i := range v.Len() {
			b = append(binary.AppendVarint(b, int64(len(v.KeyAt(i)))), v.KeyAt(i)...)
			b = appendAvro(b, *t.Elem, v.At(i))
		}
		return append(b, 0)
	case value.KindStruct:
		for i, f := range t.Fields {
			b = appendAvro(b, f.Type, v.At(i))
		}
		return b
	}
	return append(binary.AppendVarint(b, int64(len(v.Str()))), v.Str()...)
}
