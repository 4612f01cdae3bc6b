package value_test

import (
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// What a column is cut off by is not there when it grows again: neither a null nor, where one is asked for, a cell.
func TestColumnResizes(t *testing.T) {
	for _, typ := range []value.Type{value.Bool, value.Int, value.Float, value.String, value.Timestamp, value.ListOf(value.Int)} {
		c := value.NewColumn(typ, 0)
		for _, n := range []int{3, 64, 65, 200, 130, 150, 64, 1, 40, 0, 70} {
			was := c.N
			c.Resize(n)
			if c.N != n {
				t.Fatalf("%s: %d cells, want %d", typ, c.N, n)
			}
			for i := range n {
				if null, want := c.Nulls.Get(i), i < was && i%3 != 0; null != want {
					t.Fatalf("%s: after %d cells of %d, cell %d is null: %v", typ, was, n, i, null)
				}
			}
			for i := was; i < n; i++ { // two of three are null
				if i%3 != 0 {
					c.SetNull(i)
				}
			}
		}
	}
}
