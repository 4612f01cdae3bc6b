package breaker

import (
	"testing"
	"time"
)

// step is what a breaker goes through: after a pause a call is tried, and where it is allowed it ends somehow.
type step struct {
	after   time.Duration
	outcome Outcome
	allowed bool // what is expected
	state   float64
}

func TestTheBreakerOpensAtTheFifthFailureWithinTenSecondsExactly(t *testing.T) {
	fail := func(after time.Duration, state float64) step { return step{after, Failed, true, state} }
	for name, steps := range map[string][]step{
		"five within ten seconds": {fail(0, 0), fail(time.Second, 0), fail(time.Second, 0), fail(time.Second, 0), fail(7*time.Second, 2)},
		"five within a little more": {fail(0, 0), fail(time.Second, 0), fail(time.Second, 0), fail(time.Second, 0), fail(7*time.Second+1, 0),
			fail(0, 2)}, // the first has left the ring, and the second is near enough
		"successes between do not matter": {fail(0, 0), fail(0, 0), {0, Succeeded, true, 0}, fail(0, 0), fail(0, 0), {0, Succeeded, true, 0}, fail(0, 2)},
		"who gives up says nothing":       {fail(0, 0), fail(0, 0), fail(0, 0), fail(0, 0), {0, GivenUp, true, 0}, {0, Succeeded, true, 0}},
		"a probe a second, and closed by success": {fail(0, 0), fail(0, 0), fail(0, 0), fail(0, 0), fail(0, 2), {time.Second - 1, Failed, false, 2}, {1, Failed, true, 2},
			{time.Second - 1, Failed, false, 2}, {1, Succeeded, true, 0}, fail(0, 0), fail(0, 0), fail(0, 0), fail(0, 0)},
		"a probe that is given up may be tried again": {fail(0, 0), fail(0, 0), fail(0, 0), fail(0, 0), fail(0, 2), {time.Second, GivenUp, true, 1}, {0, Succeeded, true, 0}},
	} {
		now := time.Unix(1_700_000_000, 0)
		b := New(func() time.Time { return now })
		for i, s := range steps {
			now = now.Add(s.after)
			asks, allowed := b.Asks(), b.Allow()
			if allowed {
				b.Done(s.outcome)
			}
			if allowed != s.allowed || asks != allowed || b.State() != s.state {
				t.Errorf("%s, step %d: allowed %v, state %v", name, i+1, allowed, b.State())
			}
		}
	}
}

func TestOneProbeAtATime(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := New(func() time.Time { return now })
	for range failAt {
		b.Allow()
		b.Done(Failed)
	}
	now = now.Add(probeEvery)
	if !b.Asks() || !b.Allow() || b.Asks() || b.Allow() {
		t.Fatal("half open, one probe and no second is let through")
	}
	b.Done(Failed)
	if b.Allow() {
		t.Fatal("a failed probe closes nothing")
	}
}
