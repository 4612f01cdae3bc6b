// Package memory is an online store in the process's memory: for tests, previews and demos, and wherever nothing needs to last.
//
// A key's values of one step are a sorted list that is never changed where a reader may look: a write makes new lists beside the old
// ones and puts them in their place under a lock that is held for as long as a map takes. So a read takes the lock only to find its
// lists, sees each write whole, and keeps neither the writer nor other readers waiting while found runs.
package memory

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/store"
)

// Store is a store.Store. Each New is an empty one.
type Store struct {
	// writing is held by what changes the store, for all of the change; mu only while lists are put in their place.
	writing sync.Mutex
	mu      sync.RWMutex

	spaces map[string]map[int64]step
	meta   map[string][]byte
	epoch  int64
}

// A step is the lists of a step in a space, by key. A list is not empty.
type step map[string]list

// A list is the values of a key and step, starts ascending. Entries up to its length never change; what is appended lies behind the
// length that readers know.
type list []entry

type entry struct {
	start int64
	bytes []byte
}

// New makes an empty store.
func New() *Store {
	return &Store{spaces: map[string]map[int64]step{}, meta: map[string][]byte{}}
}

// Traits are those of a store that ends with its process.
func (s *Store) Traits() store.Traits { return store.Traits{Name: "memory", Atomic: true} }

// Close does nothing.
func (s *Store) Close() error { return nil }

// between is the part of a list that starts in [from, to).
func (l list) between(from, to int64) list {
	i, _ := l.find(from)
	j, _ := l.find(to)
	return l[i:max(i, j)]
}

func (l list) find(start int64) (int, bool) {
	return slices.BinarySearchFunc(l, start, func(e entry, start int64) int {
		switch {
		case e.start < start:
			return -1
		case e.start > start:
			return 1
		}
		return 0
	})
}

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, ranges []store.Range, found func(i int, start int64, bytes []byte) error) error {
	if err := store.Ended(ctx, "read from the online store"); err != nil {
		return err
	}
	if err := store.CheckRanges(ranges); err != nil {
		return err
	}
	parts := make([]list, len(ranges))
	s.mu.RLock()
	for i := range ranges {
		r := &ranges[i]
		parts[i] = s.spaces[r.Space][r.Step][r.Key].between(r.From, r.To)
	}
	s.mu.RUnlock()
	for i, part := range parts {
		for _, e := range part {
			if err := found(i, e.start, e.bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// Meta implements store.Store.
func (s *Store) Meta(ctx context.Context, prefix string, found func(name string, bytes []byte) error) error {
	if err := store.Ended(ctx, "read meta from the online store"); err != nil {
		return err
	}
	s.mu.RLock()
	all := maps.Clone(s.meta)
	s.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if err := found(name, all[name]); err != nil {
			return err
		}
	}
	return nil
}

// Scan implements store.Store. It shows one moment, by key and then by start.
func (s *Store) Scan(ctx context.Context, space string, step int64, found func(key string, start int64, bytes []byte) error) error {
	if err := store.Ended(ctx, "scan the online store"); err != nil {
		return err
	}
	s.mu.RLock()
	lists := maps.Clone(s.spaces[space][step])
	s.mu.RUnlock()
	for _, key := range slices.Sorted(maps.Keys(lists)) {
		if err := store.Ended(ctx, "scan the online store"); err != nil {
			return err
		}
		for _, e := range lists[key] {
			if err := found(key, e.start, e.bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sizes implements store.Store: the bytes of keys and values, and what a list and an entry take beside them.
func (s *Store) Sizes(ctx context.Context) (map[string]int64, error) {
	if err := store.Ended(ctx, "size the online store"); err != nil {
		return nil, err
	}
	const perList, perEntry = 80, 48
	s.mu.RLock()
	defer s.mu.RUnlock()
	sizes := map[string]int64{}
	for name, steps := range s.spaces {
		for _, lists := range steps {
			for key, l := range lists {
				sizes[name] += perList + int64(len(key)+perEntry*cap(l))
				for _, e := range l {
					sizes[name] += int64(len(e.bytes))
				}
			}
		}
	}
	return sizes, nil
}
