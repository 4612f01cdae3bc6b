package pebble

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A pacer spreads flushes and compactions over time. Pebble does them as fast as a core goes, and what is read and written meanwhile waits
// for that core; on a machine of few cores that shows as a delay of their whole length. So they rest for twice as long as they have worked,
// unless so much waits for them that writes would be held up.
type pacer struct {
	mu      sync.Mutex
	db      *pebble.DB // nil: nothing is paced
	looked  time.Time
	crowded bool
}

// How flushes and compactions are paced.
const (
	paceWork  = time.Millisecond // that is done before a rest, at least
	paceRatio = 2                // of rest to work
	paceRest  = 20 * time.Millisecond
	paceLook  = 100 * time.Millisecond
	// Two memtables are one that is written to and one that is laid down; pebble holds writes up at four, and at twelve sublevels.
	paceMemtables = 2
	paceSublevels = 6
)

// pace begins the pacing, or with nil ends it: before the database is closed, which must not be asked anything after.
func (p *pacer) pace(db *pebble.DB) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.db = db
}

// rests reports whether there is time to rest.
func (p *pacer) rests() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db == nil {
		return false
	}
	if now := time.Now(); now.Sub(p.looked) >= paceLook {
		m := p.db.Metrics()
		p.looked, p.crowded = now, m.MemTable.Count > paceMemtables || m.Levels[0].Sublevels > paceSublevels
	}
	return !p.crowded
}

// A pacedFile is a table that a flush or a compaction writes.
type pacedFile struct {
	vfs.File
	*pacer
	since time.Time // the last rest, or the file's beginning
}

// Write appends to the file, after a rest where one is due.
func (f *pacedFile) Write(b []byte) (int, error) {
	if worked := time.Since(f.since); worked > paceWork {
		if f.rests() {
			time.Sleep(min(paceRatio*worked, paceRest))
		}
		f.since = time.Now()
	}
	return f.File.Write(b)
}
