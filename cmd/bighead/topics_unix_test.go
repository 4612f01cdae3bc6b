//go:build unix

package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// up runs the binary, and waits until it answers. kill ends it as kill -9 does.
func (w *topicWorld) up() (kill func()) {
	w.Helper()
	s := start(w.T, w.dir, "", "up", nil)
	if err := s.Start(); err != nil {
		w.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	killed := false
	kill = func() {
		if !killed {
			killed = true
			if err := s.Process.Kill(); err != nil {
				w.Error(err)
			}
			<-ended
		}
		if w.Failed() {
			w.Log(s.stderr.String())
		}
	}
	w.Cleanup(kill)
	awaited(w.T, func() string {
		select {
		case err := <-ended:
			killed = true
			w.Fatalf("up ended: %v\n%s", err, s.stderr.String())
		default:
		}
		p, err := (&cli{dir: w.dir, stderr: &lockedText{}}).open()
		if err != nil {
			w.Fatal(err)
		}
		if _, err := newCaller(p, ""); errors.Is(err, errNoServer) {
			return ""
		} else if err != nil {
			w.Fatal(err)
		}
		return "up"
	})
	return kill
}

// TestTopicsAfterKill ends the binary with kill -9 again and again while it reads a topic that is being written, the last time without a broker
// at its start: every event counts once, and what is no row is in the topic of dead letters.
func TestTopicsAfterKill(t *testing.T) {
	w := newTopicWorld(t)
	dead := w.topic("dead", 1)
	t.Setenv("BIGHEAD_STREAM_DEAD_LETTERS", dead)
	w.run("apply", "--yes")
	w.put(w.clicks, 0, &kgo.Record{Key: []byte("key"), Value: []byte("no JSON"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}}})
	for round := range 4 {
		kill := w.up()
		for range 5 {
			w.events(100, 2)
		}
		if round < 3 {
			middle := int64(w.sent - 1 - w.r.IntN(500))
			awaited(t, func() string { // somewhere in the middle
				rows := int64(0)
				for _, p := range w.source("clicks").Topic.Partitions {
					rows += p.Had + 1
				}
				return map[bool]string{true: "some"}[rows > middle]
			})
		}
		kill()
	}
	w.broker.Down(false)
	kill := w.up()
	awaited(t, func() string {
		return containingOr(fmt.Sprint(w.status().Degraded), w.clicks+" of source clicks is waiting")
	})
	w.run("get", "v", "k=k0") // an answer, from what there is
	if err := w.broker.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.arrived("clicks", w.sent+1)
	w.arrived("seen", w.sent+1)
	w.same()
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Address), kgo.ConsumeTopics(dead), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var letters []*kgo.Record
	for len(letters) == 0 && t.Context().Err() == nil {
		letters = reader.PollFetches(t.Context()).Records()
	}
	if len(letters) == 0 {
		t.Fatal("there is no dead letter")
	}
	letter := letters[0]
	if string(letter.Key) != "key" || string(letter.Value) != "no JSON" || len(letter.Headers) != 6 || letter.Headers[0].Key != "h" {
		t.Errorf("a dead letter is %q %q %v", letter.Key, letter.Value, letter.Headers)
	}
	kill()
}
