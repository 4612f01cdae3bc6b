package python

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

// mostBackoff is the longest that an ended worker is left.
const mostBackoff = 30 * time.Second

// steady is how long a worker must have run for its end to count as the first.
const steady = time.Minute

// supervise keeps one worker running until the model is closed. started gets nil at the first start, or why there was none, which ends it.
func (m *Model) supervise(started chan<- error) {
	runtime.LockOSThread() // Linux ends a child when the thread that made it ends, and this one then lives as long as the child
	first, backoff := true, m.options.Backoff
	for {
		began := time.Now()
		err := m.live(func() {
			if first {
				started <- nil
				first = false
			}
		})
		if first {
			started <- err
			return
		}
		if time.Since(began) > steady {
			backoff = m.options.Backoff
		}
		timer := time.NewTimer(backoff)
		select {
		case <-m.closed:
			timer.Stop()
			return
		case <-timer.C:
		}
		backoff = min(2*backoff, mostBackoff)
	}
}

// live is the life of one worker: it is started, loads the model, answers, and ends; nothing of it is left then. The error says why it ended.
func (m *Model) live(ready func()) error {
	select {
	case <-m.closed:
		return os.ErrClosed
	default:
	}
	w, err := m.command.begin()
	if err != nil {
		m.failed(err.Error())
		return err
	}
	ended := make(chan struct{})
	go func() {
		w.waited = w.cmd.Wait()
		_ = killGroup(w.cmd) // what it started and left
		w.to.Close()         // so that whoever writes hears of it
		// What it said last is read, and then the end, unless what it has started elsewhere holds the pipe.
		_ = w.from.SetReadDeadline(time.Now().Add(w.cmd.WaitDelay))
		close(ended)
	}()
	err = m.within(w, func() error { return w.hello(&m.command) })
	if err == nil {
		m.began(w)
		ready()
		err = m.serve(w, ended)
	}
	select {
	case <-ended:
	default:
		_ = killGroup(w.cmd)
		<-ended
	}
	w.from.Close()
	reason := w.ending(err)
	if w.ready {
		m.over(w, reason)
	} else {
		m.failed(reason)
	}
	if err := os.RemoveAll(w.scratch); err != nil {
		return err
	}
	return errors.New("its Python worker " + reason)
}

// failed notes why a worker did not start.
func (m *Model) failed(reason string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.reason = reason
}

// serve answers requests until the worker ends, or the model is closed.
func (m *Model) serve(w *worker, ended <-chan struct{}) error {
	for {
		select {
		case <-m.closed:
			return os.ErrClosed
		case <-ended:
			return nil // who took it meanwhile hears that it is gone
		case j := <-w.jobs:
			var data []byte
			err := m.within(w, func() (err error) {
				data, err = w.answer(j, m.info.Outputs[0].Width)
				return err
			})
			var said *refused
			if err != nil && !errors.As(err, &said) {
				_ = killGroup(w.cmd)
				<-ended
				j.done <- result{err: lost(w.ending(err))}
				return err
			}
			j.done <- result{data: data, err: err}
			m.release(w)
		}
	}
}

// within does something with a worker, which is killed when it takes too long or the model is closed.
func (m *Model) within(w *worker, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	timer := time.NewTimer(m.options.Timeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		_ = killGroup(w.cmd)
		_ = <-done // the pipes are closed when it is gone
		return fmt.Errorf("did not answer within %s and was killed", m.options.Timeout)
	case <-m.closed:
		_ = killGroup(w.cmd)
		_ = <-done
		return os.ErrClosed
	}
}
