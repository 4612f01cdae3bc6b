package enginetest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/oracle"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

// bent is the oracle with its rows changed.
type bent struct {
	change func(row []value.Value)
	err    error
}

func (bent) Name() string { return "bent" }

func (b bent) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (*engine.Report, error) {
	if b.err != nil {
		return nil, b.err
	}
	return oracle.Oracle{}.Run(ctx, p, in, func(batch *value.Batch) error {
		rows := make([][]value.Value, batch.N)
		for i := range rows {
			rows[i] = batch.Row(i)
			b.change(rows[i])
		}
		return out(value.BatchOf(batch.Schema, rows))
	})
}

const small = `define
    e = bh.EventSource("e", columns={"k": bh.String, "x": bh.Float}, time="ts")
    g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.avg("x"), bh.count()])
    v = bh.FeatureView("v", groups=[g], derive={"d": "g__x_avg * 3"})

load e
    k | ts                   | x
    a | 2024-01-01T10:00:00Z | 0.1
    a | 2024-01-01T10:00:01Z | 0.2

eval v
    k | at
    a | 2024-01-01T11:00:00Z
    b | 2024-01-01T11:00:00Z
----
    g__x_avg | g__count | d
    0.15     | 2        | 0.45
    null     | 0        | null
`

func runText(t *testing.T, road engine.Engine, texts ...string) *Results {
	t.Helper()
	s := suite()
	s.Roads = nil
	if road != nil {
		s.Roads = []engine.Engine{road}
	}
	var sources []Source
	for _, text := range texts {
		sources = append(sources, Source{"s.feat", text})
	}
	res, err := s.Run(t.Context(), sources)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func report(t *testing.T, r *Results) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// floats of another road may differ as the promise allows, and derived values by their own inputs; nothing else may.
func TestARoadIsHeldToThePromise(t *testing.T) {
	float := func(i int, by float64) func([]value.Value) {
		return func(row []value.Value) {
			if !row[i].IsNull() {
				row[i] = value.OfFloat(row[i].Float() + by)
			}
		}
	}
	both := func(row []value.Value) {
		float(0, 1e-11)(row)
		if !row[0].IsNull() {
			row[2] = value.OfFloat(row[0].Float() * 3)
		}
	}
	for _, c := range []struct {
		name   string
		change func([]value.Value)
		want   string
	}{
		{"the same", func([]value.Value) {}, ""},
		{"within the promise, derived alike", both, ""},
		{"beyond the promise", float(0, 1e-9), "bent: line 17: row 1, column g__x_avg: want 0.15"},
		{"a derived value that is not its inputs'", float(2, 1e-12), "column d"},
		{"an exact value", func(row []value.Value) { row[1] = value.OfInt(row[1].Int() + 1) }, "bent: line 18: row 2, column g__count: want 0, got 1"},
		{"a null", func(row []value.Value) { row[0] = value.Value{} }, "want 0.15"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := report(t, runText(t, bent{change: c.change}, small))
			if failed := strings.Contains(got, "FAIL"); failed != (c.want != "") || !strings.Contains(got, c.want) {
				t.Errorf("want %q in\n%s", c.want, got)
			}
		})
	}
}

func TestFailuresAreTold(t *testing.T) {
	replace := func(old, new string) string {
		out := strings.Replace(small, old, new, 1)
		if out == small {
			t.Fatalf("%q is not in the script", old)
		}
		return out
	}
	rows := "    g__x_avg | g__count | d\n    0.15     | 2        | 0.45\n    null     | 0        | null\n"
	cases := []struct{ name, text, want string }{
		{"a wrong value", replace("| 2        |", "| 3        |"), "oracle: line 17: row 1, column g__count: want 3, got 2"},
		{"a missing row", replace("    null     | 0        | null\n", ""), "s.feat:15: want 1 rows, got 2"},
		{"an unknown column of the answer", replace("g__count | d", "g__cuont | d"), `s.feat:16:16: the answer has no column "g__cuont"`},
		{"a cell of another type", replace("0.45", "much"), `s.feat:17:27: column "d": "much" is not a float`},
		{"no answer", replace("----\n"+rows, ""), "no answer stands under it"},
		{"a refusal that does not come", replace(rows, "error BH012\n"), "want error BH012, got 2 rows"},
		{"an unknown source", replace("load e", "load f"), `s.feat:6:6: no source or spine is called "f"; sources: e`},
		{"an unknown column of a load", replace("ts                   | x", "ts                   | y"), `s.feat:7:32: "e" has no column "y"; it has k, x, ts`},
		{"a cell of a load", replace("| 0.1", "| lots"), `s.feat:8:32: column "x": "lots" is not a float`},
		{"nothing loaded", replace("load e\n    k | ts                   | x\n    a | 2024-01-01T10:00:00Z | 0.1\n    a | 2024-01-01T10:00:01Z | 0.2\n", ""), "write `load e`"},
		{"an unknown view", replace("eval v", "eval w"), `s.feat:11:6: nothing is called "w": there are group g, view v`},
		{"an unknown column of the rows", replace("    k | at\n", "    k | when\n"), `s.feat:12:9: "v" takes no column "when"`},
		{"a column that is missing", replace("    k | at\n    a | 2024-01-01T11:00:00Z\n    b | 2024-01-01T11:00:00Z\n", "    k\n    a\n    b\n"), `column "at" is missing`},
		{"a mistake of the definition", replace(`"g__x_avg * 3"`, `"g__x_agv * 3"`), "error[BH012]"},
		{"a mistake that was expected and is not made", replace("\nload e", "----\nerror BH012\n\nload e"), "want error BH012, got no problem"},
		{"an unknown count", small + "counts\n    g: duplicate | 0\n", `nothing is counted as "g: duplicate"`},
		{"a wrong count", small + "counts\n    g: rows | 3\n", `oracle: line 20: "g: rows": want 3, got 2`},
		{"no script", "deifne\n", "unknown statement"},
		{"nothing wrong", small, "0 failed"},
	}
	var texts []string
	for _, c := range cases {
		texts = append(texts, c.text)
	}
	res := runText(t, nil, texts...)
	for i, c := range cases {
		got := report(t, &Results{Scripts: res.Scripts[i : i+1]})
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in\n%s", c.name, c.want, got)
		}
	}
	if n := len(cases) - 1; res.Failed() != n {
		t.Errorf("%d scripts failed of %d that must", res.Failed(), n)
	}
}

func TestASkippedRoadIsToldAndNotAsked(t *testing.T) {
	text := "skip bent: it bends\n" + small
	got := report(t, runText(t, bent{change: func(row []value.Value) { row[1] = value.OfInt(9) }}, text))
	if !strings.Contains(got, "skip s.feat on bent: it bends") || !strings.Contains(got, "0 failed, 1 not run on bent") {
		t.Error(got)
	}
}

// What check refuses for an engine alone is told there and asked everywhere else.
func TestAForeignRoadThatCheckRefusesIsToldAndNotAsked(t *testing.T) {
	s := suite()
	asked := 0
	s.Roads = []engine.Engine{bent{change: func([]value.Value) { asked++ }}}
	s.Foreign = []Foreign{{"bent", feature.Options{Batch: "spark"}}, {"flat", feature.Options{Stream: "flink"}}}
	s.Missing = []Skipped{{"flat", "nobody is there"}}
	ln := strings.Replace(small, `bh.avg("x")`, `bh.avg("x", where="ln(x) < 100.0")`, 1)
	res, err := s.Run(t.Context(), []Source{{"ln.feat", ln}, {"plain.feat", small}})
	if err != nil {
		t.Fatal(err)
	}
	got := report(t, res)
	for _, want := range []string{
		"refused ln.feat on bent: ln.feat:3:", "Spark SQL's ln differs", "refused ln.feat on flat: ", "not asked flat: 2 answers: nobody is there", "2 scripts, 2 answers, 0 failed, 1 refused on bent, 1 refused on flat\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if n := len(res.Refused()); asked != 2 || n != 2 { // the rows of plain.feat
		t.Errorf("%d rows were asked of what refuses one script of two; %d roads refuse", asked, n)
	}
}

func TestARoadThatRefusesIsTold(t *testing.T) {
	got := report(t, runText(t, bent{err: context.DeadlineExceeded}, small))
	if !strings.Contains(got, "bent: context deadline exceeded") {
		t.Error(got)
	}
	refused := strings.Replace(small, "    a | 2024-01-01T11:00:00Z\n", "    a | null\n", 1)
	refused = refused[:strings.Index(refused, "    g__x_avg | ")] + "error: row 1\n"
	if got := report(t, runText(t, nil, refused)); !strings.Contains(got, "0 failed") {
		t.Error(got)
	}
	if got := report(t, runText(t, bent{err: context.DeadlineExceeded}, refused)); !strings.Contains(got, "bent: want error row 1") && !strings.Contains(got, "bent: want error") {
		t.Error(got)
	}
}

func TestRewriteFillsInTheOraclesAnswers(t *testing.T) {
	wrong := strings.Replace(small, "| 2        | 0.45", "| 7        | 0.45", 1)
	res := runText(t, nil, wrong, small, strings.Replace(small, "g__x_avg * 3", "g__x_agv * 3", 1))
	text, changed := res.Scripts[0].Rewritten()
	want := strings.Replace(small, "    g__x_avg | g__count | d\n    0.15     | 2        | 0.45\n    null     | 0        | null\n",
		"    g__x_avg            | g__count | d\n    0.15000000000000002 | 2        | 0.45000000000000007\n    null                | 0        | null\n", 1)
	if !changed || text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	for _, s := range res.Scripts[1:] {
		if _, changed := s.Rewritten(); changed {
			t.Errorf("%s needs no answer, or has none, and is changed", s.Path)
		}
	}
}

func TestResultsAsJSON(t *testing.T) {
	b, err := json.Marshal(runText(t, bent{change: func(row []value.Value) { row[1] = value.OfInt(9) }}, small))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"road":"oracle","columns":["g__x_avg","g__count","d"],"rows":[[0.15000000000000002,2,0.45000000000000007],[null,0,null]]}`,
		`{"road":"bent","line":17,"row":1,"column":"g__count","want":2,"got":9,"why":"2 and 9 differ"}`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
}

func TestUseReadsAProjectsFile(t *testing.T) {
	dir := t.TempDir()
	define, rest, ok := strings.Cut(strings.TrimPrefix(small, "define\n"), "\nload")
	if !ok {
		t.Fatal("the script has changed")
	}
	python := "import bighead as bh\n" + strings.ReplaceAll(define, "    ", "")
	if err := os.WriteFile(filepath.Join(dir, "features.py"), []byte(python), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Suite{Root: dir, Record: func(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
		return project.RecordUnits(ctx, project.Python{Timeout: 10 * time.Minute}, units)
	}}
	res, err := s.Run(t.Context(), []Source{{"a.feat", "use features.py\n\nload" + rest}, {"b.feat", "use other.py\n\nload" + rest}})
	if err != nil {
		t.Fatal(err)
	}
	if res.Scripts[0].Failed() || !res.Scripts[1].Failed() {
		t.Error(report(t, res))
	}
}
