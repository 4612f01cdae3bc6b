package predict_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// versionsOf is which version each of many keys goes to.
func versionsOf(t *testing.T, w *world, keys int) []int64 {
	t.Helper()
	r := predict.Request{Endpoint: "late"}
	for i := range keys {
		row := w.row(i % 10)
		row.Values[0] = value.OfString(fmt.Sprint("key", i))
		r.Rows = append(r.Rows, row)
	}
	out := &predict.Response{}
	if err := w.Predict(context.Background(), r, out); err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, a := range out.Rows {
		if a.Problem != nil {
			t.Fatal(a.Problem)
		}
		got = append(got, a.Version)
	}
	return got
}

// TestSplit moves weights and looks where keys go: each version gets its part, the same key goes to the same version while weights stand, and
// keys move from one version to another only where that has grown against it.
func TestSplit(t *testing.T) {
	const keys = 6_000
	w := newWorld(t)
	for range 3 {
		w.version("lgb_binary", nil)
	}
	traffic := func(weights ...float64) catalog.Traffic {
		var x catalog.Traffic
		for i, weight := range weights {
			if weight > 0 {
				x.Routes = append(x.Routes, catalog.Route{Number: int64(i + 1), Weight: weight})
			}
		}
		return x
	}
	w.deploy(traffic(90, 10))
	w.start(predict.Options{})
	before, old := versionsOf(t, w, keys), []float64{90, 10, 0}
	for _, weights := range [][]float64{{90, 10, 0}, {50, 50, 0}, {25, 25, 50}, {0.25, 0.25, 0.5}, {25, 0, 75}, {100, 0, 0}, {90, 10, 0}} {
		w.deploy(traffic(weights...))
		after, sum, oldSum := versionsOf(t, w, keys), 0.0, 0.0
		counts, moved := [4]int{}, 0
		for i := range weights {
			sum, oldSum = sum+weights[i], oldSum+old[i]
		}
		must := 0.0
		for i := range weights {
			must += max(0, weights[i]/sum-old[i]/oldSum)
		}
		for i := range after {
			counts[after[i]]++
			if after[i] == before[i] {
				continue
			}
			moved++
			if from, to := before[i]-1, after[i]-1; weights[to]*old[from] <= old[to]*weights[from] {
				t.Fatalf("%v after %v: a key moved from version %d to version %d, which has not grown against it", weights, old, before[i], after[i])
			}
		}
		for i, weight := range weights {
			if got := float64(counts[i+1]) / keys; math.Abs(got-weight/sum) > 0.025 {
				t.Errorf("%v: version %d gets %v", weights, i+1, got)
			}
		}
		// Where the weights of two change against the third's, some move more than must: which keys went where before is known to nobody.
		if got := float64(moved) / keys; got > must+0.025 && !(weights[2] == 75 && got < 1.5*must) {
			t.Errorf("%v after %v: %v of the keys moved, %v must", weights, old, got, must)
		}
		before, old = after, weights
	}
}

// TestSticky has a request field decide, and not the key.
func TestSticky(t *testing.T) {
	w := newWorld(t)
	w.version("lgb_binary", nil)
	w.version("lgb_binary", nil)
	w.endpoint.Sticky = "f7"
	w.deploy(catalog.Traffic{Routes: []catalog.Route{{Number: 1, Weight: 1}, {Number: 2, Weight: 1}}})
	w.start(predict.Options{})
	by := map[string]int64{}
	seen := map[int64]bool{}
	for i := range 400 {
		row := w.row(i % 50)
		row.Values[0] = value.OfString(fmt.Sprint(i))
		row.Values[7] = value.OfFloat(float64(i % 7))
		out := &predict.Response{}
		if err := w.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: []serve.Row{row}}, out); err != nil {
			t.Fatal(err)
		}
		k, v := fmt.Sprint(row.Values[7]), out.Rows[0].Version
		if old, ok := by[k]; ok && old != v {
			t.Fatalf("%s went to %d and to %d", k, old, v)
		}
		by[k], seen[v] = v, true
	}
	if len(by) != 7 || len(seen) != 2 {
		t.Errorf("%v", by)
	}
}
