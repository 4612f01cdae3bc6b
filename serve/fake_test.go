package serve_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/store"
)

// fakeStore is a store in maps whose faults a test sets.
type fakeStore struct {
	mu     sync.RWMutex
	values map[fakeKey]map[int64][]byte
	meta   map[string][]byte
	reads  int

	// fault, where not nil, is called before each Read is answered; its error is the Read's.
	fault func(ctx context.Context, ranges []store.Range) error
	// bend, where not nil, changes what is found.
	bend func(r store.Range, start int64, b []byte) []byte
}

type fakeKey struct {
	space, key string
	step       int64
}

func newFake() *fakeStore {
	return &fakeStore{values: map[fakeKey]map[int64][]byte{}, meta: map[string][]byte{}}
}

func (s *fakeStore) Read(ctx context.Context, ranges []store.Range, found func(i int, start int64, b []byte) error) error {
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

func (s *fakeStore) Write(_ context.Context, w *store.Write) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range w.Puts {
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

func (s *fakeStore) Meta(_ context.Context, prefix string, found func(name string, b []byte) error) error {
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

func (s *fakeStore) setFault(f func(ctx context.Context, ranges []store.Range) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *fakeStore) setBend(f func(r store.Range, start int64, b []byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bend = f
}

func (s *fakeStore) readCount() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.reads
}

var errUnused = errors.New("a server does not ask for this")

func (s *fakeStore) Fence(context.Context, int64) error { return errUnused }
func (s *fakeStore) Scan(context.Context, string, int64, func(string, int64, []byte) error) error {
	return errUnused
}
func (s *fakeStore) Expire(context.Context, string, int64, int64) error { return nil }
func (s *fakeStore) Drop(context.Context, string) error                 { return nil }
func (s *fakeStore) Sizes(context.Context) (map[string]int64, error)    { return nil, errUnused }
func (s *fakeStore) Traits() store.Traits                               { return store.Traits{Name: "fake", Atomic: true} }
func (s *fakeStore) Close() error                                       { return nil }
