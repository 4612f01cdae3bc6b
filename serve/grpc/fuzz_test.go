package grpc

import (
	"math"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/value"
)

// types are what values are read as.
var types = []value.Type{value.Bool, value.Int, value.Float, value.String, value.Bytes, value.Timestamp, value.Date, value.ListOf(value.ListOf(value.Int)), value.MapOf(value.String),
	value.StructOf(value.Field{Name: "a", Type: value.Int}, value.Field{Name: "b", Type: value.ListOf(value.Float)})}

func marshal(t testing.TB, m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Any bytes are read as the generated code reads them, or refused as it refuses them; what is read is written as it was.
func FuzzValues(f *testing.F) {
	one := func(kind value.Kind, b ...byte) {
		f.Add(append(protowire.AppendTag(nil, protowire.Number(kind), wireTypes[kind]), b...), uint8(kind-1))
	}
	for k := value.KindBool; k <= value.KindStruct; k++ {
		one(k, 1)
		one(k, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)
		one(k, 4, 0x0a, 2, 0x10, 7)
	}
	inner := &pb.Value{Kind: &pb.Value_ListValue{ListValue: &pb.List{Values: []*pb.Value{{Kind: &pb.Value_FloatValue{FloatValue: math.NaN()}}, {}}}}}
	f.Add(marshal(f, &pb.Value{Kind: &pb.Value_StructValue{StructValue: &pb.Entries{Entries: []*pb.Entry{{Key: "b", Value: inner}, {Key: "a"}}}}}), uint8(9))
	f.Add(append(marshal(f, inner), marshal(f, &pb.Value{Kind: &pb.Value_ListValue{ListValue: &pb.List{Values: []*pb.Value{inner}}}})...), uint8(7)) // two lists are one
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		typ := types[int(kind)%len(types)]
		var m pb.Value
		bad := proto.Unmarshal(b, &m)
		got, said, err := readValue(b, typ)
		if (err != nil) != (bad != nil) {
			t.Fatalf("%x: %v, the generated code: %v", b, err, bad)
		}
		if err != nil {
			return
		}
		want, why := fromMessage(&m, typ)
		if said != why || !value.Equal(got, want) || !got.HasType(typ) {
			t.Fatalf("%x as %s: %s %q, the generated code: %s %q", b, typ, got, said, want, why)
		}
		if said != "" {
			return
		}
		var back pb.Entry // an Entry's value is its field 2
		if err := proto.Unmarshal(appendValue(nil, 2, got), &back); err != nil {
			t.Fatalf("%s is written so that it cannot be read: %v", got, err)
		}
		if again, why := fromMessage(back.GetValue(), typ); why != "" || !value.Equal(again, got) {
			t.Fatalf("%s is written as %s", got, again)
		}
	})
}

// Any bytes are split as the generated code reads them.
func FuzzRequests(f *testing.F) {
	at := int64(-5)
	f.Add(marshal(f, &pb.GetFeaturesRequest{View: "v", Fields: []string{"a", "é"}, Rows: []*pb.Row{{}, {Values: []*pb.Value{{}}}}, Features: []string{"x"}, AtMs: &at, WithoutStatuses: true}))
	f.Add([]byte("\x1a\x02\x0a\x00\x0a\x01v\x0a\x01w\x28\x01"))
	f.Add([]byte("\x0a\x01\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m pb.GetFeaturesRequest
		bad := proto.Unmarshal(b, &m)
		var q question
		q.reset()
		p := q.split(b, "GetFeaturesRequest")
		if p != nil && bad == nil {
			t.Fatalf("%x: %v", b, p)
		}
		if bad != nil {
			return // a bad row is the row's own problem
		}
		ours := &pb.GetFeaturesRequest{View: q.name, Fields: q.fields, Features: q.features, AtMs: q.at, WithoutStatuses: q.statuses}
		for _, raw := range q.raw {
			var r pb.Row
			if err := proto.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			ours.Rows = append(ours.Rows, &r)
		}
		m.ProtoReflect().SetUnknown(nil)
		for _, x := range append(m.Rows, ours.Rows...) {
			x.ProtoReflect().SetUnknown(nil)
		}
		if !proto.Equal(&m, ours) {
			t.Fatalf("%x:\n ours %v\ntheirs %v", b, ours, &m)
		}
	})
}
