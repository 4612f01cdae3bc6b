package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bighead-ml/bighead/store"
)

// memoryStore is a store that may fail: in the midst of a write, where it is not atomic, or be out of reach.
type memoryStore struct {
	atomic bool

	mu     sync.Mutex
	places map[place4]string
	meta   map[string]string
	epoch  int64
	writes int
	// crash fails the n-th write from now on (0: the next), and everything from then on; -1: never. Before that, a store that is not atomic
	// does some of its puts; puts < 0: all, and nothing of its meta.
	crash, puts int
	broken      error
	flaky       *rand.Rand // one call in four finds the store out of reach; nil: none does
	keeps       map[place4]int64
	slow        *rand.Rand    // writes let others go before them; nil: they do not
	gate        chan struct{} // nil, or each write waits until something comes from there
	begun       atomic.Int64  // writes that have come to it
}

type place4 struct {
	space, key string
	step, at   int64
}

func newMemoryStore(atomic bool) *memoryStore {
	return &memoryStore{atomic: atomic, places: map[place4]string{}, meta: map[string]string{}, keeps: map[place4]int64{}, crash: -1}
}

// reached says why a call fails.
func (m *memoryStore) reached() error {
	if m.broken == nil && m.flaky != nil && m.flaky.IntN(4) == 0 {
		return fmt.Errorf("connection lost: %w", store.ErrUnavailable)
	}
	return m.broken
}

func (m *memoryStore) fail(err error) { m.mu.Lock(); defer m.mu.Unlock(); m.broken = err }

func (m *memoryStore) Read(_ context.Context, ranges []store.Range, found func(int, int64, []byte) error) error {
	type hit struct {
		i  int
		at int64
		b  string
	}
	if err := store.CheckRanges(ranges); err != nil {
		return err
	}
	var hits []hit
	m.mu.Lock()
	if err := m.reached(); err != nil {
		defer m.mu.Unlock()
		return err
	}
	for i, r := range ranges {
		n := len(hits)
		if r.To == r.From+1 {
			if b, ok := m.places[place4{r.Space, r.Key, r.Step, r.From}]; ok {
				hits = append(hits, hit{i, r.From, b})
			}
			continue
		}
		for p, b := range m.places {
			if p.space == r.Space && p.key == r.Key && p.step == r.Step && p.at >= r.From && p.at < r.To {
				hits = append(hits, hit{i, p.at, b})
			}
		}
		slices.SortFunc(hits[n:], func(a, b hit) int { return cmp.Compare(a.at, b.at) })
	}
	m.mu.Unlock()
	for _, h := range hits {
		if err := found(h.i, h.at, []byte(h.b)); err != nil {
			return err
		}
	}
	return nil
}

var errCrash = errors.New("the power is gone")

// wait holds a write up.
func (m *memoryStore) wait(ctx context.Context) {
	m.mu.Lock()
	gate, turns := m.gate, 0
	if m.slow != nil {
		turns = m.slow.IntN(100)
	}
	m.mu.Unlock()
	for range turns {
		runtime.Gosched()
	}
	if gate == nil {
		return
	}
	m.begun.Add(1)
	select {
	case <-gate:
	case <-ctx.Done():
	}
}

func (m *memoryStore) Write(ctx context.Context, w *store.Write) error {
	m.wait(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return store.Ended(ctx, "write")
	}
	if err := m.reached(); err != nil {
		return err
	}
	if w.Epoch < m.epoch {
		return store.ErrFenced
	}
	m.epoch = w.Epoch
	m.writes++
	crash := m.crash == 0
	if m.crash >= 0 {
		m.crash--
	}
	if crash && m.atomic {
		m.broken = errCrash
		return errCrash
	}
	puts := slices.Clone(w.Puts) // those of a key stand or fall together
	slices.SortStableFunc(puts, func(a, b store.Put) int { return cmp.Or(cmp.Compare(a.Space, b.Space), cmp.Compare(a.Key, b.Key)) })
	for i, p := range puts {
		m.keeps[place4{p.Space, p.Key, p.Step, p.Start}] = p.Keep
		if crash && m.puts >= 0 && i >= m.puts%(len(puts)+1) && (i == 0 || puts[i-1].Key != p.Key) {
			m.broken = errCrash
			return errCrash
		}
		at := place4{p.Space, p.Key, p.Step, p.Start}
		if p.Bytes == nil {
			delete(m.places, at)
		} else {
			m.places[at] = string(p.Bytes)
		}
	}
	for i, p := range w.Meta {
		if crash && (m.puts < 0 || i >= m.puts%(len(w.Meta)+1)) {
			m.broken = errCrash
			return errCrash
		}
		if p.Bytes == nil {
			delete(m.meta, p.Name)
		} else {
			m.meta[p.Name] = string(p.Bytes)
		}
	}
	return nil
}

func (m *memoryStore) Fence(_ context.Context, epoch int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if epoch < m.epoch {
		return store.ErrFenced
	}
	m.epoch = epoch
	return nil
}

func (m *memoryStore) Meta(_ context.Context, prefix string, found func(string, []byte) error) error {
	m.mu.Lock()
	if err := m.reached(); err != nil {
		defer m.mu.Unlock()
		return err
	}
	all := maps.Clone(m.meta)
	m.mu.Unlock()
	for _, n := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(n, prefix) {
			if err := found(n, []byte(all[n])); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memoryStore) Scan(_ context.Context, space string, step int64, found func(string, int64, []byte) error) error {
	m.mu.Lock()
	if err := m.reached(); err != nil {
		defer m.mu.Unlock()
		return err
	}
	all := maps.Clone(m.places)
	m.mu.Unlock()
	for p, b := range all {
		if p.space == space && p.step == step {
			if err := found(p.key, p.at, []byte(b)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *memoryStore) Expire(_ context.Context, space string, step, before int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.places, func(p place4, _ string) bool { return p.space == space && p.step == step && p.at < before })
	return nil
}

func (m *memoryStore) Drop(_ context.Context, space string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.places, func(p place4, _ string) bool { return p.space == space })
	return nil
}

func (m *memoryStore) Sizes(context.Context) (map[string]int64, error) { return nil, nil }
func (m *memoryStore) Traits() store.Traits                            { return store.Traits{Name: "test", Atomic: m.atomic} }
func (m *memoryStore) Close() error                                    { return nil }
