package serve_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/servetest"
)

// second is L2 in memory.
type second struct {
	mu    sync.Mutex
	kept  map[string][]byte
	sets  chan int // how many entries each write had
	fault func(ctx context.Context) error
	gets  int
	keep  time.Duration // of the last write
}

func newSecond() *second { return &second{kept: map[string][]byte{}, sets: make(chan int, 1000)} }

func (s *second) Get(ctx context.Context, names []string) ([][]byte, error) {
	s.mu.Lock()
	fault := s.fault
	s.gets++
	s.mu.Unlock()
	if fault != nil {
		if err := fault(ctx); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([][]byte, len(names))
	for i, n := range names {
		out[i] = s.kept[n]
	}
	return out, nil
}

func (s *second) Set(_ context.Context, entries []serve.SecondEntry, keep time.Duration) error {
	s.mu.Lock()
	s.keep = keep
	for _, e := range entries {
		s.kept[e.Name] = e.Bytes
	}
	s.mu.Unlock()
	s.sets <- len(entries)
	return nil
}

// told waits until so many entries were written.
func (s *second) told(n int) {
	for n > 0 {
		n -= <-s.sets
	}
}

// A server that has just begun answers what another one had answered, as stale, while the store fails; not what is too old, of other
// definitions, damaged, or asked for a time.
func TestTheLastWordOfAnotherServer(t *testing.T) {
	l2 := newSecond()
	s := newSmall(t, serve.Options{Second: l2})
	s.event("a", 3, 1000)
	s.write()
	names := []string{"g__x_sum_1h", "g__x_last_10s", "z", "w"}
	expect(t, s.ask("v", nil, row("a"), names...), "g__x_sum_1h=3 present, g__x_last_10s=3 present, z=3 present, w=3 present")
	l2.told(2) // tiles and rows
	if l2.keep != time.Hour {
		t.Errorf("it is kept for %v", l2.keep)
	}

	clock := int64(now)
	over := func(l2 serve.Second) *small {
		return &small{t: t, Server: open(t, s.store, s.project.Views, serve.Options{Second: l2, Clock: func() int64 { return clock }, Deadline: time.Hour})}
	}
	fresh := func() *small { return over(l2) }
	s.store.SetFault(down)
	expect(t, fresh().ask("v", nil, row("a"), names...), "g__x_sum_1h=3 stale, g__x_last_10s=3 stale, z=3 stale, w=3 stale")
	expect(t, fresh().ask("v", nil, row("b"), "g__x_sum_1h", "g__x_min_1h"), "g__x_sum_1h=null failed, g__x_min_1h=-1 fallback") // nobody has asked for it
	expect(t, fresh().ask("v", nil, row("a"), "g__x_min_1h"), "g__x_min_1h=-1 fallback")                                         // another choice of values is another entry
	past := int64(now - 1)
	expect(t, fresh().ask("v", &past, row("a"), "g__x_sum_1h"), "g__x_sum_1h=null failed")
	clock = now + hour + 1
	expect(t, fresh().ask("v", nil, row("a"), names...), "g__x_sum_1h=null failed, g__x_last_10s=null failed, z=null failed, w=-1 fallback")
	clock = now
	for _, bend := range []func(b []byte) []byte{
		func(b []byte) []byte { return b[:len(b)-1] }, func([]byte) []byte { return []byte{} }, func([]byte) []byte { return []byte{1} },
		func(b []byte) []byte { return append(b, 0) }, func(b []byte) []byte { b[0] = 9; return b },
		func(b []byte) []byte { return append(b[:len(b)-1:len(b)-1], 0xff) },
	} {
		bent := newSecond()
		for name, b := range l2.kept {
			bent.kept[name] = bend(append([]byte{}, b...))
		}
		if got := over(bent).ask("v", nil, row("a"), names...); strings.Contains(got, "stale") {
			t.Errorf("damaged: %s", got)
		}
	}
}

// What is unchanged for long is told again before it is forgotten; what changes all the time is told once a second.
func TestTheSecondCacheIsToldNowAndThen(t *testing.T) {
	l2 := newSecond()
	s := newSmall(t, serve.Options{Second: l2})
	ask := func(at int64) {
		s.at(at)
		s.ask("v", nil, row("a"), "g__x_sum_30d")
	}
	ask(now)
	l2.told(1)
	for _, at := range []int64{now + 1, now + 60_000} {
		ask(at) // it is known, and was told
	}
	s.event("a", 1, 1000)
	s.write()
	ask(now + 60_100)
	l2.told(1)
	s.event("a", 1, 1000)
	s.write()
	ask(now + 60_200) // a tenth of a second later
	ask(now + 60_200 + 16*60_000)
	l2.told(1)
	if n := len(l2.sets); n != 0 {
		t.Errorf("it was told %d times too often", n)
	}
}

// A second cache that does not come back, or fails, holds no answer up, and is left alone after some failures.
func TestASecondCacheThatFails(t *testing.T) {
	p := servetest.Definitions(t, strings.ReplaceAll(smallDefinitions, `deadline="10m"`, `deadline="20ms"`))
	st := servetest.NewStore()
	servetest.Fill(t, st, p.Groups[0], nil, now, plan.NoMarks, plan.MinTime)
	st.SetFault(down)
	l2 := newSecond()
	release := make(chan struct{})
	defer close(release)
	l2.fault = func(context.Context) error { <-release; return nil }
	registry := prometheus.NewRegistry()
	server := open(t, st, p.Views, serve.Options{Second: l2, Clock: func() int64 { return now }, Now: still, Deadline: time.Hour, Metrics: serve.NewMetrics(registry)})
	ask := func() {
		t.Helper()
		r, err := server.Features(t.Context(), serve.Request{View: "v", Rows: []serve.Row{{Values: row("a")}}, Features: []string{"g__x_sum_1h", "g__x_min_1h"}})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, text(&r.Rows[0], r.Features), "g__x_sum_1h=null failed, g__x_min_1h=-1 fallback")
	}
	// One whose time is over before it comes to that does not ask, so that it may take more than five.
	failed := func() float64 { return metric(t, registry, "bighead_cache_total", "result", "failed") }
	for failed() < 5 {
		ask()
	}
	ask()
	if n := failed(); n != 5 {
		t.Errorf("it is asked once more after it failed five times: it failed %v times", n)
	}
	for asked := 0; asked < 5; runtime.Gosched() { // nobody waits for what does not come back, not even for that it begins
		l2.mu.Lock()
		if asked = l2.gets; asked > 5 {
			t.Errorf("it failed five times, and was asked %d times", asked)
		}
		l2.mu.Unlock()
	}
}
