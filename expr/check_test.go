package expr_test

import (
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// columns is the schema that tests of text and types read.
var columns = value.Schema{
	{Name: "i", Type: value.Int}, {Name: "j", Type: value.Int}, {Name: "f", Type: value.Float}, {Name: "g", Type: value.Float},
	{Name: "b", Type: value.Bool}, {Name: "c", Type: value.Bool}, {Name: "s", Type: value.String}, {Name: "u", Type: value.String},
	{Name: "by", Type: value.Bytes}, {Name: "ts", Type: value.Timestamp}, {Name: "t2", Type: value.Timestamp}, {Name: "d", Type: value.Date}, {Name: "d2", Type: value.Date},
	{Name: "li", Type: value.ListOf(value.Int)}, {Name: "ls", Type: value.ListOf(value.String)}, {Name: "mf", Type: value.MapOf(value.Float)},
	{Name: "st", Type: value.StructOf(value.Field{Name: "a", Type: value.Int}, value.Field{Name: "b c", Type: value.ListOf(value.String)})},
	{Name: "odd name", Type: value.Int}, {Name: "end", Type: value.Int}, {Name: "date", Type: value.Date}, {Name: "dep_delay", Type: value.Float},
}

// TestPrecedence reads each text and shows by canonical parentheses how it was understood.
func TestPrecedence(t *testing.T) {
	for text, want := range map[string]string{
		"i + j * 2":                       "(i + (j * 2))",
		"i - j - 1":                       "((i - j) - 1)",
		"-i % 3":                          "((- i) % 3)",
		"-9223372036854775808":            "-9223372036854775808",
		"i div 2 % 3":                     "((i div 2) % 3)",
		"mod(i, 2)":                       "(i % 2)",
		"i / 2":                           "(cast(i as float) / 2.0)",
		"i = j or b and not c":            "((i = j) or (b and (not c)))",
		"not b = c":                       "(not (b = c))",
		"b and c and (b and c)":           "(b and c and b and c)",
		"i + 1 between 1 and 2 and b":     "(((i + 1) between 1 and 2) and b)",
		"i not between 1 and 2":           "(not (i between 1 and 2))",
		"s not in ('a', 'it''s')":         "(not (s in ('a', 'it''s')))",
		"s || 'x' like '%x' escape '!'":   "((s || 'x') like '%x' escape '!')",
		"i = j is not null":               "(not ((i = j) is null))",
		"i is distinct from j + 1":        "(i is distinct from (j + 1))",
		"b is distinct from i = j":        "(b is distinct from (i = j))",
		`length(st."b c"[i])`:             `length(st."b c"[i])`,
		"li[1] + st.a":                    "(li[1] + st.a)",
		"CASE WHEN b THEN 1 ELSE 2.5 END": "case when b then 1.0 else 2.5 end",
		"case i when 1 then 'a' when 2 then 'b' end": "case when (i = 1) then 'a' when (i = 2) then 'b' end",
		"coalesce(i, 0.5)":                           "coalesce(cast(i as float), 0.5)",
		"coalesce(f, null)":                          "coalesce(f, cast(null as float))",
		`"odd name" + "end"`:                         `("odd name" + "end")`,
		"date > date '2024-01-31'":                   `("date" > date '2024-01-31')`,
		"date(ts) = date":                            `(date(ts) = "date")`,
		"ts + interval '90 minutes'":                 "(ts + interval '90 minutes')",
		"ts - interval '2 Weeks'":                    "(ts - interval '14 days')",
		"extract(HOUR from ts)":                      "extract(hour from ts)",
		"try_cast(s as int)":                         "cast(s as int)",
		"1 + 2 * i":                                  "(1 + (2 * i))",
		"(1 + 2) * i":                                "(3 * i)",
		"1 div 0 + i":                                "((1 div 0) + i)",
		"x'00fF' = by":                               "(x'00ff' = by)",
	} {
		e, errs := expr.Check(text, columns)
		if len(errs) > 0 {
			t.Errorf("%s: %v", text, errs)
			continue
		}
		if got := e.String(); got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
		again, errs := expr.Check(e.String(), columns)
		if len(errs) > 0 || again.String() != e.String() || !again.Type().Equal(e.Type()) {
			t.Errorf("%s does not read back: %v, %v", e, again, errs)
		}
	}
}
