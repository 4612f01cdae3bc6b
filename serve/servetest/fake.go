package servetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/store"
)

// Store is a store in maps whose faults a test sets.
type Store struct {
	mu     sync.RWMutex
	values map[fakeKey]map[int64][]byte
	meta   map[string][]byte
	wrote  map[store.Owner]uint64
	reads  int
	asks   int

	fault func(ctx context.Context, ranges []store.Range) error
	bend  func(r store.Range, start int64, b []byte) []byte
}

type fakeKey struct {
	space, key string
	step       int64
}

// NewStore is an empty store without faults.
func NewStore() *Store {
	return &Store{values: map[fakeKey]map[int64][]byte{}, meta: map[string][]byte{}, wrote: map[store.Owner]uint64{}}
}

// Read answers after the fault, in the order of the ranges.
func (s *Store) Read(ctx context.Context, ranges []store.Range, found func(i int, start int64, b []byte) error) error {
	if err := store.CheckRanges(ranges); err != nil {
		return err
	}
	s.mu.Lock()
	s.reads++
	fault, bend := s.fault, s.bend
	s.mu.Unlock()
	if fault != nil {
		if err := fault(ctx, ranges); err != nil {
			return err
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i, r := range ranges {
		at := s.values[fakeKey{r.Space, r.Key, r.Step}]
		for _, start := range slices.Sorted(maps.Keys(at)) {
			if start < r.From || start >= r.To {
				continue
			}
			b := at[start]
			if bend != nil {
				b = bend(r, start, b)
			}
			if err := found(i, start, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// Versions counts the puts of each owner, after the fault.
func (s *Store) Versions(ctx context.Context, owners []store.Owner, versions []uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks++
	if s.fault != nil {
		if err := s.fault(ctx, nil); err != nil {
			return err
		}
	}
	for i, o := range owners {
		versions[i] = s.wrote[o]
	}
	return nil
}

// Asks is how often it was asked for versions.
func (s *Store) Asks() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.asks
}

// Write puts and deletes.
func (s *Store) Write(_ context.Context, w *store.Write) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range w.Puts {
		s.wrote[store.Owner{Space: p.Space, Key: p.Key}]++
		k := fakeKey{p.Space, p.Key, p.Step}
		if s.values[k] == nil {
			s.values[k] = map[int64][]byte{}
		}
		if s.values[k][p.Start] = p.Bytes; p.Bytes == nil {
			delete(s.values[k], p.Start)
		}
	}
	for _, m := range w.Meta {
		if s.meta[m.Name] = m.Bytes; m.Bytes == nil {
			delete(s.meta, m.Name)
		}
	}
	return nil
}

// Meta gives meta values by name.
func (s *Store) Meta(_ context.Context, prefix string, found func(name string, b []byte) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(s.meta)) {
		if strings.HasPrefix(name, prefix) {
			if err := found(name, s.meta[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// SetFault sets what happens before each Read is answered; its error is the Read's. nil: nothing.
func (s *Store) SetFault(f func(ctx context.Context, ranges []store.Range) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// SetBend sets what becomes of each value that is found. nil: nothing.
func (s *Store) SetBend(f func(r store.Range, start int64, b []byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bend = f
}

// Reads is how many there were.
func (s *Store) Reads() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.reads
}

var errUnused = errors.New("a server does not ask for this")

// Fence is not used by a server.
func (s *Store) Fence(context.Context, int64) error { return errUnused }

// Scan is not used by a server.
func (s *Store) Scan(context.Context, string, int64, func(string, int64, []byte) error) error {
	return errUnused
}

// Expire keeps all.
func (s *Store) Expire(context.Context, string, int64, int64) error { return nil }

// Drop removes a space.
func (s *Store) Drop(_ context.Context, space string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.values, func(k fakeKey, _ map[int64][]byte) bool { return k.space == space })
	return nil
}

// Sizes is not used by a server.
func (s *Store) Sizes(context.Context) (map[string]int64, error) { return nil, errUnused }

// Traits are those of a store in memory.
func (s *Store) Traits() store.Traits { return store.Traits{Name: "fake", Atomic: true} }

// Close does nothing.
func (s *Store) Close() error { return nil }
