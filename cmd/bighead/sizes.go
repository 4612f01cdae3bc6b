package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/store"
)

const (
	sizesEvery = 30 * time.Second // a shared store answers with a walk, so that not each scrape may ask
	sizesWait  = time.Second      // metrics are not kept waiting by a store that does not answer
	sizesLimit = 20 * time.Second
)

// storeSizes is how large the spaces of a store are, asked for now and then.
type storeSizes struct {
	store store.Store

	mu    sync.Mutex
	asked time.Time // when it was last answered
	last  map[string]int64
	now   chan struct{} // closed when the answer that is awaited has come; nil: none is
	gone  bool
	calls sync.WaitGroup
}

// get is what the store last said; nil: it does not say.
func (s *storeSizes) get() map[string]int64 {
	s.mu.Lock()
	if s.now == nil && !s.gone && (s.asked.IsZero() || time.Since(s.asked) >= sizesEvery) {
		s.now = make(chan struct{})
		s.calls.Go(func() { s.ask(s.now) })
	}
	now := s.now
	s.mu.Unlock()
	if now != nil {
		select {
		case <-now:
		case <-time.After(sizesWait):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *storeSizes) ask(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), sizesLimit)
	defer cancel()
	sizes, err := s.store.Sizes(ctx)
	if err != nil {
		sizes = nil // what it was is not what it is
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.last, s.now = time.Now(), sizes, nil
	close(done)
}

// close waits for the store, which may then be closed.
func (s *storeSizes) close() {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.calls.Wait()
}

// spaceBytes is how much a space takes, its parts included.
func spaceBytes(sizes map[string]int64, space string) int64 {
	total := int64(0)
	for name, n := range sizes {
		if name == space || strings.HasPrefix(name, space+"/") {
			total += n
		}
	}
	return total
}
