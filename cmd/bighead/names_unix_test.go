//go:build unix

package main

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
)

// TestAnswersAskRedisByName takes the right to look for names from two servers that share a Redis: values of all windows, unbounded ones among
// them, must be there all the same.
func TestAnswersAskRedisByName(t *testing.T) {
	t.Parallel() // it waits for processes, and its Redis is its own
	redis := redisserver.Redis(t)
	w := newTakeover(t, longLease+onRedis("redis://"+redis.Addr)) // who begins a turn looks for names, and none begins one meanwhile
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
	redis.Command(t, "acl", "setuser", "default", "-scan", "-keys")
	w.compare()
	redis.Command(t, "config", "resetstat") // what upkeep looks for is then of the time of so many answers alone
	const answers = 50
	for _, u := range w.servers {
		for range answers {
			code, text, err := asked(t.Context(), u, "POST", "/v1/features/v", `{"rows":[{"user":"u1","shop":"s1","world":"all"}],"status":true}`)
			if err != nil || code != http.StatusOK || strings.Contains(text, `"failed"`) || strings.Contains(text, `"error"`) {
				t.Fatalf("features answers %d %s, %v", code, text, err)
			}
		}
	}
	// The stream's upkeep looks for names, once a minute at most; answers would each time.
	out, looked := redis.Command(t, "info", "commandstats"), 0
	for _, m := range regexp.MustCompile(`cmdstat_(?:scan|keys):calls=(\d+).*?rejected_calls=(\d+)`).FindAllStringSubmatch(out, -1) {
		for _, n := range m[1:] {
			calls, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			looked += calls
		}
	}
	if looked >= answers || !strings.Contains(out, "cmdstat_hgetall") {
		t.Errorf("the servers look for names to answer, %d times for %d answers of each: %s", looked, answers, out)
	}
}
