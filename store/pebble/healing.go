package pebble

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/bighead-ml/bighead/store"
)

// A Healing store opens its folder again, in place, after a disk that failed takes writes again: what a new process would do. Until then
// reads are answered from what was written, and writes are store.ErrUnavailable, so that their writer comes again with the same. That nothing is
// lost by it is what Write promises of the end of a process: what had returned is in the log, and what had not may be repeated. Files that are
// damaged stay an error, and so does a folder that cannot be let go of.
type Healing struct {
	o Options

	mu      sync.Mutex
	now     *Store // nil: it is being opened again
	users   int    // calls that have it
	idle    chan struct{}
	next    time.Time // not tried again before
	wait    time.Duration
	lost    error // why it cannot be opened again by this process
	healing sync.Mutex
}

// How long a store waits until it looks at its disk again, and how long for those who read it.
const (
	firstHeal = 100 * time.Millisecond
	lastHeal  = 5 * time.Second
	drainHeal = time.Second
)

// OpenHealing opens the store in a folder, as Open does.
func OpenHealing(o Options) (*Healing, error) {
	s, err := Open(o)
	if err != nil {
		return nil, err
	}
	return &Healing{o: o, now: s}, nil
}

// use gives the store as it is; done must be called.
func (h *Healing) use() (s *Store, done func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.lost != nil:
		return nil, nil, h.lost
	case h.now == nil:
		return nil, nil, fmt.Errorf("%w: the one in %s is being opened again after its disk had failed", store.ErrUnavailable, h.o.Path)
	}
	h.users++
	return h.now, h.leave, nil
}

func (h *Healing) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users--; h.users == 0 && h.idle != nil {
		close(h.idle)
		h.idle = nil
	}
}

// with does something with the store.
func (h *Healing) with(f func(*Store) error) error {
	s, done, err := h.use()
	if err != nil {
		return err
	}
	defer done()
	return f(s)
}

// writing does something that writes. Where that fails because the store has, it is opened again as soon as the disk allows.
func (h *Healing) writing(f func(*Store) error) error {
	h.heal()
	var broken *Store
	err := h.with(func(s *Store) error {
		err := f(s)
		if err != nil && s.state.failure() != nil && !pebble.IsCorruptionError(err) && !errors.Is(err, store.ErrFenced) {
			broken = s
		}
		return err
	})
	if broken == nil {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// heal opens a store that has failed again, if it is time to.
func (h *Healing) heal() {
	if !h.healing.TryLock() {
		return
	}
	defer h.healing.Unlock()
	h.mu.Lock()
	s, due := h.now, !time.Now().Before(h.next)
	h.mu.Unlock()
	if s != nil {
		if err := s.state.failure(); err == nil || pebble.IsCorruptionError(err) {
			return
		}
	}
	if !due {
		return
	}
	err := h.takesWrites()
	if err == nil && s != nil {
		err = h.retire(s)
	}
	if err == nil {
		err = h.reopen()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.wait = 0
		return
	}
	h.wait = min(max(2*h.wait, firstHeal), lastHeal)
	h.next = time.Now().Add(h.wait)
}

// takesWrites tries whether the disk has room for a file.
func (h *Healing) takesWrites() error {
	fs := h.o.FS
	if fs == nil {
		fs = vfs.Default
	}
	name := fs.PathJoin(h.o.Path, "trial.tmp")
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 1<<20))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), fs.Remove(name))
}

// retire closes a store that has failed, once nobody reads it any more.
func (h *Healing) retire(s *Store) error {
	h.mu.Lock()
	h.now = nil
	idle := make(chan struct{})
	if h.users == 0 {
		close(idle)
	} else {
		h.idle = idle
	}
	h.mu.Unlock()
	select {
	case <-idle:
	case <-time.After(drainHeal):
		h.mu.Lock()
		defer h.mu.Unlock()
		h.now, h.idle = s, nil
		return errors.New("it is being read")
	}
	_ = s.Close() // says again why it failed
	return nil
}

func (h *Healing) reopen() error {
	s, err := Open(h.o)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.now = s
	case errors.Is(err, store.ErrLocked), pebble.IsCorruptionError(err):
		h.lost = fmt.Errorf("%w; its disk had failed, and only another process can open it again", err)
	}
	return err
}

// Read implements store.Store.
func (h *Healing) Read(ctx context.Context, ranges []store.Range, found func(i int, start int64, bytes []byte) error) error {
	return h.with(func(s *Store) error { return s.Read(ctx, ranges, found) })
}

// Write implements store.Store.
func (h *Healing) Write(ctx context.Context, w *store.Write) error {
	return h.writing(func(s *Store) error { return s.Write(ctx, w) })
}

// Fence implements store.Store.
func (h *Healing) Fence(ctx context.Context, epoch int64) error {
	return h.writing(func(s *Store) error { return s.Fence(ctx, epoch) })
}

// Meta implements store.Store.
func (h *Healing) Meta(ctx context.Context, prefix string, found func(name string, bytes []byte) error) error {
	return h.with(func(s *Store) error { return s.Meta(ctx, prefix, found) })
}

// Scan implements store.Store.
func (h *Healing) Scan(ctx context.Context, space string, step int64, found func(key string, start int64, bytes []byte) error) error {
	return h.with(func(s *Store) error { return s.Scan(ctx, space, step, found) })
}

// Expire implements store.Store.
func (h *Healing) Expire(ctx context.Context, space string, step, before int64) error {
	return h.writing(func(s *Store) error { return s.Expire(ctx, space, step, before) })
}

// Drop implements store.Store.
func (h *Healing) Drop(ctx context.Context, space string) error {
	return h.writing(func(s *Store) error { return s.Drop(ctx, space) })
}

// Sizes implements store.Store.
func (h *Healing) Sizes(ctx context.Context) (sizes map[string]int64, err error) {
	err = h.with(func(s *Store) (err error) { sizes, err = s.Sizes(ctx); return err })
	return sizes, err
}

// Traits implements store.Store.
func (h *Healing) Traits() store.Traits { return (*Store)(nil).Traits() }

// Close implements store.Store.
func (h *Healing) Close() error {
	h.healing.Lock()
	defer h.healing.Unlock()
	h.mu.Lock()
	s := h.now
	h.now, h.lost = nil, errors.New("the store is closed")
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.Close()
}
