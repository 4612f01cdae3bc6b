package serve

import (
	"sync"
	"time"
)

// The breaker of a store: it opens at the failAt-th failure within failWithin, exactly; while it is open the store is left alone but for
// one probe each probeEvery, and a probe that succeeds closes it.
const (
	failAt     = 5
	failWithin = 10 * time.Second
	probeEvery = time.Second
)

// breaker keeps the times of the last failures in a ring, not counts in buckets: a bucket forgets too early or too late.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures [failAt]time.Time // a ring; the oldest is at next
	next     int
	open     bool
	probing  bool
	probeAt  time.Time // when the next probe may go, while open
}

func newBreaker(now func() time.Time) *breaker { return &breaker{now: now} }

// allow reports whether the store may be asked. Each call that was allowed ends with one of done's three outcomes.
func (b *breaker) allow() bool {
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

// outcome is how a call of the store ended.
type outcome uint8

const (
	succeeded outcome = iota
	failed
	givenUp // by the caller: it says nothing of the store
)

// done notes how a call that was allowed has ended.
func (b *breaker) done(o outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		b.probed(o)
		return
	}
	if o != failed {
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
func (b *breaker) probed(o outcome) {
	switch o {
	case succeeded:
		b.open, b.probing, b.failures = false, false, [failAt]time.Time{}
	case failed:
		b.probing, b.probeAt = false, b.now().Add(probeEvery)
	case givenUp:
		b.probing = false
	}
}

func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// state is 0 closed, 1 half open, 2 open, as metrics show it.
func (b *breaker) state() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return 0
	case b.probing || !b.now().Before(b.probeAt):
		return 1
	}
	return 2
}
