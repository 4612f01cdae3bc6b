package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// smallProject is a project of one source with these definitions beside it, in a second's worth of rows.
func smallProject(t *testing.T, features string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"bighead.toml": "", "features.py": features,
		"e.csv": "k,ts,x\na,2024-01-01T10:00:00Z,1\na,2024-01-01T11:00:00Z,2\nb,2024-01-01T11:30:00Z,\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const smallFeatures = `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x", windows=["1h"]), bh.last("x", default=0)])
v = bh.FeatureView("v", groups=[g], derive={"twice": "2 * g__x_last"})
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="ts"))
`

// The engines that bighead.toml names refuse what they would not compute as we do.
func TestCheckKnowsTheEngines(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	define := strings.Replace(smallFeatures, `bh.last("x", default=0)`, `bh.last("x", default=0), bh.count(where="ln(x) > 0", name="n")`, 1)
	if define == smallFeatures {
		t.Fatal("the project has no last")
	}
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(define), 0o644); err != nil {
		t.Fatal(err)
	}
	for settings, says := range map[string]string{"": "", "[batch]\nengine = \"spark\"\n": "Spark SQL's ln", "[stream]\nengine = \"flink\"\n": "Flink SQL's ln"} {
		if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(settings), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := bighead(t, dir, "check")
		if (says == "") != (code == 0) || !strings.Contains(stderr, says) {
			t.Errorf("with %q check answers %d\n%s%s", settings, code, out, stderr)
		}
	}
}

// What is typed wrong is usage, exit 2, and names what is nearest.
func TestUsage(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	for _, c := range []struct{ line, says string }{
		{"chek", `there is no command "chek"; did you mean "check"?`},
		{"xyzzy", `there is no command "xyzzy"; bighead --help lists them`},
		{"help chek", `did you mean "check"?`},
		{"check --formt json", `did you mean --format?`},
		{"training-set t --strat 2024-01-01", `did you mean --start?`},
		{"check --zzzzzzzz", "bighead check --help lists them"},
		{"check -z", "bighead check --help lists them"},
		{"check --format xml", `choose one of text, json, github, sarif`},
		{"check here", "takes no arguments; it was given 1 argument\n"},
		{"training-set", "takes NAME; it was given 0 arguments\n"},
		{"training-set t --start soon", `--start "soon" is no time`},
		{"training-set t --start 2024-01-02 --end 2024-01-01", "is not before end"},
		{"why v g__x_last k=a --at noon", `--at "noon" is no time`},
		{"why v g__x_last k --at 2024-01-01T12:00:00Z", `"k" is not key=value`},
		{"features v", "features needs --spine FILE and --at COLUMN"},
		{"test --engine spork", `--engine "spork": this binary has`},
	} {
		code, out, stderr := bighead(t, dir, strings.Fields(c.line)...)
		if code != exitUsage || out != "" || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("bighead %s answers %d\n%s%s\nwant: %s", c.line, code, out, stderr, c.says)
		}
	}
}

// Names that are not there are the user's mistakes, exit 1, and name what is nearest.
func TestUnknownNames(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	for _, c := range []struct{ line, says string }{
		{"training-set tt", `did you mean "t"?`},
		{"source f", `there is no source "f"; there are e`},
		{"explain w", `nothing is called "w"; there are g, t, v`},
		{"preview zzz", `nothing is called "zzz"`},
		{"why v g__x_lst k=a --at 2024-01-01T12:00:00Z", `did you mean "g__x_last"?`},
		{"why v g__x_last --at 2024-01-01T12:00:00Z", "k=… is missing"},
		{"why v g__x_last j=a --at 2024-01-01T12:00:00Z", `has no key or request field "j"; it has k`},
		{"help BH999", "there is no mistake BH999"},
		{"features v --spine missing.csv --at ts", "missing.csv: no such file"},
		{"training-set t --engine spork", `"spork" is none of local`},
	} {
		code, out, stderr := bighead(t, dir, strings.Fields(c.line)...)
		if code != exitMistake || out != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("bighead %s answers %d\n%s%s\nwant: %s", c.line, code, out, stderr, c.says)
		}
	}
}

// With --json, stdout is one JSON value and nothing else.
func TestJSON(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	script := filepath.Join(dir, "one.feat")
	if err := os.WriteFile(script, []byte("use features.py\n\nload e\n    k | ts                   | x\n    a | 2024-01-01T10:00:00Z | 1\n\neval g\n    k | at\n    a | 2024-01-01T11:00:00Z\n----\n    x_sum_1h | x_last\n    1        | 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"check", "config", "doctor", "version", "plan", "apply --yes", "apply --yes", "plan", "explain g", "explain v", "explain t", "source e", "preview g", "preview v",
		"preview t", "training-set t", "training-set t -o " + filepath.Join(dir, "rows.csv"), "features v --spine " + filepath.Join(dir, "e.csv") + " --at ts",
		"why v g__x_last k=a --at 2024-01-01T12:00:00Z", "test " + script, "backfill", "backfill",
	} {
		code, out, stderr := bighead(t, dir, append(strings.Fields(line), "--json")...)
		d := json.NewDecoder(strings.NewReader(out))
		var x any
		if err := d.Decode(&x); code != exitGood || err != nil || d.More() {
			t.Errorf("bighead %s --json answers %d, %v\n%s%s", line, code, err, out, stderr)
		}
		jsonNames(x, func(name string) {
			if !snakeCase.MatchString(name) {
				t.Errorf("bighead %s --json calls something %q", line, name)
			}
		})
	}
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// jsonNames hands over the names of fields, but for those that are a user's or a reason's own words.
func jsonNames(x any, name func(string)) {
	switch x := x.(type) {
	case []any:
		for _, e := range x {
			jsonNames(e, name)
		}
	case map[string]any:
		for k, e := range x {
			name(k)
			if !slices.Contains([]string{"dropped", "nulled", "cells", "expression_nulls", "key", "events"}, k) {
				jsonNames(e, name)
			}
		}
	}
}

// What the report of a training set is called in JSON is what programs read: bench/run.py, the Python SDK, a user's own.
func TestReportJSON(t *testing.T) {
	dir := smallProject(t, smallFeatures+`w = bh.FeatureView("w", groups=[g], derive={"d": "1 / g__x_last"})
u = bh.TrainingSet("u", view=w, spine=bh.Spine(e, at="ts"), labels={"l": "x"})
`)
	code, out, stderr := bighead(t, dir, "training-set", "u", "--json")
	if code != exitGood {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		`"spine_rows":3,"rows":2,"dropped":{"no label":1}`, `"null_known_at":0`, `"first":"2024-01-01T10:00:00Z"`, `"earliest":"2024-01-01T10:00:00Z","latest":"2024-01-01T11:00:00Z"`,
		`{"name":"g__x_sum_1h","nulls":1,"unknown_key":0,"no_event":1,"null_input":0,"computed":0,"defaults":0}`, `"expression_nulls":{"derived d":{"division_by_zero":2}}`,
		`"earliest_at":"2024-01-01T10:00:00Z"`, `"spilled_bytes":0`, `"months":[{"month":"2024-01"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	c := &cli{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	for _, sub := range c.commands() {
		if sub.Short == "" || strings.HasSuffix(sub.Short, ".") {
			t.Errorf("%s: %q is no short line", sub.Name(), sub.Short)
		}
		code, out, stderr := bighead(t, t.TempDir(), "help", sub.Name())
		if code != exitGood || !strings.Contains(out, "bighead "+sub.Name()) || stderr != "" {
			t.Errorf("help %s answers %d\n%s%s", sub.Name(), code, out, stderr)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, _ := bighead(t, t.TempDir(), "completion", shell); code != exitGood || !strings.Contains(out, "bighead") {
			t.Errorf("completion %s answers %d", shell, code)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Output that cannot be written is no success.
func TestFullStdout(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	for _, line := range []string{"check", "source e", "preview t", "explain v", "config", "version", "why v g__x_last k=a --at 2024-01-01T12:00:00Z"} {
		var stderr bytes.Buffer
		c := &cli{stdin: strings.NewReader(""), stdout: full{}, stderr: &stderr}
		if code := c.run(context.Background(), append(strings.Fields(line), "--project", dir)); code != exitOutside || !strings.Contains(stderr.String(), "stdout: no space left on device") {
			t.Errorf("bighead %s on a full disk answers %d\n%s", line, code, &stderr)
		}
	}
}

// A defect of ours is one line, with the stack only for those who ask.
func TestDefects(t *testing.T) {
	for _, traceback := range []bool{false, true} {
		var stderr bytes.Buffer
		c := &cli{stdout: &bytes.Buffer{}, stderr: &stderr, traceback: traceback, extra: []*cobra.Command{{Use: "fall", Run: func(*cobra.Command, []string) { panic("a boom") }}}}
		args := []string{"fall"}
		if traceback {
			args = append(args, "--traceback")
		}
		code := c.run(context.Background(), args)
		first, rest, _ := strings.Cut(stderr.String(), "\n")
		if code != exitOutside || !strings.HasPrefix(first, "bighead: this is our bug") || !strings.Contains(first, "a boom") || (rest != "") != traceback {
			t.Errorf("a panic answers %d\n%s", code, &stderr)
		}
	}
	d, ok := asDefect(errors.New("run t: a defect of bighead: index out of range\ngoroutine 7"))
	if !ok || !strings.Contains(d.Error(), "run t: index out of range") || strings.Contains(d.Error(), "goroutine") || d.stack != "goroutine 7" {
		t.Errorf("a worker's panic is told as %v", d)
	}
}
