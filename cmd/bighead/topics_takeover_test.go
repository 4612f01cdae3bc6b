//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

// TestTopicsTakeover kills the server that reads the topics, again and again, at any moment while they are written and others stand by over one
// Redis. Records are spread over partitions by nothing that a group is keyed by. Meanwhile a partition is added, and somebody else joins the
// consumer group and leaves it, so that it is shared out anew. At the end every event counts once, and every value is batch's, at each server.
func TestTopicsTakeover(t *testing.T) {
	const deaths = 50
	redis := redisserver.Redis(t)
	w := newTopicWorld(t)
	w.settings(onRedis("redis://" + redis.Addr))
	t.Setenv("BIGHEAD_STREAM_LEASE", "300ms")
	w.run("apply", "--yes")
	servers := &takeover{t: t, dir: w.dir, r: rand.New(rand.NewPCG(w.r.Uint64(), 0))}
	for range 3 {
		servers.start()
	}
	var partitions atomic.Int32
	partitions.Store(2)
	var sent atomic.Int64
	named := int64(0)
	ctx, stop := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	beside.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			w.events(1+w.r.IntN(40), partitions.Load())
			w.put(w.users, 0, &kgo.Record{Key: fmt.Appendf(nil, "k%d", n%4), Value: fmt.Appendf(nil, `{"k":"k%d","ts":%q,"name":"n%d"}`, n%4, value.FormatTimestamp(1_704_067_200_000+int64(n)), n)})
			named++
			sent.Store(int64(w.sent))
			select {
			case <-time.After(5 * time.Millisecond): // the topic is not to be ahead of all that reads it
			case <-ctx.Done():
			}
		}
	})
	defer beside.Wait()
	defer stop()
	for i := range deaths {
		u := servers.active()
		before, more := sent.Load(), int64(servers.int(200))
		awaited(t, func() string { return map[bool]string{true: "yes"}[sent.Load() > before+more] })
		select { // any moment
		case <-time.After(time.Duration(servers.int(30_000)) * time.Microsecond):
		case <-t.Context().Done():
		}
		servers.kill(u)
		servers.start()
		switch i {
		case 3:
			w.grow(3)
			partitions.Store(3)
		case 7:
			w.joined(servers)
		}
	}
	stop()
	beside.Wait()
	servers.active()
	w.settled("clicks", int64(w.sent))
	w.settled("seen", int64(w.sent))
	w.settled("users", named)
	w.same()
	w.everywhere(servers)
	t.Logf("%d deaths, %d events", deaths, w.sent)
	if w.sent < 50*deaths {
		t.Error("too little was written for this to mean anything")
	}
}

// grow adds partitions up to so many, and waits until producers know.
func (w *topicWorld) grow(partitions int) {
	w.Helper()
	if _, err := w.broker.Admin().UpdatePartitions(w.Context(), partitions, w.clicks); err != nil {
		w.Fatal(err)
	}
	w.known(w.clicks, int32(partitions-1))
}

// joined has somebody be a member of the consumer group until he has partitions, and leave it again.
func (w *topicWorld) joined(servers *takeover) {
	w.Helper()
	member, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Address), kgo.ConsumerGroup(w.Name()), kgo.ConsumeTopics(w.clicks, w.users), kgo.DisableAutoCommit())
	if err != nil {
		w.Fatal(err)
	}
	defer member.Close()
	awaited(w.T, func() string {
		d, err := w.broker.Admin().DescribeGroups(w.Context(), w.Name())
		return map[bool]string{true: "a member"}[err == nil && d[w.Name()].State == "Stable"]
	})
	servers.kill(servers.active())
	servers.start()
	servers.active()
}

// settled waits until the active server has so many rows of a source in all of its partitions, and its groups have read them.
func (w *topicWorld) settled(name string, rows int64) {
	w.Helper()
	said := ""
	awaited(w.T, func() string {
		code, out, _ := bighead(w.T, w.dir, "status", "--json")
		var s onlineStatus
		if code != exitGood || json.Unmarshal([]byte(out), &s) != nil || s.Role != "active" {
			return ""
		}
		total, behind := int64(0), int64(0)
		for _, src := range s.Stream.Sources {
			if src.Source != name || src.Topic == nil {
				continue
			}
			if src.Rejected > 0 {
				w.Fatalf("%s: %d were no rows", name, src.Rejected)
			}
			for _, p := range src.Topic.Partitions {
				total += p.Had + 1
				behind += p.Lag
			}
			for _, g := range src.Groups {
				behind += g.Lag
			}
		}
		if total > rows {
			w.Fatalf("%s: %d records, and %d were written", name, total, rows)
		}
		if now := fmt.Sprintf("%s: %d of %d, %d behind", name, total, rows, behind); now != said {
			said = now
			w.Log(now)
		}
		return map[bool]string{true: "all"}[total == rows && behind == 0]
	})
}

// everywhere waits until every server answers the same.
func (w *topicWorld) everywhere(servers *takeover) {
	w.Helper()
	const body = `{"rows":[{"k":"k0"},{"k":"k1"},{"k":"k2"},{"k":"k3"}],"status":true}`
	awaited(w.T, func() string {
		first := ""
		for _, u := range servers.servers {
			code, text, err := asked(w.Context(), u, "POST", "/v1/features/v", body)
			var a featuresAnswer
			if err != nil || code != http.StatusOK || json.Unmarshal([]byte(text), &a) != nil {
				w.Fatalf("features answers %d %s, %v", code, text, err)
			}
			rows, err := json.Marshal(a.Rows)
			if err != nil {
				w.Fatal(err)
			}
			if first == "" {
				first = string(rows)
			} else if first != string(rows) {
				return ""
			}
		}
		return first
	})
}
