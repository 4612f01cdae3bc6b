//go:build unix

package main

import (
	"context"
	"strings"
	"sync"
	"testing"

	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// TestAnswersAskRedisByName takes the right to look for names from two servers that share a Redis: values of all windows, unbounded ones among
// them, must be there all the same.
func TestAnswersAskRedisByName(t *testing.T) {
	redis := redisserver.Redis(t)
	w := newTakeover(t, onRedis("redis://"+redis.Addr))
	w.start()
	w.start()
	ctx, stop := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	beside.Go(func() { w.push(ctx) })
	awaited(t, func() string { return map[bool]string{true: "yes"}[w.acks.Load() >= 300] })
	stop()
	beside.Wait()
	w.active()
	w.settled()
	w.compare()
	redis.Command(t, "config", "resetstat")
	redis.Command(t, "acl", "setuser", "default", "-scan", "-keys")
	w.compare()
	if out := redis.Command(t, "info", "commandstats"); strings.Contains(out, "cmdstat_scan") || strings.Contains(out, "cmdstat_keys") || !strings.Contains(out, "cmdstat_hgetall") {
		t.Errorf("the servers look for names to answer: %s", out)
	}
}
