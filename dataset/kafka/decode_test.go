package kafka

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// stamp is the time of every record of these tests.
const stamp = 1_700_000_000_000

// records makes a batch of values; nil is a tombstone.
func records(values ...[]byte) *Batch {
	b := &Batch{Partition: 3}
	for i, v := range values {
		b.Records = append(b.Records, &kgo.Record{Topic: "t", Partition: 3, Offset: int64(100 + 2*i), Timestamp: time.UnixMilli(stamp + int64(i)), Value: v})
	}
	return b
}

func texts2bytes(texts []string) [][]byte {
	out := make([][]byte, len(texts))
	for i, t := range texts {
		out[i] = []byte(t)
	}
	return out
}

// show prints rows with their offsets, and what is wrong with the others.
func show(a *dataset.Arrival) string {
	var b strings.Builder
	for i := range a.Rows.N {
		fmt.Fprintf(&b, "%d:", a.Offsets[i])
		for c, col := range a.Rows.Columns {
			v := col.At(i)
			if !v.HasType(a.Rows.Schema[c].Type) {
				panic(fmt.Sprintf("%s: %v is no %s", a.Rows.Schema[c].Name, v, a.Rows.Schema[c].Type))
			}
			fmt.Fprintf(&b, " %v", v)
		}
		b.WriteByte('\n')
	}
	for _, p := range a.Poison {
		fmt.Fprintf(&b, "%d! %s\n", p.Offset, p.Reason)
	}
	return b.String()
}

// decodeAll decodes a whole batch, however many arrivals it makes.
func decodeAll(t *testing.T, d *Decoder, b *Batch) (arrivals []*dataset.Arrival, text string) {
	t.Helper()
	for len(b.Records) > 0 {
		a, n, err := d.Decode(t.Context(), b)
		if err != nil {
			return arrivals, text + "error: " + err.Error() + "\n"
		}
		if want := b.Records[n-1].Offset; a.Last != want {
			t.Errorf("last is %d, want %d", a.Last, want)
		}
		arrivals, text = append(arrivals, a), text+show(a)
		b = &Batch{b.Partition, b.Records[n:]}
	}
	return arrivals, text
}

func decoder(t testing.TB, topic dataset.Topic, s *Schemas) *Decoder {
	t.Helper()
	topic.Name = "t"
	d, err := NewDecoder(topic, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got = strings.TrimSpace(got); got != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestJSONRecordsBecomeRowsAndPoison(t *testing.T) {
	d := decoder(t, dataset.Topic{
		Schema: value.Schema{{Name: "user", Type: value.String}, {Name: "n", Type: value.Int}, {Name: "ts", Type: value.Timestamp},
			{Name: "_timestamp", Type: value.Timestamp}, {Name: "_offset", Type: value.Int}, {Name: "_key", Type: value.String}, {Name: "header.n", Type: value.Int}},
		TimeUnits: map[string]string{"ts": "s"}, Personal: []string{"user"},
	}, nil)
	b := records(texts2bytes([]string{
		`{"user":"a","n":1,"ts":1700000000,"more":[1]}`, `{"user":"b","n":"x"}`, `nonsense`, `{"user":5}`, "\x00\x00\x00\x00\x07{\"n\":9223372036854775808}", `{"user":"z"}`,
	})...)
	b.Records = append(b.Records, records(nil).Records[0])
	b.Records[6].Offset = 200
	b.Records[0].Key, b.Records[0].Headers = []byte("k"), []kgo.RecordHeader{{Key: "n", Value: []byte("7")}, {Key: "m"}, {Key: "n", Value: []byte("8")}}
	b.Records[5].Headers = []kgo.RecordHeader{{Key: "n", Value: []byte("seven")}}
	arrivals, text := decodeAll(t, d, b)
	want(t, text, `
100: a 1 2023-11-14T22:13:20Z 2023-11-14T22:13:20Z 100 k 8
108: null null null 2023-11-14T22:13:20.004Z 108 null null
102! column "n": "\"x\"" is not an int; correct it (null is null), or declare the column as what it is
104! not a JSON object: 'n' where '{' belongs (byte 1)
106! column "user": a value is not a string; correct it (null is null), or declare the column as what it is
110! header.n is not an int
200! the record has no value; only a source with keys= and deleted= knows deletions`)
	a := arrivals[0]
	if got := fmt.Sprint(a.Counts.Nulled, a.Counts.Rows, a.Times, a.Tombstones, a.Partition); got != fmt.Sprintf("map[{n beyond int64}:1] 2 [%d %d] [] 3", stamp, stamp+4) {
		t.Error(got)
	}
	p := a.Poison[0]
	if string(p.Value) != `{"user":"b","n":"x"}` || p.Topic != "t" || p.Partition != 3 || p.Time != stamp+1 || p.Key != nil {
		t.Errorf("the letter is not the record: %+v", p)
	}
}

func TestSelectIsSQLOverTheRecordsFields(t *testing.T) {
	schema := value.Schema{{Name: "x", Type: value.Int}, {Name: "city", Type: value.String}, {Name: "total", Type: value.Float}, {Name: "late", Type: value.Bool},
		{Name: "ts", Type: value.Timestamp}, {Name: "tags", Type: value.ListOf(value.String)}, {Name: "src", Type: value.String}, {Name: "ratio", Type: value.Int}, {Name: "has", Type: value.Bool}}
	d := decoder(t, dataset.Topic{Schema: schema, TimeUnits: map[string]string{"ts": "us"}, Select: []dataset.Select{
		{Column: "total", SQL: "payload.price * payload.qty"},
		{Column: "x", SQL: "payload.x"}, {Column: "city", SQL: "upper(payload.place.city) || '/' || header.zone"},
		{Column: "late", SQL: "case when payload.kind = 'flight' then payload.delay > 15 else false end"},
		{Column: "ts", SQL: "payload.ts"}, {Column: "tags", SQL: "payload.tags"}, {Column: "src", SQL: `cast(_partition as string) || ':' || _key`},
		{Column: "ratio", SQL: "payload.x div payload.zero"}, {Column: "has", SQL: "payload.delay is not null"},
	}}, nil)
	b := records([]byte(`{"payload":{"x":7,"price":2.5,"qty":4,"place":{"city":"Rome","zip":1},"kind":"flight","delay":20,"ts":1700000000000001,"tags":["a","b"],"zero":0}}`), []byte(`{"payload":null}`), []byte(`{}`),
		[]byte(`{"payload":{"price":"x"}}`))
	b.Records[0].Key, b.Records[0].Headers = []byte("k"), []kgo.RecordHeader{{Key: "zone", Value: []byte("EU")}}
	arrivals, text := decodeAll(t, d, b)
	want(t, text, `
100: 7 ROME/EU 10.0 true 2023-11-14T22:13:20Z ["a","b"] 3:k null true
102: null null null false null null null null false
104: null null null false null null null null false
106! column "payload.price": "\"x\"" is not a float; correct it (null is null), or declare the column as what it is`)
	if n := arrivals[0].Nulls["ratio"]; n[expr.DivisionByZero] != 1 || len(arrivals[0].Nulls) != 1 {
		t.Errorf("nulls %v", arrivals[0].Nulls)
	}
}

func TestSelectsThatCannotBeAreRefused(t *testing.T) {
	schema := value.Schema{{Name: "x", Type: value.Int}, {Name: "y", Type: value.String}, {Name: "_timestamp", Type: value.Timestamp}}
	for sql, part := range map[string]string{
		"payload.a || 'x'":  `select "x": payload.a || 'x' makes no int`,
		"y.a":               `y is a string already`,
		"payload.":          `select "x"`,
		"_timestamp.x":      "_timestamp is a timestamp already",
		"_partition || 'x'": "makes no int",
		"header":            "header cannot be an int",
	} {
		_, err := NewDecoder(dataset.Topic{Name: "t", Schema: schema, Select: []dataset.Select{{Column: "x", SQL: sql}}}, nil)
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %s", sql, err, part)
		}
	}
	for part, topic := range map[string]dataset.Topic{
		`select "z" is no column`: {Schema: schema, Select: []dataset.Select{{Column: "z", SQL: "x"}}},
		`format "xml"`:            {Schema: schema, Format: "xml"},
		"no schema registry":      {Schema: schema, Format: "avro"},
		`key "z" is no column`:    {Schema: schema, Keys: []string{"z"}},
		"a makes no string of the record's fields: it is an int": {Schema: schema, Select: []dataset.Select{{Column: "x", SQL: "a"}, {Column: "y", SQL: "a"}}},
	} {
		if _, err := NewDecoder(topic, nil); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v, want %s", err, part)
		}
	}
}

func TestTombstonesAreRowsOfTheirKeys(t *testing.T) {
	schema := value.Schema{{Name: "id", Type: value.Int}, {Name: "name", Type: value.String}, {Name: "gone", Type: value.Bool}, {Name: "ts", Type: value.Timestamp}, {Name: "k", Type: value.String}}
	topic := dataset.Topic{Schema: schema, Keys: []string{"id"}, Deleted: "gone", Time: "ts", Select: []dataset.Select{{Column: "k", SQL: "_key"}, {Column: "name", SQL: "coalesce(name, 'none')"}}}
	d := decoder(t, topic, nil)
	b := records([]byte(`{"id":1,"name":"a","gone":false,"ts":"2024-01-01T00:00:00Z"}`), nil, []byte(`{"id":2}`), nil, nil, nil, nil)
	for i, key := range []string{"1", "1", "2", `{"id":2}`, "x", `{"no":1}`} {
		b.Records[i].Key = []byte(key)
	}
	arrivals, text := decodeAll(t, d, b)
	want(t, text, `
100: 1 a false 2024-01-01T00:00:00Z 1
102: 1 null true 2023-11-14T22:13:20.001Z 1
104: 2 none null null 2
106: 2 null true 2023-11-14T22:13:20.003Z {"id":2}
108! the record's key is no int for column "id"
110! the record's key has no "id"
112! a record without a value and without a key deletes nothing`)
	if got := fmt.Sprint(arrivals[0].Tombstones); got != "[1 3]" {
		t.Errorf("tombstones %s", got)
	}
	two := decoder(t, dataset.Topic{Schema: schema, Keys: []string{"id", "k"}}, nil)
	b = records(nil, nil)
	b.Records[0].Key, b.Records[1].Key = []byte(`{"k":"a b","id":"5"}`), []byte("5")
	_, text = decodeAll(t, two, b)
	want(t, text, "100: 5 null null null a b\n102! the record's key: not a JSON object: '5' where '{' belongs (byte 1)")
	quoted := decoder(t, dataset.Topic{Schema: schema, Keys: []string{"k"}}, nil)
	b = records(nil, nil)
	b.Records[0].Key, b.Records[1].Key = []byte(`"a\u00df"`), []byte(`"a`)
	_, text = decodeAll(t, quoted, b)
	want(t, text, "100: null null null null aß\n102: null null null null \"a")
}
