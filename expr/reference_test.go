package expr_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

const (
	referenceFile = "../docs/functions.md"
	// verdictsFile says what the sweep over the real engines found, a line for each signature; the sweep writes it.
	verdictsFile = "../engine/enginetest/sweep/testdata/language.txt"
)

const referenceHead = `# Expressions

Generated from the table in ` + "`expr/`" + ` by ` + "`go test ./expr -run Reference -update`" + `; do not edit.

An expression of a definition is a SQL scalar expression over the columns of its source (or, in ` + "`derive`" + `, over features, keys and
request fields). It is parsed and typed once, and means the same wherever it runs (semantics.md §2).

**Literals.** ` + "`12`, `1.5`, `1e-3`, `'text'` (`''` for a quote in it), `x'00ff'` (bytes), `true`, `false`, `null`, `date '2024-01-31'`, `timestamp '2024-01-31T06:00:00Z'`, `interval '2 hours'`" + ` (milliseconds to weeks;
only beside + and - with a time). **Columns** are written bare, ` + "`\"quoted\"` or `` `quoted` ``" + `; they mind case, keywords and functions do not. Comments are refused. At most 1 MiB, nested at most 200 deep.

**Precedence**, loosest first: or · and · not · is [not] null, is [not] true, is [not] false, is [not] distinct from · = <> != < <= > >= (they do not chain) · [not] between, [not] in, [not] like · + - || · * / % div · unary - · [index] .field

**Types.** bool, int (64 bits), float (64 bits), string, bytes, timestamp (ms), date, lists, maps, structs. An int becomes a float where it meets one, null takes the type of what it meets; nothing else is converted by itself. In signatures T stands for any type, O for any ordered one
(bool, int, float, string, bytes, timestamp, date), the same throughout; const asks for a constant; … repeats.

**Nulls.** No expression fails on a row. Null in, null out, unless the text below says otherwise. A null that an expression makes of arguments that were not null is counted by its reason: REASONS. All arguments are evaluated; only and, or, case, if and coalesce
stop early, and what they do not reach is not counted. A float is never NaN or infinite, a time never outside years 0001–9999: that is null, counted.

**Where it runs.** Everything runs in the oracle, the local engine, the stream and the online reader. For Spark and Flink each entry says what the sweep over edge values found on the real engines; "≈" means equal to relative 1e-12, which *check* refuses where a last bit would decide (X9).
`

// TestReferenceIsCurrent regenerates docs/functions.md.
func TestReferenceIsCurrent(t *testing.T) {
	text := reference(t)
	if *update {
		if err := os.WriteFile(referenceFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, text) {
		t.Error("docs/functions.md is not what the table says: run go test ./expr -run Reference -update")
	}
}

func reference(t *testing.T) []byte {
	var b bytes.Buffer
	var reasons []string
	for _, r := range expr.Reasons() {
		reasons = append(reasons, "`"+r.String()+"`")
	}
	b.WriteString(strings.ReplaceAll(referenceHead, "REASONS", strings.Join(reasons, ", ")))
	found := verdicts(t)
	family := ""
	for _, f := range expr.Functions() {
		if f.Family != family {
			family = f.Family
			fmt.Fprintf(&b, "\n## %s\n", family)
			if strings.HasPrefix(family, "Lists") {
				schema, row := expr.Sample()
				for i, f := range schema {
					fmt.Fprintf(&b, "\nIn the examples `%s` is `%s`, a %s.\n", f.Name, row[i], f.Type)
				}
			}
		}
		entry(&b, f, found)
	}
	b.WriteString("\n## What is left out\n\nWhat engines do differently, or what a definition must not do. *check* names the way around.\n\n| not there | instead |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(expr.Elsewhere())) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, escapeCell(expr.Elsewhere()[name]))
	}
	return b.Bytes()
}

func escapeCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func entry(b *bytes.Buffer, f *expr.Function, found map[string][2]string) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s\n\n", f.Name, f.Doc)
	for _, sig := range f.Signatures() {
		args, result, _ := strings.Cut(sig, ") ")
		fmt.Fprintf(b, "- `%s) → %s`\n", args, result)
	}
	if len(f.Examples) > 0 {
		b.WriteString("\n| expression | value |\n|---|---|\n")
		for _, ex := range f.Examples {
			fmt.Fprintf(b, "| `%s` | `%s` |\n", escapeCell(ex.Expr), escapeCell(ex.Value))
		}
	}
	var runs []string
	for d, name := range []string{"Spark", "Flink"} {
		runs = append(runs, name+": "+runsOn(f, expr.Dialect(d), found))
	}
	fmt.Fprintf(b, "\n%s\n", strings.Join(runs, " · "))
}

// runsOn sums up the verdicts on the signatures of a function.
func runsOn(f *expr.Function, d expr.Dialect, found map[string][2]string) string {
	if !f.Prints(d) {
		return "no"
	}
	same := "yes"
	if f.Transcendental {
		same = "≈"
	}
	var others []string
	tried := 0
	for _, sig := range f.Signatures() {
		v, ok := found[f.Name+" "+sig]
		switch {
		case !ok:
			continue
		case v[d] != "same":
			others = append(others, "`"+sig+"` "+v[d])
		}
		tried++
	}
	switch {
	case tried == 0:
		return "not tried"
	case len(others) == 0 && tried == len(f.Signatures()):
		return same
	}
	return same + ", but " + strings.Join(others, "; ")
}

// verdicts reads, by "function signature", how many of the cases swept gave our value on Spark and on Flink: "same" where all did.
func verdicts(t *testing.T) map[string][2]string {
	text, err := os.ReadFile(verdictsFile)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][2]string{}
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 4 || strings.HasPrefix(line, "#") {
			continue
		}
		n := len(fields)
		cases, counts := fields[n-3], fields[n-2:]
		var said [2]string
		for d, same := range counts {
			said[d] = "same"
			if same != cases {
				said[d] = fmt.Sprintf("in %s of %s cases", same, cases)
			}
		}
		found[strings.Join(fields[:n-3], " ")] = said
	}
	return found
}

// TestEveryEntryIsWhole holds each entry to what the reference and the engines need.
func TestEveryEntryIsWhole(t *testing.T) {
	for _, f := range expr.Functions() {
		if f.Doc == "" || f.Family == "" || f.Version < 1 || len(f.Signatures()) == 0 {
			t.Errorf("%s lacks a text, family, version or signature", f.Name)
		}
		if len(f.Examples) == 0 {
			t.Errorf("%s has no examples", f.Name)
		}
	}
}

// TestElsewhereNamesNothingThatIsThere keeps the list of what is left out apart from the table, and its cures true.
func TestElsewhereNamesNothingThatIsThere(t *testing.T) {
	names := map[string]bool{}
	for _, f := range expr.Functions() {
		for _, n := range append([]string{f.Name}, f.Aliases...) {
			names[n] = true
		}
	}
	for name, cure := range expr.Elsewhere() {
		if names[name] {
			t.Errorf("%s is in the table", name)
		}
		text, ok := strings.CutPrefix(cure, "write ")
		if !ok {
			continue
		}
		text, _, _ = strings.Cut(text, ",")
		if open := strings.Count(text, "("); strings.Count(text, ")") < open {
			text = strings.TrimPrefix(cure, "write ")
		}
		if i := strings.Index(text, " or "); i > 0 {
			text = text[:i]
		}
		if !checksSomehow(text) {
			t.Errorf("%s: %q is no expression", name, text)
		}
	}
}

// checksSomehow types a cure over columns of its own names, each of some type.
func checksSomehow(text string) bool {
	n, errs := expr.Parse(strings.ReplaceAll(text, "unit from", "year from"))
	if len(errs) > 0 {
		return false
	}
	names := n.Columns()
	types := []value.Type{value.Int, value.Float, value.String, value.Timestamp, value.Date, value.Bool, value.ListOf(value.Int), value.MapOf(value.Int)}
	total := 1
	for range names {
		total *= len(types)
	}
	for choice := range total {
		var s value.Schema
		for _, name := range names {
			s = append(s, value.Field{Name: name, Type: types[choice%len(types)]})
			choice /= len(types)
		}
		if _, errs := expr.Check(strings.ReplaceAll(text, "unit from", "year from"), s); len(errs) == 0 {
			return true
		}
	}
	return false
}
