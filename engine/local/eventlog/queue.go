package eventlog

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/bighead-ml/bighead/engine/local/eventlog/seen"
)

// Appends come together like this: each caller checks and encodes its own rows and puts a request into the queue. The writer, one
// goroutine, takes all that wait, decides in their order which rows are copies, writes what is left as one frame, syncs once, publishes, and
// tells the callers. While it syncs, the next ones gather. So of two appends with one id that come at once the first in the queue is
// accepted, and the second hears of it only once the first is durable.

// request is one Append on its way, or, without an Arriving, a task for the writer.
type request struct {
	a    *Arriving
	id   *identity // nil: a source without one
	rows []byte    // encoded
	task func() error
	done chan struct{}
	out  Accepted
	err  error
}

// queue is the requests that wait.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	closed  bool
	wake    chan struct{} // holds one where something waits, or the queue was closed
}

func (q *queue) put(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.waiting = append(q.waiting, r)
	q.ring()
	return nil
}

func (q *queue) ring() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// withdraw takes a request back; false: it was begun.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, r)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// groupBytes is about how much is written at once.
const groupBytes = 16 << 20

// take waits for requests and takes those that fit one frame; none: the queue is closed and empty.
func (q *queue) take() []*request {
	for range q.wake {
		q.mu.Lock()
		n, bytes := 0, 0
		for n < len(q.waiting) && (n == 0 || bytes+len(q.waiting[n].rows) <= groupBytes) {
			bytes += len(q.waiting[n].rows)
			n++
		}
		group := slices.Clone(q.waiting[:n])
		q.waiting = slices.Delete(q.waiting, 0, n)
		closed := q.closed
		if len(q.waiting) > 0 || closed {
			q.ring()
		}
		q.mu.Unlock()
		if n > 0 || closed {
			return group
		}
	}
	return nil
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ring()
}

// encodings are memory for rows on their way to the writer.
var encodings = sync.Pool{New: func() any { return new([]byte) }}

// Append hands the rows to the writer and waits for it.
func (l *eventLog) Append(ctx context.Context, a *Arriving) (Accepted, error) {
	if err := l.check(a); err != nil {
		return Accepted{}, fmt.Errorf("append to the event log %s: %w", l.dir, err)
	}
	if a.Rows.N == 0 {
		return Accepted{Sequence: l.Next() - 1}, nil
	}
	encoded := encodings.Get().(*[]byte)
	defer func() { // whoever comes back from submit has it written, or never will
		if cap(*encoded) <= groupBytes {
			encodings.Put(encoded)
		}
	}()
	*encoded = appendBatch((*encoded)[:0], a.Rows)
	r := &request{a: a, rows: *encoded}
	if len(r.rows) > maxRecordBytes {
		return Accepted{}, fmt.Errorf("append to the event log %s: the rows take %d bytes, and a batch at most %d: %w", l.dir, len(r.rows), maxRecordBytes, ErrTooLarge)
	}
	if l.o.HasID {
		r.id = identify(a)
	}
	return l.submit(ctx, r)
}

func (l *eventLog) submit(ctx context.Context, r *request) (Accepted, error) {
	if err := ctx.Err(); err != nil {
		return Accepted{}, err
	}
	r.done = make(chan struct{})
	if err := l.queue.put(r); err != nil {
		return Accepted{}, err
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if l.queue.withdraw(r) {
			return Accepted{}, ctx.Err()
		}
		<-r.done // it is being written, which takes one sync
	}
	return r.out, r.err
}

// check refuses what is no batch of the log. A caller that makes such is a defect, or was not checked itself.
func (l *eventLog) check(a *Arriving) error {
	n := a.Rows.N
	switch {
	case !sameSchema(a.Rows.Schema, l.schema):
		return fmt.Errorf("rows with columns %v, and the log has %v", a.Rows.Schema, l.schema)
	case n > maxRows:
		return fmt.Errorf("%d rows at once, and a batch has at most %d: %w", n, maxRows, ErrTooLarge)
	case len(a.Once) > maxOnce:
		return fmt.Errorf("a name of a batch (Idempotency-Key) of %d bytes; at most %d are allowed", len(a.Once), maxOnce)
	case a.Partition < Pushed:
		return fmt.Errorf("partition %d", a.Partition)
	case (a.Partition == Pushed) != (a.Offsets == nil), a.Offsets != nil && len(a.Offsets) != n:
		return fmt.Errorf("%d offsets for %d rows of partition %d", len(a.Offsets), n, a.Partition)
	case l.o.HasID && (len(a.IDs) != n || len(a.Times) != n):
		return fmt.Errorf("%d ids and %d times for %d rows", len(a.IDs), len(a.Times), n)
	}
	for i := 1; i < len(a.Offsets); i++ {
		if a.Offsets[i] <= a.Offsets[i-1] {
			return fmt.Errorf("offset %d after %d", a.Offsets[i], a.Offsets[i-1])
		}
	}
	return nil
}

// identify makes what copies are told by.
func identify(a *Arriving) *identity {
	id := &identity{keys: make([]seen.Key, a.Rows.N), prints: prints(a.Rows), times: slices.Clone(a.Times)}
	for i, s := range a.IDs {
		id.keys[i] = seen.KeyOf(s)
	}
	return id
}
