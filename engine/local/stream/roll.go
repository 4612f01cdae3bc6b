package stream

import (
	"context"
	"errors"
	"slices"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// background has something done by the loop that owns the space; an error says that the loop has ended.
type background func(ctx context.Context, do func(context.Context) error) error

// walking is a walk through all keys of a space, beside the loop: it finds those with something to be done, which the loop does.
type walking struct {
	step int64
	want func(start int64, b []byte) bool
	do   func(context.Context, []*key) error
	end  func() // all was found and done
}

// walkedAtOnce is how many keys a walk hands over at a time.
const walkedAtOnce = 256

// upkeep rolls days into base tiles, lets old versions go and tells the store what is expired, as far as the clock has moved.
func (x *space) upkeep(ctx context.Context, to background) error {
	now := x.clock()
	if now == plan.MinTime {
		return nil
	}
	if now > x.at.kept { // before anything goes
		x.at.kept, x.moved = now, true
		if err := x.write(ctx, false); err != nil {
			return err
		}
	}
	if x.daily >= 0 && x.marks.Batch == plan.MinTime && !x.walks {
		if target := x.RollEnd(now); target > x.at.target {
			x.at.target, x.moved = target, true
		}
		if target := x.at.target; x.at.rolled < target {
			w := walking{step: value.DayMS, want: func(start int64, _ []byte) bool { return start < target }, do: x.rollKeys,
				end: func() { x.at.rolled, x.moved = target, true }}
			if err := x.walk(ctx, w, to); err != nil {
				return err
			}
		}
	}
	if x.Rows != nil && x.Rows.Step == 0 && !x.walks && (x.swept == plan.MinTime || now-x.swept >= value.DayMS) {
		if err := x.sweep(ctx, now, to); err != nil {
			return err
		}
	}
	return x.expire(ctx)
}

// sweep lets versions go of keys to which nothing comes any more, once a day.
func (x *space) sweep(ctx context.Context, now int64, to background) error {
	from, hidden := x.prunedFrom(), x.hiddenFrom()
	old := func(_ int64, b []byte) bool {
		t, err := x.RowLayout().DecodePacked(b)
		return err != nil || prunable(t, from, hidden) > 0 // what is damaged shows when it is loaded
	}
	return x.walk(ctx, walking{step: plan.WholeStep, want: old, do: x.pruneKeys, end: func() { x.swept = now }}, to)
}

func (x *space) pruneKeys(ctx context.Context, keys []*key) error {
	c := &x.cache
	entries := make([]*entry, len(keys))
	for i, k := range keys {
		entries[i] = c.entry(k, c.slots-1, 0)
	}
	if err := c.load(ctx); err != nil {
		return err
	}
	for _, e := range entries {
		x.prune(e.rows)
		c.touch(e)
	}
	return nil
}

// walk begins a walk, once all that is known is in the store. It ends with the stream.
func (x *space) walk(ctx context.Context, w walking, to background) error {
	if err := x.write(ctx, false); err != nil {
		return err
	}
	x.walks = true
	x.s.group.Go(func() {
		err := x.gather(ctx, w, to)
		_ = to(ctx, func(context.Context) error { // only the end of the stream keeps it from being done
			x.walks = false
			switch {
			case errors.Is(err, store.ErrUnavailable):
				return nil // the next upkeep walks again
			case err == nil:
				w.end()
			}
			return err
		})
	})
	return nil
}

// gather goes through the keys.
func (x *space) gather(ctx context.Context, w walking, to background) error {
	var keys []string
	hand := func() error {
		if len(keys) == 0 {
			return nil
		}
		some := keys
		keys = nil
		return to(ctx, func(ctx context.Context) error { return x.doSome(ctx, some, w.do) })
	}
	err := x.s.o.Store.Scan(ctx, x.ID, w.step, func(key string, start int64, b []byte) error {
		if len(keys) > 0 && keys[len(keys)-1] == key || !w.want(start, b) {
			return nil
		}
		if keys = append(keys, key); len(keys) == walkedAtOnce {
			return hand()
		}
		return nil
	})
	if err == nil {
		err = hand()
	}
	return err
}

// doSome does something with some keys, and writes.
func (x *space) doSome(ctx context.Context, texts []string, do func(context.Context, []*key) error) error {
	if x.dropped {
		return nil
	}
	keys := make([]*key, len(texts))
	for i, t := range texts {
		keys[i] = x.cache.key([]byte(t))
	}
	if err := do(ctx, keys); err != nil {
		return err
	}
	return x.write(ctx, false)
}

// rollKeys brings all days before the target into the base tiles of keys. Days that no window needs any more are deleted, in the same write.
func (x *space) rollKeys(ctx context.Context, keys []*key) error {
	c := &x.cache
	for _, k := range keys {
		c.entry(k, c.base, 0)
	}
	if err := c.load(ctx); err != nil {
		return err
	}
	var behind []*key
	for _, k := range keys {
		if c.baseOf(k).tile.Through < x.at.target && !slices.Contains(behind, k) {
			behind = append(behind, k)
		}
	}
	if err := x.loadDays(ctx, behind); err != nil {
		return err
	}
	dead := x.keptFrom(x.daily)
	for _, k := range behind {
		base := c.baseOf(k)
		for _, day := range k.places {
			if day.slot != int32(x.daily) || day.start >= x.at.target || day.start < base.tile.Through {
				continue
			}
			base.tile.Merge(day.tile)
			if day.start < dead {
				day.gone = true
				c.touch(day.entry)
			}
		}
		base.tile.Through = x.at.target
		c.touch(base)
	}
	return nil
}

// rollAhead has the first events of all begin with days that are rolled: under the clock of the events it is they who say when now is, and
// there is nothing to roll yet. So readers know from when on to read days before there are any.
func (x *space) rollAhead(newest int64) {
	if x.Base && x.s.o.Events && newest > plan.MinTime && x.marks.Batch == plan.MinTime {
		x.at.target = x.RollEnd(newest + 1)
		x.at.rolled = x.at.target
	}
}

// rolledSince finds up to when days are rolled, where an earlier bighead left a state that does not say: to the oldest that is there.
func (x *space) rolledSince(ctx context.Context) error {
	if x.daily < 0 || x.marks.Batch > plan.MinTime || x.at.rolled > plan.MinTime || x.at.newest == plan.MinTime {
		return nil
	}
	oldest := x.RollEnd(x.clock())
	err := x.s.o.Store.Scan(ctx, x.ID, value.DayMS, func(_ string, start int64, _ []byte) error {
		oldest = min(oldest, start)
		return nil
	})
	x.at.rolled, x.at.target, x.moved = oldest, max(x.at.target, oldest), true
	return err
}

// loadDays brings the days before the target that are not in base tiles into memory.
func (x *space) loadDays(ctx context.Context, keys []*key) error {
	c, daily := &x.cache, x.daily
	if c.gone[daily] == plan.MinTime || len(keys) == 0 {
		return nil
	}
	ranges := make([]store.Range, len(keys))
	for i, k := range keys {
		ranges[i] = store.Range{Space: x.ID, Key: k.text, Step: value.DayMS, From: max(c.baseOf(k).tile.Through, x.at.rolled), To: x.at.target}
	}
	return x.s.o.Store.Read(ctx, ranges, func(i int, start int64, b []byte) error {
		k := keys[i]
		if k.find(daily, start) != nil {
			return nil
		}
		e := c.entry(k, daily, start)
		c.missing = c.missing[:0] // it is here
		return c.decode(e, b)
	})
}

// leastExpiry is how far the clock moves at least before the store is told again what is expired.
const leastExpiry = 60_000

// expire tells the store what nobody needs any more.
func (x *space) expire(ctx context.Context) error {
	let := func(i int, step, every, before int64) error {
		if before == plan.MinTime || x.expired[i] > plan.MinTime && before < plus(x.expired[i], every) {
			return nil
		}
		if err := x.s.o.Store.Expire(ctx, x.ID, step, before); err != nil {
			return err
		}
		x.expired[i] = before
		slot := i
		if i == len(x.Levels) {
			slot = x.cache.slots - 1 // rows
		}
		x.cache.expire(slot, before)
		return nil
	}
	for i, l := range x.Levels {
		before := x.keptFrom(i)
		if i == x.daily {
			if before = min(before, x.at.rolled); x.marks.Batch > plan.MinTime {
				if x.s.o.Timer.Now() < x.turned+2*plan.MarksAge {
					continue // readers may still go by the watermark before it
				}
				before = min(x.keptFrom(i), x.marks.Batch)
			}
		}
		if err := let(i, l.Step, max(l.Step, leastExpiry), before); err != nil {
			return err
		}
	}
	if x.Rows == nil || x.Rows.Step == 0 {
		return nil
	}
	return let(len(x.Levels), x.Rows.RowStep(), max(8*x.Rows.Step, leastExpiry), x.rowsFrom()) // a walk: not often
}
