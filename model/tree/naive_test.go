package tree

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/model"
)

// naive walks a file's own words, as its reader found them, one comparison at a time: what a node means is said here a second time, by
// format and not by the layout's ranks.
func naive(f *forest, row []float64) []float64 {
	sums := make([]float64, f.outputs)
	copy(sums, f.base)
	add := func(k int, v float64) {
		if f.narrow {
			sums[k] = float64(float32(sums[k]) + float32(v))
		} else {
			sums[k] += v
		}
	}
	x := make([]float64, len(row))
	for i, v := range row {
		switch f.prepare {
		case zeroSmall:
			if v >= -1.0000000180025095e-35 && v <= 1.0000000180025095e-35 {
				v = 0
			}
		case toFloat32, finite32:
			v = float64(float32(v))
		}
		x[i] = v
	}
	for i := range f.trees {
		t := &f.trees[i]
		at := t.root
		for at >= 0 {
			n := t.nodes[at]
			v, nan, yes := x[n.feature], math.IsNaN(x[n.feature]), false
			if n.set != nil {
				yes = n.leftMissing
				if !nan {
					yes = slices.Contains(members(n.set, v), true)
				}
			} else if n.missing == missingNone {
				yes = nan && 0 <= n.threshold || v <= n.threshold
			} else if nan || n.missing == missingZero && v >= -1.0000000180025095e-35 && v <= 1.0000000180025095e-35 {
				yes = n.leftMissing
			} else {
				yes = v <= n.threshold
			}
			at = n.right
			if yes {
				at = n.left
			}
		}
		if t.output < 0 {
			for k := range sums {
				add(k, t.values[int(^at)*f.outputs+k])
			}
			continue
		}
		add(t.output, t.values[^at])
	}
	return sums
}

// members asks every category of a set, one by one, whether it is v's.
func members(s *set, v float64) []bool {
	var found []bool
	for c := range len(s.bits) * 32 {
		if s.bits[c/32]>>(c%32)&1 == 1 {
			lowest := float64(c)
			if c == 0 && s.trunc {
				lowest = math.Nextafter(-1, 0)
			}
			found = append(found, v >= lowest && v < float64(c+1))
		}
	}
	for _, n := range s.numbers {
		found = append(found, v == n || s.whole && v >= n && v < n+1)
	}
	return found
}

// draw makes a forest of every kind of node over few features, with thresholds that are met and missed by an ulp.
func draw(r *rand.Rand) *forest {
	f := &forest{format: "drawn", outputs: 1 + r.IntN(3), prepare: prepare(r.IntN(4)), narrow: r.IntN(2) == 0, margins: true}
	f.answer = model.Output{Name: "value", Width: f.outputs}
	for i := range 1 + r.IntN(5) {
		f.inputs = append(f.inputs, model.Input{Name: fmt.Sprint("f", i)})
	}
	// Each feature has one notion of missing in most files, and any number in this one.
	for range r.IntN(20) {
		t := tree{output: r.IntN(f.outputs+1) - 1}
		width := 1
		if t.output < 0 {
			width = f.outputs
		}
		t.root = t.grow(r, f, 1+r.IntN(9))
		for range t.leaves * width {
			t.values = append(t.values, float64(float32(r.NormFloat64())))
		}
		f.trees = append(f.trees, t)
	}
	return f
}

// grow adds a node and what is below it, or a leaf.
func (t *tree) grow(r *rand.Rand, f *forest, depth int) int32 {
	if depth == 0 || r.IntN(5) == 0 {
		t.leaves++
		return ^int32(t.leaves - 1)
	}
	n := node{feature: int32(r.IntN(len(f.inputs))), missing: missing(r.IntN(3)), leftMissing: r.IntN(2) == 0, threshold: drawNumber(r)}
	if math.IsNaN(n.threshold) {
		n.threshold = math.Inf(1)
	}
	switch r.IntN(6) {
	case 0:
		n.set = &set{trunc: r.IntN(2) == 0}
		for range r.IntN(3) {
			n.set.bits = append(n.set.bits, r.Uint32())
		}
	case 1:
		n.set = &set{whole: r.IntN(2) == 0, numbers: []float64{-3, 0, 2.5, 7, 1 << 25}}
		if n.set.whole {
			n.set.numbers = []float64{0, 2, 7, 1 << 23}
		}
	}
	at := len(t.nodes)
	t.nodes = append(t.nodes, n)
	left, right := t.grow(r, f, depth-1), t.grow(r, f, depth-1)
	t.nodes[at].left, t.nodes[at].right = left, right
	return int32(at)
}

var oddNumbers = []float64{
	0, math.Copysign(0, -1), 5e-324, -5e-324, zero, -zero, math.Nextafter(zero, 1), math.Nextafter(zero, 0), 1, -1, 0.5, -0.5, -0.99, 2, 2.5, 7, 7.9, 31, 32, 63, 64,
	1 << 23, 1 << 24, 1 << 25, 1 << 31, 1 << 32, 1e19, 1e-45, 3e38, -3e38,
}

// drawNumber is often one of a few, or beside one.
func drawNumber(r *rand.Rand) float64 {
	x := oddNumbers[r.IntN(len(oddNumbers))]
	switch r.IntN(8) {
	case 0:
		return math.NaN()
	case 1:
		return math.Nextafter(x, math.Inf(1))
	case 2:
		return math.Nextafter(x, math.Inf(-1))
	case 3:
		return float64(math.Nextafter32(float32(x), float32(math.Inf(1))))
	case 4:
		return math.Trunc(r.NormFloat64() * 40)
	}
	return x
}

// TestDrawnForests compares layout and plain walk with the naive one, row by row.
func TestDrawnForests(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 400 {
		f := draw(r)
		m, err := newModel(f)
		if err != nil {
			t.Fatal(err)
		}
		if m.layout == nil {
			t.Fatal("no layout")
		}
		plain, _ := newModel(f)
		plain.layout, plain.wide, plain.narrow = nil, nil, nil
		rows, want := drawRows(r, f, 1+r.IntN(70))
		margin := m.info.Output(model.Margin)
		for what, m := range map[string]*Model{"layout": m, "plain": plain} {
			if err := near(predict(t, m, rows, margin), want, 0); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
}

// drawRows are n rows of numbers that lie on thresholds, beside them, and far off, with what the naive walk makes of them.
func drawRows(r *rand.Rand, f *forest, n int) (rows, want []float64) {
	for range n {
		row := make([]float64, len(f.inputs))
		for i := range row {
			row[i] = drawNumber(r)
			if r.IntN(10) == 0 && f.prepare != finite32 {
				row[i] = math.Inf(1 - 2*r.IntN(2))
			}
		}
		rows = append(rows, row...)
		want = append(want, naive(f, row)...)
	}
	return rows, want
}

// TestThresholds asks every file for rows on each of its thresholds, and an ulp beside in both widths.
func TestThresholds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	inputs, width := npy(t, "inputs.npy")
	asked := 0
	for _, fx := range fixtures(t) {
		m, err := Read(archive()[fx.File])
		if errors.Is(err, model.ErrForeign) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		f := m.forest
		if len(f.trees) == 0 || f.trees[0].linear != nil {
			continue // without thresholds; the naive walk knows no linear leaves
		}
		var rows, want []float64
		for i := range f.trees {
			for _, n := range f.trees[i].nodes {
				for _, x := range beside(n.threshold) {
					at := r.IntN(len(inputs) / width)
					row := slices.Clone(inputs[at*width : (at+1)*width])
					row[n.feature] = x
					if f.prepare == finite32 && math.Abs(x) > math.MaxFloat32 {
						continue
					}
					rows, want = append(rows, row...), append(want, naive(f, row)...)
				}
			}
		}
		asked += len(rows) / width
		out := make([]float64, len(want))
		got := [][]float64{nil, out}
		if f.answer.Width == f.outputs && f.link.kind == identity {
			got = [][]float64{out}
		} else if !f.margins {
			continue
		}
		if err := m.Predict(context.Background(), &model.Batch{Rows: len(rows) / width, Numbers: rows}, got); err != nil {
			t.Fatalf("%s: %v", fx.Name, err)
		}
		if err := near(out, want, 0); err != nil {
			t.Errorf("%s: %v", fx.Name, err)
		}
	}
	if asked < 10_000 {
		t.Errorf("%d rows", asked)
	}
}

func beside(x float64) []float64 {
	inf := math.Inf(1)
	return []float64{
		x, math.Nextafter(x, inf), math.Nextafter(x, -inf), float64(float32(x)), float64(math.Nextafter32(float32(x), float32(inf))),
		float64(math.Nextafter32(float32(x), float32(-inf))), math.NaN(), inf, -inf, math.Copysign(0, -1),
	}
}
