package tree

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/model"
)

// explain gives the contributions of rows.
func explain(t testing.TB, m *Model, rows []float64) []float64 {
	t.Helper()
	n := len(m.forest.inputs)
	in := &model.Batch{Rows: len(rows) / n, Numbers: rows}
	out := make([]float64, in.Rows*m.forest.outputs*(n+1))
	if err := m.Explain(context.Background(), in, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestContributions compares with what LightGBM and XGBoost say that each input added: in float64 as closely as sums of another order are, in
// XGBoost's float32 as closely as that is.
func TestContributions(t *testing.T) {
	r, err := zip.OpenReader("testdata/contributions.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files := map[string][]byte{}
	for _, f := range r.File {
		body, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(body); err != nil {
			t.Fatal(err)
		}
	}
	var refused map[string]string
	if err := json.Unmarshal(files["refused.json"], &refused); err != nil {
		t.Fatal(err)
	}
	inputs, width := npy(t, "inputs.npy")
	rows, compared := every(inputs, width, 10), 0
	for _, f := range fixtures(t) {
		tolerance := map[string]float64{"lightgbm": 1e-12, "xgboost": 1e-5}[f.Family]
		if tolerance == 0 {
			continue
		}
		m := read(t, f.File)
		if why := refused[f.Name]; why != "" {
			if _, err := m.Explains(); err == nil {
				t.Errorf("%s is explained, where its framework says %q", f.Name, why)
			}
			continue
		}
		if margins, err := m.Explains(); err != nil || margins != m.forest.outputs {
			t.Errorf("%s: %d, %v", f.Name, margins, err)
			continue
		}
		archive()[f.Name+".contributions"] = files[f.Name+".npy"]
		want, _ := npy(t, f.Name+".contributions")
		got := explain(t, m, rows)
		if len(got) != len(want) {
			t.Errorf("%s: %d numbers, want %d", f.Name, len(got), len(want))
			continue
		}
		worst, at := 0.0, 0
		for i := range got {
			if off := math.Abs(got[i]-want[i]) / max(1, math.Abs(want[i])); off > worst {
				worst, at = off, i
			}
		}
		if worst > tolerance {
			t.Errorf("%s: off by %g at %d: %v, want %v", f.Name, worst, at, got[at], want[at])
		}
		compared++
	}
	if compared != 49 {
		t.Errorf("%d models compared", compared)
	}
}

// TestContributionsOfDrawnForests compares with Shapley's own formula: the mean over all orders of the inputs of what each adds when it
// becomes known. And they add up to the margin.
func TestContributionsOfDrawnForests(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		f := draw(r)
		f.narrow, f.link, f.prepare = false, link{}, asIs
		for i := range f.trees {
			t := &f.trees[i]
			if t.output < 0 {
				t.output, t.values = 0, t.values[:t.leaves]
			}
			t.drawCovers(r)
		}
		m, err := newModel(f)
		if err != nil {
			t.Fatal(err)
		}
		rows, margins := drawRows(r, f, 3)
		got, n := explain(t, m, rows), len(f.inputs)
		for row := range 3 {
			x := rows[row*n : (row+1)*n]
			for k := range f.outputs {
				at := (row*f.outputs + k) * (n + 1)
				sum := 0.0
				for i := range n {
					if want := shapley(f, k, x, i); math.Abs(got[at+i]-want) > 1e-9*max(1, math.Abs(want)) {
						t.Fatalf("output %d, input %d: %v, want %v", k, i, got[at+i], want)
					}
					sum += got[at+i]
				}
				if want := margins[row*f.outputs+k]; math.Abs(sum+got[at+n]-want) > 1e-9*max(1, math.Abs(want)) {
					t.Fatalf("output %d: together %v, the margin is %v", k, sum+got[at+n], want)
				}
			}
		}
	}
}

// drawCovers gives leaves rows, and nodes those of the leaves below.
func (t *tree) drawCovers(r *rand.Rand) {
	t.cover, t.leafCover = make([]float64, len(t.nodes)), make([]float64, t.leaves)
	var below func(at int32) float64
	below = func(at int32) float64 {
		if at < 0 {
			t.leafCover[^at] = float64(1 + r.IntN(50))
			return t.leafCover[^at]
		}
		t.cover[at] = below(t.nodes[at].left) + below(t.nodes[at].right)
		return t.cover[at]
	}
	below(t.root)
}

// shapley is the Shapley value of input i, from its definition.
func shapley(f *forest, output int, x []float64, i int) float64 {
	n, sum := len(x), 0.0
	for known := range 1 << n {
		if known>>i&1 == 1 {
			continue
		}
		size := 0
		for j := range n {
			size += known >> j & 1
		}
		weight := math.Gamma(float64(size+1)) * math.Gamma(float64(n-size)) / math.Gamma(float64(n+1))
		sum += weight * (worth(f, output, x, known|1<<i) - worth(f, output, x, known))
	}
	return sum
}

// worth is the mean of a forest's answers where some inputs are known.
func worth(f *forest, output int, x []float64, known int) float64 {
	sum := 0.0
	for i := range f.trees {
		t := &f.trees[i]
		if t.output != output {
			continue
		}
		var below func(at int32) float64
		below = func(at int32) float64 {
			if at < 0 {
				return t.values[^at]
			}
			n := &t.nodes[at]
			switch {
			case known>>n.feature&1 == 0:
				return t.share(n.left, at)*below(n.left) + t.share(n.right, at)*below(n.right)
			case n.goesLeft(x[n.feature]):
				return below(n.left)
			}
			return below(n.right)
		}
		sum += below(t.root)
	}
	return sum
}

// TestNotExplained names why.
func TestNotExplained(t *testing.T) {
	for file, want := range map[string]string{
		"onnx_rf.onnx": "does not say how many rows came to each node", "lgb_linear_tree.lgb.txt": "linear leaves", "xgb_vector_leaf.xgb.json": "vectors",
	} {
		m := read(t, file)
		_, err := m.Explains()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
		if got := m.Explain(context.Background(), &model.Batch{}, nil); got == nil || got.Error() != err.Error() {
			t.Errorf("%s: %v", file, got)
		}
	}
	m := read(t, "lgb_binary.lgb.txt")
	if err := m.Explain(context.Background(), &model.Batch{Rows: 1, Numbers: make([]float64, 13)}, make([]float64, 13)); err == nil || !strings.Contains(err.Error(), "room for 13") {
		t.Errorf("%v", err)
	}
}

func BenchmarkExplain(b *testing.B) {
	m := read(b, "lgb_binary.lgb.txt")
	rows, width := npy(b, "inputs.npy")
	in := &model.Batch{Rows: 1, Numbers: rows[:width]}
	out := make([]float64, width+1)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Explain(context.Background(), in, out); err != nil {
			b.Fatal(err)
		}
	}
}
