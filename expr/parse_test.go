package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/expr"
)

// TestLimits gives texts made to exhaust a parser: each is refused with a place inside the text, and quickly.
func TestLimits(t *testing.T) {
	deep := 100_000
	for name, text := range map[string]string{
		"length":        strings.Repeat("i + ", expr.MaxText/4) + "i",
		"10 MB":         "'" + strings.Repeat("x", 10<<20) + "'",
		"parentheses":   strings.Repeat("(", deep) + "i" + strings.Repeat(")", deep),
		"open":          strings.Repeat("(", deep),
		"minus":         strings.Repeat("- ", deep) + "i",
		"not":           strings.Repeat("not ", deep) + "b",
		"chain":         "i" + strings.Repeat(" + i", deep),
		"index":         "li" + strings.Repeat("[1]", deep),
		"field":         "st" + strings.Repeat(".a", deep),
		"call":          strings.Repeat("abs(", deep) + "i" + strings.Repeat(")", deep),
		"case":          strings.Repeat("case when b then ", 20_000) + "1" + strings.Repeat(" end", 20_000),
		"case subject":  strings.Repeat("case ", 150) + "i" + strings.Repeat(" when 1 then 1 when 2 then 2 end", 150),
		"is":            "i" + strings.Repeat(" is null", deep),
		"in":            "i in " + strings.Repeat("(i, ", deep),
		"type":          "cast(i as " + strings.Repeat("list<", deep) + "int" + strings.Repeat(">", deep) + ")",
		"many":          "i in (" + strings.Repeat("1,", expr.MaxSize) + "1)",
		"not UTF-8":     "i + '\xff'",
		"cut UTF-8":     "i + \xe2\x82",
		"nul":           "i + \x00",
		"interval":      "ts + interval '9223372036854775807 days'",
		"subject":       "case " + strings.Repeat("case i when 1 then ", 60) + "1" + strings.Repeat(" end", 60) + " when 1 then 2 end x",
		"quoted column": strings.Repeat(`"`, 99_999),
	} {
		_, errs := expr.Check(text, columns)
		if len(errs) == 0 {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, e := range errs {
			if e.Start < 0 || e.End < e.Start || e.End > len(text) || len(e.Message) > 300 {
				t.Errorf("%s: %.300s at [%d, %d) of %d bytes", name, e.Message, e.Start, e.End, len(text))
			}
		}
	}
}

// TestAtTheLimits gives what is just allowed.
func TestAtTheLimits(t *testing.T) {
	for name, text := range map[string]string{
		"parentheses": strings.Repeat("(", expr.MaxDepth-1) + "i" + strings.Repeat(")", expr.MaxDepth-1),
		"chain":       "i" + strings.Repeat(" + i", expr.MaxDepth),
		"or":          "b" + strings.Repeat(" or b", 20_000),
		"in":          "s in ('a'" + strings.Repeat(", 'b'", 100_000) + ")",
	} {
		e, errs := expr.Check(text, columns)
		if len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		if _, errs := expr.Check(e.String(), columns); len(errs) > 0 {
			t.Errorf("%s: canonical text is refused: %v", name, errs)
		}
	}
}

func TestColumnsInOrderOfUse(t *testing.T) {
	e, errs := expr.Check("case when j > i then s else u || s end", columns)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if got := strings.Join(e.Columns(), " "); got != "j i s u" {
		t.Errorf("columns are %s", got)
	}
	n, _ := expr.Parse(`"odd name" + i * "odd name"`)
	if got := strings.Join(n.Columns(), ","); got != "odd name,i" {
		t.Errorf("columns are %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, fn := range expr.Functions() {
		for _, ex := range fn.Examples {
			f.Add(ex.Expr)
		}
	}
	for _, text := range []string{"", "((", "case", "x'", "i in (1,", "a.b[c]", `"`, "cast(x as list<", "1e", "é.ß", "- -1", "not not b", "i between 1 and 2 and b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, errs := expr.Check(text, columns)
		for _, m := range errs {
			if m.Start < 0 || m.End < m.Start || m.End > len(text) {
				t.Fatalf("%q: %v at [%d, %d)", text, m, m.Start, m.End)
			}
		}
		if len(errs) > 0 {
			return
		}
		again, errs := expr.Check(e.String(), columns)
		if len(errs) > 0 || again.String() != e.String() || !again.Type().Equal(e.Type()) {
			t.Fatalf("%q is %s, which does not read back: %v", text, e, errs)
		}
		for _, d := range []expr.Dialect{expr.SparkSQL, expr.FlinkSQL} {
			_, _ = e.Print(d, func(name string) string { return name })
		}
	})
}

func TestPathsAreWhatAnExpressionReads(t *testing.T) {
	for src, want := range map[string]string{
		"a":                                "[[a]] true",
		`p.q."r s"`:                        "[[p q r s]] true",
		"p.q + a * p.q - coalesce(p.r, a)": "[[p q] [a] [p r]] false",
		"xs[1].y":                          "[[xs]] false",
		"case when p.q = 'x' then 1 else p.n end": "[[p q] [p n]] false",
		"cast(p.q as int)":                        "[[p q]] false",
		"1":                                       "[] false",
	} {
		n, errs := expr.Parse(src)
		if len(errs) > 0 {
			t.Fatal(src, errs)
		}
		if _, ok := n.Path(); fmt.Sprint(n.Paths(), ok) != want {
			t.Errorf("%s: %v %v, want %s", src, n.Paths(), ok, want)
		}
	}
}
