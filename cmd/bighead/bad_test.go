package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// badCase is a project in which something is wrong: its files beside those of smallProject, the line, and what it says.
type badCase struct {
	name  string
	files map[string]string
	line  string
	code  int
	says  []string
}

// group, view and set are the rest of a project whose source e is given.
const (
	badGroup = "import bighead as bh\n%SOURCE%\ng = bh.FeatureGroup(\"g\", source=e, keys=[\"k\"], features=[bh.sum(\"x\", windows=[\"1h\"])])\n"
	badSet   = badGroup + "v = bh.FeatureView(\"v\", groups=[g])\nt = bh.TrainingSet(\"t\", view=v, spine=bh.Spine(e, at=\"ts\"))\n"
)

func definedBy(text, source string) map[string]string {
	return map[string]string{"features.py": strings.ReplaceAll(text, "%SOURCE%", source)}
}

func with(files map[string]string, name, text string) map[string]string {
	files[name] = text
	return files
}

// parquetOf is the text of a Parquet file with these columns.
func parquetOf(t *testing.T, schema value.Schema, rows ...[]value.Value) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.parquet")
	w, err := dataset.Create(formats, path, schema, dataset.Metadata{}, dataset.WriteOptions{})
	if err == nil {
		if err = w.Write(value.BatchOf(schema, rows)); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return read(t, path)
}

func badCases(t *testing.T) []badCase {
	field := func(name string, typ value.Type) value.Field { return value.Field{Name: name, Type: typ} }
	k, ts, x := field("k", value.String), field("ts", value.Timestamp), field("x", value.Int)
	row := []value.Value{value.OfString("a"), value.OfTimestamp(0), value.OfInt(1)}
	good := parquetOf(t, value.Schema{k, ts, x}, row)
	torn := []byte(parquetOf(t, value.Schema{k, ts, x}, row, row, row))
	copy(torn[4:], bytes.Repeat([]byte{0xff}, 16)) // the first page
	ofPath := func(path string) string { return `e = bh.EventSource("e", path="` + path + `", time="ts")` }
	long := strings.Repeat("x + ", 10<<20/4) + "y"
	return []badCase{
		// Files
		{"truncated Parquet", with(definedBy(badSet, ofPath("e.parquet")), "e.parquet", good[:len(good)-20]), "check", exitMistake, []string{"BH037", "e.parquet", "cut short"}},
		{"torn page", with(definedBy(badSet, ofPath("e.parquet")), "e.parquet", string(torn)), "training-set t -o OUT", exitOutside, []string{`spine of t`, "e.parquet", `column "k"`, "damaged"}},
		{"torn page, tiles", with(definedBy(badSet, ofPath("e.parquet")), "e.parquet", string(torn)), "backfill", exitOutside, []string{`source "e"`, "e.parquet", "damaged"}},
		{"torn page, why", with(definedBy(badSet, ofPath("e.parquet")), "e.parquet", string(torn)), "why v g__x_sum_1h k=a --at 2024-01-01T00:00:00Z", exitOutside, []string{`"e"`, "e.parquet", "damaged"}},
		{"text for Parquet", with(definedBy(badSet, ofPath("e.parquet")), "e.parquet", "k,ts,x\n"), "check", exitMistake, []string{"BH037", "e.parquet", "no Parquet"}},
		{"no such file", definedBy(badSet, ofPath("none.csv")), "check", exitMistake, []string{"BH037", "none.csv", "no such file", "check the path"}},
		{"another type than declared", with(definedBy(badSet, `e = bh.EventSource("e", path="e.parquet", time="ts", columns={"x": bh.String})`), "e.parquet", good), "check", exitMistake, []string{"BH038", `"x" is declared string, and is int`, "bh.Int"}},
		{"partition without a column", with(with(definedBy(badSet, ofPath("p")), "p/ds=1/a.parquet", good), "p/ds=2/a.parquet", parquetOf(t, value.Schema{k, ts}, row[:2])), "check", exitMistake, []string{"ds=2/a.parquet", `"x"`}},
		{"partition of another type", with(with(definedBy(badSet, ofPath("p")), "p/ds=1/a.parquet", good), "p/ds=2/a.parquet", parquetOf(t, value.Schema{k, ts, field("x", value.String)}, []value.Value{row[0], row[1], row[0]})), "check", exitMistake, []string{"ds=2/a.parquet", `"x"`, "string", "int"}},
		{"empty CSV", with(definedBy(badSet, ofPath("e.csv")), "e.csv", ""), "check", exitMistake, []string{"BH037", "e.csv", "the file is empty"}},
		{"empty NDJSON", with(definedBy(badSet, ofPath("e.ndjson")), "e.ndjson", ""), "check", exitMistake, []string{"BH037", "e.ndjson", "no JSON objects"}},
		{"empty folder", with(definedBy(badSet, ofPath("p")), "p/.keep", ""), "check", exitMistake, []string{"BH037", "no data files"}},
		{"CSV in UTF-16", with(definedBy(badSet, ofPath("e.csv")), "e.csv", "\xff\xfek\x00,\x00t\x00s\x00\n\x00"), "check", exitMistake, []string{"BH037", "e.csv", "UTF-8"}},
		{"CSV row too short", with(definedBy(badSet, ofPath("e.csv")), "e.csv", "k,ts,x\na,2024-01-01T10:00:00Z\n"), "training-set t -o OUT", exitMistake, []string{"e.csv:2", "2 cells"}},
		{"no timestamp", with(definedBy(badSet, ofPath("e.csv")), "e.csv", "k,ts,x\na,noon,1\n"), "check", exitMistake, []string{"BH", "time", "cast(ts as timestamp)"}},

		// Definitions
		{"names twice", definedBy(badSet, ofPath("e.csv")+"\nf = "+ofPath("e.csv")[4:]), "check", exitMistake, []string{`two sources called "e"`, "features.py:3:", "features.py:2:"}},
		{"features twice", definedBy(`import bighead as bh
%SOURCE%
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count(), bh.count()])`, ofPath("e.csv")), "check", exitMistake, []string{`"count"`}},
		{"cyclic derives", definedBy(badGroup+`v = bh.FeatureView("v", groups=[g], derive={"a": "b + 1", "b": "c + 1", "c": "a + 1"})`, ofPath("e.csv")), "check", exitMistake, []string{"a → b → c → a"}},
		{"key of another type", with(definedBy(badGroup+`v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine("s.csv", at="ts"))`, ofPath("e.csv")), "s.csv", "k,ts\n1,2024-01-01T10:00:00Z\n"), "check", exitMistake, []string{`"k"`, "int", "string"}},
		{"spine without the key", with(definedBy(badGroup+`v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine("s.csv", at="ts"))`, ofPath("e.csv")), "s.csv", "key,ts\na,2024-01-01T10:00:00Z\n"), "check", exitMistake, []string{"BH070", `"k"`, "spine", `columns={"k": "…"}  columns: key, ts`}},
		{"spine without a time", with(definedBy(badSet, ofPath("e.csv")), "e.csv", "k,ts,x\na,2024-01-01T10:00:00Z,1\na,,1\n"), "training-set t -o OUT", exitMistake, []string{"spine of t: row 2: at is null", "give it one"}},
		{"long SQL", definedBy(`import bighead as bh
%SOURCE%
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("`+long+`", name="s")])`, ofPath("e.csv")), "check", exitMistake, []string{"features.py:3:", "has 10485761 bytes, more than 1048576", "compute it before"}},
		{"deep SQL", definedBy(`import bighead as bh
%SOURCE%
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("`+strings.Repeat("(", 100_000)+"x"+strings.Repeat(")", 100_000)+`", name="s")])`, ofPath("e.csv")), "check", exitMistake, []string{"features.py:3:", "deep"}},
		{"raises", map[string]string{"features.py": "x = {}\nx['key']\n"}, "check", exitMistake, []string{"features.py:2:1: error[BH", "KeyError: 'key'"}},
		{"exits", map[string]string{"features.py": "import sys\nsys.exit(0)\n"}, "check", exitMistake, []string{"features.py:2:1: error[BH", "ends Python"}},
		{"loops for ever", map[string]string{"features.py": "while True: pass\n", "bighead.toml": "[python]\ntimeout = \"1s\"\n"}, "check", exitMistake, []string{"features.py:1:", "took longer than 1s", "[python] timeout"}},
		{"no UTF-8", map[string]string{"features.py": "# caf\xe9\n"}, "check", exitMistake, []string{"features.py:1:6: error[BH", "is not UTF-8: byte 0xe9"}},
		{"no definitions", map[string]string{"features.py": ""}, "training-set t -o OUT", exitMistake, []string{`there is no training set "t"; the project defines none`}},
		{"settings that are no TOML", map[string]string{"bighead.toml": "[batch\nengine = 1\n"}, "check", exitMistake, []string{"bighead.toml:1"}},
		{"settings in Latin-1", map[string]string{"bighead.toml": "[project]\nname = \"caf\xe9\"\n"}, "check", exitMistake, []string{"bighead.toml:2:12: the file is not UTF-8: byte 0xe9; save it as UTF-8"}},
		{"unknown setting", map[string]string{"bighead.toml": "[batch]\nengin = \"local\"\n"}, "check", exitMistake, []string{"bighead.toml:2", "engin", "engine"}},

		// What is handed in
		{"frame without the key", with(definedBy(badSet, ofPath("e.csv")), "s.csv", "ts\n2024-01-01T10:00:00Z\n"), "features v --spine DIR/s.csv --at ts -o OUT", exitMistake, []string{`no column "k"`}},
		{"frame with another key", with(definedBy(badSet, ofPath("e.csv")), "s.csv", "k,ts\n1,2024-01-01T10:00:00Z\n"), "features v --spine DIR/s.csv --at ts -o OUT", exitMistake, []string{`column "k" is of type int; view v needs string`}},
		{"frame without a time", with(definedBy(badSet, ofPath("e.csv")), "s.csv", "k,ts\na,\na,2024-01-01T10:00:00Z\n"), "features v --spine DIR/s.csv --at ts -o OUT", exitMistake, []string{"spine of v: row 1: at is null", "give it one"}},
		{"recording that is none", with(definedBy(badSet, ofPath("e.csv")), "r.json", "{"), "check --definitions DIR/r.json", exitMistake, []string{"r.json"}},
		{"plan that is none", with(definedBy(badSet, ofPath("e.csv")), "plan.json", "{}}"), "apply --yes DIR/plan.json", exitMistake, []string{"plan.json is no plan"}},
		{"plan of other definitions", with(definedBy(badSet, ofPath("e.csv")), "plan.json", "{}"), "apply --yes DIR/plan.json", exitMistake, []string{"plan.json is not what would happen now", "plan again"}},
		{"catalog that is none", with(definedBy(badSet, ofPath("e.csv")), ".bighead/catalog.db", strings.Repeat("no database ", 100)), "plan", exitOutside, []string{"catalog.db"}},
		{"state in a file's place", with(definedBy(badSet, ofPath("e.csv")), ".bighead", "a file"), "plan", exitOutside, []string{".bighead"}},
		{"script that is none", with(definedBy(badSet, ofPath("e.csv")), "t.feat", "load e\n"), "test DIR/t.feat", exitMistake, []string{"t.feat"}},
	}
}

// Whatever is wrong with a project is said in words that name the thing and the cure, with the exit code of docs/interface.md §3; nothing
// half-written is left, and nobody sees a panic.
func TestBadProjects(t *testing.T) {
	for _, c := range badCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := smallProject(t, smallFeatures)
			for name, text := range c.files {
				path := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			before := tree(t, dir)
			code, out, stderr := bighead(t, dir, strings.Fields(strings.NewReplacer("DIR", dir, "OUT", filepath.Join(dir, "rows.parquet")).Replace(c.line))...)
			if code != c.code || out != "" && !strings.HasPrefix(c.line, "test") {
				t.Errorf("bighead %s answers %d, want %d\n%.2000s", c.line, code, c.code, out)
			}
			said := stderr + out
			for _, part := range c.says {
				if !strings.Contains(said, part) {
					t.Errorf("bighead %s does not say %q:\n%.2000s", c.line, part, said)
				}
			}
			if strings.Contains(said, "goroutine") || strings.Contains(said, "our bug") || strings.Contains(said, "Traceback") || len(said) > 5000 {
				t.Errorf("bighead %s says more than a user should see: %d bytes\n%.2000s", c.line, len(said), said)
			}
			if after := tree(t, dir); after != before {
				t.Errorf("bighead %s leaves\n%s\nthere was\n%s", c.line, after, before)
			}
		})
	}
}

// tree lists the files of a folder, but for the state of commands that keep some: a lock, a catalog.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if name := filepath.Base(rel); name != "lock" && !strings.HasPrefix(name, "catalog.db") {
			b.WriteString(rel + "\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
