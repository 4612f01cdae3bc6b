package parquet

import (
	"fmt"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// A dictionary that does not pay is given up: pages from then on are plain, and it stops growing.
func TestALargeDictionaryIsGivenUp(t *testing.T) {
	s, err := newShredder(value.Field{Name: "s", Type: value.String}, "none")
	if err != nil {
		t.Fatal(err)
	}
	const n = 300_000
	c := value.NewColumn(value.String, n)
	for i := range c.Strs {
		c.Strs[i] = fmt.Sprintf("value %07d", i)
	}
	if err := s.add(c, 0, n); err != nil {
		t.Fatal(err)
	}
	w := s.leaves[0]
	if dictionary, err := w.finish(); err != nil || len(dictionary) < dictionaryMost || len(dictionary) > 2*dictionaryMost {
		t.Errorf("a dictionary of %d bytes, %v", len(dictionary), err)
	}
	if !w.coded || !w.uncoded || w.stats.minS != c.Strs[0] || w.stats.maxS != c.Strs[n-1] {
		t.Errorf("coded %v, uncoded %v, from %q to %q", w.coded, w.uncoded, w.stats.minS, w.stats.maxS)
	}
}
