package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// memoryLog is an event log in memory that outlives its readers, as a file does.
type memoryLog struct {
	clock  func() int64
	hasID  bool
	schema value.Schema

	mu      sync.Mutex
	first   int64
	records []*eventlog.Record // from first on
	grown   chan struct{}
	offset  int64 // of the next pushed row
	last    map[int32]int64
	ids     map[string]map[int64]bool
	once    map[string]int64
	free    int64
	sealed  int // how often it was asked to
	broken  error
}

func newMemoryLog(def *feature.Source, clock func() int64) *memoryLog {
	return &memoryLog{clock: clock, hasID: def.ID != "", schema: def.Schema, first: 1, grown: make(chan struct{}), last: map[int32]int64{}, ids: map[string]map[int64]bool{}, once: map[string]int64{}}
}

func (l *memoryLog) Append(_ context.Context, a *eventlog.Arriving) (eventlog.Accepted, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.first + int64(len(l.records))
	if at, ok := l.once[a.Once]; ok && a.Once != "" {
		return eventlog.Accepted{Sequence: at, Again: true}, nil
	}
	got := eventlog.Accepted{Sequence: next}
	var keep []int32
	var offsets []int64
	for i := range a.Rows.N {
		if a.Offsets != nil && a.Offsets[i] <= l.last[a.Partition] {
			continue
		}
		if id := ""; a.IDs != nil && a.IDs[i] != "" {
			id = a.IDs[i]
			if l.ids[id][a.Times[i]] {
				got.Copies = append(got.Copies, int32(i))
				continue
			}
			if l.ids[id] == nil {
				l.ids[id] = map[int64]bool{}
			} else {
				got.Conflicts++
			}
			l.ids[id][a.Times[i]] = true
		}
		keep = append(keep, int32(i))
		if a.Offsets != nil {
			offsets = append(offsets, a.Offsets[i])
			l.last[a.Partition] = a.Offsets[i]
		}
	}
	if len(keep) == 0 {
		return got, nil
	}
	b := &value.Batch{Schema: a.Rows.Schema, N: len(keep)}
	for _, c := range a.Rows.Columns {
		b.Columns = append(b.Columns, c.Take(keep))
	}
	r := &eventlog.Record{Sequence: next, Arrival: l.clock(), Partition: a.Partition, Offsets: offsets, Rows: b, Once: a.Once}
	if a.Offsets == nil {
		r.First = l.offset
		l.offset += int64(b.N)
		l.last[a.Partition] = l.offset - 1
	}
	if a.Once != "" {
		l.once[a.Once] = next
	}
	l.records = append(l.records, r)
	close(l.grown)
	l.grown = make(chan struct{})
	return got, nil
}

func (l *memoryLog) Read(_ context.Context, from int64) (eventlog.Cursor, error) {
	if from < l.First() {
		return nil, fmt.Errorf("record %d has been let go: the log begins at %d", from, l.First())
	}
	return &memoryCursor{l, from}, nil
}

type memoryCursor struct {
	log  *memoryLog
	next int64
}

func (c *memoryCursor) Next(ctx context.Context) (*eventlog.Record, error) {
	for {
		c.log.mu.Lock()
		i, grown := c.next-c.log.first, c.log.grown
		if i < int64(len(c.log.records)) {
			r := c.log.records[i]
			c.log.mu.Unlock()
			c.next++
			return r, nil
		}
		c.log.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *memoryCursor) Close() error { return nil }

func (l *memoryLog) First() int64 { l.mu.Lock(); defer l.mu.Unlock(); return l.first }
func (l *memoryLog) Next() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first + int64(len(l.records))
}
func (l *memoryLog) Positions() map[int32]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.last)
}
func (l *memoryLog) Release(before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = max(l.free, before)
}

// letGo drops the records before a sequence number, as a log does with old ones.
func (l *memoryLog) letGo(before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(max(before-l.first, 0), int64(len(l.records)))
	l.records, l.first = l.records[n:], l.first+n
}
func (l *memoryLog) Seal(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed++
	return l.broken
}
func (l *memoryLog) seals() int                                   { l.mu.Lock(); defer l.mu.Unlock(); return l.sealed }
func (l *memoryLog) Table(context.Context) (dataset.Table, error) { return nil, errors.ErrUnsupported }
func (l *memoryLog) Bytes() int64                                 { return 0 }
func (l *memoryLog) Close() error                                 { return nil }
func (l *memoryLog) rows() (out []*eventlog.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// clockwork is a clock and a timer that stand until they are moved.
type clockwork struct {
	mu      sync.Mutex
	ms      int64
	passed  time.Duration
	waiting []alarm
}

type alarm struct {
	at time.Duration
	c  chan time.Time
}

func (c *clockwork) clock() int64 { c.mu.Lock(); defer c.mu.Unlock(); return c.ms }
func (c *clockwork) set(ms int64) { c.mu.Lock(); defer c.mu.Unlock(); c.ms = ms }

func (c *clockwork) Now() time.Duration { c.mu.Lock(); defer c.mu.Unlock(); return c.passed }

func (c *clockwork) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := alarm{c.passed + d, make(chan time.Time, 1)}
	if d <= 0 {
		a.c <- time.Time{}
	} else {
		c.waiting = append(c.waiting, a)
	}
	return a.c
}

// pass lets time go by.
func (c *clockwork) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
	c.waiting = slices.DeleteFunc(c.waiting, func(a alarm) bool {
		if a.at > c.passed {
			return false
		}
		a.c <- time.Time{}
		return true
	})
}

// next lets time go by until the first alarm, where that is near.
func (c *clockwork) next(within time.Duration) {
	c.mu.Lock()
	first := within + 1
	for _, a := range c.waiting {
		first = min(first, a.at-c.passed)
	}
	c.mu.Unlock()
	if first <= within {
		c.pass(max(first, 0))
	}
}

// world is a store, logs and a clock, and the stream over them, which may be ended and begun again.
type world struct {
	*Stream
	t     testing.TB
	o     Options
	store *memoryStore
	time  *clockwork
	logs  map[string]*memoryLog
}

func newWorld(t testing.TB, st *memoryStore) *world {
	w := &world{t: t, store: st, time: &clockwork{}, logs: map[string]*memoryLog{}}
	w.o = Options{Store: st, Clock: w.time.clock, Timer: w.time, Log: func(def *feature.Source) (eventlog.Log, error) {
		if w.logs[def.Name] == nil {
			w.logs[def.Name] = newMemoryLog(def, w.time.clock)
		}
		return w.logs[def.Name], nil
	}}
	return w
}

// kill ends the stream as kill -9 does: what is not written is lost.
func (w *world) kill() {
	if w.Stream != nil {
		_ = w.end()
	}
}
