package pebble

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// compactions lets pebble do one compaction at a time, and none before the database is open: where pebble (v2.1.7) fails to open, it closes
// the cache of its files under a compaction that it has begun, whose panic ends the process. In all else it is as pebble's own scheduler,
// ConcurrencyLimitScheduler.
type compactions struct {
	mu      sync.Mutex
	db      pebble.DBForCompaction
	open    bool // compactions may begin
	running int
	wake    chan struct{}
	stop    chan struct{}
	stopped sync.WaitGroup
}

const compactionsLook = 100 * time.Millisecond // how often it is asked whether one waits: not all that makes one wait is told

func newCompactions() *compactions {
	return &compactions{wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

// Register is called by pebble once, before anything else.
func (c *compactions) Register(_ int, db pebble.DBForCompaction) { c.db = db }

// begin lets compactions begin: the database is open.
func (c *compactions) begin() {
	c.mu.Lock()
	c.open = true
	c.mu.Unlock()
	c.stopped.Add(1)
	go c.grant()
	c.UpdateGetAllowedWithoutPermission() // those that have waited
}

// Unregister is called by pebble when it closes: nothing is asked of the database any more.
func (c *compactions) Unregister() {
	c.mu.Lock()
	c.open = false
	c.mu.Unlock()
	close(c.stop)
	c.stopped.Wait()
}

// TrySchedule takes leave for a compaction that pebble wants to begin at once.
func (c *compactions) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	if !c.take() {
		return false, nil
	}
	return true, c
}

func (c *compactions) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.room() {
		return false
	}
	c.running++
	return true
}

// room is asked under the lock.
func (c *compactions) room() bool { return c.open && c.running < c.db.GetAllowedWithoutPermission() }

// waits reports whether a compaction waits that may begin. To find it costs pebble something: it is not asked while there is no room.
func (c *compactions) waits() bool {
	c.mu.Lock()
	room := c.room()
	c.mu.Unlock()
	if !room {
		return false
	}
	waits, _ := c.db.GetWaitingCompaction()
	return waits
}

// grant begins what waits, whenever something may have changed. It holds no lock while it asks the database, which asks back.
func (c *compactions) grant() {
	defer c.stopped.Done()
	look := time.NewTicker(compactionsLook)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-c.wake:
		case <-c.stop:
			return
		}
		for c.waits() && c.take() {
			if !c.db.Schedule(c) {
				c.Done()
				break
			}
		}
	}
}

// UpdateGetAllowedWithoutPermission wakes the one that grants.
func (c *compactions) UpdateGetAllowedWithoutPermission() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Done is called when a compaction has ended.
func (c *compactions) Done() {
	c.mu.Lock()
	c.running--
	c.mu.Unlock()
	c.UpdateGetAllowedWithoutPermission()
}

// Started, MeasureCPU and CumulativeStats are of no use here.

func (c *compactions) Started()                                          {}
func (c *compactions) MeasureCPU(pebble.CompactionGoroutineKind)         {}
func (c *compactions) CumulativeStats(pebble.CompactionGrantHandleStats) {}
