package sweep

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// TestZonesAroundEveryChange asks for the wall clock just before, at and after each change of some zones until 2100.
func TestZonesAroundEveryChange(t *testing.T) {
	table := Table{Columns: value.Schema{{Name: "t", Type: value.Timestamp}}}
	var cases []languageCase
	for _, zone := range []string{"America/New_York", "Europe/Berlin", "Africa/Casablanca", "Australia/Lord_Howe"} {
		text := "local(t, '" + zone + "')"
		cases = append(cases, languageCase{"local", "(t timestamp, zone const string) timestamp", text})
		for _, at := range changes(t, text, table.Columns) {
			for _, ms := range []int64{at - 1, at, at + 1} {
				table.Rows = append(table.Rows, []Cell{ms})
			}
		}
	}
	if len(table.Rows) < 1000 {
		t.Fatalf("only %d rows", len(table.Rows))
	}
	sweepDense(t, table, cases)
}

// changes finds where a zone's offset changes, by days and then by halving.
func changes(t *testing.T, text string, schema value.Schema) []int64 {
	t.Helper()
	x, errs := expr.Check(text, schema)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	f := x.Compile(schema)
	offset := func(ms int64) int64 { return f([]value.Value{value.OfTimestamp(ms)}, nil).Int() - ms }
	var out []int64
	for from := int64(-2_840_140_800_000); from < 4_102_358_400_000; from += value.DayMS {
		lo, hi := from, from+value.DayMS
		if offset(lo) == offset(hi) {
			continue
		}
		for hi-lo > 1 {
			if mid := (lo + hi) / 2; offset(mid) == offset(lo) {
				lo = mid
			} else {
				hi = mid
			}
		}
		out = append(out, hi)
	}
	return out
}

// TestTranscendentalFunctionsOverManyFloats draws floats of all sizes.
func TestTranscendentalFunctionsOverManyFloats(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 5))
	table := Table{Columns: value.Schema{{Name: "x", Type: value.Float}, {Name: "y", Type: value.Float}, {Name: "near", Type: value.Float}, {Name: "e", Type: value.Float}}}
	for range 1500 {
		x := math.Ldexp(0.5+rng.Float64()/2, rng.IntN(2044)-1021)
		table.Rows = append(table.Rows, []Cell{x, (rng.Float64()*2 - 1) * 700 / math.Abs(math.Log(x)), 1 + rng.NormFloat64()*1e-6, (rng.Float64()*2 - 1) * 709})
	}
	var cases []languageCase
	for _, text := range []string{"ln(x)", "log10(x)", "ln(near)", "log10(near)", "exp(e)", "pow(x, y)", "pow(near, e * 1e6)", "sqrt(x)"} {
		cases = append(cases, languageCase{text, "", text})
	}
	sweepDense(t, table, cases)
}

func sweepDense(t *testing.T, table Table, cases []languageCase) {
	t.Helper()
	rows := make([][]value.Value, len(table.Rows))
	for i := range rows {
		rows[i] = table.Values(i)
	}
	wants := make([][]value.Value, len(cases))
	for i, c := range cases {
		wants[i] = evaluate(t, c.text, table.Columns, rows)
	}
	onBoth(t, table, func(t *testing.T, e Engine) {
		for i, verdict := range sweepCases(t, e, table, cases, wants) {
			if verdict != "same" {
				t.Errorf("%s: %s", cases[i].text, verdict)
			}
		}
	})
}
