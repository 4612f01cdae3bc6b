package expr_test

import (
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/expr"
)

func backticks(name string) string { return "`" + name + "`" }

// TestEveryFunctionPrints prints every example with its constants as columns would be, so that each template is filled at least once.
func TestPrint(t *testing.T) {
	for _, c := range []struct{ text, spark, flink string }{
		{"i + 1", "try_add(`i`, 1L)", "CASE WHEN CAST(`i` AS DECIMAL(20, 0)) + CAST(CAST(1 AS BIGINT) AS DECIMAL(20, 0)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN `i` + CAST(1 AS BIGINT) END"},
		{"i div 7", "(`i` div 7L)", "(`i` / CAST(7 AS BIGINT))"},
		{"s like '50!%_' escape '!'", "(`s` LIKE '50!%_' ESCAPE '!')", `REGEXP(` + "`s`" + `, '^((?s)50\x25.)\z')`},
		{"s = 'it''s a \\ ${x}'", `(` + "`s`" + ` = 'it\'s a \\ $\{x}')`, "(`s` = CAST('it''s a \\ ${x}' AS STRING))"},
		{"s < u", "(`s` < `u`)", "(HEX(`s`) < HEX(`u`))"},
		{"st.\"b c\"[1]", "get(`st`.`b c`, CAST(CASE WHEN 1L BETWEEN 1L AND 2147483647 THEN 1L - 1L END AS INT))", "`st`.`b c`[CAST(CASE WHEN CAST(1 AS BIGINT) BETWEEN 1 AND 2147483647 THEN CAST(1 AS BIGINT) END AS INT)]"},
		{"coalesce(i, 1 div 0)", "COALESCE(`i`, CAST(NULL AS BIGINT))", "COALESCE(`i`, CAST(NULL AS BIGINT))"},
		{"extract(hour from ts)", "(((`ts` + 62135596800000L) % 86400000L) div 3600000L)", "(MOD((`ts` + 62135596800000), CAST(86400000 AS BIGINT)) / 3600000)"},
	} {
		e, errs := expr.Check(c.text, columns)
		if len(errs) > 0 {
			t.Errorf("%s: %v", c.text, errs)
			continue
		}
		for d, want := range []string{c.spark, c.flink} {
			if got, err := e.Print(expr.Dialect(d), backticks); err != nil || got != want {
				t.Errorf("%s in %s is\n  %s, %v\nnot\n  %s", c.text, expr.Dialect(d), got, err, want)
			}
		}
	}
}

// TestChainsStaySmall prints long chains of one operator, in which each step repeats its arguments, and refuses what grows beyond reason.
func TestChainsStaySmall(t *testing.T) {
	for _, op := range []string{"+", "*", "-"} {
		for _, column := range []string{"i", "f"} {
			e, errs := expr.Check(column+strings.Repeat(" "+op+" "+column, 60), columns)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			for _, d := range []expr.Dialect{expr.SparkSQL, expr.FlinkSQL} {
				if text, err := e.Print(d, backticks); err != nil || len(text) > 40_000 {
					t.Errorf("a chain of %s %s prints to %d bytes in %s, %v", column, op, len(text), d, err)
				}
			}
		}
	}
	e, errs := expr.Check("i"+strings.Repeat(" div i", 60), columns)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if _, err := e.Print(expr.FlinkSQL, backticks); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a text of 2⁶⁰ bytes was printed: %v", err)
	}
}
