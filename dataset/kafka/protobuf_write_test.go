package kafka

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// writtenSchema has a column of every type that rows of Protobuf have; the names are such as clash with types, with words of Protobuf, and nearly
// with each other.
func writtenSchema() value.Schema {
	in := value.StructOf(value.Field{Name: "struct1", Type: value.Timestamp}, value.Field{Name: "names", Type: value.ListOf(value.String)}, value.Field{Name: "n", Type: value.Int})
	return value.Schema{
		{Name: "b", Type: value.Bool}, {Name: "x_1", Type: value.Int}, {Name: "X1", Type: value.Float}, {Name: "message", Type: value.String}, {Name: "y", Type: value.Bytes}, {Name: "google", Type: value.Timestamp},
		{Name: "struct1", Type: in}, {Name: "l", Type: value.ListOf(value.Int)}, {Name: "stamps", Type: value.ListOf(value.Timestamp)}, {Name: "ins", Type: value.ListOf(in)},
		{Name: "m", Type: value.MapOf(value.Float)}, {Name: "mi", Type: value.MapOf(in)}, {Name: "bighead", Type: value.StructOf(value.Field{Name: "deep", Type: in})},
	}
}

// Rows of every type that are written as Protobuf are read again as they were, by us and by Protobuf's library.
func TestRowsAsProtobuf(t *testing.T) {
	schema, r := writtenSchema(), newRegistry(t)
	w := &topicWriter{topic: "t", schema: schema}
	if err := w.register(t.Context(), r.Schemas, "protobuf"); err != nil {
		t.Fatal(err)
	}
	in := func(ts value.Value, n value.Value, names ...string) value.Value {
		list := []value.Value{}
		for _, s := range names {
			list = append(list, value.OfString(s))
		}
		return value.OfStruct([]value.Entry{{Key: "struct1", Value: ts}, {Key: "names", Value: value.OfList(list)}, {Key: "n", Value: n}})
	}
	null := value.Value{}
	rows := [][]value.Value{
		{value.OfBool(true), value.OfInt(-1 << 63), value.OfFloat(-0.5), value.OfString("ß\x00"), value.OfBytesString("\xff\x00"), value.OfTimestamp(-1), in(value.OfTimestamp(1), value.OfInt(7), "a", ""),
			value.OfList([]value.Value{value.OfInt(1), value.OfInt(-1), value.OfInt(0)}), value.OfList([]value.Value{value.OfTimestamp(1_704_067_200_123), value.OfTimestamp(0)}), value.OfList([]value.Value{in(null, null), in(value.OfTimestamp(0), value.OfInt(0), "b")}),
			value.OfMap([]value.Entry{{Key: "", Value: value.OfFloat(0)}, {Key: "z", Value: value.OfFloat(2)}}), value.OfMap([]value.Entry{{Key: "k", Value: in(null, value.OfInt(3))}}),
			value.OfStruct([]value.Entry{{Key: "deep", Value: in(value.OfTimestamp(value.MaxTimestamp), null, "c")}})},
		{value.OfBool(false), value.OfInt(0), value.OfFloat(0), value.OfString(""), value.OfBytesString(""), value.OfTimestamp(0), in(null, null), value.OfList(nil), value.OfList(nil), value.OfList(nil), value.OfMap(nil), value.OfMap(nil),
			value.OfStruct([]value.Entry{{Key: "deep", Value: null}})},
		{null, null, null, null, null, null, null, value.OfList(nil), value.OfList(nil), value.OfList(nil), value.OfMap(nil), value.OfMap(nil), null},
	}
	text, err := protoRows(schema)
	if err != nil {
		t.Fatal(err)
	}
	message, err := parseProtobuf(t.Context(), text, nil, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	var payloads [][]byte
	for _, row := range rows {
		b, err := w.encode(nil, row)
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(b[6:], dynamicpb.NewMessage(message.root)); err != nil || b[5] != 0 {
			t.Errorf("the library says %v of %x", err, b)
		}
		payloads = append(payloads, b)
	}
	arrivals, _ := decodeAll(t, decoder(t, dataset.Topic{Format: "protobuf", Schema: schema}, r.Schemas), records(payloads...))
	n := 0
	for _, a := range arrivals {
		for i := range a.Rows.N {
			for c, f := range schema {
				if got := a.Rows.Columns[c].At(i); !value.Equal(got, rows[n][c]) {
					t.Errorf("row %d, %s: %s comes back as %s", n, f.Name, rows[n][c], got)
				}
			}
			n++
		}
	}
	if n != len(rows) {
		t.Errorf("%d rows of %d come back", n, len(rows))
	}
	for column, bad := range map[string]value.Value{
		"l: an element of a list is null": value.OfList([]value.Value{null}), "l: a list is null": null,
		"m: a map is null": null, "m: a value of a map is null": value.OfMap([]value.Entry{{Key: "k", Value: null}}),
		"struct1.names: a list is null": value.OfStruct([]value.Entry{{Key: "struct1", Value: null}, {Key: "names", Value: null}, {Key: "n", Value: null}}),
	} {
		row := append([]value.Value(nil), rows[1]...)
		name, _, _ := strings.Cut(strings.SplitN(column, ":", 2)[0], ".")
		row[schema.Index(name)] = bad
		if b, err := w.encode(nil, row); err == nil || !strings.HasPrefix(err.Error(), column+", which Protobuf cannot say") {
			t.Errorf("%s: %x, %v", column, b, err)
		}
	}
}

// What Protobuf has no type or name for is refused before anything is written, with the column.
func TestRowsThatAreNoProtobuf(t *testing.T) {
	r := newRegistry(t)
	for want, f := range map[string]value.Field{
		`column "d": a date there has no type`:         {Name: "d", Type: value.Date},
		`column "ll": a list<int> there has no type`:   {Name: "ll", Type: value.ListOf(value.ListOf(value.Int))},
		`column "s.ml": a list<int> there has no type`: {Name: "s", Type: value.StructOf(value.Field{Name: "ml", Type: value.MapOf(value.ListOf(value.Int))})},
		`column "a b" has no name for Protobuf`:        {Name: "a b", Type: value.Int},
		`column "s.ü" has no name for Protobuf`:        {Name: "s", Type: value.StructOf(value.Field{Name: "ü", Type: value.Int})},
	} {
		w := &topicWriter{topic: "t", schema: value.Schema{f}}
		if err := w.register(t.Context(), r.Schemas, "protobuf"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "json") {
			t.Errorf("%s: %v", want, err)
		}
	}
	w := &topicWriter{topic: "t", schema: value.Schema{{Name: "x_1", Type: value.Int}, {Name: "x1", Type: value.Int}}}
	if err := w.register(t.Context(), r.Schemas, "protobuf"); err == nil || !strings.Contains(err.Error(), "field row.x1") || !strings.Contains(err.Error(), "rename the column") {
		t.Errorf("two names that are one in JSON: %v", err)
	}
	if err := (&topicWriter{topic: "t"}).register(t.Context(), nil, "protobuf"); err == nil || !strings.Contains(err.Error(), "is to be Protobuf, and no schema registry is named") {
		t.Errorf("without a registry: %v", err)
	}
	if subjects, err := r.client.Subjects(t.Context()); err != nil || len(subjects) > 0 {
		t.Errorf("the registry has %v, %v", subjects, err)
	}
}
