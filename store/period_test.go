package store

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestPeriods checks periods against what they are for: a range's starts lie in its periods and no further ones, and what expires is
// whole periods of starts that are before the time.
func TestPeriods(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SampledFrom([]int64{1, 3, 60_000, 86_400_000, math.MaxInt64}).Draw(t, "step")
		at := func(name string) int64 {
			if step == math.MaxInt64 || rapid.Bool().Draw(t, name+" anywhere") {
				return rapid.Int64().Draw(t, name)
			}
			return rapid.Int64Range(-100*step, 100*step).Draw(t, name)
		}
		start := at("start") / step * step
		r := Range{Step: step, From: at("from"), To: at("to")}
		first, last := r.Periods()
		p := Period(step, start)
		if in := start >= r.From && start < r.To; in && (p < first || p > last) {
			t.Errorf("step %d: start %d is in [%d, %d) but its period %d not in [%d, %d]", step, start, r.From, r.To, p, first, last)
		}
		if p >= first && p <= last {
			lo, hi := r.Tiles(p)
			if in := start >= r.From && start < r.To; in != (start/step >= lo && start/step <= hi) {
				t.Errorf("step %d: start %d in [%d, %d) is %v, but its period has tiles %d to %d", step, start, r.From, r.To, in, lo, hi)
			}
		}
		if first <= last && last-first <= 3 && step < math.MaxInt64/64 && r.From > math.MinInt64/2 && r.To < math.MaxInt64/2 {
			if lo, hi := first*PeriodSteps*step, (last+1)*PeriodSteps*step; lo <= r.From-PeriodSteps*step || hi >= r.To+PeriodSteps*step {
				t.Errorf("step %d: [%d, %d) has periods [%d, %d) to spare", step, r.From, r.To, lo, hi)
			}
		}
		if start >= r.To && p < Expired(step, r.To) {
			t.Errorf("step %d: start %d would expire before %d", step, start, r.To)
		}
		if start < r.To && r.To-start > PeriodSteps*step && step < math.MaxInt64/64 && r.To-start > 0 && p >= Expired(step, r.To) {
			t.Errorf("step %d: start %d stays long before %d", step, start, r.To)
		}
	})
}

// TestPeriodsOfARead holds what PeriodSteps says of reads.
func TestPeriodsOfARead(t *testing.T) {
	for tiles, most := range map[int64]int64{60: 3, 26: 2, 1: 1} {
		for from := int64(-200); from < 200; from++ {
			first, last := (&Range{Step: 60_000, From: from * 60_000, To: (from + tiles) * 60_000}).Periods()
			if n := last - first + 1; n < 1 || n > most {
				t.Fatalf("%d tiles from %d touch %d periods", tiles, from, n)
			}
		}
	}
}
