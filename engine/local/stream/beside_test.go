package stream

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/store"
)

// gated is a world whose store is at its first write for some clicks, which does not end until the gate lets it. fresh counts the rows that
// are said to be seen.
func gated(t *testing.T, fresh *atomic.Int64) *world {
	w := newWorld(t, newMemoryStore(true))
	w.time.set(noon)
	w.o.Freshness = func(_ string, _ int64, rows int) { fresh.Add(int64(rows)) }
	w.open(clicks(t, nil, count("1h")))
	t.Cleanup(w.kill)
	w.flush() // the first write, of the space's place
	w.store.mu.Lock()
	w.store.gate = make(chan struct{})
	w.store.mu.Unlock()
	w.push(click(1, -9))
	w.begun(1)
	return w
}

// begun waits until the store has come to the n-th write since the gate is there.
func (w *world) begun(n int64) { w.soon(func() bool { return w.store.begun.Load() >= n }) }

// soon lets time go by from alarm to alarm until something is so: no further than what is waited for, so that upkeep does not come.
func (w *world) soon(so func() bool) {
	for !so() {
		w.time.next(2 * time.Second)
		runtime.Gosched()
	}
}

// space is the only one there is.
func (w *world) space() *space { return w.source("clicks").main.spaces[0] }

// What comes while the store is at a write is folded, and written by the next.
func TestEventsAreFoldedWhileTheStoreWrites(t *testing.T) {
	var fresh atomic.Int64
	w := gated(t, &fresh)
	x := w.space()
	for i := range 3 {
		w.push(click(2+i, int64(i)-8))
		w.soon(func() bool { return w.stands(0).Counts.Applied == int64(2+i) })
	}
	if n := w.store.begun.Load(); n != 1 {
		t.Fatalf("%d writes are under way", n)
	}
	w.wants(x.Space, noon, "0")
	w.store.gate <- struct{}{}
	w.begun(2)
	w.wants(x.Space, noon, "1")
	w.store.gate <- struct{}{}
	w.soon(func() bool { return w.value(x.Space, noon) == "4" })
	w.soon(func() bool { return fresh.Load() == 4 })
}

// A write that failed beside the loop is made again as it was, before any other.
func TestAWriteBesideThatFailsIsMadeAgain(t *testing.T) {
	w := gated(t, new(atomic.Int64))
	x := w.space()
	w.push(click(2, -8))
	w.soon(func() bool { return w.stands(0).Counts.Applied == 2 })
	w.store.fail(fmt.Errorf("no connection: %w", store.ErrUnavailable))
	w.store.gate <- struct{}{}
	w.soon(func() bool { return w.Status().Sources[0].Held != "" })
	w.begun(2)
	w.store.fail(nil)
	w.store.gate <- struct{}{}
	w.begun(3)
	w.wants(x.Space, noon, "1")
	w.store.gate <- struct{}{}
	w.soon(func() bool { return w.value(x.Space, noon) == "2" })
}

// What has to be in the store waits for the write that is under way: a batch watermark. And a stream that is ended waits for none.
func TestAWatermarkWaitsForTheWriteBesideIt(t *testing.T) {
	w := gated(t, new(atomic.Int64))
	x := w.space()
	const watermark = noon - noon%86_400_000
	set := make(chan error, 1)
	go func() { set <- w.SetBatch(t.Context(), x.ID, watermark, 1, noon) }()
	for done := false; !done; {
		select {
		case err := <-set:
			if done = true; err != nil {
				t.Fatal(err)
			}
		case w.store.gate <- struct{}{}:
		}
	}
	if marks, err := readMarks(t.Context(), w.store, x.MarksName()); err != nil || marks.Batch != watermark {
		t.Errorf("%+v, %v", marks, err)
	}
	w.wants(x.Space, noon, "1")
	begun := w.store.begun.Load()
	w.push(click(2, -8))
	w.begun(begun + 1)
	w.kill()
	w.wants(x.Space, noon, "1")
}

// An entry that is deleted in the store goes from memory when that has come there, unless it has changed meanwhile.
func TestWhatChangesOnItsWayStays(t *testing.T) {
	w := newWorld(t, newMemoryStore(true))
	w.open(clicks(t, nil, count("1h")))
	w.flush()
	x := w.space()
	w.kill() // what the loop owns is the test's now
	c := &x.cache
	k, slot := c.key([]byte("k")), c.slots-1
	e := c.entry(k, slot, 0) // rows, of which there are none
	c.missing = c.missing[:0]
	c.touch(e)
	c.takeOff()
	c.touch(e)
	c.landed()
	if k.find(slot, 0) != e || !e.dirty {
		t.Error("it is forgotten, with what came meanwhile")
	}
	c.takeOff()
	c.landed()
	if k.find(slot, 0) != nil {
		t.Error("it stays though there is nothing in it")
	}
}
