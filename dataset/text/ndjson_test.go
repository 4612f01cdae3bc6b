package text_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

func TestNDJSONTypesAreInferred(t *testing.T) {
	content := `{"i":1,"f":1,"b":true,"s":"x","d":"2024-01-31","t":"2024-01-31T06:00:00Z","l":[1,2.5,null],"o":{"a":1},"n":null,"e":[]}
{"f":1e3,"i":-5,"o":{"b":["x"],"a":null},"l":null,"late":"2024-01-31","s":"2024-01-31","x":NaN}

{"i":null}
`
	schema, rows, lost, err := load(t, "x.ndjson", content, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[{i int} {f float} {b bool} {s string} {d date} {t timestamp} {l list<float>} {o struct<a:int,b:list<string>>} {n string} {e list<string>} {late date} {x float}]"; schema != want {
		t.Errorf("schema %s\nwant   %s", schema, want)
	}
	if want := `[[1 1.0 true x 2024-01-31 2024-01-31T06:00:00Z [1.0,2.5,null] {"a":1,"b":null} null [] null null]`; !strings.HasPrefix(rows, want) || !strings.HasSuffix(rows, "[null null null null null null null null null null null null]]") {
		t.Errorf("rows %s\nwant %s …", rows, want)
	}
	if lost != "map[{x not finite}:1]" {
		t.Errorf("lost %s", lost)
	}
}

func TestNDJSONCells(t *testing.T) {
	declared := value.Schema{{Name: "a", Type: value.String}, {Name: "i", Type: value.Int}, {Name: "y", Type: value.Bytes}}
	content := "\ufeff" + `{"a":"\u00df\ud83d\ude00\n\"\\","i":"9007199254740993","y":"/w==","other":{"deep":[1,{}]}}` + "\r\n" +
		`  { "i" : 9223372036854775808 , "a" : "\ud800" }` + "\n" +
		`{"a":"` + "\xff" + `","y":"","i":-0}` + "\n"
	_, rows, lost, err := load(t, "x.jsonl", content, dataset.Options{Declared: declared})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[[ß😀\n\"\\ 9007199254740993 /w==] [null null null] [null 0 ]]"; rows != want {
		t.Errorf("rows %q\nwant %q", rows, want)
	}
	if want := "map[{a invalid utf-8}:2 {i beyond int64}:1]"; lost != want {
		t.Errorf("lost %s, want %s", lost, want)
	}
}

func TestNDJSONMistakesHaveAPlaceAndACure(t *testing.T) {
	declared := func(typ value.Type) dataset.Options {
		return dataset.Options{Declared: value.Schema{{Name: "a", Type: typ}}}
	}
	for name, c := range map[string]struct {
		content string
		o       dataset.Options
		want    string
	}{
		"array":               {"[1]\n", dataset.Options{}, "x.ndjson:1"},
		"cut":                 {"{\"a\":1}\n{\"a\":", dataset.Options{}, "x.ndjson:2:6"},
		"two a line":          {"{\"a\":1}{\"a\":2}\n", declared(value.Int), "x.ndjson:1:8: not a JSON object on one line: text after"},
		"comma":               {`{"a":1,}`, declared(value.Int), "x.ndjson:1:8"},
		"twice":               {`{"a":1,"a":2}`, declared(value.Int), `key "a" stands twice`},
		"float for int":       {"{}\n{\"a\":1.5}\n", declared(value.Int), `x.ndjson:2:6: column "a": "1.5" is not an int`},
		"string":              {`{"a":"1.5"}`, declared(value.Float), `column "a"`},
		"object":              {`{"a":{}}`, declared(value.Int), `column "a"`},
		"leading zero":        {`{"a":01}`, declared(value.Int), "no value of JSON"},
		"plus":                {`{"a":+1}`, declared(value.Int), "where a value belongs"},
		"word":                {`{"a":nul}`, declared(value.Int), "no value of JSON"},
		"control":             {"{\"a\":\"\x01\"}", declared(value.String), "control character"},
		"escape":              {`{"a":"\x"}`, declared(value.String), "unknown escape"},
		"in what is not read": {`{"b":[1,}`, declared(value.Int), "x.ndjson:1:9"},
		"time":                {`{"a":5}`, declared(value.Timestamp), `time_unit="s"`},
		"kinds":               {"{\"a\":1}\n{\"a\":\"x\"}\n", dataset.Options{}, `x.ndjson:2:6: column "a"`},
		"deep":                {`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, dataset.Options{}, "nested deeper"},
		"nothing":             {"\n", dataset.Options{}, "no JSON objects"},
	} {
		_, rows, _, err := load(t, "x.ndjson", c.content, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %s, want %s", name, err, rows, c.want)
		}
	}
}

func TestAKeyBeyondTheSampleIsNotPassedOver(t *testing.T) {
	content := strings.Repeat(`{"a":"`+strings.Repeat("x", 1000)+"\"}\n", 4300) + `{"b":1}` + "\n"
	if _, _, _, err := load(t, "x.ndjson", content, dataset.Options{}); err == nil || !strings.Contains(err.Error(), `x.ndjson:4301: key "b"`) {
		t.Errorf("inferred: %v", err)
	}
	if _, _, _, err := load(t, "x.ndjson", content, dataset.Options{Declared: value.Schema{{Name: "a", Type: value.String}}}); err != nil {
		t.Errorf("declared: %v", err)
	}
}

// Our scanner takes what encoding/json takes and nothing else, on texts near to JSON.
func TestJSONIsStrict(t *testing.T) {
	pieces := []string{"{", "}", "[", "]", ",", ":", `"a"`, `"`, "1", "-", "0", ".5", "e", "E+2", "true", "null", "nul", " ", `\`, `"\u00e9"`, `"\ud800"`, "01", "\t"}
	rapid.Check(t, func(rt *rapid.T) {
		cell := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(rt, "cell"), "")
		line := `{"b":` + cell + `}`
		_, _, _, err := load(t, "x.ndjson", line, dataset.Options{Declared: value.Schema{{Name: "a", Type: value.Int}}})
		twice := err != nil && strings.Contains(err.Error(), "twice") || strings.Contains(cell, `"a":`)
		if valid := json.Valid([]byte(line)); valid != (err == nil) && !twice {
			rt.Fatalf("%s: valid %v, but %v", line, valid, err)
		}
	})
}

func FuzzNDJSON(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[1,{"c":"\u00e9"}],"t":"2024-01-31T06:00:00Z"}` + "\n" + `{"a":null}`))
	path := filepath.Join(f.TempDir(), "x.ndjson")
	f.Fuzz(func(t *testing.T, b []byte) { try(t, path, b) })
}
