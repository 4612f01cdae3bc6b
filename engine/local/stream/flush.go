package stream

import (
	"context"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// changed tells whether there is anything to write.
func (x *space) changed() bool {
	return x.cache.changed > 0 || x.moved || x.marked || x.waiting.changed()
}

// write brings what changed into the store: tiles, rows, waiting events, and the place in the log up to which all of that is true. After
// an error it is to be called again. sync asks that it survive a loss of power.
func (x *space) write(ctx context.Context, sync bool) error {
	if !x.changed() && !sync {
		return nil
	}
	o := &x.s.o
	began := o.Timer.Now()
	if fresh := x.waiting.puts(); len(fresh) > 0 && !o.Store.Traits().Atomic {
		if err := o.Store.Write(ctx, &store.Write{Epoch: o.Epoch, Meta: fresh}); err != nil {
			return err
		}
	}
	w := &store.Write{Epoch: o.Epoch, Puts: x.puts(), Sync: sync}
	w.Meta = append(w.Meta, x.waiting.puts()...)
	w.Meta = append(w.Meta, store.MetaPut{Name: x.stateName(), Bytes: x.at.append(nil)})
	w.Meta = append(w.Meta, store.MetaPut{Name: x.PlaceName(), Bytes: plan.AppendPlace([]byte{}, x.applied)})
	w.Meta = append(w.Meta, x.waiting.deletes()...) // last: before the place says that their numbers are taken they must be there
	if x.marked {
		w.Meta = append(w.Meta, store.MetaPut{Name: x.MarksName(), Bytes: x.marks.Append(nil)})
	}
	x.writing.Store(max(int64(o.Timer.Now()), 1))
	err := o.Store.Write(ctx, w)
	x.writing.Store(0)
	if err != nil {
		return err
	}
	x.cache.written()
	x.waiting.written()
	x.marked, x.moved, x.took = false, false, o.Timer.Now()-began
	x.report()
	x.cache.evict(x.s.memory())
	return nil
}

// report tells how long it took until what arrived was to be seen.
func (x *space) report() {
	if f := x.s.o.Freshness; f != nil {
		now := x.s.o.Clock()
		for _, a := range x.arrived {
			f(x.Group.Name, now-a.at, a.rows)
		}
	}
	if n := len(x.arrived); n > 0 {
		x.fresh = x.s.o.Clock() - x.arrived[n-1].at
	}
	x.arrived = x.arrived[:0]
}

// puts are the changed tiles and rows, encoded into one stretch of memory.
func (x *space) puts() []store.Put {
	c := &x.cache
	puts, ends := make([]store.Put, 0, c.changed), make([]int, 0, c.changed)
	buf := x.scratch.encoded[:0]
	for _, places := range c.sorted() {
		for _, e := range places {
			from := len(buf)
			buf = x.encode(buf, e)
			puts, ends = append(puts, x.put(e, len(buf)-from)), append(ends, len(buf))
		}
	}
	from := 0
	for i, end := range ends {
		if end > from {
			puts[i].Bytes = buf[from:end:end]
		}
		from = end
	}
	x.scratch.encoded = buf
	return puts
}

// encode adds the bytes of a place; none where it is to be deleted.
func (x *space) encode(dst []byte, e *entry) []byte {
	version := byte(x.s.version.Load())
	switch {
	case e.gone || e.rows != nil && len(e.rows.Rows) == 0:
		return dst
	case e.tile != nil:
		return x.Layout().AppendAs(dst, e.tile, version)
	}
	return x.RowLayout().AppendAs(dst, e.rows, version)
}

// put is the write of a place that takes so many bytes, without them.
func (x *space) put(e *entry, bytes int) store.Put {
	p := store.Put{Space: x.ID, Key: e.key.text, Step: x.cache.step(e.slot), Start: e.start}
	if bytes > 0 {
		p.Keep = x.keep(e)
		x.cache.resize(e, bytes)
	}
	return p
}

// keep is for how long a place is needed from now on; 0: until it is deleted. Days wait for their base tile, and the store does not know the
// clock of the events.
func (x *space) keep(e *entry) int64 {
	var keep int64
	switch {
	case x.s.o.Events || e.slot == x.cache.base || e.slot == x.daily():
		return 0
	case e.slot < x.cache.base:
		keep = x.Levels[e.slot].Keep
	case x.Rows.Step == 0:
		return 0
	default:
		keep = x.Rows.Keep
	}
	return max(plus(e.start, keep)-x.clock(), 1)
}
