package expr_test

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

func TestInexact(t *testing.T) {
	for _, c := range []struct {
		text                   string
		uses, decides, through string // parts of the text
		carries                bool
	}{
		{"ln(f)", "ln(f)", "", "", true},
		{"f + 1", "", "", "", false},
		{"f > exp(1)", "", "", "", false},
		{"2 * greatest(g, -pow(f, 2)) / 3", "pow(f, 2)", "", "", true},
		{"ln(f) > 1", "ln(f)", "ln(f) > 1", "ln(f)", false},
		{"floor(g + exp(f))", "exp(f)", "floor(g + exp(f))", "exp(f)", false},
		{"floor(ln(f)) + exp(g)", "ln(f)", "floor(ln(f))", "ln(f)", true},
		{"cast(1 + log10(f) as int)", "log10(f)", "cast(1 + log10(f) as int)", "log10(f)", false},
		{"case when ln(f) < 0 then 1.5 else g end", "ln(f)", "ln(f) < 0", "ln(f)", false},
		{"case when b then ln(f) else g end", "ln(f)", "", "", true},
		{"nullif(sqrt(exp(f)), 1)", "exp(f)", "nullif(sqrt(exp(f)), 1)", "exp(f)", false},
		{"ln(f) in (1, 2)", "ln(f)", "ln(f) in (1, 2)", "ln(f)", false},
		{"ln(f) between 0 and 1", "ln(f)", "ln(f) between 0 and 1", "ln(f)", false},
		{"g <> ln(f)", "ln(f)", "g <> ln(f)", "ln(f)", false},
		{"sign(ln(f))", "ln(f)", "sign(ln(f))", "ln(f)", false},
		{"exp(f) is not distinct from g", "exp(f)", "exp(f) is not distinct from g", "exp(f)", false},
		{"ln(f) is null", "ln(f)", "", "", false},
		{"if(ln(f) is null, 1, 0)", "ln(f)", "", "", false},
		{"mf['a'] + 1", "mf", "", "", true}, // mf is a column of another engine's logarithms
		{"size(mf)", "mf", "", "", false},
		{"round(coalesce(mf['a'], 1))", "mf", "round(coalesce(mf['a'], 1))", "mf", false},
	} {
		e := check(t, c.text)
		x := e.Inexact(func(name string) bool { return name == "mf" }, true)
		for _, p := range []struct {
			what, want string
			got        *expr.Part
		}{{"uses", c.uses, x.Uses}, {"decides", c.decides, x.Decides}, {"of", c.through, x.Of}} {
			got := ""
			if p.got != nil {
				got = c.text[p.got.Start:p.got.End]
			}
			if got != p.want {
				t.Errorf("%s: %s %q, want %q", c.text, p.what, got, p.want)
			}
		}
		if x.Carries != c.carries {
			t.Errorf("%s carries: %v", c.text, x.Carries)
		}
	}
	if x := check(t, "floor(ln(f)) + mf['a']").Inexact(func(name string) bool { return name == "mf" }, false); x.Decides != nil || x.Uses.Name != "mf" || !x.Carries {
		t.Errorf("an expression that we compute over another engine's columns: %+v", x)
	}
}

// floats finds a parameter that can be a float in a signature.
var floats = regexp.MustCompile(`\b(float|T|O)\b.*\)`)

// Of each function a last bit turns the answer where it is marked so, and nowhere else. Marks that are missing would let engines differ.
func TestStepsAreMarked(t *testing.T) {
	calls := map[string]string{
		"=": "f = g", "<>": "f <> g", "<": "f < g", "<=": "f <= g", ">": "f > g", ">=": "f >= g", "is distinct from": "f is distinct from g",
		"+": "f + g", "-": "f - g", "*": "f * g", "/": "f / g", "unary -": "-f", "is null": "f is null", "case": "case when b then f else g end", "if": "if(b, f, g)",
		"in": "f in (g, 2.0)", "between": "f between g and 2.0", "nullif": "nullif(f, g)", "coalesce": "coalesce(f, g)", "greatest": "greatest(f, g)", "least": "least(f, g)",
		"pow": "pow(f, g)", "cast": "cast(f as int)",
	}
	for _, name := range []string{"abs", "sign", "floor", "ceil", "round", "sqrt", "exp", "ln", "log10"} {
		calls[name] = name + "(f)"
	}
	edges := []float64{0, 0.5, 1, 2, 3, 1.5, -1, -2.5, 7.25, -0.75}
	for _, fn := range expr.Functions() {
		text, ok := calls[fn.Name]
		if !ok {
			if floats.MatchString(strings.Join(fn.Signatures(), "\n")) && fn.Name != "contains" && fn.Name != "size" && fn.Name != "[]" && fn.Name != "." { // no expression makes lists, maps and structs
				t.Errorf("%s takes floats, and is not tried", fn.Name)
			}
			continue
		}
		e := check(t, text)
		schema := value.Schema{{Name: "b", Type: value.Bool}, {Name: "f", Type: value.Float}, {Name: "g", Type: value.Float}}
		f := e.Compile(schema)
		turned := false
		for _, x := range edges {
			for _, y := range edges {
				if fn.Name == "pow" && x == 0 {
					continue // 0 to the power of 0 is 1, and to any positive one 0, which X9 bears
				}
				one := f([]value.Value{value.OfBool(true), value.OfFloat(x), value.OfFloat(y)}, nil)
				for _, moved := range [][2]float64{{math.Nextafter(x, 9), y}, {math.Nextafter(x, -9), y}, {x, math.Nextafter(y, 9)}, {x, math.Nextafter(y, -9)}} {
					two := f([]value.Value{value.OfBool(true), value.OfFloat(moved[0]), value.OfFloat(moved[1])}, nil)
					turned = turned || turnedBetween(one, two) || fn.Name == "nullif" && one.IsNull() != two.IsNull()
				}
			}
		}
		if turned != fn.Steps {
			t.Errorf("%s: a last bit turns it: %v; marked: %v", fn.Name, turned, fn.Steps)
		}
	}
}

// turnedBetween tells two answers apart by more than last bits. What is null on one side is at the edge of a domain, which X9 bears.
func turnedBetween(a, b value.Value) bool {
	if a.IsNull() || b.IsNull() {
		return false
	}
	if a.Kind() != value.KindFloat {
		return !value.Equal(a, b)
	}
	return math.Abs(a.Float()-b.Float()) > 1e-9*max(1, math.Abs(a.Float()))
}

func TestLacks(t *testing.T) {
	nested := value.Schema{{Name: "lf", Type: value.ListOf(value.Float)}, {Name: "ls", Type: value.ListOf(value.String)}, {Name: "mt", Type: value.MapOf(value.Timestamp)},
		{Name: "st", Type: value.StructOf(value.Field{Name: "f", Type: value.Float})}, {Name: "sl", Type: value.StructOf(value.Field{Name: "l", Type: value.ListOf(value.Date)})},
		{Name: "ll", Type: value.ListOf(value.ListOf(value.Float))}, {Name: "i", Type: value.Int}}
	for text, want := range map[string]string{"lf[1] > 0": "lf", "size(ls)": "", "mt['a']": "mt", "st.f": "", "sl": "sl", "ll": "ll", "i + 1": "", "size(ls) + size(lf)": "lf"} {
		e, errs := expr.Check(text, nested)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		got := ""
		if lack := e.Lacks(expr.FlinkSQL); lack != nil {
			got = lack.Name
			if part := text[lack.Start:lack.End]; part != got {
				t.Errorf("%s: %q is at %q", text, got, part)
			}
		}
		if got != want {
			t.Errorf("%s on Flink lacks %q, not %q", text, got, want)
		}
		if lack := e.Lacks(expr.SparkSQL); lack != nil {
			t.Errorf("%s on Spark lacks %v", text, lack)
		}
	}
}
