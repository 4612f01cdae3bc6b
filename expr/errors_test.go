package expr_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/expr"
)

var update = flag.Bool("update", false, "rewrite golden files and docs/functions.md; read the difference")

// report prints mistakes under the text, as check does.
func report(text string, errs expr.Errors) string {
	var b strings.Builder
	for _, e := range errs {
		width := max(1, utf8.RuneCountInString(text[e.Start:e.End]))
		b.WriteString("    " + strings.Repeat(" ", utf8.RuneCountInString(text[:e.Start])) + strings.Repeat("^", width) + "\n")
		b.WriteString("    " + e.Message + "\n")
		if e.Cure != "" {
			b.WriteString("    → " + e.Cure + "\n")
		}
	}
	return b.String()
}

// TestErrors holds the messages: testdata/errors.txt has a text, then its mistakes with carets.
func TestErrors(t *testing.T) {
	const file = "testdata/errors.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cases := 0
	for _, block := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
		text, want, _ := strings.Cut(block+"\n", "\n")
		_, errs := expr.Check(text, columns)
		got := report(text, errs)
		if len(errs) == 0 {
			t.Errorf("%s is no mistake", text)
		}
		if strings.TrimSpace(got) != strings.TrimSpace(want) && !*update {
			t.Errorf("%s\n%s\nwant\n%s", text, got, want)
		}
		out.WriteString(text + "\n" + got + "\n")
		cases++
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.TrimSpace(out.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if cases < 60 {
		t.Errorf("only %d texts", cases)
	}
}
