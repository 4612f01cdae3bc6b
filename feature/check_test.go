package feature_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/feature/report"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

var rewrite = flag.Bool("rewrite", false, "write what check says under ---- in testdata/check; read the diff")

// checkCase is one script of testdata/check: a title, Python, and the report. A title that begins with an engine, "on spark: ", is of a
// project that computes on it.
type checkCase struct {
	file, title, define, want string
	options                   feature.Options
}

// cases reads scripts: cases are parted by a line ====, and in each ---- parts the definitions from the report.
func cases(t *testing.T) []checkCase {
	t.Helper()
	files, err := filepath.Glob("testdata/check/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var out []checkCase
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n====\n") {
			head, want, ok := strings.Cut(part+"\n", "\n----\n")
			title, define, _ := strings.Cut(strings.TrimLeft(head, "\n"), "\n")
			o := feature.Options{Schema: schemaOf}
			if strings.HasPrefix(title, "# on spark: ") {
				o.Batch = "spark"
			} else if strings.HasPrefix(title, "# on flink: ") {
				o.Stream = "flink"
			}
			if !ok || !strings.HasPrefix(title, "# ") {
				t.Fatalf("%s: a case is \"# title\", definitions, ----, the report; this is %q", f, part)
			}
			out = append(out, checkCase{f, strings.TrimPrefix(title, "# "), define + "\n", want, o})
		}
	}
	return out
}

// places are the files that scripts may name, with their columns.
var places = map[string]string{
	"flights.parquet": "flight_id int, carrier string, origin string, dest string, tailnum string, sched_dep timestamp, dep_time timestamp, arr_time timestamp, " +
		"dep_delay int, arr_delay int, air_time int, distance int, fare float, cancelled bool, day date, raw bytes, tags list<string>",
	"weather.parquet":   "origin string, time timestamp, temp float, wind_speed float",
	"planes.parquet":    "tailnum string, year int, seats int, manufacturer string, weight float, updated timestamp, gone bool",
	"truth.parquet":     "prediction_id string, was bool, known timestamp",
	"users":             "id string, country string, score float, ds string",
	"clicks.parquet":    "user int, page string, ts int, seen int, price float",
	"purchases.parquet": "user string, item string, amount float, ts timestamp, written timestamp, id string",
	"prices.parquet":    "k string, ts timestamp, prices list<float>, names list<string>, asked list<timestamp>",
	"odd.parquet":       "\"Dep Delay\" int, \"a-b\" int, a int, b int, at timestamp, ts timestamp, k string, \"select\" int",
}

func schemaOf(p feature.Place) (value.Schema, []string, error) {
	text, ok := places[p.Path+p.Table]
	if !ok {
		return nil, nil, fmt.Errorf("%s: no such file or directory", p.Path+p.Table)
	}
	typ, err := value.ParseType("struct<" + regexp.MustCompile(`("[^"]*"|\w+) ([^,]+)`).ReplaceAllString(text, "$1:$2") + ">")
	if err != nil {
		return nil, nil, err
	}
	var warnings []string
	if p.Path == "clicks.parquet" {
		warnings = []string{`column "price" is decimal(18,2) in the file and is read as float`}
	}
	return value.Schema(typ.Fields), warnings, nil
}

// recorded records the scripts, each with names of its own, in one Python.
func recorded(t *testing.T, texts []string) []*feature.Definitions {
	t.Helper()
	units := make([]project.Unit, len(texts))
	for i := range texts {
		units[i] = project.Unit{Name: "features.py", Text: &texts[i]}
	}
	defs, err := project.RecordUnits(t.Context(), project.Python{}, units)
	if err != nil {
		t.Fatal(err)
	}
	return defs
}

// hush leaves the words of other rooms out, which have tests of their own: of the language, the aggregations and the SDK. That they are
// passed on TestWordsOfOtherRooms says.
func hush(problems feature.Problems, defs *feature.Definitions) {
	for i := range problems {
		p := &problems[i]
		switch p.Code.String() {
		case "BH020", "BH048", "BH049":
			p.Message, p.Cure = "(…)", "(…)"
		}
		if slices.ContainsFunc(defs.Mistakes, func(m feature.Mistake) bool { return m.Message == p.Message }) {
			p.Message, p.Cure, p.Near, p.Names = "(…)", "(…)", nil, nil
		}
	}
}

func TestWordsOfOtherRooms(t *testing.T) {
	defs := recorded(t, []string{`
s = bh.EventSource("s", path="flights.parquet", time="dep_time", where="distance > 'a'")
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[bh.sum("carrier"), bh.top_k("distance", k=0), bh.summ("x")])`})[0]
	_, errs := expr.Check("distance > 'a'", value.Schema{{Name: "distance", Type: value.Int}})
	sum, _ := agg.Lookup("sum")
	_, _, sumErr := sum.Check(value.String, true, agg.Args{Input: "carrier"})
	topK, _ := agg.Lookup("top_k")
	zero := 0
	_, _, topErr := topK.Check(value.Int, true, agg.Args{Input: "distance", K: &zero})
	want := map[string]string{"BH010": defs.Mistakes[0].Message, "BH020": errs[0].Message, "BH048": sumErr.(agg.Problems)[0].Text, "BH049": topErr.(agg.Problems)[0].Text}
	cures := map[string]string{"BH010": defs.Mistakes[0].Cure, "BH020": errs[0].Cure, "BH048": sumErr.(agg.Problems)[0].Cure, "BH049": topErr.(agg.Problems)[0].Cure}
	_, problems := feature.Check(defs, feature.Options{Schema: schemaOf})
	for _, p := range problems {
		code := p.Code.String()
		if p.Message != want[code] || p.Cure != cures[code] {
			t.Errorf("%s is %q (%q), want %q (%q)", code, p.Message, p.Cure, want[code], cures[code])
		}
		delete(want, code)
	}
	if len(want) > 0 {
		t.Errorf("not reported: %v", want)
	}
}

func reportOf(t *testing.T, defs *feature.Definitions, define string, o feature.Options) (string, feature.Problems) {
	t.Helper()
	_, problems := feature.Check(defs, o)
	hush(problems, defs)
	var b bytes.Buffer
	err := report.Write(&b, "text", problems, report.Options{Source: func(file string) (string, error) {
		if file != "features.py" {
			return "", errors.New("no such file")
		}
		return define, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), problems
}

// What check says of each script is what stands under it, to the letter.
func TestScripts(t *testing.T) {
	all := cases(t)
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.define
	}
	defs := recorded(t, texts)
	got := make([]string, len(all))
	for i, c := range all {
		t.Run(strings.ReplaceAll(filepath.Base(c.file)+"/"+c.title, " ", "_"), func(t *testing.T) {
			got[i], _ = reportOf(t, defs[i], c.define, c.options)
			if got[i] != c.want && !*rewrite {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", c.define, got[i], c.want)
			}
		})
	}
	if *rewrite {
		write(t, all, got)
	}
}

func write(t *testing.T, all []checkCase, got []string) {
	t.Helper()
	texts := map[string][]string{}
	for i, c := range all {
		texts[c.file] = append(texts[c.file], "# "+c.title+"\n"+strings.TrimSuffix(c.define, "\n")+"\n----\n"+got[i])
	}
	for f, parts := range texts {
		if err := os.WriteFile(f, []byte(strings.Join(parts, "====\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The page for readers is help.md, to the letter.
func TestPageOfMistakes(t *testing.T) {
	help, err := os.ReadFile("help.md")
	if err != nil {
		t.Fatal(err)
	}
	const page = "../docs/mistakes.md"
	if *rewrite {
		if err := os.WriteFile(page, help, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || !bytes.Equal(got, help) {
		t.Errorf("%s is not feature/help.md (%v): run go test ./feature -run Page -rewrite", page, err)
	}
}

// Every number is provoked by a script or by hand, and is explained with an example before and after.
func TestEveryNumber(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases(t) {
		for _, m := range regexp.MustCompile(`\[(BH\d+)\]`).FindAllStringSubmatch(c.want, -1) {
			seen[m[1]] = true
		}
	}
	for code, problems := range handMade(t) {
		if len(problems) == 0 || problems[0].Code.String() != code {
			t.Errorf("what should provoke %s gives %v", code, problems)
		}
		seen[code] = len(problems) > 0
	}
	for _, c := range feature.Codes() {
		if !seen[c.String()] && !c.OfRequest() { // those are provoked in serve
			t.Errorf("%s (%s) is provoked by no script", c, c.Title())
		}
		h, ok := feature.HelpOf(c)
		switch {
		case !ok:
			t.Errorf("%s is not explained in help.md", c)
		case h.Title != c.Title():
			t.Errorf("%s is %q in help.md and %q in codes.go", c, h.Title, c.Title())
		case len(h.Text) < 40 || h.Before == "" || h.After == "" || h.Before == h.After && !slices.Contains([]string{"BH003"}, c.String()):
			t.Errorf("%s: the explanation is not whole: %+v", c, h)
		}
	}
}
