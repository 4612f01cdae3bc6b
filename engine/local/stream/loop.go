package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// loop reads a source's log for spaces that are at one place in it. All that happens to a space happens in its loop's goroutine.
type loop struct {
	source   *source
	spaces   []*space
	next     int64 // the record to come
	reached  atomic.Int64
	released int64 // up to where the log was told that nothing is needed, where no space is there to say so
	main     *loop // of a loop that catches up: whom it joins; nil: it is the main one
	tasks    chan *task
	landed   chan struct{} // hears that writes have come back

	record   *eventlog.Record // taken from the log, not yet applied to all
	task     *task            // begun, not yet done
	flushers []flusher
	kept     time.Duration // when upkeep was last made
	retries  int
	joined   bool
}

// task is something to be done by the loop. It is done again while the store cannot be reached.
type task struct {
	do   func(context.Context) error
	done chan error // buffered; nil: nobody waits
}

// flusher waits until all records before a sequence number are written.
type flusher struct {
	before int64
	done   chan error
}

// How long the loop waits for what.
const (
	syncEvery   = time.Second      // between writes that survive a loss of power, after which the log may let records go
	upkeepEvery = 30 * time.Second // between looks at what is expired
	lookEvery   = time.Second      // at the clock, which may jump, while events wait for it
	firstRetry  = 50 * time.Millisecond
	lastRetry   = 5 * time.Second
)

func newLoop(src *source, spaces []*space, next int64) *loop {
	l := &loop{source: src, spaces: spaces, next: next, tasks: make(chan *task, 16), landed: make(chan struct{}, 1), kept: -upkeepEvery}
	l.reached.Store(next)
	return l
}

// run reads and applies until the context ends or something cannot go on.
func (l *loop) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	records, stop := l.feed(ctx)
	defer func() { cancel(); l.end(); stop() }()
	for {
		from := records
		err := l.settle(ctx)
		var wait <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case l.joined: // the spaces are another's
			return err
		case errors.Is(err, store.ErrUnavailable):
			from, wait = nil, l.source.s.o.Timer.After(l.backOff(err))
		case err != nil:
			return err
		default:
			l.retries = 0
			l.source.hold(nil)
			wait = l.wait()
		}
		select {
		case got := <-from:
			if got.err != nil {
				return got.err
			}
			l.record = got.record
		case t := <-l.taskWhile(from != nil):
			l.task = t
		case <-wait:
		case <-l.landed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// end waits for what is on its way to the store; the loop's context has ended.
func (l *loop) end() {
	for _, x := range l.spaces {
		if f := x.flight; f != nil && f.done != nil {
			<-f.done //nolint:errcheck // what it had is replayed
		}
	}
}

// taskWhile is where tasks come from: nowhere while one is not done.
func (l *loop) taskWhile(free bool) <-chan *task {
	if free && l.task == nil {
		return l.tasks
	}
	return nil
}

func (l *loop) backOff(err error) time.Duration {
	l.source.hold(err)
	d := min(firstRetry<<min(l.retries, 10), lastRetry)
	l.retries++
	return d
}

type fed struct {
	record *eventlog.Record
	err    error
}

// feed reads the log ahead of the loop.
func (l *loop) feed(ctx context.Context) (<-chan fed, func()) {
	ctx, stop := context.WithCancel(ctx)
	out, ended := make(chan fed, 2), make(chan struct{})
	next := l.next
	go func() {
		defer close(ended)
		cursor, err := l.source.log.Read(ctx, next)
		for err == nil {
			var r *eventlog.Record
			if r, err = cursor.Next(ctx); err != nil {
				break
			}
			select {
			case out <- fed{record: r}:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if cursor != nil {
			cursor.Close()
		}
		if ctx.Err() == nil {
			out <- fed{err: fmt.Errorf("source %q: read the event log: %w", l.source.def.Name, err)}
		}
	}()
	return out, func() { stop(); drain(out, ended) }
}

// drain takes what nobody reads any more until the feed has ended.
func drain(out <-chan fed, ended <-chan struct{}) {
	for {
		select {
		case <-out:
		case <-ended:
			return
		}
	}
}

// settle does what is to be done now: the task and the record at hand, events whose time has come, writes that are due. After an error it
// is to be called again.
func (l *loop) settle(ctx context.Context) error {
	if err := l.land(ctx); err != nil {
		return err
	}
	if l.task != nil {
		err := l.task.do(ctx)
		if errors.Is(err, store.ErrUnavailable) {
			return err
		}
		if l.task.done != nil {
			l.task.done <- err
			err = nil
		}
		if l.task = nil; err != nil {
			return err
		}
	}
	if err := l.apply(ctx); err != nil {
		return err
	}
	for _, x := range l.spaces {
		for x.waiting.next() < x.come() {
			if err := x.release(ctx); err != nil {
				return err
			}
		}
		x.publish()
	}
	if err := l.upkeep(ctx); err != nil {
		return err
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	return l.join(ctx)
}

// land takes in the writes that have come back, and makes those again that failed. A task finds none on its way.
func (l *loop) land(ctx context.Context) error {
	for _, x := range l.spaces {
		if x.flying() && l.task == nil {
			continue
		}
		if err := x.land(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) flying() bool {
	return slices.ContainsFunc(l.spaces, func(x *space) bool { return x.flight != nil })
}

// untended reports whether upkeep is due. It is the main loop's: a space that catches up has little that is old yet.
func (l *loop) untended() bool {
	return l.main == nil && l.source.s.o.Timer.Now() >= l.kept+upkeepEvery
}

// upkeep waits until nothing is on its way to the store, and meanwhile nothing more takes off.
func (l *loop) upkeep(ctx context.Context) error {
	if !l.untended() || l.flying() {
		return nil
	}
	for _, x := range l.spaces {
		if err := x.upkeep(ctx, l.background); err != nil {
			return err
		}
	}
	l.kept = l.source.s.o.Timer.Now()
	return nil
}

// apply gives the record at hand to the spaces that have not got it yet.
func (l *loop) apply(ctx context.Context) error {
	r := l.record
	if r == nil {
		return nil
	}
	for _, x := range l.spaces {
		if x.at.next == r.Sequence {
			if err := x.apply(ctx, r); err != nil {
				return err
			}
		}
		if x.cache.bytes > x.s.memory() {
			if err := x.write(ctx, false); err != nil {
				return err
			}
		}
	}
	l.record, l.next = nil, r.Sequence+1
	l.reached.Store(l.next)
	return nil
}

// flush writes the spaces that have changed for long enough, and all of them where somebody waits. Now and then it asks that a write survive
// a loss of power too: only then may the log let go of what is in it.
func (l *loop) flush(ctx context.Context) error {
	now := l.source.s.o.Timer.Now()
	asked, lasted := slices.ContainsFunc(l.flushers, func(f flusher) bool { return f.before <= l.next }), false
	for _, x := range l.spaces {
		x.notice(now)
		lasting := asked || x.durable.Load() != x.at.next && now >= x.synced+syncEvery
		var err error
		switch {
		case asked:
			err = x.write(ctx, true)
		case x.flight != nil, l.untended(): // one after the other
		case lasting || x.since >= 0 && now >= x.due(l.behind(x)):
			err = x.writeBeside(ctx, lasting, l.landed)
		}
		if err != nil {
			return err
		}
		lasted, x.lasted = lasted || x.lasted, false
	}
	if lasted || len(l.spaces) == 0 && l.main == nil && l.reached.Load() > l.released {
		l.released = l.reached.Load()
		l.source.release()
	}
	l.flushers = slices.DeleteFunc(l.flushers, func(f flusher) bool {
		if f.before > l.next {
			return false
		}
		close(f.done)
		return true
	})
	return nil
}

// behindBy is how old the newest record is at least that was applied, ms, when the stream counts as behind.
const behindBy = 500

// behind reports whether records wait to be read, and have for long.
func (l *loop) behind(x *space) bool {
	return l.source.log.Next() > l.next && x.heard < x.s.o.Clock()-behindBy
}

// wait ends when something is due.
func (l *loop) wait() <-chan time.Time {
	now := l.source.s.o.Timer.Now()
	d := upkeepEvery
	if !l.flying() {
		d = l.kept + upkeepEvery - now
	}
	for _, x := range l.spaces {
		x.notice(now)
		if x.since >= 0 && x.flight == nil {
			d = min(d, x.due(l.behind(x))-now)
		}
		if x.durable.Load() != x.at.next && x.flight == nil {
			d = min(d, x.synced+syncEvery-now)
		}
		if next := x.waiting.next(); next < plan.MaxTime {
			d = min(d, lookEvery, time.Duration(min(max(next+1-x.come(), 0), 1000))*time.Millisecond)
		}
	}
	return l.source.s.o.Timer.After(max(d, 0))
}

// background has something done by the loop; an error says that the loop has ended.
func (l *loop) background(ctx context.Context, do func(context.Context) error) error {
	select {
	case l.tasks <- &task{do: do}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// join hands the spaces of a loop that has caught up to the main one.
func (l *loop) join(ctx context.Context) error {
	if l.main == nil || l.next < l.main.reached.Load() {
		return nil
	}
	for _, x := range l.spaces {
		if err := x.land(ctx); err != nil {
			return err
		}
	}
	spaces := l.spaces
	l.joined, l.spaces = true, nil
	return l.main.background(ctx, func(ctx context.Context) error { return l.main.adopt(ctx, spaces, l.source) })
}

// adopt takes spaces over, once they have the few records that they lack.
func (l *loop) adopt(ctx context.Context, spaces []*space, src *source) error {
	least := l.next
	for _, x := range spaces {
		least = min(least, x.at.next)
	}
	cursor, err := src.log.Read(ctx, least)
	if err != nil {
		return err
	}
	defer cursor.Close()
	for ; least < l.next; least++ {
		r, err := cursor.Next(ctx)
		if err != nil {
			return err
		}
		for _, x := range spaces {
			if x.at.next == r.Sequence {
				if err := x.apply(ctx, r); err != nil {
					return err
				}
			}
		}
	}
	l.spaces = append(l.spaces, spaces...)
	l.kept = l.source.s.o.Timer.Now() - upkeepEvery // look after them soon
	src.caughtUp(spaces)
	return nil
}
