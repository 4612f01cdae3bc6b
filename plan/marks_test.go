package plan_test

import (
	"testing"

	"github.com/bighead-ml/bighead/plan"
)

func TestMarksReadBack(t *testing.T) {
	for _, m := range []plan.Marks{plan.NoMarks, {}, {Batch: 86_400_000, Complete: -5, Generation: 7}, {Batch: plan.MaxTime, Complete: plan.MaxTime, Generation: plan.MaxTime}} {
		b := m.Append(nil)
		if back, err := plan.DecodeMarks(b); err != nil || back != m {
			t.Errorf("%+v reads back as %+v, %v", m, back, err)
		}
		for n := range b {
			if _, err := plan.DecodeMarks(b[:n]); err == nil {
				t.Errorf("%+v cut to %d bytes is read", m, n)
			}
		}
		if _, err := plan.DecodeMarks(append(b, 0)); err == nil {
			t.Error("bytes left over are read")
		}
	}
	if _, err := plan.DecodeMarks([]byte{marksFuture, 0, 0, 0}); err == nil {
		t.Error("marks of a later version are read")
	}
}

// marksFuture is a version that no program has written yet.
const marksFuture = 99
