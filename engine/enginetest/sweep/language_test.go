package sweep

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// TestCasesCoverTheTable checks every case, and that none of the table's signatures is without one.
func TestCasesCoverTheTable(t *testing.T) {
	schema := Edges(seed).Columns
	seen := map[string]bool{}
	for _, c := range languageCases() {
		if _, errs := expr.Check(c.text, schema); len(errs) > 0 {
			t.Errorf("%s %s: %s: %v", c.function, c.signature, c.text, errs)
		}
		seen[c.function+c.signature] = true
	}
	for _, f := range expr.Functions() {
		for _, sig := range f.Signatures() {
			if !seen[f.Name+sig] {
				t.Errorf("%s %s has no case", f.Name, sig)
			}
		}
	}
	t.Logf("%d cases", len(languageCases()))
}

// TestTheLanguageIsTheSame sweeps every case over the edge values on both engines and holds the answers against our own
// evaluator. What a dialect refuses to print must be refused in the committed table, and nothing else.
func TestTheLanguageIsTheSame(t *testing.T) {
	table := Edges(seed)
	cases := append(languageCases(), composed(120, table.Columns, languageCases())...)
	rows := make([][]value.Value, len(table.Rows))
	for i := range rows {
		rows[i] = table.Values(i)
	}
	wants := make([][]value.Value, len(cases))
	for i, c := range cases {
		wants[i] = evaluate(t, c.text, table.Columns, rows)
	}
	verdicts := map[Dialect][]string{} // of each case
	onBoth(t, table, func(t *testing.T, e Engine) {
		verdicts[e.Dialect()] = sweepCases(t, e, table, cases, wants)
	})
	if len(verdicts) == 2 && !t.Failed() {
		compareTable(t, cases, verdicts)
	}
}

// sweepCases runs the cases on an engine and says for each whether it is the same there or is refused.
func sweepCases(t *testing.T, e Engine, table Table, cases []languageCase, wants [][]value.Value) []string {
	t.Helper()
	verdicts := make([]string, len(cases))
	var at []int // of each expression among the cases
	var exprs []Expression
	for i, c := range cases {
		x, _ := expr.Check(c.text, table.Columns)
		sql, err := x.Print(expr.Dialect(e.Dialect()), Quote)
		if err != nil {
			verdicts[i] = "refused"
			t.Logf("%s is refused: %v", c.text, err)
			continue
		}
		at, exprs = append(at, i), append(exprs, Expression{sql, x.Type()})
	}
	answers, err := Run(t.Context(), e, "edges", len(table.Rows), exprs)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		verdicts[at[i]] = "same"
		if text := difference(cases[at[i]], table, wants[at[i]], a); text != "" {
			verdicts[at[i]] = "differs"
			t.Errorf("%s\n    %s\n    printed %.400s", cases[at[i]].text, text, exprs[i].SQL)
		}
	}
	return verdicts
}

var rewrite = flag.Bool("rewrite", false, "write testdata/language.txt anew")

// compareTable holds the verdicts against the committed table: a function that an engine no longer takes shows in a diff.
func compareTable(t *testing.T, cases []languageCase, verdicts map[Dialect][]string) {
	t.Helper()
	counts := map[string][3]int{} // by line: cases, the same on Spark, the same on Flink
	var order []string
	for i, c := range cases {
		line := c.function + " " + c.signature
		n, seen := counts[line]
		if !seen {
			order = append(order, line)
		}
		n[0]++
		for d := range dialects {
			if verdicts[d][i] == "same" {
				n[1+d]++
			}
		}
		counts[line] = n
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Every signature of the language on the real engines: cases swept, and how many gave our value on each of %d rows of edge values.\n", side*side)
	fmt.Fprintf(&b, "# The others are refused when they are printed. go test ./engine/enginetest/sweep -run Language -rewrite\n%-90s %6s %6s %6s\n", "", "cases", "Spark", "Flink")
	for _, line := range order {
		fmt.Fprintf(&b, "%-90s %6d %6d %6d\n", line, counts[line][0], counts[line][1], counts[line][2])
	}
	const path = "testdata/language.txt"
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != b.String() {
		t.Errorf("%s is not what the engines gave (%v); run with -rewrite and read the diff", path, err)
	}
}

// evaluate is the expression's value of every row, by our own evaluator.
func evaluate(t *testing.T, text string, schema value.Schema, rows [][]value.Value) []value.Value {
	t.Helper()
	x, errs := expr.Check(text, schema)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", text, errs)
	}
	f := x.Compile(schema)
	out := make([]value.Value, len(rows))
	for i, row := range rows {
		out[i] = f(row, nil)
	}
	return out
}

// difference says how an answer differs from what it must be, "" where it does not.
func difference(c languageCase, table Table, want []value.Value, a Answer) string {
	if a.Err != nil {
		return fmt.Sprintf("%.400s", a.Err.Error())
	}
	x, _ := expr.Check(c.text, table.Columns)
	var wrong []int
	for i, w := range want {
		if !value.Equal(w, a.Values[i]) && !(x.Transcendental() && agg.Close(w, a.Values[i])) {
			wrong = append(wrong, i)
		}
	}
	describe := func(i int) string {
		var in []string
		for _, name := range x.Columns() {
			in = append(in, fmt.Sprintf("%s = %#v", name, table.Rows[i][table.Columns.Index(name)]))
		}
		return fmt.Sprintf("%v gives %q, should be %q", in, a.Values[i], want[i])
	}
	switch {
	case len(wrong) > 0:
		return fmt.Sprintf("%d rows differ; %s", len(wrong), describe(wrong[0]))
	case len(a.Broken) > 0:
		return fmt.Sprintf("%d rows break the value rules; %s", len(a.Broken), describe(a.Broken[0]))
	}
	return ""
}
