package stream

import (
	"context"
	"errors"
	"slices"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// rolling is the walk through a space's days that brings them into base tiles.
type rolling struct {
	walks bool
}

// rolledAtOnce is how many keys a walk hands over at a time.
const rolledAtOnce = 256

// upkeep rolls days into base tiles and lets go of what is expired, as far as the clock has moved. background hands work to the loop that
// owns the space.
func (x *space) upkeep(ctx context.Context, background func(context.Context, func(context.Context) error) error) error {
	if x.clock() == plan.MinTime {
		return nil
	}
	if x.daily() >= 0 && x.marks.Batch == plan.MinTime && !x.roll.walks {
		if target := x.RollEnd(x.clock()); target > x.at.target {
			x.at.target, x.moved = target, true
		}
		if x.at.rolled < x.at.target {
			if err := x.write(ctx, false); err != nil { // so that the walk finds all
				return err
			}
			x.roll.walks = true
			target := x.at.target
			x.s.group.Go(func() { x.walk(ctx, target, background) })
		}
	}
	return x.expire(ctx)
}

// walk finds the keys that have days before the target, for the loop to roll. It ends with the stream.
func (x *space) walk(ctx context.Context, target int64, background func(context.Context, func(context.Context) error) error) {
	var keys []string
	hand := func() error {
		if len(keys) == 0 {
			return nil
		}
		some := keys
		keys = nil
		return background(ctx, func(ctx context.Context) error { return x.rollSome(ctx, some) })
	}
	err := x.s.o.Store.Scan(ctx, x.ID, value.DayMS, func(key string, start int64, _ []byte) error {
		if start >= target || len(keys) > 0 && keys[len(keys)-1] == key {
			return nil
		}
		if keys = append(keys, key); len(keys) == rolledAtOnce {
			return hand()
		}
		return nil
	})
	if err == nil {
		err = hand()
	}
	_ = background(ctx, func(ctx context.Context) error { // only the end of the stream keeps it from being done
		x.roll.walks = false
		switch {
		case errors.Is(err, store.ErrUnavailable):
			return nil // the next upkeep walks again
		case err == nil:
			x.at.rolled, x.moved = target, true
		}
		return err
	})
}

// rollSome rolls some keys, and writes.
func (x *space) rollSome(ctx context.Context, texts []string) error {
	if x.dropped {
		return nil
	}
	keys := make([]*key, len(texts))
	for i, t := range texts {
		keys[i] = x.cache.key([]byte(t))
	}
	if err := x.rollKeys(ctx, keys); err != nil {
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
		if k.slots[c.base][0].tile.Through < x.at.target && !slices.Contains(behind, k) {
			behind = append(behind, k)
		}
	}
	if err := x.loadDays(ctx, behind); err != nil {
		return err
	}
	dead := x.keptFrom(x.daily())
	for _, k := range behind {
		base := k.slots[c.base][0]
		for _, day := range k.slots[x.daily()] {
			if day.start >= x.at.target || day.start < base.tile.Through {
				continue
			}
			base.tile.Merge(day.tile)
			if day.start < dead {
				day.gone = true
				c.touch(day.entry)
			}
		}
		base.tile.Through = x.at.target
		c.touch(base.entry)
	}
	return nil
}

// loadDays brings the days before the target that are not in base tiles into memory.
func (x *space) loadDays(ctx context.Context, keys []*key) error {
	c, daily := &x.cache, x.daily()
	if c.whole || len(keys) == 0 {
		return nil
	}
	ranges := make([]store.Range, len(keys))
	for i, k := range keys {
		ranges[i] = store.Range{Space: x.ID, Key: k.text, Step: value.DayMS, From: k.slots[c.base][0].tile.Through, To: x.at.target}
	}
	return x.s.o.Store.Read(ctx, ranges, func(i int, start int64, b []byte) error {
		k := keys[i]
		if slices.ContainsFunc(k.slots[daily], func(r ref) bool { return r.start == start }) {
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
		return nil
	}
	for i, l := range x.Levels {
		before := x.keptFrom(i)
		if i == x.daily() {
			if before = min(before, x.at.rolled); x.marks.Batch > plan.MinTime {
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
