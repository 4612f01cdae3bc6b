package expr_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

func check(t *testing.T, text string) *expr.Expr {
	t.Helper()
	e, errs := expr.Check(text, columns)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", text, errs)
	}
	return e
}

// TestVersions: a fingerprint holds every function that is used, conversions that were put in, and the contents of zones.
func TestVersions(t *testing.T) {
	if got := check(t, "abs(i) + f > 1 + 2").Versions(); !slices.Equal(got, []string{"+/1", ">/1", "abs/1", "cast/1"}) {
		t.Errorf("versions are %q", got)
	}
	zones := map[string]bool{}
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York"} {
		v := check(t, "local(ts, '"+zone+"')").Versions()
		if len(v) != 2 || v[0] != "local/1" || !strings.HasPrefix(v[1], "zone "+zone+"/") || zones[v[1][len("zone "+zone):]] {
			t.Errorf("versions of local in %s are %q", zone, v)
		}
		zones[v[1][len("zone "+zone):]] = true
	}
	if got := check(t, "1 + 2").Versions(); len(got) != 0 {
		t.Errorf("a constant has versions %q", got)
	}
}

func TestTranscendental(t *testing.T) {
	for text, want := range map[string]bool{"ln(f) > 1": true, "if(b, pow(f, 2), 0) + 1": true, "sqrt(f)": false, "f / g": false, "f > exp(1)": false} {
		if got := check(t, text).Transcendental(); got != want {
			t.Errorf("%s is transcendental: %v", text, got)
		}
	}
}

func TestConstAndColumn(t *testing.T) {
	if v, ok := check(t, "1 + 2 * 3").Const(); !ok || v.Int() != 7 {
		t.Errorf("1 + 2 * 3 is %s, %v", v, ok)
	}
	if v, ok := check(t, "1 div 0").Const(); !ok || !v.IsNull() {
		t.Errorf("1 div 0 is %s, %v", v, ok)
	}
	if _, ok := check(t, "i + 1").Const(); ok {
		t.Error("i + 1 is no constant")
	}
	if name, ok := check(t, "(i)").Column(); !ok || name != "i" {
		t.Errorf("(i) is the column %q, %v", name, ok)
	}
	if _, ok := check(t, "i + 0").Column(); ok {
		t.Error("i + 0 is no column")
	}
}

func TestNearest(t *testing.T) {
	among := []string{"dep_delay", "dep_time", "arr_delay", "carrier", "Origin", "x"}
	for name, want := range map[string]string{"dep_dlay": "dep_delay", "depdelay": "dep_delay", "origin": "Origin", "carreir": "carrier", "y": "", "nothing_like_it": "", "": "", "dep_tiem": "dep_time", "delay": "arr_delay dep_delay", "DEP": "dep_time dep_delay", "de": ""} {
		if got := strings.Join(expr.Nearest(name, among), " "); got != want {
			t.Errorf("nearest to %q is %q, not %q", name, got, want)
		}
	}
}

// TestOneExprManyGoroutines compiles once and evaluates everywhere.
func TestOneExprManyGoroutines(t *testing.T) {
	e := check(t, "coalesce(upper(s) || u, 'x') in ('AB', 'x', s) and li[1] + greatest(i, j, 3) > 0 and local(ts, 'Europe/Berlin') > t2")
	f := e.Compile(columns)
	row := make([]value.Value, len(columns))
	set := func(name string, v value.Value) { row[columns.Index(name)] = v }
	set("s", value.OfString("a"))
	set("u", value.OfString("B"))
	set("i", value.OfInt(1))
	set("li", value.OfList([]value.Value{value.OfInt(5)}))
	set("ts", value.OfTimestamp(3_600_000))
	set("t2", value.OfTimestamp(0))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			p, batch := e.Vectorise(columns), value.BatchOf(columns, [][]value.Value{row, row})
			for range 200 {
				if v := f(row, nil); !v.Bool() {
					t.Errorf("by row %s", v)
				}
				if c := p.Eval(batch, nil); !c.At(1).Bool() {
					t.Errorf("by column %s", c.At(1))
				}
			}
		})
	}
	wg.Wait()
}
