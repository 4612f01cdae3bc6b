package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// blocks are the indented blocks of a page, dedented.
func blocks(page string) []string {
	var out []string
	var b strings.Builder
	for _, line := range append(strings.Split(page, "\n"), "end") {
		text, ok := strings.CutPrefix(line, "    ")
		switch {
		case ok:
			b.WriteString(text + "\n")
		case line == "" && b.Len() > 0:
			b.WriteString("\n")
		case b.Len() > 0:
			out = append(out, strings.TrimRight(b.String(), "\n")+"\n")
			b.Reset()
		}
	}
	return out
}

func containing(t *testing.T, blocks []string, text string) string {
	t.Helper()
	for _, b := range blocks {
		if strings.Contains(b, text) {
			return b
		}
	}
	t.Fatalf("README.md has no block with %q", text)
	return ""
}

// bighead runs a command line in a folder.
func bighead(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &err}
	code = c.run(context.Background(), append([]string{"--project", dir}, args...))
	return code, out.String(), err.String()
}

// flightsProject is a folder with these definitions beside the flights.
func flightsProject(t *testing.T, features string) string {
	t.Helper()
	dir := t.TempDir()
	data, err := filepath.Abs("../../examples/flights/data")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []error{
		os.Symlink(data, filepath.Join(dir, "data")),
		os.WriteFile(filepath.Join(dir, "bighead.toml"), nil, 0o644),
		os.WriteFile(filepath.Join(dir, "features.py"), []byte(features), 0o644),
	} {
		if e != nil {
			t.Fatal(e)
		}
	}
	return dir
}

// What README.md shows is what the program does.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	all := blocks(string(page))
	definition := containing(t, all, "import bighead")
	dir := flightsProject(t, definition)

	code, out, stderr := bighead(t, dir, "training-set", "late", "--start", "2013-03-01T12:00:00Z")
	if want := containing(t, all, "2013-03-01T12:"); code != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("training-set answers %d\n%s%s\nREADME.md shows\n%s", code, out, stderr, want)
	}

	typo := flightsProject(t, strings.Replace(definition, `avg("dep_delay"`, `avg("dep_dlay"`, 1))
	code, _, stderr = bighead(t, typo, "check")
	if want := containing(t, all, "error[BH012]"); code != exitMistake || !strings.HasPrefix(stderr, want) {
		t.Errorf("check answers %d\n%s\nREADME.md shows\n%s", code, stderr, want)
	}

	script := filepath.Join(dir, "first.feat")
	if err := os.WriteFile(script, []byte(containing(t, all, "load e")), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := bighead(t, dir, "test", script); code != 0 {
		t.Errorf("the script of README.md fails: %s%s", out, stderr)
	}

	for _, line := range strings.Split(string(page), "\n") {
		if name, ok := strings.CutPrefix(line, "| `bighead "); ok {
			name = strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '`' })[0]
			if code, _, stderr := bighead(t, dir, name, "--help"); code != 0 {
				t.Errorf("README.md names the command %q: %s", name, stderr)
			}
		}
	}
}
