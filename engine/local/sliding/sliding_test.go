package sliding

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// Folds whose states do not depend on the order of merges, so that they compare byte by byte.
var folds = []agg.Fold{
	{Kind: agg.KindCount, Rows: true}, {Kind: agg.KindIntSum, In: value.Int}, {Kind: agg.KindExtreme, In: value.Int}, {Kind: agg.KindExtreme, In: value.Int, Last: true},
	{Kind: agg.KindEdge, In: value.Int, Last: true}, {Kind: agg.KindEventList, In: value.Int, K: 3}, {Kind: agg.KindValueList, In: value.Int, K: 3, Distinct: true},
	{Kind: agg.KindRegisters, In: value.Int, Bits: 8}, {Kind: agg.KindIntSum, In: value.Int, By: true, ByMax: 2},
}

// The state of a window is that of its elements, wherever it slides to.
func TestWindowIsItsElements(t *testing.T) {
	drawn, turned := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		drawn++
		f := rapid.SampledFrom(folds).Draw(t, "fold")
		n := rapid.IntRange(0, 300).Draw(t, "elements")
		events := make([]agg.Event, n)
		for i := range events {
			events[i] = agg.Event{TS: int64(i), Value: value.OfInt(int64(i * 7919 % 101)), By: value.OfString(fmt.Sprint(i % 3))}
		}
		add := func(s agg.State, i int) { s.Add(&events[i]) }
		w := New(f, add)
		w.every = rapid.SampledFrom([]int{1, 2, 16, w.every}).Draw(t, "every")
		for range 2 {
			lo, hi := 0, 0
			for range 40 {
				lo = min(n, lo+rapid.IntRange(0, 30).Draw(t, "lo"))
				hi = min(n, max(lo, hi, rapid.IntRange(0, n).Draw(t, "hi")))
				want := f.New()
				for i := lo; i < hi; i++ {
					add(want, i)
				}
				got := w.To(lo, hi)
				if !bytes.Equal(agg.AppendState(nil, got), agg.AppendState(nil, want)) {
					t.Fatalf("%s over [%d, %d): %v, want %v", f.ID(), lo, hi, agg.AppendState(nil, got), agg.AppendState(nil, want))
				}
				if len(w.front) > 0 {
					turned++
				}
			}
			w.Reset()
		}
	})
	if turned < drawn { // with -short fewer are drawn
		t.Fatalf("a window had a front %d times in %d cases", turned, drawn)
	}
}

// An element is added few times, however often is asked.
func TestElementsAreAddedFewTimes(t *testing.T) {
	const n, size = 20_000, 3000
	added := 0
	w := New(agg.Fold{Kind: agg.KindIntSum, In: value.Int}, func(s agg.State, i int) {
		added++
		s.Add(&agg.Event{Value: value.OfInt(int64(i))})
	})
	for hi := range n {
		w.To(max(0, hi-size), hi)
	}
	if most := n * (2 + w.every/2 + 1); added > most {
		t.Fatalf("%d elements were added %d times, more than %d", n, added, most)
	}
}
