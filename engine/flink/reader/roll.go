package reader

import (
	"context"
	"errors"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// upkeep rolls days into base tiles and tells the store what is expired, as far as the clock has moved.
func (x *space) upkeep(ctx context.Context) error {
	target := x.rollsTo()
	if time.Since(x.tended) < x.r.o.Upkeep && (x.st.Next == 0 || target == plan.MinTime || x.st.Rolled >= target || x.walks) {
		return nil
	}
	if now := x.clock(); now > x.st.Kept { // before anything goes
		x.st.Kept, x.moved = now, true
		if err := x.write(ctx); err != nil {
			return err
		}
	}
	if err := x.roll(ctx, target); err != nil {
		return err
	}
	if err := x.expire(ctx); err != nil {
		return err
	}
	x.tended = time.Now()
	return nil
}

// rollsTo is the time before which days may be rolled: as of when the job had all of its source, for what it has not read may be of any day.
// MinTime: that is not known.
func (x *space) rollsTo() int64 {
	if !x.rolls() || x.asOf == plan.MinTime {
		return plan.MinTime
	}
	return max(x.RollEnd(min(x.asOf, x.clock())), x.st.Target)
}

// roll begins to merge days into base tiles: first the days are looked for, then those of some keys at a time are done by the loop.
func (x *space) roll(ctx context.Context, target int64) error {
	if target == plan.MinTime || x.walks || target <= x.st.Rolled {
		return nil
	}
	x.st.Target, x.moved = target, true
	if err := x.write(ctx); err != nil { // what is to be found is in the store
		return err
	}
	x.walks = true
	x.running.Go(func() {
		err := x.gather(x.ctx, target)
		_ = x.background(x.ctx, func(context.Context) error { // only the end of the loop keeps it from being done
			x.walks = false
			switch {
			case errors.Is(err, store.ErrUnavailable):
				return nil // the next upkeep looks again
			case err == nil:
				x.st.Rolled, x.moved = target, true
			}
			return err
		})
	})
	return nil
}

// rolledAtOnce is how many keys are rolled at a time.
const rolledAtOnce = 256

// gather finds the keys that have days before the target, and how early these begin.
func (x *space) gather(ctx context.Context, target int64) error {
	oldest := target
	each := func(found func(key string) error) error {
		return x.r.o.Store.Scan(ctx, x.ID, value.DayMS, func(key string, start int64, _ []byte) error {
			if start >= target {
				return nil
			}
			oldest = min(oldest, start)
			return found(key)
		})
	}
	if err := each(func(string) error { return nil }); err != nil {
		return err
	}
	from, keys := oldest, []string(nil)
	hand := func() error {
		some := keys
		if keys = nil; len(some) == 0 {
			return nil
		}
		return x.background(ctx, func(ctx context.Context) error { return x.rollKeys(ctx, some, from, target) })
	}
	err := each(func(key string) error {
		if n := len(keys); n > 0 && keys[n-1] == key {
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
	return err
}

// rollKeys brings the days in [from, target) into the base tiles of keys. Days that no window needs any more are deleted, in the same write.
// It may be done again: a base tile says through when it goes.
func (x *space) rollKeys(ctx context.Context, keys []string, from, target int64) error {
	if x.marks.Batch > plan.MinTime {
		return nil // they have become batch's
	}
	if err := x.write(ctx); err != nil {
		return err
	}
	var spots []spot
	ranges := make([]store.Range, len(keys))
	for i, k := range keys {
		spots = append(spots, spot{k, plan.BaseStep, 0})
		ranges[i] = store.Range{Space: x.ID, Key: k, Step: value.DayMS, From: from, To: target}
	}
	err := x.r.o.Store.Read(ctx, ranges, func(i int, start int64, _ []byte) error {
		spots = append(spots, spot{keys[i], value.DayMS, start})
		return nil
	})
	if err == nil {
		err = x.bring(ctx, spots)
	}
	if err != nil {
		return err
	}
	dead := x.keptFrom(x.daily)
	for _, at := range spots[len(keys):] {
		base, day := x.cells[spot{at.key, plan.BaseStep, 0}], x.cells[at]
		if at.start < base.tile.Through {
			continue
		}
		base.tile.Merge(day.tile)
		if at.start < dead {
			day.gone = true
			x.touch(day)
		}
	}
	for _, at := range spots[:len(keys)] {
		base := x.cells[at]
		base.tile.Through = max(base.tile.Through, target)
		x.touch(base)
	}
	return x.write(ctx)
}

// leastExpiry is how far the clock moves at least before the store is told again what is expired.
const leastExpiry = 60_000

// expire tells the store what nobody needs any more.
func (x *space) expire(ctx context.Context) error {
	for i, l := range x.Levels {
		before := x.keptFrom(i)
		if i == x.daily {
			if x.marks.Batch > plan.MinTime {
				if time.Since(x.turned) < 2*plan.MarksAge {
					continue // readers may still go by the watermark before it
				}
				before = min(before, x.marks.Batch)
			} else {
				before = min(before, x.st.Rolled)
			}
		}
		if before == plan.MinTime || x.expired[i] > plan.MinTime && before < plus(x.expired[i], max(l.Step, leastExpiry)) {
			continue
		}
		for _, name := range []string{x.ID, plan.PartsSpace(x.ID)} {
			if err := x.r.o.Store.Expire(ctx, name, l.Step, before); err != nil {
				return err
			}
		}
		x.expired[i] = before
		for at, c := range x.cells {
			if at.step == l.Step && at.start < before && !c.dirty {
				x.forget(c)
			}
		}
	}
	return nil
}
