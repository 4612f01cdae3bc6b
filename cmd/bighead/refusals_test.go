package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

var rewriteRefusals = flag.Bool("refusals", false, "write the tables of what engines refuse anew, whose difference is then read")

// foreignEngines are those that are not ours, with the options of a check that knows of one.
var foreignEngines = map[string]feature.Options{"spark": {Batch: "spark"}, "flink": {Stream: "flink"}}

// What each engine refuses, of the corpus and of the language, is what its table says: no more, for that is a road that became narrower, and
// no less, for then the table says what is not so any more.
func TestRefusals(t *testing.T) {
	scripts, r := corpus(t), recorder{}
	foreign := []enginetest.Foreign{}
	for _, name := range slices.Sorted(maps.Keys(foreignEngines)) {
		foreign = append(foreign, enginetest.Foreign{Road: name, Check: foreignEngines[name]})
	}
	suite := enginetest.Suite{Root: corpusFolder, Record: r.record, Foreign: foreign}
	res, err := suite.Run(t.Context(), scripts)
	if err != nil {
		t.Fatal(err)
	}
	language := languageProject(t)
	for _, f := range foreign {
		lines := []string{"# What check refuses on " + f.Road + ", of the corpus and of the language: `go test ./cmd/bighead -run TestRefusals -refusals` writes it."}
		for _, s := range res.Scripts {
			for _, k := range s.Refusals {
				if k.Road == f.Road {
					lines = append(lines, s.Path+": "+k.Reason)
				}
			}
		}
		lines = append(lines, language.refused(t, f.Check)...)
		compareTable(t, "testdata/refused-"+f.Road+".txt", lines)
	}
	readmeCounts(t, res)
}

// compareTable compares lines with those of a file, each with each.
func compareTable(t *testing.T, path string, lines []string) {
	t.Helper()
	if *rewriteRefusals {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for _, line := range lines {
		if !slices.Contains(table, line) {
			t.Errorf("%s does not have this refusal: %s", path, line)
		}
	}
	for _, line := range table {
		if !slices.Contains(lines, line) {
			t.Errorf("%s has what is not refused any more: %s", path, line)
		}
	}
}

// readmeCounts holds the sentence of README.md about what the corpus leaves out.
func readmeCounts(t *testing.T, res *enginetest.Results) {
	t.Helper()
	skipped := 0
	for _, n := range res.Skipped() {
		skipped += n
	}
	want := fmt.Sprintf("The corpus has %d scripts: `skip` lines leave out %d of them, *check* refuses %d for Spark and %d for Flink",
		len(res.Scripts), skipped, res.Refused()["spark"], res.Refused()["flink"])
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(strings.Fields(string(page)), " "), want) {
		t.Errorf("README.md does not say: %s", want)
	}
}

// language is definitions that use each function and each aggregation: of each line of Python, what it tries.
type language struct {
	defs  *feature.Definitions
	cases map[int]string // by line
}

// languageColumns has columns of each type, as testdata/language.txt reads them.
const languageColumns = `"k": bh.String, "ts": bh.Timestamp, "i": bh.Int, "j": bh.Int, "f": bh.Float, "g": bh.Float, "b": bh.Bool, "c": bh.Bool, "s": bh.String, "u": bh.String, ` +
	`"by": bh.Bytes, "t": bh.Timestamp, "v": bh.Timestamp, "d": bh.Date, "e": bh.Date, "li": bh.List(bh.Int), "lf": bh.List(bh.Float), "ls": bh.List(bh.String), "lt": bh.List(bh.Timestamp), ` +
	`"mf": bh.Map(bh.Float), "ms": bh.Map(bh.String), "st": bh.Struct({"a": bh.Int, "b c": bh.String, "d": bh.Float}), "sl": bh.Struct({"x": bh.List(bh.Float)})`

// languageInputs are what aggregations are tried on, one of each type, and a float that came through a transcendental function.
var languageInputs = []string{"b", "i", "f", "s", "by", "t", "d", "li", "lf", "ls", "mf", "ms", "st", "sl", "exp(f)"}

// languageArgs are what aggregations need beside their input.
var languageArgs = map[string]string{"k": "k=2", "q": "q=0.5"}

func languageProject(t *testing.T) *language {
	t.Helper()
	l := &language{cases: map[int]string{}}
	lines := []string{"e = bh.EventSource('e', columns={" + languageColumns + "}, time='ts')",
		"n = bh.EntitySource('n', columns={" + languageColumns + "}, keys=['k'], time='ts')",
		"g = bh.FeatureGroup('g', source=e, keys=['k'], features=["}
	add := func(what, text string) {
		lines = append(lines, text)
		l.cases[len(lines)] = what
	}
	for i, x := range languageLines(t) {
		add(x, fmt.Sprintf("bh.first_row(%q, name='i%d'),", x, i))
		add("where "+x, fmt.Sprintf("bh.count(where=%q, name='w%d'),", "("+x+") is not null", i))
	}
	entity := []string{}
	for _, a := range agg.All() {
		for i, in := range append([]string{""}, languageInputs...) {
			args := []string{fmt.Sprintf("name='%s%d'", a.Name, i)}
			if in != "" {
				args = append([]string{fmt.Sprintf("%q", in)}, args...)
			}
			for _, p := range a.Params {
				if p.Default == "" {
					args = append(args, languageArgs[p.Name])
				}
			}
			what, text := fmt.Sprintf("%s(%s)", a.Name, in), fmt.Sprintf("bh.%s(%s),", a.Name, strings.Join(args, ", "))
			if a.Entity {
				entity = append(entity, what, text)
			} else {
				add(what, text)
			}
		}
	}
	lines = append(lines, "])", "h = bh.FeatureGroup('h', source=n, features=[")
	for i := 0; i < len(entity); i += 2 {
		add(entity[i], entity[i+1])
	}
	lines = append(lines, "])")
	l.record(t, lines)
	return l
}

// record records the lines that our own engines take: what they refuse is no case.
func (l *language) record(t *testing.T, lines []string) {
	t.Helper()
	for range 3 { // without a line others may fail
		text := strings.Join(lines, "\n") + "\n"
		all, err := project.RecordUnits(t.Context(), project.Python{}, []project.Unit{{Name: "language.py", Text: &text, Line: 1, Col: 1}})
		if err != nil {
			t.Fatal(err)
		}
		l.defs = all[0]
		_, problems := feature.Check(l.defs, feature.Options{})
		wrong := 0
		for _, p := range problems {
			if p.Severity != feature.SeverityError {
				continue
			}
			wrong++
			what, known := l.cases[p.At.Line]
			if !known || !strings.Contains(what, "(") || slices.Contains(languageLines(t), strings.TrimPrefix(what, "where ")) {
				t.Fatalf("%s: %s", what, p.Error())
			}
			lines[p.At.Line-1] = ""
			delete(l.cases, p.At.Line)
		}
		if wrong == 0 {
			return
		}
	}
	t.Fatal("the language's cases have mistakes")
}

// languageLines are the expressions of the table, in which each function must be.
func languageLines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/language.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, line := range strings.Split(string(text), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// refused are the cases that check refuses with the options, in their order.
func (l *language) refused(t *testing.T, o feature.Options) []string {
	t.Helper()
	_, problems := feature.Check(l.defs, o)
	by := map[int][]string{}
	for _, p := range problems {
		if p.Severity == feature.SeverityError {
			by[p.At.Line] = append(by[p.At.Line], fmt.Sprintf("%s: %s: %s", l.cases[p.At.Line], p.Code, p.Message))
		}
	}
	var out []string
	for _, line := range slices.Sorted(maps.Keys(by)) {
		out = append(out, by[line]...)
	}
	return out
}

// Each function of the language is tried.
func TestTheLanguageIsWhole(t *testing.T) {
	p, problems := feature.Check(languageProject(t).defs, feature.Options{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	tried := map[string]bool{}
	for _, g := range p.Groups {
		for _, f := range g.Features {
			if f.Input != nil {
				for _, v := range f.Input.Versions() {
					name := v[:strings.LastIndexByte(v, '/')]
					tried[name] = true
				}
			}
			tried[f.Agg.Name] = true
		}
	}
	for _, f := range expr.Functions() {
		if !tried[f.Name] {
			t.Errorf("testdata/language.txt does not try %s", f.Name)
		}
	}
	for _, a := range agg.All() {
		if !tried[a.Name] {
			t.Errorf("no input that is tried is one of %s", a.Name)
		}
	}
}

// A project whose engine is Spark is told what is refused there, also where no server is named.
func TestTestTellsWhatAnEngineRefuses(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	script := "define\n    e = bh.EventSource(\"e\", columns={\"k\": bh.String, \"x\": bh.Float}, time=\"ts\")\n" +
		"    g = bh.FeatureGroup(\"g\", source=e, keys=[\"k\"], features=[bh.count(where=\"ln(x) > 0\", name=\"n\")])\n\n" +
		"load e\n    k | ts | x\n    a | 2024-01-01T10:00:00Z | 3.0\n\neval g\n    k | at\n    a | 2024-01-01T10:30:00Z\n----\n    n\n    1\n"
	for name, text := range map[string]string{"bighead.toml": "[batch]\nengine = \"spark\"\n", "ln.feat": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, out, stderr := bighead(t, dir, "test", filepath.Join(dir, "ln.feat"))
	for _, says := range []string{"ln.feat on spark: ", ": BH031: Spark SQL's ln differs from ours", "not asked spark: 1 answer: [batch] remote names no Connect server\n", "1 script, 1 answer, 0 failed, 1 refused on spark\n"} {
		if code != exitGood || !strings.Contains(out, says) {
			t.Errorf("test answers %d and does not say %q\n%s%s", code, says, out, stderr)
		}
	}
	if code, _, stderr := bighead(t, dir, "test", "--engine", "spark", filepath.Join(dir, "ln.feat")); code != exitMistake || !strings.Contains(stderr, "[batch] remote") {
		t.Errorf("without a server test --engine spark answers %d %s", code, stderr)
	}
}
