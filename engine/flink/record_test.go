package flink

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/jsonrows"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
)

// Texts of values by column: what is of the column's type, some of which becomes null (V2, V3, V5), and what is not. Each of the second makes
// a record a dead letter.
var (
	soundTexts = map[string][]string{
		"b": {"true", "false", "null"},
		"n": {"0", "-7", `"12"`, `"+5"`, "9223372036854775807", "-9223372036854775808", "9223372036854775808", `"-99999999999999999999"`, "-0", `"007"`, "null"},
		"x": {"1", "-0.0", "1.50", "1e3", "2E-7", "1e400", "-1e999", "NaN", "Infinity", "-Infinity", "5e-324", "0.1234567890123456789", "123456789012345678901234567890", "null"},
		"s": {`""`, `"a"`, `"a\"b\\c\n\t\u0001/\/"`, `"\u00e9\ud83d\ude00 é😀"`, `"\ud83d lone"`, `"lone \ude00\ude00"`, `"\\ud800 is none"`, `"NaN,\"NaN\":Infinity"`, `"-Infinity/NaN, -NaN xNaN"`, `"1e000997 is NaN"`, `"1e000998"`, `"\"n\":1,\"n\":2"`, "\"bad \xff here\"", "\"\xed\xa0\x80\"", `"}]} {"`, `"null"`,
			"\"\u2028\ufffd\"", `"\ufffd"`, "null"},
		"y":      {`""`, `"/wCA"`, `"AA=="`, `"AAA="`, `"AB=="`, `"/NaN"`, `"NaN/"`, "null"},
		"t":      {"0", "-62135596801", "253402300799", "-1", "99999999999999999999", `"2024-02-29T23:59:59Z"`, `"0001-01-01T00:00:00+00:01"`, `"9999-12-31T23:59:59.999-00:01"`, `"1969-12-31T23:59:59.9999999999-23:59"`, `"0000-02-29T00:00:00Z"`, `"1582-10-10T01:02:03.4Z"`, "null"},
		"d":      {`"2024-02-29"`, `"0001-01-01"`, `"9999-12-31"`, `"0000-02-29"`, `"1969-12-31"`, `"1582-10-10"`, "null"},
		"l":      {"[]", "[1,null]", `[ "5", -3 ]`, "[9223372036854775808,4]", `[9223372036854775807,"-9223372036854775809"]`, "[1234567890123456789012,1]", `["+00009223372036854775808",-9223372036854775808]`, "null"},
		"q":      {"[]", `["a",null]`, `["",""]`, `["]","\"["]`, `["x\ud800"]`, `["NaN","Infinity","-Infinity "]`, `["\u00e9\\",","]`, "null"},
		"unread": {"[[1.5,null],null,[]]", "[]", "null"},
	}
	badTexts = map[string][]string{
		"b":      {`"true"`, "1", `"false"`, "[]", "{}"},
		"n":      {"1.5", "1.0", "1e3", `"abc"`, `"1.0"`, `""`, `" 1"`, "true", "[1]", "{}", "NaN", "Infinity"},
		"x":      {`"1.5"`, `"abc"`, `"NaN"`, "false", "[]", `{"n":1}`},
		"s":      {"1", "1.5", "true", `["a"]`, `{"a":1}`, "NaN"},
		"y":      {`"a"`, `"AA=A"`, `"%%%%"`, "1", "[]"},
		"t":      {"1.5", `"soon"`, `"123"`, `"2024-02-30T00:00:00Z"`, `"2024-02-29T24:00:00Z"`, `"2024-02-29 00:00:00Z"`, `"2024-02-29"`, `"2024-02-29T00:00Z"`, `"2024-02-29T00:00:00"`, `"2024-02-29T00:00:00+24:00"`, "true"},
		"d":      {`"2023-02-29"`, `"1900-02-29"`, `"2024-2-1"`, `"2024-02-29T00:00:00Z"`, "17", "[]"},
		"l":      {`[1.5]`, `["a"]`, "[[1]]", `{"0":1}`, "5", `"[1]"`, "[true]"},
		"q":      {"[1]", `[["a"]]`, `"a"`, `{"a":"b"}`},
		"unread": {"[1]", `[["a"]]`, "7", `[[1.5],{}]`},
	}
	// wholeTexts are what is around the fields of a record, %s.
	wholeTexts = []string{" {%s} ", `{"other":{"n":1,"other":[1,{"s":2}]},%s}`, `{"a":1,"a":2,%s}`, "\x00\x00\x00\x00\x07{%s}", "{%s}\n", `{%s,"\u00e9":1.10}`, // rows
		"{%s} x", "{%s}{}", "{%s}]", "{%s}}", "{%s},", "[{%s}]", "{%s", "%s}", `{%s,"n":1,"n":2}`, `{"s":null,%s,"s":"twice"}`, `{%s,"other":01}`, "{%s,}", "{%s /**/}", `{%s,"c":"` + "\t" + `"}`, `{%s,"k":"k","\u006b":"j"}`, "{%s}]}"}
	noRecords = []string{"", "{", "[]", "null", "17", `"{}"`, "\xff", `{"k":}`}
)

// TestRecordsOfAllKinds has Flink read records with values of each kind in each column, sound and not: it counts those that are rows to our own
// reader, with the same values, and no other.
func TestRecordsOfAllKinds(t *testing.T) {
	f, broker := server.FlinkServer(t), server.Kafka(t)
	space := spaceOf(t, "testdata/record.py")
	space.Group.Source.Place.Topic = broker.Topic(t, 1)
	compact, topic := "compact", "kinds.tiles"
	if err := broker.Make(t.Context(), 1, map[string]*string{"cleanup.policy": &compact}, topic); err != nil {
		t.Fatal(err)
	}
	job, err := Print(space, Options{Brokers: broker.Address, Topic: topic, Bounded: true})
	if err != nil {
		t.Fatal(err)
	}
	w := newFolded(t, space, *seed)
	texts := recordTexts(w.r)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Address), kgo.DefaultProduceTopic(space.Group.Source.Place.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	units := map[string]string{"t": "s", "ts": "s"}
	reader := jsonrows.NewDecoder(space.Group.Source.Schema, jsonrows.Options{Strict: true, TimeUnits: units})
	var records []*kgo.Record
	rows, dead := map[string]string{}, 0
	for _, text := range texts {
		records = append(records, &kgo.Record{Value: []byte(text)})
		reader.Begin(1)
		err := error(nil)
		if strings.HasPrefix(text, "\x00") {
			err = reader.Add([]byte(text[5:]))
		} else {
			err = reader.Add([]byte(text))
		}
		if err != nil {
			dead++
			continue
		}
		row := reader.Finish(&dataset.Counts{}).Row(0)
		rows[row[space.Group.Source.Schema.Index("k")].String()] = text
		w.fold(row, 0)
	}
	if len(rows) < 200 || dead < 200 {
		t.Fatalf("%d rows and %d dead letters test little", len(rows), dead)
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Cluster{Gateway: f.URL, JobManager: f.JobManager}).Submit(t.Context(), job, memory{}); err != nil {
		t.Fatal(err)
	}
	q := &question{space: space, job: job}
	q.read(t, broker.Address)
	q.lay()
	w.compare(t, q)
	for key := range q.tiles {
		if w.tiles[key] == nil {
			t.Errorf("Flink counts record %q, which is a dead letter", key)
		}
	}
	t.Logf("%d rows, %d dead letters", w.n, dead)
}

// recordTexts are records, each with a key of its own: every text of a value once at least, and every text around them.
func recordTexts(r *rand.Rand) []string {
	var out []string
	columns := []string{"b", "n", "x", "s", "y", "t", "d", "l", "q", "unread"}
	draw := func(whole, column, text string) {
		fields := []string{fmt.Sprintf(`"k":"r%d"`, len(out)), `"ts":1700000000`, fmt.Sprintf(`"id": "%d"`, len(out))}
		for _, c := range columns {
			all := soundTexts[c]
			field := fmt.Sprintf("%q:%s", c, all[r.IntN(len(all))])
			if c == column {
				field = fmt.Sprintf("%q:%s", c, text)
			}
			if c == column || r.IntN(3) > 0 {
				fields = append(fields, field)
			}
		}
		r.Shuffle(len(fields), func(a, b int) { fields[a], fields[b] = fields[b], fields[a] })
		out = append(out, strings.Replace(whole, "%s", strings.Join(fields, ","), 1))
	}
	for range 3 {
		for _, c := range columns {
			for _, text := range append(append([]string{}, soundTexts[c]...), badTexts[c]...) {
				draw("{%s}", c, text)
			}
		}
		for _, whole := range wholeTexts {
			draw(whole, "", "")
		}
		out = append(out, noRecords...)
		draw("{%s}", "s", `"`+strings.Repeat(`long \"\n NaN é`, 1_000)+`"`)
		draw("{%s}", "l", "["+strings.Repeat("1234567890123456789012,", 20_000)+"5]")
		draw("{%s}", "s", `"`+strings.Repeat(`long \"\n é`, 20_000)+`"`)
		draw("{%s}", "s", `"`+strings.Repeat("NaN ", 20_000)+`"`)
		draw(`{"other":[`+strings.Repeat(`{"a":NaN},`, 20_000)+`0],%s}`, "s", `"NaN"`)
		draw(`{"other":[`+strings.Repeat(`{"a":NaN},`, 20_000)+`0],%s}`, "", "")
	}
	return out
}
