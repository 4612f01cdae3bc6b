package eventlog

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// writer is the goroutine that writes, and what it alone knows.
type writer struct {
	log  *eventLog
	wal  string
	seg  *segment
	file File
	body []byte
	ids  *memory // nil: the source has no id
	once *memory
	// failed is why nothing can be appended any more: after a failed sync nobody knows what is on the disk.
	failed error
}

func newWriter(l *eventLog) (*writer, error) {
	w := &writer{log: l, wal: filepath.Join(l.dir, walFolder)}
	err := w.openMemories(l.segments)
	if n := len(l.segments); err == nil && n > 0 && sameSchema(l.segments[n-1].schema, l.schema) {
		w.seg = l.segments[n-1]
		w.file, err = w.seg.openToWrite(l.o.Open)
	} else if err == nil {
		err = w.turn()
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (s *segment) openToWrite(open func(string) (File, error)) (File, error) {
	f, err := open(s.path)
	if err == nil {
		if _, err = f.Seek(s.bytes, 0); err != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", s.path, err)
	}
	return f, nil
}

// turn begins a new segment. Where it fails the old one goes on.
func (w *writer) turn() error {
	l := w.log
	seg, err := createSegment(w.wal, l.next, l.schema, l.positions)
	if err != nil {
		return err
	}
	file, err := seg.openToWrite(l.o.Open)
	if err != nil {
		return errors.Join(err, os.Remove(seg.path))
	}
	old := w.file
	l.mu.Lock()
	if n := len(l.segments); n > 0 && l.segments[n-1].base == seg.base { // it was empty, and of other columns
		l.segments = l.segments[:n-1]
	}
	l.segments = append(slices.Clone(l.segments), seg)
	l.mu.Unlock()
	w.seg, w.file = seg, file
	if old != nil {
		return old.Close()
	}
	return nil
}

func (w *writer) run() {
	for {
		group := w.log.queue.take()
		if len(group) == 0 {
			return
		}
		w.commit(group)
		for _, r := range group {
			close(r.done)
		}
	}
}

func (w *writer) close() error {
	var errs []error
	if w.file != nil {
		errs = append(errs, w.file.Close())
	}
	for _, m := range w.memories() {
		errs = append(errs, m.index.Close())
	}
	return errors.Join(errs...)
}

// draft is a frame in the making.
type draft struct {
	arrival   int64
	next      int64
	positions map[int32]int64
	records   []*Record
	sizes     []int
}

// commit decides on a group of requests and makes what it accepts durable. What it has decided holds for all of them or none.
func (w *writer) commit(group []*request) {
	err := w.failed
	if err == nil {
		err = w.write(group)
	}
	if err != nil {
		for _, r := range group {
			if r.err == nil {
				r.out, r.err = Accepted{}, fmt.Errorf("append to the event log %s: %w", w.log.dir, err)
			}
		}
	}
}

func (w *writer) write(group []*request) error {
	l := w.log
	d := &draft{arrival: l.o.Clock(), next: l.next, positions: maps.Clone(l.positions)}
	if err := w.turnIfDue(group, d.arrival); err != nil {
		return err
	}
	if err := w.room(); err != nil {
		return err
	}
	w.body = append(w.body[:0], make([]byte, frameHead)...)
	for _, r := range group {
		if r.a == nil {
			r.err = r.task()
			continue
		}
		if r.err = w.decide(d, r); r.err != nil {
			r.err = fmt.Errorf("append to the event log %s: %w", l.dir, r.err)
		}
	}
	if len(d.records) == 0 {
		return nil
	}
	sealFrame(w.body, l.next, d.arrival)
	if err := w.flush(); err != nil {
		w.forgetFresh()
		return err
	}
	w.settle(d.next)
	l.publish(d.records, d.sizes, w.seg.bytes+int64(len(w.body)), d.positions)
	return nil
}

// turnIfDue begins a new segment where the last is long or of another hour, and something is to be written.
func (w *writer) turnIfDue(group []*request, now int64) error {
	s := w.seg
	if s.end == s.base {
		return nil
	}
	due := s.bytes >= w.log.o.SegmentBytes || s.hour != hourOf(now)
	if due && slices.ContainsFunc(group, func(r *request) bool { return r.a != nil }) {
		return w.turn()
	}
	return nil
}

// flush writes the frame and syncs it. A write that fails is taken back, so that a full disk is no end; a sync that fails is, since the
// system may have dropped what it could not write.
func (w *writer) flush() error {
	_, err := w.file.Write(w.body)
	if err != nil {
		err = fmt.Errorf("write %s: %w", w.seg.path, err)
		e := w.file.Truncate(w.seg.bytes)
		if e == nil {
			_, e = w.file.Seek(w.seg.bytes, 0)
		}
		if e != nil {
			w.failed = fmt.Errorf("%w; and it could not be taken back (%w): %w", err, e, ErrFailed)
			return w.failed
		}
		return err
	}
	if err := w.file.Sync(); err != nil {
		w.failed = fmt.Errorf("sync %s: %w: what is on the disk is not known any more: %w", w.seg.path, err, ErrFailed)
		return w.failed
	}
	return nil
}

// decide chooses the rows of a request that are accepted, and adds their record to the frame.
func (w *writer) decide(d *draft, r *request) error {
	r.out.Sequence = d.next - 1
	rows, err := w.accepted(d, r)
	if err != nil || len(rows) == 0 {
		return err
	}
	rec := &Record{Sequence: d.next, Arrival: d.arrival, Partition: r.a.Partition, Rows: r.a.Rows, Once: r.a.Once}
	id, encoded := r.id, r.rows
	if len(rows) < r.a.Rows.N {
		rec.Rows = takeRows(r.a.Rows, rows)
		encoded = appendBatch(nil, rec.Rows)
		id = id.take(rows)
	}
	last, ok := d.positions[rec.Partition]
	if r.a.Offsets == nil {
		if ok {
			rec.First = last + 1
		}
		last = rec.First + int64(len(rows)) - 1
	} else {
		rec.Offsets = takeAll(r.a.Offsets, rows)
		rec.First, last = rec.Offsets[0], rec.Offsets[len(rows)-1]
		if last-rec.First == int64(len(rows))-1 {
			rec.Offsets = nil
		}
	}
	d.positions[rec.Partition] = last
	start := len(w.body)
	w.body = appendRecord(w.body, rec, id, encoded)
	d.records, d.sizes = append(d.records, rec), append(d.sizes, len(w.body)-start)
	d.next++
	r.out.Sequence = rec.Sequence
	return nil
}

func takeRows(b *value.Batch, rows []int32) *value.Batch {
	out := &value.Batch{Schema: b.Schema, N: len(rows), Columns: make([]*value.Column, len(b.Columns))}
	for i, c := range b.Columns {
		out.Columns[i] = c.Take(rows)
	}
	return out
}

func takeAll[T any](xs []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = xs[r]
	}
	return out
}

func (id *identity) take(rows []int32) *identity {
	if id == nil {
		return nil
	}
	return &identity{takeAll(id.keys, rows), takeAll(id.prints, rows), takeAll(id.times, rows)}
}
