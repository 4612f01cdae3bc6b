package stream

import (
	"context"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// Forget drops spaces, whether or not the stream fills them: their tiles, batch's too, their marks and their places. The marks go first, and
// the rest after a while: how long readers may go by marks that they have read.
func (s *Stream) Forget(ctx context.Context, after time.Duration, ids ...string) error {
	s.changes.Lock()
	defer s.changes.Unlock()
	w := &store.Write{Epoch: s.o.Epoch}
	for _, id := range ids {
		if err := s.leave(ctx, id); err != nil {
			return err
		}
		marks, err := readMarks(ctx, s.o.Store, plan.MarksPrefix+id)
		if err != nil {
			return err
		}
		s.going[id] = max(s.going[id], marks.Generation)
		w.Meta = append(w.Meta, store.MetaPut{Name: plan.MarksPrefix + id})
	}
	if err := s.o.Store.Write(ctx, w); err != nil || len(ids) == 0 {
		return err
	}
	if after > 0 {
		select {
		case <-s.o.Timer.After(after):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ctx.Done():
			return s.Err()
		}
	}
	for _, id := range ids {
		if err := s.drop(ctx, id); err != nil {
			return err
		}
		delete(s.going, id)
	}
	return nil
}

// leave takes a space out of the loops.
func (s *Stream) leave(ctx context.Context, id string) error {
	for _, src := range s.all() {
		if x := src.find(id); x != nil {
			if err := src.do(ctx, func(context.Context) error { src.leave(x); return nil }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (src *source) find(id string) *space {
	src.mu.Lock()
	defer src.mu.Unlock()
	for _, x := range src.spaces {
		if x.ID == id {
			return x
		}
	}
	return nil
}

// leave takes a space out of the main loop, which calls it.
func (src *source) leave(x *space) {
	x.dropped = true
	is := func(y *space) bool { return y == x }
	src.main.spaces = slices.DeleteFunc(src.main.spaces, is)
	src.mu.Lock()
	src.spaces = slices.DeleteFunc(src.spaces, is)
	src.mu.Unlock()
	src.s.spaces.Add(-1)
}

// drop removes what is left of a space when its marks are gone.
func (s *Stream) drop(ctx context.Context, space string) error {
	generation := s.going[space]
	for _, name := range []string{space, plan.BatchSpace(space, generation), plan.BatchSpace(space, generation+1)} { // the last of a load that was ended
		if err := s.o.Store.Drop(ctx, name); err != nil {
			return err
		}
	}
	w := &store.Write{Epoch: s.o.Epoch, Meta: []store.MetaPut{{Name: plan.PlacePrefix + space}}}
	err := s.o.Store.Meta(ctx, plan.StreamPrefix+space+"/", func(name string, _ []byte) error {
		w.Meta = append(w.Meta, store.MetaPut{Name: name})
		return nil
	})
	if err != nil {
		return err
	}
	return s.o.Store.Write(ctx, w)
}
