package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

var benchSchema = value.Schema{{Name: "user", Type: value.String}, {Name: "amount", Type: value.Float}, {Name: "n", Type: value.Int}, {Name: "country", Type: value.String}, {Name: "ts", Type: value.Timestamp}}

// BenchmarkDecode is a small record of five columns and one field more, a batch of 1000 at a time; ns/op is of one record.
func BenchmarkDecode(b *testing.B) {
	const avroText = `{"type":"record","name":"B","fields":[{"name":"user","type":"string"},{"name":"amount","type":"double"},{"name":"n","type":["null","long"]},{"name":"country","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"session","type":"string"}]}`
	const protoText = `syntax = "proto3"; message B { string user = 1; double amount = 2; int64 n = 3; string country = 4; int64 ts = 5; string session = 6; }`
	library := avro.MustParse(avroText)
	for name, c := range map[string]struct {
		format string
		sel    []dataset.Select
		record func(i int) []byte
	}{
		"json": {"json", nil, func(i int) []byte {
			return fmt.Appendf(nil, `{"user":"u%06d","amount":%d.25,"n":%d,"country":"DE","ts":%d,"session":"abcdef"}`, i, i, i, int64(stamp)*1000)
		}},
		"json_select": {"json", []dataset.Select{{Column: "amount", SQL: "payload.amount * 2"}, {Column: "user", SQL: "payload.user"}, {Column: "n", SQL: "payload.n"}, {Column: "ts", SQL: "payload.ts"}, {Column: "country", SQL: "payload.country"}}, func(i int) []byte {
			return fmt.Appendf(nil, `{"payload":{"user":"u%06d","amount":%d.25,"n":%d,"country":"DE","ts":%d,"session":"abcdef"}}`, i, i, i, int64(stamp)*1000)
		}},
		"avro": {"avro", nil, func(i int) []byte {
			text, err := library.Encode(map[string]any{"user": fmt.Sprintf("u%06d", i), "amount": float64(i), "n": int64(i), "country": "DE", "ts": time.UnixMilli(stamp), "session": "abcdef"})
			if err != nil {
				b.Fatal(err)
			}
			return append([]byte{0, 0, 0, 0, 1}, text...)
		}},
		"protobuf": {"protobuf", nil, func(i int) []byte {
			out := []byte{0, 0, 0, 0, 1, 0}
			text := func(n protowire.Number, s string) {
				out = protowire.AppendString(protowire.AppendTag(out, n, protowire.BytesType), s)
			}
			text(1, fmt.Sprintf("u%06d", i))
			out = protowire.AppendFixed64(protowire.AppendTag(out, 2, protowire.Fixed64Type), uint64(i)<<40)
			out = protowire.AppendVarint(protowire.AppendTag(out, 3, protowire.VarintType), uint64(i))
			text(4, "DE")
			out = protowire.AppendVarint(protowire.AppendTag(out, 5, protowire.VarintType), uint64(stamp)*1000)
			text(6, "abcdef")
			return out
		}},
	} {
		b.Run(name, func(b *testing.B) {
			const rows = 1000
			batch := &Batch{}
			for i := range rows {
				batch.Records = append(batch.Records, &kgo.Record{Offset: int64(i), Timestamp: time.UnixMilli(stamp), Value: c.record(i)})
			}
			def, err := define(dataset.Topic{Name: "t", Format: c.format, Schema: benchSchema, TimeUnits: map[string]string{"ts": "us"}, Select: c.sel})
			if err != nil {
				b.Fatal(err)
			}
			d := &Decoder{def: def, format: benchFormat(b, def, avroText, protoText)}
			b.ReportAllocs()
			for n := 0; n < b.N; n += rows {
				a, done, err := d.Decode(b.Context(), batch)
				if err != nil || done != rows || a.Rows.N != rows {
					b.Fatal(err, a.Poison)
				}
			}
		})
	}
}

// benchFormat is a format that has its one schema already.
func benchFormat(b *testing.B, d *definition, avroText, protoText string) format {
	b.Helper()
	if d.topic.Format == "json" {
		f, err := newJSON(d)
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	s := &Schemas{known: map[subjectID]*registered{}}
	r := &registered{id: 1, message: map[string]message{}}
	var err error
	if d.topic.Format == "avro" {
		r.message["[]"], err = parseAvro(avroText, nil, nil)
	} else {
		r.message["[0]"], err = parseProtobuf(b.Context(), protoText, nil, []int{0})
	}
	if err != nil {
		b.Fatal(err)
	}
	s.known[subjectID{"t-value", 1}] = r
	f, err := newTyped(d, s)
	if err != nil {
		b.Fatal(err)
	}
	return f
}
