package reader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bighead-ml/bighead/store"
)

// task is something to be done by the loop. It is done again while the store cannot be reached.
type task struct {
	do   func(context.Context) error
	done chan error // buffered; nil: nobody waits
}

// do has something done by the loop.
func (x *space) do(ctx context.Context, do func(context.Context) error) error {
	t := &task{do, make(chan error, 1)}
	select {
	case x.tasks <- t:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-x.ctx.Done():
		return x.why()
	}
	select {
	case err := <-t.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-x.ctx.Done():
		return x.why()
	}
}

// background has something done by the loop; an error says that it has ended.
func (x *space) background(ctx context.Context, do func(context.Context) error) error {
	select {
	case x.tasks <- &task{do: do}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// why is why the loop has ended.
func (x *space) why() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed != nil {
		return fmt.Errorf("group %q is not read any more: %w", x.Group.Name, x.failed)
	}
	return context.Cause(x.ctx)
}

// run reads and writes until the context ends or something cannot go on.
func (x *space) run(ctx context.Context) error {
	x.feed = x.startFeed(ctx)
	defer func() { x.feed.end() }()
	for {
		err := x.settle(ctx)
		from, looked, tasks := x.feed.out, x.looked, x.tasks
		var wait <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, store.ErrUnavailable):
			from, looked, tasks, wait = nil, nil, nil, time.After(x.backOff(err))
		case err != nil:
			return err
		default:
			x.retries = 0
			x.hold(nil)
			wait = x.wait()
		}
		if x.look != nil {
			looked = nil
		}
		select {
		case got := <-from:
			x.pending = &got
		case x.task = <-tasks:
		case x.look = <-looked:
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (x *space) backOff(err error) time.Duration {
	x.hold(err)
	d := min(firstRetry<<min(x.retries, 10), lastRetry)
	x.retries++
	return d
}

// settle does what is to be done now. After an error it is to be called again.
func (x *space) settle(ctx context.Context) error {
	defer x.publish()
	if err := x.doTask(ctx); err != nil {
		return err
	}
	if err := x.takePending(ctx); err != nil {
		return err
	}
	x.progress()
	if err := x.upkeep(ctx); err != nil {
		return err
	}
	if x.since.IsZero() && x.changed() {
		x.since = time.Now()
	}
	if x.changed() && (!time.Now().Before(x.due()) || x.bytes > x.r.o.Memory) {
		return x.write(ctx)
	}
	return nil
}

func (x *space) doTask(ctx context.Context) error {
	if x.task == nil {
		return nil
	}
	err := x.task.do(ctx)
	if errors.Is(err, store.ErrUnavailable) {
		return err
	}
	if x.task.done != nil {
		x.task.done <- err
		err = fatal(err)
	}
	x.task = nil
	return err
}

// fatal is an error that ends the loop, whoever hears of it besides.
func fatal(err error) error {
	if errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrLost) {
		return err
	}
	return nil
}

// takePending takes what came from the feed. A topic that is not the one it was is read from its start into a space that is empty.
func (x *space) takePending(ctx context.Context) error {
	got := x.pending
	if got == nil {
		return nil
	}
	switch {
	case got.lost != nil:
		if err := x.again(ctx); err != nil {
			return err
		}
		x.counts.Again++
		x.problem = got.lost.Error()
		x.feed.end()
		x.feed = x.startFeed(ctx)
	case got.records == nil:
		if x.place.ID != got.opened {
			x.place.ID, x.moved = got.opened, true
		}
	default:
		if err := x.apply(ctx, got.records); err != nil {
			return err
		}
	}
	x.pending = nil
	return nil
}

// wait ends when something is due.
func (x *space) wait() <-chan time.Time {
	d := time.Until(x.tended.Add(x.r.o.Upkeep))
	if x.changed() {
		d = min(d, time.Until(x.due()))
	}
	return time.After(max(d, 0))
}
