package feature

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const smallRecording = `{"version":1,"sdk":"0.1.0",
 "sources":[{"at":"f.py:3:11-3:25","kind":"event","name":{"text":"e","at":"f.py:3:26-3:29","runs":[[0,3,27]]},
   "columns":[{"name":{"text":"x","at":"f.py:3:40-3:43"},"type":{"type":"int","at":"f.py:3:45-3:51"}}],
   "time":{"text":"ts","at":"f.py:3:60-3:64"}}],
 "groups":[{"at":"h:elper.py:9:5-9:20","via":["f.py:7:1"],"name":{"text":"g","at":"f.py:4:1-4:4"},"source":{"index":0,"at":"f.py:4:5-4:6"},
   "features":[{"at":"f.py:5:1-5:7","aggregation":"sum","windows":[],"k":{"value":3,"at":"f.py:5:1-5:2"},
     "default":{"kind":"float","value":1.0,"at":"f.py:5:9-5:12"}}]}]}`

func TestDecodeReadsWhatWasRecorded(t *testing.T) {
	d, err := Decode(strings.NewReader(smallRecording))
	if err != nil {
		t.Fatal(err)
	}
	g := d.Groups[0]
	if g.At.File != "h:elper.py" || g.At.Line != 9 || g.At.Col != 5 || g.At.EndCol != 20 || g.Via[0] != (Pos{"f.py", 7, 1}) {
		t.Errorf("site: %+v", g.Site)
	}
	f := g.Features[0]
	if f.Windows == nil || len(f.Windows) != 0 {
		t.Errorf("an empty list of windows must not look like none given: %#v", f.Windows)
	}
	if f.K.Value != 3 || f.Default.Value != 1.0 || f.Default.Kind != FloatLiteral {
		t.Errorf("arguments: %+v %+v", f.K, f.Default)
	}
	if d.Sources[0].Keys != nil {
		t.Errorf("absent keys decode as given: %#v", d.Sources[0].Keys)
	}
	var out bytes.Buffer
	if err := Encode(&out, d); err != nil {
		t.Fatal(err)
	}
	again, err := Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	var out2 bytes.Buffer
	if err := Encode(&out2, again); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out2.String(), `"windows":[]`) || !strings.Contains(out2.String(), `"value":1.0`) {
		t.Errorf("a round trip lost something: %s", out2.String())
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", ``, "unexpected end"},
		{"no recording", `{"a":1}`, "not a recording"},
		{"other version", `{"version":3,"sdk":"9.9.9","shape":{}}`, "SDK 9.9.9 recorded format 3, binary"},
		{"other version, same shape", `{"version":7,"sdk":"9.9.9"}`, "format 7"},
		{"unknown field", `{"version":1,"sdk":"x","colour":1}`, `unknown field "colour"`},
		{"trailing", `{"version":1,"sdk":"x"} {}`, "follows"},
		{"bad ref", `{"version":1,"sdk":"x","groups":[{"at":"f:1:1-1:2","name":{"text":"g","at":"f:1:1-1:2"},"source":{"index":0,"at":"f:1:1-1:2"}}]}`, `feature group "g" refers to object 0 of 0`},
		{"again of itself", `{"version":1,"sdk":"x","sources":[{"kind":"event","at":"f:1:1-1:2","name":{"text":"s","at":"f:1:1-1:2"},"again":{"index":0,"at":"f:1:1-1:2"}}]}`, "refers to object 0 of 0"},
		{"bad kind", `{"version":1,"sdk":"x","sources":[{"kind":"river","at":"f:1:1-1:2","name":{"text":"s","at":"f:1:1-1:2"}}]}`, `unknown kind "river"`},
		{"bad position", `{"version":1,"sdk":"x","mistakes":[{"kind":"raised","message":"m","at":"f.py"}]}`, "not a span"},
		{"position at zero", `{"version":1,"sdk":"x","mistakes":[{"kind":"raised","message":"m","at":"f.py:0:1-0:2"}]}`, "not a position"},
		{"label without body", `{"version":1,"sdk":"x","training_sets":[{"at":"f:1:1-1:2","name":{"text":"t","at":"f:1:1-1:2"},"labels":[{"name":{"text":"l","at":"f:1:1-1:2"}}]}]}`, "neither SQL nor"},
		{"literal of another kind", `{"version":1,"sdk":"x","groups":[{"at":"f:1:1-1:2","name":{"text":"g","at":"f:1:1-1:2"},"features":[{"at":"f:1:1-1:2","aggregation":"sum","default":{"kind":"int","value":"x","at":"f:1:1-1:2"}}]}]}`, `kind "int" holds string`},
		{"version zero", `{"version":0,"sdk":"x"}`, "recorded format 0"},
		{"model of no set", `{"version":2,"sdk":"x","models":[{"at":"f:1:1-1:2","name":{"text":"m","at":"f:1:1-1:2"},"training_set":{"index":0,"at":"f:1:1-1:2"}}]}`, `model "m" refers to object 0 of 0`},
		{"endpoint of no model", `{"version":2,"sdk":"x","endpoints":[{"at":"f:1:1-1:2","name":{"text":"e","at":"f:1:1-1:2"},"model":{"index":0,"at":"f:1:1-1:2"}}]}`, `endpoint "e" refers to object 0 of 0`},
		{"labels of no source", `{"version":2,"sdk":"x","endpoints":[{"at":"f:1:1-1:2","name":{"text":"e","at":"f:1:1-1:2"},"labels":{"at":"f:1:1-1:2","source":{"index":0,"at":"f:1:1-1:2"}}}]}`, `endpoint "e" refers to object 0 of 0`},
		{"params that are none", `{"version":2,"sdk":"x","models":[{"at":"f:1:1-1:2","name":{"text":"m","at":"f:1:1-1:2"},"params":{"kind":"int","value":1,"at":"f:1:1-1:2"}}]}`, `params are a literal of kind "int"`},
		{"deep", `{"version":1,"sdk":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "nested deeper than 64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if strings.HasPrefix(c.name, "other version") && !errors.Is(err, ErrVersion) {
				t.Errorf("%v is not ErrVersion", err)
			}
		})
	}
}

// What an earlier binary applied stands in a catalog, and is read as what it would be recorded as now.
func TestDecodeReadsEarlierFormats(t *testing.T) {
	d, err := Decode(strings.NewReader(smallRecording)) // of format 1
	if err != nil || d.Version != FormatVersion || len(d.Groups) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestTextPointsIntoTheFile(t *testing.T) {
	// x = ("dép"        line 4, literal at col 6
	//      "a\tb")      line 5, literal at col 6
	text := Text{
		Value: "dépa\tb",
		At:    Span{Pos: Pos{"f.py", 4, 6}, EndLine: 5, EndCol: 12},
		Runs:  []Run{{0, 4, 7}, {4, 5, 7}, {6, 5, 10}},
	}
	for _, c := range []struct{ offset, line, col int }{
		{0, 4, 7}, {1, 4, 8}, {3, 4, 9}, {4, 5, 7}, {5, 5, 8}, {6, 5, 10}, {7, 5, 11}, {99, 5, 11},
	} {
		if got := text.PosAt(c.offset); got.Line != c.line || got.Col != c.col {
			t.Errorf("offset %d: %v, want %d:%d", c.offset, got, c.line, c.col)
		}
	}
	if s := text.Slice(1, 4); s.Col != 8 || s.EndLine != 4 || s.EndCol != 10 {
		t.Errorf("slice within a run: %+v ends %d:%d", s.Pos, s.EndLine, s.EndCol)
	}
	if s := text.Slice(1, 3); s.Col != 8 || s.EndCol != 9 {
		t.Errorf("slice of one accented letter: %+v ends %d:%d", s.Pos, s.EndLine, s.EndCol)
	}
	variable := Text{Value: "abc", At: Span{Pos: Pos{"f.py", 1, 2}, EndLine: 1, EndCol: 5}}
	if s := variable.Slice(1, 2); s != variable.At {
		t.Errorf("no literal: %+v", s)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(smallRecording))
	f.Add([]byte(`{"version":1,"sdk":"x"}`))
	f.Add([]byte(`{"version":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Encode(&out, d); err != nil {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		again, err := Decode(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatalf("encoded but not decoded: %v\n%s", err, out.Bytes())
		}
		var out2 bytes.Buffer
		if err := Encode(&out2, again); err != nil || !bytes.Equal(out.Bytes(), out2.Bytes()) {
			t.Fatalf("a second round trip differs: %v\n%s\n%s", err, out.Bytes(), out2.Bytes())
		}
	})
}
