package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Options are how a log is kept, of vectors (Log) or of predictions (Predictions).
type Options struct {
	Dir string
	// Formats read the files; the first writes them.
	Formats []dataset.Format
	// Sample is the share of keys of which it is kept, of 1.
	Sample float64
	// Keep is for how long files stay after their hour, ms; 0: for ever.
	Keep int64
	// Every is how long what was answered may wait in memory to be written; 0: a minute. It is what the end of a process costs that does not
	// close the log.
	Every time.Duration
	// Cells is how many values may wait in memory, about; 0: a million.
	Cells int64
	// Version says which applied version is served; nil: it is not known.
	Version func() int64
	Metrics *Metrics     // nil: nothing is counted
	Log     *slog.Logger // nil: slog.Default
}

// journal keeps what a server answers, as files by what it is of and hour. It is safe for concurrent use.
//
// Requests hand their records to one goroutine, which writes. Where it does not come after, because the disk is slow or full, or stands
// still, there is no room for more and they are left out: counted, and said once in the log of the process. A file is there whole or not at all;
// an hour's files are made one when it is over.
type journal[R any] struct {
	o        Options
	kind     kind[R]
	process  string // of this one, in names
	queue    chan R
	held     atomic.Int64 // cells that wait
	free     sync.Pool    // of R
	asked    chan *flushed
	stop     chan struct{}
	stopping sync.Once
	ended    chan struct{}
	mu       sync.RWMutex // held to close the queue
	closed   bool
	pending  map[slot]*pending[R]
	spare    map[group]table[R] // memory for the next that waits
	defects  []error            // of records since the last flush
	parts    int64
	written  []written // of hours that are not merged yet
	failing  bool
	dropping atomic.Bool
	lastHour int64 // that was looked at
	hurried  bool  // somebody waits for all to be written
}

// kind is what a journal keeps.
type kind[R any] struct {
	what  string // in messages: "what is served"
	was   string // "what was served"
	noun  string // of a group: "view"
	fresh func() R
	reset func(R)
	group func(R) group
	time  func(R) int64
	rows  func(R) int
	cells func(R) int
	// settle adds to a record what the writing goroutine knows.
	settle func(R)
	table  func(group) table[R]
	count  func(group, string, int)
}

// table is rows of a group as they will lie in a file. It is for one goroutine.
type table[R any] interface {
	// add adds the rows of a record, which may be used again afterwards; on an error none of them.
	add(R) error
	count() int
	// whole is all rows, good until the next add or empty, which takes them all away.
	whole() *value.Batch
	empty()
}

// group is what records lie together under: a folder, and in it the version of a view.
type group struct {
	folder string
	view   *feature.View
}

// flushed is who waits until all that was recorded before is written.
type flushed struct{ done chan error }

// slot is what goes into files of its own: a group's records of one hour of answering.
type slot struct {
	group
	hour int64
}

// pending is what waits of one slot.
type pending[R any] struct {
	slot
	rows  table[R]
	cells int64
	since time.Time
}

// written is a file that this process has written.
type written struct {
	folder string
	name   name
	path   string
}

const (
	queueLength  = 4096
	defaultCells = 1 << 20
	// flushShare is which part of the cells that may wait are written together at the latest.
	flushShare = 4
)

// openJournal begins one in a folder, which it makes where there is none. What a process that was killed had begun to write is removed.
func openJournal[R any](o Options, k kind[R]) (*journal[R], error) {
	if o.Every == 0 {
		o.Every = time.Minute
	}
	if o.Cells == 0 {
		o.Cells = defaultCells
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", k.what, err)
	}
	l := &journal[R]{o: o, kind: k, process: fmt.Sprintf("%012x", rand.Uint64()>>16), queue: make(chan R, queueLength), asked: make(chan *flushed),
		stop: make(chan struct{}), ended: make(chan struct{}), pending: map[slot]*pending[R]{}, spare: map[group]table[R]{}}
	l.free.New = func() any { return k.fresh() }
	if err := l.tidy(time.Now()); err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", k.what, err)
	}
	go l.run()
	return l, nil
}

// begin gives an empty record for rows of a group; false where there is no room.
func (l *journal[R]) begin(g group, rows int) (r R, ok bool) {
	if l.held.Load() >= l.o.Cells || len(l.queue) == cap(l.queue) {
		l.drop(g, rows)
		return r, false
	}
	return l.free.Get().(R), true
}

// drop counts what is left out.
func (l *journal[R]) drop(g group, rows int) {
	l.kind.count(g, "dropped", rows)
	if !l.dropping.Swap(true) {
		l.o.Log.Warn(l.kind.what+" is not all recorded: writing it is too slow", "folder", l.o.Dir)
	}
}

// Record takes a record over.
func (l *journal[R]) Record(r R) {
	cells := int64(l.kind.cells(r))
	l.held.Add(cells)
	if !l.offer(r) {
		l.held.Add(-cells)
		l.drop(l.kind.group(r), l.kind.rows(r))
		l.give(r)
	}
}

func (l *journal[R]) offer(r R) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return false
	}
	select {
	case l.queue <- r:
		return true
	default:
		return false
	}
}

// give keeps the memory of a record for the next, unless it is that of a very large answer.
func (l *journal[R]) give(r R) {
	const most = 1 << 16
	if l.kind.cells(r) <= most {
		l.kind.reset(r)
		l.free.Put(r)
	}
}

// ErrClosed says that a log was closed.
var ErrClosed = errors.New("the log is closed")

// Flush waits until all that was recorded before is in files. Its error is of what could not be written.
func (l *journal[R]) Flush(ctx context.Context) error {
	f := &flushed{done: make(chan error, 1)}
	select {
	case l.asked <- f:
	case <-l.ended:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-f.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close writes what waits, and ends. Where the disk stands still it returns with the context, and what waits is lost.
func (l *journal[R]) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stopping.Do(func() { close(l.stop) })
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("write %s last: %w", l.kind.was, context.Cause(ctx))
	}
}

// run is the goroutine that writes.
func (l *journal[R]) run() {
	defer close(l.ended)
	tick := time.NewTicker(max(l.o.Every/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case s := <-l.queue:
			l.add(s)
		case now := <-tick.C:
			l.due(now)
			l.turnHour(now)
		case f := <-l.asked:
			l.hurried = true
			l.drain()
			f.done <- l.flush()
			l.hurried = false
		case <-l.stop:
			l.hurried = true
			l.drain()
			_ = l.flush() // it is counted and logged
			return
		}
	}
}

// pace gives what the writing goroutine calls between stretches of work: a burst of it would hold up the requests that come meanwhile, so it
// rests for three times as long as it has worked, and less the more there is that waits for it. Who waits for all to be written is not made to.
func (l *journal[R]) pace() func() {
	began := time.Now()
	return func() {
		worked := time.Since(began)
		if worked < leastWork {
			return
		}
		rest := worked * time.Duration(restRatio*max(0, l.o.Cells/2-l.held.Load())) / time.Duration(max(1, l.o.Cells/2))
		if rest > 0 && !l.hurried {
			select {
			case <-time.After(min(rest, mostRest)):
			case <-l.stop:
			}
		}
		began = time.Now()
	}
}

// How the writing goroutine paces itself.
const (
	leastWork = 250 * time.Microsecond
	mostRest  = 20 * time.Millisecond
	restRatio = 6 // three where a part is written as soon as it may be
)

// drain takes in all that has been handed over.
func (l *journal[R]) drain() {
	for {
		select {
		case s := <-l.queue:
			l.add(s)
		default:
			return
		}
	}
}

// add lets the rows of a record wait with others of their slot.
func (l *journal[R]) add(r R) {
	l.kind.settle(r)
	g, cells := l.kind.group(r), int64(l.kind.cells(r))
	at := slot{g, l.kind.time(r) / hourMS}
	p := l.pending[at]
	if p == nil {
		if p = (&pending[R]{slot: at, rows: l.spare[g], since: time.Now()}); p.rows == nil {
			p.rows = l.kind.table(g)
		}
		delete(l.spare, g)
		l.pending[at] = p
	}
	err, n := p.rows.add(r), l.kind.rows(r)
	l.give(r)
	if err != nil {
		l.held.Add(-cells)
		l.defects = append(l.defects, l.wrote(g, n, err))
		return
	}
	if p.cells += cells; p.cells >= l.o.Cells/flushShare {
		_ = l.write(p)
	}
}

// due writes what has waited long enough.
func (l *journal[R]) due(now time.Time) {
	for _, p := range l.pending {
		if now.Sub(p.since) >= l.o.Every {
			_ = l.write(p)
		}
	}
}

// flush writes all that waits.
func (l *journal[R]) flush() error {
	errs := l.defects
	l.defects = nil
	for _, p := range l.pending {
		errs = append(errs, l.write(p))
	}
	return errors.Join(errs...)
}
