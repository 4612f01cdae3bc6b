package plan_test

import (
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/plan"
)

func TestMarksReadBack(t *testing.T) {
	for _, m := range []plan.Marks{plan.NoMarks, {}, {Batch: 86_400_000, Complete: -5, Generation: 7}, {Batch: plan.MaxTime, Complete: plan.MaxTime, Generation: plan.MaxTime, Loaded: 5}} {
		m.Rolled = plan.MinTime // the state's to say
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
	if back, err := plan.DecodeMarks([]byte{1, 2, 4, 6}); err != nil || back != (plan.Marks{Batch: 1, Complete: 2, Generation: 3, Rolled: plan.MinTime}) {
		t.Errorf("marks of the version before read as %+v, %v", back, err)
	}
	if _, err := plan.DecodeMarks([]byte{marksFuture, 0, 0, 0}); err == nil {
		t.Error("marks of a later version are read")
	}
}

func TestPlacesReadBack(t *testing.T) {
	for _, p := range []tile.Positions{nil, {{Partition: -2, Offset: 7}, {Partition: -1}, {Partition: 0, Offset: 1 << 60}}} {
		b := plan.AppendPlace(nil, p)
		if back, err := plan.DecodePlace(b); err != nil || !slices.Equal(back, p) {
			t.Errorf("%v reads back as %v, %v", p, back, err)
		}
		if len(b) > 0 {
			if _, err := plan.DecodePlace(b[:len(b)-1]); err == nil {
				t.Errorf("%v cut short is read", p)
			}
		}
	}
	if _, err := plan.DecodePlace([]byte{2, 0, 0, 0}); err == nil {
		t.Error("partitions out of order are read")
	}
}

// marksFuture is a version that no program has written yet.
const marksFuture = 99

// FuzzMeta reads what a store may hold under the names of marks, places and states: what is taken is written again as it was.
func FuzzMeta(f *testing.F) {
	f.Add(plan.Marks{Batch: 86_400_000, Complete: -5, Generation: 7}.Append(nil))
	f.Add([]byte{1, 2, 4, 6})
	f.Add(plan.AppendPlace(nil, tile.Positions{{Partition: -2, Offset: 7}, {Partition: 0, Offset: 1 << 60}}))
	f.Add((&plan.State{Rolled: 5}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := plan.DecodeMarks(b); err == nil {
			if again, err := plan.DecodeMarks(m.Append(nil)); err != nil || again != m {
				t.Errorf("%x are %+v, and written again %+v, %v", b, m, again, err)
			}
		}
		if p, err := plan.DecodePlace(b); err == nil {
			if again, err := plan.DecodePlace(plan.AppendPlace(nil, p)); err != nil || !slices.Equal(again, p) {
				t.Errorf("%x is %v, and written again %v, %v", b, p, again, err)
			}
		}
		var state, again plan.State
		if err := state.Decode(b); err == nil {
			if err := again.Decode(state.Append(nil)); err != nil || again != state {
				t.Errorf("%x is %+v, and written again %+v, %v", b, state, again, err)
			}
		}
		if rolled, err := plan.DecodeRolled(b); err != nil && rolled != plan.MinTime {
			t.Errorf("%x is no state, and says %d", b, rolled)
		}
	})
}
