package python

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/model"
)

// command is what a worker is started with.
type command struct {
	python string
	source string
	start  map[string]any
}

// worker is one process. It has one request at a time, of whoever took it.
type worker struct {
	cmd     *exec.Cmd
	to      *os.File // requests
	from    *os.File // answers
	prints  *tail
	scratch string
	ready   bool
	waited  error // how it ended, once it has

	jobs   chan *job
	buffer []byte // the request
	id     int64
	ended  bool // under the model's mutex
	gone   chan struct{}
	why    string // it is gone; from then on
}

// job is rows that a worker is asked; its bytes are in the worker's buffer.
type job struct {
	rows int
	done chan result // has room for the one result
}

type result struct {
	data []byte
	err  error
}

func (w *worker) next() int64 { w.id++; return w.id }

// tail keeps the end of what is written to it.
type tail struct {
	mutex sync.Mutex
	text  []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// last is the last line that was written.
func (t *tail) last() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	text := strings.TrimSpace(string(t.text))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// begin starts a process. Of what it prints the end is kept, for errors.
func (c *command) begin() (w *worker, err error) {
	w = &worker{prints: &tail{}, jobs: make(chan *job), gone: make(chan struct{})}
	if w.scratch, err = os.MkdirTemp("", "bighead-worker-*"); err != nil {
		return nil, err
	}
	theirs, err := w.pipes()
	if err == nil {
		w.cmd = exec.Command(c.python, "-s", "-X", "utf8", "-c", c.source)
		w.cmd.Dir, w.cmd.Env = w.scratch, environ(w.scratch)
		w.cmd.Stdout, w.cmd.Stderr = w.prints, w.prints // one writer: the same descriptor
		w.cmd.ExtraFiles = theirs
		w.cmd.WaitDelay = time.Second // for what it started and left with its output
		ownGroup(w.cmd)
		if err = w.cmd.Start(); err != nil {
			err = fmt.Errorf("start %s: %w", c.python, err)
		}
	}
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		return nil, errors.Join(err, w.clean())
	}
	return w, nil
}

// pipes makes the two that requests and answers go through, and gives the process's ends.
func (w *worker) pipes() (theirs []*os.File, err error) {
	in, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close(), to.Close())
	}
	w.to, w.from = to, from
	return []*os.File{in, out}, nil
}

// clean closes and removes what a process had.
func (w *worker) clean() error {
	if w.to != nil {
		w.to.Close()
		w.from.Close()
	}
	return os.RemoveAll(w.scratch)
}

// environ is ours without what would change which Python this is. There is one thread of arithmetic for each worker: requests are what is parallel.
func environ(scratch string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PYTHON") && !strings.HasPrefix(e, "TMPDIR=") {
			env = append(env, e)
		}
	}
	return append(env, "TMPDIR="+scratch, "PYTHONUNBUFFERED=1", "PYTHONNOUSERSITE=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1", "POLARS_MAX_THREADS=1")
}

// hello loads the model, and waits until that is done.
func (w *worker) hello(c *command) error {
	first, err := appendFrame(nil, c.start, nil)
	if err != nil {
		return err
	}
	if _, err := w.to.Write(first); err != nil {
		return err
	}
	a, _, err := readFrame(w.from, func(*answer) (int, error) { return 0, nil })
	switch {
	case err != nil:
		return err
	case a.Error != "":
		return errors.New(a.Error)
	case !a.Ready:
		return errGarbage
	}
	w.ready = true
	return nil
}

// refused is what the model itself said to a request: the worker is well.
type refused struct{ said string }

func (e *refused) Error() string { return "the model " + e.said }

// answer has the process answer one request. An error that is no *refused is the worker's end.
func (w *worker) answer(j *job, width int) ([]byte, error) {
	if _, err := w.to.Write(w.buffer); err != nil {
		return nil, err
	}
	a, data, err := readFrame(w.from, func(a *answer) (int, error) {
		switch {
		case a.ID != w.id:
			return 0, errGarbage
		case a.Error != "":
			return 0, nil
		case len(a.Shape) != 2 || a.Shape[0] < 0 || a.Shape[1] < 0 || a.Shape[1] > maxWidth || a.Shape[0] > maxRowBytes/8/max(1, a.Shape[1]):
			return 0, errGarbage
		}
		return 8 * a.Shape[0] * a.Shape[1], nil
	})
	switch {
	case err != nil:
		return nil, err
	case a.Error != "":
		return nil, &refused{"raised " + a.Error}
	case a.Shape[0] != j.rows || a.Shape[1] != width:
		return nil, &refused{fmt.Sprintf("answered %d rows of %d numbers, where %d of %d were asked for", a.Shape[0], a.Shape[1], j.rows, width)}
	}
	return data, nil
}

// ending says in words how a process ended, err being what was met in talking to it.
func (w *worker) ending(err error) string {
	text := "ended"
	if w.waited != nil {
		text = "ended with " + w.waited.Error()
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, os.ErrClosed) &&
		!errors.Is(err, os.ErrDeadlineExceeded) && !isBrokenPipe(err) {
		text = err.Error()
	}
	if last := w.prints.last(); last != "" {
		text += "; the last that it printed: " + last
	}
	return text
}

// lost is what a request gets whose worker ended under it.
func lost(reason string) error {
	return fmt.Errorf("%w: its Python worker %s", model.ErrUnavailable, reason)
}
