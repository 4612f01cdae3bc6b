package reader

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// changed tells whether there is anything to write.
func (x *space) changed() bool { return len(x.dirty) > 0 || x.moved || x.marked }

// write brings what changed into the store: tiles, how many rows are in their parts, and the place in the topic up to which all of that is
// true. After an error it is to be called again.
func (x *space) write(ctx context.Context) error {
	if !x.changed() {
		return nil
	}
	w, err := x.written()
	if err != nil {
		return err
	}
	began := time.Now()
	x.writing.Store(began.UnixNano())
	err = x.r.o.Store.Write(ctx, w)
	x.writing.Store(0)
	if err != nil {
		return err
	}
	for _, c := range x.dirty {
		if c.dirty = false; c.gone {
			x.forget(c)
		}
	}
	x.dirty, x.moved, x.marked, x.since = nil, false, false, time.Time{}
	x.stale = nil
	x.took = time.Since(began)
	x.rested = time.Now().Add(x.took / 2)
	x.tick++
	x.evict()
	return nil
}

// written makes a write of what changed. Meta comes last, the place behind what it says is there.
func (x *space) written() (*store.Write, error) {
	w := &store.Write{Epoch: x.r.o.Epoch, Sync: x.marked} // who moves marks is told that they have moved
	slices.SortFunc(x.dirty, func(a, b *cell) int {
		return cmp.Or(cmp.Compare(a.at.step, b.at.step), cmp.Compare(a.at.key, b.at.key), cmp.Compare(a.at.start, b.at.start))
	})
	now, version := x.clock(), byte(x.r.version.Load())
	for _, c := range x.dirty {
		w.Puts = append(w.Puts, x.put(c, version, now))
	}
	for i, c := range x.dirty {
		if p := w.Puts[i]; c.at.step != plan.BaseStep {
			p.Space = plan.PartsSpace(x.ID)
			if c.cut(x.layout); p.Bytes != nil {
				p.Bytes = c.appendRows(nil)
			}
			w.Puts = append(w.Puts, p)
		}
	}
	place, err := json.Marshal(&x.place)
	if err != nil {
		return nil, err
	}
	for _, name := range x.stale {
		w.Meta = append(w.Meta, store.MetaPut{Name: name})
	}
	w.Meta = append(w.Meta, store.MetaPut{Name: plan.StateName(x.ID), Bytes: x.st.Append(nil)}, store.MetaPut{Name: x.PlaceName(), Bytes: plan.AppendPlace([]byte{}, x.applied)},
		store.MetaPut{Name: x.placeName(), Bytes: place})
	if x.marked {
		w.Meta = append(w.Meta, store.MetaPut{Name: x.MarksName(), Bytes: x.marks.Append(nil)})
	}
	return w, nil
}

// put is the write of a tile.
func (x *space) put(c *cell, version byte, now int64) store.Put {
	p := store.Put{Space: x.ID, Key: c.at.key, Step: c.at.step, Start: c.at.start}
	if c.gone {
		return p
	}
	p.Bytes = x.Layout().AppendAs(nil, c.tile, version)
	if level := x.level(c.at.step); level >= 0 && level != x.daily { // days wait for their base tile
		p.Keep = max(plus(c.at.start, x.Levels[level].Keep)-now, 1)
	}
	x.grow(c, max(len(p.Bytes)-int(c.encoded), 0))
	c.encoded = int64(len(p.Bytes))
	return p
}

// due is when what has changed is to be written: after the group's flush, and not before the last write has been back for half as long as it
// took, so that a third of the time is left to others.
func (x *space) due() time.Time {
	due := x.since.Add(time.Duration(x.patience.Load()) * time.Millisecond)
	if x.rested.After(due) {
		return x.rested
	}
	return due
}
