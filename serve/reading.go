package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/serve/breaker"
	"github.com/bighead-ml/bighead/store"
)

// reading is one round trip to the store, in a goroutine of its own: a store that does not come back must not hold the answer beyond its
// deadline, whatever it makes of its context. What was read is copied, so that no lock of the store is held while it is merged.
//
// Where a store has versions, it is asked for those of what is cached first, in a round trip of its own, and what is still as it was is not read.
//
// Invariants: the goroutine alone writes bytes, pieces and sums; what lies before pub's lengths never changes and is read by the request; two
// sides hold the reading (and who waits whether it comes back late), and who lets go last gives it back.
type reading struct {
	ranges []store.Range
	places []place // of each range
	limits []limit // ascending by job
	wanted int     // ranges, before what was known of them
	asked  []asked // ascending by job
	owners []store.Owner

	versions []uint64 // of owners
	sums     []uint64 // of asked

	copied []byte
	pieces []piece
	job    int32 // all jobs before this one are whole
	needed int32 // no job from this one on is read

	mu  sync.Mutex
	pub published

	compared chan struct{} // told when needed has become known
	done     chan breaker.Outcome
	timer    *time.Timer
	holders  atomic.Int32
	told     atomic.Bool // the breaker knows how it ended
}

// place is what a range is read for.
type place struct{ job, need int32 }

// limit is until when one waits for the jobs up to one.
type limit struct {
	at  time.Time
	job int32 // the first after them
}

// asked is a job whose version is asked for.
type asked struct {
	job    int32
	owners int    // the first after its own
	known  uint64 // the version that it need not be read at
	cached bool   // there is such a version
}

// piece is one value that was found.
type piece struct {
	job, need int32
	start     int64
	from, to  int
}

// published is what the request may look at.
type published struct {
	copied []byte
	pieces []piece
	whole  int32    // jobs before this one are whole
	needed int32    // the first after the last that is read
	sums   []uint64 // of each job asked for, its version before it was read; none: not known
}

var readings = sync.Pool{New: func() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &reading{compared: make(chan struct{}, 1), done: make(chan breaker.Outcome, 1), timer: t}
}}

func (r *reading) reset() {
	r.ranges, r.places, r.limits = r.ranges[:0], r.places[:0], r.limits[:0]
	r.asked, r.owners, r.sums = r.asked[:0], r.owners[:0], r.sums[:0]
	r.copied, r.pieces, r.job, r.needed, r.pub = r.copied[:0], r.pieces[:0], 0, allJobs, published{needed: allJobs}
	r.told.Store(false)
}

func (r *reading) add(x store.Range, job, need int32) {
	r.ranges, r.places = append(r.ranges, x), append(r.places, place{job, need})
}

// ask adds a job whose version is asked for, and says which asked it is. A version that is cached of it may be good enough.
func (r *reading) ask(job int32, owners []string, key string, cached *known) int32 {
	for _, space := range owners {
		r.owners = append(r.owners, store.Owner{Space: space, Key: key})
	}
	a := asked{job: job, owners: len(r.owners)}
	if cached != nil {
		a.known, a.cached = cached.version, true
	}
	r.asked = append(r.asked, a)
	return int32(len(r.asked) - 1)
}

// until sets the limit of the job whose ranges were added last. Limits only ever grow.
func (r *reading) until(t time.Time) {
	next := r.places[len(r.places)-1].job + 1
	if k := len(r.limits) - 1; k >= 0 && !t.After(r.limits[k].at) {
		r.limits[k].job = next
		return
	}
	r.limits = append(r.limits, limit{t, next})
}

// give puts it back; nobody else holds it.
func (r *reading) give() {
	clear(r.ranges)
	clear(r.owners)
	select { // of a reading that was not waited for
	case <-r.compared:
	default:
	}
	select {
	case <-r.done:
	default:
	}
	readings.Put(r)
}

// release lets go of it.
func (r *reading) release() {
	if r.holders.Add(-1) == 0 {
		r.give()
	}
}

// run reads, and returns when all is there, when the store fails, or when nothing more can come in time. An embedded store lets go of a reading when it
// is told that its time is over; one behind a network is waited for (breaker.LateFor), by nobody who answers.
func (r *reading) run(ctx context.Context, s *Server) {
	r.holders.Store(1)
	r.wanted = len(r.ranges)
	if !s.breaker.Allow() {
		return
	}
	last := r.limits[len(r.limits)-1].at
	asking, done := context.WithDeadline(ctx, last)
	defer done()
	waiting, stop := asking, func() {}
	if !s.embedded {
		waiting, stop = context.WithDeadline(context.WithoutCancel(ctx), last.Add(s.late))
	}
	r.holders.Store(2)
	go func() {
		defer stop()
		r.read(waiting, s)
	}()
	switch how := r.wait(asking); {
	case how != breaker.GivenUp:
	case errors.Is(context.Cause(asking), context.Canceled): // the request has not waited as long as it said it would
		r.tell(s, breaker.GivenUp)
		stop()
	default:
		r.holders.Add(1)
		time.AfterFunc(s.late, func() {
			r.tell(s, breaker.Failed)
			r.release()
		})
	}
}

// tell tells the breaker how it ended, once.
func (r *reading) tell(s *Server, how breaker.Outcome) {
	if r.told.CompareAndSwap(false, true) {
		s.breaker.Done(how)
	}
}

// wait is for the end of the reading, or for the limit of the last job that is read: breaker.GivenUp. Which is the last may become known on the way, when what is
// cached turns out to be as it was: that is not waited for, however much time it had.
func (r *reading) wait(ctx context.Context) breaker.Outcome {
	defer r.timer.Stop()
	for passed := 0; ; {
		if passed == len(r.limits) || passed > 0 && r.limits[passed-1].job >= r.got().needed {
			return breaker.GivenUp
		}
		r.timer.Reset(time.Until(r.limits[passed].at))
		select {
		case how := <-r.done:
			return how
		case <-ctx.Done():
			return breaker.GivenUp
		case <-r.compared:
		case <-r.timer.C:
			passed++
		}
	}
}

// got is what was read so far. What is read on meanwhile comes behind it and is not seen.
func (r *reading) got() published {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pub
}

// bytes are those of a piece.
func (p *published) bytes(x piece) []byte { return p.copied[x.from:x.to] }

const allJobs = 1<<31 - 1

// read is the goroutine.
func (r *reading) read(ctx context.Context, s *Server) {
	how := breaker.Failed
	defer func() {
		if x := recover(); x != nil {
			s.log.ErrorContext(ctx, "a read of the store panicked", "panic", fmt.Sprint(x))
		}
		r.tell(s, how)
		r.done <- how
		r.release()
	}()
	err := r.compare(ctx, s)
	if err == nil && len(r.ranges) > 0 {
		err = s.store.Read(ctx, r.ranges, r.found)
	}
	if err == nil {
		r.publish(allJobs)
		how = breaker.Succeeded
		return
	}
	if errors.Is(err, context.Canceled) || s.embedded && errors.Is(err, context.DeadlineExceeded) {
		how = breaker.GivenUp
		return
	}
	s.log.DebugContext(ctx, "reading the store failed", "error", err)
}

// compare asks for versions, and leaves out what need not be read.
func (r *reading) compare(ctx context.Context, s *Server) error {
	if len(r.asked) == 0 {
		return nil
	}
	r.versions = slices.Grow(r.versions[:0], len(r.owners))[:len(r.owners)]
	if err := s.versions.Versions(ctx, r.owners, r.versions); err != nil {
		return err
	}
	from, left := 0, 0 // owner; ranges that stay
	rest := r.asked
	for _, a := range r.asked {
		sum := uint64(0)
		for _, v := range r.versions[from:a.owners] {
			sum += v
		}
		from = a.owners
		r.sums = append(r.sums, sum)
	}
	for i, p := range r.places {
		for len(rest) > 0 && rest[0].job < p.job {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].job == p.job && rest[0].cached && rest[0].known == r.sums[len(r.asked)-len(rest)] {
			continue
		}
		r.ranges[left], r.places[left] = r.ranges[i], p
		left++
	}
	clear(r.ranges[left:])
	r.ranges, r.places = r.ranges[:left], r.places[:left]
	if r.needed = 0; left > 0 {
		r.needed = r.places[left-1].job + 1
	}
	r.publish(0)
	r.compared <- struct{}{} // there is room: once a reading
	return nil
}

// found copies a value. Ranges come in their order, so with one of a later job all earlier jobs are whole.
func (r *reading) found(i int, start int64, b []byte) error {
	p := r.places[i]
	if p.job > r.job {
		r.publish(p.job)
	}
	from := len(r.copied)
	r.copied = append(r.copied, b...)
	r.pieces = append(r.pieces, piece{p.job, p.need, start, from, len(r.copied)})
	return nil
}

func (r *reading) publish(whole int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.job, r.pub = whole, published{r.copied, r.pieces, whole, r.needed, r.sums}
}
