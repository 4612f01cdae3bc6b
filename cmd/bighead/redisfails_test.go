//go:build unix

package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// TestRedisFails lets the shared store fail in each way that it can while events come. Servers go on answering, events go on being
// accepted, the status says what is wrong; and when it is over all values are what batch makes of the events.
func TestRedisFails(t *testing.T) {
	t.Parallel() // it waits for processes, and its Redis is its own
	redis := redisserver.Redis(t, "--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "local")
	wire := redisserver.NewWire(t, redis.Addr)
	w := newTakeover(t, longLease+onRedis("redis://"+wire.Addr)) // nobody can begin a turn at a store that takes nothing
	w.every = 20 * time.Millisecond                              // what waits while the store is away must be read in the end
	w.start()
	w.start()
	w.push(w.some(20))
	for _, c := range []struct {
		name       string
		before     func() // before any events come beside
		fail, mend func()
		says       string // in the status meanwhile; "": it passes at once
	}{
		{"it is restarted with all that it had", func() {}, redis.Stop, func() { redis.Start(t) }, "cannot be reached"},
		{"nothing comes through", func() {}, wire.Cut, wire.Mend, "cannot be reached"},
		{"its memory is full", func() {}, func() { redis.Command(t, "config", "set", "maxmemory", "1") }, func() { redis.Command(t, "config", "set", "maxmemory", "0") }, "memory is full"},
		{"it is emptied", func() {}, func() { redis.Command(t, "flushall") }, func() {}, ""},
		{"it is set back", func() {
			redis.Command(t, "save")
			w.push(w.some(20))
			w.settled() // which it would not be sure to be while more comes
		}, func() { redis.Command(t, "debug", "reload", "nosave") }, func() {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.before()
			before := w.events.Len()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var beside sync.WaitGroup
			beside.Go(func() { w.push(ctx) })
			c.fail()
			if c.says != "" {
				awaited(t, func() string {
					_, body, _ := asked(t.Context(), w.active(), "GET", "/readyz", "")
					return containingOr(body, c.says)
				})
				acks := w.acks.Load()
				awaited(t, func() string { return map[bool]string{true: "yes"}[w.acks.Load() > acks+3] })
				w.answers()
			}
			c.mend()
			acks := w.acks.Load()
			awaited(t, func() string { return map[bool]string{true: "yes"}[w.acks.Load() > acks+3] })
			stop()
			beside.Wait()
			w.settled()
			w.compare()
			if w.events.Len() == before {
				t.Error("nothing was pushed meanwhile")
			}
		})
	}
}

// some is a context for so many batches.
func (w *takeover) some(batches int64) context.Context {
	ctx, stop := context.WithCancel(w.t.Context())
	until := w.acks.Load() + batches
	go func() {
		defer stop()
		awaited(w.t, func() string { return map[bool]string{true: "yes"}[w.acks.Load() >= until] })
	}()
	return ctx
}

// answers asks every server for a row: each value has a status, and no answer is an error.
func (w *takeover) answers() {
	w.t.Helper()
	for _, u := range w.servers {
		code, body, err := asked(w.t.Context(), u, "POST", "/v1/features/v", `{"rows":[{"shop":"s1","user":"u1","world":"all"}],"status":true}`)
		if err != nil || code != http.StatusOK || !strings.Contains(body, `"status":`) {
			w.t.Errorf("features answers %d %s, %v", code, body, err)
		}
	}
}
