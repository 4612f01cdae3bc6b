package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// turn is a process's time as the one that streams: the active one. Where the store is its own it lasts as long as the process; on a shared
// store it lasts as long as the lease, and the others stand by: they answer out of the store, and take over when the lease ends.
//
// What holds whatever happens: the stream's logs are open in one process at a time (their lock), the store refuses writes and drops of an
// epoch that was overtaken, and what a caller was told is accepted is in the log, from which the next turn goes on.
type turn struct {
	stream *liveStream
	topics *topics    // nil: of a command, which reads none
	flink  *flinkSide // nil: our own stream folds all
	left   *flinkLeft // nil: nothing is left on Flink
	epoch  int64      // of the lease; 0: the store is this process's alone
	told   int64      // the version that the others were told of
}

// active is this process's turn; nil: it stands by.
func (o *online) active() *turn { return o.turn.Load() }

// errStandby says that this process does not stream now.
func (o *online) errStandby() error {
	if who := o.lease.who(); who != "" {
		return fmt.Errorf("this process stands by: %s has the project's stream", who)
	}
	return errors.New("this process stands by, and nobody has the project's stream just now")
}

// takeTurn makes this process the active one if nobody else is; it is no error if somebody is.
func (o *online) takeTurn(ctx context.Context, c *cli) error {
	epoch := int64(0)
	if o.lease != nil {
		var err error
		if epoch, err = o.lease.take(ctx); errors.Is(err, catalog.ErrHeld) {
			return nil
		} else if err != nil {
			return err
		}
		if !o.alone { // what was served last, not what this process knew
			if err := o.followServed(ctx, c); err != nil {
				return err
			}
		}
	}
	s, err := o.openStream(ctx, epoch)
	if errors.Is(err, store.ErrFenced) {
		return mistakef("the online store is written under a higher epoch than the catalog of this project gives: another copy of the project uses the same [store] prefix, or the catalog was removed; give this one another prefix")
	} else if err != nil {
		return err
	}
	t := &turn{stream: s, epoch: epoch}
	if t.flink, err = o.openFlink(ctx, epoch); err != nil {
		return errors.Join(err, t.flink.close(ctx), s.Close(ctx))
	}
	t.flink.watch(s)
	if !o.alone {
		if t.topics, err = startTopics(o.project, o.log, s, plan.ForStream(o.current().typed.Groups)); err != nil {
			return errors.Join(err, t.flink.close(ctx), s.Close(ctx))
		}
		if t.left, err = o.endLeft(ctx, epoch); err != nil {
			return errors.Join(err, t.topics.stop(), t.flink.close(ctx), s.Close(ctx))
		}
	}
	o.turn.Store(t)
	return nil
}

// openStream resumes the stream over the store as it is: what an earlier turn had written, and the store may have lost since, is nothing to
// this one. No older turn writes any more before the store is looked at.
func (o *online) openStream(ctx context.Context, epoch int64) (*liveStream, error) {
	if err := o.store.Fence(ctx, epoch); err != nil {
		return nil, err
	}
	format, err := storeFormat(ctx, o.store, epoch)
	if err != nil {
		return nil, err
	}
	o.writes.Store(uint32(format))
	streams := plan.ForStream(o.current().typed.Groups)
	if ours := foldedHere(o.project, streams); !o.alone || onFlink(o.project) {
		if err := begunElsewhere(ctx, o.store, epoch, ours); err != nil {
			return nil, err
		}
	}
	return openStream(ctx, o.project, o.store, epoch, format, foldedHere(o.project, streams))
}

// lead keeps this process's turn, or waits for it, until ctx ends.
func (o *online) lead(ctx context.Context, c *cli) {
	for ctx.Err() == nil {
		if t := o.active(); t != nil {
			o.endTurn(ctx, t, o.keepTurn(ctx, t))
			continue
		}
		err := o.takeTurn(ctx, c)
		if err != nil && ctx.Err() == nil && o.trouble(err) {
			o.log.WarnContext(ctx, "this process cannot take the project's stream", "error", err)
		}
		if t := o.active(); t != nil {
			o.trouble(nil)
			o.log.WarnContext(ctx, "this process is the active one: it has the project's stream", "epoch", t.epoch)
			o.onTurn()
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(o.lease.pause()):
		}
	}
}

// trouble notes why this process cannot take its turn, and reports whether that is news.
func (o *online) trouble(err error) bool {
	text := ""
	if err != nil {
		text = err.Error()
	}
	old := o.why.Swap(&text)
	return text != "" && (old == nil || *old != text)
}

// keepTurn renews the lease until it is lost, the stream has ended or ctx ends, and says why; nil: ctx.
func (o *online) keepTurn(ctx context.Context, t *turn) error {
	type renewed struct {
		epoch int64
		err   error
	}
	answers := make(chan renewed, 1)
	next := time.NewTimer(o.lease.every())
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.stream.Done():
			return t.stream.Err()
		case <-time.After(o.lease.left()):
			return fmt.Errorf("%w: the lease could not be renewed in time", store.ErrFenced)
		case <-next.C:
			go func() {
				epoch, err := o.lease.take(ctx)
				answers <- renewed{epoch, err}
			}()
		case a := <-answers:
			switch {
			case errors.Is(a.err, catalog.ErrHeld) || a.err == nil && a.epoch != t.epoch:
				return fmt.Errorf("%w: %s has the lease", store.ErrFenced, o.lease.who())
			case a.err != nil:
				o.log.WarnContext(ctx, "the lease of the stream could not be renewed", "error", a.err)
			}
			next.Reset(o.lease.every())
		}
	}
}

// endTurn makes this process stand by: nothing more is folded, and the logs are let go for the next. At the end of the process close does
// it in order.
func (o *online) endTurn(ctx context.Context, t *turn, why error) {
	if why == nil {
		return
	}
	o.turn.Store(nil)
	t.stream.Lose(why)
	t.flink.lose(why)
	o.log.WarnContext(ctx, "this process stands by now", "error", why)
	if err := errors.Join(t.left.end(), t.topics.stop(), t.flink.close(ctx), t.stream.Close(ctx)); err != nil {
		o.log.WarnContext(ctx, "the stream was not ended in order", "error", err)
	}
}

// servedName is where the active process says which version is served, in the store's meta: its spaces are filled. The others follow.
const servedName = "served"

// tellServed says that a version is served, once nothing of it is being filled and all that it has read is written.
func (o *online) tellServed(ctx context.Context, t *turn) error {
	now := o.current()
	if t.epoch == 0 || t.told == now.version.ID {
		return nil
	}
	if filling(t, plan.ForStream(now.typed.Groups)) {
		return nil
	}
	if err := errors.Join(t.stream.Flush(ctx), t.flink.flush(ctx)); err != nil {
		return err
	}
	if err := o.store.Write(ctx, &store.Write{Epoch: t.epoch, Meta: []store.MetaPut{{Name: servedName, Bytes: strconv.AppendInt(nil, now.version.ID, 10)}}}); err != nil {
		return err
	}
	t.told = now.version.ID
	return nil
}

// served is the version that the active process has said is served; 0: none yet.
func served(ctx context.Context, st store.Store) (id int64, err error) {
	err = st.Meta(ctx, servedName, func(name string, b []byte) (err error) {
		if name == servedName {
			id, err = strconv.ParseInt(string(b), 10, 64)
		}
		return err
	})
	return id, err
}

// followServed serves what the active process serves.
func (o *online) followServed(ctx context.Context, c *cli) error {
	id, err := served(ctx, o.store)
	if err != nil {
		return err
	}
	o.told.Store(id)
	if id == 0 || id == o.current().version.ID {
		return nil
	}
	next, err := c.loadVersion(ctx, o.project, id)
	if err != nil {
		return err
	}
	if o.server != nil {
		if err := o.server.Switch(ctx, next.typed.Views); err != nil {
			return err
		}
	}
	o.mu.Lock()
	o.now = next
	o.mu.Unlock()
	o.log.InfoContext(ctx, "another version is served", "version", id)
	return nil
}

// kept is the latest time as of which the stream of this process has let anything go.
func (o *online) kept() int64 {
	if t := o.active(); t != nil {
		return max(t.stream.Kept(), t.flink.kept())
	}
	return plan.MinTime
}

// clock says now: the stream's clock, or while this process stands by the wall's, on the clock of the events what the store has seen.
func (o *online) clock() int64 {
	t := o.active()
	switch {
	case t == nil && !o.onEvents:
		return time.Now().UnixMilli()
	case t == nil:
		return o.passed(o.newest())
	case o.onEvents:
		return o.passed(t.stream.Now())
	}
	return t.stream.Now()
}

// passed is the clock of the events at a time: it does not go back when the turn changes.
func (o *online) passed(now int64) int64 {
	for {
		seen := o.seen.Load()
		if now <= seen {
			return seen
		}
		if o.seen.CompareAndSwap(seen, now) {
			return now
		}
	}
}

// clockWithin bounds how long a request waits for the clock of the events where the store does not answer.
const clockWithin = 200 * time.Millisecond

// newest is a millisecond after the newest event that the store has. It is read for each request: what another process has written since
// may be seen by it too.
func (o *online) newest() int64 {
	ctx, cancel := context.WithTimeout(context.Background(), clockWithin)
	defer cancel()
	newest, err := newestEvent(ctx, o.store, plan.ForStream(o.current().typed.Groups))
	if err != nil || newest == plan.MinTime {
		return plan.MinTime
	}
	return newest + 1
}
