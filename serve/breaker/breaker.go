// Package breaker leaves alone what does not answer: a store, a model elsewhere. Who asks it first, and tells it how that ended, waits for nobody
// who has failed five times within ten seconds; what is asked, and what stands in for it, is for who asks.
package breaker

import (
	"sync"
	"time"
)

// A breaker opens at the failAt-th failure within failWithin, exactly; while it is open what it guards is left alone but for one probe each
// probeEvery, and a probe that succeeds closes it.
const (
	failAt     = 5
	failWithin = 10 * time.Second
	probeEvery = time.Second
)

// LateFor is how long after its time an answer may come without that being a failure. Where the machine of who asks is busy, answers are late though
// nothing is wrong with who gives them, and to leave that one alone would answer a wave of requests with nothing.
const LateFor = 250 * time.Millisecond

// Breaker keeps the times of the last failures in a ring, not counts in buckets: a bucket forgets too early or too late. It is safe for
// concurrent use.
type Breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures [failAt]time.Time // a ring; the oldest is at next
	next     int
	open     bool
	probing  bool
	probeAt  time.Time // when the next probe may go, while open
}

// New makes a breaker that is closed, by a clock.
func New(now func() time.Time) *Breaker { return &Breaker{now: now} }

// Allow reports whether one may ask. Each call that was allowed ends with one of Done's three outcomes.
func (b *Breaker) Allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true
	}
	if b.probing || b.now().Before(b.probeAt) {
		return false
	}
	b.probing = true
	return true
}

// Asks reports whether Allow would let one ask now.
func (b *Breaker) Asks() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.open || !b.probing && !b.now().Before(b.probeAt)
}

// Outcome is how a call ended.
type Outcome uint8

// The outcomes of calls.
const (
	Succeeded Outcome = iota
	Failed
	GivenUp // by the caller: it says nothing of what was asked
)

// Done notes how a call that was allowed has ended.
func (b *Breaker) Done(o Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		b.probed(o)
		return
	}
	if o != Failed {
		return
	}
	now := b.now()
	b.failures[b.next] = now
	b.next = (b.next + 1) % failAt
	if oldest := b.failures[b.next]; !oldest.IsZero() && now.Sub(oldest) <= failWithin {
		b.open, b.probing, b.probeAt = true, false, now.Add(probeEvery)
	}
}

// probed is done while open. Calls that began before it opened end here too; what they say is as good as a probe's.
func (b *Breaker) probed(o Outcome) {
	switch o {
	case Succeeded:
		b.open, b.probing, b.failures = false, false, [failAt]time.Time{}
	case Failed:
		b.probing, b.probeAt = false, b.now().Add(probeEvery)
	case GivenUp:
		b.probing = false
	}
}

// IsOpen reports whether it is open, probes or not.
func (b *Breaker) IsOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// The states, as metrics show them.
const (
	Closed   = 0.0
	HalfOpen = 1.0 // a probe is under way, or may be
	Open     = 2.0
)

// State is one of Closed, HalfOpen and Open.
func (b *Breaker) State() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return Closed
	case b.probing || !b.now().Before(b.probeAt):
		return HalfOpen
	}
	return Open
}
