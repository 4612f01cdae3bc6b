package kafka

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

const protoEverything = `syntax = "proto3";
package x;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message Other { int64 n = 1; }
message E {
  enum Kind { NONE = 0; SOME = 1; }
  message In { int64 a = 1; repeated string names = 2; In next = 3; optional bool flag = 4; }
  bool b = 1; int32 i = 2; sint64 sl = 3; uint64 u = 4; fixed32 f32 = 5; sfixed64 sf = 6; float f = 7; double d = 8;
  string s = 9; bytes y = 10; Kind kind = 11; google.protobuf.Timestamp ts = 12; google.protobuf.Int64Value wrapped = 13;
  optional int32 opt = 14; repeated sint32 packed = 15; repeated In ins = 16; map<string, double> m = 17; map<string, In> mi = 18;
  In in = 19; oneof one { int64 ia = 20; string sa = 21; In na = 22; }
  int64 seconds = 23; repeated Kind kinds = 24; sint32 s32 = 25; uint32 u32 = 26; sfixed32 sf32 = 27; repeated google.protobuf.Timestamp stamps = 28;
}`

func protoSchemaColumns() value.Schema {
	in := value.StructOf(value.Field{Name: "names", Type: value.ListOf(value.String)}, value.Field{Name: "a", Type: value.Int}, value.Field{Name: "flag", Type: value.Bool})
	return value.Schema{{Name: "b", Type: value.Bool}, {Name: "i", Type: value.Int}, {Name: "sl", Type: value.Int}, {Name: "u", Type: value.Int}, {Name: "f32", Type: value.Int}, {Name: "sf", Type: value.Float},
		{Name: "f", Type: value.Float}, {Name: "d", Type: value.Float}, {Name: "s", Type: value.String}, {Name: "y", Type: value.Bytes}, {Name: "kind", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "wrapped", Type: value.Int},
		{Name: "opt", Type: value.Int}, {Name: "packed", Type: value.ListOf(value.Int)}, {Name: "ins", Type: value.ListOf(in)}, {Name: "m", Type: value.MapOf(value.Float)}, {Name: "mi", Type: value.MapOf(in)}, {Name: "in", Type: in},
		{Name: "ia", Type: value.Int}, {Name: "sa", Type: value.String}, {Name: "na", Type: in}, {Name: "seconds", Type: value.Timestamp}, {Name: "kinds", Type: value.ListOf(value.Int)},
		{Name: "s32", Type: value.Int}, {Name: "u32", Type: value.Int}, {Name: "sf32", Type: value.Int}, {Name: "stamps", Type: value.ListOf(value.Timestamp)}}
}

// protoBytes is a message that is written as text, encoded by the library.
func protoBytes(t testing.TB, m *protoSchema, text string) []byte {
	t.Helper()
	d := dynamicpb.NewMessage(m.root)
	if err := prototext.Unmarshal([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const protoFull = `b: true i: -7 sl: -8 u: 18446744073709551615 f32: 4294967295 sf: -3 f: 1.5 d: inf s: "ß" y: "\x00\xff" kind: SOME ts { seconds: -1 nanos: 999999999 }
	wrapped {} opt: 0 packed: [1, -1] ins { a: 1 names: "x" names: "y" } ins {} m { key: "k" value: 2.5 } m { key: "z" } mi { key: "k" value { a: 5 } } in { next { a: 6 } flag: false } sa: "" seconds: 1700000000 kinds: [SOME, NONE]
	s32: -5 u32: 4294967295 sf32: -9 stamps { seconds: 1 } stamps {}`

func TestProtobufOfEveryType(t *testing.T) {
	r := newRegistry(t)
	r.add("other", sr.TypeProtobuf, `syntax = "proto3"; message Unused {}`)
	prefix := append(r.add("t-value", sr.TypeProtobuf, protoEverything), 2, 2) // one number: the second message
	m, err := parseProtobuf(t.Context(), protoEverything, nil, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	d := decoder(t, dataset.Topic{Format: "protobuf", Schema: protoSchemaColumns(), TimeUnits: map[string]string{"seconds": "s"}}, r.Schemas)
	with := func(b ...byte) []byte { return append(prefix[:len(prefix):len(prefix)], b...) }
	arrivals, text := decodeAll(t, d, records(with(protoBytes(t, m, protoFull)...), with(), with(8), with(0x80), []byte{0, 0, 0, 0, 2}, []byte{0, 0, 0, 0, 2, 2, 80}, []byte("{}")))
	full := `true -7 -8 null 4294967295 -3.0 1.5 null ß AP8= SOME 1969-12-31T23:59:59.999Z 0 0 [1,-1] [{"names":["x","y"],"a":1,"flag":null},{"names":[],"a":0,"flag":null}] {"k":2.5,"z":0.0} {"k":{"names":[],"a":5,"flag":null}} {"names":[],"a":0,"flag":false} null  null 2023-11-14T22:13:20Z [1,0] -5 4294967295 -9 ["1970-01-01T00:00:01Z","1970-01-01T00:00:00Z"]`
	empty := `false 0 0 0 0 0.0 0.0 0.0   NONE null null null [] [] {} {} null null null null 1970-01-01T00:00:00Z [] 0 0 0 []`
	want(t, text, "100: "+full+"\n102: "+empty+`
104! not a message of Protobuf: it is cut, or a tag is nonsense
106! not a message of Protobuf: it is cut, or a tag is nonsense
108! the place of the message in its schema is cut or nonsense
110! its schema has no message at place [40]
112! it does not begin as the registry's wire format does: a zero byte and the number of a schema`)
	if got := fmt.Sprint(arrivals[0].Counts.Nulled); got != "map[{d not finite}:1 {u beyond int64}:1]" {
		t.Error(got)
	}
}

func TestProtobufSchemasThatChange(t *testing.T) {
	r := newRegistry(t)
	one := append(r.add("t-value", sr.TypeProtobuf, `syntax = "proto3"; message M { int64 id = 1; string name = 2; }`), 0)
	two := append(r.add("t-value", sr.TypeProtobuf, `syntax = "proto3"; message M { int64 id = 1; }`), 0)
	three := append(r.add("t-value", sr.TypeProtobuf, `syntax = "proto3"; message M { string id = 1; string name = 2; }`), 0)
	topic := dataset.Topic{Format: "protobuf", Schema: value.Schema{{Name: "id", Type: value.Int}, {Name: "name", Type: value.String}}}
	_, text := decodeAll(t, decoder(t, topic, r.Schemas), records(append(one, 8, 1, 18, 1, 'a'), append(two, 8, 2), append(three, 10, 1, 'x')))
	if want := "100: 1 a\n102: 2 null\nerror: topic \"t\" partition 3 offset 104: schema 3 (t-value version 3), field \"id\": it is a string in this version, and an int in the source"; !strings.HasPrefix(text, want) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	topic.Schema[1].Name = "names"
	_, text = decodeAll(t, decoder(t, topic, r.Schemas), records(append(two, 8, 2)))
	if want := `field "names": no version of the schema has it`; !strings.Contains(text, want) {
		t.Errorf("got %s", text)
	}
}

// reference is a message of the library as our values.
func reference(m protoreflect.Message, fields []value.Field) []value.Value {
	out := make([]value.Value, len(fields))
	for i, f := range fields {
		d := m.Descriptor().Fields().ByName(protoreflect.Name(f.Name))
		switch v := m.Get(d); {
		case d.IsMap():
			var entries []value.Entry
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				entries = append(entries, value.Entry{Key: k.String(), Value: referenceOne(d.MapValue(), v, *f.Type.Elem)})
				return true
			})
			out[i] = value.OfMap(entries)
		case d.IsList():
			elems := make([]value.Value, v.List().Len())
			for j := range elems {
				elems[j] = referenceOne(d, v.List().Get(j), *f.Type.Elem)
			}
			out[i] = value.OfList(elems)
		case !d.HasPresence() || m.Has(d):
			out[i] = referenceOne(d, v, f.Type)
		}
	}
	return out
}

func referenceOne(d protoreflect.FieldDescriptor, v protoreflect.Value, t value.Type) value.Value {
	switch x := v.Interface().(type) {
	case protoreflect.Message:
		switch m := x.Descriptor(); {
		case m.FullName() == protoTimestamp:
			s, n := x.Get(m.Fields().ByNumber(1)).Int(), x.Get(m.Fields().ByNumber(2)).Int()
			if s < math.MinInt64/2000 || s > math.MaxInt64/2000 {
				return value.Value{}
			}
			return value.OfTimestamp(s*1000 + value.FloorDiv(n, 1_000_000))
		case wrapped(m) != nil:
			return referenceOne(wrapped(m), x.Get(wrapped(m)), t)
		}
		var entries []value.Entry
		for i, v := range reference(x, t.Fields) {
			entries = append(entries, value.Entry{Key: t.Fields[i].Name, Value: v})
		}
		return value.OfStruct(entries)
	case bool:
		return value.OfBool(x)
	case string:
		return value.OfString(x)
	case []byte:
		return value.OfBytes(x)
	case float32:
		return value.OfFloat(float64(x))
	case float64:
		return value.OfFloat(x)
	case protoreflect.EnumNumber:
		if t.Kind == value.KindInt {
			return value.OfInt(int64(x))
		}
		return enumName(d, x)
	case uint64:
		if x > math.MaxInt64 {
			return value.Value{}
		}
		return value.OfInt(int64(x))
	}
	x := int64(0)
	if narrow, ok := v.Interface().(uint32); ok {
		x = int64(narrow)
	} else {
		x = v.Int()
	}
	switch t.Kind {
	case value.KindFloat:
		return value.OfFloat(float64(x))
	case value.KindTimestamp:
		return value.OfTimestamp(dataset.Seconds.Millis(x))
	}
	return value.OfInt(x)
}

// theirs reads a message by the library, which panics at entries of maps whose key is of another wire type.
func theirs(m *protoSchema, b []byte) (d *dynamicpb.Message, err error, sane bool) {
	defer func() { sane = recover() == nil }()
	d = dynamicpb.NewMessage(m.root)
	err = proto.UnmarshalOptions{AllowPartial: true, DiscardUnknown: true}.Unmarshal(b, d)
	return d, err, true
}

// FuzzProtobuf reads any bytes as the library does: what it takes is taken, and is the same values.
func FuzzProtobuf(f *testing.F) {
	m, err := parseProtobuf(f.Context(), protoEverything, nil, []int{1})
	if err != nil {
		f.Fatal(err)
	}
	schema := protoSchemaColumns()
	units := map[string]string{"seconds": "s"}
	read, err := m.compile(schema, units, nil)
	if err != nil {
		f.Fatal(err)
	}
	whole := protoBytes(f, m, protoFull)
	f.Add(whole)
	f.Add(append(whole, protoBytes(f, m, `in { a: 9 names: "q" } na { a: 1 } packed: 5 mi { key: "k" }`)...))
	f.Add(append(protoBytes(f, m, `na { a: 1 } `), protoBytes(f, m, `na { names: "b" } `)...))
	f.Add(append(protoBytes(f, m, `ia: 5`), protoBytes(f, m, `sa: "b"`)...))
	c := newCells(schema, units)
	c.read = read
	f.Fuzz(func(t *testing.T, b []byte) {
		c.Begin(2)
		err := c.Add(b)
		d, libraryErr, sane := theirs(m, b)
		if !sane {
			return
		}
		if libraryErr != nil && strings.Contains(libraryErr.Error(), "UTF-8") {
			return // the library refuses what is null here
		}
		if err != nil && libraryErr == nil {
			t.Fatalf("%x: %v, but the library takes it", b, err)
		}
		if err != nil || libraryErr != nil { // a message that no column reads is not looked into
			return
		}
		batch := c.Finish(&dataset.Counts{})
		for i, want := range reference(d, schema) {
			if got := batch.Columns[i].At(0); !value.Equal(got, want) || !got.HasType(schema[i].Type) {
				t.Fatalf("%x: %s is %v, want %v", b, schema[i].Name, got, want)
			}
		}
	})
}

// FuzzAvro reads any bytes: what the library refuses is refused, what it takes is taken, but for lists longer than their bytes.
func FuzzAvro(f *testing.F) {
	s, err := parseAvro(everything, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	units := map[string]string{"seconds": "s"}
	read, err := s.compile(everythingSchema(), units, nil)
	if err != nil {
		f.Fatal(err)
	}
	library := avro.MustParse(everything)
	b, err := library.Encode(everythingRecord())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	c := newCells(everythingSchema(), units)
	c.read = read
	f.Fuzz(func(t *testing.T, b []byte) {
		c.Begin(1)
		err := c.Add(b)
		var x any
		rest, libraryErr := library.Decode(b, &x)
		switch {
		case err == nil && (libraryErr != nil || len(rest) > 0) && utf8.Valid(b):
			t.Fatalf("%x: taken, but the library: %v, %d left", b, libraryErr, len(rest))
		case err != nil && libraryErr == nil && len(rest) == 0 && !strings.Contains(err.Error(), "claims") && !strings.Contains(err.Error(), "is no boolean") && !strings.Contains(err.Error(), "UTF-8") && !strings.Contains(err.Error(), "nested"):
			t.Fatalf("%x: %v, but the library takes it", b, err)
		}
		if err != nil {
			return
		}
		batch := c.Finish(&dataset.Counts{})
		for i, f := range everythingSchema() {
			if v := batch.Columns[i].At(0); !v.HasType(f.Type) {
				t.Fatalf("%x: %s: %v is no %s", b, f.Name, v, f.Type)
			}
		}
	})
}
