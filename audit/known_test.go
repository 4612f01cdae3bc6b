package audit

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// The rows of an interval are those of all that lie in it, in their order and with their columns.
func TestWithin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	all := &keyRows{}
	for i := range 200 {
		ts := r.Int64N(50)
		if i%20 == 0 {
			ts = plan.MinTime
		}
		all.add(&pastRow{cells: []value.Value{value.OfInt(int64(i))}, ts: ts})
	}
	schema := value.Schema{{Name: "i", Type: value.Int}}
	for range 300 {
		from, to := r.Int64N(60)-5, r.Int64N(60)-5
		switch r.IntN(4) {
		case 0:
			from = plan.MinTime
		case 1:
			to = plan.MaxTime
		}
		var want []*pastRow
		for _, x := range all.rows {
			if x.ts >= from && x.ts < to {
				want = append(want, x)
			}
		}
		some := all.within(from, to)
		if !slices.Equal(some.rows, want) || some.all() != 200 {
			t.Fatalf("in [%d, %d) are %d rows of %d, want %d", from, to, len(some.rows), some.all(), len(want))
		}
		for _, x := range some.rows {
			if got := some.batch(schema).Columns[0].At(int(x.index)); got != x.cells[0] {
				t.Fatalf("row %d is %v", x.index, got)
			}
		}
	}
}
