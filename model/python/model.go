package python

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/bighead-ml/bighead/model"
)

// block is how many rows a worker is asked at once.
const block = 1 << 14

// Model is a pickled model and its workers.
type Model struct {
	options Options
	command command
	info    model.Info
	task    model.Task
	numbers int // a row
	texts   int

	closed  chan struct{} // when it is to end
	ending  sync.Once
	running sync.WaitGroup // of supervisors

	mutex   sync.Mutex
	idle    []*worker
	waiting []chan *worker // of requests, the oldest first; each gets a worker, or nil where none runs any more
	alive   int
	reason  string // why the last one ended
}

var _ model.Model = (*Model)(nil)

// Info says what goes in and comes out.
func (m *Model) Info() *model.Info { return &m.info }

// Health is nil while a worker runs.
func (m *Model) Health(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.alive == 0 {
		return m.unavailable()
	}
	return nil
}

// unavailable is the error while none runs; the mutex is held.
func (m *Model) unavailable() error {
	return fmt.Errorf("%w: its Python workers are being started again (%s)", model.ErrUnavailable, m.reason)
}

// Close ends the workers, and waits for their end.
func (m *Model) Close() error {
	m.ending.Do(func() { close(m.closed) })
	m.running.Wait()
	return nil
}

// Predict asks a worker, by blocks of rows.
func (m *Model) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	if err := m.info.Check(in, out, m.numbers, m.texts); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(out) == 0 || out[0] == nil {
		return nil
	}
	width := m.info.Outputs[0].Width
	for from := 0; from < in.Rows; from += block {
		to := min(from+block, in.Rows)
		if err := m.ask(ctx, in, from, to, out[0][from*width:to*width]); err != nil {
			return err
		}
	}
	return nil
}

// ask has one worker answer rows.
func (m *Model) ask(ctx context.Context, in *model.Batch, from, to int, out []float64) error {
	size := 8 * (to - from) * m.numbers
	for _, s := range in.Texts[from*m.texts : to*m.texts] {
		size += len(s)
	}
	if size > maxRowBytes {
		return fmt.Errorf("%d rows have %d bytes: ask at most %d MiB at a time", to-from, size, maxRowBytes>>20)
	}
	w, err := m.take(ctx)
	if err != nil {
		return err
	}
	j := &job{rows: to - from, done: make(chan result, 1)}
	w.buffer, err = appendFrame(w.buffer[:0], request{ID: w.next(), Rows: j.rows}, func(b []byte) []byte { return appendRows(b, in, m.numbers, m.texts, from, to) })
	if err != nil {
		m.release(w)
		return err
	}
	select {
	case w.jobs <- j:
	case <-w.gone:
		return lost(w.why)
	case <-ctx.Done():
		m.release(w)
		return ctx.Err()
	}
	select {
	case r := <-j.done: // it comes before the worker is gone
		if r.err != nil {
			return r.err
		}
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(r.data[8*i:]))
			if m.info.Outputs[0].Kind == model.Probability && !probability(out[i]) {
				return fmt.Errorf("the model answers row %d with %v, which is no probability", from+i/m.info.Outputs[0].Width, out[i])
			}
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take gets a worker that is free, waiting in line.
func (m *Model) take(ctx context.Context) (*worker, error) {
	m.mutex.Lock()
	if n := len(m.idle); n > 0 {
		w := m.idle[n-1]
		m.idle = m.idle[:n-1]
		m.mutex.Unlock()
		return w, nil
	}
	if m.alive == 0 {
		defer m.mutex.Unlock()
		return nil, m.unavailable()
	}
	turn := make(chan *worker, 1)
	m.waiting = append(m.waiting, turn)
	m.mutex.Unlock()
	select {
	case w := <-turn:
		if w != nil {
			return w, nil
		}
		m.mutex.Lock()
		defer m.mutex.Unlock()
		return nil, m.unavailable()
	case <-ctx.Done():
		m.leave(turn)
		return nil, ctx.Err()
	}
}

// leave takes a request out of the line; a worker that it was given meanwhile is the next one's.
func (m *Model) leave(turn chan *worker) {
	m.mutex.Lock()
	m.waiting = slices.DeleteFunc(m.waiting, func(c chan *worker) bool { return c == turn })
	m.mutex.Unlock()
	select {
	case w := <-turn:
		if w != nil {
			m.release(w)
		}
	default:
	}
}

// release gives a worker to the next request in line, or puts it among the idle. One that has ended meanwhile is nobody's.
func (m *Model) release(w *worker) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if w.ended {
		return
	}
	if len(m.waiting) > 0 {
		m.waiting[0] <- w
		m.waiting = m.waiting[1:]
		return
	}
	m.idle = append(m.idle, w)
}

// began takes a worker in.
func (m *Model) began(w *worker) {
	m.mutex.Lock()
	m.alive++
	m.mutex.Unlock()
	m.release(w)
}

// over takes a worker out. Where it was the last, nobody waits on.
func (m *Model) over(w *worker, reason string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	w.ended, w.why = true, reason
	close(w.gone)
	m.idle = slices.DeleteFunc(m.idle, func(o *worker) bool { return o == w })
	m.alive--
	m.reason = reason
	if m.alive == 0 {
		for _, turn := range m.waiting {
			turn <- nil
		}
		m.waiting = nil
	}
}
