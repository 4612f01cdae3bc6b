package kafka

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// FuzzPayload demands of every payload of each format, with what stands before it on the wire, that it is a row whose values have their types, or
// poison with a reason; that both are so again; and that it takes nothing from the good rows beside it.
func FuzzPayload(f *testing.F) {
	r := newRegistry(f)
	const schema = `{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"s","type":["null","string"],"default":null},{"name":"l","type":{"type":"array","items":"double"}},{"name":"m","type":{"type":"map","values":"long"}}]}`
	prefixes := [][]byte{nil, r.add("a-value", sr.TypeAvro, schema),
		r.add("p-value", sr.TypeProtobuf, `syntax = "proto3"; message M { int64 id = 1; optional string s = 2; repeated double l = 3; map<string, int64> m = 4; }`)}
	columns := value.Schema{{Name: "id", Type: value.Int}, {Name: "s", Type: value.String}, {Name: "l", Type: value.ListOf(value.Float)}, {Name: "m", Type: value.MapOf(value.Int)}}
	var decoders []*Decoder
	good := [][]byte{[]byte(`{"id":7,"s":"x","l":[1.5],"m":{"a":1}}`), avroOf(f, prefixes[1], schema, map[string]any{"id": int64(7), "s": "x", "l": []float64{1.5}, "m": map[string]int64{"a": 1}}),
		append(bytes.Clone(prefixes[2]), 0, 8, 7, 0x12, 1, 'x')}
	for i, format := range []string{"json", "avro", "protobuf"} {
		topic := dataset.Topic{Format: format, Schema: columns, Select: []dataset.Select{{Column: "twice", SQL: "id * 2"}}}
		topic.Schema = append(columns[:len(columns):len(columns)], value.Field{Name: "twice", Type: value.Int}, value.Field{Name: "_offset", Type: value.Int})
		decoders = append(decoders, decoder(f, topic, r.Schemas))
		f.Add(uint8(i), good[i])
		f.Add(uint8(i), good[i][:len(good[i])-1])
	}
	f.Add(uint8(0), []byte(`{"id":1e400,"s":"\ud800","l":[[]],"m":null}`))
	f.Add(uint8(2), append(bytes.Clone(prefixes[2]), 2, 1, 8, 1))
	f.Fuzz(func(t *testing.T, format uint8, payload []byte) {
		i := int(format) % len(decoders)
		if p := prefixes[i]; p != nil && len(payload) >= len(p) && payload[0] == 0 { // another number is a question to the registry
			payload = append(bytes.Clone(p), payload[len(p):]...)
		}
		_, first := decodeAll(t, decoders[i], records(good[i], payload, good[i]))
		_, again := decodeAll(t, decoders[i], records(good[i], payload, good[i]))
		if first != again {
			t.Fatalf("%x is\n%s\nand then\n%s", payload, first, again)
		}
		rows, poison := 0, 0
		arrivals, _ := decodeAll(t, decoders[i], records(good[i], payload, good[i]))
		for _, a := range arrivals {
			rows, poison = rows+a.Rows.N, poison+len(a.Poison)
			for _, p := range a.Poison {
				if p.Offset != 102 || p.Reason == "" || !utf8.ValidString(p.Reason) {
					t.Fatalf("%x: poison at %d: %q", payload, p.Offset, p.Reason)
				}
			}
		}
		if tombstone := len(payload) == 0; rows+poison != 3 && !tombstone || rows < 2 {
			t.Fatalf("%x: %d rows and %d of poison\n%s", payload, rows, poison, first)
		}
	})
}
