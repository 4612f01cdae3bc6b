package stream

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

var every = &feature.Source{Name: "s", Schema: value.Schema{
	{Name: "b", Type: value.Bool}, {Name: "i", Type: value.Int}, {Name: "f", Type: value.Float}, {Name: "s", Type: value.String}, {Name: "y", Type: value.Bytes},
	{Name: "t", Type: value.Timestamp}, {Name: "d", Type: value.Date}, {Name: "l", Type: value.ListOf(value.Int)}, {Name: "m", Type: value.MapOf(value.Float)},
}}

func TestRowsOfJSON(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{}`, "null null null null null null null null null"},
		{`{"b":true,"i":-7,"f":1.5e3,"s":"a\u00e9\ud83d\ude00\n","y":"AAE=","t":"2024-01-31T06:00:00+01:00","d":"2024-02-29","l":[1,null],"m":{"z":1}}`,
			`true -7 1500.0 aé😀` + "\n" + ` AAE= 2024-01-31T05:00:00Z 2024-02-29 [1,null] {"z":1.0}`},
		{`{"i":"9223372036854775807","f":-0.0,"t":-1,"s":null,"b":false}`, "false 9223372036854775807 0.0 null null 1969-12-31T23:59:59.999Z null null null"},
		{` { "i" : 9007199254740993 , "f" : NaN } `, "null 9007199254740993 null null null null null null null"},
	} {
		d, err := Decode(every, []byte(c.body), nil)
		if err != nil || len(d.Poison) > 0 || d.Rows.N != 1 {
			t.Errorf("%s: %v, %+v", c.body, err, d)
			continue
		}
		if got := cells(d.Rows, 0); got != c.want {
			t.Errorf("%s:\n%s\nwant %s", c.body, got, c.want)
		}
	}
}

func cells(b *value.Batch, row int) string {
	var out []string
	for _, v := range b.Row(row) {
		out = append(out, v.String())
	}
	return strings.Join(out, " ")
}

func TestWhatIsNoRowSaysWhy(t *testing.T) {
	for _, c := range []struct{ line, why string }{
		{`1`, "not a JSON object"}, {`{"b":1}`, `column "b": "1" is not a bool`}, {`{"i":1.0}`, `column "i": "1.0" is not an int`}, {`{"f":"1"}`, `is not a float`},
		{`{"t":"2024-01-31"}`, `column "t"`}, {`{"t":1.5}`, `column "t"`}, {`{"d":"2024-02-30"}`, `column "d"`}, {`{"i":1,"i":2}`, `key "i" stands twice`},
		{`{"zzz":1}`, `unknown field "zzz"`}, {`{"ii":1}`, `did you mean "i"?`}, {`{"s":"a`, "not a JSON object"}, {`{"s":"` + strings.Repeat("x", longestRow) + `"}`, "are the most"},
		{`{"l":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, "nested deeper"}, {`{"also":{"i":[1]}}`, ""},
	} {
		body := `{"i":1,"s":"before","b":true}` + "\n" + c.line + "\n" + `{"f":2}`
		got, err := Decode(every, []byte(body), map[string]bool{"also": true})
		if err != nil {
			t.Fatal(err)
		}
		wrong := c.why != ""
		if len(got.Poison) != map[bool]int{true: 1}[wrong] || wrong && (!strings.Contains(got.Poison[0].Reason, c.why) || string(got.Poison[0].Original) != c.line || got.Poison[0].Line != 2) {
			t.Errorf("%.80s: %.300s", c.line, fmt.Sprint(got.Poison))
		}
		if cells(got.Rows, 0) != "true 1 null before null null null null null" || cells(got.Rows, got.Rows.N-1) != "null null 2.0 null null null null null null" {
			t.Errorf("%.80s: the rows beside it are %s and %s", c.line, cells(got.Rows, 0), cells(got.Rows, got.Rows.N-1))
		}
	}
}

func TestPersonalValuesAreNotShown(t *testing.T) {
	def := *every
	def.PII = []string{"i"}
	d, err := Decode(&def, []byte(`{"i":"4111 1111"}`), nil)
	if err != nil || len(d.Poison) != 1 || strings.Contains(d.Poison[0].Reason, "4111") {
		t.Errorf("%v, %+v", err, d.Poison)
	}
}

func TestArraysAndLines(t *testing.T) {
	d, err := Decode(every, []byte("\ufeff [ {\"i\": 1},\n {\"i\": \"x\"}, {\"i\":\n3} ] "), nil)
	if err != nil || d.Rows.N != 2 || d.Rows.Columns[1].Ints[1] != 3 || len(d.Poison) != 1 || d.Poison[0].Line != 2 {
		t.Errorf("%v, %+v", err, d)
	}
	for _, body := range []string{`[{"i":1}`, `[{"i":1}] x`, `[{"i":1},]`, `[{"i":1} {"i":2}]`} {
		if _, err := Decode(every, []byte(body), nil); err == nil {
			t.Errorf("%s is read", body)
		}
	}
	if d, err := Decode(every, []byte("\n{\"i\":1}\r\n\n{\"i\":2}"), nil); err != nil || d.Rows.N != 2 || len(d.Poison) > 0 {
		t.Errorf("%v, %+v", err, d)
	}
}

func lettersOf(t *testing.T, dir, source string) (out []letter) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, source+".ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var l letter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

func TestDeadLettersAreBounded(t *testing.T) {
	dir := t.TempDir()
	d := newDeadLetters(dir, func() int64 { return noon })
	n := 0
	for size := 0; size < 3*letterLimit; size += letterShown {
		d.add("s", Poison{Line: n, Reason: "why", Original: make([]byte, letterShown+1)})
		n++
	}
	d.add("s", Poison{Reason: "why", Original: []byte("\xff")})
	var kept, bytes int64
	for _, name := range []string{"s.ndjson", "s.ndjson.1"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Size() > letterLimit {
			t.Fatal(info, err)
		}
		lines, err := countLines(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		kept, bytes = kept+lines, bytes+info.Size()
	}
	if lost, problem := d.state(); kept+lost != int64(n+1) || lost == 0 || problem != nil {
		t.Errorf("%d kept and %d lost of %d, %v", kept, lost, n+1, problem)
	}
	all := lettersOf(t, dir, "s")
	if last := all[len(all)-1]; string(last.Raw) != "\xff" || last.Event != "" {
		t.Errorf("%+v", last)
	}
	if first := all[0]; first.Length != letterShown+1 || len(first.Event) != letterShown {
		t.Errorf("a long event keeps %d of %d bytes", len(first.Event), first.Length)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
}
