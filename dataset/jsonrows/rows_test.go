package jsonrows

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

var every = value.Schema{
	{Name: "b", Type: value.Bool}, {Name: "i", Type: value.Int}, {Name: "f", Type: value.Float}, {Name: "s", Type: value.String},
	{Name: "y", Type: value.Bytes}, {Name: "t", Type: value.Timestamp}, {Name: "u", Type: value.Timestamp}, {Name: "d", Type: value.Date},
	{Name: "l", Type: value.ListOf(value.Int)}, {Name: "m", Type: value.MapOf(value.Float)},
	{Name: "o", Type: value.StructOf(value.Field{Name: "a", Type: value.Int}, value.Field{Name: "t", Type: value.ListOf(value.Timestamp)})},
}

var strict = Options{Strict: true, TimeUnits: map[string]string{"u": "us"}}

// rows decodes objects one by one and prints what came of them.
func rows(o Options, schema value.Schema, objects ...string) (batch, lost string, errs []error) {
	d := NewDecoder(schema, o)
	d.Begin(len(objects))
	for _, text := range objects {
		if err := d.Add([]byte(text)); err != nil {
			errs = append(errs, err)
		}
	}
	var counts dataset.Counts
	b := d.Finish(&counts)
	var all [][]value.Value
	for i := range b.N {
		row := make([]value.Value, len(b.Columns))
		for c, col := range b.Columns {
			row[c] = col.At(i)
			if !row[c].HasType(col.Type) {
				panic(fmt.Sprintf("%v is no %s", row[c], col.Type))
			}
		}
		all = append(all, row)
	}
	return fmt.Sprint(all), fmt.Sprint(counts.Nulled), errs
}

func TestValuesOfEveryType(t *testing.T) {
	got, lost, errs := rows(strict, every,
		`{"b":true,"i":-5,"f":-0.0,"s":"\u00df","y":"/w==","t":"2024-01-31T06:00:00.1239+01:00","u":1700000000123456,"d":"2024-02-29","l":[1,null,"9007199254740993"],"m":{"b":1,"a":null},"o":{"t":["1970-01-01T00:00:00Z",5],"a":7}}`,
		"{ \"i\" : \"12\" ,\n\t\"other\":{\"deep\":[1,{}]}, \"o\":{\"a\":null,\"more\":[1]},\"f\":3}\r\n",
		`{}`)
	want := `[[true -5 0.0 ß /w== 2024-01-31T05:00:00.123Z 2023-11-14T22:13:20.123Z 2024-02-29 [1,null,9007199254740993] {"a":null,"b":1.0} {"a":7,"t":["1970-01-01T00:00:00Z","1970-01-01T00:00:00.005Z"]}]` +
		` [null 12 3.0 null null null null null null null {"a":null,"t":null}] [null null null null null null null null null null null]]`
	if got != want || lost != "map[]" || errs != nil {
		t.Errorf("got  %s %s %v\nwant %s", got, lost, errs, want)
	}
}

func TestWhatCannotBeKeptIsNullAndCounted(t *testing.T) {
	got, lost, errs := rows(strict, every,
		`{"i":9223372036854775808,"f":1e999,"s":"\ud800","t":"0000-01-01T00:00:00Z","u":99999999999999999999,"d":"0000-01-01","l":[1,9223372036854775808],"m":{"a":NaN},"o":{"a":99999999999999999999,"t":["0000-01-01T00:00:00Z"]}}`,
		"{\"m\":{\"\xff\":1e999,\"b\":1},\"f\":Infinity,\"s\":\"\xff\"}")
	want := `[[null null null null null null null null [1,null] {"a":null} {"a":null,"t":[null]}] [null null null null null null null null null null null]]`
	if got != want || errs != nil {
		t.Errorf("got  %s %v\nwant %s", got, errs, want)
	}
	if want := "map[{d outside years 0001-9999}:1 {f not finite}:2 {i beyond int64}:1 {l beyond int64}:1 {m invalid utf-8}:1 {m not finite}:1 {o beyond int64}:1 {o outside years 0001-9999}:1 {s invalid utf-8}:2 {t outside years 0001-9999}:1 {u beyond int64}:1]"; lost != want {
		t.Errorf("lost %s\nwant %s", lost, want)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	refuse := strict
	refuse.Personal = []string{"s"}
	refuse.Unknown = func(key string) error { return fmt.Errorf("no field %q", key) }
	for text, want := range map[string]string{
		`{"i":1.5}`:                       `column "i": "1.5" is not an int`,
		`{"i":true}`:                      `column "i"`,
		`{"f":"1.5"}`:                     `column "f"`,
		`{"s":5}`:                         `column "s": a value is not a string`,
		`{"t":5}`:                         `time_unit="s"`,
		`{"u":1.5}`:                       "is an integer",
		`{"t":"2024-01-31T06:00:00"}`:     `column "t"`,
		`{"t":"2024-01-31"}`:              `column "t"`,
		`{"t":"2024-01-31 06:00:00Z"}`:    `column "t"`,
		`{"t":"2024-01-31T06:00Z"}`:       `column "t"`,
		`{"d":"2024-02-30"}`:              `column "d"`,
		`{"y":"*"}`:                       `column "y"`,
		`{"l":[1,"x"]}`:                   `column "l[]": "\"x\"" is not an int`,
		`{"l":{}}`:                        `column "l"`,
		`{"m":[]}`:                        `column "m"`,
		`{"o":{"a":{"b":1}}}`:             `column "o.a": "{\"b\":1}" is not an int`,
		`{"i":{"b":1}}`:                   `column "i"`,
		`{"l":[1,"x",}`:                   "where a value belongs (byte 13)",
		`{"x":1}`:                         `no field "x"`,
		`{"o":{"b":1}}`:                   `no field "o.b"`,
		`{"i":1,"i":1}`:                   `key "i" stands twice`,
		`{"o":{"a":1,"a":1}}`:             `key "a" stands twice`,
		`{"m":{"a":1,"a":1}}`:             `key "a" stands twice`,
		`[1]`:                             "not a JSON object",
		``:                                "ends within",
		`{"i":1}{"i":2}`:                  "text after the object (byte 8)",
		`{"s":` + strings.Repeat("[", 99): "nested deeper",
	} {
		batch, _, errs := rows(refuse, every, text)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) || batch != "[]" {
			t.Errorf("%s: %v %s, want %s", text, errs, batch, want)
		}
	}
}

// Objects that are refused leave nothing behind: the batch and its counts are those of the others alone.
func TestARefusedObjectLeavesNoTrace(t *testing.T) {
	cells := []string{`"b":true`, `"b":1`, `"i":1`, `"i":99999999999999999999`, `"s":"x"`, "\"s\":\"\xff\"", `"s":"yy"`, `"l":[1,99999999999999999999]`, `"l":[99999999999999999999,"x"]`, `"m":{"a":1}`, `"m":{"a":1e999`, `"f":NaN`, `"y":"eHg="`, `"y":null`}
	rapid.Check(t, func(rt *rapid.T) {
		var all, good []string
		for range rapid.IntRange(1, 6).Draw(rt, "objects") {
			text := "{" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(cells), 0, 4).Draw(rt, "cells"), ",") + "}"
			all = append(all, text)
			if _, _, errs := rows(Options{}, every, text); errs == nil {
				good = append(good, text)
			}
		}
		got, lost, errs := rows(Options{}, every, all...)
		want, wantLost, none := rows(Options{}, every, good...)
		if got != want || lost != wantLost || len(errs) != len(all)-len(good) || none != nil {
			rt.Fatalf("%q:\n got %s %s\nwant %s %s", all, got, lost, want, wantLost)
		}
	})
}

// What is read is what encoding/json and value.FromJSON read.
func TestNestedValuesAreThoseOfFromJSON(t *testing.T) {
	schema := value.Schema{every[8], every[9], every[10]}
	leaf := rapid.SampledFrom([]string{"1", "-7", "0.5", "null", `"12"`, `"x"`, "true", `"2024-01-31T06:00:00Z"`, "1e2"})
	rapid.Check(t, func(rt *rapid.T) {
		a, b := leaf.Draw(rt, "a"), leaf.Draw(rt, "b")
		text := rapid.SampledFrom([]string{
			`{"l":[` + a + `,` + b + `]}`, `{"m":{"é":` + a + `,"b":` + b + `}}`, `{"o":{"a":` + a + `,"t":[` + b + `]}}`, `{"o":{"t":` + a + `}}`, `{"l":` + a + `}`, `{"l":[[` + a + `]]}`,
		}).Draw(rt, "text")
		got, _, errs := rows(strict, schema, text)
		decode := json.NewDecoder(strings.NewReader(text))
		decode.UseNumber()
		var x map[string]any
		if err := decode.Decode(&x); err != nil {
			rt.Fatal(err)
		}
		want := make([]value.Value, len(schema))
		for i, f := range schema {
			var err error
			if want[i], err = value.FromJSON(f.Type, x[f.Name]); err != nil {
				var bad *BadCell
				if len(errs) != 1 || !errors.As(errs[0], &bad) || bad.Column != f.Name {
					rt.Fatalf("%s: %v, but FromJSON: %v", text, errs, err)
				}
				return
			}
		}
		if errs != nil || got != fmt.Sprint([][]value.Value{want}) {
			rt.Fatalf("%s: %s %v, want %v", text, got, errs, want)
		}
	})
}

func TestElements(t *testing.T) {
	var got []string
	add := func(e []byte) error { got = append(got, string(e)); return nil }
	if err := Elements([]byte(" [ {\"a\":[1]} , 2,\"x\"\n] "), add); err != nil || fmt.Sprint(got) != `[{"a":[1]} 2 "x"]` {
		t.Errorf("%q %v", got, err)
	}
	if err := Elements([]byte("[]"), add); err != nil || len(got) != 3 {
		t.Errorf("%q %v", got, err)
	}
	for _, bad := range []string{"", "[", "[1,]", "[1]2", "{}", "[nul]"} {
		if err := Elements([]byte(bad), add); err == nil || !strings.Contains(err.Error(), "not a JSON array") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	stop := errors.New("stop")
	if err := Elements([]byte("[1,2]"), func([]byte) error { return stop }); !errors.Is(err, stop) || err.Error() != "stop" {
		t.Error(err)
	}
}

func FuzzAdd(f *testing.F) {
	f.Add([]byte(`{"b":true,"i":-5,"f":-0.0,"s":"\u00df","t":"2024-01-31T06:00:00.1239+01:00","u":1,"l":[1,null],"m":{"b":1},"o":{"t":[5],"a":7}}`))
	f.Add([]byte(`{"m":{"":{"a":[[[[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		batch, _, errs := rows(strict, every, string(text), `{"i":1}`)
		if errs == nil && !json.Valid(text) && !strings.Contains(string(text), "N") && !strings.Contains(string(text), "I") {
			t.Fatalf("taken, and not JSON: %q %s", text, batch)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	schema := value.Schema{{Name: "user", Type: value.String}, {Name: "amount", Type: value.Float}, {Name: "n", Type: value.Int}, {Name: "country", Type: value.String}, {Name: "ts", Type: value.Timestamp}}
	const batch = 1000
	var objects [batch][]byte
	for i := range objects {
		objects[i] = fmt.Appendf(nil, `{"user":"u%06d","amount":%d.25,"n":%d,"country":"DE","ts":"2024-01-31T06:%02d:00.123Z","session":"abcdef"}`, i, i, i, i%60)
	}
	d := NewDecoder(schema, Options{Strict: true})
	var counts dataset.Counts
	b.ReportAllocs()
	for n := 0; n < b.N; n += batch {
		d.Begin(batch)
		for _, o := range objects {
			if err := d.Add(o); err != nil {
				b.Fatal(err)
			}
		}
		d.Finish(&counts)
	}
}
