package flink

import (
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// TestStateTTL: state is kept for the longest tile, the lateness, and as long as a job may stand still; for ever where lateness is without end.
func TestStateTTL(t *testing.T) {
	const minute, hour = int64(60_000), int64(3_600_000)
	for _, c := range []struct {
		late       int64
		levels     []int64
		standstill time.Duration
		want       int64
	}{
		{0, []int64{minute}, 0, minute},
		{hour, []int64{minute}, 0, hour + minute},
		{hour, []int64{minute, hour, value.DayMS}, 24 * time.Hour, hour + 2*value.DayMS},
		{value.DayMS, []int64{value.DayMS, minute}, time.Hour, 2*value.DayMS + hour}, // in any order
		{endless - 1, []int64{minute}, time.Hour, endless - 1 + minute + hour},
		{endless, []int64{minute}, time.Hour, 0},
	} {
		s := &plan.Space{Group: &feature.Group{Source: &feature.Source{Lateness: c.late}}}
		for _, l := range c.levels {
			s.Levels = append(s.Levels, plan.Level{Step: l})
		}
		if got := stateTTL(s, c.standstill); got != c.want {
			t.Errorf("lateness %d, levels %v, standstill %v: %d, want %d", c.late, c.levels, c.standstill, got, c.want)
		}
	}
}

// TestSettings are Flink's own beside those that the job stands on, which nothing changes.
func TestSettings(t *testing.T) {
	for name, want := range map[string]bool{"execution.checkpointing.mode": true, "table.exec.state.ttl": true, parallelismKey: true, "table.exec.mini-batch.size": true, "execution.state-recovery.path": true,
		"restart-strategy.type": false, "state.backend.type": false, "": false} {
		if Fixed(name) != want {
			t.Errorf("%q is fixed: %t", name, !want)
		}
	}
	o := Options{Settings: map[string]string{"state.backend.type": "rocksdb", "execution.checkpointing.mode": "AT_LEAST_ONCE"}}.withDefaults()
	seen := map[string]string{}
	for _, s := range o.settings("n", &plan.Space{Group: &feature.Group{Source: &feature.Source{}}}) {
		if _, twice := seen[s[0]]; twice {
			t.Errorf("%s is set twice", s[0])
		}
		seen[s[0]] = s[1]
	}
	if seen["state.backend.type"] != "rocksdb" || seen["execution.checkpointing.mode"] != "EXACTLY_ONCE" {
		t.Errorf("settings are %v", seen)
	}
}
