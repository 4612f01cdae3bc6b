package drift

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

func near(got, want float64) bool {
	return got == want || math.Abs(got-want) <= 1e-12*math.Max(1e-3, math.Abs(want))
}

// TestDistancesEqualScipys compares distances and tails with what scipy answered for the same (testdata/distances.py).
func TestDistancesEqualScipys(t *testing.T) {
	text, err := os.ReadFile("testdata/distances.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Shares []struct {
			P, Q []float64
			PSI  *float64
			JS   float64 `json:"jensen_shannon"`
		}
		Samples []struct {
			A, B        []float64
			Wasserstein float64
		}
		Tails []struct {
			Degrees          int
			Chance, Exceeded float64
		}
		Tables []struct {
			A, B      []int64
			ChiSquare float64 `json:"chi_square"`
		}
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for i, c := range want.Shares {
		if c.PSI != nil && !near(psi(c.P, c.Q), *c.PSI) {
			t.Errorf("psi of case %d is %v, scipy says %v", i, psi(c.P, c.Q), *c.PSI)
		}
		if !near(jensenShannon(c.P, c.Q), c.JS) {
			t.Errorf("Jensen and Shannon's of case %d is %v, scipy says %v", i, jensenShannon(c.P, c.Q), c.JS)
		}
	}
	for i, c := range want.Samples {
		if got := wasserstein(sorted(c.A), sorted(c.B)); math.Abs(got-c.Wasserstein) > 1e-12*math.Abs(c.Wasserstein) {
			t.Errorf("Wasserstein's of case %d is %v, scipy says %v", i, got, c.Wasserstein)
		}
	}
	for i, c := range want.Tables {
		if got := homogeneity(c.A, c.B); !near(got, c.ChiSquare) {
			t.Errorf("Pearson's of case %d is %v, scipy says %v", i, got, c.ChiSquare)
		}
	}
	for _, c := range want.Tails {
		if got := chiSquareExceeded(c.Chance, c.Degrees); math.Abs(got-c.Exceeded) > 1e-9*c.Exceeded {
			t.Errorf("of %d degrees and chance %v: %v, scipy says %v", c.Degrees, c.Chance, got, c.Exceeded)
		}
	}
}

func numbers(n int, draw func() float64) *Values {
	v := NewValues(Number)
	for range n {
		v.AddNumber(draw())
	}
	return v
}

func texts(n int, draw func() string) *Values {
	v := NewValues(Category)
	for range n {
		v.AddText(draw())
	}
	return v
}

// world is columns of many shapes, each with a change that matters.
type shape struct {
	name         string
	draw, change func(*rand.Rand) func(*Values)
}

var shapes = []shape{
	{"normal", number(func(r *rand.Rand) float64 { return r.NormFloat64() }), number(func(r *rand.Rand) float64 { return r.NormFloat64() + 0.7 })},
	{"long tailed", number(func(r *rand.Rand) float64 { return math.Exp(3 * r.NormFloat64()) }), number(func(r *rand.Rand) float64 { return 10 * math.Exp(3*r.NormFloat64()) })},
	{"mostly nought", number(func(r *rand.Rand) float64 { return float64(max(0, r.IntN(400)-300)) }), number(func(r *rand.Rand) float64 { return float64(max(0, r.IntN(400)-100)) })},
	{"of few values", number(func(r *rand.Rand) float64 { return float64(r.IntN(4)) }), number(func(r *rand.Rand) float64 { return float64(2 + r.IntN(4)) })},
	{"constant", number(func(*rand.Rand) float64 { return 5 }), number(func(*rand.Rand) float64 { return 7 })},
	{"of texts", text(func(r *rand.Rand) string { return fmt.Sprint(r.IntN(1+r.IntN(30)), " o'clock") }), text(func(r *rand.Rand) string { return fmt.Sprint(30-r.IntN(1+r.IntN(30)), " o'clock") })},
	{"of rare texts", text(func(r *rand.Rand) string { return fmt.Sprint("a", r.IntN(2), r.IntN(1000)*r.IntN(2)) }), text(func(r *rand.Rand) string { return fmt.Sprint("b", r.IntN(100)) })},
	{"true", text(func(r *rand.Rand) string { return fmt.Sprint(r.IntN(10) == 0) }), text(func(r *rand.Rand) string { return fmt.Sprint(r.IntN(10) < 5) })},
	{"sometimes missing", missing(0.02), missing(0.4)},
	{"never missing", missing(0), missing(0.2)},
}

func number(draw func(*rand.Rand) float64) func(*rand.Rand) func(*Values) {
	return func(r *rand.Rand) func(*Values) { return func(v *Values) { v.AddNumber(draw(r)) } }
}

func text(draw func(*rand.Rand) string) func(*rand.Rand) func(*Values) {
	return func(r *rand.Rand) func(*Values) { return func(v *Values) { v.AddText(draw(r)) } }
}

func missing(share float64) func(*rand.Rand) func(*Values) {
	return number(func(r *rand.Rand) float64 {
		if r.Float64() < share {
			return math.NaN()
		}
		return r.NormFloat64()
	})
}

func (s shape) values(n int, add func(*Values)) *Values {
	v := NewValues(Number)
	if strings.Contains(s.name, "text") || s.name == "true" {
		v = NewValues(Category)
	}
	for range n {
		add(v)
	}
	return v
}

// TestChanceIsNoDrift draws rows of one distribution again and again, few and many, and sees that next to none of the comparisons says drift, and
// that none where there are few says that there is none.
func TestChanceIsNoDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for _, s := range shapes {
		for _, known := range []int{600, 20_000} {
			d := s.values(known, s.draw(r)).Distribution(s.name, "")
			for _, n := range []int{1, 20, 100, 1000, 4000} {
				alarms := 0
				tries := min(200, 200_000/n)
				for range tries {
					c := d.Compare(s.values(n, s.draw(r)), 1)
					if c.Verdict == Drifted || c.Verdict == Slight {
						alarms++
					}
					if n == 1 && c.Verdict == Steady && s.name != "constant" {
						t.Errorf("%s: of one row it is said that there is no drift", s.name)
					}
				}
				if alarms > 2 { // one in a thousand may
					t.Errorf("%s, %d rows of which %d are known: %d of %d comparisons see a change where there is none", s.name, n, known, alarms, tries)
				}
			}
		}
	}
}

// TestDriftIsSeen draws rows of another distribution: what matters is seen, and of few rows it is not said that there is none.
func TestDriftIsSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 5))
	for _, s := range shapes {
		d := s.values(20_000, s.draw(r)).Distribution(s.name, "")
		for _, n := range []int{5, 1000, 20_000} {
			c := d.Compare(s.values(n, s.change(r)), 100)
			if n > 5 && c.Verdict != Drifted || n == 5 && c.Verdict == Steady {
				t.Errorf("%s, %d rows: %+v", s.name, n, c)
			}
			if n > 5 && *c.PSI <= Drift {
				t.Errorf("%s: psi %v", s.name, *c.PSI)
			}
		}
	}
}

// What is small and certain is not called drift, and what it takes to tell is said.
func TestVerdicts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d := numbers(20_000, r.NormFloat64).Distribution("x", "")
	c := d.Compare(numbers(100_000, func() float64 { return r.NormFloat64() + 0.05 }), 10)
	if c.Verdict != Steady || *c.PSI < *c.Threshold {
		t.Errorf("a certain change that is small: %+v", c)
	}
	if c = d.Compare(numbers(20_000, func() float64 { return r.NormFloat64() + 0.4 }), 10); c.Verdict != Slight {
		t.Errorf("a change of 0.4 sigma: %+v, psi %v", c, *c.PSI)
	}
	few := d.Compare(numbers(60, r.NormFloat64), 10)
	if few.Verdict != TooFew || few.Needs < 100 || few.Needs > 1000 {
		t.Errorf("%+v", few)
	}
	if enough := d.Compare(numbers(int(few.Needs), r.NormFloat64), 10); enough.Verdict == TooFew {
		t.Errorf("%d rows were to be enough: %+v", few.Needs, enough)
	}
	for why, v := range map[string]*Values{"no row was served": NewValues(Number), "another kind": texts(9, func() string { return "a" })} {
		if c := d.Compare(v, 1); c.Verdict != NotMeasured || !strings.Contains(c.Why, why) {
			t.Errorf("%+v", c)
		}
	}
	if c := numbers(0, nil).Distribution("x", "").Compare(numbers(9, r.NormFloat64), 1); c.Verdict != NotMeasured {
		t.Errorf("%+v", c)
	}
	empty := NewValues(Number)
	for range 1000 {
		empty.AddMissing()
	}
	if c := empty.Distribution("x", "").Compare(numbers(1000, r.NormFloat64), 1); c.Verdict != Drifted {
		t.Errorf("numbers where training had nulls alone: %+v", c)
	}
}

// TestComparison looks at all the figures of one comparison.
func TestComparison(t *testing.T) {
	known, served := NewValues(Number), NewValues(Number)
	for i := range 1000 {
		known.AddNumber(float64(i))
		served.AddNumber(float64(i) + 100)
	}
	for range 250 {
		served.AddMissing()
	}
	c := known.Distribution("x", "").Compare(served, 1)
	std := math.Sqrt((1000*1000 - 1) / 12.0)
	if c.Rows != 1250 || c.Missing != 0.2 || c.ReferenceMissing != 0 || *c.Mean != 599.5 || *c.ReferenceMean != 499.5 || *c.Outside != 0.1 || c.New != nil {
		t.Errorf("%+v, mean %v of %v, outside %v", c, *c.Mean, *c.ReferenceMean, *c.Outside)
	}
	if w := *c.Wasserstein * std; math.Abs(w-100) > 1 {
		t.Errorf("all rows are 100 further, and Wasserstein's is %v", w)
	}
	// By bins: of the first decile none, of the last two, of the others one each; and a fifth is missing, which counts half a row in training.
	p, q := []float64{0.5}, []float64{100}
	for range 8 {
		p, q = append(p, 100), append(q, 100)
	}
	p, q = append(p, 200, 250), append(q, 100, 0.5)
	want := 0.0
	for i := range p {
		a, b := p[i]/1250.5, q[i]/1000.5
		want += (a - b) * math.Log(a/b)
	}
	if !near(*c.PSI, want) {
		t.Errorf("psi %v, want %v", *c.PSI, want)
	}
}

// TestReferenceIsSmall keeps what is known of columns of all kinds, in bounds and without what is rare, and reads it as it was.
func TestReferenceIsSmall(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	long := strings.Repeat("x", 1000)
	names := texts(20_000, func() string {
		switch r.IntN(3) {
		case 0:
			return long
		case 1:
			return fmt.Sprint("somebody ", r.Uint64())
		}
		return fmt.Sprint("code ", r.IntN(300))
	})
	some := NewValues(None)
	for i := range 10 {
		some.Add([]value.Value{value.OfTimestamp(1), {}}[i%2])
	}
	_, why := KindOf(value.Timestamp)
	ref := &Reference{Version: Version, Columns: []*Distribution{names.Distribution("names", ""), some.Distribution("times", why), numbers(50_000, r.NormFloat64).Distribution("x", "")},
		Scores: []*Distribution{numbers(7, r.Float64).Distribution("score", "")}}
	b, err := json.Marshal(ref)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 12_000 || strings.Contains(string(b), "somebody") || strings.Contains(string(b), "xxx") {
		t.Errorf("%d bytes: %.3000s", len(b), b)
	}
	again, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(again); err != nil || string(text) != string(b) {
		t.Errorf("%v: it is read as another", err)
	}
	if d := again.Columns[0]; len(d.Categories) != maxCategories || d.Categories[0][:7] != "sha256:" {
		t.Errorf("%v", d.Categories)
	}
	if c := again.Columns[0].Compare(names, 1); c.Verdict != Steady || *c.PSI > 1e-9 {
		t.Errorf("the same again: %+v", c)
	}
	if c := again.Columns[1].Compare(some, 1); c.Verdict != NotMeasured || !strings.Contains(c.Why, "moves on by itself") || c.Missing != 0.5 {
		t.Errorf("%+v", c)
	}
	if x := again.Columns[2].Points; len(x) != maxPoints || !slices.IsSorted(x) {
		t.Errorf("%v", x)
	}
	for _, wrong := range []string{`{"version":2}`, `{"version":0}`, `{"version":1,"colour":1}`, `null`, `{"version":1,"columns":[null]}`,
		`{"version":1,"columns":[{"name":"x","kind":"number","rows":3,"missing":0,"counts":[1,1],"edges":[0]}]}`,
		`{"version":1,"columns":[{"name":"x","kind":"number","rows":2,"missing":0,"counts":[1,1],"edges":[0,1]}]}`,
		`{"version":1,"columns":[{"name":"x","kind":"number","rows":3,"missing":0,"counts":[1,1,1],"edges":[1,0]}]}`,
		`{"version":1,"columns":[{"name":"x","kind":"category","rows":1,"missing":2,"counts":[-1],"categories":["a"]}]}`,
		`{"version":1,"columns":[{"name":"x","kind":"guess","rows":0,"missing":0}]}`} {
		if _, err := Parse(json.RawMessage(wrong)); err == nil {
			t.Errorf("%s is taken for a reference", wrong)
		}
	}
}

// TestScores compares answers of several classes: which is the likeliest, by its name, and how likely it is.
func TestScores(t *testing.T) {
	answers := func(class int, sure float64) *Scores {
		s := NewScores(3, []string{"a", "b"}) // the third has no name
		for i := range 1000 {
			p := []float64{(1 - sure) / 2, (1 - sure) / 2, (1 - sure) / 2}
			p[(class+i%2)%3] = sure + float64(i)*1e-9
			s.Add(p)
		}
		s.Add(nil) // the answer of another model
		return s
	}
	known := answers(0, 0.5).Distributions()
	if len(known) != 2 || known[0].Name != ClassName || fmt.Sprint(known[0].Categories) != "[a b]" || known[0].Missing != 1 || known[1].Mean < 0.5 {
		t.Errorf("%+v %+v", known[0], known[1])
	}
	for _, c := range []struct {
		class int
		sure  float64
		want  string
	}{{0, 0.5, "none none"}, {1, 0.5, "drift none"}, {0, 0.9, "none drift"}} {
		got := answers(c.class, c.sure).Compare(known, 2)
		if fmt.Sprint(got[0].Verdict, " ", got[1].Verdict) != c.want {
			t.Errorf("class %d, %v: %+v %+v", c.class, c.sure, got[0], got[1])
		}
	}
	if c := answers(1, 0.5).Distributions()[0]; fmt.Sprint(c.Categories) != "[2 b]" {
		t.Errorf("%v", c.Categories)
	}
}
