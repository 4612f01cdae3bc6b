package memory

import (
	"bytes"
	"context"
	"slices"

	"github.com/bighead-ml/bighead/store"
)

// A line names one list.
type line struct {
	space, key string
	step       int64
}

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, w *store.Write) error {
	if err := store.Ended(ctx, "write to the online store"); err != nil {
		return err
	}
	if err := w.Check(); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if w.Epoch < s.epoch {
		return store.ErrFenced
	}
	// Only writers change the maps, so this one may look at them without mu.
	changed := map[line]draft{}
	for i := range w.Puts {
		p := &w.Puts[i]
		at := line{p.Space, p.Key, p.Step}
		d, begun := changed[at]
		if !begun {
			d.list = s.spaces[p.Space][p.Step][p.Key]
		}
		changed[at] = d.with(p.Start, bytes.Clone(p.Bytes))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch = w.Epoch
	for at, d := range changed {
		s.place(at, d.list)
	}
	for _, m := range w.Meta {
		if m.Bytes == nil {
			delete(s.meta, m.Name)
			continue
		}
		s.meta[m.Name] = bytes.Clone(m.Bytes)
	}
	return nil
}

// A draft is a list that a write is making. Until own is true, its entries may be seen by readers.
type draft struct {
	list list
	own  bool
}

// with is the draft with the value at the start, or without where the value is nil. What belongs at the end is appended behind what
// readers see; any other change of what they may see makes a copy.
func (d draft) with(start int64, value []byte) draft {
	i, there := d.list.find(start)
	switch {
	case value == nil && !there:
		return d
	case value != nil && i == len(d.list):
		d.list = append(d.list, entry{start, value})
		return d
	}
	if !d.own {
		d = draft{slices.Clone(d.list), true}
	}
	switch {
	case value == nil:
		d.list = slices.Delete(d.list, i, i+1)
	case there:
		d.list[i].bytes = value
	default:
		d.list = slices.Insert(d.list, i, entry{start, value})
	}
	return d
}

// place puts a list where readers find it; an empty one is removed. The caller holds mu.
func (s *Store) place(at line, l list) {
	steps := s.spaces[at.space]
	if len(l) > 0 {
		if steps == nil {
			steps = map[int64]step{}
			s.spaces[at.space] = steps
		}
		if steps[at.step] == nil {
			steps[at.step] = step{}
		}
		steps[at.step][at.key] = l
		return
	}
	delete(steps[at.step], at.key)
	if len(steps[at.step]) == 0 {
		delete(steps, at.step)
	}
	if len(steps) == 0 {
		delete(s.spaces, at.space)
	}
}

// Fence implements store.Store.
func (s *Store) Fence(ctx context.Context, epoch int64) error {
	if err := store.Ended(ctx, "fence the online store"); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if epoch < s.epoch {
		return store.ErrFenced
	}
	s.epoch = epoch // read by writers only
	return nil
}

// Expire implements store.Store. It is exact, and a walk: in memory there is nothing to compact later. Lists are put in their place a
// batch at a time, so that readers get between.
func (s *Store) Expire(ctx context.Context, space string, step, before int64) error {
	const batch = 1024
	s.writing.Lock()
	defer s.writing.Unlock()
	left := map[line]list{}
	flush := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for at, l := range left {
			s.place(at, l)
		}
		clear(left)
	}
	keys := make([]string, 0, len(s.spaces[space][step]))
	for key := range s.spaces[space][step] {
		keys = append(keys, key)
	}
	for _, key := range keys {
		l := s.spaces[space][step][key]
		if i, _ := l.find(before); i > 0 {
			left[line{space, key, step}] = slices.Clone(l[i:]) // a clone, so that the old ones are freed
		}
		if len(left) == batch {
			if err := store.Ended(ctx, "expire in the online store"); err != nil {
				return err
			}
			flush()
		}
	}
	if err := store.Ended(ctx, "expire in the online store"); err != nil {
		return err
	}
	flush()
	return nil
}

// Drop implements store.Store.
func (s *Store) Drop(ctx context.Context, space string) error {
	if err := store.Ended(ctx, "drop from the online store"); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.spaces, space)
	return nil
}
