package project

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bighead-ml/bighead/feature"
)

// lineBound are the recordings that put several like calls on one line.
var lineBound = map[string]bool{"helpers": true, "mistakes": true}

const recordings = "testdata/recordings"

// What each folder of Python files records is written down, read and compared: positions are for eyes.
func TestRecordings(t *testing.T) {
	folders, err := os.ReadDir(recordings)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			dir := filepath.Join(recordings, folder.Name())
			p, err := Open(dir, Options{Env: pathOnly()})
			if err != nil {
				t.Fatal(err)
			}
			d, err := p.Record(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(d.Python, "3.10.") && lineBound[folder.Name()] {
				t.Skip("Python 3.10 keeps lines alone: of several calls on one line that differ in no literal, one may be taken for another")
			}
			compareGolden(t, filepath.Join(dir, "recorded.json"), golden(t, d))
		})
	}
}

// golden is a recording without what another version of Python changes.
func golden(t *testing.T, d *feature.Definitions) []byte {
	t.Helper()
	d.Python, d.SDK = "", "any"
	for i := range d.Mistakes {
		d.Mistakes[i].Traceback = ""
		d.Mistakes[i].Names = nil
	}
	var b, out bytes.Buffer
	if err := feature.Encode(&b, d); err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&out, b.Bytes(), "", " "); err != nil {
		t.Fatal(err)
	}
	// A text on one line is easier to read than on six.
	return joinLeaves(out.Bytes())
}

// joinLeaves puts objects and lists that hold no others on one line.
func joinLeaves(b []byte) []byte {
	var out bytes.Buffer
	lines := strings.SplitAfter(string(b), "\n")
	for i := 0; i < len(lines); i++ {
		end := leafEnd(lines, i)
		if end == i {
			out.WriteString(lines[i])
			continue
		}
		out.WriteString(strings.TrimRight(lines[i], "\n"))
		for _, l := range lines[i+1 : end] {
			out.WriteString(strings.TrimSpace(l))
		}
		out.WriteString(strings.TrimLeft(lines[end], " "))
		i = end
	}
	return out.Bytes()
}

func leafEnd(lines []string, i int) int {
	if open := strings.TrimSpace(lines[i]); !strings.HasSuffix(open, "{") && !strings.HasSuffix(open, "[") {
		return i
	}
	for j := i + 1; j < len(lines); j++ {
		switch l := strings.TrimSpace(lines[j]); {
		case strings.HasPrefix(l, "}"), strings.HasPrefix(l, "]"):
			return j
		case strings.HasSuffix(l, "{"), strings.HasSuffix(l, "["):
			return i
		}
	}
	return i
}

func compareGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d differs (-update writes it anew):\n got %s\nwant %s", path, i+1, g[i], w[i])
		}
	}
	t.Fatalf("%s has %d lines, recorded were %d", path, len(w), len(g))
}

// Every recording is as the committed schema says.
func TestRecordingsMeetTheSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../feature/schema/definitions.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(recordings, "*", "recorded.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		if _, err := feature.Decode(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	var bad any = map[string]any{"version": feature.FormatVersion, "sdk": "x", "colour": 1}
	if schema.Validate(bad) == nil {
		t.Error("the schema takes an unknown field")
	}
}
