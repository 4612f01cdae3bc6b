package kafka

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// registry is the fake schema registry of franz-go: a real one cannot be had of the package indexes.
type registry struct {
	*srfake.Registry
	*Schemas
	t testing.TB
}

func newRegistry(t testing.TB) *registry {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	s, err := NewSchemas(Registry{URLs: []string{fake.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	return &registry{fake, s, t}
}

// add registers the next version of a subject, and gives the prefix of its payloads.
func (r *registry) add(subject string, typ sr.SchemaType, text string, references ...sr.SchemaReference) []byte {
	r.t.Helper()
	got, err := r.client.CreateSchema(r.t.Context(), subject, sr.Schema{Schema: text, Type: typ, References: references})
	if err != nil {
		r.t.Fatal(err)
	}
	return binary.BigEndian.AppendUint32([]byte{0}, uint32(got.ID))
}

// avroOf encodes by the library, which shares no code with ours.
func avroOf(t testing.TB, prefix []byte, schema string, v any) []byte {
	t.Helper()
	b, err := avro.MustParse(schema).AppendEncode(append([]byte(nil), prefix...), v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const everything = `{"type":"record","name":"E","namespace":"x.y","fields":[
	{"name":"skipped","type":{"type":"array","items":{"type":"map","values":["null",{"type":"record","name":"In","fields":[{"name":"a","type":"long"},{"name":"next","type":["null","In"]}]}]}}},
	{"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},{"name":"f","type":"float"},{"name":"d","type":"double"},
	{"name":"s","type":"string"},{"name":"y","type":"bytes"},{"name":"fx","type":{"type":"fixed","name":"F2","size":2}},{"name":"en","type":{"type":"enum","name":"En","symbols":["A","B"]}},
	{"name":"ms","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"us","type":{"type":"long","logicalType":"timestamp-micros"}},
	{"name":"day","type":{"type":"int","logicalType":"date"}},{"name":"dec","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
	{"name":"opt","type":["null","long"]},{"name":"mixed","type":["int","null","double"]},
	{"name":"arr","type":{"type":"array","items":["null","int"]}},{"name":"map","type":{"type":"map","values":"double"}},{"name":"in","type":"In"},{"name":"seconds","type":"long"}]}`

func everythingSchema() value.Schema {
	return value.Schema{{Name: "b", Type: value.Bool}, {Name: "i", Type: value.Int}, {Name: "l", Type: value.Float}, {Name: "f", Type: value.Float}, {Name: "d", Type: value.Float},
		{Name: "s", Type: value.String}, {Name: "y", Type: value.Bytes}, {Name: "fx", Type: value.Bytes}, {Name: "en", Type: value.String}, {Name: "ms", Type: value.Timestamp}, {Name: "us", Type: value.Timestamp},
		{Name: "day", Type: value.Date}, {Name: "dec", Type: value.Float}, {Name: "opt", Type: value.Int}, {Name: "mixed", Type: value.Float}, {Name: "arr", Type: value.ListOf(value.Int)},
		{Name: "map", Type: value.MapOf(value.Float)}, {Name: "in", Type: value.StructOf(value.Field{Name: "a", Type: value.Int})}, {Name: "seconds", Type: value.Timestamp}}
}

func everythingRecord() map[string]any {
	in := map[string]any{"a": int64(5), "next": map[string]any{"a": int64(6), "next": nil}}
	return map[string]any{
		"skipped": []any{map[string]any{"k": in, "n": nil}}, "b": true, "i": int32(-7), "l": int64(1) << 40, "f": float32(1.5), "d": 2.25, "s": "ß", "y": []byte{0, 255}, "fx": []byte{1, 2}, "en": "B",
		"ms": time.UnixMilli(-1), "us": time.UnixMicro(-1), "day": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), "dec": big.NewRat(-1234, 100),
		"opt": nil, "mixed": 0.5, "arr": []any{int32(1), nil}, "map": map[string]any{"k": 1.5}, "in": in, "seconds": int64(1_700_000_000),
	}
}

func TestAvroOfEveryType(t *testing.T) {
	r := newRegistry(t)
	prefix := r.add("t-value", sr.TypeAvro, everything)
	topic := dataset.Topic{Format: "avro", Schema: everythingSchema(), TimeUnits: map[string]string{"seconds": "s"}}
	d := decoder(t, topic, r.Schemas)
	full := everythingRecord()
	good := avroOf(t, prefix, everything, full)
	full["opt"], full["mixed"], full["d"], full["s"] = int64(9), int32(3), math.Inf(1), "\xff"
	b := records(good, avroOf(t, prefix, everything, full), good[:len(good)-1], append(good[:len(good):len(good)], 0), []byte("plain"), []byte{0, 0, 0, 9, 9, 1}, nil)
	arrivals, text := decodeAll(t, d, b)
	row := `true -7 %v 1.5 %s %s AP8= AQI= B 1969-12-31T23:59:59.999Z 1969-12-31T23:59:59.999Z 2024-02-29 -12.34 %s [1,null] {"k":1.5} {"a":5} 2023-11-14T22:13:20Z`
	want(t, text, "100: "+fmt.Sprintf(row, "1099511627776.0", "2.25", "ß", "null 0.5")+"\n102: "+fmt.Sprintf(row, "1099511627776.0", "null", "null", "9 3.0")+`
104! field "seconds": the record ends within it
106! 1 bytes follow the record
108! it does not begin as the registry's wire format does: a zero byte and the number of a schema
110! the schema registry has no schema 2313
112! the record has no value; only a source with keys= and deleted= knows deletions`)
	if got := fmt.Sprint(arrivals[0].Counts.Nulled); got != "map[{d not finite}:1 {s invalid utf-8}:1]" {
		t.Error(got)
	}
}

const (
	userV1 = `{"type":"record","name":"U","fields":[{"name":"id","type":"long"},{"name":"name","type":"string"}]}`
	userV2 = `{"type":"record","name":"U","fields":[{"name":"age","type":["null","int"],"default":null},{"name":"id","type":"long"},{"name":"name","type":"string"}]}`
	userV3 = `{"type":"record","name":"U","fields":[{"name":"id","type":"long"}]}`
	userV4 = `{"type":"record","name":"U","fields":[{"name":"id","type":"string"},{"name":"name","type":"string"},{"name":"age","type":["null","int"]}]}`
	userV5 = `{"type":"record","name":"U","fields":[{"name":"id","type":"long"},{"name":"nick","type":["null","string"],"default":null}]}`
	userV6 = `{"type":"record","name":"U","fields":[{"name":"id","type":"long"},{"name":"street","type":["null","string"],"default":null}]}`
)

func TestSchemasThatChange(t *testing.T) {
	r := newRegistry(t)
	var p [6][]byte
	for i, text := range []string{userV1, userV2, userV3, userV4, userV5, userV6} {
		p[i] = r.add("t-value", sr.TypeAvro, text)
	}
	columns := value.Schema{{Name: "id", Type: value.Int}, {Name: "name", Type: value.String}, {Name: "age", Type: value.Int}}
	one := avroOf(t, p[0], userV1, map[string]any{"id": int64(1), "name": "a"})
	two := avroOf(t, p[1], userV2, map[string]any{"id": int64(2), "name": "b", "age": int32(30)})
	three := avroOf(t, p[2], userV3, map[string]any{"id": int64(3)})
	four := avroOf(t, p[3], userV4, map[string]any{"id": "4", "name": "d", "age": nil})
	five := avroOf(t, p[4], userV5, map[string]any{"id": int64(5), "nick": "e"})
	six := avroOf(t, p[5], userV6, map[string]any{"id": int64(6), "street": "f"})
	for name, c := range map[string]struct {
		schema  value.Schema
		sel     []dataset.Select
		values  [][]byte
		want    string
		arrival int
	}{
		"an added field that may be null passes, and so does the time before": {columns, nil, [][]byte{one, two, one}, "100: 1 a null\n102: 2 b 30\n104: 1 a null", 1},
		"a removed field that was always there": {columns, nil, [][]byte{one, three}, "100: 1 a null\n" +
			`error: topic "t" partition 3 offset 102: schema 3 (t-value version 3), field "name": it was in every record of version 2 and it is there no more; register a version that has it again and may have null, which it then is where it is not, or take the column out of the source`, 1},
		"a removed field that a later version has again, and may be null": {value.Schema{columns[0], columns[2]}, nil, [][]byte{two, three}, "100: 2 30\n102: 3 null", 1},
		"a removed field that could be null": {value.Schema{columns[0], {Name: "nick", Type: value.String}}, nil, [][]byte{five, six}, "100: 5 e\n" +
			`error: topic "t" partition 3 offset 102: schema 6 (t-value version 6), field "nick": version 5 has it and it is there no more; register a version that has it again and may have null, which it then is where it is not, or take the column out of the source`, 1},
		"a changed type": {columns, nil, [][]byte{two, four}, "100: 2 b 30\n" +
			`error: topic "t" partition 3 offset 102: schema 4 (t-value version 4), field "id": it is a string in this version, and an int in the source; declare the column as what it is, or convert it with select=`, 1},
		"a column that is misspelt": {value.Schema{{Name: "nmae", Type: value.String}}, nil, [][]byte{one},
			`error: topic "t" partition 3 offset 100: schema 1 (t-value version 1), field "nmae": no version of the schema has it; did you mean name? fields: id, name`, 0},
		"what is not read may change": {columns[1:2], nil, [][]byte{one, two, four}, "100: a\n102: b\n104: d", 1},
		"an expression has each version's types": {value.Schema{{Name: "k", Type: value.String}}, []dataset.Select{{Column: "k", SQL: "cast(id as string) || name"}}, [][]byte{one, two, four},
			"100: 1a\n102: 2b\n104: 4d", 2},
		"an expression over what came later": {value.Schema{{Name: "k", Type: value.Int}}, []dataset.Select{{Column: "k", SQL: "coalesce(age, -1) + id"}}, [][]byte{one, two}, "100: 0\n102: 32", 1},
		"an expression that a version cannot make": {value.Schema{{Name: "k", Type: value.Int}}, []dataset.Select{{Column: "k", SQL: "id + 1"}}, [][]byte{one, four}, "100: 2\n" +
			`error: topic "t" partition 3 offset 102: schema 4 (t-value version 4), field "k": topic "t": select "k": id + 1 makes no int of the record's fields: + does not take (string, int)`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := decoder(t, dataset.Topic{Format: "avro", Schema: c.schema, Select: c.sel}, r.Schemas)
			arrivals, text := decodeAll(t, d, records(c.values...))
			if got := strings.TrimSpace(text); got != c.want && !strings.HasPrefix(got, c.want) || len(arrivals) != c.arrival {
				t.Errorf("%d arrivals\n%s\nwant %d\n%s", len(arrivals), text, c.arrival, c.want)
			}
		})
	}
}

func TestAvroReferencesKeysAndFormats(t *testing.T) {
	r := newRegistry(t)
	const place = `{"type":"record","name":"Place","namespace":"geo","fields":[{"name":"city","type":"string"}]}`
	const trip = `{"type":"record","name":"Trip","fields":[{"name":"id","type":"long"},{"name":"at","type":"geo.Place"},{"name":"back","type":["null","geo.Place"]}]}`
	r.add("place", sr.TypeAvro, place)
	p := r.add("t-value", sr.TypeAvro, trip, sr.SchemaReference{Name: "geo.Place", Subject: "place", Version: 1})
	key := r.add("t-key", sr.TypeAvro, `{"type":"record","name":"K","fields":[{"name":"junk","type":"string"},{"name":"id","type":"long"}]}`)
	plain := r.add("t-other-key", sr.TypeAvro, `"long"`)
	inlined := `{"type":"record","name":"Trip","fields":[{"name":"id","type":"long"},{"name":"at","type":` + place + `},{"name":"back","type":["null","geo.Place"]}]}`
	rome := map[string]any{"city": "Rome"}
	topic := dataset.Topic{Format: "avro", Keys: []string{"id"}, Deleted: "gone", Schema: value.Schema{{Name: "id", Type: value.Int}, {Name: "city", Type: value.String}, {Name: "back", Type: value.StructOf(value.Field{Name: "city", Type: value.String})}, {Name: "gone", Type: value.Bool}},
		Select: []dataset.Select{{Column: "city", SQL: "upper(at.city)"}, {Column: "gone", SQL: "false"}}}
	d := decoder(t, topic, r.Schemas)
	b := records(nil, avroOf(t, p, inlined, map[string]any{"id": int64(1), "at": rome, "back": rome}), nil, nil, nil)
	b.Records[0].Key = []byte("8")
	b.Records[2].Key = append(key, 2, 'x', 18)
	b.Records[3].Key = append(plain, 20)
	b.Records[4].Key = append(plain, 20, 20)
	_, text := decodeAll(t, d, b)
	want(t, text, `
100: 8 null null true
102: 1 ROME {"city":"Rome"} false
104: 9 null null true
106: 10 null null true
108! the record's key: 1 bytes follow the record`)

	proto := r.add("u-value", sr.TypeProtobuf, `syntax = "proto3"; message M { int64 id = 1; }`)
	_, text = decodeAll(t, d, records(append(proto, 0, 8, 1)))
	want(t, text, `error: topic "t" partition 3 offset 100: schema 5 (u-value version 1), field "": it is protobuf, and the topic's format is avro`)

	// A registry that is away is no poison: the same record comes again.
	fresh, err := NewSchemas(Registry{URLs: []string{r.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	d = decoder(t, topic, fresh)
	down := true
	r.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down
	})
	b = records(avroOf(t, p, inlined, map[string]any{"id": int64(1), "at": rome, "back": rome}))
	if _, n, err := d.Decode(t.Context(), b); err == nil || n != 0 || !strings.Contains(err.Error(), "schema registry") {
		t.Errorf("%d %v", n, err)
	}
	down = false
	_, text = decodeAll(t, d, b)
	want(t, text, `100: 1 ROME {"city":"Rome"} false`)
}

// One schema may stand under several subjects; errors and versions are of each topic's own.
func TestTheTopicsOwnSubjectIsNamed(t *testing.T) {
	r := newRegistry(t)
	r.add("t-value", sr.TypeAvro, userV3)
	var prefix []byte
	for _, topic := range []string{"a", "t", "z"} {
		prefix = r.add(topic+"-value", sr.TypeAvro, userV1)
	}
	for topic, want := range map[string]string{"a": "(a-value version 1)", "t": "(t-value version 2)", "z": "(z-value version 1)"} {
		d, err := NewDecoder(dataset.Topic{Name: topic, Format: "avro", Schema: value.Schema{{Name: "id", Type: value.String}}}, r.Schemas)
		if err != nil {
			t.Fatal(err)
		}
		_, text := decodeAll(t, d, records(avroOf(t, prefix, userV1, map[string]any{"id": int64(1), "name": "a"})))
		if want += `, field "id"`; !strings.Contains(text, want) {
			t.Errorf("got %s, want %s", text, want)
		}
	}
}

// A field that could be null, or has a default, may not go without a word either: what is read of it would be null from one record to the next. It is null once a
// later version has it again and may have null.
func TestAFieldThatCouldBeNullGoesWhenSomebodySaysSo(t *testing.T) {
	r := newRegistry(t)
	r.add("t-value", sr.TypeAvro, userV2)
	prefix := r.add("t-value", sr.TypeAvro, userV1)
	topic := dataset.Topic{Format: "avro", Schema: value.Schema{{Name: "id", Type: value.Int}, {Name: "age", Type: value.Int}}}
	record := records(avroOf(t, prefix, userV1, map[string]any{"id": int64(1), "name": "a"}))
	_, text := decodeAll(t, decoder(t, topic, r.Schemas), record)
	if !strings.Contains(text, `field "age": version 1 has it and it is there no more`) {
		t.Errorf("it is read as %s", text)
	}
	r.add("t-value", sr.TypeAvro, strings.Replace(userV2, `"U"`, `"V"`, 1))
	_, text = decodeAll(t, decoder(t, topic, r.Schemas), record)
	want(t, text, "100: 1 null")
}
