package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// compacted is a database of which so many compactions wait; each tells when it begins.
type compacted struct {
	waiting chan struct{}
	begun   chan pebble.CompactionGrantHandle
}

func (c compacted) GetAllowedWithoutPermission() int { return 1 }

func (c compacted) GetWaitingCompaction() (bool, pebble.WaitingCompaction) {
	return len(c.waiting) > 0, pebble.WaitingCompaction{}
}

func (c compacted) Schedule(h pebble.CompactionGrantHandle) bool {
	select {
	case <-c.waiting:
		c.begun <- h
		return true
	default:
		return false
	}
}

// TestCompactionsBegin grants one compaction after the other, none before the database is open, and none when it is closed.
func TestCompactionsBegin(t *testing.T) {
	db := compacted{make(chan struct{}, 3), make(chan pebble.CompactionGrantHandle, 3)}
	c := newCompactions()
	c.Register(2, db)
	for range cap(db.waiting) {
		db.waiting <- struct{}{}
		c.UpdateGetAllowedWithoutPermission()
	}
	if yes, _ := c.TrySchedule(); yes {
		t.Error("a compaction begins before the database is open")
	}
	c.begin()
	for i := range cap(db.waiting) {
		h := <-db.begun
		if yes, _ := c.TrySchedule(); yes {
			t.Error("two compactions at once")
		}
		if left := len(db.waiting); left != cap(db.waiting)-1-i {
			t.Errorf("%d wait while number %d is done", left, i)
		}
		h.Done()
	}
	yes, h := c.TrySchedule()
	if !yes {
		t.Fatal("nothing is done, and a compaction may not begin")
	}
	h.Done()
	db.waiting <- struct{}{}
	<-db.begun
	db.waiting <- struct{}{}
	c.Unregister()
	c.Done()
	if yes, _ := c.TrySchedule(); yes || len(db.begun) > 0 {
		t.Error("a compaction begins in a database that is closed")
	}
}
