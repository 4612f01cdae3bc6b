package drift

import (
	"encoding/json"
	"math"
	"testing"
)

// FuzzParse reads any bytes as a manifest's reference: it is refused, or what is compared with it can be written as JSON, which has no NaN.
func FuzzParse(f *testing.F) {
	numbers, texts, none := NewValues(Number), NewValues(Category), NewValues(None)
	for i := range 200 {
		numbers.AddNumber(float64(i))
		texts.AddText([]string{"a", "b", "ü"}[i%3])
	}
	numbers.AddMissing()
	none.AddMissing()
	few := NewValues(Number)
	for i := range 40 {
		few.AddNumber(float64(i % 3))
	}
	good, err := json.Marshal(Reference{Version: Version, Columns: []*Distribution{numbers.Distribution("x", ""), texts.Distribution("s", ""), none.Distribution("t", "a time")}, Scores: []*Distribution{few.Distribution("score", "")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"version": 1, "columns": [{"name": "x", "kind": "number", "rows": 3, "missing": 0, "counts": [1, 2], "edges": [1]}]}`))
	f.Add([]byte(`{"version": 1, "columns": [{"name": "x", "kind": "number", "rows": 3, "missing": 0, "counts": [1, 2], "edges": [-1e308, 1e308], "exact": true, "points": [-1e308, 1e308], "mean": 1e308, "std": 5e-324, "min": -1e308, "max": 1e308}]}`))
	f.Add([]byte(`{"version": 1, "columns": [{"name": "x", "kind": "category", "rows": 1, "missing": 0, "counts": [9223372036854775807, 9223372036854775807, 3], "categories": ["a", "b", "c"]}]}`))
	extreme := NewValues(Number)
	for _, x := range []float64{-math.MaxFloat64, math.MaxFloat64, 0, 5e-324} {
		extreme.AddNumber(x)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		for _, d := range append(r.Columns, r.Scores...) {
			for _, n := range append([]int64{d.Missing, d.Other}, d.Counts...) {
				if n < 0 || d.Kind != None && n > d.Rows {
					t.Errorf("%d of %d rows: %s", n, d.Rows, text)
				}
			}
			for _, v := range []*Values{numbers, few, extreme, texts, none, NewValues(d.Kind)} {
				if _, err := json.Marshal(d.Compare(v, 3)); err != nil {
					t.Errorf("%+v: %v", d, err)
				}
			}
		}
	})
}
