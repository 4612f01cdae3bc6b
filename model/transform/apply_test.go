package transform

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/bighead-ml/bighead/value"
	"golang.org/x/text/unicode/norm"
)

// What is no finite number is null for every step that reads numbers, in training and in serving.
func TestNaNIsNull(t *testing.T) {
	with := func(x float64) *value.Batch {
		c := value.NewColumn(value.Float, 4)
		copy(c.Floats, []float64{1, x, 3, 8})
		return &value.Batch{Schema: value.Schema{{Name: "x", Type: value.Float}}, Columns: []*value.Column{c}, N: 4}
	}
	null := with(0)
	null.Columns[0].SetNull(1)
	for _, s := range []Step{step("impute", `{"strategy": "mean", "indicator": true}`, "x"), step("impute", `{"strategy": "median"}`, "x"), step("standard", ``, "x"), step("min_max", ``, "x"),
		step("robust", ``, "x"), step("clip", `{"quantiles": [0.1, 0.9]}`, "x"), step("log1p", ``, "x"), step("bucketize", `{"quantiles": 2}`, "x"), step("cyclic", `{"period": 7}`, "x"),
		step("hashing", `{"n": 2}`, "x"), step("impute", `{"strategy": "most_frequent"}`, "x"), step("impute", `{"strategy": "constant", "value": 0.5}`, "x")} {
		want := mustFit(t, null.Schema, []Step{s}, "", RowsOf(null))
		wantRows, err := want.NewApplier().Apply(null)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			got := mustFit(t, null.Schema, []Step{s}, "", RowsOf(with(x)))
			gotRows, err := got.NewApplier().Apply(with(x))
			if err != nil {
				t.Fatal(err)
			}
			if a, b := marshalled(t, got), marshalled(t, want); a != b {
				t.Errorf("%s over %v is fitted to\n%s\nnot\n%s", s.Kind, x, a, b)
			}
			if a, b := FormatColumns(gotRows), FormatColumns(wantRows); !slices.Equal(a, b) {
				t.Errorf("%s of %v is %q, not %q", s.Kind, x, a, b)
			}
		}
	}
}

// No step makes a number that is none: what is too large is null.
func TestTooLargeIsNull(t *testing.T) {
	table, err := ParseColumns([]string{"x float: 1.0 | 2.0", "big float: 1.7e308 | 1.7e308"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		step Step
		unit string
	}{
		{step("standard", ``, "x"), `{"center": -1.7e308, "scale": 0.5}`},
		{step("min_max", ``, "x"), `{"scale": 3, "offset": 0}`},
		{step("hashing", `{"n": 1}`, "x"), `{"n": 1, "signed": false, "names": ["x"]}`},
	} {
		names := mustFit(t, table.Schema[:1], []Step{c.step}, "", RowsOf(table)).Names()
		file := fmt.Sprintf(`{"version": 1, "input": [{"name": "x", "type": "float"}], "units": [{"step": 0, "kind": %q, "in": ["x"], "out": [%q], "fitted": %s}]}`, c.step.Kind, names[0], c.unit)
		p, err := Decode([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.NewApplier().Apply(&value.Batch{Schema: table.Schema[:1], Columns: table.Columns[1:], N: 2})
		if err != nil {
			t.Fatal(err)
		}
		for i := range out.N {
			if v := out.Columns[0].At(i); !v.IsNull() && c.step.Kind != "hashing" || out.Columns[0].Nulls == nil && math.IsInf(out.Columns[0].Floats[i], 0) {
				t.Errorf("%s makes %v", c.step.Kind, out.Columns[0].Floats[i])
			}
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	train, err := ParseColumns([]string{"c string: UA | AA"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Step{step("one_hot", `{"unknown": "error", "missing": "error"}`, "c"), step("ordinal", `{"unknown": "error", "missing": "error"}`, "c")} {
		a := mustFit(t, train.Schema, []Step{s}, "", RowsOf(train)).NewApplier()
		for cells, reason := range map[string]string{"AA | secret": "not in the training rows", "AA | null": "null"} {
			rows, err := ParseColumns([]string{"c string: " + cells})
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.Apply(rows)
			var row *RowError
			if !errors.As(err, &row) || row.Row != 1 || row.Column != "c" || !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s of %s: %v", s.Kind, cells, err)
			}
		}
		other := &value.Batch{Schema: value.Schema{{Name: "d", Type: value.String}}, Columns: train.Columns, N: 2}
		if _, err := a.Apply(other); err == nil || !strings.Contains(err.Error(), `"d"`) {
			t.Errorf("another column: %v", err)
		}
		if _, err := a.Apply(&value.Batch{}); err == nil {
			t.Error("no column is no error")
		}
	}
}

// Appliers of one pipeline do not meet.
func TestAppliersRunBesideEachOther(t *testing.T) {
	table := drawn(rand.New(rand.NewPCG(5, 5)), 60)
	p := mustFit(t, table.Schema[:len(table.Schema)-1], everything(), "label", RowsOf(table))
	out, err := p.NewApplier().Apply(table)
	if err != nil {
		t.Fatal(err)
	}
	want := FormatColumns(out)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			a := p.NewApplier()
			for range 20 {
				if got, err := a.Apply(table); err != nil || !slices.Equal(FormatColumns(got), want) {
					t.Errorf("beside others: %v", err)
				}
			}
		})
	}
	wait.Wait()
}

// No rows come out as none, with all columns.
func TestApplyOfNoRows(t *testing.T) {
	table := drawn(rand.New(rand.NewPCG(5, 5)), 60)
	a := mustFit(t, table.Schema[:len(table.Schema)-1], everything(), "label", RowsOf(table)).NewApplier()
	for range 2 { // the second has the memory of rows
		out, err := a.Apply(part(table, 7, 0))
		if err != nil || out.N != 0 || len(out.Columns) == 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		for i, c := range out.Columns {
			if c.N != 0 {
				t.Errorf("%s has %d rows", out.Schema[i].Name, c.N)
			}
		}
		if _, err := a.Apply(table); err != nil {
			t.Fatal(err)
		}
	}
}

// wide is a pipeline over 250 columns, as a view has, and a row for it.
func wide(t testing.TB) (*Pipeline, *value.Batch) {
	table := &value.Batch{N: 400}
	r := rand.New(rand.NewPCG(1, 1))
	for j := range 250 {
		typ := []value.Type{value.Float, value.Float, value.Float, value.Int, value.String}[j%5]
		c := value.NewColumn(typ, table.N)
		for i := range table.N {
			switch {
			case r.IntN(10) == 0:
				c.SetNull(i)
			case typ.Kind == value.KindFloat:
				c.Floats[i] = r.NormFloat64()
			case typ.Kind == value.KindInt:
				c.Ints[i] = r.Int64N(100)
			default:
				c.Strs[i] = []string{"UA", "AA", "DL", "B6"}[r.IntN(4)]
			}
		}
		table.Schema = append(table.Schema, value.Field{Name: fmt.Sprintf("c%03d", j), Type: typ})
		table.Columns = append(table.Columns, c)
	}
	p, err := Fit(t.Context(), table.Schema, []Step{step("impute", `{"strategy": "median"}`, "@numeric"), step("standard", ``, "@numeric"), step("ordinal", `{"unknown": -1, "missing": -1}`, "@strings")}, "", RowsOf(table))
	if err != nil {
		t.Fatal(err)
	}
	return p, part(table, 17, 1)
}

// The serving path makes no garbage.
func TestApplyDoesNotAllocate(t *testing.T) {
	p, row := wide(t)
	a := p.NewApplier()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := a.Apply(row); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for a row of 250 columns", n)
	}
	words, err := ParseColumns([]string{"s string: Late again, the gate"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Step{step("bag_of_words", ``, "s"), step("hashing", `{"n": 8}`, "s"), step("one_hot", ``, "s")} {
		a := mustFit(t, words.Schema, []Step{s}, "", RowsOf(words)).NewApplier()
		if n := testing.AllocsPerRun(100, func() { _, _ = a.Apply(words) }); n > 0 {
			t.Errorf("%v allocations for %s", n, s.Kind)
		}
	}
}

func BenchmarkApplyOneRow(b *testing.B) {
	p, row := wide(b)
	a := p.NewApplier()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Apply(row); err != nil {
			b.Fatal(err)
		}
	}
}

// No two pairs of different strings are crossed to the same one.
func TestCrossIsUnambiguous(t *testing.T) {
	texts := []string{""}
	for n := 0; len(texts) < 40; n++ {
		for _, c := range []string{"|", `\`, "a"} {
			texts = append(texts, texts[n]+c)
		}
	}
	a, b := value.NewColumn(value.String, len(texts)*len(texts)), value.NewColumn(value.String, len(texts)*len(texts))
	for i := range a.N {
		a.Strs[i], b.Strs[i] = texts[i%len(texts)], texts[i/len(texts)]
	}
	rows := &value.Batch{Schema: value.Schema{{Name: "a", Type: value.String}, {Name: "b", Type: value.String}}, Columns: []*value.Column{a, b}, N: a.N}
	out, err := mustFit(t, rows.Schema, []Step{step("cross", ``, "a", "b")}, "", RowsOf(rows)).NewApplier().Apply(rows)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, s := range out.Columns[2].Strs {
		if j, ok := seen[s]; ok {
			t.Fatalf("%q and %q are crossed to %q, as %q and %q are", a.Strs[i], b.Strs[i], s, a.Strs[j], b.Strs[j])
		}
		seen[s] = i
	}
}

// The median is the mean of the middle two, not what interpolation makes of them, which may be a bit beside.
func TestMedianIsAMean(t *testing.T) {
	rows, err := ParseColumns([]string{"x float: 9.1 | -13.0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Step{step("robust", ``, "x"), step("impute", `{"strategy": "median"}`, "x")} {
		if got := marshalled(t, mustFit(t, rows.Schema, []Step{s}, "", RowsOf(rows))); !strings.Contains(got, `"center":-1.9500000000000002,`) && !strings.Contains(got, `"with":-1.9500000000000002,`) {
			t.Errorf("%s of -13 and 9.1 is fitted to %s", s.Kind, got)
		}
	}
}

// Quantiles are numpy's to the bit, which goes from the nearer of two numbers.
func TestQuantileIsNumpys(t *testing.T) {
	for _, c := range []struct{ a, b, q, want float64 }{
		{-5.4, 5.8, 0.55, 0.7600000000000007}, {0.3, 2.9, 0.54, 1.704}, {-7.8, -2.6, 0.75, -3.9}, {1, 2, 0.25, 1.25}, {1, 2, 1, 2}, {1, 2, 0, 1},
	} {
		if got := quantile([]float64{c.a, c.b}, c.q); got != c.want {
			t.Errorf("the quantile %v of %v and %v is %v, numpy says %v", c.q, c.a, c.b, got, c.want)
		}
	}
}

// Of a small number ln(1 + x) is the number, which 1 + x would lose.
func TestLog1pOfSmallNumbers(t *testing.T) {
	rows, err := ParseColumns([]string{"x float: 1e-20"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := mustFit(t, rows.Schema, []Step{step("log1p", ``, "x")}, "", RowsOf(rows)).NewApplier().Apply(rows)
	if err != nil || out.Columns[0].Floats[0] != 1e-20 {
		t.Errorf("log1p of 1e-20 is %v; %v", out.Columns[0].Floats[0], err)
	}
}

func TestTokens(t *testing.T) {
	for text, want := range map[string]string{
		"Late, late_1 x 42":      "late late_1 42",
		"İstanbul":               "istanbul",
		"ΣΊΣΥΦΟΣ ΟΔΟΣ οδος":      "σίσυφος οδος οδος",
		"ΟΔΟΣ. Α ΟΔΟΣ.Α ΟΔΟΣ'":   "οδος οδοσ οδος", // a full stop within counts for nothing, and a space ends a word
		"Σ ΣΣ 1Σ2 αΣ1":           "σς 1σ2 ας1",     // nothing with case before, nothing behind
		"Α\u00ad\u0301Σ\u0308":   "\u0301ς\u0308",  // what has no part in case between
		"Cafe\u0301 cre\u0300me": "café crème",
		"न\u093f द\u0940":        "न\u093f द\u0940", // vowel signs are marks, and of the word
		"a b cd\u200bef":         "cd ef",
		"":                       "",
		"\xff\xfeab":             "ab",
	} {
		c := value.ColumnOf(value.String, []value.Value{value.OfString(text)})
		var got []string
		tokens(c, 0, nil, true, func(token []byte) { got = append(got, string(token)) })
		if strings.Join(got, " ") != want {
			t.Errorf("%q has the words %q, want %q", text, got, want)
		}
	}
}

// What was fitted before a sigma at a word's end was told apart answers as it did; what is fitted now knows the difference when it is read again.
func TestSigmaOfBefore(t *testing.T) {
	in := value.Schema{{Name: "s", Type: value.String}}
	b := value.BatchOf(in, [][]value.Value{{value.OfString("ΟΔΟΣ")}, {value.OfString("οδος")}, {value.OfString("οδοσ")}})
	counts := func(p *Pipeline) string {
		t.Helper()
		out, err := p.NewApplier().Apply(b)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for i, c := range out.Columns {
			text += fmt.Sprint(out.Schema[i].Name, c.Ints[:3], " ")
		}
		return text
	}
	old, err := Decode([]byte(`{"version":1,"input":[{"name":"s","type":"string"}],"units":[{"step":0,"kind":"bag_of_words","in":["s"],"out":["s_οδος","s_οδοσ"],"fitted":{"words":["οδος","οδοσ"]}}]}`))
	if err != nil || counts(old) != "s_οδος[0 1 0] s_οδοσ[1 0 1] " {
		t.Errorf("%v: of before it gives %s", err, counts(old))
	}
	for _, kind := range []string{"bag_of_words", "tf_idf"} {
		text, err := json.Marshal(mustFit(t, in, []Step{step(kind, ``, "s")}, "", RowsOf(b)))
		if err != nil || !strings.Contains(string(text), `"final_sigma":true`) {
			t.Errorf("%s, %v", text, err)
		}
		p, err := Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Names(), " "); got != "s_οδος s_οδοσ" {
			t.Error(got)
		}
		if kind == "bag_of_words" && counts(p) != "s_οδος[1 1 0] s_οδοσ[0 0 1] " {
			t.Errorf("it gives %s", counts(p))
		}
	}
	plain := value.BatchOf(in, [][]value.Value{{value.OfString("way")}})
	if text, err := json.Marshal(mustFit(t, in, []Step{step("bag_of_words", ``, "s")}, "", RowsOf(plain))); err != nil || strings.Contains(string(text), "sigma") {
		t.Errorf("without one nothing is said of it: %s, %v", text, err)
	}
}

// Words are those of a version of Unicode: where a new toolchain brings another, fitted pipelines may answer otherwise, which the notes of a
// release must say.
func TestUnicodeVersion(t *testing.T) {
	if unicode.Version != unicodeVersion || norm.Version != unicodeVersion {
		t.Errorf("Unicode %s and %s: docs/models.md §7 says %s", unicode.Version, norm.Version, unicodeVersion)
	}
}

const unicodeVersion = "15.0.0"
