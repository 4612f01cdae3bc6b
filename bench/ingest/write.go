package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
)

const topic = "buys"

// writer writes events to the topic.
type writer struct {
	*maker
	client *kgo.Client
	sent   int
	bytes  int64

	mu     sync.Mutex
	failed error
}

func newWriter(ctx context.Context, b *server.Broker, o options) (*writer, error) {
	if _, err := b.Admin().CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
		return nil, fmt.Errorf("create the topic: %w", err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(100_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return nil, err
	}
	return &writer{maker: newMaker(o.seed), client: client}, nil
}

func (w *writer) send(ctx context.Context, now time.Time, mark string) {
	text := w.event(make([]byte, 0, 256), now, mark)
	w.bytes += int64(len(text))
	w.client.Produce(ctx, &kgo.Record{Partition: int32(w.sent % partitions), Value: text}, func(_ *kgo.Record, err error) {
		if err != nil {
			w.mu.Lock()
			w.failed = err
			w.mu.Unlock()
		}
	})
	w.sent++
}

// settle waits until all that was sent is in the topic.
func (w *writer) settle(ctx context.Context) error {
	if err := w.client.Flush(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// fill writes events as fast as it goes.
func (w *writer) fill(ctx context.Context, n int) error {
	now := time.Now()
	for i := range n {
		if i%1000 == 0 {
			now = time.Now()
		}
		w.send(ctx, now, "")
	}
	return w.settle(ctx)
}

// freshness is how long things took until they were to be seen.
type freshness struct {
	seen []time.Duration // of marked events, from when they were to be sent
	own  []time.Duration // of what the product says, looked at each time
	late time.Duration   // of the sender behind its schedule
}

// How often what is done in the second part.
const (
	markEvery = 20 * time.Millisecond
	lookEvery = 10 * time.Millisecond // for marked events that were not seen yet
	tick      = 2 * time.Millisecond  // of the sender
)

// pace writes events by schedule, some of them marked, looks for the marked ones, and waits until all are folded.
func pace(ctx context.Context, o options, w *writer, up *upProcess) (*freshness, error) {
	f, looking := &freshness{}, &marks{due: map[string]time.Time{}}
	looks, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	all.Go(func() {
		if err := looking.look(looks, up, f); err != nil && looks.Err() == nil {
			failed.Store(&err)
			stop()
		}
	})
	err := w.pace(looks, o, looking, f)
	if err == nil && up.flink == nil {
		err = up.folded(looks, int64(w.sent))
	}
	if err == nil {
		err = looking.none(looks)
	}
	stop()
	all.Wait()
	if e := failed.Load(); e != nil {
		err = *e
	}
	slices.Sort(f.seen)
	slices.Sort(f.own)
	return f, err
}

// pace sends each event when its time has come: who is behind schedule catches up, and nobody is waited for.
func (w *writer) pace(ctx context.Context, o options, looking *marks, f *freshness) error {
	began, first, marked := time.Now(), w.sent, time.Duration(0)
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for since := time.Duration(0); since < o.pacing; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-clock.C:
		}
		since = time.Since(began)
		for due := int(o.rate * min(since, o.pacing).Seconds()); w.sent-first < due; {
			at := time.Duration(float64(w.sent-first) / o.rate * float64(time.Second))
			f.late = max(f.late, time.Since(began)-at)
			mark := ""
			if at >= marked {
				marked += markEvery
				mark = fmt.Sprintf("mark-%09d", w.sent)
				looking.add(mark, began.Add(at))
			}
			w.send(ctx, began.Add(at), mark)
		}
	}
	return w.settle(ctx)
}

// marks are marked events that were not seen yet.
type marks struct {
	mu  sync.Mutex
	due map[string]time.Time // when they were to be sent
}

func (m *marks) add(mark string, due time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.due[mark] = due
}

// atOnce is how many marked events are asked for in one request: that many wait where the stream comes along, and where it does not the reads
// are not to make it worse.
const atOnce = 32

// waiting are the oldest that were not seen, by their names, which ascend.
func (m *marks) waiting() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for mark := range m.due {
		out = append(out, mark)
	}
	slices.Sort(out)
	return out[:min(len(out), atOnce)]
}

// none waits until all were seen.
func (m *marks) none(ctx context.Context) error {
	clock := time.NewTicker(lookEvery)
	defer clock.Stop()
	for len(m.waiting()) > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-clock.C:
		}
	}
	return nil
}

// look reads the marked events until ctx ends, and now and then what the product says of its freshness.
func (m *marks) look(ctx context.Context, up *upProcess, f *freshness) error {
	clock := time.NewTicker(lookEvery)
	defer clock.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
		if i%25 == 0 {
			own, err := up.metric(ctx, `bighead_freshness_seconds{group="g"}`)
			if err != nil {
				return err
			}
			f.own = append(f.own, time.Duration(own*float64(time.Second)))
		}
		waiting := m.waiting()
		if len(waiting) == 0 {
			continue
		}
		counts, err := up.counts(ctx, waiting)
		if err != nil {
			return err
		}
		now := time.Now()
		m.mu.Lock()
		for j, mark := range waiting {
			if counts[j] > 0 {
				f.seen = append(f.seen, now.Sub(m.due[mark]))
				delete(m.due, mark)
			}
		}
		m.mu.Unlock()
	}
}

// quantile is of sorted durations; 0 where there are none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
