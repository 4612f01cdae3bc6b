package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/bighead-ml/bighead/value"
)

// The folders of a log.
const (
	walFolder  = "wal"
	idsFolder  = "ids"
	onceFolder = "once"
	lockName   = "lock"

	defaultSegmentBytes = 64 << 20
)

// eventLog is a Log. One goroutine (writer.go) decides and writes; what it has published is under mu.
type eventLog struct {
	dir    string
	schema value.Schema
	o      Options
	lock   *os.File
	queue  queue
	writer *writer
	ended  chan struct{} // closed when the writer is done

	sealing   sync.Mutex // held by the one Seal
	opening   sync.Mutex // guards opened
	opened    map[string]openedFile
	mu        sync.Mutex
	sealed    []sealedName
	segments  []*segment // oldest first, from where the sealed files end; frames go to the last
	next      int64
	positions map[int32]int64
	recent    recent
	grown     chan struct{} // closed and made anew when something was published or the log closed; nil: nobody waits
	released  int64
	closed    bool
}

// Open opens the log in a folder, which it makes where there is none, for rows of that schema. Columns that came or went since rows were
// written are null there or not shown; a column that has another type is refused. An end that a crash tore is cut off. Another process
// that has the log open is refused, whoever of the two came second.
func Open(dir string, schema value.Schema, o Options) (Log, error) {
	if err := checkOptions(schema, &o); err != nil {
		return nil, fmt.Errorf("open the event log %s: %w", dir, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, walFolder), 0o777); err != nil {
		return nil, fmt.Errorf("open the event log: %w", err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	l := &eventLog{dir: dir, schema: schema, o: o, lock: lock, ended: make(chan struct{}), opened: map[string]openedFile{}}
	l.queue.wake = make(chan struct{}, 1)
	if err := l.recover(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open the event log: %w", err)
	}
	go func() {
		defer close(l.ended)
		l.writer.run()
	}()
	return l, nil
}

func checkOptions(schema value.Schema, o *Options) error {
	if len(schema) == 0 || o.Clock == nil || len(o.Formats) == 0 {
		return errors.New("it needs a schema with columns, a clock and a format")
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.Open == nil {
		o.Open = OpenFile
	}
	return checkColumns(schema)
}

func checkColumns(schema value.Schema) error {
	for i, f := range schema {
		if f.Name == ArrivalColumn || f.Name == PartitionColumn || f.Name == OffsetColumn || f.Name == recordColumn {
			return fmt.Errorf("column %q is the log's own; give the source's another name with select=", f.Name)
		}
		if schema.Index(f.Name) != i {
			return fmt.Errorf("column %q stands twice", f.Name)
		}
	}
	return nil
}

// ErrOpen says that another process has the log open.
var ErrOpen = errors.New("another bighead has the event log open: stop it, or send events to it")

func takeLock(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("lock the event log: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return f, nil
}

// last is the offset of the record's last row.
func (h *head) last() int64 { return h.Offset(h.n - 1) }

// First is the oldest record's place.
func (l *eventLog) First() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first()
}

func (l *eventLog) first() int64 {
	if len(l.sealed) > 0 {
		return l.sealed[0].from
	}
	return l.segments[0].base
}

// Next is the place of the record to come.
func (l *eventLog) Next() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// Positions are the last offsets by partition, Pushed among them.
func (l *eventLog) Positions() map[int32]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.positions)
}

// Release moves on what may be sealed; it never moves back.
func (l *eventLog) Release(before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released = max(l.released, before)
}

// Bytes adds up the files.
func (l *eventLog) Bytes() int64 {
	total := int64(0)
	// A file that goes while we look takes nothing.
	_ = filepath.WalkDir(l.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

// Close waits for appends that have begun, ends all cursors, and gives the lock back.
func (l *eventLog) Close() error {
	l.queue.close()
	<-l.ended
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.wakeReaders()
	l.mu.Unlock()
	if !first {
		return nil
	}
	err := l.writer.close()
	return errors.Join(err, l.lock.Close())
}

// wakeReaders wakes cursors that wait; mu is held.
func (l *eventLog) wakeReaders() {
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// publish makes records that are durable visible; bytes is where the last segment's frames end now.
func (l *eventLog) publish(records []*Record, sizes []int, bytes int64, positions map[int32]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.segments[len(l.segments)-1]
	if last.end == last.base {
		last.hour = hourOf(records[0].Arrival)
	}
	l.next += int64(len(records))
	last.end, last.bytes = l.next, bytes
	maps.Copy(l.positions, positions)
	for i, r := range records {
		l.recent.add(r, sizes[i])
	}
	l.wakeReaders()
}

// recent is the newest records, for readers that are not far behind.
type recent struct {
	records []*Record
	sizes   []int
	bytes   int
}

const recentBytes = 16 << 20

func (q *recent) add(r *Record, size int) {
	q.records, q.sizes, q.bytes = append(q.records, r), append(q.sizes, size), q.bytes+size
	for q.bytes > recentBytes && len(q.records) > 1 {
		q.bytes -= q.sizes[0]
		q.records[0] = nil
		q.records, q.sizes = q.records[1:], q.sizes[1:]
	}
}

// at is a record by its sequence number, nil where it is not among them.
func (q *recent) at(sequence int64) *Record {
	if len(q.records) == 0 {
		return nil
	}
	i := sequence - q.records[0].Sequence
	if i < 0 || i >= int64(len(q.records)) {
		return nil
	}
	return q.records[i]
}

// adapt gives rows the columns of the log: those that came since are null.
func adapt(b *value.Batch, schema value.Schema) *value.Batch {
	if sameSchema(b.Schema, schema) {
		b.Schema = schema
		return b
	}
	out := &value.Batch{Schema: schema, N: b.N, Columns: make([]*value.Column, len(schema))}
	for i, f := range schema {
		if out.Columns[i] = b.Column(f.Name); out.Columns[i] == nil {
			out.Columns[i] = nullColumn(f.Type, b.N)
		}
	}
	return out
}

func nullColumn(t value.Type, n int) *value.Column {
	c := value.NewColumn(t, n)
	c.Nulls = value.NewBitmap(n)
	for i := range c.Nulls {
		c.Nulls[i] = math.MaxUint64
	}
	return c
}

func sameSchema(a, b value.Schema) bool {
	return slices.EqualFunc(a, b, func(x, y value.Field) bool { return x.Name == y.Name && x.Type.Equal(y.Type) })
}

// segmentOf is the segment that has a record, and where it ends now; mu is held.
func (l *eventLog) segmentOf(sequence int64) (*segment, int64, int64) {
	i, found := slices.BinarySearchFunc(l.segments, sequence, func(s *segment, at int64) int { return int(min(max(s.base-at, -1), 1)) })
	if !found {
		i--
	}
	if i < 0 {
		return nil, 0, 0
	}
	s := l.segments[i]
	return s, s.bytes, s.end
}
