package stream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
)

// deadLetters keeps what could not be read as rows, a file of JSON lines for each source. A file that has grown to its limit becomes the
// older one, and that one goes: what goes is counted.
type deadLetters struct {
	dir   string
	clock func() int64

	mu      sync.Mutex
	files   map[string]*os.File
	sizes   map[string]int64
	lost    int64
	problem error // the last time that a letter could not be kept
}

const (
	letterLimit = 16 << 20 // bytes of one file; there are two of each source
	letterShown = 64 << 10 // bytes of the original that a letter keeps
)

// letter is a line of a file.
type letter struct {
	Time   string `json:"time"`
	Source string `json:"source"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason"`
	Event  string `json:"event,omitempty"`
	Raw    []byte `json:"event_base64,omitempty"` // where it is no text
	Length int    `json:"length,omitempty"`       // of an event that is longer than what is kept
}

func newDeadLetters(dir string, clock func() int64) *deadLetters {
	return &deadLetters{dir: dir, clock: clock, files: map[string]*os.File{}, sizes: map[string]int64{}}
}

// add keeps one. Where that fails, it is counted as lost, and the status says why.
func (d *deadLetters) add(source string, p Poison) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dir == "" {
		return
	}
	l := letter{Time: value.FormatTimestamp(d.clock()), Source: source, Line: p.Line, Reason: p.Reason}
	kept := p.Original
	if len(kept) > letterShown {
		kept, l.Length = kept[:letterShown], len(kept)
	}
	if utf8.Valid(kept) {
		l.Event = string(kept)
	} else {
		l.Raw = kept
	}
	b, err := json.Marshal(l)
	if err == nil {
		err = d.write(source, append(b, '\n'))
	}
	if err != nil {
		d.lost++
		d.problem = fmt.Errorf("dead letters of source %q: %w", source, err)
	}
}

func (d *deadLetters) path(source string) string { return filepath.Join(d.dir, source+".ndjson") }

func (d *deadLetters) write(source string, line []byte) error {
	f := d.files[source]
	if f != nil && d.sizes[source]+int64(len(line)) > letterLimit {
		if err := d.turn(source); err != nil {
			return err
		}
		f = nil
	}
	if f == nil {
		if err := os.MkdirAll(d.dir, 0o777); err != nil {
			return err
		}
		var err error
		if f, err = os.OpenFile(d.path(source), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666); err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return errors.Join(err, f.Close())
		}
		d.files[source], d.sizes[source] = f, info.Size()
	}
	n, err := f.Write(line)
	d.sizes[source] += int64(n)
	return err
}

// turn makes the file the older one, in whose place there may be one that goes.
func (d *deadLetters) turn(source string) error {
	old := d.path(source) + ".1"
	n, err := countLines(old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.files[source].Close(); err != nil {
		return err
	}
	delete(d.files, source)
	if err := os.Rename(d.path(source), old); err != nil {
		return err
	}
	d.lost += n
	return nil
}

func countLines(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, r, buf := int64(0), bufio.NewReader(f), make([]byte, 64<<10)
	for {
		k, err := r.Read(buf)
		n += int64(bytes.Count(buf[:k], []byte{'\n'}))
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// state is how many letters were let go or could not be kept, and why.
func (d *deadLetters) state() (lost int64, problem error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost, d.problem
}

func (d *deadLetters) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for name, f := range d.files {
		errs = append(errs, f.Close())
		delete(d.files, name)
	}
	return errors.Join(errs...)
}
