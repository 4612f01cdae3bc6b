package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// initFile is a file that somebody comes with: a head and a row by its number.
type initFile struct {
	name string
	head []string
	row  func(i int) []any
}

func day(i int) string { return fmt.Sprintf("2024-01-%02dT%02d:00:00Z", 1+i%28, i%24) }

var initFiles = []initFile{
	{"purchases.csv", []string{"id", "ts", "user", "amount"}, func(i int) []any { return []any{i, day(i), "ab"[i%2 : i%2+1], float64(i) / 4} }},
	{"purchases.ndjson", []string{"id", "ts", "user", "amount"}, func(i int) []any { return []any{i, day(i), "ab"[i%2 : i%2+1], float64(i) / 4} }},
	{"spaces in time.csv", []string{"ts", "k", "x"}, func(i int) []any { return []any{strings.NewReplacer("T", " ", "Z", "").Replace(day(i)), i % 3, i} }},
	{"dates.csv", []string{"my day", "k", "x"}, func(i int) []any { return []any{day(i)[:10], i % 3, -i} }},
	{"epoch.csv", []string{"ts", "k", "x"}, func(i int) []any { return []any{1704067200 + 60*i, i % 3, i} }},
	{"epoch ms.csv", []string{"event time", "k", "x"}, func(i int) []any { return []any{1704067200000 + 60*i, i % 3, i} }},
	{"null times.csv", []string{"ts", "k", "x"}, func(i int) []any {
		if i%5 == 0 {
			return []any{"", i % 3, i}
		}
		return []any{day(i), i % 3, i}
	}},
	{"by_k.csv", []string{"at", "k", "by_k"}, func(i int) []any { return []any{day(i), i % 3, i % 7} }}, // names that we give are taken
	{"class.csv", []string{"event time", `user's "name"`, "größe €", "select", "a|b", "line\nbreak", "x;--", "x --", `\`, "#"}, func(i int) []any {
		return []any{day(i), i % 3, float64(i) / 8, i, i % 7, -i, i, i, i, i}
	}},
	{"it's \"quoted\" ünï.csv", []string{"when", "case", "end", "not", "null", "class", "lambda", "bh"}, func(i int) []any { return []any{day(i), "ab"[i%2 : i%2+1], i, i, i, -i, -i, i} }},
}

func (f initFile) write(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := csv.NewWriter(file)
	rows := [][]string{f.head}
	for i := range 60 {
		var text []string
		object := map[string]any{}
		for j, cell := range f.row(i) {
			text = append(text, fmt.Sprint(cell))
			object[f.head[j]] = cell
		}
		rows = append(rows, text)
		if strings.HasSuffix(f.name, ".ndjson") {
			if err := json.NewEncoder(file).Encode(object); err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.HasSuffix(f.name, ".csv") {
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
	}
}

// A project that init writes is sound at once: its check finds nothing to say, its test passes, its training set has rows.
func TestInitFrom(t *testing.T) {
	for _, f := range initFiles {
		t.Run(f.name, func(t *testing.T) {
			root := t.TempDir()
			from, dir := filepath.Join(root, f.name), filepath.Join(root, "my project")
			f.write(t, from)
			code, out, stderr := bighead(t, root, "init", dir, "--from", from)
			if code != exitGood || out != "" {
				t.Fatalf("init answers %d\n%s%s", code, out, stderr)
			}
			if !strings.Contains(stderr, "cd '"+dir+"'\n") {
				t.Errorf("init does not say where to go next:\n%s", stderr)
			}
			if code, out, stderr := bighead(t, dir, "check"); code != exitGood || !strings.HasPrefix(out, "sound: 1 source") || strings.Contains(stderr, "error") {
				t.Fatalf("check answers %d\n%s%s\n%s", code, out, stderr, read(t, filepath.Join(dir, "features.py")))
			}
			if code, out, stderr := bighead(t, dir, "test"); code != exitGood || out != "1 script, 1 answer, 0 failed\n" {
				t.Errorf("test answers %d\n%s%s", code, out, stderr)
			}
			_, next, _ := strings.Cut(stderr, "bighead training-set ")
			name, _, _ := strings.Cut(next, " ")
			rows := filepath.Join(dir, "rows.parquet")
			if code, _, stderr := bighead(t, dir, "training-set", name, "-o", rows); code != exitGood || !strings.Contains(stderr, "60 rows of the spine") {
				t.Errorf("training-set answers %d\n%s", code, stderr)
			}
			if _, err := os.Stat(rows); err != nil {
				t.Error(err)
			}
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What cannot become a project leaves nothing behind, and says why.
func TestInitRefuses(t *testing.T) {
	root := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ from, says string }{
		{file("empty.csv", ""), "empty.csv: the file is empty"},
		{file("empty.ndjson", ""), "empty.ndjson: no JSON objects"},
		{file("empty.parquet", ""), "empty.parquet: the file is empty"},
		{file("head.csv", "ts,k,x\n"), "head.csv has no rows"},
		{file("timeless.csv", "k,x\na,1\na,2\n"), "timeless.csv has no column of timestamps or dates"},
		{file("keyless.csv", "ts,x\n2024-01-01,1.5\n2024-01-02,2.5\n"), "keyless.csv has no column whose values repeat"},
		{file("text.parquet", "this is no Parquet"), "text.parquet"},
		{file("strange.xlsx", "x"), "strange.xlsx"},
		{filepath.Join(root, "missing.csv"), "missing.csv: no such file"},
	} {
		dir := filepath.Join(root, "p")
		code, out, stderr := bighead(t, root, "init", dir, "--from", c.from)
		if code != exitMistake || out != "" || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("init --from %s answers %d\n%s%s\nwant: %s", filepath.Base(c.from), code, out, stderr, c.says)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("init --from %s leaves %s behind", filepath.Base(c.from), dir)
		}
	}
}

func TestInitWritesOverNothing(t *testing.T) {
	for _, own := range []string{"features.py", "tests/carrier.feat", "data/flights.parquet"} {
		dir := t.TempDir()
		path := filepath.Join(dir, own)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := bighead(t, dir, "init", dir)
		if code != exitMistake || !strings.Contains(stderr, own+" is there already") || read(t, path) != "mine" {
			t.Errorf("beside an own %s init answers %d\n%s", own, code, stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "bighead.toml")); err == nil {
			t.Errorf("beside an own %s init writes a bighead.toml all the same", own)
		}
	}
}

// Beside an own .gitignore the rest is written, and it stays as it is.
func TestInitKeepsGitignore(t *testing.T) {
	root := t.TempDir()
	from := filepath.Join(root, "purchases.csv")
	initFiles[0].write(t, from)
	if err := os.WriteFile(filepath.Join(root, ".gitignore"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := bighead(t, root, "init", root, "--from", from); code != exitGood {
		t.Fatalf("init answers %d\n%s", code, stderr)
	}
	if read(t, filepath.Join(root, ".gitignore")) != "mine" || !strings.Contains(read(t, filepath.Join(root, "features.py")), `path="purchases.csv"`) {
		t.Error("an own .gitignore is written over, or the path is not the shortest")
	}
}

// A project that cannot be written to its end leaves nothing.
func TestInitLeavesNothingHalfWritten(t *testing.T) {
	root := t.TempDir()
	from, dir := filepath.Join(root, "purchases.csv"), filepath.Join(root, "p")
	initFiles[0].write(t, from)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tests"), []byte("a file where a folder is needed"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := bighead(t, root, "init", dir, "--from", from)
	if code != exitOutside || !strings.Contains(stderr, filepath.Join(dir, "tests")) {
		t.Errorf("init answers %d\n%s", code, stderr)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "tests" {
		t.Errorf("init leaves %v behind (%v)", left, err)
	}
}
