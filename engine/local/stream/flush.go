package stream

import (
	"context"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// changed tells whether there is anything to write.
func (x *space) changed() bool {
	return x.cache.changed > 0 || x.moved || x.marked || x.waiting.changed()
}

// flight is a write on its way to the store: what changed until a moment, encoded. The space goes on meanwhile, and what changes then is in
// the next, which takes off once this one has landed. A write that failed is made again as it is, so that at most one is ever in doubt.
type flight struct {
	*store.Write
	next    int64 // the place in the log up to which it is true
	began   time.Duration
	arrived []arrival
	waiters bool       // it has the waiting events, of which none may come or go until it has landed
	done    chan error // buffered; nil: it is not under way
}

// write brings what changed into the store: tiles, rows, waiting events, and the place in the log up to which all of that is true. After
// an error it is to be called again. sync asks that it survive a loss of power.
func (x *space) write(ctx context.Context, sync bool) error {
	if err := x.land(ctx); err != nil {
		return err
	}
	if !x.changed() && !sync {
		return nil
	}
	x.takeOff(sync)
	return x.land(ctx)
}

// writeBeside is write, which goes on beside the loop where it can: what is read meanwhile is folded, and does not wait. The channel hears
// when it is to be landed.
func (x *space) writeBeside(ctx context.Context, sync bool, landed chan<- struct{}) error {
	if x.waiting.changed() {
		return x.write(ctx, sync)
	}
	x.takeOff(sync)
	f := x.flight
	f.done = make(chan error, 1)
	go func() { // land, or the end of the loop, waits for it
		f.done <- x.fly(ctx, f)
		select {
		case landed <- struct{}{}:
		default:
		}
	}()
	return nil
}

// takeOff makes a flight of what changed.
func (x *space) takeOff(sync bool) {
	w := &store.Write{Epoch: x.s.o.Epoch, Puts: x.puts(), Sync: sync}
	w.Meta = append(w.Meta, x.waiting.puts()...)
	w.Meta = append(w.Meta, store.MetaPut{Name: x.stateName(), Bytes: x.at.append(nil)})
	w.Meta = append(w.Meta, store.MetaPut{Name: x.PlaceName(), Bytes: plan.AppendPlace([]byte{}, x.applied)})
	w.Meta = append(w.Meta, x.waiting.deletes()...) // last: before the place says that their numbers are taken they must be there
	if x.marked {
		w.Meta = append(w.Meta, store.MetaPut{Name: x.MarksName(), Bytes: x.marks.Append(nil)})
	}
	x.cache.takeOff()
	x.flight = &flight{Write: w, next: x.at.next, began: x.s.o.Timer.Now(), arrived: x.arrived, waiters: x.waiting.changed()}
	x.marked, x.moved, x.arrived, x.since = false, false, nil, -1
}

// fly writes. It may run beside the loop, and touches nothing that is the loop's.
func (x *space) fly(ctx context.Context, f *flight) error {
	x.writing.Store(max(int64(x.s.o.Timer.Now()), 1))
	defer x.writing.Store(0)
	return x.s.o.Store.Write(ctx, f.Write)
}

// flying reports whether a write is on its way, and has not come back yet.
func (x *space) flying() bool {
	return x.flight != nil && x.flight.done != nil && len(x.flight.done) == 0
}

// land waits for what is on its way, and makes it again where it has failed.
func (x *space) land(ctx context.Context) error {
	f := x.flight
	if f == nil {
		return nil
	}
	var err error
	if f.done != nil {
		err = <-f.done // it ends with the context
		f.done = nil
	} else {
		err = x.lift(ctx, f)
	}
	if err != nil {
		return err
	}
	x.flight = nil
	x.unmarked.Store(false)
	x.cache.landed()
	if f.waiters {
		x.waiting.written()
	}
	now := x.s.o.Timer.Now()
	x.took = now - f.began
	x.rested = now + x.took/2
	x.report(f.arrived)
	x.cache.evict(x.s.memory())
	if f.Sync {
		x.synced, x.lasted = f.began, true
		x.durable.Store(f.next)
	}
	x.publish()
	return nil
}

// lift writes in the loop. Where the store is not atomic, waiting events must be there before anything says that they are taken.
func (x *space) lift(ctx context.Context, f *flight) error {
	if f.waiters && !x.s.o.Store.Traits().Atomic {
		if err := x.s.o.Store.Write(ctx, &store.Write{Epoch: f.Epoch, Meta: x.waiting.puts()}); err != nil {
			return err
		}
	}
	return x.fly(ctx, f)
}

// report tells how long it took until what arrived was to be seen.
func (x *space) report(arrived []arrival) {
	now := x.s.o.Clock()
	if f := x.s.o.Freshness; f != nil {
		for _, a := range arrived {
			f(x.Group.Name, now-a.at, a.rows)
		}
	}
	if n := len(arrived); n > 0 {
		x.fresh = now - arrived[n-1].at
	}
}

// puts are the changed tiles and rows, encoded into one stretch of memory, good until the next.
func (x *space) puts() []store.Put {
	c := &x.cache
	puts, ends := slices.Grow(x.scratch.puts[:0], c.changed), slices.Grow(x.scratch.ends[:0], c.changed)
	buf, now := x.scratch.encoded[:0], x.clock()
	for _, places := range c.sorted() {
		for _, e := range places {
			from := len(buf)
			buf = x.encode(buf, e)
			puts, ends = append(puts, x.put(e, len(buf)-from, now)), append(ends, len(buf))
		}
	}
	from := 0
	for i, end := range ends {
		if end > from {
			puts[i].Bytes = buf[from:end:end]
		}
		from = end
	}
	x.scratch.encoded, x.scratch.puts, x.scratch.ends = buf, puts, ends
	return puts
}

// encode adds the bytes of a place; none where it is to be deleted.
func (x *space) encode(dst []byte, e *entry) []byte {
	version := byte(x.s.version.Load())
	switch {
	case e.gone || e.rows != nil && e.rows.Len() == 0:
		return dst
	case e.tile != nil:
		return x.Layout().AppendAs(dst, e.tile, version)
	}
	return x.RowLayout().AppendPacked(dst, e.rows, version)
}

// put is the write of a place that takes so many bytes, without them.
func (x *space) put(e *entry, bytes int, now int64) store.Put {
	p := store.Put{Space: x.ID, Key: e.key.text, Step: x.cache.step(e.slot), Start: e.start}
	if bytes > 0 {
		p.Keep = x.keep(e, now)
		x.cache.resize(e, bytes)
	}
	return p
}

// keep is for how long a place is needed from now on; 0: until it is deleted. Days wait for their base tile, and the store does not know the
// clock of the events.
func (x *space) keep(e *entry, now int64) int64 {
	var keep int64
	switch {
	case x.s.o.Events || e.slot == x.cache.base || e.slot == x.daily:
		return 0
	case e.slot < x.cache.base:
		keep = x.Levels[e.slot].Keep
	case x.Rows.Step == 0:
		return 0
	default:
		keep = x.Rows.Keep
	}
	return max(plus(e.start, keep)-now, 1)
}
