package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/plan"
)

// readMarks reads the marks again and again until the context ends.
func (s *Server) readMarks(ctx context.Context) {
	tick := time.NewTicker(s.options.MarksEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.Refresh(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			s.log.WarnContext(ctx, "marks of spaces cannot be read; those that are known stay", "error", err)
		}
		failing = err != nil
	}
}

// Refresh reads the marks of all spaces now: where batch ends, and which generation of a table holds. Marks that are known stay where
// it fails.
func (s *Server) Refresh(ctx context.Context) error { return s.refresh(ctx, s.served.Load()) }

func (s *Server) refresh(ctx context.Context, d *served) error {
	s.marksMu.Lock()
	defer s.marksMu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, max(s.options.MarksEvery, s.options.Deadline))
	defer cancel()
	r, began := &told{marks: map[string]plan.Marks{}, rolled: map[string]int64{}}, time.Since(s.began)
	for _, prefix := range s.asks(d) {
		err := s.store.Meta(ctx, prefix, func(name string, b []byte) error {
			s.take(d, r, name, b)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the marks of spaces: %w", err)
		}
	}
	for id, sp := range d.spaces {
		if t, ok := r.rolled[id]; ok {
			sp.rolled.Store(t)
		} else if s.watched == nil {
			sp.rolled.Store(plan.MinTime)
		}
		m, ok := r.marks[id]
		m.Rolled = sp.rolled.Load()
		switch old := sp.marks.Load(); {
		case !ok:
			sp.marks.Store(nil)
		case old == nil || *old != m:
			sp.marks.Store(&m)
		}
	}
	s.heard.Store(int64(began))
	return errors.Join(r.bad...)
}

// told is what is read of the store's meta at one time, by the IDs of spaces.
type told struct {
	marks  map[string]plan.Marks
	rolled map[string]int64
	bad    []error
}

// asks are the prefixes of what is to be read of the store's meta: all of it at once where others write too, elsewhere the marks, and beside
// them what the writes of this process have not yet said by themselves.
func (s *Server) asks(d *served) []string {
	if s.watched == nil {
		return []string{""}
	}
	out := []string{plan.MarksPrefix}
	for id, sp := range d.spaces {
		if sp.rolled.Load() == plan.MinTime {
			out = append(out, plan.StateName(id))
		}
		if s.options.Recorder != nil && sp.place.Load() == nil {
			out = append(out, plan.PlacePrefix+id)
		}
	}
	return out
}

// take takes one value of the store's meta into what is read.
func (s *Server) take(d *served, r *told, name string, b []byte) {
	err := error(nil)
	if id, ok := strings.CutPrefix(name, plan.MarksPrefix); ok && d.spaces[id] != nil {
		var m plan.Marks
		if m, err = plan.DecodeMarks(b); err == nil {
			r.marks[id] = m
		}
	} else if id, ok := plan.OfState(name); ok && d.spaces[id] != nil {
		r.rolled[id], err = plan.DecodeRolled(b)
	} else if id, ok := strings.CutPrefix(name, plan.PlacePrefix); ok && d.spaces[id] != nil {
		if s.watched == nil || d.spaces[id].place.Load() == nil { // else the writes of this process say more
			err = s.placed(d.spaces[id], b)
		}
	}
	if err != nil {
		r.bad = append(r.bad, fmt.Errorf("%s: %w", name, err))
	}
}

// hear takes in a value of the store's meta that this process has written: how far the stream has come in a space.
func (s *Server) hear(name string, b []byte) {
	spaces := s.served.Load().spaces
	if id, ok := plan.OfState(name); ok && spaces[id] != nil {
		rolled, _ := plan.DecodeRolled(b) // of what is removed or wrong: not known
		spaces[id].rolled.Store(rolled)
	} else if id, ok := strings.CutPrefix(name, plan.PlacePrefix); ok && spaces[id] != nil {
		_ = s.placed(spaces[id], b) // the stream writes what can be read
	}
}

// placed notes how far the stream has come in a space, for records.
func (s *Server) placed(sp *space, b []byte) error {
	if s.options.Recorder == nil {
		return nil
	}
	old := sp.place.Load()
	p, err := plan.DecodePlace(b)
	if err == nil {
		sp.place.CompareAndSwap(old, &p)
	}
	return err
}

// outOfDate is for how long marks were not read, where that is too long to go by them: another process may have removed what they name.
func (s *Server) outOfDate() (time.Duration, bool) {
	age := time.Since(s.began) - time.Duration(s.heard.Load())
	return age, s.watched == nil && age > s.options.MarksAge
}
