package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// source is one source with its log and the spaces that are filled from it.
type source struct {
	s    *Stream
	def  *feature.Source
	log  eventlog.Log
	main *loop

	ctx      context.Context
	stop     context.CancelCauseFunc
	group    sync.WaitGroup
	ids      sync.Pool // *identifier
	closeLog func() error

	mu       sync.Mutex
	spaces   []*space
	catching []*space      // of them, those that are not with the main loop yet
	settled  chan struct{} // closed when none is catching up any more
	failed   error
	held     error
	unsealed error // why the log could not be sealed when it was tried last
	counts   SourceCounts
}

// open opens a source's log and starts to read it.
func (s *Stream) open(ctx context.Context, p *plan.Stream) (*source, error) {
	src := &source{s: s, def: p.Source, settled: make(chan struct{})}
	src.ids.New = func() any { return newIdentifier(src.def) }
	src.ctx, src.stop = context.WithCancelCause(s.ctx)
	var err error
	if src.log, err = s.o.Log(p.Source); err != nil {
		return nil, fmt.Errorf("source %q: %w", p.Source.Name, err)
	}
	src.closeLog = sync.OnceValue(src.log.Close)
	if err := src.start(ctx, p.Spaces); err != nil {
		src.stop(err)
		return nil, errors.Join(err, src.closeLog())
	}
	return src, nil
}

// start loads spaces and starts their loops: the one that is furthest leads, and the others catch up.
func (src *source) start(ctx context.Context, plans []*plan.Space) error {
	spaces, err := src.load(ctx, plans)
	if err != nil {
		return err
	}
	next := src.log.Next()
	if len(spaces) > 0 {
		next = slices.MaxFunc(spaces, func(a, b *space) int { return int(a.at.next - b.at.next) }).at.next
	}
	var lead, behind []*space
	for _, x := range spaces {
		if x.at.next == next {
			lead = append(lead, x)
		} else {
			behind = append(behind, x)
		}
	}
	src.main = newLoop(src, lead, next)
	src.spaces, src.catching = spaces, slices.Clone(behind)
	src.run(src.main)
	src.catchUp(behind)
	src.group.Go(src.seal)
	return nil
}

// sealEvery is how often a log is asked to seal the hours that are over, and to let go what is older than it keeps.
const sealEvery = time.Minute

// seal keeps the log in order until the source ends. What cannot be sealed is tried again; meanwhile events come in and the log grows.
func (src *source) seal() {
	for {
		err := src.log.Seal(src.ctx)
		if src.ctx.Err() != nil {
			return
		}
		src.mu.Lock()
		src.unsealed = err
		src.mu.Unlock()
		select {
		case <-src.s.o.Timer.After(sealEvery):
		case <-src.ctx.Done():
			return
		}
	}
}

// load makes spaces and reads how far they are; those that are new begin at the log's first record.
func (src *source) load(ctx context.Context, plans []*plan.Space) ([]*space, error) {
	var out []*space
	for _, p := range plans {
		if p.Replaced() {
			continue // batch's alone
		}
		x := newSpace(src.s, p, src.def.Schema)
		found, err := x.load(ctx)
		if err == nil && found {
			err = src.resume(ctx, x)
		} else if err == nil {
			err = src.begin(ctx, x)
		}
		if err != nil {
			return nil, fmt.Errorf("source %q, group %q: %w", src.def.Name, p.Group.Name, err)
		}
		x.durable.Store(x.at.next)
		x.publish()
		out = append(out, x)
	}
	src.s.spaces.Add(int64(len(out)))
	return out, nil
}

// resume checks that a space's place is in the log.
func (src *source) resume(ctx context.Context, x *space) error {
	first, next := src.log.First(), src.log.Next()
	switch {
	case x.at.next > next:
		return fmt.Errorf("the online store has read the event log up to record %d, and the log ends at %d: it was cut or replaced; "+
			"put it back, or remove the online store so that it is filled anew", x.at.next-1, next-1)
	case x.at.next < first: // what lies between has been let go
		since, err := src.complete(ctx)
		if err != nil {
			return err
		}
		x.marks.Complete = max(x.marks.Complete, since)
		x.at.next = first
		x.marked, x.moved = true, true
	}
	return nil
}

func (src *source) begin(ctx context.Context, x *space) error {
	since, err := src.complete(ctx)
	if err != nil {
		return err
	}
	return x.begin(ctx, src.log.First(), since)
}

// complete is S of a space that begins with the log's first record: the time from which it will have seen every event.
func (src *source) complete(ctx context.Context) (int64, error) {
	first, next := src.log.First(), src.log.Next()
	if src.s.o.Since != nil && first <= 1 {
		if since, ok := src.s.o.Since(src.def); ok {
			return since, nil
		}
	}
	history := src.s.o.History != nil && src.s.o.History(src.def)
	if first <= 1 && !history {
		return plan.MinTime, nil // nothing was let go, and nothing was before
	}
	if first == next {
		if src.s.o.Events {
			return plan.MaxTime, nil
		}
		return src.s.o.Clock(), nil
	}
	cursor, err := src.log.Read(ctx, first)
	if err != nil {
		return 0, err
	}
	defer cursor.Close()
	r, err := cursor.Next(ctx)
	if err != nil {
		return 0, err
	}
	if !src.s.o.Events {
		return r.Arrival, nil
	}
	return earliest(src.def, r), nil
}

// earliest is the least ts of a record's rows; MaxTime where none has one.
func earliest(def *feature.Source, r *eventlog.Record) int64 {
	out := int64(plan.MaxTime)
	for _, ts := range newIdentifier(def).sifter.Timed(r.Rows).Times {
		out = min(out, ts)
	}
	return out
}

func (src *source) run(l *loop) {
	for _, x := range l.spaces {
		x.publish()
	}
	src.group.Go(func() { src.fail(l.run(src.ctx)) })
}

// catchUp starts a loop for spaces that are behind.
func (src *source) catchUp(spaces []*space) {
	if len(spaces) == 0 {
		if len(src.catching) == 0 {
			close(src.settled)
		}
		return
	}
	least := slices.MinFunc(spaces, func(a, b *space) int { return int(a.at.next - b.at.next) }).at.next
	l := newLoop(src, spaces, least)
	l.main = src.main
	src.run(l)
}

// caughtUp notes that spaces are with the main loop.
func (src *source) caughtUp(spaces []*space) {
	src.mu.Lock()
	defer src.mu.Unlock()
	src.catching = slices.DeleteFunc(src.catching, func(x *space) bool { return slices.Contains(spaces, x) })
	if len(src.catching) == 0 {
		close(src.settled)
	}
}

// fail stops the source for good; the place of its spaces stays where it is.
func (src *source) fail(err error) {
	if err == nil {
		return
	}
	src.mu.Lock()
	if src.failed == nil && src.ctx.Err() == nil {
		src.failed = err
	}
	src.mu.Unlock()
	if errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrLost) {
		src.s.Lose(err)
	}
	src.stop(err)
}

// hold notes that the store cannot be reached, or can again.
func (src *source) hold(err error) {
	src.mu.Lock()
	src.held = err
	src.mu.Unlock()
}

// release lets the log seal what no space needs any more. A source without spaces, whose groups others fold, needs nothing of what it was told.
func (src *source) release() {
	src.mu.Lock()
	least := int64(plan.MaxTime)
	if len(src.spaces) == 0 {
		least = src.main.reached.Load()
	}
	for _, x := range src.spaces {
		least = min(least, x.durable.Load())
	}
	src.mu.Unlock()
	if least < plan.MaxTime {
		src.log.Release(least)
	}
}

// do has something done by the main loop, once all spaces are with it.
func (src *source) do(ctx context.Context, f func(context.Context) error) error {
	src.mu.Lock()
	settled := src.settled
	src.mu.Unlock()
	select {
	case <-settled:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-src.ctx.Done():
		return src.why()
	}
	t := &task{do: f, done: make(chan error, 1)}
	select {
	case src.main.tasks <- t:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-src.ctx.Done():
		return src.why()
	}
	select {
	case err := <-t.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-src.ctx.Done():
		return src.why()
	}
}

// why is why the source has ended.
func (src *source) why() error {
	src.mu.Lock()
	defer src.mu.Unlock()
	if src.failed != nil {
		return fmt.Errorf("source %q has stopped: %w", src.def.Name, src.failed)
	}
	return context.Cause(src.ctx)
}

// flush waits until all that is in the log now is applied and written.
func (src *source) flush(ctx context.Context) error {
	f := flusher{before: src.log.Next(), done: make(chan error)}
	err := src.do(ctx, func(context.Context) error {
		src.main.flushers = append(src.main.flushers, f)
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case err := <-f.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-src.ctx.Done():
		return src.why()
	}
}

// add begins spaces that the source does not have yet.
func (src *source) add(ctx context.Context, plans []*plan.Space) error {
	var fresh []*plan.Space
	src.mu.Lock()
	for _, p := range plans {
		i := slices.IndexFunc(src.spaces, func(x *space) bool { return x.ID == p.ID })
		if i < 0 {
			fresh = append(fresh, p)
			continue
		}
		src.spaces[i].patience.Store(p.Group.Flush) // of all settings the one that the stream goes by
	}
	src.mu.Unlock()
	spaces, err := src.load(ctx, fresh)
	if err != nil || len(spaces) == 0 {
		return err
	}
	src.mu.Lock()
	defer src.mu.Unlock()
	if len(src.catching) == 0 {
		src.settled = make(chan struct{})
	}
	src.spaces, src.catching = append(src.spaces, spaces...), append(src.catching, spaces...)
	src.catchUp(spaces)
	return nil
}

// end stops the loops where they are, and closes the log.
func (src *source) end() error {
	src.stop(ErrClosed)
	src.group.Wait()
	return src.closeLog()
}

// gained tells whether a schema is another with further columns; which column is not, and why, otherwise.
func gained(old, now value.Schema) error {
	for _, f := range old {
		t, ok := now.Lookup(f.Name)
		switch {
		case !ok:
			return fmt.Errorf("column %q (%s) is not there any more", f.Name, f.Type)
		case !t.Equal(f.Type):
			return fmt.Errorf("column %q was %s, and is %s", f.Name, value.An(f.Type.String()), value.An(t.String()))
		}
	}
	return nil
}
