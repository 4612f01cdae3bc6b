package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// confirmEvery is how often a stream makes sure that the store is still its own.
const confirmEvery = time.Second

// confirm writes nothing, again and again, so that a stream which has nothing to write hears too that another has taken over, or that the
// store has lost what was written.
func (s *Stream) confirm() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.o.Timer.After(confirmEvery):
		}
		err := s.o.Store.Write(s.ctx, &store.Write{Epoch: s.o.Epoch})
		if errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrLost) {
			s.Lose(err)
			return
		}
	}
}

// Lose ends the stream where it is, for a reason that is store.ErrFenced or store.ErrLost: this process has lost its lease, or the store
// what was written. Nothing more is folded or written, and what is in the log stays for the stream to come.
func (s *Stream) Lose(err error) {
	if errors.Is(err, store.ErrFenced) {
		err = fmt.Errorf("the stream has lost its lease: %w", err)
	}
	s.stop(err)
}

func (s *Stream) fenced() error {
	if err := s.Err(); errors.Is(err, store.ErrFenced) {
		return err
	}
	return nil
}

// Newest is the latest ts or known_at of any event that the streams' spaces have seen, as the store has it; plan.MinTime: none. It is the
// clock of the events for a process whose stream does not run.
func Newest(ctx context.Context, st store.Store, streams []*plan.Stream) (int64, error) {
	newest, ours := int64(plan.MinTime), map[string]bool{}
	for _, p := range streams {
		for _, x := range p.Spaces {
			ours[plan.StateName(x.ID)] = true
		}
	}
	err := st.Meta(ctx, plan.StreamPrefix, func(name string, b []byte) error {
		if !ours[name] {
			return nil
		}
		var at place
		if err := at.decode(b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		newest = max(newest, at.newest)
		return nil
	})
	return newest, err
}
