package tree

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
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

// ensembleCase is a model of testdata/ensembles.py.
type ensembleCase struct {
	Name    string
	Model   []byte
	Answers []float64
}

func ensembles(t testing.TB) (rows []float64, cases []ensembleCase) {
	t.Helper()
	var all struct {
		Rows  [][]*float64
		Cases []ensembleCase
	}
	text, err := os.ReadFile("testdata/ensembles.json")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all.Rows {
		for _, x := range row {
			if x == nil {
				rows = append(rows, math.NaN())
			} else {
				rows = append(rows, *x)
			}
		}
	}
	return rows, all.Cases
}

// TestEnsembles compares the TreeEnsemble of ai.onnx.ml 5, in each of its comparisons, with ONNX Runtime, to the bit.
func TestEnsembles(t *testing.T) {
	rows, cases := ensembles(t)
	for _, c := range cases {
		m, err := Read(c.Model)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if err := near(predict(t, m, rows, 0), c.Answers, 0); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if len(cases) != 4 {
		t.Errorf("%d cases", len(cases))
	}
}

// TestBadEnsembles changes numbers of the operator's lists, and names what is wrong.
func TestBadEnsembles(t *testing.T) {
	_, cases := ensembles(t)
	for _, c := range []struct {
		change func(n *onnxNode, a map[string]onnxAttribute)
		want   string
	}{
		{func(n *onnxNode, a map[string]onnxAttribute) { a["tree_roots"].ints[1] = a["tree_roots"].ints[0] }, "tree 1: node 0 is none, or two ways lead to it"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["tree_roots"].ints[0] = -1 }, "tree 0: node -1 is none"},
		{func(n *onnxNode, a map[string]onnxAttribute) {
			a["tree_roots"] = onnxAttribute{ints: a["tree_roots"].ints[:3]}
		}, "nodes are of no tree"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["nodes_modes"].floats[0] = 7 }, "tree 0: node 0: not an artifact of this runtime: mode 7"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["nodes_modes"].floats[0] = 1.5 }, "mode 1.5"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["nodes_modes"].floats[0] = 6 }, "mode 6"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["nodes_splits"] = onnxAttribute{} }, "each list of them has as many"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["leaf_targetids"].ints[0] = 1 }, "adds to no target"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["leaf_targetids"] = onnxAttribute{} }, "0 leaf_targetids for"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["n_targets"] = onnxAttribute{i: 1 << 20} }, "1048576 targets and 1 outputs"},
		{func(n *onnxNode, a map[string]onnxAttribute) {
			a["n_targets"] = onnxAttribute{i: 100}
			a["leaf_targetids"].ints[0] = 99
		}, "of 100 targets: at most 64"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["aggregate_function"] = onnxAttribute{i: 3} }, "aggregate_function 3"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["post_transform"] = onnxAttribute{i: 1} }, "post_transform 1, of which ONNX's specification and ONNX Runtime do not say the same"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["nodes_featureids"].ints[0] = 4 }, "reads feature 4 of 4"},
		{func(n *onnxNode, a map[string]onnxAttribute) { a["nodes_featureids"].ints[0] = 1 << 40 }, "it reads feature 1099511627776"},
	} {
		parsed, err := parseONNX(slices.Clone(cases[0].Model))
		if err != nil {
			t.Fatal(err)
		}
		n, err := parsed.graph.ensemble()
		if err != nil {
			t.Fatal(err)
		}
		c.change(n, n.attributes)
		f := &forest{}
		if err = f.onnxInput(n, &parsed.graph); err == nil {
			err = f.onnxEnsemble(n, []string{"y"})
		}
		if err == nil {
			_, err = newModel(f)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
