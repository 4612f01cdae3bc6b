package tree

import (
	"math"
	"testing"

	"github.com/bighead-ml/bighead/model"
)

// TestModes compares each of ONNX's comparisons with Go's, on the number, beside it, and where it is missing.
func TestModes(t *testing.T) {
	modes := map[string]func(x, v float64) bool{
		"BRANCH_LEQ": func(x, v float64) bool { return x <= v }, "BRANCH_LT": func(x, v float64) bool { return x < v },
		"BRANCH_GT": func(x, v float64) bool { return x > v }, "BRANCH_GTE": func(x, v float64) bool { return x >= v },
		"BRANCH_EQ": func(x, v float64) bool { return x == v }, "BRANCH_NEQ": func(x, v float64) bool { return x != v },
	}
	for mode, is := range modes {
		for _, v := range []float64{0, math.Copysign(0, -1), 1, -2.5, 5e-324, 1e30} {
			for _, tracks := range []bool{false, true} {
				n, err := onnxAsk(mode, v, [2]int32{^0, ^1}, tracks)
				if err != nil {
					t.Fatal(err)
				}
				one := tree{nodes: []node{n}, leaves: 2, values: []float64{1, 0}}
				f := &forest{outputs: 1, inputs: []model.Input{{Name: "x"}}, trees: []tree{one}, answer: model.Output{Name: "y", Width: 1}}
				m, err := newModel(f)
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range beside(v) {
					want := 0.0
					if is(x, v) || math.IsNaN(x) && tracks {
						want = 1
					}
					if got := predict(t, m, []float64{x}, 0)[0]; got != want {
						t.Errorf("%v %s %v, missing goes to true %v: %v, want %v", x, mode, v, tracks, got, want)
					}
				}
			}
		}
	}
}

// TestFarCategories sees that few categories of great numbers are kept as numbers, and mean what bits do.
func TestFarCategories(t *testing.T) {
	far, err := setOf([]int32{maxCategory - 1, 3, 70_000})
	if err != nil || far.bits != nil {
		t.Fatalf("%+v, %v", far, err)
	}
	bits := &set{bits: make([]uint32, maxCategory/32)}
	for _, c := range []int{maxCategory - 1, 3, 70_000} {
		bits.bits[c/32] |= 1 << (c % 32)
	}
	for _, c := range []float64{-1, -0.5, 0, 2.9, 3, 3.5, 4, 69_999.9, 70_000, 70_001, maxCategory - 1, maxCategory - 0.5, maxCategory, 1e19, math.Inf(1), math.Inf(-1)} {
		if far.has(c) != bits.has(c) {
			t.Errorf("%v: %v", c, far.has(c))
		}
	}
}
