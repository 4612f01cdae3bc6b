package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
)

// Options are how a Log is kept.
type Options struct {
	Dir string
	// Formats read the files; the first writes them.
	Formats []dataset.Format
	// Sample is the share of keys whose vectors are kept, of 1.
	Sample float64
	// Keep is for how long files stay after their hour, ms; 0: for ever.
	Keep int64
	// Every is how long what was answered may wait in memory to be written; 0: a minute. It is what the end of a process costs that does not
	// close the Log.
	Every time.Duration
	// Cells is how many values may wait in memory, about; 0: a million.
	Cells int64
	// Version says which applied version is served; nil: it is not known.
	Version func() int64
	Metrics *Metrics     // nil: nothing is counted
	Log     *slog.Logger // nil: slog.Default
}

// Log keeps the vectors that a server answers, as files by view and hour. It is a serve.Recorder, safe for concurrent use.
//
// Requests hand their records to one goroutine, which writes. Where it does not come after, because the disk is slow or full, or stands
// still, there is no room for more and they are left out: counted, and said once in the log of the process. A file is there whole or not at all;
// an hour's files are made one when it is over.
type Log struct {
	o        Options
	process  string // of this one, in names
	below    uint64 // hashes of keys below it are kept
	all      bool
	queue    chan *feature.Served
	held     atomic.Int64 // cells that wait
	free     sync.Pool    // of *feature.Served
	asked    chan *flushed
	stop     chan struct{}
	stopping sync.Once
	ended    chan struct{}
	mu       sync.RWMutex // held to close the queue
	closed   bool
	pending  map[slot]*pending
	spare    map[*feature.View]*rows // memory for the next that waits
	defects  []error                 // of records since the last flush
	parts    int64
	written  []written // of hours that are not merged yet
	failing  bool
	dropping atomic.Bool
	lastHour int64 // that was looked at
	hurried  bool  // somebody waits for all to be written
}

// flushed is who waits until all that was recorded before is written.
type flushed struct{ done chan error }

// slot is what goes into files of its own: a view's vectors of one hour of answering.
type slot struct {
	view *feature.View
	hour int64
}

// pending is what waits of one slot.
type pending struct {
	slot
	rows  *rows
	cells int64
	since time.Time
}

// written is a file that this process has written.
type written struct {
	view string
	name name
	path string
}

const (
	queueLength  = 4096
	defaultCells = 1 << 20
	// flushShare is which part of the cells that may wait are written together at the latest.
	flushShare = 4
)

// Open begins a log in a folder, which it makes where there is none. What a process that was killed had begun to write is removed.
func Open(o Options) (*Log, error) {
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
		return nil, fmt.Errorf("open the log of what is served: %w", err)
	}
	l := &Log{o: o, process: fmt.Sprintf("%012x", rand.Uint64()>>16), all: o.Sample >= 1, queue: make(chan *feature.Served, queueLength), asked: make(chan *flushed),
		stop: make(chan struct{}), ended: make(chan struct{}), pending: map[slot]*pending{}, spare: map[*feature.View]*rows{}}
	if o.Sample > 0 && !l.all {
		l.below = uint64(o.Sample * math.MaxUint64)
	}
	l.free.New = func() any { return new(feature.Served) }
	if err := l.tidy(time.Now()); err != nil {
		return nil, fmt.Errorf("open the log of what is served: %w", err)
	}
	go l.run()
	return l, nil
}

// Samples reports whether vectors of a key are kept.
func (l *Log) Samples(key uint64) bool { return l.all || key < l.below }

// Begin gives an empty record, or nil where there is no room.
func (l *Log) Begin(view *feature.View, rows int) *feature.Served {
	if l.held.Load() >= l.o.Cells || len(l.queue) == cap(l.queue) {
		l.drop(view.Name, rows)
		return nil
	}
	return l.free.Get().(*feature.Served)
}

// drop counts what is left out.
func (l *Log) drop(view string, rows int) {
	l.o.Metrics.served.WithLabelValues(view, "dropped").Add(float64(rows))
	if !l.dropping.Swap(true) {
		l.o.Log.Warn("what is served is not all recorded: writing it is too slow", "folder", l.o.Dir)
	}
}

// Record takes a record over.
func (l *Log) Record(s *feature.Served) {
	cells := int64(s.Cells())
	l.held.Add(cells)
	if !l.offer(s) {
		l.held.Add(-cells)
		l.drop(s.View.Name, len(s.Rows))
		l.give(s)
	}
}

func (l *Log) offer(s *feature.Served) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return false
	}
	select {
	case l.queue <- s:
		return true
	default:
		return false
	}
}

// give keeps the memory of a record for the next, unless it is that of a very large answer.
func (l *Log) give(s *feature.Served) {
	const most = 1 << 16
	if s.Cells() <= most {
		s.Reset()
		l.free.Put(s)
	}
}

// ErrClosed says that the log was closed.
var ErrClosed = errors.New("the log of what is served is closed")

// Flush waits until all that was recorded before is in files. Its error is of what could not be written.
func (l *Log) Flush(ctx context.Context) error {
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
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stopping.Do(func() { close(l.stop) })
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("write what was served last: %w", context.Cause(ctx))
	}
}

// run is the goroutine that writes.
func (l *Log) run() {
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
func (l *Log) pace() func() {
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
func (l *Log) drain() {
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
func (l *Log) add(s *feature.Served) {
	if l.o.Version != nil {
		s.Version = l.o.Version()
	}
	at, cells := slot{s.View, s.Time / hourMS}, int64(s.Cells())
	p := l.pending[at]
	if p == nil {
		if p = (&pending{slot: at, rows: l.spare[s.View], since: time.Now()}); p.rows == nil {
			p.rows = rowsOf(s.View)
		}
		delete(l.spare, s.View)
		l.pending[at] = p
	}
	err, n := p.rows.add(s), len(s.Rows)
	l.give(s)
	if err != nil {
		l.held.Add(-cells)
		l.defects = append(l.defects, l.wrote(at.view, n, err))
		return
	}
	if p.cells += cells; p.cells >= l.o.Cells/flushShare {
		_ = l.write(p)
	}
}

// due writes what has waited long enough.
func (l *Log) due(now time.Time) {
	for _, p := range l.pending {
		if now.Sub(p.since) >= l.o.Every {
			_ = l.write(p)
		}
	}
}

// flush writes all that waits.
func (l *Log) flush() error {
	errs := l.defects
	l.defects = nil
	for _, p := range l.pending {
		errs = append(errs, l.write(p))
	}
	return errors.Join(errs...)
}

// Metrics are what the room counts. Labels are names of definitions and words of the contract.
type Metrics struct{ served, values *prometheus.CounterVec }

// NewMetrics registers the metrics; nil: they are counted and shown nowhere.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		served: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_served_total", Help: "Vectors served, by what became of their record: logged, dropped for want of room, failed to be written."}, []string{"view", "result"}),
		values: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bighead_audit_values_total", Help: "Served values that audits have computed again, by what came of it."}, []string{"view", "class"}),
	}
	if r != nil {
		r.MustRegister(m.served, m.values)
	}
	return m
}

// Audited adds what an audit has found of a view.
func (m *Metrics) Audited(view string, class Class, values int64) {
	m.values.WithLabelValues(view, string(class)).Add(float64(values))
}
