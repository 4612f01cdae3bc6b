package expr

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

func TestPrintMade(t *testing.T) {
	schema := value.Schema{{Name: "i", Type: value.Int}, {Name: "s", Type: value.String}, {Name: "b", Type: value.Bool}, {Name: "l", Type: value.ListOf(value.Int)}}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"i", nil},
		{"nullif(i, 0)", nil},
		{"s || 'x' = s", nil},
		{"i > 1 and i < 5 or b is null", nil},
		{"cast(s as int)", []string{"bad_cast: (`s` IS NOT NULL) AND (V IS NULL)"}},
		{"i % 0", []string{"division_by_zero: (`i` IS NOT NULL) AND (V IS NULL)"}},
		{"i / i", []string{"division_by_zero: (CAST(`i` AS DOUBLE) IS NOT NULL) AND (CAST(`i` AS DOUBLE) IS NOT NULL) AND (V IS NULL) AND ((CAST(`i` AS DOUBLE) = 0))",
			"overflow: (CAST(`i` AS DOUBLE) IS NOT NULL) AND (CAST(`i` AS DOUBLE) IS NOT NULL) AND (V IS NULL) AND (NOT (CAST(`i` AS DOUBLE) = 0))"}},
		{"case when b then cast(s as int) else i end", []string{"bad_cast: (COALESCE(`b`, FALSE)) AND (`s` IS NOT NULL) AND (V IS NULL)"}},
		{"case when b then i when i > 0 then 2 else cast(s as int) end", []string{"bad_cast: (NOT COALESCE(`b`, FALSE)) AND (NOT COALESCE((`i` > 0L), FALSE)) AND (`s` IS NOT NULL) AND (V IS NULL)"}},
		{"b and cast(s as int) > 0", []string{"bad_cast: (COALESCE(`b`, TRUE)) AND (`s` IS NOT NULL) AND (V IS NULL)"}},
		{"b or cast(s as int) > 0", []string{"bad_cast: (NOT COALESCE(`b`, FALSE)) AND (`s` IS NOT NULL) AND (V IS NULL)"}},
		{"coalesce(i, cast(s as int), 1 div 0)", []string{"bad_cast: (`i` IS NULL) AND (`s` IS NOT NULL) AND (V IS NULL)", "division_by_zero: (`i` IS NULL) AND (V IS NULL)"}},
		{"i + 1 div 0", []string{"division_by_zero: TRUE"}},
		{"l[i]", []string{"index_range: (`l` IS NOT NULL) AND (`i` IS NOT NULL) AND (V IS NULL) AND ((`i` < 1 OR `i` > cardinality(`l`)))"}},
	} {
		e, errs := Check(c.text, schema)
		if len(errs) > 0 {
			t.Fatal(c.text, errs)
		}
		made, err := e.PrintMade(SparkSQL, quoteBack)
		if err != nil {
			t.Fatal(c.text, err)
		}
		var got []string
		for _, m := range made {
			got = append(got, m.Reason.String()+": "+m.When)
		}
		for i, want := range c.want {
			before, after, _ := strings.Cut(want, "(V IS NULL)")
			if i >= len(got) || !strings.HasPrefix(got[i], before) || !strings.HasSuffix(got[i], after) || strings.Contains(want, "(V") && !strings.Contains(got[i], " IS NULL)") {
				t.Errorf("%s makes %q, not %q", c.text, got, c.want)
				break
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s makes %q, not %q", c.text, got, c.want)
		}
	}
}

// TestNothingIsMadeUnsaid holds the table's word against what is counted: of an expression that is printed to make no null for a reason none is.
func TestNothingIsMadeUnsaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 130)
		for _, fn := range table {
			o := rapid.SampledFrom(fn.overloads).Draw(t, "signature")
			variable, result := rapid.SampledFrom(valuetest.Scalars).Draw(t, "variable"), value.Null
			switch fn.Name {
			case ".":
				result = rapid.SampledFrom([]value.Type{value.Int, value.String, value.Float}).Draw(t, "field")
			case "cast":
				result = o.result.typ
			}
			e := mustCheck(t, plain(drawCall(t, fn, o, variable, result, 0)))
			_, counts := byRow(e, rows)
			made, err := e.PrintMade(SparkSQL, quoteBack)
			if err != nil {
				t.Fatalf("%s: %v", e, err)
			}
			said := map[Reason]bool{}
			for _, m := range made {
				said[m.Reason] = true
			}
			for _, r := range Reasons() {
				if counts[r] > 0 && !said[r] {
					t.Fatalf("%s made %d nulls for %s, and is printed to make none", e, counts[r], r)
				}
			}
		}
	})
}

func TestWhatIsMadeIsNoLongerThanPlannersTake(t *testing.T) {
	schema := value.Schema{{Name: "i", Type: value.Int}}
	e, errs := Check("i"+strings.Repeat(" + i", 60), schema)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	made, err := e.PrintMade(SparkSQL, quoteBack)
	if err != nil || len(made) != 60 {
		t.Fatalf("%d conditions, %v", len(made), err)
	}
	e, _ = Check("i"+strings.Repeat(" + i", 200), schema)
	if e == nil {
		t.Skip("no expression is so deep")
	}
	if _, err := e.PrintMade(SparkSQL, quoteBack); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("200 nested sums: %v", err)
	}
}
