package spark

import (
	"testing"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// The epoch is a time as any other.
func TestTheEarliestTimeMayBeTheEpoch(t *testing.T) {
	for want, times := range map[int64][]int64{0: {0, 5}, -3: {4, -3, 0}, 7: {7}} {
		r := newResults(&plan.Batch{}, &Query{}, &engine.Report{})
		r.earliest(value.Value{})
		for _, at := range times {
			r.earliest(value.OfInt(at))
		}
		if r.report.EarliestAt != want {
			t.Errorf("of %v the earliest is %d", times, r.report.EarliestAt)
		}
	}
}
