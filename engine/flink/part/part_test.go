package part

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

const seed = 5

// spacesOf are those of the groups of a text.
func spacesOf(t *testing.T, text string) []*plan.Space {
	t.Helper()
	defs, err := project.RecordUnits(t.Context(), project.Python{Timeout: 10 * time.Minute}, []project.Unit{{Name: "d.py", Text: &text}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := feature.Check(defs[0], feature.Options{})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	var out []*plan.Space
	for _, g := range p.Groups {
		out = append(out, plan.SpaceOf(g))
	}
	return out
}

const lists = `
e = bh.EventSource("e", topic="t", columns={"k": bh.String, "b": bh.String, "n": bh.Int, "seq": bh.Float, "ts": bh.Timestamp}, time="ts", order_by="seq")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.count(windows=["1h"]),
    bh.top_k("n", k=3, windows=["1h"]), bh.distinct_k("n", k=3, windows=["1h"]), bh.last_k("n", k=3, windows=["1h"]), bh.first_k("n", k=3, windows=["1h"]),
    bh.sum("n", by="b", by_max=2, windows=["1h"], where="n > 0"), bh.last_k("n", k=2, by="b", by_max=2, windows=["1h"], where="n > 0"),
])
`

// What Flink has of a list grows; whatever of it came before and whatever came twice, merging gives the list of the most.
func TestListsMerge(t *testing.T) {
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := spacesOf(t, lists)[0]
	l, lack := LayoutOf(s)
	if lack != nil {
		t.Fatal(lack)
	}
	merged := 0
	for n, p := range l.Parts {
		if !p.List {
			continue
		}
		for range 200 {
			all := make([]agg.Event, r.IntN(12))
			for i := range all {
				all[i] = agg.Event{TS: r.Int64N(3), Tie: []value.Value{value.OfFloat(float64(r.IntN(2)))}, Value: value.OfInt(r.Int64N(4))}
			}
			folded := func(n int) Record {
				s := inner(s.Folds[p.Folds[0]]).New()
				for i := range all[:n] {
					s.Add(&all[i])
				}
				return Record{Part: n, N: -1, States: []agg.State{s}}
			}
			stands := folded(r.IntN(len(all) + 1))
			stands.Part = n
			for _, k := range append(r.Perm(len(all)+1), len(all), 0) {
				next := folded(k)
				next.Part = n
				stands, _ = l.Merge(stands, next)
				merged++
			}
			if got, want := agg.AppendState(nil, stands.States[0]), agg.AppendState(nil, folded(len(all)).States[0]); string(got) != string(want) {
				t.Fatalf("part %s: %+v of %+v, want %+v", p.Name, stands.States[0], all, folded(len(all)).States[0])
			}
		}
	}
	if merged == 0 {
		t.Error("no list was merged")
	}
}

// A counted part never goes back, and a tombstone takes nothing away.
func TestCountedPartsStand(t *testing.T) {
	l, _ := LayoutOf(spacesOf(t, lists)[0])
	three, five := Record{N: 3}, Record{N: 5}
	for _, c := range []struct {
		old, next Record
		n         int64
		fate      Fate
	}{{three, five, 5, Taken}, {five, three, 5, Regressed}, {five, five, 5, Taken}, {five, Record{Gone: true, N: -1}, 5, Regressed}, {Record{Gone: true, N: -1}, three, 3, Taken}} {
		if got, fate := l.Merge(c.old, c.next); got.N != c.n || fate != c.fate {
			t.Errorf("%+v after %+v: %d, %d", c.next, c.old, got.N, fate)
		}
	}
}

const key = `{"k":"a","#step":60000,"#start":120000,"#part":0,"#sub":""}`

// What Flink did not write so is an error that says what is wrong.
func TestMalformed(t *testing.T) {
	s := spacesOf(t, lists)[0]
	l, _ := LayoutOf(s)
	if _, err := l.Decode([]byte(key), []byte(`{"#n":2,"f0":2}`)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{"", `{"#n":2,"f0":2}`, "JSON"}, {`null`, `{}`, "no object"}, {key, `[]`, "array"}, {key, `{"f0":2}`, `"#n"`}, {key, `{"#n":0,"f0":2}`, `"#n" is 0`},
		{key, `{"#n":2,"f0":"x"}`, `"f0" is "x"`}, {key, `{"#n":2}`, `"f0"`},
		{strings.Replace(key, `"a"`, "null", 1), `{}`, `"k" is null`}, {strings.Replace(key, `"a"`, "3", 1), `{}`, `"k" is 3`}, {strings.Replace(key, "60000", "61000", 1), `{}`, "a tile of 61000 ms"},
		{strings.Replace(key, "120000", "120001", 1), `{}`, "at 120001"}, {strings.Replace(key, `"#part":0`, `"#part":99`, 1), `{}`, "part 99"}, {strings.Replace(key, `"#sub":""`, `"#sub":"b"`, 1), `{}`, "#sub"},
	} {
		if _, err := l.Decode([]byte(c[0]), []byte(c[1])); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s %s: %v, want %q", c[0], c[1], err, c[2])
		}
	}
	for n, p := range l.Parts {
		if p.List && p.By < 0 {
			name := foldName(p.Folds[0])
			if _, err := l.Decode([]byte(strings.Replace(key, `"#part":0`, fmt.Sprintf(`"#part":%d`, n), 1)), []byte(`{"`+name+`":"11"}`)); err == nil {
				t.Errorf("%s takes half a text", p.Name)
			}
		}
	}
}

// Texts of order stand in the order of their values and are read back as them. That Flink writes the same texts is for the corpus to show.
func TestTextsOfOrder(t *testing.T) {
	floats := []float64{-math.MaxFloat64, -1, -4.9e-324, 0, 4.9e-324, 2.2250738585072014e-308, 1, math.Nextafter(1, 2), math.MaxFloat64}
	ints := []int64{math.MinInt64, -1 << 62, -1, 0, 1, math.MaxInt64}
	texts := []string{"", "\x00", "a", "a\x00", "aa", "ab", "z", "é", "ﬁ", "\U0001D4B3"}
	var all [][]value.Value
	add := func(vs []value.Value) { all = append(all, append([]value.Value{{}}, vs...)) }
	add([]value.Value{value.OfBool(false), value.OfBool(true)})
	var vs []value.Value
	for _, f := range floats {
		vs = append(vs, value.OfFloat(f))
	}
	add(vs)
	vs = nil
	for _, n := range ints {
		vs = append(vs, value.OfInt(n))
	}
	add(vs)
	vs = nil
	for _, s := range texts {
		vs = append(vs, value.OfString(s))
	}
	add(vs)
	vs = nil
	for _, s := range []string{"", "\x00", "\x00\xff", "a", "\x80", "\xff"} {
		vs = append(vs, value.OfBytesString(s))
	}
	add(vs)
	for _, vs := range all {
		typ := value.Type{Kind: vs[1].Kind()}
		var written []string
		for _, v := range vs {
			text := textOf(v)
			got, rest, err := readOrder(text+"…", typ)
			if err != nil || rest != "…" || !value.Equal(got, v) {
				t.Errorf("%s reads as %s, %q, %v", v, got, rest, err)
			}
			written = append(written, text)
		}
		if !slices.IsSorted(written) {
			t.Errorf("%s: %q", typ, written)
		}
	}
}

// textOf is what Flink writes of a value.
func textOf(v value.Value) string {
	number := func(n int64) string {
		if n < 0 {
			return fmt.Sprintf("0%019d", n-math.MinInt64)
		}
		return fmt.Sprintf("1%019d", n)
	}
	switch v.Kind() {
	case value.KindNull:
		return "0"
	case value.KindBool:
		return "1" + map[bool]string{false: "0", true: "1"}[v.Bool()]
	case value.KindString:
		return fmt.Sprintf("1%X!", v.Str())
	case value.KindBytes:
		var b strings.Builder
		for _, c := range []byte(v.Str()) {
			b.WriteRune(rune(c))
		}
		return fmt.Sprintf("1%X!", b.String())
	case value.KindFloat:
		bits := int64(math.Float64bits(math.Abs(v.Float())))
		if v.Float() < 0 {
			return fmt.Sprintf("10%019d", math.MaxInt64-bits)
		}
		return fmt.Sprintf("11%019d", bits)
	}
	return "1" + number(v.Int())
}

// TestRefusals holds what Flink does not fold to testdata/refusals.txt.
func TestRefusals(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "refusals.py"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, s := range spacesOf(t, string(b)) {
		_, lack := LayoutOf(s)
		if lack == nil {
			t.Errorf("group %s is folded", s.Group.Name)
			continue
		}
		fmt.Fprintln(&got, lack)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "refusals.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got.String() {
		t.Errorf("refused is\n%s", &got)
	}
}
